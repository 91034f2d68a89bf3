//! Every error of the room. Codes are the model's; texts are those that clients and other implementations
//! of the API know.

use names::AccountId;
use schema::ApiError;
use service::TagFault;
use store::Fault;

/// What can be wrong.
#[derive(Debug)]
pub enum ApiGatewayError {
    /// No such API.
    ApiNotFound(AccountId, String),
    /// The API has no such part: what it would be, and its id.
    PartNotFound(&'static str, String),
    /// No resource of such an ARN.
    ResourceNotFound,
    /// It is there already, or still needed: the whole message.
    Conflict(String),
    /// A parameter is against the rules: the whole message.
    BadRequest(String),
    /// The store.
    Store(Fault),
}

impl ApiGatewayError {
    /// A parameter is against the rules.
    pub fn bad(message: impl Into<String>) -> Self {
        ApiGatewayError::BadRequest(message.into())
    }

    /// What is asked for is AWS's and not here yet.
    pub fn unavailable(what: &str) -> Self {
        ApiGatewayError::BadRequest(format!("{what} not available in this region yet."))
    }

    /// No more parts of this kind.
    pub fn too_many(kind: &str) -> Self {
        ApiGatewayError::BadRequest(format!("Maximum number of {kind} for this API has been reached."))
    }
}

impl From<Fault> for ApiGatewayError {
    fn from(fault: Fault) -> Self {
        ApiGatewayError::Store(fault)
    }
}

impl From<TagFault> for ApiGatewayError {
    fn from(fault: TagFault) -> Self {
        ApiGatewayError::BadRequest(match fault {
            TagFault::TooMany { limit } => format!("A resource can have at most {limit} tags."),
            TagFault::Key(_) => "Tag keys must be between 1 and 128 characters in length.".to_owned(),
            TagFault::Value { .. } => "Tag values must be at most 256 characters in length.".to_owned(),
            TagFault::Reserved(_) => "Tag keys cannot start with aws:".to_owned(),
            TagFault::Duplicate(key) => format!("Duplicate tag key {key}."),
        })
    }
}

impl From<ApiGatewayError> for ApiError {
    fn from(error: ApiGatewayError) -> Self {
        let absent = |message: String| ApiError::new("NotFoundException", 404, message);
        match error {
            ApiGatewayError::ApiNotFound(account, id) => {
                absent(format!("Invalid API identifier specified {account}:{id}"))
            }
            ApiGatewayError::PartNotFound(kind, id) => {
                absent(format!("Invalid {kind} identifier specified {id}"))
            }
            ApiGatewayError::ResourceNotFound => absent("Invalid resource identifier specified".to_owned()),
            ApiGatewayError::Conflict(message) => ApiError::new("ConflictException", 409, message),
            ApiGatewayError::BadRequest(message) => ApiError::new("BadRequestException", 400, message),
            ApiGatewayError::Store(fault) if fault.is_retriable() => {
                ApiError::new("ServiceUnavailableException", 503, "Service Unavailable")
            }
            ApiGatewayError::Store(fault) => {
                ApiError::new("InternalFailure", 500, format!("An internal error occurred: {fault}"))
            }
        }
    }
}

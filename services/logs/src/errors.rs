//! Every error of the room. Codes are the model's; texts are those that public clients and their issue
//! trackers quote from CloudWatch Logs.

use schema::ApiError;
use service::TagFault;
use store::Fault;

/// What can be wrong.
#[derive(Debug)]
pub enum LogsError {
    /// No such group.
    GroupNotFound,
    /// No such stream in the group.
    StreamNotFound,
    /// The name is taken in this region.
    GroupExists,
    /// The name is taken in this group.
    StreamExists,
    /// A parameter is against the rules: the whole message.
    InvalidParameter(String),
    /// No such metric filter in the group.
    MetricFilterNotFound,
    /// No such subscription of the group.
    SubscriptionNotFound,
    /// No such policy: its name.
    PolicyNotFound(String),
    /// More of something than there may be.
    LimitExceeded,
    /// It may not be done: the whole message.
    Denied(&'static str),
    /// Work failed that should not have.
    Internal,
    /// More tags than a resource may have.
    TooManyTags(usize),
    /// The store.
    Store(Fault),
}

impl LogsError {
    /// A parameter is against the rules.
    pub fn invalid(message: impl Into<String>) -> Self {
        LogsError::InvalidParameter(message.into())
    }
}

impl From<Fault> for LogsError {
    fn from(fault: Fault) -> Self {
        LogsError::Store(fault)
    }
}

impl From<TagFault> for LogsError {
    fn from(fault: TagFault) -> Self {
        LogsError::InvalidParameter(match fault {
            TagFault::TooMany { limit } => return LogsError::TooManyTags(limit),
            TagFault::Key(_) => "Tag keys must be between 1 and 128 characters in length.".to_owned(),
            TagFault::Value { .. } => "Tag values must be at most 256 characters in length.".to_owned(),
            TagFault::Reserved(_) => {
                "aws: prefixed tag key names are not allowed for external use.".to_owned()
            }
            TagFault::Duplicate(key) => format!("Duplicate tag key {key}."),
        })
    }
}

impl From<LogsError> for ApiError {
    fn from(error: LogsError) -> Self {
        let absent = |message: &str| ApiError::new("ResourceNotFoundException", 400, message);
        let taken = |message: &str| ApiError::new("ResourceAlreadyExistsException", 400, message);
        match error {
            LogsError::GroupNotFound => absent("The specified log group does not exist."),
            LogsError::StreamNotFound => absent("The specified log stream does not exist."),
            LogsError::MetricFilterNotFound => absent("The specified metric filter does not exist."),
            LogsError::SubscriptionNotFound => absent("The specified subscription filter does not exist."),
            LogsError::PolicyNotFound(name) => absent(&format!("Policy with name [{name}] does not exist.")),
            LogsError::LimitExceeded => {
                ApiError::new("LimitExceededException", 400, "Resource limit exceeded.")
            }
            LogsError::Denied(message) => ApiError::new("AccessDeniedException", 400, message),
            LogsError::Internal => ApiError::new("InternalFailure", 500, "An internal error occurred."),
            LogsError::GroupExists => taken("The specified log group already exists"),
            LogsError::StreamExists => taken("The specified log stream already exists"),
            LogsError::InvalidParameter(message) => ApiError::new("InvalidParameterException", 400, message),
            LogsError::TooManyTags(limit) => ApiError::new(
                "TooManyTagsException",
                400,
                format!("A resource can have at most {limit} tags."),
            ),
            LogsError::Store(fault) if fault.is_retriable() => {
                ApiError::new("ServiceUnavailableException", 500, "The service cannot complete the request.")
            }
            LogsError::Store(fault) => {
                ApiError::new("InternalFailure", 500, format!("An internal error occurred: {fault}"))
            }
        }
    }
}

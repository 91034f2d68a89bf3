//! Every error of the room. Codes and statuses are those of the SNS model; texts those of the API reference
//! and of answers that public clients and suites recorded.

use schema::ApiError;
use store::Fault;

/// Why an operation of this room fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnsError {
    /// A member that has to be there is not, which is found out only after what stands before it was looked at.
    Absent(&'static str),
    /// A parameter is none: what stands behind `Invalid parameter: `.
    Invalid(String),
    /// A parameter is none, in words of its own.
    InvalidPlain(String),
    /// The value of a message attribute is none.
    InvalidValue(String),
    /// There is no such resource: `Topic`, `Subscription`, `Endpoint`.
    NotFound(&'static str),
    /// There is no such resource to be tagged.
    ResourceNotFound,
    /// More tags than there may be.
    TooManyTags,
    /// The caller may not do that to what belongs to another account.
    NotAuthorized(String),
    /// A batch without entries.
    EmptyBatch,
    /// More than ten entries.
    TooManyEntries,
    /// Two entries of one id.
    IdsNotDistinct,
    /// An id of other characters, or too long: what stands behind `The Id of a batch entry in the batch request `.
    InvalidBatchEntryId(String),
    /// All messages together are too large.
    BatchTooLong,
    /// The filter policy is wider than one may be.
    FilterPolicyLimit(String),
    /// The endpoint takes no messages.
    EndpointDisabled,
    /// The application takes no messages.
    ApplicationDisabled,
    /// The phone wants no messages.
    OptedOut(String),
    /// The password is not the one that was sent.
    Verification(String),
    /// The user cannot do that now.
    User(String),
    /// The topic is in a state that forbids it.
    InvalidState(String),
    /// What should have worked has not.
    Internal(String),
    /// The store.
    Store(Fault),
}

impl SnsError {
    /// `Invalid parameter: …`
    pub fn invalid(what: impl Into<String>) -> Self {
        SnsError::Invalid(what.into())
    }
}

impl From<Fault> for SnsError {
    fn from(fault: Fault) -> Self {
        SnsError::Store(fault)
    }
}

fn of_store(fault: &Fault) -> ApiError {
    if fault.is_retriable() {
        ApiError::new("ServiceUnavailable", 503, "Service Unavailable")
    } else {
        ApiError::new("InternalErrorException", 500, format!("An internal error occurred: {fault}"))
    }
}

impl From<SnsError> for ApiError {
    fn from(error: SnsError) -> ApiError {
        let bad = |code: &'static str, message: &str| ApiError::new(code, 400, message);
        match error {
            SnsError::Invalid(what) => {
                bad("InvalidParameterException", &format!("Invalid parameter: {what}"))
            }
            SnsError::InvalidPlain(message) => bad("InvalidParameterException", &message),
            SnsError::InvalidValue(message) => bad("InvalidParameterValueException", &message),
            SnsError::NotFound(kind) => {
                ApiError::new("NotFoundException", 404, format!("{kind} does not exist"))
            }
            SnsError::ResourceNotFound => {
                ApiError::new("ResourceNotFoundException", 404, "Resource does not exist")
            }
            SnsError::TooManyTags => bad(
                "TagLimitExceededException",
                "Could not complete request: tag quota of per resource exceeded",
            ),
            SnsError::NotAuthorized(message) => ApiError::new("AuthorizationErrorException", 403, message),
            SnsError::Absent(member) => bad(
                "ValidationError",
                &format!(
                    "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must \
                     not be null"
                ),
            ),
            SnsError::EmptyBatch => {
                bad("EmptyBatchRequestException", "The batch request doesn't contain any entries.")
            }
            SnsError::TooManyEntries => bad(
                "TooManyEntriesInBatchRequestException",
                "The batch request contains more entries than permissible.",
            ),
            SnsError::IdsNotDistinct => bad(
                "BatchEntryIdsNotDistinctException",
                "Two or more batch entries in the request have the same Id.",
            ),
            SnsError::InvalidBatchEntryId(what) => bad(
                "InvalidBatchEntryIdException",
                &format!("The Id of a batch entry in the batch request {what}"),
            ),
            SnsError::BatchTooLong => bad(
                "BatchRequestTooLongException",
                "The length of all the messages put together is more than the limit.",
            ),
            SnsError::FilterPolicyLimit(message) => {
                ApiError::new("FilterPolicyLimitExceededException", 403, message)
            }
            SnsError::EndpointDisabled => bad("EndpointDisabledException", "Endpoint is disabled"),
            SnsError::ApplicationDisabled => {
                bad("PlatformApplicationDisabledException", "Platform application is disabled")
            }
            SnsError::OptedOut(message) => bad("OptedOutException", &message),
            SnsError::Verification(message) => bad("VerificationException", &message),
            SnsError::User(message) => bad("UserErrorException", &message),
            SnsError::InvalidState(message) => bad("InvalidStateException", &message),
            SnsError::Internal(message) => ApiError::new("InternalErrorException", 500, message),
            SnsError::Store(fault) => of_store(&fault),
        }
    }
}

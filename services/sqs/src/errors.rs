//! Every error of the room. Codes, statuses and texts are those of the SQS API reference and of answers that
//! public clients parse.

use schema::ApiError;
use store::Fault;

/// What can be wrong.
#[derive(Debug)]
pub enum SqsError {
    /// No such queue.
    QueueDoesNotExist,
    /// It exists with another value of this attribute.
    QueueNameExists(String),
    /// The name is none.
    InvalidName,
    /// A FIFO queue's name lacks its suffix, or another's has it.
    InvalidFifoName,
    /// There is no such attribute.
    UnknownAttribute(String),
    /// The attribute cannot be given here: the whole message.
    InvalidAttributeName(String),
    /// The message is longer than its queue takes, in bytes.
    MessageTooLong(usize),
    /// The value is none of the attribute.
    InvalidAttributeValue(String, String),
    /// The value is none of the parameter: the whole message.
    InvalidParameterValue(String),
    /// A parameter that the queue needs is absent.
    MissingParameter(String),
    /// The receipt handle is none.
    ReceiptHandleIsInvalid(String),
    /// The message is not in flight.
    MessageNotInflight,
    /// Characters that no message may hold.
    InvalidMessageContents,
    /// No entry, of this kind.
    EmptyBatchRequest(&'static str),
    /// More than ten entries.
    TooManyEntries(usize),
    /// Two entries of one id.
    IdsNotDistinct(String),
    /// An id of other characters, or too long.
    InvalidBatchEntryId,
    /// All messages together are too large.
    BatchRequestTooLong(usize),
    /// More than there may be: what was found, and how many may be.
    OverLimit(String),
    /// The queue cannot do that.
    UnsupportedOperation(String),
    /// Tags against the rules.
    Tags(String),
    /// The page token is not one of this request.
    InvalidToken,
    /// There is no such queue or task, for message move tasks.
    ResourceNotFound(String),
    /// A queue of this name was deleted too short a while ago.
    QueueDeletedRecently,
    /// The queue was purged too short a while ago.
    PurgeQueueInProgress(String),
    /// The page is not for strangers.
    Forbidden,
    /// The store.
    Store(Fault),
}

impl From<Fault> for SqsError {
    fn from(fault: Fault) -> Self {
        SqsError::Store(fault)
    }
}

fn of_store(fault: &Fault) -> ApiError {
    if fault.is_retriable() {
        ApiError::new("ServiceUnavailable", 503, "Service Unavailable")
    } else {
        ApiError::new("InternalFailure", 500, format!("An internal error occurred: {fault}"))
    }
}

/// What a text may hold.
pub const CONTENTS: &str = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to \
     #xFFFD | #x10000 to #x10FFFF";

/// What is wrong with a batch.
fn of_batch(error: SqsError) -> ApiError {
    let bad = |code: &'static str, message: String| ApiError::new(code, 400, message);
    match error {
        SqsError::EmptyBatchRequest(entry) => {
            bad("EmptyBatchRequest", format!("There should be at least one {entry} in the request."))
        }
        SqsError::TooManyEntries(count) => bad(
            "TooManyEntriesInBatchRequest",
            format!("Maximum number of entries per request are 10. You have sent {count}."),
        ),
        SqsError::IdsNotDistinct(id) => bad("BatchEntryIdsNotDistinct", format!("Id {id} repeated.")),
        SqsError::InvalidBatchEntryId => bad(
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be \
             at most 80 letters long."
                .to_owned(),
        ),
        SqsError::BatchRequestTooLong(bytes) => bad(
            "BatchRequestTooLong",
            format!(
                "Batch requests cannot be longer than {} bytes. You have sent {bytes} bytes.",
                crate::rules::MAX_MESSAGE_BYTES
            ),
        ),
        error => ApiError::new("InternalFailure", 500, format!("{error:?} is no fault of a batch")),
    }
}

impl From<SqsError> for ApiError {
    fn from(error: SqsError) -> Self {
        let bad = |code: &'static str, message: String| ApiError::new(code, 400, message);
        match error {
            SqsError::QueueDoesNotExist => {
                bad("QueueDoesNotExist", "The specified queue does not exist.".to_owned())
            }
            SqsError::QueueNameExists(attribute) => bad(
                "QueueNameExists",
                format!(
                    "A queue already exists with the same name and a different value for attribute {attribute}"
                ),
            ),
            SqsError::InvalidName => bad(
                "InvalidParameterValue",
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length".to_owned(),
            ),
            SqsError::InvalidFifoName => bad(
                "InvalidParameterValue",
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, \
                 must end with .fifo suffix and be 1 to 80 in length."
                    .to_owned(),
            ),
            SqsError::UnknownAttribute(name) => bad("InvalidAttributeName", format!("Unknown Attribute {name}.")),
            SqsError::InvalidAttributeName(message) => bad("InvalidAttributeName", message),
            SqsError::MessageTooLong(limit) => bad(
                "InvalidParameterValue",
                format!(
                    "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
                ),
            ),
            SqsError::InvalidAttributeValue(name, why) => {
                let why = if why.is_empty() { String::new() } else { format!(" Reason: {why}") };
                bad("InvalidAttributeValue", format!("Invalid value for the parameter {name}.{why}"))
            }
            SqsError::InvalidParameterValue(message) => bad("InvalidParameterValue", message),
            SqsError::MissingParameter(name) => {
                bad("MissingParameter", format!("The request must contain the parameter {name}."))
            }
            SqsError::ReceiptHandleIsInvalid(handle) => ApiError::new(
                "ReceiptHandleIsInvalid",
                404,
                format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
            ),
            SqsError::MessageNotInflight => {
                bad("MessageNotInflight", "The message referred to isn't in flight.".to_owned())
            }
            SqsError::InvalidMessageContents => bad("InvalidMessageContents", CONTENTS.to_owned()),
            batch @ (SqsError::EmptyBatchRequest(_)
            | SqsError::TooManyEntries(_)
            | SqsError::IdsNotDistinct(_)
            | SqsError::InvalidBatchEntryId
            | SqsError::BatchRequestTooLong(_)) => of_batch(batch),
            SqsError::OverLimit(message) => ApiError::new("OverLimit", 403, message),
            SqsError::UnsupportedOperation(message) => bad("UnsupportedOperation", message),
            SqsError::Tags(message) => bad("InvalidParameterValue", message),
            SqsError::InvalidToken => bad("InvalidParameterValue", "Invalid or expired next token.".to_owned()),
            SqsError::ResourceNotFound(message) => ApiError::new("ResourceNotFoundException", 404, message),
            SqsError::QueueDeletedRecently => bad(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another with the same name."
                    .to_owned(),
            ),
            SqsError::PurgeQueueInProgress(name) => ApiError::new(
                "PurgeQueueInProgress",
                403,
                format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds."),
            ),
            SqsError::Forbidden => ApiError::new("AccessDenied", 403, "Forbidden"),
            SqsError::Store(fault) => of_store(&fault),
        }
    }
}

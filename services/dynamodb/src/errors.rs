//! Every error of the room, with AWS's codes, statuses and texts.

use crate::rules::value::Item;
use model_dynamodb as model;
use names::Timestamp;
use schema::ApiError;
use store::{Fault, Reason};

/// What an insert of an item that is there is told.
pub const DUPLICATE: &str = "Duplicate primary key exists in table";

/// What a write is told that would make a partition too large.
pub const COLLECTION_TOO_LARGE: &str = "Collection size exceeded.";

/// Why an operation is refused.
#[derive(Debug)]
pub enum DynamoError {
    /// What was asked is wrong: the message.
    Validation(String),
    /// The table of an item operation does not exist.
    NoTable,
    /// The table of a table operation does not exist.
    NoSuchTable(String),
    /// The table of an operation on backups does not exist.
    TableNotFound(String),
    /// The resource of an ARN does not exist.
    NoSuchResource(String),
    /// A resource does not exist: the message.
    NoResource(String),
    /// A shard iterator is past its time: when it was made.
    IteratorExpired(Timestamp),
    /// A change was named whose day is over.
    Trimmed,
    /// A table of that name exists already, which a restore would make.
    TargetExists(String),
    /// There is no such backup: its ARN.
    BackupNotFound(String),
    /// The backup is being made: its ARN.
    BackupInUse(String),
    /// The table keeps no changes: its name.
    RecoveryUnavailable(String),
    /// The table was not as it is to be restored at that moment: the message.
    InvalidRestoreTime(String),
    /// The same for an export.
    InvalidExportTime(String),
    /// There is no such export: its ARN.
    ExportNotFound(String),
    /// There is no such import: its ARN.
    ImportNotFound(String),
    /// Something of a global table of the version 2017: the code and message.
    Global(&'static str, String),
    /// A client token was used for another one: `Export` or `Import`.
    Conflict(&'static str),
    /// More is used than is provisioned: the message.
    Throttled(&'static str),
    /// A partition would hold more than it may, in a table with local indexes.
    CollectionTooLarge,
    /// The resource has no such policy: what was asked of which.
    NoPolicy(String),
    /// A resource is named that nobody may be allowed to use.
    Denied {
        /// The caller.
        who: String,
        /// The action.
        action: &'static str,
        /// The resource.
        resource: String,
    },
    /// An item is there already that a statement inserts.
    Duplicate,
    /// A table of that name exists.
    TableExists(String),
    /// The table or index is being changed: the message.
    InUse(String),
    /// A limit of the account or table: the message.
    Limit(String),
    /// The condition does not hold of the item, which is answered where it was asked for.
    ConditionFailed(Option<Item>),
    /// A transaction was cancelled: why, item by item.
    Cancelled(Vec<Reasoned>),
    /// A client token was used for another request.
    TokenMismatch,
    /// Something is asked for that this room does not do.
    NotServed(&'static str),
    /// The table changed since it was looked up; the operation begins again.
    Stale,
    /// A stored row cannot be read.
    Corrupt(&'static str),
    /// The store's.
    Fault(Fault),
}

/// Why one item of a transaction was not written.
#[derive(Debug, Clone, Default)]
pub struct Reasoned {
    /// The code and message; `None` where this item was not the cause.
    pub cause: Option<(&'static str, String)>,
    /// The item that is there, where it was asked for.
    pub item: Option<Item>,
}

impl DynamoError {
    /// A refused parameter.
    pub fn invalid(message: impl Into<String>) -> Self {
        DynamoError::Validation(message.into())
    }

    /// A refused parameter, under the heading that AWS gives to values.
    pub fn invalid_value(message: impl std::fmt::Display) -> Self {
        DynamoError::Validation(format!("One or more parameter values were invalid: {message}"))
    }
}

impl From<Fault> for DynamoError {
    fn from(fault: Fault) -> Self {
        DynamoError::Fault(fault)
    }
}

impl From<String> for DynamoError {
    fn from(message: String) -> Self {
        DynamoError::Validation(message)
    }
}

fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new("ResourceNotFoundException", 400, message)
}

impl From<DynamoError> for ApiError {
    fn from(error: DynamoError) -> Self {
        match error {
            DynamoError::Validation(message) => ApiError::new("ValidationException", 400, message),
            DynamoError::NoTable => not_found("Requested resource not found"),
            DynamoError::NoSuchTable(name) => {
                not_found(format!("Requested resource not found: Table: {name} not found"))
            }
            DynamoError::TableNotFound(name) => {
                ApiError::new("TableNotFoundException", 400, format!("Table not found: {name}"))
            }
            DynamoError::NoSuchResource(arn) => {
                not_found(format!("Requested resource not found: ResourcArn: {arn} not found"))
            }
            error @ (DynamoError::CollectionTooLarge
            | DynamoError::Throttled(_)
            | DynamoError::IteratorExpired(_)
            | DynamoError::Trimmed) => of_limits(error),
            DynamoError::Global(code, message) => ApiError::new(code, 400, message),
            DynamoError::NoResource(message) => not_found(message),
            error @ (DynamoError::TargetExists(_)
            | DynamoError::BackupNotFound(_)
            | DynamoError::BackupInUse(_)
            | DynamoError::RecoveryUnavailable(_)
            | DynamoError::InvalidRestoreTime(_)
            | DynamoError::InvalidExportTime(_)
            | DynamoError::ExportNotFound(_)
            | DynamoError::ImportNotFound(_)
            | DynamoError::Conflict(_)) => of_recovery(error),
            DynamoError::NoPolicy(why) => ApiError::new(
                "PolicyNotFoundException",
                400,
                format!("Resource-based policy not found for the provided ResourceArn: {why}"),
            ),
            DynamoError::Denied { who, action, resource } => ApiError::new(
                "AccessDeniedException",
                400,
                format!("User: {who} is not authorized to perform: {action} on resource: {resource}"),
            ),
            DynamoError::Duplicate => ApiError::new("DuplicateItemException", 400, DUPLICATE),
            DynamoError::TableExists(name) => {
                ApiError::new("ResourceInUseException", 400, format!("Table already exists: {name}"))
            }
            DynamoError::InUse(message) => ApiError::new("ResourceInUseException", 400, message),
            DynamoError::Limit(message) => ApiError::new("LimitExceededException", 400, message),
            DynamoError::ConditionFailed(item) => condition_failed(item),
            DynamoError::Cancelled(reasons) => cancelled(reasons),
            DynamoError::TokenMismatch => ApiError::new(
                "IdempotentParameterMismatchException",
                400,
                "The request uses the same client token as a previous, but non-identical request. Do not \
                 reuse a client token with different requests, unless the requests are identical",
            ),
            DynamoError::NotServed(what) => {
                ApiError::new("NotImplemented", 501, format!("{what} is not served yet"))
            }
            DynamoError::Stale => transaction_conflict(),
            DynamoError::Corrupt(why) => ApiError::new("InternalServerError", 500, why),
            DynamoError::Fault(fault) => of_store(&fault),
        }
    }
}

/// The errors of what is too much, and of what was too long ago.
fn of_limits(error: DynamoError) -> ApiError {
    let (code, message) = match error {
        DynamoError::CollectionTooLarge => {
            ("ItemCollectionSizeLimitExceededException", COLLECTION_TOO_LARGE.to_owned())
        }
        DynamoError::Throttled(message) => ("ProvisionedThroughputExceededException", message.to_owned()),
        DynamoError::IteratorExpired(made) => (
            "ExpiredIteratorException",
            format!("Iterator expired. The iterator was created at time {}", made.iso8601()),
        ),
        DynamoError::Trimmed => {
            ("TrimmedDataAccessException", "The data you are trying to access has been trimmed".to_owned())
        }
        other => return ApiError::new("InternalServerError", 500, format!("{other:?}")),
    };
    ApiError::new(code, 400, message)
}

/// The errors of backups, restores, exports and imports.
fn of_recovery(error: DynamoError) -> ApiError {
    let (code, message) = match error {
        DynamoError::TargetExists(name) => {
            ("TableAlreadyExistsException", format!("Table already exists: {name}"))
        }
        DynamoError::BackupNotFound(arn) => ("BackupNotFoundException", format!("Backup not found: {arn}")),
        DynamoError::BackupInUse(arn) => ("BackupInUseException", format!("Backup is in use: {arn}")),
        DynamoError::RecoveryUnavailable(name) => (
            "PointInTimeRecoveryUnavailableException",
            format!("Point in time recovery is not enabled for table '{name}'"),
        ),
        DynamoError::InvalidRestoreTime(message) => ("InvalidRestoreTimeException", message),
        DynamoError::InvalidExportTime(message) => ("InvalidExportTimeException", message),
        DynamoError::ExportNotFound(arn) => {
            ("ExportNotFoundException", format!("Export not found: Export not found: {arn}"))
        }
        DynamoError::ImportNotFound(arn) => {
            ("ImportNotFoundException", format!("Import not found: Import not found: {arn}"))
        }
        DynamoError::Conflict(what) => (
            if what == "Export" { "ExportConflictException" } else { "ImportConflictException" },
            format!("{what} conflict: Duplicate request detected with conflicting parameters"),
        ),
        other => return ApiError::new("InternalServerError", 500, format!("{other:?}")),
    };
    ApiError::new(code, 400, message)
}

fn condition_failed(item: Option<Item>) -> ApiError {
    let message = "The conditional request failed";
    let detail = model::ConditionalCheckFailedException { message: Some(message.to_owned()), item };
    ApiError::new("ConditionalCheckFailedException", 400, message).with(detail)
}

fn cancelled(reasons: Vec<Reasoned>) -> ApiError {
    let codes: Vec<&str> =
        reasons.iter().map(|reason| reason.cause.as_ref().map_or("None", |(code, _)| code)).collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let reasons = reasons.into_iter().map(|reason| {
        let (code, message) = reason.cause.map_or(("None", None), |(code, message)| (code, Some(message)));
        model::CancellationReason { item: reason.item, code: Some(code.to_owned()), message }
    });
    let detail = model::TransactionCanceledException {
        message: Some(message.clone()),
        cancellation_reasons: Some(reasons.collect()),
    };
    ApiError::new("TransactionCanceledException", 400, message).with(detail)
}

fn transaction_conflict() -> ApiError {
    ApiError::new("TransactionConflictException", 400, "Transaction is ongoing for the item")
}

fn of_store(fault: &Fault) -> ApiError {
    match fault {
        Fault::Missing | Fault::Contended => transaction_conflict(),
        Fault::Unavailable(Reason::Overloaded) => ApiError::new(
            "ThrottlingException",
            400,
            "Throughput exceeds the current capacity of the region. Try again later.",
        ),
        Fault::Unavailable(_) => ApiError::new("ServiceUnavailable", 503, fault.to_string()),
        Fault::TooLarge { .. } => ApiError::new("ValidationException", 400, fault.to_string()),
        Fault::Corrupt { .. } | Fault::Panicked => {
            ApiError::new("InternalServerError", 500, fault.to_string())
        }
    }
}

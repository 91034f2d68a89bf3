//! Every error of the room. Codes, statuses and texts are those of the Lambda API reference and of answers
//! that public clients parse.

use model_lambda as model;
use schema::ApiError;
use store::Fault;

/// What can be wrong.
#[derive(Debug)]
pub enum LambdaError {
    /// No such function, version or alias: the ARN it would have.
    FunctionNotFound(String),
    /// No such alias: the ARN it would have.
    AliasNotFound(String),
    /// No such resource: the whole message.
    NotFound(String),
    /// There is one already: the whole message.
    Conflict(String),
    /// The value is none of the parameter: the whole message.
    InvalidParameter(String),
    /// As [`LambdaError::InvalidParameter`], where Lambda does not say whose fault it is.
    Untyped(String),
    /// A value breaks a constraint: the whole message.
    Validation(String),
    /// Another account's function, which nobody here may see.
    Denied,
    /// The revision is not the current one: the operation that tells the current one.
    StaleRevision(&'static str),
    /// The event is no JSON: where.
    InvalidJson(String),
    /// The payload of an invocation is too large.
    PayloadTooLarge {
        /// Its bytes.
        bytes: usize,
        /// The invocation type.
        kind: &'static str,
        /// The bytes it may have.
        limit: usize,
    },
    /// All code together is above the account's limit.
    CodeStorageExceeded,
    /// The policy would be too long.
    PolicyTooLong,
    /// The code has no signature, and its function wants one.
    CodeNotVerified,
    /// Nothing is kept ready by this qualifier: the whole message.
    NoProvisionedConcurrency(String),
    /// No configuration of code signing of this ARN, which a function is to have.
    CodeSigningConfigNotFound(String),
    /// No configuration of code signing of this ARN, which is asked for itself.
    NoSigningConfig(String),
    /// The limit of concurrent invocations that was reached.
    Throttled(Limit),
    /// An execution of this name began with something else: its ARN.
    AlreadyStarted(String),
    /// The callback has ended, or its execution has.
    CallbackClosed,
    /// The invocation is part of a loop.
    Recursion,
    /// The execution role cannot be assumed: its ARN.
    RoleNotAssumable,
    /// The function cannot run here: why.
    CannotRun(String),
    /// A custom runtime cannot be started: why.
    BadEntrypoint(String),
    /// Another room's error, such as S3's for a package.
    Other(ApiError),
    /// The store.
    Store(Fault),
}

/// Limits of concurrent invocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The account's.
    Account,
    /// The function's own.
    Reserved,
}

impl From<Fault> for LambdaError {
    fn from(fault: Fault) -> Self {
        LambdaError::Store(fault)
    }
}

impl LambdaError {
    /// A refusal of a parameter.
    pub fn invalid(message: impl Into<String>) -> Self {
        LambdaError::InvalidParameter(message.into())
    }

    /// Whether the same invocation may succeed when it is tried again: all but what is wrong with it or its
    /// function.
    pub fn is_transient(&self) -> bool {
        match self {
            LambdaError::Throttled(_) | LambdaError::CannotRun(_) | LambdaError::RoleNotAssumable => true,
            LambdaError::Store(fault) => fault.is_retriable(),
            LambdaError::Other(error) => error.status >= 500,
            _ => false,
        }
    }
}

fn user() -> Option<String> {
    Some("User".to_owned())
}

fn throttled(limit: Limit) -> ApiError {
    let reason = match limit {
        Limit::Account => model::ThrottleReason::ConcurrentInvocationLimitExceeded,
        Limit::Reserved => model::ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded,
    };
    ApiError::new("TooManyRequestsException", 429, "Rate Exceeded.").with(model::TooManyRequestsException {
        type_: user(),
        reason: Some(reason),
        ..Default::default()
    })
}

fn too_large(bytes: usize, kind: &str, limit: usize) -> ApiError {
    ApiError::new(
        "RequestTooLargeException",
        413,
        format!("{bytes} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"),
    )
    .with(model::RequestTooLargeException { type_: user(), message: None })
}

fn recursion() -> ApiError {
    let message = "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped \
                   your function's invocation.";
    ApiError::new("RecursiveInvocationException", 400, message)
        .with(model::RecursiveInvocationException { type_: user(), message: None })
}

fn already_started(arn: &str) -> ApiError {
    ApiError::new("DurableExecutionAlreadyStartedException", 409, format!("Execution already started: {arn}"))
        .with(model::DurableExecutionAlreadyStartedException { type_: user(), message: None })
}

fn callback_closed() -> ApiError {
    let message = "The callback is either timed out or already completed";
    ApiError::new("CallbackTimeoutException", 400, message)
        .with(model::CallbackTimeoutException { type_: user(), message: None })
}

fn of_store(fault: &Fault) -> ApiError {
    if fault.is_retriable() {
        ApiError::new("ServiceUnavailable", 503, "Service Unavailable")
    } else {
        service(&format!("An internal error occurred: {fault}"))
    }
}

fn service(message: &str) -> ApiError {
    ApiError::new("ServiceException", 500, message)
        .with(model::ServiceException { type_: Some("Service".to_owned()), message: None })
}

fn not_found(message: String) -> ApiError {
    ApiError::new("ResourceNotFoundException", 404, message)
        .with(model::ResourceNotFoundException { type_: user(), message: None })
}

fn invalid(message: String) -> ApiError {
    ApiError::new("InvalidParameterValueException", 400, message)
        .with(model::InvalidParameterValueException { type_: user(), message: None })
}

fn stale(told_by: &str) -> ApiError {
    let message = format!(
        "The Revision Id provided does not match the latest Revision Id. Call the {told_by} API to retrieve the \
         latest Revision Id"
    );
    ApiError::new("PreconditionFailedException", 412, message)
        .with(model::PreconditionFailedException { type_: user(), message: None })
}

impl From<LambdaError> for ApiError {
    fn from(error: LambdaError) -> Self {
        match error {
            LambdaError::FunctionNotFound(arn) => not_found(format!("Function not found: {arn}")),
            LambdaError::AliasNotFound(arn) => not_found(format!("Cannot find alias arn: {arn}")),
            LambdaError::NotFound(message) => not_found(message),
            LambdaError::Conflict(message) => ApiError::new("ResourceConflictException", 409, message)
                .with(model::ResourceConflictException { type_: user(), message: None }),
            LambdaError::InvalidParameter(message) => invalid(message),
            LambdaError::Untyped(message) => ApiError::new("InvalidParameterValueException", 400, message)
                .with(model::InvalidParameterValueException { type_: None, message: None }),
            LambdaError::Validation(message) => ApiError::new("ValidationException", 400, message),
            LambdaError::Denied => ApiError::new("AccessDeniedException", 403, ""),
            LambdaError::StaleRevision(told_by) => stale(told_by),
            LambdaError::InvalidJson(why) => ApiError::new(
                "InvalidRequestContentException",
                400,
                format!("Could not parse request body into json: Could not parse payload into json: {why}"),
            )
            .with(model::InvalidRequestContentException { type_: user(), message: None }),
            LambdaError::PayloadTooLarge { bytes, kind, limit } => too_large(bytes, kind, limit),
            LambdaError::CodeStorageExceeded => {
                ApiError::new("CodeStorageExceededException", 400, "Code storage limit exceeded.")
                    .with(model::CodeStorageExceededException { type_: user(), message: None })
            }
            LambdaError::PolicyTooLong => {
                ApiError::new("PolicyLengthExceededException", 400, "The final policy size is bigger than the limit (20480).")
                    .with(model::PolicyLengthExceededException { type_: user(), message: None })
            }
            LambdaError::CodeNotVerified => ApiError::new(
                "CodeVerificationFailedException",
                400,
                "The code signature failed one or more of the validation checks for signature mismatch or expiry, and the \
                 code signing policy is set to ENFORCE. Lambda blocks the deployment.",
            )
            .with(model::CodeVerificationFailedException { type_: user(), message: None }),
            LambdaError::NoProvisionedConcurrency(message) => {
                ApiError::new("ProvisionedConcurrencyConfigNotFoundException", 404, message)
                    .with(model::ProvisionedConcurrencyConfigNotFoundException { type_: user(), message: None })
            }
            LambdaError::CodeSigningConfigNotFound(arn) => ApiError::new(
                "CodeSigningConfigNotFoundException",
                404,
                format!("The code signing configuration cannot be found. Check that the provided configuration is not deleted: {arn}."),
            )
            .with(model::CodeSigningConfigNotFoundException { type_: user(), message: None }),
            LambdaError::NoSigningConfig(arn) => ApiError::new(
                "ResourceNotFoundException",
                404,
                format!("The Lambda code signing configuration {arn} can not be found."),
            )
            .with(model::ResourceNotFoundException { type_: None, message: None }),
            LambdaError::AlreadyStarted(arn) => already_started(&arn),
            LambdaError::CallbackClosed => callback_closed(),
            LambdaError::Throttled(limit) => throttled(limit),
            LambdaError::Recursion => recursion(),
            LambdaError::RoleNotAssumable => ApiError::new(
                "AccessDeniedException",
                403,
                "The role defined for the function cannot be assumed by Lambda.",
            ),
            LambdaError::CannotRun(why) | LambdaError::BadEntrypoint(why) => ApiError::new("InvalidRuntimeException", 502, why)
                .with(model::InvalidRuntimeException { type_: user(), message: None }),
            LambdaError::Other(error) => error,
            LambdaError::Store(fault) => of_store(&fault),
        }
    }
}

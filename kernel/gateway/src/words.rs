//! The words of the edge's own refusals.

use schema::{ApiError, BodyError, OperationShape, Protocol, ServiceShape};
use signature::{AuthError, Description, Wording};

/// An error in the words of its description.
pub fn described(description: Description) -> ApiError {
    let error = ApiError::new(description.code, description.status, description.message);
    description.details.into_iter().fold(error, |error, (name, value)| error.field(name, value))
}

/// A refusal of credentials in a protocol's words.
pub fn credentials(error: &AuthError, service: &ServiceShape, protocol: Protocol) -> ApiError {
    let wording = match protocol {
        Protocol::AwsQuery | Protocol::Ec2Query => Wording::Query,
        Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RpcV2Cbor => Wording::Json,
        Protocol::RestXml if service.dialect.bare_errors => Wording::S3,
        Protocol::RestXml => Wording::Query,
        Protocol::RestJson1 => Wording::RestJson,
    };
    described(error.describe(wording))
}

/// A body that could not be read.
pub fn body(error: &BodyError) -> ApiError {
    match error {
        BodyError::Incomplete => ApiError::new(
            "IncompleteBody",
            400,
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        ),
        BodyError::TooLarge(bound) => ApiError::new(
            "RequestEntityTooLargeException",
            413,
            format!("Request must be smaller than {bound} bytes for this operation"),
        ),
        BodyError::Rejected { code, message } => {
            let status = if *code == "SignatureDoesNotMatch" { 403 } else { 400 };
            ApiError::new(*code, status, message.clone())
        }
        BodyError::Io(cause) => ApiError::new("RequestTimeout", 400, cause.clone()),
    }
}

/// An operation that is known and not served.
pub fn not_implemented(service: &ServiceShape, operation: &str) -> ApiError {
    let message =
        format!("The operation {}:{operation} is not implemented in this region yet.", service.name);
    ApiError::new("NotImplemented", 501, message)
}

/// A refusal of the policies, by the code and status that a protocol has for it.
pub fn denied(error: ApiError, protocol: Protocol) -> ApiError {
    if error.code != "AccessDenied" {
        return error;
    }
    match protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RpcV2Cbor => {
            ApiError::new("AccessDeniedException", 400, error.message)
        }
        Protocol::RestJson1 => ApiError::new("AccessDeniedException", 403, error.message),
        Protocol::Ec2Query => ApiError::new("UnauthorizedOperation", 403, error.message),
        Protocol::AwsQuery | Protocol::RestXml => error,
    }
}

/// The modelled errors by which services say that a request came too often.
const TOO_OFTEN: [&str; 4] =
    ["TooManyRequestsException", "ThrottlingException", "RequestThrottled", "RequestLimitExceeded"];

/// A request that came too often: by the operation's own error, else by the protocol's.
pub fn throttled(service: &ServiceShape, operation: &OperationShape, protocol: Protocol) -> ApiError {
    match protocol {
        Protocol::RestXml if service.dialect.bare_errors => {
            return ApiError::new("SlowDown", 503, "Please reduce your request rate.");
        }
        Protocol::AwsQuery | Protocol::RestXml => return ApiError::new("Throttling", 400, "Rate exceeded"),
        Protocol::Ec2Query => {
            return ApiError::new("RequestLimitExceeded", 503, "Request limit exceeded.");
        }
        _ => {}
    }
    let own = |code: &&str| operation.errors.iter().find(|error| error.shape.name == *code);
    match TOO_OFTEN.iter().find_map(own) {
        Some(error) => ApiError::new(error.shape.name, error.status, "Rate exceeded"),
        None if protocol == Protocol::RestJson1 => {
            ApiError::new("TooManyRequestsException", 429, "Rate exceeded")
        }
        None => ApiError::new("ThrottlingException", 400, "Rate exceeded"),
    }
}

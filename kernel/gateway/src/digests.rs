//! Digests of bodies that are held whole: what a request says of its body must be so, and some operations are
//! refused without. Bodies that are streamed are checked where they end.

use schema::{ApiError, OperationShape, ServiceShape};
use service::checksum::Algorithm;

/// Headers of checksums that name none.
const ABOUT: [&str; 3] = ["algorithm", "mode", "type"];

/// Refuses what a request's headers say of checksums that cannot be: an algorithm that there is not, or one that is
/// named while no checksum is given (versitygw's issues 1104 and 1593, whose authors asked AWS).
///
/// # Errors
/// `InvalidRequest`.
pub fn named<'h>(
    mut headers: impl Iterator<Item = (&'h str, &'h str)>,
    (service, operation): (&ServiceShape, &OperationShape),
) -> Result<(), ApiError> {
    if operation.checksum.is_none() || !service.dialect.bare_errors {
        return Ok(());
    }
    let (mut named, mut given) = (false, false);
    let unknown = headers.any(|(name, value)| {
        // One that there is not is told by whoever would compute it.
        named |= name == "x-amz-sdk-checksum-algorithm" && Algorithm::of_name(value).is_some();
        given |= name == "x-amz-trailer";
        let Some(kind) = name.strip_prefix("x-amz-checksum-") else { return false };
        given |= !ABOUT.contains(&kind);
        Algorithm::of_name(kind).is_none() && !ABOUT.contains(&kind)
    });
    let message = match (unknown, named && !given) {
        (false, false) => return Ok(()),
        (true, _) => "The algorithm type you specified in x-amz-checksum- header is invalid.",
        (false, true) => {
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were \
             found."
        }
    };
    Err(ApiError::new("InvalidRequest", 400, message))
}

/// Holds a body to what its operation asks of any: that there is one, and how long it may be.
///
/// # Errors
/// `MissingRequestBodyError`, `MaxMessageLengthExceeded`.
pub fn bounded(body: &[u8], (service, operation): (&ServiceShape, &OperationShape)) -> Result<(), ApiError> {
    if body.is_empty() && service.dialect.body_demanded.contains(&operation.name) {
        return Err(ApiError::new("MissingRequestBodyError", 400, "Request Body is empty"));
    }
    let mut bounds = service.dialect.longest_bodies.iter();
    match bounds.find(|(name, bound)| *name == operation.name && body.len() > *bound) {
        Some((_, bound)) => {
            let error = ApiError::new("MaxMessageLengthExceeded", 400, "Your request was too big.");
            Err(error.field("MaxMessageLengthBytes", bound.to_string()))
        }
        None => Ok(()),
    }
}

/// Holds a body to the digests in its request's headers.
///
/// # Errors
/// If there is none where the operation is refused without, or one that is malformed or of another body.
pub fn check<'h>(
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    body: &[u8],
    (service, operation): (&ServiceShape, &OperationShape),
) -> Result<(), ApiError> {
    let demanded = service.dialect.digest_demanded.contains(&operation.name);
    if operation.checksum.is_none() || (body.is_empty() && !demanded) {
        return Ok(());
    }
    let mut found = false;
    for (name, given) in headers {
        if let Some(algorithm) = Algorithm::by_header(name) {
            compare(name, algorithm, given, body)?;
            found = true;
        }
    }
    if found || !demanded {
        return Ok(());
    }
    // As AWS was asked by the authors of another store: versitygw's issues 1040, 1301 and 1521.
    let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
    Err(ApiError::new("InvalidRequest", 400, message))
}

fn compare(name: &str, algorithm: Algorithm, given: &str, body: &[u8]) -> Result<(), ApiError> {
    let mut running = algorithm.begin();
    running.update(body);
    let calculated = running.finish_base64();
    if calculated == given {
        return Ok(());
    }
    let formed = is_base64(given) && given.len() == calculated.len();
    let error = |code: &'static str, message: String| ApiError::new(code, 400, message);
    Err(match (name, formed) {
        ("content-md5", false) => {
            error("InvalidDigest", "The Content-MD5 you specified was invalid.".to_owned())
                .field("Content-MD5", given)
        }
        ("content-md5", true) => {
            error("BadDigest", "The Content-MD5 you specified did not match what we received.".to_owned())
                .field("ExpectedDigest", given)
                .field("CalculatedDigest", calculated)
        }
        (name, false) => error("InvalidRequest", format!("Value for {name} header is invalid.")),
        (_, true) => {
            let name = algorithm.name();
            error("BadDigest", format!("The {name} you specified did not match the calculated checksum."))
        }
    })
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_body_is_compared() {
        let mut md5 = Algorithm::Md5.begin();
        md5.update(b"la la");
        let right = md5.finish_base64();
        let wrong = "BadDigest The Content-MD5 you specified did not match what we received.";
        let other = "BadDigest The CRC32 you specified did not match the calculated checksum.";
        let table = [
            ("content-md5", &*right, None),
            ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", Some(wrong)),
            ("content-md5", "nonsense", Some("InvalidDigest The Content-MD5 you specified was invalid.")),
            ("x-amz-checksum-crc32", "AAAAAA==", Some(other)),
            (
                "x-amz-checksum-crc32",
                "AAAA",
                Some("InvalidRequest Value for x-amz-checksum-crc32 header is invalid."),
            ),
        ];
        for (name, given, expect) in table {
            let algorithm = Algorithm::by_header(name).unwrap();
            let refused = compare(name, algorithm, given, b"la la").err();
            let refused = refused.map(|error| format!("{} {}", error.code, error.message));
            assert_eq!(refused.as_deref(), expect, "{name}: {given}");
        }
    }
}

//! The words for a refusal: status, code and message as each kind of protocol has them.
//!
//! The generic protocols share messages and differ in codes and status; S3 has words of its own.

use crate::encoding::spaced_hex;
use crate::verify::MAX_SKEW_MS;
use crate::{AuthError, ExpiresFault, Mismatch, Place};
use names::Timestamp;

/// Whose words an error is given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// Query protocols: SQS, SNS, IAM, STS, EC2.
    Query,
    /// JSON 1.0 and 1.1, and CBOR: DynamoDB, Logs.
    Json,
    /// REST-JSON: Lambda, API Gateway.
    RestJson,
    /// S3's REST-XML.
    S3,
}

/// An error as it goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The HTTP status.
    pub status: u16,
    /// The error's code.
    pub code: &'static str,
    /// The text for a reader.
    pub message: String,
    /// Further elements of S3's error body.
    pub details: Vec<(&'static str, String)>,
}

impl Description {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Description { status, code, message: message.into(), details: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }
}

const OLD_VERSION: &str =
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";

impl AuthError {
    /// This refusal in a protocol's words.
    pub fn describe(&self, wording: Wording) -> Description {
        match wording {
            Wording::S3 => objects(self),
            Wording::Query | Wording::Json | Wording::RestJson => {
                let (class, message) = general(self);
                let (status, code) = class.code(wording);
                Description::new(status, code, message)
            }
        }
    }
}

/// The codes of the generic protocols.
#[derive(Clone, Copy)]
enum Class {
    Missing,
    Incomplete,
    UnknownKey,
    ExpiredToken,
    Mismatch,
}

impl Class {
    fn code(self, wording: Wording) -> (u16, &'static str) {
        let (query_status, query, json) = match self {
            Class::Missing => (403, "MissingAuthenticationToken", "MissingAuthenticationTokenException"),
            Class::Incomplete => (400, "IncompleteSignature", "IncompleteSignatureException"),
            Class::UnknownKey => (403, "InvalidClientTokenId", "UnrecognizedClientException"),
            Class::ExpiredToken => (403, "ExpiredToken", "ExpiredTokenException"),
            Class::Mismatch => (403, "SignatureDoesNotMatch", "InvalidSignatureException"),
        };
        match wording {
            Wording::Json => (400, json),
            Wording::RestJson => (403, json),
            Wording::Query | Wording::S3 => (query_status, query),
        }
    }
}

fn general(error: &AuthError) -> (Class, String) {
    use AuthError as E;
    match error {
        E::MissingAuthenticationToken => (Class::Missing, "Request is missing Authentication Token".into()),
        E::InvalidClientTokenId(_) | E::InvalidToken => {
            (Class::UnknownKey, "The security token included in the request is invalid.".into())
        }
        E::ExpiredToken => {
            (Class::ExpiredToken, "The security token included in the request is expired".into())
        }
        E::SignatureDoesNotMatch(mismatch) => (Class::Mismatch, general_mismatch(mismatch)),
        E::ScopeDate { .. } | E::ScopeTerminator(..) | E::ScopeRegion { .. } | E::ScopeService { .. } => {
            (Class::Mismatch, general_scope(error))
        }
        E::Expired { .. } | E::NotYetCurrent { .. } | E::PresignExpired { .. } | E::PresignNotYet { .. } => {
            (Class::Mismatch, general_time(error))
        }
        E::HostNotSigned => (
            Class::Mismatch,
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into(),
        ),
        E::PayloadMismatch { .. } => (Class::Mismatch, MISMATCH.into()),
        // Without an algorithm the other parameters are not looked at (dynalite, connection: "all query
        // params except X-Amz-Algorithm").
        E::QueryIncomplete(missing)
            if missing.contains(&"X-Amz-Algorithm") && !missing.contains(&"X-Amz-Credential") =>
        {
            general(&E::MissingAuthenticationToken)
        }
        E::TwoMechanisms => (Class::Mismatch, BOTH_PLACES.into()),
        _ => (Class::Incomplete, general_incomplete(error)),
    }
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

fn general_mismatch(mismatch: &Mismatch) -> String {
    format!(
        "{MISMATCH}\n\nThe Canonical String for this request should have been\n'{}'\n\n\
         The String-to-Sign should have been\n'{}'\n",
        mismatch.canonical_request, mismatch.string_to_sign
    )
}

fn general_scope(error: &AuthError) -> String {
    match error {
        AuthError::ScopeDate { scope, stamp, .. } => format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             '{scope}' != '{}', from '{stamp}'.",
            stamp.get(..8).unwrap_or(stamp)
        ),
        AuthError::ScopeTerminator(_, given) => {
            format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{given}'.")
        }
        AuthError::ScopeRegion { given, .. } => {
            format!("Credential should be scoped to a valid region, not '{given}'. ")
        }
        AuthError::ScopeService { expected, .. } => {
            format!("Credential should be scoped to correct service: '{expected}'. ")
        }
        _ => MISMATCH.to_owned(),
    }
}

fn general_time(error: &AuthError) -> String {
    let expired = |signed: &Timestamp, now: &Timestamp, allowed_ms: i64| {
        let limit = now.plus_millis(-allowed_ms);
        let (seconds, minutes) = (allowed_ms / 1000, allowed_ms / 60_000);
        let span = if seconds % 60 == 0 { format!("{minutes} min.") } else { format!("{seconds} sec.") };
        let (signed, limit, now) = (signed.basic(), limit.basic(), now.basic());
        format!("Signature expired: {signed} is now earlier than {limit} ({now} - {span})")
    };
    match error {
        AuthError::Expired { signed, now } => expired(signed, now, MAX_SKEW_MS),
        AuthError::PresignExpired { signed, expires_seconds, now } => {
            expired(signed, now, i64::from(*expires_seconds) * 1000)
        }
        AuthError::NotYetCurrent { signed, now } | AuthError::PresignNotYet { signed, now } => format!(
            "Signature not yet current: {} is still later than {} ({} + 15 min.)",
            signed.basic(),
            now.plus_millis(MAX_SKEW_MS).basic(),
            now.basic()
        ),
        _ => MISMATCH.to_owned(),
    }
}

fn general_incomplete(error: &AuthError) -> String {
    use AuthError as E;
    match error {
        E::MissingParts { missing, digest, .. } => {
            let needs = |name: &&str| format!("Authorization header requires '{name}' parameter. ");
            let needs: String = missing.iter().map(needs).collect();
            format!("{needs}(Hashed with SHA-256 and encoded with Base64) Authorization={digest}")
        }
        E::NotKeyValue { digest, .. } => format!(
            "Invalid key=value pair (missing equal-sign) in Authorization header \
             (hashed with SHA-256 and encoded with Base64): '{digest}'."
        ),
        E::MissingDate => "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
             header."
            .to_owned(),
        E::MalformedDate(_, text) => format!(
            "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ),
        E::MalformedCredential(_, text) => format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got '{text}'"
        ),
        E::UnsupportedAlgorithm(_, name, _) => format!("Unsupported AWS 'algorithm': '{name}'."),
        E::QueryIncomplete(missing) => {
            // The life of the URL is asked for last (dynalite, connection: "missing X-Amz-SignedHeaders").
            let alone = missing.len() == 1;
            let needs: Vec<String> = missing
                .iter()
                .filter(|name| alone || **name != "X-Amz-Expires")
                .map(|name| format!("AWS query-string parameters must include '{name}'. "))
                .collect();
            format!("{}Re-examine the query-string parameters.", needs.concat())
        }
        E::QueryExpires(fault) => expires_text(*fault).to_owned(),
        E::PayloadHashInvalid(_) => HASH_INVALID.to_owned(),
        E::PayloadHashMissing => HASH_MISSING.to_owned(),
        E::HeadersNotSigned(_) => HEADERS_NOT_SIGNED.to_owned(),
        _ => OLD_VERSION.to_owned(),
    }
}

/// dynalite, connection, "both Authorization header and X-Amz-Algorithm query".
const BOTH_PLACES: &str =
    "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
const TWO_MECHANISMS: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, \
    Signature query string parameter or the Authorization header should be specified";
const HASH_MISSING: &str = "Missing required header for this request: x-amz-content-sha256";
const HASH_INVALID: &str = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, \
    STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, \
    STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, \
    STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.";
const HEADERS_NOT_SIGNED: &str = "There were headers present in the request which were not signed";

fn expires_text(fault: ExpiresFault) -> &'static str {
    match fault {
        ExpiresFault::NotANumber => "X-Amz-Expires should be a number",
        ExpiresFault::Negative => "X-Amz-Expires must be non-negative",
        ExpiresFault::TooLong => {
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be \
             less than 604800 seconds"
        }
    }
}

fn objects(error: &AuthError) -> Description {
    use AuthError as E;
    match error {
        E::MissingAuthenticationToken => denied("Access Denied"),
        E::InvalidClientTokenId(key) => Description::new(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
        .with("AWSAccessKeyId", key),
        E::InvalidToken => {
            Description::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        }
        E::ExpiredToken => Description::new(400, "ExpiredToken", "The provided token has expired."),
        E::SignatureDoesNotMatch(mismatch) => objects_mismatch(mismatch),
        E::HeadersNotSigned(names) => denied(HEADERS_NOT_SIGNED).with("HeadersNotSigned", names),
        E::OldVersion => Description::new(400, "InvalidRequest", OLD_VERSION),
        E::OldVersionExpired { expires, now } => {
            denied("Request has expired").with("Expires", expires.iso8601()).with("ServerTime", now.iso8601())
        }
        E::TwoMechanisms => {
            Description::new(400, "InvalidArgument", TWO_MECHANISMS).with("ArgumentName", "Authorization")
        }
        E::PayloadHashMissing => Description::new(400, "InvalidRequest", HASH_MISSING),
        E::PayloadHashInvalid(value) => Description::new(400, "InvalidArgument", HASH_INVALID)
            .with("ArgumentName", "x-amz-content-sha256")
            .with("ArgumentValue", value),
        E::PayloadMismatch { declared, computed } => Description::new(
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
        .with("ClientComputedContentSHA256", declared)
        .with("S3ComputedContentSHA256", computed),
        E::Expired { .. } | E::NotYetCurrent { .. } | E::PresignExpired { .. } | E::PresignNotYet { .. } => {
            objects_time(error)
        }
        _ => objects_malformed(error),
    }
}

fn denied(message: &str) -> Description {
    Description::new(403, "AccessDenied", message)
}

fn objects_mismatch(mismatch: &Mismatch) -> Description {
    let message = "The request signature we calculated does not match the signature you provided. \
        Check your key and signing method.";
    Description::new(403, "SignatureDoesNotMatch", message)
        .with("AWSAccessKeyId", &mismatch.access_key)
        .with("StringToSign", &mismatch.string_to_sign)
        .with("SignatureProvided", &mismatch.signature)
        .with("StringToSignBytes", spaced_hex(mismatch.string_to_sign.as_bytes()))
        .with("CanonicalRequest", &mismatch.canonical_request)
        .with("CanonicalRequestBytes", spaced_hex(mismatch.canonical_request.as_bytes()))
}

fn objects_time(error: &AuthError) -> Description {
    match error {
        AuthError::PresignExpired { signed, expires_seconds, now } => denied("Request has expired")
            .with("X-Amz-Expires", expires_seconds.to_string())
            .with("Expires", signed.plus_millis(i64::from(*expires_seconds) * 1000).iso8601())
            .with("ServerTime", now.iso8601()),
        AuthError::PresignNotYet { signed, now } => denied("Request is not yet valid")
            .with("X-Amz-Date", signed.basic())
            .with("ServerTime", now.iso8601()),
        AuthError::Expired { signed, now } | AuthError::NotYetCurrent { signed, now } => Description::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
        .with("RequestTime", signed.basic())
        .with("ServerTime", now.iso8601())
        .with("MaxAllowedSkewMilliseconds", MAX_SKEW_MS.to_string()),
        _ => denied("Access Denied"),
    }
}

/// Faults of form: `AuthorizationHeaderMalformed` or `AuthorizationQueryParametersError`.
fn objects_malformed(error: &AuthError) -> Description {
    use AuthError as E;
    match error {
        E::MissingDate | E::MalformedDate(Place::Header, _) => {
            denied("AWS authentication requires a valid Date or x-amz-date header")
        }
        E::MissingParts { count, .. } | E::NotKeyValue { count, .. } if *count != 3 => malformed(
            Place::Header,
            "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
        ),
        E::NotKeyValue { part, .. } => {
            malformed(Place::Header, &format!("the authorization component \"{part}\" is malformed."))
        }
        E::MissingParts { missing, .. } => {
            let first =
                ["Credential", "SignedHeaders", "Signature"].into_iter().find(|name| missing.contains(name));
            malformed(Place::Header, &format!("missing {}.", first.unwrap_or_default()))
        }
        E::MalformedDate(Place::Query, _) => {
            malformed(Place::Query, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
        }
        E::MalformedCredential(..)
        | E::ScopeDateForm(..)
        | E::ScopeTerminator(..)
        | E::ScopeRegion { .. }
        | E::ScopeService { .. } => objects_scope(error),
        E::ScopeDate { place, scope, stamp } => malformed(
            *place,
            &format!(
                "Invalid credential date \"{scope}\". This date is not the same as X-Amz-Date: \"{}\".",
                stamp.get(..8).unwrap_or(stamp)
            ),
        ),
        E::UnsupportedAlgorithm(Place::Query, ..) => malformed(
            Place::Query,
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"",
        ),
        E::UnsupportedAlgorithm(Place::Header, _, header) | E::OtherScheme(header) => scheme(header),
        E::QueryIncomplete(_) => malformed(
            Place::Query,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
             X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        ),
        E::QueryExpires(fault) => malformed(Place::Query, expires_text(*fault)),
        _ => denied("Access Denied"),
    }
}

/// Faults of the credential, which are told behind the parameter's name where it stands in the query (answers of AWS that
/// versitygw's tests of signatures expect; of regions, quoted as in aws/aws-sdk-cpp, issue 1339).
fn objects_scope(error: &AuthError) -> Description {
    use AuthError as E;
    let (place, reason) = match error {
        E::MalformedCredential(place, _) => (
            place,
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
                .to_owned(),
        ),
        E::ScopeDateForm(place, given) => (
            place,
            format!(
                "incorrect date format \"{given}\". This date in the credential must be in the format \"yyyyMMdd\"."
            ),
        ),
        E::ScopeTerminator(place, given) => {
            (place, format!("incorrect terminal \"{given}\". This endpoint uses \"aws4_request\"."))
        }
        E::ScopeRegion { place, given, expected } => {
            (place, format!("the region '{given}' is wrong; expecting '{expected}'"))
        }
        E::ScopeService { place, given, expected } => {
            (place, format!("incorrect service \"{given}\". This endpoint belongs to \"{expected}\"."))
        }
        _ => return denied("Access Denied"),
    };
    let description = match place {
        Place::Header => malformed(Place::Header, &reason),
        Place::Query => {
            malformed(Place::Query, &format!("Error parsing the X-Amz-Credential parameter; {reason}"))
        }
    };
    match error {
        E::ScopeRegion { expected, .. } => description.with("Region", expected),
        _ => description,
    }
}

/// An `Authorization` of another scheme (answers of AWS in versity/versitygw, issue 1705, danialfarid/ng-file-upload, issue
/// 615, and benrady/learnjs, issue 23).
fn scheme(header: &str) -> Description {
    let message = match header.trim().contains(' ') {
        true => "Unsupported Authorization Type",
        false => "Authorization header is invalid -- one and only one ' ' (space) required",
    };
    Description::new(400, "InvalidArgument", message)
        .with("ArgumentName", "Authorization")
        .with("ArgumentValue", header)
}

fn malformed(place: Place, reason: &str) -> Description {
    match place {
        Place::Header => Description::new(
            400,
            "AuthorizationHeaderMalformed",
            format!("The authorization header is malformed; {reason}"),
        ),
        Place::Query => Description::new(400, "AuthorizationQueryParametersError", reason),
    }
}

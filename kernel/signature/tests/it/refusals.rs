//! Each cause of refusal: how a request provokes it, and its words in the protocols.
//!
//! Codes and statuses after "Common Error Types" of the STS and DynamoDB API References and "Error
//! Responses" of the S3 API Reference; messages as the services answer them.

use crate::{at, check, headers};
use signature::{AuthError, KeyCache, PayloadHash, Presented, RequestHead, Signer, Wording, sign_header};

const STAMP: &str = "20150830T123600Z";
const CREDENTIAL: &str = "Credential=AKID/20150830/us-east-1/sqs/aws4_request";
const HEADERS: &str = "SignedHeaders=host;x-amz-date";
const SIGNATURE: &str = "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

fn refusal_of(authorization: &str, query: &str, date: &str) -> AuthError {
    let mut lines = vec!["Host: example.com".to_owned()];
    if !authorization.is_empty() {
        lines.push(format!("Authorization: {authorization}"));
    }
    if !date.is_empty() {
        lines.push(date.to_owned());
    }
    let headers = headers(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let head = RequestHead { method: "GET", path: "/", query, headers: &headers };
    check(&head, b"", "secret", at(STAMP)).unwrap_err()
}

fn words(error: &AuthError, wording: Wording) -> String {
    let description = error.describe(wording);
    format!("{} {} {}", description.status, description.code, description.message)
}

#[test]
fn malformed_headers() {
    let date = format!("X-Amz-Date: {STAMP}");
    let full = |credential: &str| format!("AWS4-HMAC-SHA256 {credential}, {HEADERS}, {SIGNATURE}");
    let cases = [
        (String::new(), date.as_str(), "403 MissingAuthenticationToken Request is missing Auth"),
        (
            "AWS4-HMAC-SHA256 Cred".into(),
            &date,
            "400 IncompleteSignature Invalid key=value pair (missing equal-",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}"),
            &date,
            "400 IncompleteSignature Authorization header requires 'Signature' parameter. Authorization header \
             requires 'SignedHeaders' parameter. (Hashed with SHA-256 and encoded with Base64) Authorization=",
        ),
        (full(CREDENTIAL), "", "400 IncompleteSignature Authorization header requires existence of either a"),
        (
            full(CREDENTIAL),
            "X-Amz-Date: 2015",
            "400 IncompleteSignature Date must be in ISO-8601 'basic format'. Got '2015'",
        ),
        (
            full("Credential=AKID/us"),
            &date,
            "400 IncompleteSignature Credential must have exactly 5 slash-delimited",
        ),
        (
            full("Credential=AKID/20150829/us-east-1/sqs/aws4_request"),
            &date,
            "403 SignatureDoesNotMatch Date in Credential scope does not match YYYYMMDD from ISO-8601 version of \
             date from HTTP: '20150829' != '20150830', from '20150830T123600Z'.",
        ),
        (
            full("Credential=AKID/20150830/us-east-1/sqs/aws3_request"),
            &date,
            "403 SignatureDoesNotMatch Credential should be scoped with a valid terminator: 'aws4_request'",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=x-amz-date, {SIGNATURE}"),
            &date,
            "403 SignatureDoesNotMatch 'Host' or ':authority' must be a 'SignedHeader'",
        ),
        (
            full(CREDENTIAL).replace("SHA256", "SHA1"),
            &date,
            "400 IncompleteSignature Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'",
        ),
        // The parts are looked for before the algorithm (dynalite, connection).
        (
            "AWS4- Signature=b Credential=a".into(),
            &date,
            "400 IncompleteSignature Authorization header requires 'SignedHeaders' parameter. (Hashed",
        ),
        (
            "AWS AKID:c2ln".into(),
            &date,
            "400 IncompleteSignature The authorization mechanism you have provided",
        ),
        (
            full(CREDENTIAL),
            &date,
            "403 SignatureDoesNotMatch The request signature we calculated does not match",
        ),
    ];
    for (authorization, date, expected) in cases {
        let refusal = words(&refusal_of(&authorization, "", date), Wording::Query);
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn malformed_presigned_urls() {
    let whole = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID/20150830/us-east-1/s3/aws4_request\
        &X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
    let error = "400 AuthorizationQueryParametersError";
    let cases = [
        (whole.to_owned(), format!("{error} Query-string authentication version 4 requires the")),
        (format!("{whole}&X-Amz-Expires=x"), format!("{error} X-Amz-Expires should be a number")),
        (format!("{whole}&X-Amz-Expires=-5"), format!("{error} X-Amz-Expires must be non-negative")),
        (format!("{whole}&X-Amz-Expires=0"), format!("{error} X-Amz-Expires must be non-negative")),
        (format!("{whole}&X-Amz-Expires=604801"), format!("{error} X-Amz-Expires must be less than a week")),
        (
            format!("{whole}&X-Amz-Expires=99999999999999999999"),
            format!("{error} X-Amz-Expires must be less"),
        ),
        (
            format!("{whole}&X-Amz-Expires=60"),
            "403 SignatureDoesNotMatch The request signature we".to_owned(),
        ),
        (
            format!("{}&X-Amz-Expires=60", whole.replace("AKID/", "")),
            format!("{error} Error parsing the X-Amz-Credential parameter; the Credential is mal-formed"),
        ),
        (
            format!("{}&X-Amz-Expires=60", whole.replace("SHA256", "SHA1")),
            format!("{error} X-Amz-Algorithm only supports"),
        ),
        (
            "AWSAccessKeyId=AKID&Signature=x&Expires=1".into(),
            "400 InvalidRequest The authorization mech".into(),
        ),
    ];
    for (query, expected) in cases {
        let refusal = words(&refusal_of("", &query, ""), Wording::S3);
        assert!(refusal.starts_with(&expected), "{query}: {refusal}");
    }
    let both = refusal_of(&format!("AWS4-HMAC-SHA256 {CREDENTIAL}"), whole, "");
    assert_eq!(both, AuthError::TwoMechanisms);
}

fn signed_at(stamp: &str, service: &str) -> AuthError {
    let cache = KeyCache::new();
    let signer = Signer {
        access_key: "AKID",
        secret: "secret",
        session_token: None,
        region: "us-east-1",
        service,
        now: at(stamp),
        cache: &cache,
    };
    let mut headers = headers(&["Host: example.com"]);
    sign_header(&signer, ("GET", "/", ""), &mut headers, &PayloadHash::of_body(b"")).unwrap();
    let head = RequestHead { method: "GET", path: "/", query: "", headers: &headers };
    check(&head, b"", "secret", at(STAMP)).map(|_| ()).unwrap_err()
}

#[test]
fn clocks() {
    let late = signed_at("20150830T122059Z", "sqs");
    assert_eq!(
        words(&late, Wording::Json),
        "400 InvalidSignatureException Signature expired: 20150830T122059Z is now earlier than \
         20150830T122100Z (20150830T123600Z - 15 min.)"
    );
    let early = signed_at("20150830T125101Z", "sqs");
    assert_eq!(
        words(&early, Wording::RestJson),
        "403 InvalidSignatureException Signature not yet current: 20150830T125101Z is still later than \
         20150830T125100Z (20150830T123600Z + 15 min.)"
    );
    let skewed = signed_at("20150830T122059Z", "s3").describe(Wording::S3);
    assert_eq!((skewed.status, skewed.code), (403, "RequestTimeTooSkewed"));
    assert_eq!(
        skewed.details,
        [
            ("RequestTime", "20150830T122059Z".to_owned()),
            ("ServerTime", "2015-08-30T12:36:00Z".to_owned()),
            ("MaxAllowedSkewMilliseconds", "900000".to_owned())
        ]
    );
}

#[test]
fn identities() {
    let unknown = AuthError::InvalidClientTokenId("AKID".into());
    let invalid = "The security token included in the request is invalid.";
    assert_eq!(words(&unknown, Wording::Query), format!("403 InvalidClientTokenId {invalid}"));
    assert_eq!(words(&unknown, Wording::Json), format!("400 UnrecognizedClientException {invalid}"));
    assert!(words(&unknown, Wording::S3).starts_with("403 InvalidAccessKeyId The AWS Access Key Id you"));
    let ended = "The security token included in the request is expired";
    assert_eq!(
        words(&AuthError::ExpiredToken, Wording::RestJson),
        format!("403 ExpiredTokenException {ended}")
    );
    assert_eq!(
        words(&AuthError::ExpiredToken, Wording::S3),
        "400 ExpiredToken The provided token has expired."
    );
    assert!(words(&AuthError::InvalidToken, Wording::S3).starts_with("400 InvalidToken The provided token"));
    assert_eq!(words(&AuthError::MissingAuthenticationToken, Wording::S3), "403 AccessDenied Access Denied");
}

#[test]
fn a_mismatch_shows_what_was_signed() {
    let authorization = format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {HEADERS}, {SIGNATURE}");
    let refusal = refusal_of(&authorization, "b=2&a=1", &format!("X-Amz-Date: {STAMP}"));
    let AuthError::SignatureDoesNotMatch(mismatch) = &refusal else { panic!("{refusal:?}") };
    assert!(
        mismatch.canonical_request.starts_with("GET\n/\na=1&b=2\nhost:example.com\nx-amz-date:20150830T")
    );
    assert!(
        mismatch
            .string_to_sign
            .starts_with("AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/sqs/aws4_request\n")
    );
    let general = refusal.describe(Wording::Query).message;
    assert!(
        general.contains("\n\nThe Canonical String for this request should have been\n'GET\n/\na=1&b=2\n")
    );
    let names: Vec<_> = refusal.describe(Wording::S3).details.into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "AWSAccessKeyId",
            "StringToSign",
            "SignatureProvided",
            "StringToSignBytes",
            "CanonicalRequest",
            "CanonicalRequestBytes"
        ]
    );
}

#[test]
fn scopes_of_another_endpoint() {
    let lines = [
        "Host: example.com".to_owned(),
        format!("X-Amz-Date: {STAMP}"),
        format!("Authorization: AWS4-HMAC-SHA256 {CREDENTIAL}, {HEADERS}, {SIGNATURE}"),
    ];
    let headers = headers(&lines.each_ref().map(String::as_str));
    let head = RequestHead { method: "GET", path: "/", query: "", headers: &headers };
    let presented = Presented::find(&head, at(STAMP)).unwrap().unwrap();
    assert_eq!(presented.scoped_to(Some("us-east-1"), "sqs"), Ok(()));
    let region = presented.scoped_to(Some("eu-west-1"), "sqs").unwrap_err();
    assert_eq!(
        words(&region, Wording::S3),
        "400 AuthorizationHeaderMalformed The authorization header is malformed; the region 'us-east-1' is \
         wrong; expecting 'eu-west-1'"
    );
    let service = presented.scoped_to(None, "sns").unwrap_err();
    assert!(
        words(&service, Wording::Query).ends_with("Credential should be scoped to correct service: 'sns'. ")
    );
}

/// The words of S3, as versitygw's tests of signatures expect them, whose authors ask AWS.
#[test]
fn malformed_headers_in_words_of_s3() {
    let scope = "Credential=AKID/20150830/us-east-1/s3/aws4_request";
    let of = |parts: &[&str]| format!("AWS4-HMAC-SHA256 {}", parts.join(","));
    let malformed = "400 AuthorizationHeaderMalformed The authorization header is malformed;";
    for (authorization, expected) in [
        (of(&[scope, SIGNATURE]), "the authorization header requires three components"),
        (
            of(&[scope, "SignedHeaders-host", SIGNATURE]),
            "the authorization component \"SignedHeaders-host\" is malformed.",
        ),
        (of(&["Key=AKID", HEADERS, SIGNATURE]), "missing Credential."),
        (of(&[scope, "Names=host", SIGNATURE]), "missing SignedHeaders."),
        (of(&[scope, HEADERS, "Sign=0"]), "missing Signature."),
        (
            of(&[&scope.replace("aws4_request", "aws_request"), HEADERS, SIGNATURE]),
            "incorrect terminal \"aws_request\".",
        ),
        (
            of(&[&scope.replace("20150830", "32234"), HEADERS, SIGNATURE]),
            "incorrect date format \"32234\". This date",
        ),
        (
            of(&[&scope.replace("20150830", "20150829"), HEADERS, SIGNATURE]),
            "Invalid credential date \"20150829\".",
        ),
    ] {
        let refusal = words(&refusal_of(&authorization, "", &format!("X-Amz-Date: {STAMP}")), Wording::S3);
        assert!(refusal.starts_with(&format!("{malformed} {expected}")), "{authorization}: {refusal}");
    }
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID/20150830/us-east-1/s3/aws5_request\
        &X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0&X-Amz-Expires=60";
    let refusal = words(&refusal_of("", query, ""), Wording::S3);
    assert_eq!(
        refusal,
        "400 AuthorizationQueryParametersError Error parsing the X-Amz-Credential parameter; incorrect terminal \
         \"aws5_request\". This endpoint uses \"aws4_request\"."
    );
    for (authorization, expected) in [
        ("Basic U1Q6", "Unsupported Authorization Type"),
        ("AWS-HMAC-SHA25 Credential=x", "Unsupported Authorization Type"),
        ("invalid_header", "Authorization header is invalid -- one and only one ' ' (space) required"),
    ] {
        let headers = headers(&[&format!("Authorization: {authorization}")]);
        let head = RequestHead { method: "GET", path: "/", query: "", headers: &headers };
        let told = Presented::other_scheme(&head).unwrap().describe(Wording::S3);
        assert_eq!((told.code, told.message.as_str()), ("InvalidArgument", expected));
        assert_eq!(told.details[1], ("ArgumentValue", authorization.to_owned()));
    }
}

#[test]
fn other_schemes_are_not_ours() {
    for authorization in ["Bearer abc", "Basic YTpi", ""] {
        let headers = headers(&[&format!("Authorization: {authorization}")]);
        let head = RequestHead { method: "GET", path: "/", query: "Signature=1&a", headers: &headers };
        assert_eq!(Presented::find(&head, at(STAMP)), Ok(None));
    }
}

/// ScyllaDB's test_expired_signature and test_signature_too_futuristic, run on AWS.
#[test]
fn an_old_or_a_future_date_goes_before_a_scope_of_another_one() {
    let dated = |service: &str, date: &str| {
        let credential = format!("Credential=AKID/2/us-east-1/{service}/aws4_request");
        let authorization = format!("AWS4-HMAC-SHA256 {credential}, {HEADERS}, {SIGNATURE}");
        words(&refusal_of(&authorization, "", &format!("X-Amz-Date: {date}")), Wording::Json)
    };
    assert!(dated("dynamodb", "20140830T123600Z").contains("Signature expired: "));
    assert!(dated("dynamodb", "20160830T123600Z").contains("Signature not yet current: "));
    assert!(dated("dynamodb", STAMP).contains("Date in Credential scope does not match"));
    assert!(!dated("s3", "20140830T123600Z").contains("expired"));
}

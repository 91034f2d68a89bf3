//! The same over HTTP: statuses, headers and bodies as clients see them.

use crate::{put, putting, region};
use bytes::Bytes;
use model_s3::operations::*;
use model_s3::*;
use testkit::ReplyBody;

const TAGGING: &str = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag \
                       name duplicates.";

#[tokio::test]
async fn statuses_and_headers() {
    let region = region().await;
    put(&region, "k", "0123456789").await;
    let whole = region.http("GET", "/bkt/k", &[], Bytes::new()).await;
    assert_eq!((whole.status, whole.headers["content-length"].to_str().unwrap()), (200, "10"));
    let part = region.http("GET", "/bkt/k", &[("range", "bytes=2-4")], Bytes::new()).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.headers["content-range"], "bytes 2-4/10");
    let etag = whole.headers["etag"].to_str().unwrap();
    for (if_range, status) in [(etag, 206), ("\"other\"", 200)] {
        let given = [("range", "bytes=2-4"), ("if-range", if_range)];
        for method in ["GET", "HEAD"] {
            assert_eq!(
                region.http(method, "/bkt/k", &given, Bytes::new()).await.status,
                status,
                "{if_range}"
            );
        }
    }
    let no_date = [("if-modified-since", "yesterday")];
    assert_eq!(region.http("GET", "/bkt/k", &no_date, Bytes::new()).await.status, 200);
    let unchanged = region.http("GET", "/bkt/k", &[("if-none-match", etag)], Bytes::new()).await;
    assert_eq!((unchanged.status, unchanged.headers["etag"].to_str().unwrap()), (304, etag));
    let head = region.http("HEAD", "/bkt/k", &[], Bytes::new()).await;
    assert_eq!((head.status, head.headers["content-length"].to_str().unwrap()), (200, "10"));
    let missing = region.http("HEAD", "/bkt/none", &[], Bytes::new()).await;
    assert_eq!(missing.status, 404);
    let gone = region.http("DELETE", "/bkt/k", &[], Bytes::new()).await;
    assert_eq!(gone.status, 204);
}

/// Texts as AWS was asked: for markers an answer in gofakes3's s3_test.go, for algorithms Swift's
/// test_object_checksums.py, for attributes scality/cloudserver's tests, for directives versitygw's.
#[tokio::test]
async fn arguments_that_are_none() {
    let source = ("x-amz-copy-source", "/bkt/k");
    refused(&[
        (
            "GET",
            "/bkt?versions&key-marker=k&version-id-marker=",
            vec![],
            "InvalidArgument",
            "A version-id marker cannot be empty.",
        ),
        (
            "PUT",
            "/bkt/k",
            vec![("x-amz-sdk-checksum-algorithm", "MD4")],
            "InvalidRequest",
            "Value for x-amz-sdk-checksum-algorithm header is invalid.",
        ),
        (
            "GET",
            "/bkt/k?attributes",
            vec![],
            "InvalidRequest",
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
        ),
        (
            "PUT",
            "/bkt/k",
            vec![source, ("x-amz-metadata-directive", "MERGE")],
            "InvalidArgument",
            "Unknown metadata directive.",
        ),
        (
            "PUT",
            "/bkt/k",
            vec![source, ("x-amz-tagging-directive", "MERGE")],
            "InvalidArgument",
            "Unknown tagging directive.",
        ),
    ])
    .await;
}

/// A request, and the code and the text of its refusal.
type Refused<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, &'a str, &'a str);

async fn refused(cases: &[Refused<'_>]) {
    let region = region().await;
    put(&region, "k", "x").await;
    for (method, path, headers, code, message) in cases {
        let answer = region.http(method, path, headers, Bytes::new()).await;
        let ReplyBody::Bytes(body) = &answer.body else { panic!("a stream") };
        let body = String::from_utf8_lossy(body);
        assert_eq!(answer.status, 400, "{method} {path}: {body}");
        let expected = format!("<Code>{code}</Code><Message>{message}</Message>");
        assert!(body.contains(&expected), "{method} {path}: {body}");
    }
}

/// Answers of AWS in versitygw's issues 1237, 1688, 2075, 1404, 1215, 1751, 2028, 1736 and 1733, in this order.
#[tokio::test]
async fn requests_that_are_half_said() {
    let mode = ("x-amz-object-lock-mode", "GOVERNANCE");
    refused(&[
        (
            "PUT",
            "/bkt/k?partNumber=1",
            vec![],
            "InvalidArgument",
            "This operation does not accept partNumber without uploadId",
        ),
        (
            "GET",
            "/bkt/k?versions",
            vec![],
            "InvalidRequest",
            "There is no such thing as the ?versions sub-resource for a key",
        ),
        (
            "GET",
            "/bkt/k?response-foo=bar",
            vec![],
            "InvalidArgument",
            "response-foo is not in the set of overridable response headers. Please refer to the S3 API documentation for a \
             complete list of overridable response headers.",
        ),
        (
            "PUT",
            "/bkt/k",
            vec![("x-amz-copy-source", "bkt/%ZZ")],
            "InvalidArgument",
            "Invalid copy source encoding",
        ),
        ("PUT", "/bkt/k", vec![("x-amz-tagging", "=")], "InvalidArgument", TAGGING),
        (
            "PUT",
            "/bkt/k",
            vec![mode, ("x-amz-object-lock-retain-until-date", "2099-01-01T00:00:00Z")],
            "InvalidRequest",
            "Bucket is missing ObjectLockConfiguration",
        ),
        (
            "PUT",
            "/bkt/k",
            vec![mode],
            "InvalidArgument",
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
        ),
        (
            "PUT",
            "/bkt/k",
            vec![("x-amz-object-lock-mode", "abc"), ("x-amz-object-lock-retain-until-date", "abc")],
            "InvalidArgument",
            "Unknown wormMode directive.",
        ),
        (
            "PUT",
            "/bkt/k",
            vec![mode, ("x-amz-object-lock-retain-until-date", "abc")],
            "InvalidArgument",
            "The retain until date must be provided in ISO 8601 format",
        ),
    ])
    .await;
}

/// TestPutBucketVersioning… of dyus/meeseeks-s3, recorded on AWS in 2026: no body, one beyond its bound, an element twice and
/// one that is not known.
#[tokio::test]
async fn bodies_that_are_none_too_long_or_not_exact() {
    let region = region().await;
    let whole = |inside: &str| format!("<VersioningConfiguration>{inside}</VersioningConfiguration>");
    let enabled = whole("<Status>Enabled</Status>");
    let padded = |length: usize| format!("{enabled}<!--{}-->", "x".repeat(length - enabled.len() - 7));
    for (body, told) in [
        (String::new(), "<Code>MissingRequestBodyError</Code><Message>Request Body is empty</Message>"),
        (
            padded(1025),
            "<Message>Your request was too big.</Message><MaxMessageLengthBytes>1024</MaxMessageLengthBytes>",
        ),
        (padded(1_048_576), "<Code>MaxMessageLengthExceeded</Code>"),
        (whole("<Status>Enabled</Status><Status>Suspended</Status>"), "<Code>MalformedXML</Code>"),
        (whole("<Status>Enabled</Status><Foo>bar</Foo>"), "<Code>MalformedXML</Code>"),
    ] {
        let answer = region.http("PUT", "/bkt?versioning", &[], Bytes::from(body)).await;
        let ReplyBody::Bytes(body) = &answer.body else { panic!("a stream") };
        let body = String::from_utf8_lossy(body);
        assert_eq!(answer.status, 400, "{told}: {body}");
        assert!(body.contains(told), "{told}: {body}");
    }
    let taken = region.http("PUT", "/bkt?versioning", &[], Bytes::from(padded(1024))).await;
    assert_eq!(taken.status, 200);
}

/// versitygw's PreflightOPTIONS_invalid_request_method and …_headers, whose authors ask AWS.
#[tokio::test]
async fn preflights_of_what_there_is_not() {
    let region = region().await;
    for (method, headers, told) in [
        ("get", "x-a", "Invalid Access-Control-Request-Method: get"),
        ("PATCH", "x-a", "Invalid Access-Control-Request-Method: PATCH"),
        ("something", "", "Invalid Access-Control-Request-Method: something"),
        (
            "GET",
            "Date,X[Key]",
            "Access-Control-Request-Headers &quot;X[Key]&quot; contains invalid character.",
        ),
    ] {
        let asked = [
            ("origin", "http://page.example"),
            ("access-control-request-method", method),
            ("access-control-request-headers", headers),
        ];
        let answer = region.http("OPTIONS", "/bkt/k", &asked, Bytes::new()).await;
        let ReplyBody::Bytes(body) = &answer.body else { panic!("a stream") };
        let body = String::from_utf8_lossy(body);
        assert_eq!(answer.status, 400, "{told}: {body}");
        assert!(
            body.contains(&format!("<Code>BadRequest</Code><Message>{told}</Message>")),
            "{told}: {body}"
        );
    }
}

/// Ceph's test_cors_origin_response, which is run on AWS, too; without rules LocalStack's test_cors_http_options_no_config.
#[tokio::test]
async fn preflights_for_no_method() {
    let region = region().await;
    let page = [("origin", "http://page.example")];
    assert_eq!(region.http("OPTIONS", "/bkt/k", &page, Bytes::new()).await.status, 403);
    let rule = CORSRule {
        allowed_methods: vec!["GET".into()],
        allowed_origins: vec!["*".into()],
        ..Default::default()
    };
    let rules = PutBucketCorsInput {
        bucket: "bkt".into(),
        cors_configuration: CORSConfiguration { cors_rules: vec![rule] },
        ..Default::default()
    };
    region.call::<PutBucketCors>(rules).await.unwrap();
    assert_eq!(region.http("OPTIONS", "/bkt/k", &page, Bytes::new()).await.status, 400);
}

/// API Reference, "Root level tag" of each operation.
#[tokio::test]
async fn roots_of_answers() {
    let region = region().await;
    put(&region, "k", "x").await;
    let locked = CreateBucketInput {
        bucket: "locked".into(),
        object_lock_enabled_for_bucket: Some(true),
        ..Default::default()
    };
    region.call::<CreateBucket>(locked).await.unwrap();
    let held = PutObjectInput {
        bucket: "locked".into(),
        content_md5: Some("ndTkYSaMgDT1yFZOFVxnpg==".into()),
        object_lock_legal_hold_status: Some(ObjectLockLegalHoldStatus::On),
        object_lock_mode: Some(ObjectLockMode::Governance),
        object_lock_retain_until_date: Some("2099-01-01T00:00:00Z".into()),
        ..putting("k", "x")
    };
    region.call::<PutObject>(held).await.unwrap();
    for (path, root) in [
        ("/bkt?acl", "AccessControlPolicy"),
        ("/bkt/k?acl", "AccessControlPolicy"),
        ("/bkt?analytics", "ListBucketAnalyticsConfigurationResult"),
        ("/bkt?inventory", "ListInventoryConfigurationsResult"),
        ("/bkt?metrics", "ListMetricsConfigurationsResult"),
        ("/locked/k?legal-hold", "LegalHold"),
        ("/locked/k?retention", "Retention"),
        ("/locked?object-lock", "ObjectLockConfiguration"),
    ] {
        let answer = region.http("GET", path, &[], Bytes::new()).await;
        let ReplyBody::Bytes(body) = &answer.body else { panic!("a stream") };
        let body = String::from_utf8_lossy(body);
        assert!(body.contains(&format!("\n<{root} xmlns=")), "{path}: {body}");
    }
}

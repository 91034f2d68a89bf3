//! S3's documented examples: "Authenticating Requests" in the S3 API Reference, its headers, its query
//! parameters, its chunked uploads, with the signatures printed there.

use crate::{at, check, headers};
use signature::{
    AuthError, KeyCache, PayloadCheck, PayloadHash, RequestHead, Signer, Wording, presign, sign_header,
};

pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub const STAMP: &str = "20130524T000000Z";

pub fn signer(cache: &KeyCache) -> Signer<'_> {
    Signer {
        access_key: "AKIAIOSFODNN7EXAMPLE",
        secret: SECRET,
        session_token: None,
        region: "us-east-1",
        service: "s3",
        now: at(STAMP),
        cache,
    }
}

struct Example {
    request: (&'static str, &'static str, &'static str),
    headers: &'static [&'static str],
    body: &'static str,
    signature: &'static str,
}

const HOST: &str = "Host: examplebucket.s3.amazonaws.com";

const EXAMPLES: [Example; 4] = [
    Example {
        request: ("GET", "/test.txt", ""),
        headers: &[HOST, "Range: bytes=0-9"],
        body: "",
        signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    },
    Example {
        request: ("PUT", "/test$file.text", ""),
        headers: &[HOST, "Date: Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class: REDUCED_REDUNDANCY"],
        body: "Welcome to Amazon S3.",
        signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    },
    Example {
        request: ("GET", "/", "lifecycle"),
        headers: &[HOST],
        body: "",
        signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    },
    Example {
        request: ("GET", "/", "max-keys=2&prefix=J"),
        headers: &[HOST],
        body: "",
        signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    },
];

#[test]
fn the_documented_header_signatures() {
    let cache = KeyCache::new();
    for example in EXAMPLES {
        let (method, path, query) = example.request;
        let mut headers = headers(example.headers);
        let payload = PayloadHash::of_body(example.body.as_bytes());
        sign_header(&signer(&cache), example.request, &mut headers, &payload).unwrap();
        let authorization = headers["authorization"].to_str().unwrap().to_owned();
        assert!(authorization.ends_with(example.signature), "{path}?{query}: {authorization}");
        let head = RequestHead { method, path, query, headers: &headers };
        check(&head, b"not looked at, since the digest is declared", SECRET, at(STAMP)).unwrap();
    }
}

#[test]
fn the_documented_presigned_url() {
    let cache = KeyCache::new();
    let headers = headers(&[HOST]);
    let head = RequestHead { method: "GET", path: "/test.txt", query: "", headers: &headers };
    let query = presign(&signer(&cache), &head, 86_400, &PayloadHash::Unsigned);
    assert_eq!(
        query,
        "X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
    let head = RequestHead { query: &query, ..head };
    check(&head, b"", SECRET, at("20130524T235959Z")).unwrap();
    let late = check(&head, b"", SECRET, at("20130525T000001Z")).unwrap_err();
    let description = late.describe(Wording::S3);
    assert_eq!((description.status, description.code), (403, "AccessDenied"));
    assert_eq!(description.message, "Request has expired");
    let early = check(&head, b"", SECRET, at("20130523T234459Z")).unwrap_err();
    assert!(matches!(early, AuthError::PresignNotYet { .. }));
    let other = RequestHead { path: "/other.txt", ..head };
    assert!(matches!(
        check(&other, b"", SECRET, at(STAMP)).unwrap_err(),
        AuthError::SignatureDoesNotMatch(_)
    ));
}

#[test]
fn keys_are_neither_normalised_nor_encoded_twice() {
    let cache = KeyCache::new();
    for (sent, same) in [("/a//b/../c", "/a//b/../c"), ("/a%20b+c", "/a b%2Bc"), ("/%7Ehome", "/~home")] {
        let mut headers = headers(&[HOST]);
        sign_header(&signer(&cache), ("GET", sent, ""), &mut headers, &PayloadHash::Unsigned).unwrap();
        let head = RequestHead { method: "GET", path: same, query: "", headers: &headers };
        check(&head, b"", SECRET, at(STAMP)).unwrap();
    }
}

#[test]
fn amz_headers_must_be_signed() {
    let cache = KeyCache::new();
    let mut headers = headers(&[HOST]);
    sign_header(&signer(&cache), ("PUT", "/k", ""), &mut headers, &PayloadHash::Unsigned).unwrap();
    headers.insert("x-amz-acl", "public-read".parse().unwrap());
    let head = RequestHead { method: "PUT", path: "/k", query: "", headers: &headers };
    let refusal = check(&head, b"", SECRET, at(STAMP)).unwrap_err().describe(Wording::S3);
    assert_eq!(refusal.code, "AccessDenied");
    assert_eq!(refusal.details, [("HeadersNotSigned", "x-amz-acl".to_owned())]);
}

#[test]
fn the_declared_digest_is_held_against_the_body() {
    let mut check = PayloadCheck::of(&PayloadHash::of_body(b"Welcome to Amazon S3.")).unwrap();
    check.update(b"Welcome to ");
    let mut wrong = check.clone();
    check.update(b"Amazon S3.");
    assert_eq!(check.finish(), Ok(()));
    wrong.update(b"Amazon S4.");
    let refusal = wrong.finish().unwrap_err().describe(Wording::S3);
    assert_eq!((refusal.status, refusal.code), (400, "XAmzContentSHA256Mismatch"));
    assert!(PayloadCheck::of(&PayloadHash::Unsigned).is_none());
}

#[test]
fn the_payload_header_is_demanded_and_judged() {
    let cache = KeyCache::new();
    let mut headers = headers(&[HOST]);
    sign_header(&signer(&cache), ("GET", "/", ""), &mut headers, &PayloadHash::Unsigned).unwrap();
    for (value, code) in [(None, "InvalidRequest"), (Some("sha"), "InvalidArgument")] {
        match value {
            None => drop(headers.remove("x-amz-content-sha256")),
            Some(value) => drop(headers.insert("x-amz-content-sha256", value.parse().unwrap())),
        }
        let head = RequestHead { method: "GET", path: "/", query: "", headers: &headers };
        let refusal = check(&head, b"", SECRET, at(STAMP)).unwrap_err().describe(Wording::S3);
        assert_eq!((refusal.status, refusal.code), (400, code));
    }
}

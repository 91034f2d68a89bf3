//! The published vectors of the general dialect: our signer makes their signatures, our verifier takes them.

use crate::{at, check, headers};
use http::HeaderMap;
use signature::{KeyCache, PayloadHash, RequestHead, Signer, sign_header};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const STAMP: &str = "20150830T123600Z";

struct Vector {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    query: &'static str,
    headers: HeaderMap,
    body: &'static str,
    signed_headers: &'static str,
    signature: &'static str,
}

fn vectors() -> Vec<Vector> {
    let lines = include_str!("../vectors/general.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [name, method, path, query, extra, body, signed_headers, signature] = fields[..] else {
                panic!("eight fields: {line}");
            };
            let mut lines = vec!["Host: example.amazonaws.com"];
            lines.extend(extra.split('~').map(str::trim).filter(|line| !line.is_empty()));
            let headers = headers(&lines);
            Vector { name, method, path, query, headers, body, signed_headers, signature }
        })
        .collect()
}

fn signed(vector: &Vector) -> HeaderMap {
    let cache = KeyCache::new();
    let signer = Signer {
        access_key: "AKIDEXAMPLE",
        secret: SECRET,
        session_token: None,
        region: "us-east-1",
        service: "service",
        now: at(STAMP),
        cache: &cache,
    };
    let mut headers = vector.headers.clone();
    let payload = PayloadHash::of_body(vector.body.as_bytes());
    sign_header(&signer, (vector.method, vector.path, vector.query), &mut headers, &payload).unwrap();
    headers
}

#[test]
fn the_published_signatures_are_made() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 29);
    for vector in &vectors {
        let authorization = signed(vector)["authorization"].to_str().unwrap().to_owned();
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={}, Signature={}",
            vector.signed_headers, vector.signature
        );
        assert_eq!(authorization, expected, "{}", vector.name);
    }
}

#[test]
fn the_published_signatures_are_taken() {
    for vector in vectors() {
        let mut headers = vector.headers.clone();
        headers.insert("x-amz-date", STAMP.parse().unwrap());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={}, Signature={}",
            vector.signed_headers, vector.signature
        );
        headers.insert("authorization", authorization.parse().unwrap());
        let head =
            RequestHead { method: vector.method, path: vector.path, query: vector.query, headers: &headers };
        let result = check(&head, vector.body.as_bytes(), SECRET, at(STAMP));
        assert!(result.is_ok(), "{}: {:?}", vector.name, result);
        let tampered = format!("{}x", vector.body);
        assert!(check(&head, tampered.as_bytes(), SECRET, at(STAMP)).is_err(), "{}", vector.name);
    }
}

#[test]
fn a_token_added_after_signing_is_taken_unsigned() {
    // The suite's post-sts-token/post-sts-header-after: the signature is post-vanilla's.
    let vectors = vectors();
    let vanilla = vectors.iter().find(|vector| vector.name == "post-vanilla").unwrap();
    let mut headers = signed(vanilla);
    headers.insert("x-amz-security-token", "AQoDYXdzEPT".parse().unwrap());
    let head = RequestHead { method: "POST", path: "/", query: "", headers: &headers };
    let presented = check(&head, b"", SECRET, at(STAMP)).unwrap();
    assert_eq!(presented.session_token.as_deref(), Some("AQoDYXdzEPT"));
}

#[test]
fn the_suites_session_token_is_signed() {
    let vectors = vectors();
    let by_header = vectors.iter().find(|vector| vector.name == "get-vanilla-with-session-token").unwrap();
    let token = by_header.headers["x-amz-security-token"].to_str().unwrap();
    let cache = KeyCache::new();
    let signer = Signer {
        access_key: "AKIDEXAMPLE",
        secret: SECRET,
        session_token: Some(token),
        region: "us-east-1",
        service: "service",
        now: at(STAMP),
        cache: &cache,
    };
    let mut headers = headers(&["Host: example.amazonaws.com"]);
    sign_header(&signer, ("GET", "/", ""), &mut headers, &PayloadHash::of_body(b"")).unwrap();
    assert!(headers["authorization"].to_str().unwrap().ends_with(by_header.signature));
}

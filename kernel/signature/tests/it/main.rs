//! The signature crate against AWS's published vectors, S3's documented examples, and hostile input.

mod chunks;
mod objects;
mod refusals;
mod roundtrip;
mod vectors;

use http::HeaderMap;
use names::Timestamp;
use signature::{AuthError, KeyCache, PayloadHash, Presented, RequestHead, verify};

/// Headers of `Name: value` lines.
fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let value = http::HeaderValue::from_bytes(value.trim().as_bytes()).unwrap();
        headers.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    headers
}

fn at(stamp: &str) -> Timestamp {
    Timestamp::parse_basic(stamp).unwrap()
}

/// Finds the credentials and verifies them, the body at hand.
fn check(head: &RequestHead<'_>, body: &[u8], secret: &str, now: Timestamp) -> Result<Presented, AuthError> {
    let presented = Presented::find(head, now)?.ok_or(AuthError::MissingAuthenticationToken)?;
    let payload = PayloadHash::declared(head, &presented)?.unwrap_or_else(|| PayloadHash::of_body(body));
    verify(&presented, head, &payload, secret, now, &KeyCache::new())?;
    Ok(presented)
}

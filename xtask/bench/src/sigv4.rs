//! Signature version 4 from both ends: the generator signs, the floors check. Written for this program
//! alone, so that a floor costs what a signature costs and nothing of the region's own code.

use ring::hmac;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// The region every request is scoped to.
pub const REGION: &str = "us-east-1";
/// The header that says what of a body is signed: its digest where a request does not choose it.
pub const PAYLOAD: &str = "x-amz-content-sha256";

/// An access key and its secret, and a token where it is a session.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
    pub token: Option<String>,
}

impl Credentials {
    /// The key that stands for the root of the default account.
    pub fn root() -> Self {
        Credentials { access_key: "test".into(), secret_key: "test".into(), token: None }
    }
}

/// The parts of a request that are signed. Header names are lower case; path and query are as sent.
pub struct Unsigned<'a> {
    pub service: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

/// Signs as one key; remembers the derived key of each day and service.
pub struct Signer {
    credentials: Credentials,
    keys: HashMap<(String, String), [u8; 32]>,
}

impl Signer {
    /// A signer with nothing derived yet.
    pub fn new(credentials: Credentials) -> Self {
        Signer { credentials, keys: HashMap::new() }
    }

    /// All headers to send (host among them), with the signature last.
    pub fn sign(&mut self, host: &str, request: &Unsigned<'_>) -> Vec<(String, String)> {
        let stamp = stamp_now();
        let day = stamp[..8].to_owned();
        let chosen = request.headers.iter().find(|(name, _)| name == PAYLOAD);
        let digest = chosen.map_or_else(|| hex(&Sha256::digest(request.body)), |(_, value)| value.clone());
        let mut headers = request.headers.to_vec();
        headers.push(("host".into(), host.into()));
        headers.push(("x-amz-date".into(), stamp.clone()));
        if request.service == "s3" && chosen.is_none() {
            headers.push((PAYLOAD.into(), digest.clone()));
        }
        if let Some(token) = &self.credentials.token {
            headers.push(("x-amz-security-token".into(), token.clone()));
        }
        headers.sort();
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let canonical = canonical(request.method, request.path, request.query, pairs, &names, &digest);
        let scope = format!("{day}/{REGION}/{}/aws4_request", request.service);
        let secret = &self.credentials.secret_key;
        let key = self
            .keys
            .entry((day.clone(), request.service.to_owned()))
            .or_insert_with(|| derive(secret, &day, REGION, request.service));
        let signature = signature(key, &stamp, &scope, &canonical);
        let access_key = &self.credentials.access_key;
        headers.push((
            "authorization".into(),
            format!(
                "AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
            ),
        ));
        headers
    }
}

/// Checks requests signed with one secret; keeps the last derived key.
pub struct Verifier {
    secret_key: String,
    derived: Option<(String, [u8; 32])>,
}

impl Verifier {
    /// For requests signed with this secret.
    pub fn new(secret_key: &str) -> Self {
        Verifier { secret_key: secret_key.into(), derived: None }
    }

    /// Whether the signature and the payload's digest are right.
    pub fn accepts(&mut self, parts: &hyper::http::request::Parts, body: &[u8]) -> bool {
        self.expected(parts, body).is_some_and(|(expected, presented)| expected == presented)
    }

    fn expected(&mut self, parts: &hyper::http::request::Parts, body: &[u8]) -> Option<(String, String)> {
        let value = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let authorization = value("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field = |name: &str| {
            authorization.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let (_, scope) = field("Credential")?.split_once('/')?;
        let (names, presented) = (field("SignedHeaders")?, field("Signature")?);
        let pairs: Vec<(&str, &str)> =
            names.split(';').map(|name| Some((name, value(name)?))).collect::<Option<_>>()?;
        let digest = hex(&Sha256::digest(body));
        if value(PAYLOAD).is_some_and(|claimed| claimed != digest) {
            return None;
        }
        let query = parts.uri.query().unwrap_or("");
        let canonical =
            canonical(parts.method.as_str(), parts.uri.path(), query, pairs.into_iter(), names, &digest);
        if self.derived.as_ref().is_none_or(|(known, _)| known != scope) {
            let mut scoped = scope.split('/');
            let (day, region, service) = (scoped.next()?, scoped.next()?, scoped.next()?);
            self.derived = Some((scope.to_owned(), derive(&self.secret_key, day, region, service)));
        }
        let (_, key) = self.derived.as_ref()?;
        Some((signature(key, value("x-amz-date")?, scope, &canonical), presented.to_owned()))
    }
}

fn canonical<'a>(
    method: &str,
    path: &str,
    query: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    names: &str,
    digest: &str,
) -> String {
    let mut text = String::with_capacity(512);
    text.extend([method, "\n", path, "\n", query, "\n"]);
    headers.for_each(|(name, value)| text.extend([name, ":", value.trim(), "\n"]));
    text.extend(["\n", names, "\n", digest]);
    text
}

fn derive(secret: &str, day: &str, region: &str, service: &str) -> [u8; 32] {
    let key = mac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    [region, service, "aws4_request"].iter().fold(key, |key, part| mac(&key, part.as_bytes()))
}

fn signature(key: &[u8; 32], stamp: &str, scope: &str, canonical: &str) -> String {
    let digest = hex(&Sha256::digest(canonical.as_bytes()));
    hex(&mac(key, format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}").as_bytes()))
}

fn mac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    std::array::from_fn(|at| tag.as_ref()[at])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
        text
    })
}

/// Now, as `20250131T235959Z`.
fn stamp_now() -> String {
    stamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// Seconds since 1970 as a date: days are counted from 1 March of year 0, so that a leap day ends its year.
fn stamp(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let mut text = String::with_capacity(16);
    let (hour, minute) = (second / 3600, second % 3600 / 60);
    write!(text, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{:02}Z", second % 60).ok();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(951_782_399), "20000228T235959Z");
        assert_eq!(stamp(951_782_400), "20000229T000000Z");
        assert_eq!(stamp(1_440_938_160), "20150830T123600Z");
        assert_eq!(stamp(4_107_542_399), "21000228T235959Z");
        assert_eq!(stamp(4_107_542_400), "21000301T000000Z");
    }

    /// AWS's published example: "Examples of how to derive a signing key", key of 20150830/us-east-1/iam,
    /// and the signature of GET iam ListUsers ("Elements of an AWS API request signature").
    #[test]
    fn the_published_example_is_signed_alike() {
        let key = derive("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam");
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ];
        let names = "content-type;host;x-amz-date";
        let empty = hex(&Sha256::digest(b""));
        let request =
            canonical("GET", "/", "Action=ListUsers&Version=2010-05-08", headers.into_iter(), names, &empty);
        let scope = "20150830/us-east-1/iam/aws4_request";
        let signed = signature(&key, "20150830T123600Z", scope, &request);
        assert_eq!(signed, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    }

    #[test]
    fn a_floor_accepts_what_the_generator_signs_and_nothing_else() {
        let unsigned = Unsigned {
            service: "s3",
            method: "PUT",
            path: "/bucket/key",
            query: "partNumber=1",
            headers: &[("x-amz-meta-a".into(), "b".into())],
            body: b"body",
        };
        let headers = Signer::new(Credentials::root()).sign("127.0.0.1:1", &unsigned);
        let mut request = hyper::Request::builder().method("PUT").uri("/bucket/key?partNumber=1");
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert!(Verifier::new("test").accepts(&parts, b"body"));
        assert!(!Verifier::new("test").accepts(&parts, b"other"));
        assert!(!Verifier::new("wrong").accepts(&parts, b"body"));
    }
}

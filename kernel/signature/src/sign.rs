//! The signing side, for the region's own clients: the load generator, tests, functions' runtimes.

use crate::canonical::{QueryScope, push_request, push_string_to_sign};
use crate::encoding::{hex_text, push_encoded};
use crate::{Credential, Dialect, Form, KeyCache, PayloadHash, Presented, RequestHead};
use http::header::{HeaderMap, HeaderValue, InvalidHeaderValue};
use names::Timestamp;

/// Who signs, for which scope, and when.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The access key's id, without slashes.
    pub access_key: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
    /// The scope's region.
    pub region: &'a str,
    /// The scope's service, by its signing name.
    pub service: &'a str,
    /// The moment of signing.
    pub now: Timestamp,
    /// Where derived keys are kept.
    pub cache: &'a KeyCache,
}

/// Headers that clients and proxies change on the way.
const NEVER_SIGNED: [&str; 8] = [
    "authorization",
    "connection",
    "expect",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

impl Signer<'_> {
    fn scope(&self, stamp: &str) -> String {
        format!("{}/{}/{}/aws4_request", &stamp[..8], self.region, self.service)
    }

    fn signature(&self, stamp: &str, canonical: &[u8]) -> [u8; 32] {
        let mut string_to_sign = Vec::with_capacity(192);
        push_string_to_sign(&mut string_to_sign, stamp, &self.scope(stamp), canonical);
        self.cache.key(self.secret, &stamp[..8], self.region, self.service).sign(&string_to_sign)
    }
}

fn signed_names(headers: &HeaderMap) -> String {
    let mut names: Vec<&str> = headers.keys().map(http::HeaderName::as_str).collect();
    names.retain(|name| !NEVER_SIGNED.contains(name));
    names.sort_unstable();
    names.join(";")
}

/// Signs a request in its headers, which already hold `host` and everything else that is sent; adds
/// `x-amz-date`, `x-amz-security-token`, `x-amz-content-sha256` where the dialect wants it, and
/// `authorization`. Gives the seed of a chunked body's signatures.
pub fn sign_header(
    signer: &Signer<'_>,
    (method, path, query): (&str, &str, &str),
    headers: &mut HeaderMap,
    payload: &PayloadHash,
) -> Result<Option<Presented>, InvalidHeaderValue> {
    let stamp = signer.now.basic();
    let dialect = Dialect::of(signer.service);
    headers.insert("x-amz-date", HeaderValue::from_str(&stamp)?);
    if let Some(token) = signer.session_token {
        headers.insert("x-amz-security-token", HeaderValue::from_str(token)?);
    }
    if dialect == Dialect::Objects {
        headers.insert("x-amz-content-sha256", HeaderValue::from_str(&payload.header_value())?);
    }
    let signed_headers = signed_names(headers);
    let mut canonical = Vec::with_capacity(1024);
    let head = RequestHead { method, path, query, headers };
    push_request(&mut canonical, dialect, &head, QueryScope::Whole, &signed_headers, payload);
    let signature = signer.signature(&stamp, &canonical);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={signed_headers}, Signature={}",
        signer.access_key,
        signer.scope(&stamp),
        hex_text(&signature)
    );
    headers.insert("authorization", HeaderValue::from_str(&authorization)?);
    let credential = Credential::new(signer.access_key, &stamp[..8], signer.region, signer.service);
    Ok(credential.map(|credential| Presented {
        credential,
        signed_headers,
        signature: Some(signature),
        session_token: signer.session_token.map(str::to_owned),
        lent_token: None,
        signed_at: signer.now,
        form: Form::Header,
        stamp,
    }))
}

/// The query of a presigned URL: that of `head`, with the parameters of a signature that lives for
/// `expires_seconds`. All headers of `head` are signed and must be sent with the URL, so it holds `host`
/// alone in the usual case. The usual payload is [`PayloadHash::Unsigned`] for objects and the hash of
/// the empty body elsewhere.
pub fn presign(
    signer: &Signer<'_>,
    head: &RequestHead<'_>,
    expires_seconds: u32,
    payload: &PayloadHash,
) -> String {
    let stamp = signer.now.basic();
    let signed_headers = signed_names(head.headers);
    let credential = format!("{}/{}", signer.access_key, signer.scope(&stamp));
    let mut query = head.query.as_bytes().to_vec();
    let mut parameter = |name: &str, value: &str| {
        if !query.is_empty() {
            query.push(b'&');
        }
        query.extend_from_slice(name.as_bytes());
        query.push(b'=');
        push_encoded(&mut query, value.as_bytes(), false);
    };
    parameter("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
    parameter("X-Amz-Credential", &credential);
    parameter("X-Amz-Date", &stamp);
    parameter("X-Amz-Expires", &expires_seconds.to_string());
    parameter("X-Amz-SignedHeaders", &signed_headers);
    if let Some(token) = signer.session_token {
        parameter("X-Amz-Security-Token", token);
    }
    let query = String::from_utf8_lossy(&query).into_owned();
    let mut canonical = Vec::with_capacity(1024);
    let signed = RequestHead { query: &query, ..*head };
    let dialect = Dialect::of(signer.service);
    push_request(&mut canonical, dialect, &signed, QueryScope::WithoutSignature, &signed_headers, payload);
    let signature = hex_text(&signer.signature(&stamp, &canonical));
    format!("{query}&X-Amz-Signature={signature}")
}

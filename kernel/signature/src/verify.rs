//! Verification: the request's freshness, what its signature covers, and the signature itself.

use crate::canonical::{QueryScope, push_request, push_string_to_sign};
use crate::encoding::hex_text;
use crate::{AuthError, Dialect, Form, KeyCache, Mismatch, PayloadHash, Presented, RequestHead};
use names::Timestamp;

/// How far the client's clock may be off, in either direction.
pub(crate) const MAX_SKEW_MS: i64 = 15 * 60 * 1000;

/// Checks a presented signature against the secret of its access key.
///
/// `payload` is what [`PayloadHash::declared`] gave, or the hash of the body where that was nothing.
/// On success the caller still holds the body to `payload`, by a check or by the chunk decoder.
pub fn verify(
    presented: &Presented,
    head: &RequestHead<'_>,
    payload: &PayloadHash,
    secret: &str,
    now: Timestamp,
    cache: &KeyCache,
) -> Result<(), AuthError> {
    is_fresh(presented, now)?;
    if presented.dialect() == Dialect::Objects {
        covers_amz_headers(presented, head)?;
    }
    let scope = match presented.form {
        Form::Header => QueryScope::Whole,
        Form::Presigned { .. } => QueryScope::WithoutSignature,
    };
    let mut text = Vec::with_capacity(1024);
    push_request(&mut text, presented.dialect(), head, scope, &presented.signed_headers, payload);
    let mut string_to_sign = Vec::with_capacity(192);
    let credential = &presented.credential;
    push_string_to_sign(&mut string_to_sign, &presented.stamp, credential.scope(), &text);

    let key = cache.key(secret, credential.date(), credential.region(), credential.service());
    match &presented.signature {
        Some(signature) if key.verifies(&string_to_sign, signature) => Ok(()),
        signature => Err(AuthError::SignatureDoesNotMatch(Box::new(Mismatch {
            access_key: credential.access_key().to_owned(),
            canonical_request: String::from_utf8_lossy(&text).into_owned(),
            string_to_sign: String::from_utf8_lossy(&string_to_sign).into_owned(),
            signature: signature.as_ref().map(hex_text).unwrap_or_default(),
        }))),
    }
}

/// Whether a signature lives at a moment.
pub(crate) fn is_fresh(presented: &Presented, now: Timestamp) -> Result<(), AuthError> {
    let signed = presented.signed_at;
    let age_ms = now.millis().saturating_sub(signed.millis());
    match presented.form {
        Form::Header if age_ms > MAX_SKEW_MS => Err(AuthError::Expired { signed, now }),
        Form::Header if age_ms < -MAX_SKEW_MS => Err(AuthError::NotYetCurrent { signed, now }),
        Form::Presigned { expires_seconds } if age_ms > i64::from(expires_seconds) * 1000 => {
            Err(AuthError::PresignExpired { signed, expires_seconds, now })
        }
        Form::Presigned { .. } if age_ms < -MAX_SKEW_MS => Err(AuthError::PresignNotYet { signed, now }),
        Form::Header | Form::Presigned { .. } => Ok(()),
    }
}

/// The object dialect takes no `x-amz-` header that someone on the way could have added. That of the payload's digest is
/// in what is signed anyway; the others are told by name (recorded of AWS by LocalStack's
/// test_put_object_with_md5_and_chunk_signature_bad_headers).
fn covers_amz_headers(presented: &Presented, head: &RequestHead<'_>) -> Result<(), AuthError> {
    let signed = |name: &str| presented.signed_headers.split(';').any(|listed| listed == name);
    let names = head.headers.keys().map(http::HeaderName::as_str);
    let counts = |name: &&str| name.starts_with("x-amz-") && *name != "x-amz-content-sha256";
    let mut unsigned: Vec<&str> = names.filter(counts).filter(|name| !signed(name)).collect();
    unsigned.sort_unstable();
    if unsigned.is_empty() { Ok(()) } else { Err(AuthError::HeadersNotSigned(unsigned.join(", "))) }
}

//! The credentials a request presents: found in the header or the query, parsed, not yet verified.

use crate::dialect::{LENT_TOKEN, LENT_TOKEN_QUERY, takes_lent_tokens};
use crate::digest::sha256;
use crate::encoding::{decode, unhex};
use crate::verify::is_fresh;
use crate::{
    AMZ_DATE, AMZ_SECURITY_TOKEN, AuthError, Credential, Dialect, ExpiresFault, Place, RequestHead, query,
};
use base64::Engine;
use http::header::{AUTHORIZATION, DATE};
use names::Timestamp;

/// Where the signature stands and how long it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the `Authorization` header; good for a quarter of an hour around its date.
    Header,
    /// In the query of a presigned URL; good from its date for these seconds.
    Presigned {
        /// 1 to 604800.
        expires_seconds: u32,
    },
}

/// A well-formed Signature Version 4 of either form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// The access key and the scope.
    pub credential: Credential,
    /// The signed headers' names, joined by `;`, as the client wrote them.
    pub signed_headers: String,
    /// The signature; `None` if it is not 64 hexadecimal digits and so can match nothing.
    pub signature: Option<[u8; 32]>,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// The token of credentials that a service lent, good for requests to it alone.
    pub lent_token: Option<String>,
    /// When the request was signed.
    pub signed_at: Timestamp,
    /// Where the signature stands.
    pub form: Form,
    /// `signed_at` as it enters the string to sign.
    pub(crate) stamp: String,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Longest life of a presigned URL: a week.
pub(crate) const MAX_EXPIRES_SECONDS: u32 = 604_800;
/// Life of a presigned URL that does not state it.
const DEFAULT_EXPIRES_SECONDS: u32 = 900;

impl Presented {
    /// The credentials of a request that came `now`. `None` for a request without any that AWS would look at;
    /// a `Bearer` or `Basic` authorisation is left to whom it concerns.
    pub fn find(head: &RequestHead<'_>, now: Timestamp) -> Result<Option<Self>, AuthError> {
        let header = head.header(AUTHORIZATION);
        let in_query = Scheme::of_query(head.query);
        let in_header = header.map_or(Scheme::None, Scheme::of_header);
        match (in_header, in_query) {
            (Scheme::None, Scheme::None) => Ok(None),
            (Scheme::Version2, _) | (Scheme::None, Scheme::Version2) => Err(AuthError::OldVersion),
            // Whatever the header holds, a page's `Bearer` included.
            (Scheme::None, Scheme::Version4) if header.is_some() => Err(AuthError::TwoMechanisms),
            (Scheme::None, Scheme::Version4) => from_query(head, now).map(Some),
            (Scheme::Version4, Scheme::None) => from_header(head, header.unwrap_or_default(), now).map(Some),
            (Scheme::Version4, _) => Err(AuthError::TwoMechanisms),
        }
    }

    /// The refusal of an `Authorization` of another scheme, which an object store does not pass over.
    pub fn other_scheme(head: &RequestHead<'_>) -> Option<AuthError> {
        let value = head.header(AUTHORIZATION).filter(|value| !value.trim().is_empty())?;
        let other = matches!(Scheme::of_header(value), Scheme::None);
        other.then(|| AuthError::OtherScheme(value.to_owned()))
    }

    /// When a presigned URL of Signature Version 2 ends, where a request is one: seconds of Unix time.
    pub fn old_expiry(head: &RequestHead<'_>) -> Option<Timestamp> {
        let is_old = matches!(Scheme::of_query(head.query), Scheme::Version2);
        let seconds: i64 = query::value(head.query, "Expires").filter(|_| is_old)?.parse().ok()?;
        Some(Timestamp(seconds.checked_mul(1000)?))
    }

    /// The signing rules of the scope's service.
    pub fn dialect(&self) -> Dialect {
        Dialect::of(self.credential.service())
    }

    /// Where the signature stands.
    pub fn place(&self) -> Place {
        match self.form {
            Form::Header => Place::Header,
            Form::Presigned { .. } => Place::Query,
        }
    }

    /// Refuses a scope of another region or service than the endpoint's.
    pub fn scoped_to(&self, region: Option<&str>, service: &str) -> Result<(), AuthError> {
        let (given_region, given_service) = (self.credential.region(), self.credential.service());
        match region {
            Some(expected) if expected != given_region => Err(AuthError::ScopeRegion {
                place: self.place(),
                given: given_region.to_owned(),
                expected: expected.to_owned(),
            }),
            _ if given_service != service => Err(AuthError::ScopeService {
                place: self.place(),
                given: given_service.to_owned(),
                expected: service.to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Copy)]
enum Scheme {
    None,
    Version2,
    Version4,
}

impl Scheme {
    fn of_header(value: &str) -> Self {
        match value.split_ascii_whitespace().next() {
            Some("AWS") => Scheme::Version2,
            Some(scheme) if scheme.starts_with("AWS4-") => Scheme::Version4,
            _ => Scheme::None,
        }
    }

    fn of_query(raw: &str) -> Self {
        let (mut old_key, mut old_signature) = (false, false);
        for (key, _) in query::pairs(raw) {
            match key {
                "X-Amz-Algorithm" | "X-Amz-Signature" | "X-Amz-Credential" => return Scheme::Version4,
                "AWSAccessKeyId" => old_key = true,
                "Signature" => old_signature = true,
                _ => {}
            }
        }
        if old_key && old_signature { Scheme::Version2 } else { Scheme::None }
    }
}

fn digest_text(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(sha256(text.as_bytes()))
}

fn from_header(head: &RequestHead<'_>, value: &str, now: Timestamp) -> Result<Presented, AuthError> {
    let (algorithm, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    let (mut credential, mut headers, mut signature) = (None, None, None);
    let count = parts(rest).count();
    for part in parts(rest) {
        match part.split_once('=') {
            Some(("Credential", text)) => credential = Some(text),
            Some(("SignedHeaders", text)) => headers = Some(text),
            Some(("Signature", text)) => signature = Some(text),
            Some(_) => {}
            None => {
                let digest = digest_text(part);
                return Err(AuthError::NotKeyValue { part: part.to_owned(), digest, count });
            }
        }
    }
    let (Some(credential), Some(headers), Some(signature)) = (credential, headers, signature) else {
        let parts = [("Credential", credential), ("Signature", signature), ("SignedHeaders", headers)];
        let missing = parts.iter().filter(|(_, part)| part.is_none()).map(|(name, _)| *name).collect();
        return Err(AuthError::MissingParts { missing, digest: digest_text(value), count });
    };
    // The algorithm is looked at last (dynalite, connection: "Authorization header is \"AWS4-\"").
    if algorithm != ALGORITHM {
        return Err(AuthError::UnsupportedAlgorithm(Place::Header, algorithm.to_owned(), value.to_owned()));
    }
    let (signed_at, stamp) = date_of(head)?;
    let credential = parse_credential(Place::Header, credential)?;
    let lent = takes_lent_tokens(credential.service()).then(|| head.header(&LENT_TOKEN)).flatten();
    let presented = Presented {
        credential,
        lent_token: lent.map(str::to_owned),
        signed_headers: headers.to_owned(),
        signature: unhex(signature.as_bytes()),
        session_token: head.header(&AMZ_SECURITY_TOKEN).map(str::to_owned),
        signed_at,
        form: Form::Header,
        stamp,
    };
    check_scope(presented, now)
}

/// What stands between commas and blanks.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut from = 0;
    let ends = memchr::memchr2_iter(b',', b' ', text.as_bytes()).chain([text.len()]);
    let parts = ends.map(move |end| text[std::mem::replace(&mut from, end + 1)..end].trim_ascii());
    parts.filter(|part| !part.is_empty())
}

fn date_of(head: &RequestHead<'_>) -> Result<(Timestamp, String), AuthError> {
    let malformed = |text: &str| AuthError::MalformedDate(Place::Header, text.to_owned());
    if let Some(text) = head.header(&AMZ_DATE) {
        let moment = Timestamp::parse_basic(text).map_err(|_| malformed(text))?;
        return Ok((moment, text.to_owned()));
    }
    let text = head.header(DATE).ok_or(AuthError::MissingDate)?;
    let moment = Timestamp::parse_basic(text)
        .or_else(|_| Timestamp::parse_http_date(text))
        .map_err(|_| malformed(text))?;
    Ok((moment, moment.basic()))
}

fn from_query(head: &RequestHead<'_>, now: Timestamp) -> Result<Presented, AuthError> {
    const NAMES: [&str; 6] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "X-Amz-Date",
        "X-Amz-Expires",
    ];
    let values =
        NAMES.map(|name| query::value(head.query, name).filter(|value| !value.is_empty()).map(decode));
    let missing = || {
        let missing = NAMES.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(name, _)| *name);
        AuthError::QueryIncomplete(missing.collect())
    };
    let [Some(algorithm), Some(credential), Some(signature), Some(headers), Some(date), expires] = &values
    else {
        return Err(missing());
    };
    if algorithm != ALGORITHM {
        return Err(AuthError::UnsupportedAlgorithm(Place::Query, algorithm.to_string(), String::new()));
    }
    let credential = parse_credential(Place::Query, credential)?;
    // Only the object store asks for the life of a URL; elsewhere it is that of any signature.
    let expires_seconds = match (expires, Dialect::of(credential.service())) {
        (Some(expires), _) => lifetime(expires)?,
        (None, Dialect::General) => DEFAULT_EXPIRES_SECONDS,
        (None, Dialect::Objects) => return Err(missing()),
    };
    let lent =
        takes_lent_tokens(credential.service()).then(|| query::value(head.query, LENT_TOKEN_QUERY)).flatten();
    let presented = Presented {
        lent_token: lent.map(|text| decode(text).into_owned()),
        credential,
        signed_headers: headers.to_string(),
        signature: unhex(signature.as_bytes()),
        session_token: query::value(head.query, "X-Amz-Security-Token").map(|text| decode(text).into_owned()),
        signed_at: Timestamp::parse_basic(date)
            .map_err(|_| AuthError::MalformedDate(Place::Query, date.to_string()))?,
        form: Form::Presigned { expires_seconds },
        stamp: date.to_string(),
    };
    check_scope(presented, now)
}

fn lifetime(text: &str) -> Result<u32, AuthError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let fault = match (number, text.parse::<i64>()) {
        (false, _) => ExpiresFault::NotANumber,
        (true, Ok(seconds)) if seconds < 1 => ExpiresFault::Negative,
        (true, Ok(seconds)) if seconds <= i64::from(MAX_EXPIRES_SECONDS) => return Ok(seconds as u32),
        (true, Err(_)) if text.starts_with('-') => ExpiresFault::Negative,
        (true, _) => ExpiresFault::TooLong,
    };
    Err(AuthError::QueryExpires(fault))
}

fn parse_credential(place: Place, text: &str) -> Result<Credential, AuthError> {
    Credential::parse(text).ok_or_else(|| AuthError::MalformedCredential(place, text.to_owned()))
}

fn check_scope(presented: Presented, now: Timestamp) -> Result<Presented, AuthError> {
    let (place, credential) = (presented.place(), &presented.credential);
    if credential.terminator() != "aws4_request" {
        return Err(AuthError::ScopeTerminator(place, credential.terminator().to_owned()));
    }
    if !presented.stamp.starts_with(credential.date()) || credential.date().len() != 8 {
        let dialect = presented.dialect();
        // An old or a future date goes first where no object store is asked.
        if dialect == Dialect::General {
            is_fresh(&presented, now)?;
        }
        let (scope, stamp) = (credential.date().to_owned(), presented.stamp);
        let is_date = scope.len() == 8 && scope.bytes().all(|byte| byte.is_ascii_digit());
        if dialect == Dialect::Objects && !is_date {
            return Err(AuthError::ScopeDateForm(place, scope));
        }
        return Err(AuthError::ScopeDate { place, scope, stamp });
    }
    if !presented.signed_headers.split(';').any(|name| name == "host") {
        return Err(AuthError::HostNotSigned);
    }
    Ok(presented)
}

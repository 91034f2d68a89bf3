//! The credential a request names: an access key and the scope its signing key is derived for.

use crate::encoding::decode;
use crate::{RequestHead, query};
use http::header::AUTHORIZATION;
use std::fmt;

/// `AKID/20150830/us-east-1/service/aws4_request`, in one text with its separators remembered.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    text: String,
    /// Offsets of the slashes before date, region, service and terminator.
    slashes: [usize; 4],
}

impl Credential {
    /// Reads the five parts; `None` if there are more or fewer, or if one is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let mut slashes = [0; 4];
        let mut found = memchr::memchr_iter(b'/', text.as_bytes());
        let mut part = 0;
        for slash in &mut slashes {
            // A part that is empty ends where it begins.
            *slash = found.next().filter(|at| *at > part)?;
            part = *slash + 1;
        }
        if found.next().is_some() || part == text.len() {
            return None;
        }
        Some(Credential { text: text.to_owned(), slashes })
    }

    /// A credential of its parts; `None` if a part is empty or holds a slash.
    pub fn new(access_key: &str, date: &str, region: &str, service: &str) -> Option<Self> {
        Self::parse(&format!("{access_key}/{date}/{region}/{service}/aws4_request"))
    }

    /// The credential of a request that may be malformed in every other respect: unsigned, undated,
    /// signed by an older version. For callers that only ask who and where, and do not verify.
    pub fn glimpse(head: &RequestHead<'_>) -> Option<Glimpse> {
        let from_header = head.header(AUTHORIZATION).and_then(|value| {
            if let Some(rest) = value.strip_prefix("AWS ") {
                return rest.split(':').next().map(Glimpse::key_alone);
            }
            let (_, rest) = value.split_once("Credential=")?;
            rest.split([',', ' ']).next().map(Glimpse::of)
        });
        from_header
            .or_else(|| query::value(head.query, "X-Amz-Credential").map(|text| Glimpse::of(&decode(text))))
            .or_else(|| query::value(head.query, "AWSAccessKeyId").map(|t| Glimpse::key_alone(&decode(t))))
            .filter(|glimpse| !glimpse.access_key.is_empty())
    }

    /// The access key's id.
    pub fn access_key(&self) -> &str {
        &self.text[..self.slashes[0]]
    }

    /// The scope's date, `YYYYMMDD`.
    pub fn date(&self) -> &str {
        &self.text[self.slashes[0] + 1..self.slashes[1]]
    }

    /// The scope's region.
    pub fn region(&self) -> &str {
        &self.text[self.slashes[1] + 1..self.slashes[2]]
    }

    /// The scope's service, by its signing name.
    pub fn service(&self) -> &str {
        &self.text[self.slashes[2] + 1..self.slashes[3]]
    }

    /// The scope's last part, `aws4_request` in every valid one.
    pub fn terminator(&self) -> &str {
        &self.text[self.slashes[3] + 1..]
    }

    /// All behind the access key: `20150830/us-east-1/service/aws4_request`.
    pub fn scope(&self) -> &str {
        &self.text[self.slashes[0] + 1..]
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What can be seen of a credential without judging it; parts that are absent are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// The access key's id.
    pub access_key: String,
    /// The scope's region.
    pub region: String,
    /// The scope's service.
    pub service: String,
}

impl Glimpse {
    fn of(text: &str) -> Self {
        let mut parts = text.trim().split('/');
        let access_key = parts.next().unwrap_or_default().to_owned();
        let mut behind_date = parts.skip(1).map(str::to_owned);
        Glimpse {
            access_key,
            region: behind_date.next().unwrap_or_default(),
            service: behind_date.next().unwrap_or_default(),
        }
    }

    fn key_alone(access_key: &str) -> Self {
        Glimpse { access_key: access_key.trim().to_owned(), ..Glimpse::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_parts() {
        let credential = Credential::parse("AKID/20150830/us-east-1/sqs/aws4_request").unwrap();
        assert_eq!(credential.access_key(), "AKID");
        assert_eq!(
            (credential.date(), credential.region(), credential.service(), credential.terminator()),
            ("20150830", "us-east-1", "sqs", "aws4_request")
        );
        assert_eq!(credential.scope(), "20150830/us-east-1/sqs/aws4_request");
        for text in ["", "AKID", "AKID/1/2/3", "AKID/1/2/3/4/5", "/1/2/3/4", "A//2/3/4", "A/1/2/3/"] {
            assert_eq!(Credential::parse(text), None, "{text}");
        }
    }

    #[test]
    fn glimpses() {
        let cases = [
            ("AWS4-HMAC-SHA256 Credential=AK/20150830/eu-west-1/sqs/aws4_request", "", "AK eu-west-1 sqs"),
            ("AWS4-HMAC-SHA256 Credential=AK/d/r, SignedHeaders=x", "", "AK r "),
            ("AWS4-HMAC-SHA256 Credential=AK", "", "AK  "),
            ("AWS AK:c2ln", "", "AK  "),
            ("", "X-Amz-Credential=AK%2F20150830%2Fus-east-1%2Fs3%2Faws4_request", "AK us-east-1 s3"),
            ("", "a=b&AWSAccessKeyId=AK&Signature=x", "AK  "),
            ("Bearer abc", "", ""),
            ("AWS4-HMAC-SHA256 Credential=", "", ""),
        ];
        for (header, query, expected) in cases {
            let mut headers = http::HeaderMap::new();
            if !header.is_empty() {
                headers.insert("authorization", header.parse().unwrap());
            }
            let head = RequestHead { method: "GET", path: "/", query, headers: &headers };
            let seen = Credential::glimpse(&head)
                .map(|seen| format!("{} {} {}", seen.access_key, seen.region, seen.service));
            assert_eq!(seen.unwrap_or_default(), expected, "{header}{query}");
        }
    }
}

//! Headers that whoever presigned a URL moved into its query: SDKs put `x-amz-meta-…`, `x-amz-acl`,
//! `x-amz-storage-class` and their like there, and S3 reads them as if they were headers. What belongs to the
//! signature stays where it is, and so do checksums, which presigners compute of a body they do not have.

use crate::mail_word::carried;
use crate::message::Incoming;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

/// Most headers that are taken from a query.
const MAX_HOISTED: usize = 100;
/// Conditions that are taken from a query (recorded of AWS by LocalStack's test_pre_signed_url_if_match and …_none_match).
const CONDITIONS: [&str; 2] = ["If-Match", "If-None-Match"];
/// Parameters of a signature.
const OF_SIGNATURE: [&str; 8] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// The headers of a request with those of its presigned query; `None` where it has none there.
pub fn headers(incoming: &Incoming) -> Option<HeaderMap> {
    // A look at the text spares most requests the reading of their query.
    let has_any = incoming.query.contains("x-amz-") || incoming.query.contains("-Match=");
    if !has_any || !is_presigned(&incoming.query) {
        return None;
    }
    let pairs = incoming.query.split('&').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.filter(|(name, _)| is_hoisted(name));
    let mut headers = incoming.headers.clone();
    for (name, value) in pairs.take(MAX_HOISTED) {
        let text: Vec<u8> = percent_decode_str(value).collect();
        let value = HeaderValue::from_bytes(&carried(name, &text));
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), value)
            && !headers.contains_key(&name)
        {
            headers.insert(name, value);
        }
    }
    Some(headers)
}

fn is_presigned(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("X-Amz-Signature=") || pair.starts_with("Signature="))
}

fn is_hoisted(name: &str) -> bool {
    let checks = name.starts_with("x-amz-checksum-") || name.starts_with("x-amz-sdk-");
    let conditions = CONDITIONS.iter().any(|condition| condition.eq_ignore_ascii_case(name));
    conditions || (name.starts_with("x-amz-") && !checks && !OF_SIGNATURE.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken() {
        for (name, taken) in [
            ("x-amz-meta-venue", true),
            ("x-amz-acl", true),
            ("x-amz-storage-class", true),
            ("x-amz-security-token", false),
            ("x-amz-checksum-crc32", false),
            ("x-amz-sdk-checksum-algorithm", false),
            ("X-Amz-Signature", false),
            ("versionId", false),
            ("If-None-Match", true),
        ] {
            assert_eq!(is_hoisted(name), taken, "{name}");
        }
        assert!(
            is_presigned("x-amz-acl=private&X-Amz-Signature=00") && is_presigned("Signature=a&Expires=1")
        );
        assert!(!is_presigned("x-amz-acl=private"));
    }
}

//! What a request says of a new object besides its content: user metadata, system headers, storage class,
//! tags.

use super::names::can_be_bucket;
use names::Tags;
use service::{TagFault, TagRules};
use std::collections::BTreeMap;

/// What an object without `Content-Type` is.
pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";
/// Most bytes of user metadata: the sum of keys and values.
pub const MAX_METADATA_BYTES: usize = 2048;
/// The limits of an object's tags.
pub const OBJECT_TAGS: TagRules = TagRules { max_tags: 10, max_key: 128, max_value: 256 };
/// The limits of a bucket's tags.
pub const BUCKET_TAGS: TagRules = TagRules { max_tags: 50, max_key: 128, max_value: 256 };

/// The storage classes that a general purpose bucket takes.
const STORAGE_CLASSES: [&str; 8] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
];

/// Whether an object may be put into this class.
pub fn is_storage_class(name: &str) -> bool {
    STORAGE_CLASSES.contains(&name)
}

/// Whether objects of a class must be restored before they can be read.
pub fn is_archived(storage_class: &str) -> bool {
    matches!(storage_class, "GLACIER" | "DEEP_ARCHIVE")
}

/// The size of user metadata, where it is above the limit.
pub fn oversized_metadata(metadata: &BTreeMap<String, String>) -> Option<usize> {
    let size = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    (size > MAX_METADATA_BYTES).then_some(size)
}

/// `Content-Encoding` as it is kept: `aws-chunked` belongs to the transfer, not to the object. The rest stays as it was
/// written (Ceph's `test_object_content_encoding_aws_chunked`, which is run on AWS, too).
pub fn kept_encoding(header: &str) -> Option<String> {
    let of_object = |coding: &&str| !matches!(coding.trim(), "" | "aws-chunked");
    let kept: Vec<&str> = header.split(',').filter(of_object).collect();
    (!kept.is_empty()).then(|| kept.join(",").trim().to_owned())
}

/// Why a tag set is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSetFault {
    /// The header is not a URL query.
    Malformed,
    /// The value of a tag is against the rules.
    Value {
        /// Its key.
        key: String,
        /// The value.
        value: String,
    },
    /// A tag is against the rules.
    Tag(TagFault),
}

/// Letters, digits, blanks and a few signs: S3 User Guide, "Categorizing your objects using tags".
pub fn fits_tags(text: &str) -> bool {
    text.chars().all(|char| char.is_alphanumeric() || char.is_whitespace() || "_.:/=+-@".contains(char))
}

/// Tags against the limits.
///
/// # Errors
/// Where one of them, or their number, is.
pub fn tag_set<'a>(
    rules: TagRules,
    tags: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Tags, TagSetFault> {
    let tags: Vec<_> = tags.into_iter().collect();
    for (key, value) in &tags {
        if !fits_tags(key) {
            return Err(TagSetFault::Tag(TagFault::Key((*key).to_owned())));
        }
        if !fits_tags(value) {
            return Err(TagSetFault::Value { key: (*key).to_owned(), value: (*value).to_owned() });
        }
    }
    rules.add(&Tags::new(), tags.iter().copied()).map_err(|fault| match fault {
        TagFault::Value { key } => {
            let value = tags.iter().find(|(known, _)| *known == key).map_or("", |(_, value)| *value);
            TagSetFault::Value { value: value.to_owned(), key }
        }
        fault => TagSetFault::Tag(fault),
    })
}

/// The `x-amz-tagging` header: tags as a URL query. Of AWS are known that `key1=val1,key2=val2` (LocalStack's
/// test_object_tags_crud_…, recorded), `=` and `key%` are not well formed, and that `key=val?` is a wrong value (versitygw's
/// issues 1215 and 1216, pull request 1243).
///
/// # Errors
/// Where it is none, or the tags are against the rules.
pub fn tagging_header(header: &str) -> Result<Tags, TagSetFault> {
    let mut pairs = Vec::new();
    for pair in header.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key.is_empty() || value.contains('=') || !is_encoded(pair) {
            return Err(TagSetFault::Malformed);
        }
        let decoded = |text| form_decoded(text).ok_or(TagSetFault::Malformed);
        pairs.push((decoded(key)?, decoded(value)?));
    }
    tag_set(OBJECT_TAGS, pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

fn form_decoded(text: &str) -> Option<String> {
    url_decoded(&text.replace('+', " "))
}

/// Percent signs and digits back to text; `None` where that is not UTF-8.
pub fn url_decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(String::from)
}

/// The source of a copy, as `x-amz-copy-source` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version, where one is named.
    pub version_id: Option<String>,
}

/// Why a header names no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSource {
    /// It names no bucket, or what cannot be one.
    Bucket,
    /// It names no key.
    Key,
    /// It cannot be read.
    Encoding,
    /// It names a version without a name.
    Version,
}

/// What stands for an access point in the place of a bucket, and the key, of
/// `arn:aws:s3:region:account:accesspoint/name/object/key`.
fn through_access_point(path: &str) -> Option<(String, String)> {
    let mut parts = path.strip_prefix("arn:")?.splitn(5, ':');
    let (_, service, _, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (name, key) = parts.next()?.strip_prefix("accesspoint/")?.split_once("/object/")?;
    (service == "s3").then(|| (format!("{name}-{account}"), key.to_owned()))
}

/// Whether each `%` has its two digits.
fn is_encoded(text: &str) -> bool {
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        if byte == b'%' && !(is_digit(rest.next()) && is_digit(rest.next())) {
            return false;
        }
    }
    true
}

/// Reads `[/]bucket/key[?versionId=id]`, URL-encoded, or the ARN of an object behind an access point.
///
/// # Errors
/// Where it is none.
pub fn copy_source(header: &str) -> Result<CopySource, NoSource> {
    let (path, version_id) = match header.rsplit_once("?versionId=") {
        Some((path, id)) => (path, Some(id.to_owned())),
        None => (header, None),
    };
    // Clients that encode as forms do write a blank as `+` (recorded of AWS by LocalStack's
    // test_copy_object_special_character_plus_for_space), and some name the whole address (…'s
    // test_s3_timestamp_precision).
    let path = url_decoded(&path.replace('+', " ")).filter(|_| is_encoded(path)).ok_or(NoSource::Encoding)?;
    let address = path.strip_prefix("https://").or_else(|| path.strip_prefix("http://"));
    let path = address.map_or(Some(path.as_str()), |rest| rest.split_once('/').map(|(_, path)| path));
    let path = path.ok_or(NoSource::Key)?;
    let (bucket, key) = through_access_point(path).unwrap_or_else(|| {
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        (bucket.to_owned(), key.to_owned())
    });
    match (bucket.as_str(), key.as_str(), version_id.as_deref()) {
        ("", "", _) => Err(NoSource::Bucket),
        ("", ..) | (_, "", _) => Err(NoSource::Key),
        (.., Some("")) => Err(NoSource::Version),
        (bucket, ..) if !can_be_bucket(bucket) => Err(NoSource::Bucket),
        _ => Ok(CopySource { bucket, key, version_id }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_classes() {
        assert!(
            is_storage_class("STANDARD_IA") && !is_storage_class("OUTPOSTS") && !is_storage_class("standard")
        );
        assert!(is_archived("GLACIER") && !is_archived("GLACIER_IR"));
    }

    #[test]
    fn metadata_counts_keys_and_values() {
        let of = |value: usize| BTreeMap::from([("ab".to_owned(), "v".repeat(value))]);
        assert_eq!(oversized_metadata(&of(2046)), None);
        assert_eq!(oversized_metadata(&of(2047)), Some(2049));
    }

    #[test]
    fn encodings() {
        for (header, kept) in [
            ("gzip", Some("gzip")),
            ("aws-chunked", None),
            ("gzip, aws-chunked", Some("gzip")),
            ("aws-chunked,br", Some("br")),
            ("deflate, aws-chunked, gzip", Some("deflate, gzip")),
            ("aws-chunked, gzip", Some("gzip")),
            ("deflate,gzip", Some("deflate,gzip")),
        ] {
            assert_eq!(kept_encoding(header).as_deref(), kept, "{header}");
        }
    }

    #[test]
    fn tag_headers() {
        let tags = tagging_header("a=1&b%20c=d+e&f").unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("a", "1"), ("b c", "d e"), ("f", "")]);
        for malformed in ["a=%ff", "=", "=b", "key%", "key1=val1,key2=val2"] {
            assert_eq!(tagging_header(malformed), Err(TagSetFault::Malformed), "{malformed}");
        }
        for wrong in ["key=val?", "key=val(", "key=val*", "key=val#"] {
            assert!(matches!(tagging_header(wrong), Err(TagSetFault::Value { .. })), "{wrong}");
        }
        assert_eq!(tagging_header("&&&").map(|tags| tags.iter().count()), Ok(0));
        assert_eq!(tagging_header("a=1&a=2"), Err(TagSetFault::Tag(TagFault::Duplicate("a".into()))));
        let eleven: Vec<String> = (0..11).map(|n| format!("k{n}=v")).collect();
        assert_eq!(tagging_header(&eleven.join("&")), Err(TagSetFault::Tag(TagFault::TooMany { limit: 10 })));
    }

    #[test]
    fn copy_sources() {
        let source = |bucket: &str, key: &str, version: Option<&str>| {
            Ok(CopySource { bucket: bucket.into(), key: key.into(), version_id: version.map(String::from) })
        };
        for (header, expected) in [
            ("b/k", source("b", "k", None)),
            ("/b/k/l", source("b", "k/l", None)),
            ("b/%C3%A9%20%2B?versionId=x", source("b", "é +", Some("x"))),
            ("b%2Fa+b", source("b", "a b", None)),
            ("http://localhost:4566/b/k", source("b", "k", None)),
            ("http://localhost:4566", Err(NoSource::Key)),
            ("b//k", source("b", "/k", None)),
            ("b/a%3FversionId=1", source("b", "a?versionId=1", None)),
            ("b", Err(NoSource::Key)),
            ("b/", Err(NoSource::Key)),
            ("", Err(NoSource::Bucket)),
            ("/", Err(NoSource::Bucket)),
            ("/k", Err(NoSource::Key)),
            ("b/%ff", Err(NoSource::Encoding)),
            // The authors of versitygw, whose tests CopyObject_invalid_copy_source and UploadPartCopy_… hold on AWS.
            ("bucket/%ZZ", Err(NoSource::Encoding)),
            ("100%/foo/bar/baz", Err(NoSource::Encoding)),
            ("bucket/%A/bar", Err(NoSource::Encoding)),
            ("%", Err(NoSource::Encoding)),
            ("bucket/%C3%", Err(NoSource::Encoding)),
            ("192.168.1.1/foo", Err(NoSource::Bucket)),
            ("2001:0db8:85a3:0000:0000:8a2e:0370:7334/something", Err(NoSource::Bucket)),
            ("my-buc@k&()t/obj", Err(NoSource::Bucket)),
            ("Old_bucket/k", source("Old_bucket", "k", None)),
            ("b/k?versionId=", Err(NoSource::Version)),
            (
                "arn:aws:s3:us-west-2:123456789012:accesspoint/my-point/object/a/b.pdf",
                source("my-point-123456789012", "a/b.pdf", None),
            ),
        ] {
            assert_eq!(copy_source(header), expected, "{header}");
        }
    }
}

//! Checksums as requests give them and answers show them. The API has a member for each algorithm; here
//! they are one value.

use crate::errors::S3Error;
use crate::rules::multipart::base64;
use crate::state::ChecksumRecord;
use base64::Engine;
use service::checksum::Algorithm;

/// The algorithm of content that came without a checksum: S3 User Guide, "Checking object integrity".
pub const DEFAULT: Algorithm = Algorithm::Crc64Nvme;

/// What a request says of the checksum of its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The algorithm that was named or used.
    pub algorithm: Option<Algorithm>,
    /// The value; `None` where it follows the content.
    pub value: Option<Vec<u8>>,
}

/// Reads the checksum members of a request: (algorithm's name, value) and the algorithm that was named.
///
/// # Errors
/// Where there are two, one is malformed, or its algorithm is not computed here.
pub fn given<'a>(
    members: impl IntoIterator<Item = (&'static str, Option<&'a str>)>,
    named: Option<&str>,
) -> Result<Given, S3Error> {
    let mut present = members.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    let first = present.next();
    if present.next().is_some() {
        return Err(S3Error::InvalidRequest {
            message: "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
                .to_owned(),
        });
    }
    // Swift's tests against AWS, test/s3api/test_object_checksums.py.
    let invalid = || S3Error::InvalidRequest {
        message: "Value for x-amz-sdk-checksum-algorithm header is invalid.".to_owned(),
    };
    let known = |name: &str| Algorithm::of_name(name).ok_or_else(invalid);
    let named = named.map(known).transpose()?;
    let Some((name, text)) = first else { return Ok(Given { algorithm: named, value: None }) };
    let algorithm = known(name)?;
    if named.is_some_and(|named| named != algorithm) {
        return Err(invalid());
    }
    let value = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok();
    let value = value.filter(|value| value.len() == algorithm.length());
    let value = value.ok_or_else(|| S3Error::InvalidRequest {
        message: format!("Value for x-amz-checksum-{} header is invalid.", name.to_ascii_lowercase()),
    })?;
    Ok(Given { algorithm: Some(algorithm), value: Some(value) })
}

/// A checksum as clients see it: base64, with the number of parts where it is made of theirs.
pub fn text(checksum: &ChecksumRecord) -> String {
    let value = base64(&checksum.value);
    match checksum.composite {
        Some(parts) => format!("{value}-{parts}"),
        None => value,
    }
}

/// The checksum members of an input, for [`given`].
macro_rules! checksum_members {
    ($input:expr) => {
        [
            ("CRC32", $input.checksum_crc32.as_deref()),
            ("CRC32C", $input.checksum_crc32_c.as_deref()),
            ("CRC64NVME", $input.checksum_crc64_nvme.as_deref()),
            ("SHA1", $input.checksum_sha1.as_deref()),
            ("SHA256", $input.checksum_sha256.as_deref()),
            ("SHA512", $input.checksum_sha512.as_deref()),
            ("MD5", $input.checksum_md5.as_deref()),
            ("XXHASH64", $input.checksum_xxhash64.as_deref()),
            ("XXHASH3", $input.checksum_xxhash3.as_deref()),
            ("XXHASH128", $input.checksum_xxhash128.as_deref()),
        ]
    };
}

/// Puts a checksum into its member of an output.
macro_rules! show_checksum {
    ($output:expr, $algorithm:expr, $text:expr) => {{
        use service::checksum::Algorithm;
        let text = Some($text);
        match $algorithm {
            Algorithm::Crc32 => $output.checksum_crc32 = text,
            Algorithm::Crc32c => $output.checksum_crc32_c = text,
            Algorithm::Crc64Nvme => $output.checksum_crc64_nvme = text,
            Algorithm::Sha1 => $output.checksum_sha1 = text,
            Algorithm::Sha256 => $output.checksum_sha256 = text,
            Algorithm::Sha512 => $output.checksum_sha512 = text,
            Algorithm::Md5 => $output.checksum_md5 = text,
            Algorithm::Xxh64 => $output.checksum_xxhash64 = text,
            Algorithm::Xxh3 => $output.checksum_xxhash3 = text,
            Algorithm::Xxh128 => $output.checksum_xxhash128 = text,
        }
    }};
}

/// Puts an object's checksum and its type into an output.
macro_rules! show_object_checksum {
    ($output:expr, $checksum:expr) => {
        if let Some(checksum) = $checksum {
            $crate::checksums::show_checksum!($output, checksum.algorithm, $crate::checksums::text(checksum));
            $output.checksum_type = Some(if checksum.composite.is_some() {
                model_s3::ChecksumType::Composite
            } else {
                model_s3::ChecksumType::FullObject
            });
        }
    };
}

pub(crate) use {checksum_members, show_checksum, show_object_checksum};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_gives() {
        let crc = || ("CRC32", Some("y/Q5Jg=="));
        assert_eq!(given([("CRC32", None)], None).unwrap(), Given::default());
        let value = Some(vec![0xcb, 0xf4, 0x39, 0x26]);
        assert_eq!(given([crc()], None).unwrap(), Given { algorithm: Some(Algorithm::Crc32), value });
        let trailing = given([("CRC32", None)], Some("CRC32")).unwrap();
        assert_eq!(trailing, Given { algorithm: Some(Algorithm::Crc32), value: None });
        assert!(given([crc(), ("SHA1", Some("AA=="))], None).is_err());
        assert!(given([crc()], Some("SHA1")).is_err());
        for bad in ["", "y/Q5Jg", "AAAA", "?"] {
            assert!(given([("CRC32", Some(bad))], None).is_err(), "{bad}");
        }
        assert!(given([("XXHASH3", Some("AAAA"))], None).is_err());
    }
}

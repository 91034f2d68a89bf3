//! What buckets and objects may be called.
//! Naming rules of general purpose buckets: S3 User Guide, "General purpose bucket naming rules".

use ::names::{AccountId, Region};

/// Longest key of an object, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1024;

/// Endings that S3 keeps for names of its own: access point aliases, Object Lambda, multi-region access
/// points, directory buckets, table buckets.
const RESERVED_ENDINGS: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
/// Beginnings that S3 keeps.
const RESERVED_BEGINNINGS: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];

/// Whether a new bucket may have this name.
pub fn is_bucket_name(name: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && edge(name.bytes().next())
        && edge(name.bytes().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !RESERVED_BEGINNINGS.iter().any(|start| name.starts_with(start))
        && !RESERVED_ENDINGS.iter().any(|end| name.ends_with(end))
}

/// How names in an account's own namespace of a region end: nobody else can take them.
/// S3 User Guide, "Namespaces for general purpose buckets".
pub fn own_ending(account: AccountId, region: &Region) -> String {
    format!("-{account}-{region}-an")
}

/// Whether an object may have this key.
pub fn is_key(key: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names() {
        for good in ["abc", "my.bucket", "a-b-c", "1bucket9", "999.999.999.999", &"a".repeat(63)] {
            assert!(is_bucket_name(good), "{good}");
        }
        for bad in [
            "",
            "ab",
            "Upper",
            "under_score",
            "-abc",
            "abc-",
            ".abc",
            "abc.",
            "a..b",
            "192.168.5.4",
            "xn--bucket",
            "sthree-x",
            "amzn-s3-demo-x",
            "x-s3alias",
            "x--ol-s3",
            "x.mrap",
            "x--x-s3",
            "é23",
            &"a".repeat(64),
        ] {
            assert!(!is_bucket_name(bad), "{bad}");
        }
    }

    #[test]
    fn keys_are_counted_in_bytes() {
        assert!(is_key("a") && is_key("../..//\u{1}") && is_key(&"é".repeat(512)));
        assert!(!is_key("") && !is_key(&"é".repeat(513)));
    }
}

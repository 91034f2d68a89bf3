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

/// Whether a bucket may have been given this name at any time: until 2018 capitals and underscores were taken.
pub fn can_be_bucket(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

/// How names in an account's own namespace of a region end: nobody else can take them.
/// S3 User Guide, "Namespaces for general purpose buckets".
pub fn own_ending(account: AccountId, region: &Region) -> String {
    format!("-{account}-{region}-an")
}

/// Whether a name is of the namespace of some account in some region: of the form `…-account-region-an`.
pub fn is_in_a_namespace(name: &str) -> bool {
    let Some(rest) = name.strip_suffix("-an") else { return false };
    let mut places = rest.match_indices('-').map(|(at, _)| rest.split_at(at));
    places.any(|(before, region)| {
        before.rsplit_once('-').is_some_and(|(_, account)| account.parse::<AccountId>().is_ok())
            && region[1..].parse::<Region>().is_ok()
    })
}

/// Whether a new access point may have this name.
/// S3 User Guide, "Access points naming rules, restrictions, and limitations".
pub fn is_access_point_name(name: &str) -> bool {
    (3..=50).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.starts_with("xn--")
        && !name.ends_with("-s3alias")
}

/// Whether an object may have this key.
pub fn is_key(key: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_point_names() {
        for good in ["abc", "my-point-1", &"a".repeat(50)] {
            assert!(is_access_point_name(good), "{good}");
        }
        for bad in
            ["", "sa", "xn-_test-alias", "a.b.c", "-abc", "abc-", "xn--abc", "abc-s3alias", &"a".repeat(51)]
        {
            assert!(!is_access_point_name(bad), "{bad}");
        }
    }

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
    fn names_of_namespaces() {
        let own = own_ending(AccountId::DEFAULT, &Region::default());
        for of_one in [&*format!("logs{own}"), "a-b-111122223333-ap-southeast-2-an", "a-111122223333-x-an"] {
            assert!(is_in_a_namespace(of_one), "{of_one}");
        }
        for of_none in [
            "plan",
            "mister-an",
            "logs-11112222333-us-east-1-an",
            "logs-111122223333-an",
            "111122223333-us-east-1-an",
            "logs-111122223333-us-east-1",
        ] {
            assert!(!is_in_a_namespace(of_none), "{of_none}");
        }
    }

    #[test]
    fn keys_are_counted_in_bytes() {
        assert!(is_key("a") && is_key("../..//\u{1}") && is_key(&"é".repeat(512)));
        assert!(!is_key("") && !is_key(&"é".repeat(513)));
    }
}

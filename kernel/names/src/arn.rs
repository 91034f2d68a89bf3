//! An Amazon Resource Name: `arn:partition:service:region:account:resource`.

use crate::account::ascii;
use crate::{AccountId, Malformed, Region};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An ARN. Region and account may be empty (`arn:aws:s3:::bucket`, `arn:aws:iam::000000000000:role/r`);
/// the resource keeps its colons and slashes.
///
/// ```
/// use names::Arn;
/// let arn: Arn = "arn:aws:sqs:eu-west-1:000000000000:orders".parse().unwrap();
/// assert_eq!((arn.service(), arn.resource()), ("sqs", "orders"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    text: String,
    /// Offsets of the starts of service, region, account and resource in `text`.
    parts: [u16; 4],
}

impl Arn {
    /// Longest ARN accepted anywhere, in bytes.
    pub const MAX_BYTES: usize = 2048;

    /// The ARN of a resource that lives in a region.
    pub fn regional(service: &str, region: &Region, account: AccountId, resource: &str) -> Self {
        Self::of(region.partition(), service, region.as_str(), ascii(&account.digits()), resource)
    }

    /// The ARN of a resource that belongs to an account and no region, such as a role.
    pub fn global(service: &str, account: AccountId, resource: &str) -> Self {
        Self::of("aws", service, "", ascii(&account.digits()), resource)
    }

    /// The ARN of a resource named across the partition, such as a bucket.
    pub fn partition_wide(service: &str, resource: &str) -> Self {
        Self::of("aws", service, "", "", resource)
    }

    fn of(partition: &str, service: &str, region: &str, account: &str, resource: &str) -> Self {
        let service_at = 4 + partition.len() + 1;
        let region_at = service_at + service.len() + 1;
        let account_at = region_at + region.len() + 1;
        let resource_at = account_at + account.len() + 1;
        let offset = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        // Every request makes some, so they are joined without the formatter.
        let mut text = String::with_capacity(resource_at + resource.len());
        for part in ["arn:", partition, ":", service, ":", region, ":", account, ":", resource] {
            text.push_str(part);
        }
        Arn { text, parts: [offset(service_at), offset(region_at), offset(account_at), offset(resource_at)] }
    }

    fn between(&self, from: usize, to: usize) -> &str {
        &self.text[self.parts[from] as usize..self.parts[to] as usize - 1]
    }

    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub fn partition(&self) -> &str {
        &self.text[4..self.parts[0] as usize - 1]
    }

    /// The service's namespace: `sqs`, `lambda`, `iam`.
    pub fn service(&self) -> &str {
        self.between(0, 1)
    }

    /// The region's text, empty where the ARN has none.
    pub fn region_text(&self) -> &str {
        self.between(1, 2)
    }

    /// The account's text, empty where the ARN has none (`aws` in managed policies).
    pub fn account_text(&self) -> &str {
        self.between(2, 3)
    }

    /// The region, where the ARN has a valid one.
    pub fn region(&self) -> Option<Region> {
        self.region_text().parse().ok()
    }

    /// The account, where the ARN has a valid one.
    pub fn account(&self) -> Option<AccountId> {
        self.account_text().parse().ok()
    }

    /// All behind the fifth colon: `queue-name`, `table/orders/index/by-date`, `function:name:alias`.
    pub fn resource(&self) -> &str {
        &self.text[self.parts[3] as usize..]
    }

    /// The resource's type and the rest, split at the first `/` or `:`; the type is empty without one.
    pub fn kind_and_id(&self) -> (&str, &str) {
        let resource = self.resource();
        match resource.find(['/', ':']) {
            Some(at) => (&resource[..at], &resource[at + 1..]),
            None => ("", resource),
        }
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Arn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed::new("ARN", text);
        if text.len() > Self::MAX_BYTES {
            return Err(malformed());
        }
        let mut fields = text.splitn(6, ':');
        let (Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(resource)) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed());
        };
        if partition.is_empty() || service.is_empty() || resource.is_empty() {
            return Err(malformed());
        }
        Ok(Arn::of(partition, service, region, account, resource))
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Arn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Arn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let cases = [
            ("arn:aws:s3:::bucket/a:b", ("aws", "s3", "", "", "bucket/a:b")),
            ("arn:aws:iam::000000000000:role/r", ("aws", "iam", "", "000000000000", "role/r")),
            (
                "arn:aws-cn:lambda:cn-north-1:1:function:f",
                ("aws-cn", "lambda", "cn-north-1", "1", "function:f"),
            ),
        ];
        for (text, expect) in cases {
            let arn: Arn = text.parse().unwrap();
            let got = (arn.partition(), arn.service(), arn.region_text(), arn.account_text(), arn.resource());
            assert_eq!(got, expect);
            assert_eq!(arn.to_string(), text);
        }
    }

    #[test]
    fn refused() {
        for text in ["", "arn", "arn:aws:s3", "arn:aws:s3:::", "urn:aws:s3:::b", &"arn:".repeat(1000)] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }

    #[test]
    fn built_is_parsed() {
        let built = Arn::regional("sqs", &Region::default(), AccountId::DEFAULT, "q");
        assert_eq!(built, "arn:aws:sqs:us-east-1:000000000000:q".parse().unwrap());
    }
}

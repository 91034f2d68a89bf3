//! AWS's own managed policies: those that applications attach, with AWS's documents. Which they are is
//! data, in `managed.json`; a policy that is not there does not exist in this region. Their unique ids
//! are this region's own, made from their ARNs.

use names::Timestamp;
use policy::Policy;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

/// A policy of AWS's.
pub struct AwsPolicy {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its ARN.
    pub arn: String,
    /// `ANPA…`.
    pub id: String,
    /// The number of its version.
    pub version: u32,
    /// When it was made.
    pub created: Timestamp,
    /// When its version was made.
    pub updated: Timestamp,
    /// Its document.
    pub document: Box<RawValue>,
    compiled: OnceLock<Arc<Policy>>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default = "root_path")]
    path: String,
    version: u32,
    created: String,
    updated: String,
    document: Box<RawValue>,
}

fn root_path() -> String {
    "/".to_owned()
}

impl Entry {
    #[expect(clippy::expect_used, reason = "the table is part of the program, and a test reads all of it")]
    fn read(self) -> AwsPolicy {
        let moment = |text: &str| Timestamp::parse_iso8601(text).expect("a moment");
        let arn = format!("arn:aws:iam::aws:policy{}{}", self.path, self.name);
        AwsPolicy {
            id: unique_id(&arn),
            created: moment(&self.created),
            updated: moment(&self.updated),
            arn,
            name: self.name,
            path: self.path,
            version: self.version,
            document: self.document,
            compiled: OnceLock::new(),
        }
    }
}

impl AwsPolicy {
    /// The document, compiled when it is first asked for.
    #[expect(clippy::expect_used, reason = "the table is part of the program, and a test reads all of it")]
    pub fn policy(&self) -> Arc<Policy> {
        let compile = || Arc::new(Policy::parse(self.document.get()).expect("a policy"));
        self.compiled.get_or_init(compile).clone()
    }
}

/// `ANPA` and seventeen characters, from a hash (FNV-1a) of the ARN.
fn unique_id(arn: &str) -> String {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hash = arn.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b)
    });
    let drawn = (0..17).map(|place| char::from(BASE32[(hash >> (5 * place)) as usize & 31]));
    "ANPA".chars().chain(drawn).collect()
}

static ALL: LazyLock<BTreeMap<String, AwsPolicy>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the table is part of the program, and a test reads all of it")]
    let entries: Vec<Entry> = serde_json::from_str(include_str!("managed.json")).expect("a table");
    entries.into_iter().map(Entry::read).map(|policy| (policy.arn.clone(), policy)).collect()
});

/// All policies of AWS's, in the order of their ARNs.
pub fn all() -> impl Iterator<Item = &'static AwsPolicy> {
    ALL.values()
}

/// A policy of AWS's by its ARN.
pub fn find(arn: &str) -> Option<&'static AwsPolicy> {
    if is_aws(arn) { ALL.get(arn) } else { None }
}

/// Whether an ARN is one of a policy of AWS's, be there one or not.
pub fn is_aws(arn: &str) -> bool {
    arn.starts_with("arn:aws:iam::aws:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_read_whole() {
        let mut ids = HashSet::new();
        for aws in all() {
            assert!(!aws.policy().statements().is_empty(), "{}", aws.name);
            assert!(ids.insert(&aws.id), "{}", aws.name);
        }
        assert!(ids.len() > 100);
    }

    #[test]
    fn documents_are_those_of_the_reference() {
        // "AWS managed policy reference": AWSLambdaBasicExecutionRole.
        let lambda = find("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole").unwrap();
        assert_eq!((lambda.path.as_str(), lambda.version), ("/service-role/", 1));
        assert_eq!(
            lambda.document.get(),
            concat!(
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","#,
                r#""logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#
            )
        );
        assert!(find("arn:aws:iam::aws:policy/NoSuchPolicy").is_none());
    }
}

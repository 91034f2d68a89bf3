//! AWS's own managed policies: those that applications attach most, with AWS's documents. Which they are
//! is data, in `managed.json`; a policy that is not there does not exist in this region.

use names::Timestamp;
use policy::Policy;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

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
    /// What it is for.
    pub description: String,
    /// The number of its version.
    pub version: u32,
    /// When it was made.
    pub created: Timestamp,
    /// When its version was made.
    pub updated: Timestamp,
    /// Its document.
    pub document: String,
    /// The document, compiled.
    pub policy: Arc<Policy>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default = "root_path")]
    path: String,
    id: String,
    description: String,
    version: u32,
    created: String,
    updated: String,
    document: serde_json::Value,
}

fn root_path() -> String {
    "/".to_owned()
}

impl Entry {
    #[expect(clippy::expect_used, reason = "the table is part of the program, and a test reads all of it")]
    fn read(self) -> AwsPolicy {
        let moment = |text: &str| Timestamp::parse_iso8601(text).expect("a moment");
        let document = serde_json::to_string_pretty(&self.document).expect("a document");
        let policy = Arc::new(policy::identity_policy(&document).expect("a policy"));
        AwsPolicy {
            arn: format!("arn:aws:iam::aws:policy{}{}", self.path, self.name),
            created: moment(&self.created),
            updated: moment(&self.updated),
            name: self.name,
            path: self.path,
            id: self.id,
            description: self.description,
            version: self.version,
            document,
            policy,
        }
    }
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
    ALL.get(arn)
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
        let ids: HashSet<&str> = all().map(|policy| policy.id.as_str()).collect();
        assert!(ids.len() >= 17 && ids.len() == all().count());
        let lambda = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
        assert_eq!(find(lambda).map(|policy| policy.path.as_str()), Some("/service-role/"));
        assert!(find("arn:aws:iam::aws:policy/NoSuchPolicy").is_none());
    }
}

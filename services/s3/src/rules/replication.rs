//! Replication rules: which are valid, and where an object or a delete marker is copied to.
//! S3 User Guide, "Replication configuration file elements".

use model_s3 as api;
use names::Tags;

/// Most rules of a bucket.
const MAX_RULES: usize = 1000;

/// Why rules are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleFault {
    /// Against the schema.
    Shape,
    /// In words.
    Words(&'static str),
}

/// The bucket of an ARN.
pub fn bucket_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:aws:s3:::").filter(|name| !name.is_empty() && !name.contains('/'))
}

fn is_enabled(rule: &api::ReplicationRule) -> bool {
    rule.status == api::ReplicationRuleStatus::Enabled
}

/// Holds rules against what S3 takes.
///
/// # Errors
/// What is wrong with the first that it does not take.
pub fn validate(configuration: &api::ReplicationConfiguration) -> Result<(), RuleFault> {
    let rules = &configuration.rules;
    if configuration.role.is_empty() || rules.is_empty() || rules.len() > MAX_RULES {
        return Err(RuleFault::Shape);
    }
    let mut priorities = Vec::new();
    let mut ids = Vec::new();
    for rule in rules {
        let known =
            matches!(rule.status, api::ReplicationRuleStatus::Enabled | api::ReplicationRuleStatus::Disabled);
        if !known || (rule.prefix.is_some() && rule.filter.is_some()) {
            return Err(RuleFault::Shape);
        }
        if bucket_of(&rule.destination.bucket).is_none() {
            return Err(RuleFault::Words("Invalid bucket ARN."));
        }
        if rule.filter.is_some() {
            let Some(priority) = rule.priority else {
                return Err(RuleFault::Words(
                    "Priority must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.",
                ));
            };
            if rule.delete_marker_replication.is_none() {
                return Err(RuleFault::Words(
                    "DeleteMarkerReplication must be specified for this version of Cross Region Replication configuration schema. Please refer to S3 Developer Guide for more information.",
                ));
            }
            priorities.push(priority);
        }
        ids.extend(rule.id.as_deref().filter(|id| !id.is_empty()));
    }
    let count = (priorities.len(), ids.len());
    priorities.sort_unstable();
    priorities.dedup();
    ids.sort_unstable();
    ids.dedup();
    match (priorities.len(), ids.len()) == count {
        true => Ok(()),
        false if priorities.len() < count.0 => {
            Err(RuleFault::Words("Found duplicate priority. Priorities must be unique across rules."))
        }
        false => Err(RuleFault::Words("Rule Id must be unique. Found same Id for more than one rule")),
    }
}

/// Whether a rule concerns a key; a delete marker has no tags.
fn concerns(rule: &api::ReplicationRule, key: &str, tags: Option<&Tags>) -> bool {
    let Some(filter) = &rule.filter else {
        return key.starts_with(rule.prefix.as_deref().unwrap_or(""));
    };
    let and = filter.and.as_ref();
    let prefix = and.map_or(filter.prefix.as_deref(), |and| and.prefix.as_deref()).unwrap_or("");
    let wanted = and.and_then(|and| and.tags.as_deref()).unwrap_or_default().iter().chain(&filter.tag);
    let mut wanted = wanted.peekable();
    key.starts_with(prefix)
        && match tags {
            Some(tags) => wanted.all(|tag| tags.get(&tag.key) == Some(tag.value.as_str())),
            None => wanted.peek().is_none(),
        }
}

fn copies_markers(rule: &api::ReplicationRule) -> bool {
    match &rule.delete_marker_replication {
        Some(markers) => markers.status == Some(api::DeleteMarkerReplicationStatus::Enabled),
        // Rules of the first schema have no filter and copy them.
        None => rule.filter.is_none(),
    }
}

fn copies_replicas(rule: &api::ReplicationRule) -> bool {
    let criteria = rule.source_selection_criteria.as_ref();
    let replicas = criteria.and_then(|criteria| criteria.replica_modifications.as_ref());
    replicas.is_some_and(|replicas| replicas.status == api::ReplicaModificationsStatus::Enabled)
}

/// What is to be copied.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The key.
    pub key: &'a str,
    /// The tags; `None` for a delete marker.
    pub tags: Option<&'a Tags>,
    /// Whether it is a copy itself.
    pub replica: bool,
}

/// The rules that copy something, at most one for each destination: that of the highest priority.
pub fn fitting<'r>(rules: &'r [api::ReplicationRule], subject: Subject<'_>) -> Vec<&'r api::ReplicationRule> {
    let mut fitting: Vec<&api::ReplicationRule> = rules
        .iter()
        .filter(|rule| is_enabled(rule) && concerns(rule, subject.key, subject.tags))
        .filter(|rule| subject.tags.is_some() || copies_markers(rule))
        .filter(|rule| !subject.replica || copies_replicas(rule))
        .collect();
    fitting.sort_by_key(|rule| std::cmp::Reverse(rule.priority.unwrap_or(0)));
    let mut seen: Vec<&str> = Vec::new();
    fitting.retain(|rule| {
        let new = !seen.contains(&rule.destination.bucket.as_str());
        seen.push(&rule.destination.bucket);
        new
    });
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_s3::*;

    fn rule(priority: i32, prefix: &str, bucket: &str, markers: bool) -> ReplicationRule {
        let status = if markers {
            DeleteMarkerReplicationStatus::Enabled
        } else {
            DeleteMarkerReplicationStatus::Disabled
        };
        ReplicationRule {
            priority: Some(priority),
            status: ReplicationRuleStatus::Enabled,
            filter: Some(ReplicationRuleFilter { prefix: Some(prefix.into()), ..Default::default() }),
            destination: Destination { bucket: format!("arn:aws:s3:::{bucket}"), ..Default::default() },
            delete_marker_replication: Some(DeleteMarkerReplication { status: Some(status) }),
            ..Default::default()
        }
    }

    #[test]
    fn where_objects_go() {
        let rules = [rule(1, "a", "one", true), rule(2, "", "one", false), rule(3, "a", "two", false)];
        let tags = Tags::new();
        let to = |key, tags, replica| {
            let subject = Subject { key, tags, replica };
            fitting(&rules, subject).iter().map(|rule| rule.priority.unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(to("a1", Some(&tags), false), [3, 2]);
        assert_eq!(to("b1", Some(&tags), false), [2]);
        assert_eq!(to("a1", None, false), [1]);
        assert!(to("a1", Some(&tags), true).is_empty());
    }

    #[test]
    fn what_is_refused() {
        let of = |rules| ReplicationConfiguration { role: "arn:aws:iam::1:role/r".into(), rules };
        assert_eq!(validate(&of(vec![rule(1, "", "b", true)])), Ok(()));
        assert_eq!(validate(&of(vec![])), Err(RuleFault::Shape));
        let twice = of(vec![rule(1, "", "b", true), rule(1, "a", "b", true)]);
        assert!(matches!(validate(&twice), Err(RuleFault::Words(_))));
        let mut both = rule(1, "", "b", true);
        both.prefix = Some("x".into());
        assert_eq!(validate(&of(vec![both])), Err(RuleFault::Shape));
        let mut elsewhere = rule(1, "", "b", true);
        elsewhere.destination.bucket = "b".into();
        assert!(matches!(validate(&of(vec![elsewhere])), Err(RuleFault::Words(_))));
    }
}

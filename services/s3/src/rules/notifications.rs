//! Which events a bucket tells whom: the kinds, the key filters, and which configurations overlap.
//! Kinds: S3 User Guide, "Event notification types and destinations". Overlap: PutBucketNotification-
//! Configuration and the guide's "Configuring event notifications using object key name filtering".

use serde::{Deserialize, Serialize};

/// Something that happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// PutObject.
    Put,
    /// CopyObject.
    Copy,
    /// CompleteMultipartUpload.
    Completed,
    /// An object or a version was removed for good.
    Deleted,
    /// A delete marker hides the object.
    Marked,
    /// PutObjectTagging.
    Tagged,
    /// DeleteObjectTagging.
    Untagged,
    /// PutObjectAcl.
    AclPut,
    /// RestoreObject was asked for.
    RestoreBegun,
    /// An archived object can be read.
    Restored,
    /// A lifecycle rule moved it to another class.
    Transitioned,
    /// A lifecycle rule removed it for good.
    Expired,
    /// A lifecycle rule hid it behind a delete marker.
    ExpiredBehindMarker,
    /// Its copy in another bucket failed for good.
    ReplicationFailed,
}

impl Happening {
    /// The event's name, without `s3:`.
    pub fn name(self) -> &'static str {
        match self {
            Happening::Put => "ObjectCreated:Put",
            Happening::Copy => "ObjectCreated:Copy",
            Happening::Completed => "ObjectCreated:CompleteMultipartUpload",
            Happening::Deleted => "ObjectRemoved:Delete",
            Happening::Marked => "ObjectRemoved:DeleteMarkerCreated",
            Happening::Tagged => "ObjectTagging:Put",
            Happening::Untagged => "ObjectTagging:Delete",
            Happening::AclPut => "ObjectAcl:Put",
            Happening::RestoreBegun => "ObjectRestore:Post",
            Happening::Restored => "ObjectRestore:Completed",
            Happening::Transitioned => "LifecycleTransition",
            Happening::Expired => "LifecycleExpiration:Delete",
            Happening::ExpiredBehindMarker => "LifecycleExpiration:DeleteMarkerCreated",
            Happening::ReplicationFailed => "Replication:OperationFailedReplication",
        }
    }
}

/// What a configuration listens to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// The ARN that is told.
    pub destination: String,
    /// Events, as given: `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// Only keys that begin so.
    pub prefix: Option<String>,
    /// Only keys that end so.
    pub suffix: Option<String>,
}

fn covers(listened: &str, name: &str) -> bool {
    let listened = listened.strip_prefix("s3:").unwrap_or(listened);
    match listened.strip_suffix('*') {
        Some(family) => name.starts_with(family),
        None => listened == name,
    }
}

impl Rule {
    /// Whether it is told of this.
    pub fn wants(&self, happening: Happening, key: &str) -> bool {
        self.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix))
            && self.suffix.as_deref().is_none_or(|suffix| key.ends_with(suffix))
            && self.events.iter().any(|event| covers(event, happening.name()))
    }

    /// Whether one event of one key may concern both.
    fn overlaps(&self, other: &Rule) -> bool {
        let nested = |one: &Option<String>, two: &Option<String>, within: fn(&str, &str) -> bool| {
            let (one, two) = (one.as_deref().unwrap_or(""), two.as_deref().unwrap_or(""));
            within(one, two) || within(two, one)
        };
        let same_event = |one: &String| {
            let bare = one.strip_prefix("s3:").unwrap_or(one).trim_end_matches('*');
            other.events.iter().any(|two| {
                let two_bare = two.strip_prefix("s3:").unwrap_or(two).trim_end_matches('*');
                covers(one, two_bare) || covers(two, bare)
            })
        };
        self.events.iter().any(same_event)
            && nested(&self.prefix, &other.prefix, |long, short| long.starts_with(short))
            && nested(&self.suffix, &other.suffix, |long, short| long.ends_with(short))
    }
}

/// The first two configurations that one event could concern at once.
pub fn overlapping(rules: &[Rule]) -> Option<(&Rule, &Rule)> {
    rules
        .iter()
        .enumerate()
        .find_map(|(at, one)| rules[at + 1..].iter().find(|two| one.overlaps(two)).map(|two| (one, two)))
}

/// Why a key filter is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterFault {
    /// A rule is neither a prefix nor a suffix, but this.
    Name(String),
    /// Two prefixes.
    TwoPrefixes,
    /// Two suffixes.
    TwoSuffixes,
}

/// The prefix and the suffix of a key filter's rules, each (name, value).
///
/// # Errors
/// Where a rule has another name, or one is there twice.
pub fn filter<'a>(
    rules: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(Option<String>, Option<String>), FilterFault> {
    let (mut prefix, mut suffix) = (None, None);
    for (name, value) in rules {
        let (place, twice) = match name.to_ascii_lowercase().as_str() {
            "prefix" => (&mut prefix, FilterFault::TwoPrefixes),
            "suffix" => (&mut suffix, FilterFault::TwoSuffixes),
            _ => return Err(FilterFault::Name(name.to_owned())),
        };
        if place.replace(value.to_owned()).is_some() {
            return Err(twice);
        }
    }
    Ok((prefix, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(events: &[&str], prefix: Option<&str>, suffix: Option<&str>) -> Rule {
        Rule {
            id: "id".into(),
            destination: "arn:aws:sqs:us-east-1:000000000000:q".into(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            prefix: prefix.map(String::from),
            suffix: suffix.map(String::from),
        }
    }

    #[test]
    fn matching() {
        let all = rule(&["s3:ObjectCreated:*"], None, None);
        assert!(all.wants(Happening::Put, "k") && all.wants(Happening::Completed, "k"));
        assert!(!all.wants(Happening::Deleted, "k"));
        let put = rule(
            &["s3:ObjectCreated:Put", "s3:ObjectRemoved:DeleteMarkerCreated"],
            Some("in/"),
            Some(".wav"),
        );
        assert!(put.wants(Happening::Put, "in/a.wav") && put.wants(Happening::Marked, "in/.wav"));
        assert!(!put.wants(Happening::Copy, "in/a.wav"));
        assert!(!put.wants(Happening::Put, "in/a.mp3") && !put.wants(Happening::Put, "out/a.wav"));
    }

    #[test]
    fn overlap() {
        let created = &["s3:ObjectCreated:*"][..];
        let put = &["s3:ObjectCreated:Put"][..];
        let removed = &["s3:ObjectRemoved:*"][..];
        for (one, two, expected) in [
            (rule(created, None, None), rule(created, None, None), true),
            (rule(created, None, None), rule(put, None, None), true),
            (rule(created, None, None), rule(removed, None, None), false),
            (rule(created, Some("a/"), None), rule(created, Some("b/"), None), false),
            (rule(created, Some("a/"), None), rule(put, Some("a/b"), None), true),
            (rule(created, Some("a/"), Some(".x")), rule(created, Some("a/"), Some(".y")), false),
            (rule(created, Some("a/"), None), rule(created, None, Some(".y")), true),
        ] {
            assert_eq!(overlapping(&[one.clone(), two.clone()]).is_some(), expected, "{one:?} {two:?}");
        }
    }

    #[test]
    fn filters() {
        assert_eq!(filter([("Prefix", "a"), ("suffix", "b")]), Ok((Some("a".into()), Some("b".into()))));
        assert_eq!(filter([("prefix", "a"), ("Prefix", "b")]), Err(FilterFault::TwoPrefixes));
        assert_eq!(filter([("suffix", "a"), ("suffix", "b")]), Err(FilterFault::TwoSuffixes));
        assert_eq!(filter([("infix", "a")]), Err(FilterFault::Name("infix".into())));
    }
}

//! Which lifecycle rules S3 takes, and what their filters say.
//! PutBucketLifecycleConfiguration and the guide's "Lifecycle configuration elements".

use model_s3 as api;
use std::borrow::Cow;

/// Most rules of a bucket.
const MAX_RULES: usize = 1000;
const DAY_MS: i64 = 86_400_000;
/// The largest size that a filter names (recorded of AWS: terraform-provider-aws issue 41521).
const LARGEST: i64 = 1_099_511_627_776_000;

/// The parts of a rule's filter, whichever form it has.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Keys begin so.
    pub prefix: &'a str,
    /// Tags that are all there.
    pub tags: Vec<(&'a str, &'a str)>,
    /// Larger than this.
    pub larger: Option<i64>,
    /// Smaller than this.
    pub smaller: Option<i64>,
}

/// The filter of a rule.
pub fn filter_of(rule: &api::LifecycleRule) -> Filter<'_> {
    let Some(filter) = &rule.filter else {
        return Filter { prefix: rule.prefix.as_deref().unwrap_or(""), ..Filter::default() };
    };
    match &filter.and {
        Some(and) => Filter {
            prefix: and.prefix.as_deref().unwrap_or(""),
            tags: and.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect(),
            larger: and.object_size_greater_than,
            smaller: and.object_size_less_than,
        },
        None => Filter {
            prefix: filter.prefix.as_deref().unwrap_or(""),
            tags: filter.tag.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect(),
            larger: filter.object_size_greater_than,
            smaller: filter.object_size_less_than,
        },
    }
}

/// Why rules are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleFault {
    /// Against the schema.
    Shape,
    /// A rule does nothing.
    NoAction,
    /// Something that cannot be together.
    Conflict(Cow<'static, str>),
    /// A number or date that is not taken, with its name.
    Argument(String),
    /// A date that is no midnight.
    Date(names::Timestamp),
    /// Two rules have one id.
    SameId(String),
}

/// Holds rules against what S3 takes.
///
/// # Errors
/// What is wrong with the first that it does not take.
pub fn validate(rules: &[api::LifecycleRule]) -> Result<(), RuleFault> {
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(RuleFault::Shape);
    }
    let mut ids: Vec<&str> = rules.iter().filter_map(|rule| rule.id.as_deref()).collect();
    ids.sort_unstable();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1] && !pair[0].is_empty()) {
        return Err(RuleFault::SameId(pair[0].to_owned()));
    }
    one_form(rules)?;
    rules.iter().try_for_each(valid)
}

fn conflict(message: impl Into<Cow<'static, str>>) -> RuleFault {
    RuleFault::Conflict(message.into())
}

/// Rules say for which keys they are in one form: with filters, or with the prefixes of old. The first decides
/// (recorded of AWS: terraform-provider-aws issues 23228 and 23299, ansible issue 53751).
fn one_form(rules: &[api::LifecycleRule]) -> Result<(), RuleFault> {
    let alone = |rule: &&api::LifecycleRule| rule.prefix.is_some() != rule.filter.is_some();
    let Some(first) = rules.iter().find(alone) else { return Ok(()) };
    let old = first.prefix.is_some();
    for rule in rules.iter().filter(alone) {
        let newer = rule.noncurrent_version_expiration.as_ref();
        match (old, rule.prefix.is_some()) {
            (true, false) => return Err(conflict("Filter element can only be used in Lifecycle V2.")),
            (false, true) => {
                return Err(conflict(
                    "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.",
                ));
            }
            (true, true) if newer.is_some_and(|kept| kept.newer_noncurrent_versions.is_some()) => {
                return Err(conflict("NewerNoncurrentVersions element can only be used in Lifecycle V2."));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The filter of a rule, as refusals name it.
fn named(rule: &api::LifecycleRule) -> String {
    format!("filter '(prefix={})'", filter_of(rule).prefix)
}

fn valid(rule: &api::LifecycleRule) -> Result<(), RuleFault> {
    if matches!(rule.status, api::ExpirationStatus::Other(_)) {
        return Err(RuleFault::Shape);
    }
    if rule.id.as_ref().is_some_and(|id| id.len() > 255) {
        // Ceph's test_lifecycle_id_too_long, which it runs on AWS, too.
        return Err(RuleFault::Argument("ID length should not exceed allowed limit of 255".to_owned()));
    }
    shape_of_filter(rule)?;
    let acts = rule.expiration.is_some()
        || rule.transitions.as_ref().is_some_and(|list| !list.is_empty())
        || rule.noncurrent_version_expiration.is_some()
        || rule.noncurrent_version_transitions.as_ref().is_some_and(|list| !list.is_empty())
        || rule.abort_incomplete_multipart_upload.is_some();
    if !acts {
        return Err(RuleFault::NoAction);
    }
    expiration(rule)?;
    transitions(rule)?;
    noncurrent(rule)?;
    abort(rule)
}

fn shape_of_filter(rule: &api::LifecycleRule) -> Result<(), RuleFault> {
    match (&rule.prefix, &rule.filter) {
        (Some(_), Some(_)) | (None, None) => return Err(RuleFault::Shape),
        _ => {}
    }
    let Some(filter) = &rule.filter else { return Ok(()) };
    let alone = usize::from(filter.prefix.is_some())
        + usize::from(filter.tag.is_some())
        + usize::from(filter.object_size_greater_than.is_some())
        + usize::from(filter.object_size_less_than.is_some());
    let parts = |and: &api::LifecycleRuleAndOperator| {
        usize::from(and.prefix.is_some())
            + and.tags.as_ref().map_or(0, Vec::len)
            + usize::from(and.object_size_greater_than.is_some())
            + usize::from(and.object_size_less_than.is_some())
    };
    let tags = filter.and.iter().flat_map(|and| and.tags.iter().flatten());
    let mut keys: Vec<&str> = tags.map(|tag| tag.key.as_str()).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(conflict("Duplicate Tag Keys are not allowed."));
    }
    match &filter.and {
        Some(_) if alone > 0 => Err(RuleFault::Shape),
        Some(and) if parts(and) < 2 => Err(RuleFault::Shape),
        None if alone > 1 => Err(RuleFault::Shape),
        _ => {
            let filter = filter_of(rule);
            if filter.smaller.is_some_and(|size| !(1..=LARGEST).contains(&size)) {
                return Err(conflict(format!("'ObjectSizeLessThan' should be between 1 and {LARGEST}.")));
            }
            match (filter.larger, filter.smaller) {
                (Some(larger), Some(smaller)) if larger >= smaller => Err(conflict(
                    "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
                )),
                _ => Ok(()),
            }
        }
    }
}

fn positive(days: i32, action: &str) -> Result<(), RuleFault> {
    if days > 0 {
        return Ok(());
    }
    Err(RuleFault::Argument(format!("'Days' for {action} action must be a positive integer")))
}

fn midnight(date: names::Timestamp) -> Result<(), RuleFault> {
    if date.millis().rem_euclid(DAY_MS) == 0 {
        return Ok(());
    }
    Err(RuleFault::Date(date))
}

fn expiration(rule: &api::LifecycleRule) -> Result<(), RuleFault> {
    let Some(expiration) = &rule.expiration else { return Ok(()) };
    match (expiration.days, expiration.date, expiration.expired_object_delete_marker) {
        (Some(days), None, None) => positive(days, "Expiration"),
        (None, Some(date), None) => midnight(date),
        (None, None, Some(_)) if !filter_of(rule).tags.is_empty() => {
            Err(conflict("ExpiredObjectDeleteMarker cannot be specified with Tags."))
        }
        // Recorded of AWS: terraform-aws-s3-bucket issues 137 and 376.
        (None, None, Some(_)) if filter_of(rule).larger.is_some() || filter_of(rule).smaller.is_some() => {
            Err(conflict("ExpiredObjectDeleteMarker cannot be specified with Object Size."))
        }
        (None, None, Some(_)) => Ok(()),
        _ => Err(RuleFault::Shape),
    }
}

/// The least age of an object that moves to a class.
fn least_days(class: &str) -> i32 {
    if matches!(class, "STANDARD_IA" | "ONEZONE_IA") { 30 } else { 0 }
}

fn class_of(class: Option<&api::TransitionStorageClass>) -> Result<&str, RuleFault> {
    match class {
        None | Some(api::TransitionStorageClass::Other(_)) => Err(RuleFault::Shape),
        Some(class) => Ok(class.as_str()),
    }
}

fn transitions(rule: &api::LifecycleRule) -> Result<(), RuleFault> {
    apart(rule)?;
    let expires = rule.expiration.as_ref().and_then(|expiration| expiration.days);
    for transition in rule.transitions.iter().flatten() {
        let class = class_of(transition.storage_class.as_ref())?;
        match (transition.days, transition.date) {
            (Some(days), None) if days < 0 => {
                return Err(RuleFault::Argument(
                    "'Days' in Transition action must be nonnegative".to_owned(),
                ));
            }
            (Some(days), None) if days < least_days(class) => {
                return Err(RuleFault::Argument(format!(
                    "'Days' in Transition action must be greater than or equal to 30 for storageClass '{class}'"
                )));
            }
            (Some(days), None) if expires.is_some_and(|expires| expires <= days) => {
                return Err(RuleFault::Argument(format!(
                    "'Days' in the Expiration action for filter '(prefix={})' must be greater than 'Days' in the \
                     Transition action",
                    filter_of(rule).prefix
                )));
            }
            (Some(_), None) => {}
            (None, Some(date)) => midnight(date)?,
            _ => return Err(RuleFault::Shape),
        }
    }
    Ok(())
}

/// Transitions are to classes of their own, and all actions are by days or all by dates (recorded of AWS; noobaa-core
/// pull request 9969).
fn apart(rule: &api::LifecycleRule) -> Result<(), RuleFault> {
    let transitions = || rule.transitions.iter().flatten();
    let mut classes: Vec<_> =
        transitions().filter_map(|each| Some(each.storage_class.as_ref()?.as_str())).collect();
    classes.sort_unstable();
    if classes.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(conflict(format!(
            "'StorageClass' must be different for 'Transition' actions in same 'Rule' with {}",
            named(rule)
        )));
    }
    let expiration = rule.expiration.iter().map(|each| (each.days.is_some(), each.date.is_some()));
    let kinds = transitions().map(|each| (each.days.is_some(), each.date.is_some())).chain(expiration);
    let (days, dates) = kinds.fold((false, false), |(days, dates), kind| (days || kind.0, dates || kind.1));
    if days && dates && rule.transitions.is_some() {
        return Err(conflict(format!(
            "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for {}",
            named(rule)
        )));
    }
    Ok(())
}

fn noncurrent(rule: &api::LifecycleRule) -> Result<(), RuleFault> {
    if let Some(expiration) = &rule.noncurrent_version_expiration {
        match expiration.noncurrent_days {
            None => return Err(RuleFault::Shape),
            Some(days) if days <= 0 => {
                return Err(RuleFault::Argument(
                    "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer"
                        .to_owned(),
                ));
            }
            Some(_) => {}
        }
    }
    for transition in rule.noncurrent_version_transitions.iter().flatten() {
        let class = class_of(transition.storage_class.as_ref())?;
        let days = transition.noncurrent_days.ok_or(RuleFault::Shape)?;
        if days < least_days(class) {
            return Err(RuleFault::Argument(format!(
                "'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to 30 for \
                 storageClass '{class}'"
            )));
        }
    }
    Ok(())
}

fn abort(rule: &api::LifecycleRule) -> Result<(), RuleFault> {
    let Some(abort) = &rule.abort_incomplete_multipart_upload else { return Ok(()) };
    let filter = filter_of(rule);
    if !filter.tags.is_empty() {
        return Err(conflict("AbortIncompleteMultipartUpload cannot be specified with Tags."));
    }
    if filter.larger.is_some() || filter.smaller.is_some() {
        return Err(conflict("AbortIncompleteMultipartUpload cannot be specified with Object Size."));
    }
    match abort.days_after_initiation {
        Some(days) if days > 0 => Ok(()),
        _ => Err(RuleFault::Argument(
            "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_s3::*;

    fn rule() -> LifecycleRule {
        LifecycleRule {
            id: Some("r".into()),
            status: ExpirationStatus::Enabled,
            filter: Some(LifecycleRuleFilter::default()),
            expiration: Some(LifecycleExpiration { days: Some(40), ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_refused() {
        type Change = fn(&mut LifecycleRule);
        type Expected = fn(&RuleFault) -> bool;
        let table: [(Change, Expected); 10] = [
            (|rule| rule.filter = None, |fault| *fault == RuleFault::Shape),
            (|rule| rule.prefix = Some(String::new()), |fault| *fault == RuleFault::Shape),
            (|rule| rule.expiration = None, |fault| *fault == RuleFault::NoAction),
            (|rule| rule.status = ExpirationStatus::from("on"), |fault| *fault == RuleFault::Shape),
            (
                |rule| rule.expiration.as_mut().unwrap().days = Some(0),
                |fault| matches!(fault, RuleFault::Argument(_)),
            ),
            (
                |rule| rule.expiration.as_mut().unwrap().expired_object_delete_marker = Some(true),
                |fault| *fault == RuleFault::Shape,
            ),
            (
                |rule| {
                    let class = Some(TransitionStorageClass::StandardIa);
                    rule.transitions =
                        Some(vec![Transition { days: Some(29), storage_class: class, date: None }]);
                },
                |fault| matches!(fault, RuleFault::Argument(_)),
            ),
            (
                |rule| {
                    let class = Some(TransitionStorageClass::Glacier);
                    rule.transitions =
                        Some(vec![Transition { days: Some(40), storage_class: class, date: None }]);
                },
                |fault| matches!(fault, RuleFault::Argument(_)),
            ),
            (
                |rule| {
                    let tag = Some(Tag { key: "k".into(), value: "v".into() });
                    rule.filter = Some(LifecycleRuleFilter { tag, ..Default::default() });
                    rule.abort_incomplete_multipart_upload =
                        Some(AbortIncompleteMultipartUpload { days_after_initiation: Some(1) });
                },
                |fault| matches!(fault, RuleFault::Conflict(_)),
            ),
            (
                |rule| rule.noncurrent_version_expiration = Some(NoncurrentVersionExpiration::default()),
                |fault| *fault == RuleFault::Shape,
            ),
        ];
        assert_eq!(validate(&[rule()]), Ok(()));
        for (at, (change, expected)) in table.iter().enumerate() {
            let mut changed = rule();
            change(&mut changed);
            let fault = validate(&[changed]).unwrap_err();
            assert!(expected(&fault), "{at}: {fault:?}");
        }
        assert_eq!(validate(&[rule(), rule()]), Err(RuleFault::SameId("r".into())));
        assert_eq!(validate(&[]), Err(RuleFault::Shape));
    }

    #[test]
    fn forms_and_classes() {
        let twice =
            Transition { days: Some(5), storage_class: Some(TransitionStorageClass::Glacier), date: None };
        let moved = LifecycleRule { transitions: Some(vec![twice.clone(), twice]), ..rule() };
        let same = "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '(prefix=)'";
        assert_eq!(validate(&[moved]), Err(conflict(same)));
        let old = LifecycleRule { id: None, filter: None, prefix: Some("a".into()), ..rule() };
        assert_eq!(validate(std::slice::from_ref(&old)), Ok(()));
        let form = |rules: &[LifecycleRule]| match validate(rules) {
            Err(RuleFault::Conflict(message)) => message.into_owned(),
            other => panic!("{other:?}"),
        };
        assert!(form(&[old.clone(), rule()]).starts_with("Filter element"));
        assert!(form(&[rule(), old.clone()]).starts_with("Base level prefix"));
        let kept =
            NoncurrentVersionExpiration { noncurrent_days: Some(1), newer_noncurrent_versions: Some(1) };
        let old = LifecycleRule { noncurrent_version_expiration: Some(kept), ..old };
        assert!(form(&[old]).starts_with("NewerNoncurrentVersions element"));
    }
}

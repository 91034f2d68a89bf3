//! What an operation needs permission for.

use names::Arn;
use policy::{Policy, ResourceRule};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// One action on one resource; a request must be allowed all of its demands.
#[derive(Debug, Clone)]
pub struct Demand {
    /// The IAM action: `sqs:SendMessage`.
    pub action: Cow<'static, str>,
    /// The resource it is judged by: an ARN, or `*` for operations on no single resource.
    pub resource: String,
    /// The resource whose head holds owner, tags and policy, where it is another than `resource`: the
    /// bucket of an object.
    pub head: Option<Arn>,
    /// The resource's policy and what it is for, where its head does not hold it: a role's trust policy.
    pub policy: Option<(Arc<Policy>, ResourceRule)>,
    /// Condition keys of the service: (`s3:prefix`, values).
    pub context: Vec<(Cow<'static, str>, Vec<String>)>,
    /// Those that are made only where a policy reads any.
    later: Option<Later>,
}

/// Condition keys that are not made yet.
#[derive(Clone)]
struct Later(Arc<dyn Fn(Demand) -> Demand + Send + Sync>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

impl Demand {
    /// An action on a resource, which holds its own head.
    pub fn new(action: impl Into<Cow<'static, str>>, resource: &Arn) -> Self {
        Demand {
            action: action.into(),
            resource: resource.to_string(),
            head: Some(resource.clone()),
            policy: None,
            context: Vec::new(),
            later: None,
        }
    }

    /// An action on no single resource.
    pub fn everywhere(action: impl Into<Cow<'static, str>>) -> Self {
        Demand {
            action: action.into(),
            resource: "*".to_owned(),
            head: None,
            policy: None,
            context: Vec::new(),
            later: None,
        }
    }

    /// Judged by the head of another resource.
    pub fn headed_by(mut self, head: &Arn) -> Self {
        self.head = Some(head.clone());
        self
    }

    /// Judged by this policy of the resource, and not by one that a head holds.
    pub fn under(mut self, policy: Arc<Policy>, rule: ResourceRule) -> Self {
        self.policy = Some((policy, rule));
        self
    }

    /// With a condition key.
    pub fn when(mut self, key: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        self.context.push((Cow::Borrowed(key), values.into_iter().collect()));
        self
    }

    /// With condition keys that cost something to tell. Most policies read none: then they are not made.
    pub fn when_read(mut self, keys: impl Fn(Demand) -> Demand + Send + Sync + 'static) -> Self {
        self.later = Some(Later(Arc::new(keys)));
        self
    }

    /// With all its condition keys made.
    pub fn read(&self) -> Cow<'_, Self> {
        match &self.later {
            None => Cow::Borrowed(self),
            Some(Later(keys)) => Cow::Owned(keys(Demand { later: None, ..self.clone() })),
        }
    }

    /// With a tag of the request: `aws:RequestTag/{key}`, and its key among `aws:TagKeys`.
    pub fn when_tagged(mut self, key: &str, value: &str) -> Self {
        self.context.push((Cow::Owned(format!("aws:RequestTag/{key}")), vec![value.to_owned()]));
        match self.context.iter_mut().find(|(known, _)| known == "aws:TagKeys") {
            Some((_, keys)) => keys.push(key.to_owned()),
            None => self.context.push((Cow::Borrowed("aws:TagKeys"), vec![key.to_owned()])),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn keys_that_cost_something_are_made_when_they_are_read() {
        let made = Arc::new(AtomicUsize::new(0));
        let counted = made.clone();
        let demand = Demand::everywhere("a:B").when("a:First", ["1".to_owned()]).when_read(move |demand| {
            counted.fetch_add(1, Ordering::Relaxed);
            demand.when("a:Second", ["2".to_owned()])
        });
        assert_eq!(made.load(Ordering::Relaxed), 0);
        let keys: Vec<_> = demand.read().context.iter().map(|(key, _)| key.to_string()).collect();
        assert_eq!(keys, ["a:First", "a:Second"]);
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }
}

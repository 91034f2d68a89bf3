//! What an operation needs permission for.

use names::Arn;
use policy::{Policy, ResourceRule};
use std::borrow::Cow;
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

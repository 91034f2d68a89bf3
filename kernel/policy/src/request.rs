//! What is asked: who, which action, on which resource, under which circumstances.

use crate::Principal;
use names::{AccountId, Timestamp};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Condition keys with their values. Keys are kept in lower case, as they are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key that has one value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.set_all(key, vec![value.into()]);
    }

    /// Sets a key that may have several values; one without values counts as absent.
    pub fn set_all(&mut self, key: &str, values: Vec<String>) {
        self.0.insert(key.to_ascii_lowercase(), values);
    }

    fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(key).map(Vec::as_slice).filter(|values| !values.is_empty())
    }
}

impl<K: AsRef<str>, V: Into<String>> FromIterator<(K, V)> for Context {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut context = Context::new();
        for (key, value) in pairs {
            context.set(key.as_ref(), value);
        }
        context
    }
}

/// A question to the policies.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal<'a>,
    /// `sqs:SendMessage`
    pub action: &'a str,
    /// The resource's ARN, or `*` for actions on no single resource.
    pub resource: &'a str,
    /// The account that owns the resource.
    pub resource_account: AccountId,
    /// Condition keys beyond those that follow from the other fields: `aws:PrincipalArn` and its kin,
    /// `aws:username`, `aws:userid`, `aws:ResourceAccount`, `aws:CurrentTime`, `aws:EpochTime`.
    pub context: &'a Context,
    /// The moment that date conditions are held against.
    pub now: Timestamp,
}

/// Where policy variables take their values.
pub(crate) trait Lookup {
    /// The value of a key in lower case that has exactly one.
    fn single(&self, key: &str) -> Option<Cow<'_, str>>;
}

/// The values of a condition key.
#[derive(Debug)]
pub(crate) enum Values<'a> {
    Absent,
    One(Cow<'a, str>),
    Many(&'a [String]),
}

impl Values<'_> {
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Values::Absent)
    }

    pub(crate) fn any(&self, mut test: impl FnMut(&str) -> bool) -> bool {
        match self {
            Values::Absent => false,
            Values::One(value) => test(value),
            Values::Many(values) => values.iter().any(|value| test(value)),
        }
    }

    pub(crate) fn all(&self, mut test: impl FnMut(&str) -> bool) -> bool {
        !self.any(|value| !test(value))
    }
}

impl<'a> Request<'a> {
    /// The values of a key in lower case.
    pub(crate) fn values(&self, key: &str) -> Values<'a> {
        match self.context.get(key) {
            Some([value]) => Values::One(Cow::Borrowed(value)),
            Some(values) => Values::Many(values),
            None => self.implied(key).map_or(Values::Absent, Values::One),
        }
    }

    fn implied(&self, key: &str) -> Option<Cow<'a, str>> {
        match key.strip_prefix("aws:")? {
            "resourceaccount" => Some(Cow::Owned(self.resource_account.to_string())),
            "currenttime" => Some(Cow::Owned(self.now.iso8601())),
            "epochtime" => Some(Cow::Owned(self.now.seconds().to_string())),
            name => self.principal.key(name),
        }
    }
}

impl Lookup for Request<'_> {
    fn single(&self, key: &str) -> Option<Cow<'_, str>> {
        match self.values(key) {
            Values::One(value) => Some(value),
            Values::Absent | Values::Many(_) => None,
        }
    }
}

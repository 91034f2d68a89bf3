//! Which of the operations at one path a request means: by method, fixed query keys and required inputs.
//!
//! This is the one place where ties are decided: an operation that only requests signed for a second name mean
//! wins where the request is, then more fixed keys win, then an operation whose required
//! headers and keys are all there (the more of them, the better), then one that is served, then the
//! model's order.

use super::template::Leaf;
use crate::message::Head;
use crate::uri::Pair;
use http::header::CONTENT_LENGTH;
use schema::{ApiError, Location, Misfit};
use std::borrow::Cow;
use std::cmp::Reverse;

/// What selection looks at in a request.
pub(super) struct Asked<'a> {
    pub(super) head: &'a Head<'a>,
    /// The service of the credential scope.
    pub(super) scope: Option<Cow<'a, str>>,
    pub(super) query: Vec<Pair<'a>>,
}

impl Asked<'_> {
    fn has_key(&self, name: &str, value: Option<&str>) -> bool {
        self.query.iter().any(|(key, text)| key == name && value.is_none_or(|value| text == value))
    }

    fn has(&self, location: &Location) -> bool {
        match location {
            Location::Header(name) => self.head.headers.contains_key(*name),
            Location::Query(name) => self.has_key(name, None),
            _ => true,
        }
    }

    /// What a request has by which it is a misfit: its name and value.
    fn culprit(&self, misfit: &Misfit) -> Option<(&str, &str)> {
        match misfit.with {
            Location::Header(name) => Some((name, self.head.header(name)?)),
            Location::Query(name) => {
                let is_meant = |key: &str| match name.strip_suffix('*') {
                    Some(start) => key.starts_with(start) && !misfit.except.contains(&key),
                    None => key == name,
                };
                let found = self.query.iter().find(|(key, _)| is_meant(key));
                found.map(|(key, text)| (key.as_ref(), text.as_ref()))
            }
            _ => None,
        }
    }

    /// Whether a request says that it means an operation of those that are signed for a second name: by its
    /// signature, by its host, or in SDKs that name it in the query.
    fn is_apart(&self, name: &str, operation: &str) -> bool {
        let host = self.head.host.split('.').next().unwrap_or_default();
        self.scope.as_deref() == Some(name)
            || host.strip_suffix("-control") == Some(name)
            || self.has_key("x-id", Some(operation))
    }
}

/// The refusal of a request that is none of a service's, to a path with so many labels.
pub(super) fn misfit(misfits: &[Misfit], asked: &Asked<'_>, labels: usize) -> Option<ApiError> {
    let head = asked.head;
    let fits = |misfit: &&Misfit| {
        labels >= misfit.labels
            && misfit.methods.contains(&head.method)
            && !misfit.without.is_some_and(|place| asked.has(&place))
            && (!misfit.body || has_body(head))
    };
    let found = misfits.iter().filter(fits).find_map(|misfit| Some((misfit, asked.culprit(misfit)?)));
    let (misfit, (name, value)) = found?;
    let (code, status, message) = misfit.error;
    let mut error = ApiError::new(code, status, message.replace("{name}", name));
    for (member, told) in misfit.fields {
        let told = match *told {
            "{}" => value,
            "{name}" => name,
            "{method}" => head.method,
            told => told,
        };
        error = error.field(member, told);
    }
    Some(misfit.allow.into_iter().fold(error, |error, methods| error.header("allow", methods)))
}

/// Whether a request says that it has a body: of chunks, what they hold counts.
fn has_body(head: &Head<'_>) -> bool {
    let length = head.header("x-amz-decoded-content-length").or_else(|| head.header(CONTENT_LENGTH));
    length.is_some_and(|length| length.trim() != "0")
}

/// The operation that is meant; `None` if none has the method and the fixed keys. Where all keys count, an operation
/// that is told from others by keys of its input alone is not meant without them.
pub(super) fn select<'t>(leaves: &'t [Leaf], asked: &Asked<'_>, all_keys: bool) -> Option<&'t Leaf> {
    let is_whole = |leaf: &Leaf| {
        let mut keys = leaf.required.iter().filter(|location| matches!(location, Location::Query(_)));
        !all_keys || !leaf.fixed.is_empty() || keys.all(|key| asked.has(key))
    };
    let fits = |leaf: &&Leaf| {
        // Most leaves of a path fix a key, and most requests have none.
        leaf.fixed.len() <= asked.query.len()
            && leaf.method == asked.head.method
            && is_whole(leaf)
            && leaf.fixed.iter().all(|(key, value)| asked.has_key(key, *value))
            && leaf.apart.is_none_or(|name| asked.is_apart(name, leaf.operation.name()))
    };
    let rank = |leaf: &&Leaf| {
        let complete = leaf.required.iter().all(|location| asked.has(location));
        let required = if complete { leaf.required.len() } else { 0 };
        let served = leaf.operation.served().is_some();
        Reverse((leaf.apart.is_some(), leaf.fixed.len(), complete, required, served))
    };
    // The first of equals, hence the least of what is reversed.
    leaves.iter().filter(fits).min_by_key(rank)
}

/// The methods that a path has without any key, in the order in which S3 tells them: `Allow: HEAD, DELETE, GET, PUT`
/// (answers of S3 behind Amplify, aws-amplify/amplify-hosting, issue 3152).
pub(super) fn methods(leaves: &[Leaf]) -> String {
    let is_plain = |leaf: &&Leaf| {
        leaf.fixed.is_empty() && !leaf.required.iter().any(|one| matches!(one, Location::Query(_)))
    };
    let having = |method: &&str| leaves.iter().filter(is_plain).any(|leaf| leaf.method == *method);
    let methods: Vec<&str> =
        ["HEAD", "DELETE", "GET", "PUT", "POST", "PATCH"].into_iter().filter(having).collect();
    methods.join(", ")
}

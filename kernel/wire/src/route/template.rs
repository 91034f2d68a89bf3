//! A path template of a model, taken apart: `/{Bucket}/{Key+}?tagging`.

use super::Routed;
use schema::{Location, Shape};

/// One segment of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    /// This text.
    Literal(&'static str),
    /// One segment of any text, under a label.
    Label(&'static str),
    /// One or more segments, under a label.
    Greedy(&'static str),
}

/// What a request to an operation of a path must look like besides the path.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) method: &'static str,
    /// Query keys that the template fixes, with their values where it states them.
    pub(super) fixed: Vec<(&'static str, Option<&'static str>)>,
    /// Headers and query keys that the input requires.
    pub(super) required: Vec<Location>,
    /// The labels in the path's order.
    pub(super) labels: Vec<&'static str>,
    pub(super) operation: Routed,
    /// The signing name that a request must have to mean this.
    pub(super) apart: Option<&'static str>,
}

/// The segments of a template and its leaf.
pub(super) fn compile(operation: Routed) -> (Vec<Segment>, Leaf) {
    let (method, template, required) = match operation {
        Routed::Served(shape) => (shape.http.method, shape.http.path, required(shape.input)),
        Routed::Unserved(named) => (named.method, named.path, named.required.to_vec()),
    };
    let (path, query) = template.split_once('?').unwrap_or((template, ""));
    // A fragment in a template only tells operations apart in the model; no client sends it.
    let path = path.split('#').next().unwrap_or(path);
    let segments: Vec<Segment> = split(path).map(segment).collect();
    let labels = segments.iter().filter_map(|segment| match segment {
        Segment::Literal(_) => None,
        Segment::Label(name) | Segment::Greedy(name) => Some(*name),
    });
    let keys = query.split('&').filter(|part| !part.is_empty());
    let fixed = keys.map(|part| match part.split_once('=') {
        Some((key, "")) => (key, None),
        Some((key, value)) => (key, Some(value)),
        None => (part, None),
    });
    let leaf =
        Leaf { method, fixed: fixed.collect(), required, labels: labels.collect(), operation, apart: None };
    (segments, leaf)
}

/// The segments of a path: nothing before the first slash, and nothing behind a last one.
pub(super) fn split(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let all = inner.split('/');
    all.filter(move |_| !inner.is_empty())
}

fn segment(text: &'static str) -> Segment {
    match text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
        Some(label) => match label.strip_suffix('+') {
            Some(label) => Segment::Greedy(label),
            None => Segment::Label(label),
        },
        None => Segment::Literal(text),
    }
}

fn required(input: &'static Shape) -> Vec<Location> {
    let located = |location: &Location| matches!(location, Location::Header(_) | Location::Query(_));
    let members = input.members.iter().filter(|member| member.required);
    members.map(|member| member.location).filter(located).collect()
}

//! A request's path, query, headers and body into the members that are bound to them.

use super::header;
use crate::fill::{Fill, Seen};
use crate::json::Members;
use crate::message::Head;
use crate::path::Path;
use crate::uri::Pair;
use crate::{Limits, Malformed, Route, Violations, json, scalar, uri, xml};
use bytes::Bytes;
use schema::{Location, Map, Member, Obj, Protocol, Slot, Ty};

/// Fills an input from all of a request. A payload that streams is left to whoever has the body.
pub(crate) fn bind(
    route: &Route,
    head: &Head<'_>,
    body: &Bytes,
    obj: &mut dyn Obj,
    limits: Limits,
    violations: &mut Violations,
) -> Result<(), Malformed> {
    let shape = obj.shape();
    let query = uri::pairs(head.query)?;
    let lengths = header::Lengths::of(head.headers);
    let mut seen = Seen::default();
    let (mut in_body, mut has_payload) = (false, false);
    for (index, member) in shape.members.iter().enumerate() {
        let found = match member.location {
            Location::Path(label) => from_label(route, label, index, obj)?,
            Location::Query(name) => from_query(route.protocol, &query, name, member, index, obj)?,
            Location::QueryMap => from_rest_of_query(&query, index, obj)?,
            Location::Header(name) => lengths.may_hold(name) && from_header(head, name, member, index, obj)?,
            Location::Headers(prefix) => from_headers(head, prefix, index, obj)?,
            Location::Payload => {
                has_payload = true;
                payload(route, body, member, index, obj, limits, violations)?
            }
            Location::Body => {
                in_body = true;
                false
            }
            Location::StatusCode | Location::EventHeader | Location::EventPayload => false,
        };
        if found {
            seen.mark(index);
        }
    }
    if in_body && !has_payload && !body.is_empty() {
        match route.protocol {
            Protocol::RestXml => {
                xml::Decoder::new(body, limits, violations)?.top(obj, &mut seen, &Path::ROOT)?;
            }
            _ => json::Decoder::new(body, limits, violations)?.top(
                obj,
                Members::Body,
                &mut seen,
                &Path::ROOT,
            )?,
        }
    }
    Fill::new(limits, violations).finish(shape, &seen, &Path::ROOT);
    Ok(())
}

fn from_label(route: &Route, label: &str, index: usize, obj: &mut dyn Obj) -> Result<bool, Malformed> {
    let Some((_, text)) = route.labels.iter().find(|(name, _)| *name == label) else { return Ok(false) };
    put(text, index, obj)
}

fn put(text: &str, index: usize, obj: &mut dyn Obj) -> Result<bool, Malformed> {
    let Some(slot) = obj.slot(index) else { return Ok(false) };
    scalar::read(text, slot)?;
    Ok(true)
}

/// Whether an empty text is no value: it is one for texts only.
fn is_void(text: &str, ty: &Ty) -> bool {
    text.is_empty() && !matches!(ty, Ty::Text(_) | Ty::Enum(_))
}

fn from_query(
    protocol: Protocol,
    query: &[Pair<'_>],
    name: &str,
    member: &'static Member,
    index: usize,
    obj: &mut dyn Obj,
) -> Result<bool, Malformed> {
    let mut values = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value).peekable();
    let Some(first) = values.peek() else { return Ok(false) };
    match member.ty {
        Ty::List(ty) => {
            if let Some(Slot::List(list)) = obj.slot(index) {
                for value in values.filter(|value| !is_void(value, ty.element)) {
                    scalar::read(value, list.push())?;
                }
            }
            Ok(true)
        }
        ty if is_void(first, ty) => Ok(false),
        ty => put(first, index, obj).map_err(|malformed| {
            malformed.of_query(protocol, name, first, matches!(ty, Ty::Int(_) | Ty::Long(_)))
        }),
    }
}

/// All query keys that no other member names.
fn from_rest_of_query(query: &[Pair<'_>], index: usize, obj: &mut dyn Obj) -> Result<bool, Malformed> {
    let shape = obj.shape();
    let named = |key: &str| {
        let is_key = |member: &Member| matches!(member.location, Location::Query(name) if name == key);
        shape.members.iter().any(is_key)
    };
    let mut rest: Vec<&Pair<'_>> = query.iter().filter(|(key, _)| !named(key)).collect();
    rest.sort_by(|one, other| one.0.cmp(&other.0));
    let is_empty = rest.is_empty();
    let Some(Slot::Map(map)) = obj.slot(index).filter(|_| !is_empty) else { return Ok(false) };
    for group in rest.chunk_by(|one, other| one.0 == other.0) {
        match map.insert(&group[0].0) {
            Slot::List(list) => {
                for (_, value) in group {
                    scalar::read(value, list.push())?;
                }
            }
            slot => scalar::read(&group[0].1, slot)?,
        }
    }
    Ok(true)
}

fn from_header(
    head: &Head<'_>,
    name: &str,
    member: &'static Member,
    index: usize,
    obj: &mut dyn Obj,
) -> Result<bool, Malformed> {
    let Some(text) = header::text(head.headers, name) else { return Ok(false) };
    if is_void(&text, member.ty) {
        return Ok(false);
    }
    let Some(slot) = obj.slot(index) else { return Ok(false) };
    header::read(&text, member, slot)?;
    Ok(true)
}

fn from_headers(head: &Head<'_>, prefix: &str, index: usize, obj: &mut dyn Obj) -> Result<bool, Malformed> {
    let prefix = prefix.to_ascii_lowercase();
    let keys: Vec<&str> =
        head.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with(&prefix)).collect();
    if keys.is_empty() {
        return Ok(false);
    }
    let Some(Slot::Map(map)) = obj.slot(index) else { return Ok(false) };
    for key in keys {
        let text = header::letters(head.headers, key);
        put_entry(map, &key[prefix.len()..], &text)?;
    }
    Ok(true)
}

fn put_entry(map: &mut dyn Map, key: &str, text: &str) -> Result<(), Malformed> {
    scalar::read(text, map.insert(key))
}

/// The member that is the whole body. An empty body is an absent member.
fn payload(
    route: &Route,
    body: &Bytes,
    member: &'static Member,
    index: usize,
    obj: &mut dyn Obj,
    limits: Limits,
    violations: &mut Violations,
) -> Result<bool, Malformed> {
    if matches!(member.ty, Ty::Stream { .. } | Ty::Events(_)) {
        return Ok(true);
    }
    if body.is_empty() {
        return Ok(false);
    }
    let Some(slot) = obj.slot(index) else { return Ok(false) };
    match slot {
        Slot::Blob(into) => *into = body.clone(),
        Slot::Text(into) => text_of(body)?.clone_into(into),
        Slot::Enum(into) => into.set(text_of(body)?),
        slot if route.protocol == Protocol::RestXml => {
            let exact = route.service.dialect.exact_bodies.contains(&route.operation.name());
            xml::Decoder::new(body, limits, violations)?.exact(exact).whole(member, slot)?;
        }
        slot => json::Decoder::new(body, limits, violations)?.whole(member, slot)?,
    }
    Ok(true)
}

fn text_of(body: &Bytes) -> Result<&str, Malformed> {
    std::str::from_utf8(body).map_err(|_| Malformed::syntax("The body is not valid UTF-8"))
}

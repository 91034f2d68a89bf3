//! A generated struct into XML elements.

use super::Writer;
use super::outline::{Outline, WORTHWHILE};
use crate::scalar;
use names::Timestamp;
use schema::{List, ListTy, Location, Map, MapTy, Member, Obj, TimeFormat, Ty, Val, XmlNamespace};
use std::borrow::Cow;

/// Most bytes that room is made for before they are written.
const MAX_RESERVED: usize = 1 << 20;

/// About how many bytes follow a list.
const BEHIND: usize = 1024;

/// Which names elements have, and how moments are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Location names; moments always with milliseconds; only the members of the body.
    Rest,
    /// Query names of the overlay, else location names.
    Query,
    /// Location names.
    Ec2,
}

/// One element of a name, holding a value.
pub(crate) fn element(
    writer: &mut Writer,
    naming: Naming,
    name: &str,
    namespace: Option<XmlNamespace>,
    val: &Val<'_>,
    ty: &'static Ty,
    time: TimeFormat,
) {
    writer.open(name);
    writer.namespace(namespace);
    if let Val::Struct(obj) = val {
        if namespace.is_none() {
            writer.namespace(obj.shape().xml_namespace);
        }
        attributes(writer, naming, *obj);
    }
    writer.inside();
    content(writer, naming, val, ty, time);
    writer.close(name);
}

fn attributes(writer: &mut Writer, naming: Naming, obj: &dyn Obj) {
    for (index, member) in obj.shape().members.iter().enumerate() {
        if !member.xml_attribute {
            continue;
        }
        if let Some(text) = obj.get(index).and_then(|val| text(&val, member.ty, member.time_format, naming)) {
            writer.attribute(member.wire_name.unwrap_or(member.name), &text);
        }
    }
}

pub(super) fn content(writer: &mut Writer, naming: Naming, val: &Val<'_>, ty: &'static Ty, time: TimeFormat) {
    match (val, ty) {
        (Val::Struct(obj), _) => members(writer, naming, *obj),
        (Val::List(list), Ty::List(ty)) => elements(writer, naming, ty.element_name, *list, ty),
        (Val::Map(map), Ty::Map(ty)) => entries(writer, naming, "entry", *map, ty),
        (Val::Int(number), _) => writer.number(i64::from(*number)),
        (Val::Long(number), _) => writer.number(*number),
        (Val::Text(text), _) => writer.text(text),
        (Val::Time(moment), ty) if naming == Naming::Rest && is_iso(ty, time) => writer.moment(*moment),
        _ => {
            if let Some(text) = text(val, ty, time, naming) {
                match val {
                    Val::Bool(_) | Val::Time(_) => writer.plain(&text),
                    _ => writer.text(&text),
                }
            }
        }
    }
}

/// The members of a structure, each in its element.
pub(crate) fn members(writer: &mut Writer, naming: Naming, obj: &dyn Obj) {
    for (index, member) in obj.shape().members.iter().enumerate() {
        let elsewhere = naming == Naming::Rest && member.location != Location::Body;
        if member.xml_attribute || elsewhere {
            continue;
        }
        let Some(val) = obj.get(index) else { continue };
        member_elements(writer, naming, member, &val);
    }
}

/// The name of a member's element.
pub(super) fn location_name(naming: Naming, member: &Member) -> &'static str {
    let location = member.wire_name.unwrap_or(member.name);
    match naming {
        Naming::Query => member.query_name.unwrap_or(location),
        Naming::Rest | Naming::Ec2 => location,
    }
}

/// A member: one element, or several where it is flattened.
pub(super) fn member_elements(writer: &mut Writer, naming: Naming, member: &'static Member, val: &Val<'_>) {
    let name = location_name(naming, member);
    match (val, member.ty) {
        (Val::List(list), Ty::List(ty)) if ty.flattened || member.flattened => {
            // An element name beside `flattened` is the name of the elements: the list has none.
            let own = if ty.element_name == "member" { name } else { ty.element_name };
            elements(writer, naming, own, *list, ty);
        }
        (Val::Map(map), Ty::Map(ty)) if ty.flattened || member.flattened => {
            entries(writer, naming, name, *map, ty);
        }
        _ => element(writer, naming, name, member.xml_namespace, val, member.ty, member.time_format),
    }
}

fn elements(writer: &mut Writer, naming: Naming, name: &str, list: &dyn List, ty: &'static ListTy) {
    let begin = writer.len();
    let outline = match list.at(0) {
        Some(Val::Struct(first)) if list.len() >= WORTHWHILE => Outline::of(naming, name, first),
        _ => None,
    };
    for index in 0..list.len() {
        match (list.at(index), &outline) {
            (Some(Val::Struct(obj)), Some(outline)) => outline.write(writer, naming, obj),
            (Some(val), _) => {
                element(writer, naming, name, None, &val, ty.element, TimeFormat::ProtocolDefault);
            }
            (None, _) => writer.leaf(name, ""),
        }
        if index == 0 {
            // The others are about as long as the first, and a little follows the last.
            let rest = (writer.len() - begin).saturating_mul(list.len() - 1);
            writer.reserve((rest + rest / 16 + BEHIND).min(MAX_RESERVED));
        }
    }
}

fn entries(writer: &mut Writer, naming: Naming, name: &str, map: &dyn Map, ty: &'static MapTy) {
    map.each(&mut |key, val| {
        writer.open(name);
        writer.inside();
        writer.leaf(ty.key_name, key);
        match val {
            Some(val) => {
                let plain = TimeFormat::ProtocolDefault;
                element(writer, naming, ty.value_name, None, &val, ty.value, plain);
            }
            None => writer.leaf(ty.value_name, ""),
        }
        writer.close(name);
    });
}

fn is_iso(ty: &Ty, time: TimeFormat) -> bool {
    scalar::time_format(time, ty, TimeFormat::Iso8601) == TimeFormat::Iso8601
}

fn text<'a>(val: &Val<'a>, ty: &Ty, time: TimeFormat, naming: Naming) -> Option<Cow<'a, str>> {
    match val {
        Val::Time(moment) if naming == Naming::Rest && is_iso(ty, time) => {
            Some(Cow::Owned(Timestamp::iso8601_millis(*moment)))
        }
        val => scalar::write(val, scalar::time_format(time, ty, TimeFormat::Iso8601)),
    }
}

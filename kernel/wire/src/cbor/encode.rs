//! A generated struct into CBOR: lengths are always known, moments carry tag 1.

use schema::{Document, Member, Obj, Ty, Val};
use std::collections::BTreeMap;

/// Writes an output.
pub(crate) fn encode(obj: &dyn Obj) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    structure(&mut out, obj);
    out
}

/// Writes an error: texts first, then the members of its detail that are wanted.
pub(crate) fn encode_error(
    leading: &[(&str, String)],
    detail: Option<&dyn Obj>,
    wanted: impl Fn(usize, &Member) -> bool,
) -> Vec<u8> {
    let members = detail.map_or([].as_slice(), |detail| detail.shape().members);
    let members = || members.iter().enumerate().filter(|(index, member)| wanted(*index, member));
    let mut out = Vec::with_capacity(256);
    head(&mut out, 5, (leading.len() + members().count()) as u64);
    for (key, value) in leading {
        text(&mut out, key);
        text(&mut out, value);
    }
    for (index, member) in members() {
        text(&mut out, member.wire_name.unwrap_or(member.name));
        match detail.and_then(|detail| detail.get(index)) {
            Some(val) => value(&mut out, &val, member.ty),
            None => out.push(NULL),
        }
    }
    out
}

const NULL: u8 = 0xf6;

fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    match argument {
        0..=23 => out.push(major | bytes[7]),
        24..=0xff => out.extend_from_slice(&[major | 24, bytes[7]]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&bytes);
        }
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    head(out, 3, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn integer(out: &mut Vec<u8>, number: i64) {
    match u64::try_from(number) {
        Ok(number) => head(out, 0, number),
        Err(_) => head(out, 1, !number as u64),
    }
}

fn double(out: &mut Vec<u8>, number: f64) {
    out.push(0xfb);
    out.extend_from_slice(&number.to_be_bytes());
}

fn structure(out: &mut Vec<u8>, obj: &dyn Obj) {
    let members = obj.shape().members;
    let there = |index: usize| match obj.get(index) {
        None | Some(Val::Stream(_) | Val::Events(_)) => None,
        there => there,
    };
    let count = (0..members.len()).filter(|index| there(*index).is_some()).count();
    head(out, 5, count as u64);
    for (index, member) in members.iter().enumerate() {
        if let Some(val) = there(index) {
            text(out, member.wire_name.unwrap_or(member.name));
            value(out, &val, member.ty);
        }
    }
}

fn value(out: &mut Vec<u8>, val: &Val<'_>, ty: &'static Ty) {
    match val {
        Val::Bool(truth) => out.push(0xf4 | u8::from(*truth)),
        Val::Int(number) => integer(out, i64::from(*number)),
        Val::Long(number) => integer(out, *number),
        Val::Float(number) => {
            out.push(0xfa);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Val::Double(number) => double(out, *number),
        Val::Text(value) => text(out, value),
        Val::Blob(bytes) => {
            head(out, 2, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        Val::Time(moment) => {
            out.push(0xc1);
            match moment.millis() % 1000 {
                0 => integer(out, moment.seconds()),
                _ => double(out, moment.seconds_f64()),
            }
        }
        Val::List(list) => {
            let element = if let Ty::List(list) = ty { list.element } else { ty };
            head(out, 4, list.len() as u64);
            for index in 0..list.len() {
                match list.at(index) {
                    Some(val) => value(out, &val, element),
                    None => out.push(NULL),
                }
            }
        }
        Val::Map(map) => {
            let of = if let Ty::Map(map) = ty { map.value } else { ty };
            head(out, 5, map.len() as u64);
            map.each(&mut |key, val| {
                text(out, key);
                match val {
                    Some(val) => value(out, &val, of),
                    None => out.push(NULL),
                }
            });
        }
        Val::Struct(obj) => structure(out, *obj),
        Val::Document(value) => document(out, value),
        Val::Stream(_) | Val::Events(_) => out.push(NULL),
    }
}

fn document(out: &mut Vec<u8>, value: &Document) {
    match value {
        Document::Null => out.push(NULL),
        Document::Bool(truth) => out.push(0xf4 | u8::from(*truth)),
        Document::Integer(number) => integer(out, *number),
        Document::Number(number) => double(out, *number),
        Document::Text(value) => text(out, value),
        Document::List(items) => {
            head(out, 4, items.len() as u64);
            items.iter().for_each(|item| document(out, item));
        }
        Document::Map(entries) => document_map(out, entries),
    }
}

fn document_map(out: &mut Vec<u8>, entries: &BTreeMap<String, Document>) {
    head(out, 5, entries.len() as u64);
    for (key, value) in entries {
        text(out, key);
        document(out, value);
    }
}

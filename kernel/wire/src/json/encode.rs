//! A generated struct into JSON.

use super::decode::Members;
use super::document;
use super::scan::plain_length;
use crate::scalar;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schema::{List, Location, Map, Member, Obj, TimeFormat, Ty, Val};
use std::io::Write;

/// Writes JSON to the end of a buffer.
pub(crate) struct Encoder {
    pub(crate) out: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Encoder { out: Vec::with_capacity(512) }
    }

    /// A structure with the members that are present.
    pub(crate) fn structure(&mut self, obj: &dyn Obj, only: Members) {
        self.out.push(b'{');
        self.members(obj, only, true);
        self.out.push(b'}');
    }

    /// The members without the braces; `first` says that no comma is needed before the first.
    pub(crate) fn members(&mut self, obj: &dyn Obj, only: Members, mut first: bool) {
        let shape = obj.shape();
        for (index, member) in shape.members.iter().enumerate() {
            if only == Members::Body && member.location != Location::Body {
                continue;
            }
            let Some(val) = obj.get(index) else { continue };
            if matches!(val, Val::Stream(_) | Val::Events(_)) {
                continue;
            }
            if !first {
                self.out.push(b',');
            }
            first = false;
            string(&mut self.out, member.wire_name.unwrap_or(member.name));
            self.out.push(b':');
            self.member(&val, member);
            if shape.union {
                return;
            }
        }
    }

    /// The value of a member.
    pub(crate) fn member(&mut self, val: &Val<'_>, member: &Member) {
        self.value(val, member.ty, member.time_format);
    }

    /// A value by its type.
    pub(crate) fn value(&mut self, val: &Val<'_>, ty: &'static Ty, time: TimeFormat) {
        match val {
            Val::Text(text) => string(&mut self.out, text),
            Val::Bool(truth) => self.out.extend_from_slice(if *truth { b"true" } else { b"false" }),
            Val::Int(number) => self.raw(format_args!("{number}")),
            Val::Long(number) => self.raw(format_args!("{number}")),
            Val::Float(number) => match scalar::not_finite(f64::from(*number)) {
                Some(name) => string(&mut self.out, name),
                None => self.raw(format_args!("{number:?}")),
            },
            Val::Double(number) => match scalar::not_finite(*number) {
                Some(name) => string(&mut self.out, name),
                None => self.raw(format_args!("{number:?}")),
            },
            Val::Blob(bytes) => {
                self.out.push(b'"');
                self.raw(format_args!("{}", STANDARD.encode(bytes)));
                self.out.push(b'"');
            }
            Val::Time(moment) => {
                let format = scalar::time_format(time, ty, TimeFormat::EpochSeconds);
                let text = scalar::write_time(*moment, format);
                match format {
                    TimeFormat::EpochSeconds => self.out.extend_from_slice(text.as_bytes()),
                    _ => string(&mut self.out, &text),
                }
            }
            Val::List(list) => self.list(*list, ty),
            Val::Map(map) => self.map(*map, ty),
            Val::Struct(obj) => self.structure(*obj, Members::All),
            Val::Document(value) => document::write(&mut self.out, value),
            Val::Stream(_) | Val::Events(_) => self.out.extend_from_slice(b"null"),
        }
    }

    fn list(&mut self, list: &dyn List, ty: &'static Ty) {
        let element = if let Ty::List(list) = ty { list.element } else { ty };
        self.out.push(b'[');
        for index in 0..list.len() {
            if index > 0 {
                self.out.push(b',');
            }
            match list.at(index) {
                Some(val) => self.value(&val, element, TimeFormat::ProtocolDefault),
                None => self.out.extend_from_slice(b"null"),
            }
        }
        self.out.push(b']');
    }

    fn map(&mut self, map: &dyn Map, ty: &'static Ty) {
        let value = if let Ty::Map(map) = ty { map.value } else { ty };
        self.out.push(b'{');
        let mut first = true;
        map.each(&mut |key, val| {
            if !first {
                self.out.push(b',');
            }
            first = false;
            string(&mut self.out, key);
            self.out.push(b':');
            match val {
                Some(val) => self.value(&val, value, TimeFormat::ProtocolDefault),
                None => self.out.extend_from_slice(b"null"),
            }
        });
        self.out.push(b'}');
    }

    fn raw(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a vector cannot fail.
        let _ = self.out.write_fmt(text);
    }
}

/// A string in quotes, with the escapes that JSON demands.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((byte, behind)) = special.split_first() else { break };
        escape(out, *byte);
        rest = behind;
    }
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x00..=0x1f => b'u',
        _ => byte,
    };
    out.extend_from_slice(&[b'\\', short]);
    if short == b'u' {
        let hex = b"0123456789abcdef";
        out.extend_from_slice(&[b'0', b'0', hex[usize::from(byte >> 4)], hex[usize::from(byte & 15)]]);
    }
}

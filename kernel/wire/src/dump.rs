//! A value as canonical JSON under the model's own names, for comparing it with what another
//! implementation read or wrote.
//!
//! Members in the model's order, absent ones left out; blobs in base64, moments in milliseconds since the
//! epoch, numbers that are none as their names. Streams are left out.

use crate::json::write_string;
use crate::scalar;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schema::{Document, Obj, Val};

/// The canonical JSON of a value.
pub fn dump(obj: &dyn Obj) -> String {
    let mut out = Vec::new();
    structure(&mut out, obj);
    // Only valid UTF-8 was written.
    String::from_utf8(out).unwrap_or_default()
}

fn structure(out: &mut Vec<u8>, obj: &dyn Obj) {
    let mut entries = Entries::new(out);
    for (index, member) in obj.shape().members.iter().enumerate() {
        match obj.get(index) {
            None | Some(Val::Stream(_) | Val::Events(_)) => {}
            Some(val) => value(entries.key(member.name), &val),
        }
    }
    entries.end();
}

fn value(out: &mut Vec<u8>, val: &Val<'_>) {
    match val {
        Val::Bool(truth) => plain(out, truth.to_string()),
        Val::Int(number) => plain(out, number.to_string()),
        Val::Long(number) => plain(out, number.to_string()),
        Val::Float(number) => float(out, f64::from(*number)),
        Val::Double(number) => float(out, *number),
        Val::Text(text) => write_string(out, text),
        Val::Blob(bytes) => write_string(out, &STANDARD.encode(bytes)),
        Val::Time(moment) => plain(out, moment.millis().to_string()),
        Val::Struct(obj) => structure(out, *obj),
        Val::Document(inner) => document(out, inner),
        Val::Stream(_) | Val::Events(_) => plain(out, "null".to_owned()),
        Val::List(list) => {
            out.push(b'[');
            for index in 0..list.len() {
                if index > 0 {
                    out.push(b',');
                }
                value_or_null(out, list.at(index));
            }
            out.push(b']');
        }
        Val::Map(map) => {
            let mut entries = Entries::new(out);
            map.each(&mut |key, val| value_or_null(entries.key(key), val));
            entries.end();
        }
    }
}

fn value_or_null(out: &mut Vec<u8>, val: Option<Val<'_>>) {
    match val {
        Some(val) => value(out, &val),
        None => plain(out, "null".to_owned()),
    }
}

fn document(out: &mut Vec<u8>, inner: &Document) {
    match inner {
        Document::Null => plain(out, "null".to_owned()),
        Document::Bool(truth) => plain(out, truth.to_string()),
        Document::Integer(number) => plain(out, number.to_string()),
        Document::Number(number) => float(out, *number),
        Document::Text(text) => write_string(out, text),
        Document::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                document(out, item);
            }
            out.push(b']');
        }
        Document::Map(map) => {
            let mut entries = Entries::new(out);
            for (key, item) in map {
                document(entries.key(key), item);
            }
            entries.end();
        }
    }
}

fn plain(out: &mut Vec<u8>, text: String) {
    out.extend_from_slice(text.as_bytes());
}

fn float(out: &mut Vec<u8>, number: f64) {
    match scalar::not_finite(number) {
        Some(name) => write_string(out, name),
        None => plain(out, format!("{number:?}")),
    }
}

/// The entries of an object that is being written.
struct Entries<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Entries<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Entries { out, first: true }
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        write_string(self.out, key);
        self.out.push(b':');
        self.out
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

//! How a generated value prints itself: present members only, and never what the model calls sensitive.

use crate::{List, Map, Obj, Val};
use std::fmt;

/// Prints a structure or union by its table.
pub fn print(value: &dyn Obj, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let shape = value.shape();
    let mut fields = f.debug_struct(shape.name);
    for (index, member) in shape.members.iter().enumerate() {
        match value.get(index) {
            Some(_) if member.sensitive => fields.field(member.name, &format_args!("***")),
            Some(val) => fields.field(member.name, &Printed(val)),
            None => &mut fields,
        };
    }
    fields.finish()
}

struct Printed<'a>(Val<'a>);

impl fmt::Debug for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Val::Bool(value) => value.fmt(f),
            Val::Int(value) => value.fmt(f),
            Val::Long(value) => value.fmt(f),
            Val::Float(value) => value.fmt(f),
            Val::Double(value) => value.fmt(f),
            Val::Text(value) => value.fmt(f),
            Val::Blob(bytes) => write!(f, "{} bytes", bytes.len()),
            Val::Stream(body) => body.fmt(f),
            Val::Time(moment) => moment.fmt(f),
            Val::List(list) => print_list(*list, f),
            Val::Map(map) => print_map(*map, f),
            Val::Struct(value) if value.shape().sensitive => f.write_str("***"),
            Val::Struct(value) => print(*value, f),
            Val::Document(document) => document.fmt(f),
            Val::Events(events) => events.fmt(f),
        }
    }
}

fn print_list(list: &dyn List, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_list().entries((0..list.len()).map(|index| list.at(index).map(Printed))).finish()
}

fn print_map(map: &dyn Map, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut entries = f.debug_map();
    map.each(&mut |key, value| {
        entries.entry(&key, &value.map(Printed));
    });
    entries.finish()
}

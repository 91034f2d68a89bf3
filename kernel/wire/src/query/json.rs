//! Answers of the query protocol for clients that want JSON: all members of a structure by name, null where there is
//! none. As SQS answers API Gateway (outputs that aws-samples' serverless-patterns show of the two), STS a client that
//! accepts JSON, and as LocalStack's test_get_queue_attributes_json_format recorded it on AWS.

use crate::json::{Encoder, write_string};
use schema::{List, Map, MapTy, Obj, OperationShape, TimeFormat, Ty, Val};

/// What writes an answer: members have other names where the service says so.
struct Writer {
    body: Encoder,
    other_names: &'static [(&'static str, &'static str)],
}

/// An operation's output, some of whose members have other names.
pub(crate) fn answer(
    operation: &OperationShape,
    other_names: &'static [(&'static str, &'static str)],
    output: &dyn Obj,
    request_id: &str,
) -> Vec<u8> {
    let mut writer = Writer { body: Encoder::new(), other_names };
    let by_rule = format!("{}Result", operation.name);
    let result = operation.result_wrapper.unwrap_or(&by_rule);
    let says_something = !output.shape().members.is_empty() || operation.result_wrapper.is_some();
    key(&mut writer.body.out, b'{', &format!("{}Response", operation.name));
    // The two in the order of their names.
    let result_first = result < "ResponseMetadata";
    let mut before = b'{';
    for turn in [true, false] {
        if turn == result_first && says_something {
            key(&mut writer.body.out, before, result);
            writer.structure(output);
            before = b',';
        } else if turn != result_first {
            let out = &mut writer.body.out;
            key(out, before, "ResponseMetadata");
            key(out, b'{', "RequestId");
            write_string(out, request_id);
            out.push(b'}');
            before = b',';
        }
    }
    writer.body.out.extend_from_slice(b"}}");
    writer.body.out
}

/// An error, by what is said of it.
pub(crate) fn error(words: [(&str, &str); 3], request_id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    key(&mut out, b'{', "Error");
    let mut before = b'{';
    for (name, text) in words {
        key(&mut out, before, name);
        write_string(&mut out, text);
        before = b',';
    }
    out.push(b'}');
    key(&mut out, b',', "RequestId");
    write_string(&mut out, request_id);
    out.push(b'}');
    out
}

/// A name and its colon, behind a brace or a comma.
fn key(out: &mut Vec<u8>, before: u8, name: &str) {
    out.push(before);
    write_string(out, name);
    out.push(b':');
}

impl Writer {
    fn structure(&mut self, obj: &dyn Obj) {
        let members = obj.shape().members;
        let shown = |name: &'static str| {
            self.other_names.iter().find(|(known, _)| *known == name).map_or(name, |(_, other)| other)
        };
        let mut names: Vec<(usize, &str)> =
            members.iter().map(|member| shown(member.name)).enumerate().collect();
        names.sort_unstable_by_key(|(_, name)| *name);
        let mut before = b'{';
        for (index, name) in names {
            key(&mut self.body.out, before, name);
            before = b',';
            match obj.get(index) {
                Some(val) => self.value(&val, members[index].ty, members[index].time_format),
                None => self.null(),
            }
        }
        if before == b'{' {
            self.body.out.push(before);
        }
        self.body.out.push(b'}');
    }

    fn value(&mut self, val: &Val<'_>, ty: &'static Ty, time: TimeFormat) {
        match (val, ty) {
            (Val::Struct(obj), _) => self.structure(*obj),
            (Val::List(list), _) => self.each(*list, ty),
            (Val::Map(map), Ty::Map(kind)) => self.entries(*map, kind),
            _ => self.body.value(val, ty, time),
        }
    }

    fn each(&mut self, list: &dyn List, ty: &'static Ty) {
        let element = if let Ty::List(list) = ty { list.element } else { ty };
        self.body.out.push(b'[');
        for index in 0..list.len() {
            if index > 0 {
                self.body.out.push(b',');
            }
            match list.at(index) {
                Some(val) => self.value(&val, element, TimeFormat::ProtocolDefault),
                None => self.null(),
            }
        }
        self.body.out.push(b']');
    }

    /// A map, which is a list of names and values where query has no wrapper around its entries.
    fn entries(&mut self, map: &dyn Map, kind: &'static MapTy) {
        let (start, end) = if kind.flattened { (b'[', b']') } else { (b'{', b'}') };
        self.body.out.push(start);
        let mut is_first = true;
        map.each(&mut |name, val| {
            let out = &mut self.body.out;
            if !is_first {
                out.push(b',');
            }
            is_first = false;
            if kind.flattened {
                key(out, b'{', kind.key_name);
                write_string(out, name);
                key(out, b',', kind.value_name);
            } else {
                write_string(out, name);
                out.push(b':');
            }
            match val {
                Some(val) => self.value(&val, kind.value, TimeFormat::ProtocolDefault),
                None => self.null(),
            }
            if kind.flattened {
                self.body.out.push(b'}');
            }
        });
        self.body.out.push(end);
    }

    fn null(&mut self) {
        self.body.out.extend_from_slice(b"null");
    }
}

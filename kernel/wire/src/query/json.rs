//! Answers of the query protocol for clients that want JSON: all members of a structure by name, null where there is
//! none. As SQS answers API Gateway (outputs that aws-samples' serverless-patterns show of the two), STS a client that
//! accepts JSON, and as LocalStack's test_get_queue_attributes_json_format recorded it on AWS.

use crate::json::{Encoder, write_string};
use schema::{List, Map, MapTy, Obj, OperationShape, TimeFormat, Ty, Val};

/// Members that JSON has under names of their own.
const OTHER_NAMES: [(&str, &str); 2] = [("Messages", "messages"), ("QueueUrls", "queueUrls")];

/// An operation's output.
pub(crate) fn answer(operation: &OperationShape, output: &dyn Obj, request_id: &str) -> Vec<u8> {
    let mut body = Encoder::new();
    let by_rule = format!("{}Result", operation.name);
    let result = operation.result_wrapper.unwrap_or(&by_rule);
    let says_something = !output.shape().members.is_empty() || operation.result_wrapper.is_some();
    key(&mut body.out, b'{', &format!("{}Response", operation.name));
    // The two in the order of their names.
    let result_first = result < "ResponseMetadata";
    let mut before = b'{';
    for turn in [true, false] {
        if turn == result_first && says_something {
            key(&mut body.out, before, result);
            structure(&mut body, output);
            before = b',';
        } else if turn != result_first {
            key(&mut body.out, before, "ResponseMetadata");
            key(&mut body.out, b'{', "RequestId");
            write_string(&mut body.out, request_id);
            body.out.push(b'}');
            before = b',';
        }
    }
    body.out.extend_from_slice(b"}}");
    body.out
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

fn structure(body: &mut Encoder, obj: &dyn Obj) {
    let members = obj.shape().members;
    let shown = |name: &'static str| {
        OTHER_NAMES.iter().find(|(known, _)| *known == name).map_or(name, |(_, other)| other)
    };
    let mut names: Vec<(usize, &str)> = members.iter().map(|member| shown(member.name)).enumerate().collect();
    names.sort_unstable_by_key(|(_, name)| *name);
    let mut before = b'{';
    for (index, name) in names {
        key(&mut body.out, before, name);
        before = b',';
        match obj.get(index) {
            Some(val) => value(body, &val, members[index].ty, members[index].time_format),
            None => body.out.extend_from_slice(b"null"),
        }
    }
    if before == b'{' {
        body.out.push(before);
    }
    body.out.push(b'}');
}

fn value(body: &mut Encoder, val: &Val<'_>, ty: &'static Ty, time: TimeFormat) {
    match (val, ty) {
        (Val::Struct(obj), _) => structure(body, *obj),
        (Val::List(list), _) => each(body, *list, ty),
        (Val::Map(map), Ty::Map(kind)) => entries(body, *map, kind),
        _ => body.value(val, ty, time),
    }
}

fn each(body: &mut Encoder, list: &dyn List, ty: &'static Ty) {
    let element = if let Ty::List(list) = ty { list.element } else { ty };
    body.out.push(b'[');
    for index in 0..list.len() {
        if index > 0 {
            body.out.push(b',');
        }
        match list.at(index) {
            Some(val) => value(body, &val, element, TimeFormat::ProtocolDefault),
            None => body.out.extend_from_slice(b"null"),
        }
    }
    body.out.push(b']');
}

/// A map, which is a list of names and values where query has no wrapper around its entries.
fn entries(body: &mut Encoder, map: &dyn Map, kind: &'static MapTy) {
    let (start, end) = if kind.flattened { (b'[', b']') } else { (b'{', b'}') };
    body.out.push(start);
    let mut is_first = true;
    map.each(&mut |name, val| {
        if !is_first {
            body.out.push(b',');
        }
        is_first = false;
        if kind.flattened {
            key(&mut body.out, b'{', kind.key_name);
            write_string(&mut body.out, name);
            key(&mut body.out, b',', kind.value_name);
        } else {
            write_string(&mut body.out, name);
            body.out.push(b':');
        }
        match val {
            Some(val) => value(body, &val, kind.value, TimeFormat::ProtocolDefault),
            None => body.out.extend_from_slice(b"null"),
        }
        if kind.flattened {
            body.out.push(b'}');
        }
    });
    body.out.push(end);
}

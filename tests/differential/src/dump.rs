//! Values as canonical JSON: structures by the model's member names without absent members, bytes as
//! `{"$b64": …}`, moments as `{"$ms": …}`. Bodies and events are read to their end for it.
//! Apart from the codecs, so that no error of theirs can hide in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_core::Stream;
use schema::{Body, Document, Map, Obj, Val};
use serde_json::{Value, json};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The canonical form of a structure or union.
pub fn structure(value: &dyn Obj) -> Value {
    let members = value.shape().members.iter().enumerate();
    let present = members.filter_map(|(index, member)| Some((member.name, value.get(index)?)));
    Value::Object(present.map(|(name, val)| (name.to_owned(), dump(&val))).collect())
}

fn dump(val: &Val<'_>) -> Value {
    match val {
        Val::Bool(value) => json!(value),
        Val::Int(value) => json!(value),
        Val::Long(value) => json!(value),
        Val::Float(value) => json!(f64::from(*value)),
        Val::Double(value) => json!(value),
        Val::Text(text) => json!(text),
        Val::Blob(bytes) => blob(bytes),
        Val::Stream(body) => blob(&contents(body)),
        Val::Time(moment) => json!({ "$ms": moment.millis() }),
        Val::List(list) => {
            let items = (0..list.len()).map(|index| list.at(index));
            items.map(|item| item.map_or(Value::Null, |val| dump(&val))).collect()
        }
        Val::Map(map) => entries(*map),
        Val::Struct(value) => structure(*value),
        Val::Document(value) => document(value),
        Val::Events(events) => {
            let events = events.take().map(collect).unwrap_or_default();
            events.iter().map(|event| structure(event.as_ref())).collect()
        }
    }
}

fn entries(map: &dyn Map) -> Value {
    let mut entries = serde_json::Map::new();
    map.each(&mut |key, val| {
        entries.insert(key.to_owned(), val.map_or(Value::Null, |val| dump(&val)));
    });
    Value::Object(entries)
}

fn document(value: &Document) -> Value {
    match value {
        Document::Null => Value::Null,
        Document::Bool(value) => json!(value),
        Document::Integer(value) => json!(value),
        Document::Number(value) => json!(value),
        Document::Text(text) => json!(text),
        Document::List(items) => items.iter().map(document).collect(),
        Document::Map(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), document(value))).collect())
        }
    }
}

fn blob(bytes: &[u8]) -> Value {
    json!({ "$b64": STANDARD.encode(bytes) })
}

/// The bytes of a body; none of one that ends in an error.
pub fn contents(body: &Body) -> Vec<u8> {
    let chunks = body.take().map(collect).unwrap_or_default();
    let chunks: Result<Vec<_>, _> = chunks.into_iter().collect();
    chunks.map(|chunks| chunks.concat()).unwrap_or_default()
}

/// All items of a stream that never waits: everything here is made from memory.
fn collect<T: Stream + ?Sized>(mut stream: Pin<Box<T>>) -> Vec<T::Item> {
    let mut items = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(item)) = stream.as_mut().poll_next(&mut context) {
        items.push(item);
    }
    items
}

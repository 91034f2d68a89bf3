//! Items in the text form of Amazon Ion, as files of exports hold them: numbers are decimals, sets are lists
//! with an annotation that names their type.

mod read;

pub use read::{Line, Unreadable, item};

use super::value::{Item, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// What begins each line: a file is a sequence of datagrams.
const MARK: &str = "$ion_1_0 ";

/// The line of an item: `$ion_1_0 {Item:{id:"1"}}`.
pub fn line(item: &Item) -> String {
    let mut out = format!("{MARK}{{Item:");
    write_item(&mut out, item);
    out.push('}');
    out
}

/// The line of a change: the moment of the last write in microseconds, and the key and the images by name.
pub fn change_line(micros: i64, images: &[(&str, &Item)]) -> String {
    let mut out = format!("{MARK}{{Record:{{Metadata:{{WriteTimestampMicros:{micros}.}}");
    for (name, item) in images {
        out.push(',');
        write_name(&mut out, name);
        out.push(':');
        write_item(&mut out, item);
    }
    out.push_str("}}");
    out
}

fn write_item(out: &mut String, item: &Item) {
    out.push('{');
    for (place, (name, value)) in item.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_name(out, name);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::S(text) => write_text(out, text, '"'),
        Value::N(text) => write_number(out, text),
        Value::B(bytes) => write_bytes(out, bytes),
        Value::BOOL(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::NULL(_) | Value::Unset | Value::Many(_) => out.push_str("null"),
        Value::M(map) => write_item(out, map),
        Value::L(list) => write_list(out, "", list, write_value),
        Value::SS(set) => write_list(out, "$dynamodb_SS::", set, |out, text| write_text(out, text, '"')),
        Value::NS(set) => write_list(out, "$dynamodb_NS::", set, |out, text| write_number(out, text)),
        Value::BS(set) => write_list(out, "$dynamodb_BS::", set, |out, bytes| write_bytes(out, bytes)),
    }
}

fn write_list<T>(out: &mut String, annotation: &str, list: &[T], each: impl Fn(&mut String, &T)) {
    out.push_str(annotation);
    out.push('[');
    for (place, element) in list.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        each(out, element);
    }
    out.push(']');
}

/// A number is a decimal: with a point, or with the exponent that only decimals have.
fn write_number(out: &mut String, text: &str) {
    match text.find(['e', 'E']) {
        Some(_) => out.push_str(&text.replace(['e', 'E'], "d")),
        None if text.contains('.') => out.push_str(text),
        None => {
            out.push_str(text);
            out.push('.');
        }
    }
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str("{{");
    out.push_str(&STANDARD.encode(bytes));
    out.push_str("}}");
}

/// The name of a field: a plain symbol where that is one, else in quotes. A dollar begins the numbers of
/// symbols, so it never stands plain.
fn write_name(out: &mut String, name: &str) {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let is_taken = matches!(name, "null" | "true" | "false" | "nan");
    if begins && name.bytes().all(is_word) && !is_taken {
        out.push_str(name);
    } else {
        write_text(out, name, '\'');
    }
}

fn write_text(out: &mut String, text: &str, quote: char) {
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter == quote || letter == '\\' => {
                out.push('\\');
                out.push(letter);
            }
            letter if (letter as u32) < 0x20 || letter == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", letter as u32);
            }
            letter => out.push(letter),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn s(text: &str) -> Value {
        Value::S(text.into())
    }

    #[test]
    fn every_type_has_its_form() {
        let nested: Item =
            [("t".to_owned(), Value::BOOL(true)), ("$10".to_owned(), Value::NULL(true))].into();
        let item: Item = [
            ("Authors".to_owned(), Value::SS(vec!["a".into(), "b".into()])),
            ("Id".to_owned(), Value::N("103".into())),
            ("blob".to_owned(), Value::B(Bytes::from_static(&[0, 1]))),
            ("blobs".to_owned(), Value::BS(vec![Bytes::from_static(b"x")])),
            ("list".to_owned(), Value::L(vec![s("x"), Value::N("-1.5".into())])),
            ("map".to_owned(), Value::M(nested)),
            ("null".to_owned(), s("a \"b\"\\\n\u{1}é")),
            ("numbers".to_owned(), Value::NS(vec!["1".into(), "1E+40".into()])),
            ("two words".to_owned(), s("")),
        ]
        .into();
        let expected = concat!(
            r#"$ion_1_0 {Item:{Authors:$dynamodb_SS::["a","b"],Id:103.,blob:{{AAE=}},blobs:$dynamodb_BS::[{{eA==}}],"#,
            r#"list:["x",-1.5],map:{'$10':null,t:true},'null':"a \"b\"\\\n\x01é","#,
            r#"numbers:$dynamodb_NS::[1.,1d+40],'two words':""}}"#
        );
        assert_eq!(line(&item), expected);
    }

    #[test]
    fn a_change_has_its_key_and_images() {
        let key: Item = [("id".to_owned(), s("1"))].into();
        assert_eq!(
            change_line(7_000, &[("Keys", &key), ("NewImage", &key)]),
            r#"$ion_1_0 {Record:{Metadata:{WriteTimestampMicros:7000.},Keys:{id:"1"},NewImage:{id:"1"}}}"#
        );
    }
}

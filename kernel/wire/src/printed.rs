//! A value as AWS's messages print it: the way Java prints strings, lists, maps and objects.

use crate::path::push_lower_camel;
use crate::scalar;
use schema::{TimeFormat, Val};

/// Behind so many bytes no further element or entry is shown, nor more of a text.
const SHOWN: usize = 2000;
/// How much of a value a message shows at most.
const MOST: usize = 3 * SHOWN;

/// A value's text, elements left out where it gets long; what is sensitive is not in it.
pub(crate) fn java(val: &Val<'_>) -> String {
    let mut text = String::new();
    print(&mut text, val);
    text.truncate(shown(&text, MOST).len());
    text
}

/// The beginning of a text.
fn shown(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

fn print(text: &mut String, val: &Val<'_>) {
    match val {
        Val::List(list) => {
            text.push('[');
            for index in 0..list.len() {
                if text.len() > SHOWN {
                    break;
                }
                if index > 0 {
                    text.push_str(", ");
                }
                print_or_null(text, list.at(index));
            }
            text.push(']');
        }
        Val::Map(map) => {
            text.push('{');
            let mut first = true;
            map.each(&mut |key, val| {
                if text.len() > SHOWN {
                    return;
                }
                if !first {
                    text.push_str(", ");
                }
                first = false;
                text.push_str(key);
                text.push('=');
                print_or_null(text, val);
            });
            text.push('}');
        }
        _ if text.len() > MOST => {}
        Val::Struct(obj) if obj.shape().sensitive => text.push_str("***"),
        Val::Struct(obj) => {
            text.push_str(obj.shape().name);
            text.push('(');
            for (index, member) in obj.shape().members.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                push_lower_camel(text, member.name);
                text.push('=');
                match member.sensitive {
                    true => text.push_str("***"),
                    false => print_or_null(text, obj.get(index)),
                }
            }
            text.push(')');
        }
        Val::Blob(bytes) => {
            let length = bytes.len();
            text.push_str(&format!("java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]"));
        }
        Val::Text(value) => text.push_str(shown(value, SHOWN)),
        Val::Stream(_) | Val::Events(_) | Val::Document(_) => text.push_str("..."),
        // With a fraction in any case: `1.0`.
        Val::Double(number) if number.is_finite() => text.push_str(&format!("{number:?}")),
        Val::Float(number) if number.is_finite() => text.push_str(&format!("{number:?}")),
        val => text.extend(scalar::write(val, TimeFormat::Iso8601).as_deref()),
    }
}

fn print_or_null(text: &mut String, val: Option<Val<'_>>) {
    match val {
        Some(val) => print(text, &val),
        None => text.push_str("null"),
    }
}

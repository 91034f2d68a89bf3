//! Documents: JSON values whose content the model leaves open.

use super::encode;
use super::lexer::Lexer;
use crate::{Malformed, scalar};
use schema::Document;
use std::collections::BTreeMap;

/// Reads any value of at most `depth` levels.
pub(super) fn read(lexer: &mut Lexer<'_>, depth: usize) -> Result<Document, Malformed> {
    let Some(below) = depth.checked_sub(1) else { return Err(Malformed::too_deep()) };
    Ok(match lexer.peek()? {
        b'"' => Document::Text(lexer.string()?.into_owned()),
        b't' => lexer.word("true").map(|()| Document::Bool(true))?,
        b'f' => lexer.word("false").map(|()| Document::Bool(false))?,
        b'n' => lexer.word("null").map(|()| Document::Null)?,
        b'[' => read_list(lexer, below)?,
        b'{' => read_map(lexer, below)?,
        _ => {
            let text = lexer.number()?;
            match text.parse() {
                Ok(whole) => Document::Integer(whole),
                Err(_) => Document::Number(text.parse().map_err(|_| lexer.unexpected())?),
            }
        }
    })
}

fn read_list(lexer: &mut Lexer<'_>, below: usize) -> Result<Document, Malformed> {
    lexer.expect(b'[')?;
    let mut items = Vec::new();
    let mut more = !lexer.take(b']')?;
    while more {
        items.push(read(lexer, below)?);
        more = lexer.take(b',')?;
        if !more {
            lexer.expect(b']')?;
        }
    }
    Ok(Document::List(items))
}

fn read_map(lexer: &mut Lexer<'_>, below: usize) -> Result<Document, Malformed> {
    lexer.expect(b'{')?;
    let mut entries = BTreeMap::new();
    let mut more = !lexer.take(b'}')?;
    while more {
        let key = lexer.key()?.into_owned();
        entries.insert(key, read(lexer, below)?);
        more = lexer.take(b',')?;
        if !more {
            lexer.expect(b'}')?;
        }
    }
    Ok(Document::Map(entries))
}

/// Writes a document. Numbers that JSON does not have become null.
pub(super) fn write(out: &mut Vec<u8>, document: &Document) {
    match document {
        Document::Null => out.extend_from_slice(b"null"),
        Document::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Document::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Document::Number(number) => match scalar::not_finite(*number) {
            Some(_) => out.extend_from_slice(b"null"),
            None => out.extend_from_slice(format!("{number:?}").as_bytes()),
        },
        Document::Text(text) => encode::string(out, text),
        Document::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(out, item);
            }
            out.push(b']');
        }
        Document::Map(entries) => {
            out.push(b'{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                encode::string(out, key);
                out.push(b':');
                write(out, value);
            }
            out.push(b'}');
        }
    }
}

//! The items of one file of an import, as its bytes come: JSON, Ion, or lines of values. From the first text on
//! that no item can be made of, the rest of the file is left out, as on AWS.

use super::unpack::{Broken, Unpack};
use crate::rules::csv::{Lines, TooLong};
use crate::rules::keys::KeyKind;
use crate::rules::value::{Item, Value};
use crate::rules::{ion, json};
use crate::state::TableRecord;
use crate::state::backups::{Form, ImportRecord};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// The most bytes of text that wait for the end of an item.
const MAX_WAITING: usize = 4 * 1024 * 1024;
/// How many bytes of text are taken up in one step.
const STEP: u64 = 1024 * 1024;

/// What is told of a text that cannot be read, and of one that holds no item: AWS's words in the error log of an
/// import, as an account of 2026-08 quotes them.
const UNEXPECTED: &str = "Unexpected token";
const NO_ITEM: &str = "Expected 'Item' top level container";

/// An item, or why there is none.
pub type Read = Result<Item, String>;

/// What a step found.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The items.
    pub items: Vec<Read>,
    /// How many bytes of text they were made of.
    pub bytes: u64,
}

/// Reads one file.
pub struct Reader {
    unpack: Unpack,
    form: Parser,
    has_ended: bool,
    /// Nothing follows, or nothing that can be read.
    is_done: bool,
}

enum Parser {
    Json(Vec<u8>),
    Ion(Vec<u8>),
    Csv(Lines, Option<Vec<String>>, Arc<TableRecord>),
}

impl Reader {
    /// Of a file of an import into a table.
    pub fn new(record: &ImportRecord, table: &Arc<TableRecord>) -> Self {
        let form = match &record.form {
            Form::Json => Parser::Json(Vec::new()),
            Form::Ion => Parser::Ion(Vec::new()),
            Form::Csv(delimiter, names) => {
                let delimiter = delimiter.as_ref().and_then(|text| text.bytes().next()).unwrap_or(b',');
                Parser::Csv(Lines::new(delimiter), names.clone(), table.clone())
            }
        };
        Reader { unpack: Unpack::new(record.compression), form, has_ended: false, is_done: false }
    }

    /// Takes bytes of the file; `None` is its end.
    pub fn push(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.unpack.push(bytes),
            None => self.has_ended = true,
        }
    }

    /// Whether nothing more is to be read.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Goes on with what was taken; `None` where more must come first.
    pub fn step(&mut self) -> Option<Parsed> {
        let mut parsed = Parsed::default();
        let mut is_idle = true;
        while !self.is_done && parsed.bytes < STEP {
            let plain = match self.unpack.next() {
                Ok(None) if self.has_ended => self.unpack.finish().map(|rest| (rest, true)),
                Ok(None) => break,
                Ok(Some(plain)) => Ok((plain, false)),
                Err(Broken) => Err(Broken),
            };
            is_idle = false;
            match plain {
                Ok((plain, is_last)) => {
                    parsed.bytes += plain.len() as u64;
                    let broken = self.parse(&plain, is_last, &mut parsed.items);
                    self.is_done = is_last || broken.is_some();
                    parsed.items.extend(broken.map(|why| Err(why.to_owned())));
                }
                Err(Broken) => {
                    self.is_done = true;
                    parsed.items.push(Err(UNEXPECTED.to_owned()));
                }
            }
        }
        (!is_idle).then_some(parsed)
    }

    /// Takes the items off a text, and tells why nothing that follows can be read.
    fn parse(&mut self, plain: &[u8], is_last: bool, items: &mut Vec<Read>) -> Option<&'static str> {
        let broken = match &mut self.form {
            Parser::Json(waiting) => {
                waiting.extend_from_slice(plain);
                of_json(waiting, is_last, items)
            }
            Parser::Ion(waiting) => {
                waiting.extend_from_slice(plain);
                of_ion(waiting, is_last, items)
            }
            Parser::Csv(lines, names, table) => match csv(lines, plain, is_last) {
                Ok(lines) => {
                    items.extend(lines.into_iter().filter_map(|line| of_line(line, names, table)));
                    None
                }
                Err(TooLong) => Some(UNEXPECTED),
            },
        };
        let waits = match &self.form {
            Parser::Json(waiting) | Parser::Ion(waiting) => waiting.len(),
            Parser::Csv(..) => 0,
        };
        broken.or((waits > MAX_WAITING).then_some(UNEXPECTED))
    }
}

/// Takes whole items off the waiting bytes.
fn of_json(waiting: &mut Vec<u8>, is_last: bool, items: &mut Vec<Read>) -> Option<&'static str> {
    let mut values = serde_json::Deserializer::from_slice(waiting).into_iter::<serde_json::Value>();
    let mut taken = 0;
    let broken = loop {
        match values.next() {
            Some(Ok(value)) => {
                taken = values.byte_offset();
                match json::item(&value) {
                    Some(item) => items.push(Ok(item)),
                    None if value.get("Item").is_none_or(|item| !item.is_object()) => break Some(NO_ITEM),
                    None => break Some(UNEXPECTED),
                }
            }
            Some(Err(error)) => break (is_last || !error.is_eof()).then_some(UNEXPECTED),
            None => break None,
        }
    };
    waiting.drain(..taken);
    broken
}

/// Takes whole lines off the waiting bytes; each holds an item.
fn of_ion(waiting: &mut Vec<u8>, is_last: bool, items: &mut Vec<Read>) -> Option<&'static str> {
    if is_last {
        waiting.push(b'\n');
    }
    let mut taken = 0;
    while let Some(length) = waiting[taken..].iter().position(|byte| *byte == b'\n') {
        let Ok(line) = std::str::from_utf8(&waiting[taken..taken + length]) else { return Some(UNEXPECTED) };
        taken += length + 1;
        match ion::item(line) {
            Ok(ion::Line::Item(item)) => items.push(Ok(item)),
            Ok(ion::Line::Empty) => {}
            Ok(ion::Line::Other) => return Some(NO_ITEM),
            Err(ion::Unreadable) => return Some(UNEXPECTED),
        }
    }
    waiting.drain(..taken);
    None
}

fn csv(lines: &mut Lines, plain: &[u8], is_last: bool) -> Result<Vec<Vec<String>>, TooLong> {
    let mut all = lines.read(plain)?;
    if is_last {
        all.extend(lines.finish());
    }
    Ok(all)
}

/// The item of a line; the first line names the attributes where nothing else does.
fn of_line(line: Vec<String>, names: &mut Option<Vec<String>>, table: &TableRecord) -> Option<Read> {
    let Some(names) = names else {
        *names = Some(line);
        return None;
    };
    if line.len() != names.len() {
        let (found, wanted) = (line.len(), names.len());
        return Some(Err(format!("The line has {found} values, and the header names {wanted}")));
    }
    // Attributes that no key has are text (developer guide, "Import formats"); empty ones are left out.
    let value = |name: &String, text: String| match table.attributes.iter().find(|part| part.name == *name) {
        Some(part) if part.kind == KeyKind::N => Some(Value::N(text)),
        Some(part) if part.kind == KeyKind::B => Some(Value::B(STANDARD.decode(text).ok()?.into())),
        _ => Some(Value::S(text)),
    };
    let pairs = names.iter().zip(line).filter(|(_, text)| !text.is_empty());
    let item: Option<Item> = pairs.map(|(name, text)| Some((name.clone(), value(name, text)?))).collect();
    Some(item.ok_or_else(|| "The line holds bytes that are not in Base64".to_owned()))
}

//! XML text as a stream of events.
//!
//! Only what API requests need: elements, attributes, text, CDATA and the predefined entities. A document
//! type declaration is refused, so nothing can be expanded; depth is bounded, so nothing can pile up.

use crate::Malformed;
use std::borrow::Cow;

/// What comes next in the text. An empty element is a start and an end.
#[derive(Debug, PartialEq)]
pub(super) enum Event<'a> {
    /// The start of an element, by its local name.
    Start(&'a str),
    /// The end of the innermost open element.
    End,
    /// Text, with its references replaced.
    Text(Cow<'a, str>),
    /// The end of the document.
    Eof,
}

/// A place in an XML text.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    open: Vec<&'a str>,
    /// The attributes of the last start, unparsed.
    attributes: &'a str,
    empty: bool,
    rooted: bool,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], depth: usize) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Ok(Reader { text, at: 0, open: Vec::new(), attributes: "", empty: false, rooted: false, depth })
    }

    pub(super) fn next(&mut self) -> Result<Event<'a>, Malformed> {
        if std::mem::take(&mut self.empty) {
            self.open.pop();
            return Ok(Event::End);
        }
        loop {
            let rest = &self.text[self.at..];
            if rest.is_empty() {
                return if self.open.is_empty() { Ok(Event::Eof) } else { Err(malformed()) };
            }
            if !rest.starts_with('<') {
                let end = rest.find('<').unwrap_or(rest.len());
                self.at += end;
                if let Some(text) = self.inside_root(unescape(&rest[..end])?)? {
                    return Ok(Event::Text(text));
                }
            } else if let Some(comment) = rest.strip_prefix("<!--") {
                self.at += 4 + find(comment, "-->")?;
            } else if rest.starts_with("<?") {
                self.at += find(rest, "?>")?;
            } else if let Some(data) = rest.strip_prefix("<![CDATA[") {
                let end = find(data, "]]>")?;
                self.at += 9 + end;
                if let Some(text) = self.inside_root(Cow::Borrowed(&data[..end - 3]))? {
                    return Ok(Event::Text(text));
                }
            } else if rest.starts_with("</") {
                return self.end_tag(rest);
            } else {
                return self.start_tag(rest);
            }
        }
    }

    /// Text counts inside the root only; outside it must be white space.
    fn inside_root(&self, text: Cow<'a, str>) -> Result<Option<Cow<'a, str>>, Malformed> {
        match self.open.is_empty() {
            false => Ok(Some(text)),
            true if text.trim().is_empty() => Ok(None),
            true => Err(malformed()),
        }
    }

    fn start_tag(&mut self, rest: &'a str) -> Result<Event<'a>, Malformed> {
        let end = tag_end(rest)?;
        let inner = &rest[1..end];
        let (inner, empty) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let name_end = inner.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inner.len());
        let (name, attributes) = inner.split_at(name_end);
        let second_root = self.open.is_empty() && self.rooted;
        if !is_name(name) || second_root {
            return Err(malformed());
        }
        if self.open.len() == self.depth {
            return Err(Malformed::too_deep());
        }
        self.at += end + 1;
        (self.attributes, self.empty, self.rooted) = (attributes, empty, true);
        self.open.push(name);
        Ok(Event::Start(local(name)))
    }

    fn end_tag(&mut self, rest: &'a str) -> Result<Event<'a>, Malformed> {
        let end = rest.find('>').ok_or_else(malformed)?;
        if self.open.pop() != Some(rest[2..end].trim_end()) {
            return Err(malformed());
        }
        self.at += end + 1;
        Ok(Event::End)
    }

    /// Skips what is left of the element whose start came last.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let outside = self.open.len().saturating_sub(1);
        while self.open.len() > outside || self.empty {
            self.next()?;
        }
        Ok(())
    }

    /// The text of the element whose start came last, up to its end; elements inside are refused.
    pub(super) fn element_text(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let mut text = Cow::Borrowed("");
        loop {
            match self.next()? {
                Event::Text(more) if text.is_empty() => text = more,
                Event::Text(more) => text.to_mut().push_str(&more),
                Event::End => return Ok(text),
                Event::Start(_) | Event::Eof => return Err(malformed()),
            }
        }
    }

    /// An attribute of the element whose start came last, by its qualified name or its local one.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<Cow<'a, str>>, Malformed> {
        let mut rest = self.attributes.trim_start();
        while !rest.is_empty() {
            let (key, behind) = rest.split_once('=').ok_or_else(malformed)?;
            let behind = behind.trim_start();
            let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(malformed)?;
            let (value, more) = behind[1..].split_once(quote).ok_or_else(malformed)?;
            let key = key.trim();
            let is_declaration = key.starts_with("xmlns");
            if key == name || (local(key) == local(name) && !is_declaration) {
                return unescape(value).map(Some);
            }
            rest = more.trim_start();
        }
        Ok(None)
    }
}

pub(super) fn malformed() -> Malformed {
    Malformed::syntax("The XML you provided was not well-formed")
}

/// Where `what` ends in the text.
fn find(text: &str, what: &str) -> Result<usize, Malformed> {
    text.find(what).map(|at| at + what.len()).ok_or_else(malformed)
}

/// Where a start tag's `>` stands: not within an attribute's quotes.
fn tag_end(rest: &str) -> Result<usize, Malformed> {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match (quote, byte) {
            (_, b'<') => return Err(malformed()),
            (None, b'>') => return Ok(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    Err(malformed())
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | ':'));
    first && letters.all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.'))
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Replaces references: the five predefined ones and characters by number. Line ends become `\n`.
fn unescape(text: &str) -> Result<Cow<'_, str>, Malformed> {
    if !text.contains(['&', '\r']) {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\r']) {
        plain.push_str(&rest[..at]);
        if rest[at..].starts_with('\r') {
            plain.push('\n');
            rest = rest[at + 1..].strip_prefix('\n').unwrap_or(&rest[at + 1..]);
            continue;
        }
        let (reference, behind) = rest[at + 1..].split_once(';').ok_or_else(malformed)?;
        plain.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => numbered(reference).ok_or_else(malformed)?,
        });
        rest = behind;
    }
    plain.push_str(rest);
    Ok(Cow::Owned(plain))
}

fn numbered(reference: &str) -> Option<char> {
    let number = reference.strip_prefix('#')?;
    let code = match number.strip_prefix('x') {
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok()?,
        None if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().ok()?,
        _ => return None,
    };
    char::from_u32(code).filter(|c| *c != '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Result<Vec<String>, Malformed> {
        let mut reader = Reader::new(text.as_bytes(), 128)?;
        let mut all = Vec::new();
        loop {
            match reader.next()? {
                Event::Start(name) => all.push(format!("<{name}")),
                Event::End => all.push(">".to_owned()),
                Event::Text(text) => all.push(text.into_owned()),
                Event::Eof => return Ok(all),
            }
        }
    }

    #[test]
    fn reads() {
        let text = "\u{feff}<?xml version=\"1.0\"?>\n<!-- a - b --><s:a xmlns:s='u>'>x &lt;&#x41;&#66;\r\n<![CDATA[<&]]>\
                    <b/><c k=\"v\" ></c ></s:a>\n";
        let expect = ["<a", "x <AB\n", "<&", "<b", ">", "<c", ">", ">"];
        assert_eq!(events(text).unwrap(), expect);
    }

    #[test]
    fn refuses() {
        let table = [
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "x<a/>",
            "<a>&x;</a>",
            "<a>&amp</a>",
            "<a>&#xd800;</a>",
            "<a>&#0;</a>",
            "<a b=<>/>",
            "< a/>",
            "<a",
            "<!DOCTYPE a [<!ENTITY b \"bb\">]><a>&b;</a>",
            "<a><!-- </a>",
            "<a><![CDATA[</a>",
        ];
        for text in table {
            assert!(events(text).is_err(), "{text}");
        }
        assert_eq!(events(&"<a>".repeat(1_000_000)), Err(Malformed::too_deep()));
    }

    #[test]
    fn attributes() {
        let text =
            "<a xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type = 'Group&amp;' b=\"\"/>";
        let mut reader = Reader::new(text.as_bytes(), 8).unwrap();
        assert_eq!(reader.next().unwrap(), Event::Start("a"));
        assert_eq!(reader.attribute("xsi:type").unwrap().unwrap(), "Group&");
        assert_eq!(reader.attribute("b").unwrap().unwrap(), "");
        assert_eq!(reader.attribute("c").unwrap(), None);
    }
}

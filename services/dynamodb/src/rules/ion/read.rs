//! Reading an item in the text form of Amazon Ion: one line, `$ion_1_0 {Item:{…}}`. The types that items have are
//! read; symbols, timestamps, expressions and texts of bytes are none of them and refused.

use crate::rules::value::{Item, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// How deep values may be nested: more than an item's.
const MAX_LEVELS: u32 = 64;

/// A line that is no Ion, or holds what no item does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// What a line holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// An item.
    Item(Item),
    /// Nothing but blanks, comments and marks of the version.
    Empty,
    /// Something else.
    Other,
}

type Result<T> = std::result::Result<T, Unreadable>;

/// What a line holds.
///
/// # Errors
/// Where it cannot be read.
pub fn item(line: &str) -> Result<Line> {
    let mut reader = Reader { rest: line };
    loop {
        reader.skip()?;
        match reader.rest.strip_prefix(super::MARK.trim_end()) {
            Some(rest) if !rest.starts_with(is_word) => reader.rest = rest,
            _ => break,
        }
    }
    if reader.rest.is_empty() {
        return Ok(Line::Empty);
    }
    let value = reader.value(0)?;
    reader.skip()?;
    if !reader.rest.is_empty() {
        return Err(Unreadable);
    }
    let Value::M(mut top) = value else { return Ok(Line::Other) };
    Ok(match top.remove("Item") {
        Some(Value::M(item)) => Line::Item(item),
        _ => Line::Other,
    })
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    /// Passes over blanks and comments.
    fn skip(&mut self) -> Result<()> {
        loop {
            self.rest = self.rest.trim_start();
            if let Some(comment) = self.rest.strip_prefix("//") {
                self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = comment.split_once("*/").ok_or(Unreadable)?.1;
            } else {
                return Ok(());
            }
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// What begins the rest, as long as its letters are of a kind.
    fn run(&mut self, is_part: impl Fn(char) -> bool) -> &'t str {
        let (run, rest) = self.rest.split_at(self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len()));
        self.rest = rest;
        run
    }

    fn value(&mut self, level: u32) -> Result<Value> {
        if level > MAX_LEVELS {
            return Err(Unreadable);
        }
        self.skip()?;
        match self.rest.chars().next().ok_or(Unreadable)? {
            '"' | '\'' => self.quoted(level),
            '{' if self.rest.starts_with("{{") => self.blob(),
            '{' => self.fields(level).map(Value::M),
            '[' => self.list(level).map(Value::L),
            '-' | '0'..='9' => self.number().map(Value::N),
            letter if is_word(letter) => self.word(level),
            _ => Err(Unreadable),
        }
    }

    fn quoted(&mut self, level: u32) -> Result<Value> {
        if self.rest.starts_with("'''") {
            return self.long_text().map(Value::S);
        }
        if self.take("\"") {
            return self.text("\"").map(Value::S);
        }
        // A symbol can only name what the value behind it is.
        self.take("'");
        let name = self.text("'")?;
        self.annotated(&name, level)
    }

    fn word(&mut self, level: u32) -> Result<Value> {
        let word = self.run(is_word);
        match word {
            "true" | "false" => Ok(Value::BOOL(word == "true")),
            "null" => {
                if self.take(".") {
                    self.run(is_word);
                }
                Ok(Value::NULL(true))
            }
            word => self.annotated(word, level),
        }
    }

    /// A value behind a name of its type; names other than those of sets mean nothing here.
    fn annotated(&mut self, name: &str, level: u32) -> Result<Value> {
        self.skip()?;
        if !self.take("::") {
            return Err(Unreadable);
        }
        let value = self.value(level + 1)?;
        let Some(kind) = name.strip_prefix("$dynamodb_") else { return Ok(value) };
        let Value::L(list) = value else { return Err(Unreadable) };
        match kind {
            "SS" => {
                set(list, |value| if let Value::S(text) = value { Some(text) } else { None }).map(Value::SS)
            }
            "NS" => {
                set(list, |value| if let Value::N(text) = value { Some(text) } else { None }).map(Value::NS)
            }
            "BS" => {
                set(list, |value| if let Value::B(bytes) = value { Some(bytes) } else { None }).map(Value::BS)
            }
            _ => Err(Unreadable),
        }
    }

    fn fields(&mut self, level: u32) -> Result<Item> {
        self.take("{");
        let mut item = Item::new();
        loop {
            self.skip()?;
            if self.take("}") {
                return Ok(item);
            }
            let name = self.name()?;
            self.skip()?;
            if !self.take(":") {
                return Err(Unreadable);
            }
            item.insert(name, self.value(level + 1)?);
            self.skip()?;
            if !self.take(",") && !self.rest.starts_with('}') {
                return Err(Unreadable);
            }
        }
    }

    fn name(&mut self) -> Result<String> {
        if self.rest.starts_with("'''") {
            return self.long_text();
        }
        for quote in ["\"", "'"] {
            if self.take(quote) {
                return self.text(quote);
            }
        }
        let name = self.run(is_word);
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$');
        // A dollar and digits would be the number of a symbol.
        let is_number = name.strip_prefix('$').is_some_and(|digits| digits.parse::<u64>().is_ok());
        if begins && !is_number { Ok(name.to_owned()) } else { Err(Unreadable) }
    }

    fn list(&mut self, level: u32) -> Result<Vec<Value>> {
        self.take("[");
        let mut list = Vec::new();
        loop {
            self.skip()?;
            if self.take("]") {
                return Ok(list);
            }
            list.push(self.value(level + 1)?);
            self.skip()?;
            if !self.take(",") && !self.rest.starts_with(']') {
                return Err(Unreadable);
            }
        }
    }

    /// Whole numbers of three bases, decimals and floats; moments begin like numbers and are none.
    fn number(&mut self) -> Result<String> {
        let run = self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-' | ':'));
        let text = run.replace('_', "");
        let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
        for (base, marks) in [(16, ["0x", "0X"]), (2, ["0b", "0B"])] {
            if let Some(digits) = marks.iter().find_map(|mark| digits.strip_prefix(mark)) {
                let whole = u128::from_str_radix(digits, base).map_err(|_| Unreadable)?;
                return Ok(format!("{sign}{whole}"));
            }
        }
        let (mantissa, exponent) = match digits.split_once(['d', 'D', 'e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, format!("e{exponent}")),
            None => (digits, String::new()),
        };
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let is_exponent = exponent.is_empty()
            || exponent[1..].strip_prefix(['+', '-']).unwrap_or(&exponent[1..]).parse::<u16>().is_ok();
        if !is_plain(mantissa) || mantissa.is_empty() || mantissa.starts_with('.') || !is_exponent {
            return Err(Unreadable);
        }
        Ok(format!("{sign}{}{exponent}", mantissa.strip_suffix('.').unwrap_or(mantissa)))
    }

    fn blob(&mut self) -> Result<Value> {
        self.take("{{");
        let (text, rest) = self.rest.split_once("}}").ok_or(Unreadable)?;
        self.rest = rest;
        let text: String = text.split_whitespace().collect();
        STANDARD.decode(text).map(|bytes| Value::B(Bytes::from(bytes))).map_err(|_| Unreadable)
    }

    /// Pieces between three quotes each, which are one text.
    fn long_text(&mut self) -> Result<String> {
        let mut text = String::new();
        while self.take("'''") {
            text.push_str(&self.text("'''")?);
            self.skip()?;
        }
        Ok(text)
    }

    /// A text up to its quote.
    fn text(&mut self, quote: &str) -> Result<String> {
        let mut text = String::new();
        loop {
            if self.take(quote) {
                return Ok(text);
            }
            let mut letters = self.rest.chars();
            let letter = letters.next().ok_or(Unreadable)?;
            self.rest = letters.as_str();
            match letter {
                '\\' => text.extend(self.escaped()?),
                letter => text.push(letter),
            }
        }
    }

    /// The letter behind a backslash; nothing for the end of a line.
    fn escaped(&mut self) -> Result<Option<char>> {
        let mut letters = self.rest.chars();
        let letter = letters.next().ok_or(Unreadable)?;
        self.rest = letters.as_str();
        Ok(Some(match letter {
            '\n' => return Ok(None),
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            't' => '\t',
            'n' => '\n',
            'f' => '\x0c',
            'r' => '\r',
            'v' => '\x0b',
            '"' | '\'' | '?' | '\\' | '/' => letter,
            'x' => self.numbered(2)?,
            'u' => self.numbered(4)?,
            'U' => self.numbered(8)?,
            _ => return Err(Unreadable),
        }))
    }

    /// The letter of a number; of two where the first is only half of one.
    fn numbered(&mut self, digits: usize) -> Result<char> {
        let first = self.hexadecimal(digits)?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first).ok_or(Unreadable);
        }
        if !self.take("\\u") {
            return Err(Unreadable);
        }
        let second = self.hexadecimal(4)?;
        char::decode_utf16([first as u16, second as u16])
            .next()
            .and_then(|letter| letter.ok())
            .ok_or(Unreadable)
    }

    fn hexadecimal(&mut self, digits: usize) -> Result<u32> {
        let text = self.rest.get(..digits).ok_or(Unreadable)?;
        self.rest = &self.rest[digits..];
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Unreadable);
        }
        u32::from_str_radix(text, 16).map_err(|_| Unreadable)
    }
}

fn set<T>(list: Vec<Value>, element: impl Fn(Value) -> Option<T>) -> Result<Vec<T>> {
    list.into_iter().map(|value| element(value).ok_or(Unreadable)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Value> {
        match item(&format!("{{Item:{{a:{text}}}}}"))? {
            Line::Item(mut item) => item.remove("a").ok_or(Unreadable),
            Line::Empty | Line::Other => Err(Unreadable),
        }
    }

    fn s(text: &str) -> Value {
        Value::S(text.into())
    }

    fn n(text: &str) -> Value {
        Value::N(text.into())
    }

    /// The forms of the specification (amazon-ion, "Ion 1.0 Specification").
    #[test]
    fn every_form_of_a_type_is_read() {
        let cases = [
            (r#""a\"\\\n\x41\u00e9\U0001f991 ''""#, s("a\"\\\nA\u{e9}\u{1f991} ''")),
            (r#""\ud83e\udd91""#, s("\u{1f991}")),
            ("'''one ''' /* and */ '''two'''", s("one two")),
            ("12", n("12")),
            ("-1_000", n("-1000")),
            ("103.", n("103")),
            ("1.5d-3", n("1.5e-3")),
            ("2.E10", n("2e10")),
            ("0xFF", n("255")),
            ("-0b101", n("-5")),
            ("null", Value::NULL(true)),
            ("null.string", Value::NULL(true)),
            ("true", Value::BOOL(true)),
            ("{{ aG Vs bG8= }}", Value::B(Bytes::from_static(b"hello"))),
            ("[1, [], {b:'c'::2,},]", {
                let inner = [("b".to_owned(), n("2"))].into();
                Value::L(vec![n("1"), Value::L(vec![]), Value::M(inner)])
            }),
            ("$dynamodb_NS::[1., 2e0]", Value::NS(vec!["1".into(), "2e0".into()])),
            ("'$dynamodb_BS' :: [{{}}]", Value::BS(vec![Bytes::new()])),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "symbol",
            "'symbol'",
            "2007-02-23T12:14Z",
            "2007T",
            "-",
            "nan",
            "+inf",
            "(1 2)",
            "{{\"clob\"}}",
            "[1 2]",
            "{b 1}",
            "$dynamodb_SS::[1]",
            "$dynamodb_XS::[]",
            "$dynamodb_SS::\"a\"",
            "\"open",
            r#""\ud83e""#,
            r#""\q""#,
            "1__e",
            ".5",
            "$1::2 3",
            "{$10:1}",
        ] {
            assert_eq!(read(bad), Err(Unreadable), "{bad}");
        }
    }

    #[test]
    fn lines_that_hold_no_item() {
        for (line, expected) in [
            ("", Ok(Line::Empty)),
            (" $ion_1_0 // and nothing", Ok(Line::Empty)),
            ("{NotAnItem:{}}", Ok(Line::Other)),
            ("$ion_1_0 {Item:1}", Ok(Line::Other)),
            ("$ion_1_0 {Item:{}} {}", Err(Unreadable)),
            ("\u{e0}\u{1}\u{0}\u{ea}", Err(Unreadable)),
        ] {
            assert_eq!(item(line), expected, "{line:?}");
        }
        let deep = format!("{{Item:{{a:{}{}}}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(item(&deep), Err(Unreadable));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..9).prop_map(Bytes::from);
        let leaf = prop_oneof![
            any::<String>().prop_map(Value::S),
            "-?[1-9][0-9]{0,20}(\\.[0-9]{0,9}[1-9])?".prop_map(Value::N),
            bytes().prop_map(Value::B),
            any::<bool>().prop_map(Value::BOOL),
            Just(Value::NULL(true)),
            prop::collection::vec(any::<String>(), 1..3).prop_map(Value::SS),
            prop::collection::vec("[1-9][0-9]{0,5}", 1..3).prop_map(Value::NS),
            prop::collection::vec(bytes(), 1..3).prop_map(Value::BS),
        ];
        leaf.prop_recursive(4, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::L),
                prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Value::M),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_an_export_writes_is_read(fields in prop::collection::btree_map(any::<String>(), any_value(), 0..5)) {
            prop_assert_eq!(item(&super::super::line(&fields)), Ok(Line::Item(fields)));
        }

        #[test]
        fn any_line_is_answered(text in "[ -~\u{e9}]{0,60}", ion in "[\\[\\]{}:,'\"$a1._/*-]{0,40}") {
            let _ = (item(&text), item(&format!("{{Item:{{{ion}}}}}")));
        }
    }
}

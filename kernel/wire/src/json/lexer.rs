//! The tokens of JSON text. Nothing here recurses: skipping a value keeps its brackets in one word.

use super::scan::plain_length;
use crate::Malformed;
use std::borrow::Cow;

/// A place in a JSON text.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// How many levels a value that is skipped may have: one bit each says whether it is an object.
const SKIP_DEPTH: u32 = 128;

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Malformed::syntax(format!("Invalid UTF-8 at byte {}", error.valid_up_to())))?;
        Ok(Lexer { text, at: 0 })
    }

    /// The next byte that is no white space, not taken.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<u8, Malformed> {
        match self.text.as_bytes().get(self.at) {
            Some(byte) if *byte > b' ' => Ok(*byte),
            _ => self.behind_white_space(),
        }
    }

    #[cold]
    fn behind_white_space(&mut self) -> Result<u8, Malformed> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(Malformed::syntax("Unexpected end of the JSON text"))
    }

    /// Takes a byte if it is the next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> Result<bool, Malformed> {
        let found = self.peek()? == byte;
        self.at += usize::from(found);
        Ok(found)
    }

    /// Takes a byte that must be the next.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.take(byte)? { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The text must end here.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        if self.is_at_end() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Whether nothing but white space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_err()
    }

    /// The error of whatever stands here.
    pub(super) fn unexpected(&self) -> Malformed {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        match found {
            Some(found) => Malformed::syntax(format!("Unexpected character '{found}' at byte {}", self.at)),
            None => Malformed::syntax("Unexpected end of the JSON text"),
        }
    }

    /// Takes one of the words.
    pub(super) fn word(&mut self, word: &str) -> Result<(), Malformed> {
        let rest = &self.text.as_bytes()[self.at..];
        if !rest.starts_with(word.as_bytes()) {
            return Err(self.unexpected());
        }
        self.at += word.len();
        Ok(())
    }

    /// Takes a null if it is next.
    #[inline]
    pub(super) fn null(&mut self) -> Result<bool, Malformed> {
        if self.peek()? != b'n' {
            return Ok(false);
        }
        self.word("null")?;
        Ok(true)
    }

    /// A number's text, in JSON's grammar.
    pub(super) fn number(&mut self) -> Result<&'a str, Malformed> {
        self.peek()?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        self.at += usize::from(bytes.get(self.at) == Some(&b'-'));
        let whole = self.digits();
        let leading_zero = whole > 1 && bytes[self.at - whole] == b'0';
        let mut fine = whole > 0 && !leading_zero;
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            fine &= self.digits() > 0;
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(bytes.get(self.at), Some(b'+' | b'-')));
            fine &= self.digits() > 0;
        }
        if fine { Ok(&self.text[start..self.at]) } else { Err(self.unexpected()) }
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// A string; borrowed where it has no escapes.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.expect(b'"')?;
        let start = self.at;
        self.at += plain_length(&self.text.as_bytes()[start..]);
        if self.text.as_bytes().get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        self.escaped(start)
    }

    /// The rest of a string that has escapes: `start` is behind the opening quote.
    fn escaped(&mut self, start: usize) -> Result<Cow<'a, str>, Malformed> {
        let mut text = self.text[start..self.at].to_owned();
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                // A control character, or the end.
                _ => return Err(self.unexpected()),
            }
            let from = self.at;
            self.at += plain_length(&self.text.as_bytes()[from..]);
            text.push_str(&self.text[from..self.at]);
        }
    }

    fn escape(&mut self) -> Result<char, Malformed> {
        let Some(byte) = self.text.as_bytes().get(self.at) else { return Err(self.unexpected()) };
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(*byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(plain)
    }

    /// Behind `\u`: one unit, or a pair of surrogates. A lone surrogate becomes the replacement character.
    fn unicode_escape(&mut self) -> Result<char, Malformed> {
        let first = self.hex4()?;
        let high = (0xD800..0xDC00).contains(&first);
        if high && self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xDC00..0xE000).contains(&second) {
                let joined = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, Malformed> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let fine = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if !fine {
            return Err(self.unexpected());
        }
        let value = u32::from_str_radix(&self.text[self.at..self.at + 4], 16);
        self.at += 4;
        value.map_err(|_| self.unexpected())
    }

    /// Skips a value, checking its syntax.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let (mut depth, mut objects) = (0_u32, 0_u128);
        loop {
            let opened = self.skip_one()?;
            if let Some(object) = opened {
                if depth == SKIP_DEPTH {
                    return Err(Malformed::too_deep());
                }
                depth += 1;
                objects = objects << 1 | u128::from(object);
                if object && self.peek()? != b'}' {
                    self.key()?;
                    continue;
                }
                if !object && self.peek()? != b']' {
                    continue;
                }
            }
            // Behind a value: close what ends here, then go on behind a comma.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                if self.take(if object { b'}' } else { b']' })? {
                    depth -= 1;
                    objects >>= 1;
                    continue;
                }
                self.expect(b',')?;
                if object {
                    self.key()?;
                }
                break;
            }
        }
    }

    /// A scalar, or the opening of an object (`true`) or array (`false`).
    fn skip_one(&mut self) -> Result<Option<bool>, Malformed> {
        match self.peek()? {
            b'"' => self.string().map(|_| None),
            b'{' => self.expect(b'{').map(|()| Some(true)),
            b'[' => self.expect(b'[').map(|()| Some(false)),
            b't' => self.word("true").map(|()| None),
            b'f' => self.word("false").map(|()| None),
            b'n' => self.word("null").map(|()| None),
            _ => self.number().map(|_| None),
        }
    }

    /// A key and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> Result<String, Malformed> {
        let mut lexer = Lexer::new(text.as_bytes())?;
        let value = lexer.string()?.into_owned();
        lexer.end().map(|()| value)
    }

    #[test]
    fn strings() {
        let table = [
            (r#""""#, Some("")),
            (r#""longer than eight bytes é""#, Some("longer than eight bytes é")),
            (r#""a\"b\\c\/d\n\u00e9\ud83d\ude00""#, Some("a\"b\\c/d\né😀")),
            (r#""\ud83d!""#, Some("\u{fffd}!")),
            (r#""\ude00""#, Some("\u{fffd}")),
            (r#""open"#, None),
            (r#""\x""#, None),
            (r#""\u12g4""#, None),
            (r#""\u12"#, None),
            (r#""\u12é""#, None),
            ("\"tab\there\"", None),
        ];
        for (text, expect) in table {
            assert_eq!(string(text).ok().as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn numbers() {
        for text in ["0", "-0", "12", "1.5", "-1.5e-7", "1E+3"] {
            assert_eq!(Lexer::new(text.as_bytes()).unwrap().number().unwrap(), text);
        }
        for text in ["", "-", "01", "1.", ".5", "1e", "+1", "é"] {
            let mut lexer = Lexer::new(text.as_bytes()).unwrap();
            assert!(lexer.number().and_then(|_| lexer.end()).is_err(), "{text}");
        }
    }

    #[test]
    fn skipping() {
        for text in ["{}", "[]", "1", r#"{"a":[1,{"b":null}],"c":{}}"#, "[[],[true,false]]", " [ 1 , 2 ] "] {
            let mut lexer = Lexer::new(text.as_bytes()).unwrap();
            assert!(lexer.skip().and_then(|()| lexer.end()).is_ok(), "{text}");
        }
        for text in ["", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "[1}", "nul", "{1:2}"] {
            let mut lexer = Lexer::new(text.as_bytes()).unwrap();
            assert!(lexer.skip().and_then(|()| lexer.end()).is_err(), "{text}");
        }
        let deep = "[".repeat(1_000_000);
        assert_eq!(Lexer::new(deep.as_bytes()).unwrap().skip(), Err(Malformed::too_deep()));
    }
}

//! The text of a filter policy as its parser walks through it: token by token, each with how far the text had been
//! read by then. What is wrong with a policy is told with that place, as SNS tells it: its parser looks at a policy
//! without the blanks between the tokens, takes only the first sign of a text before somebody asks for it, and with
//! a name looks at what follows it (answers of SNS that LocalStack's tests recorded, tests/aws/services/sns).

use super::parse::Refusal;
use serde_json::Value;

/// How much of a policy a refusal shows, in characters.
const SHOWN: usize = 500;

/// A token of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Object,
    EndOfObject,
    Array,
    EndOfArray,
    Text,
    Number,
    /// `true`, `false`, `null`.
    Word,
    /// There is nothing more.
    Nothing,
}

/// A policy on its way through the parser.
pub(super) struct Source {
    text: String,
    /// Where the token begins, and where it ends.
    begin: usize,
    end: usize,
    /// How far the text was read.
    seen: usize,
}

impl Source {
    /// A text that is known to be JSON.
    pub(super) fn of(json: &str) -> Self {
        Source { text: without_blanks(json), begin: 0, end: 0, seen: 0 }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The next token; that it is a name nobody tells.
    pub(super) fn next(&mut self) -> Token {
        let separates = |byte| matches!(byte, Some(b',' | b':'));
        self.begin = self.end + usize::from(separates(self.byte(self.end)));
        let (token, length) = match self.byte(self.begin) {
            None => (Token::Nothing, 0),
            Some(b'{') => (Token::Object, 1),
            Some(b'}') => (Token::EndOfObject, 1),
            Some(b'[') => (Token::Array, 1),
            Some(b']') => (Token::EndOfArray, 1),
            Some(b'"') => (Token::Text, self.length_of_text()),
            Some(b'-' | b'0'..=b'9') => (Token::Number, self.length_of_word()),
            Some(_) => (Token::Word, self.length_of_word()),
        };
        self.end = self.begin + length;
        self.seen = if token == Token::Text { self.begin + 1 } else { self.end };
        token
    }

    fn length_of_text(&self) -> usize {
        let mut escaped = false;
        let inside = self.text.as_bytes()[self.begin + 1..].iter().position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        });
        inside.map_or(self.text.len() - self.begin, |inside| inside + 2)
    }

    fn length_of_word(&self) -> usize {
        let rest = &self.text.as_bytes()[self.begin..];
        rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}')).unwrap_or(rest.len())
    }

    /// The name of the object's next field; `None` where the object ends.
    pub(super) fn name(&mut self) -> Option<String> {
        if self.next() != Token::Text {
            return None;
        }
        let (name, begin, end) = (self.text(), self.begin, self.end);
        self.next();
        (self.begin, self.end) = (begin, end);
        Some(name)
    }

    /// The token as it is written.
    pub(super) fn raw(&self) -> &str {
        &self.text[self.begin..self.end]
    }

    /// The text that the token stands for.
    pub(super) fn text(&mut self) -> String {
        self.seen = self.end;
        serde_json::from_str(self.raw()).unwrap_or_default()
    }

    /// The text, number or word that the token stands for.
    pub(super) fn value(&mut self) -> Value {
        self.seen = self.end;
        serde_json::from_str(self.raw()).unwrap_or_default()
    }

    /// What follows a name, without going there.
    pub(super) fn ahead(&self) -> Option<Value> {
        let rest = self.text.get(self.end + 1..)?;
        serde_json::Deserializer::from_str(rest).into_iter().next()?.ok()
    }

    /// What is wrong at this place.
    pub(super) fn refuse(&self, why: &str) -> Refusal {
        let column = self.text[..self.seen].encode_utf16().count() + 1;
        let shown: String = self.text.chars().take(SHOWN).collect();
        let left = self.text.chars().count().saturating_sub(SHOWN);
        let cut = if left > 0 { format!("[truncated {left} chars]") } else { String::new() };
        Refusal::Wrong(format!("{why}\n at [Source: (String)\"{shown}\"{cut}; line: 1, column: {column}]"))
    }
}

fn without_blanks(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let kept = json.chars().filter(|c| {
        let keeps = quoted || !c.is_ascii_whitespace();
        if *c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && *c == '\\' && !escaped;
        keeps
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let mut source = Source::of("{ \"a \\\" b\" : [ 1, \"x\\\\\", null ] }");
        assert_eq!(source.next(), Token::Object);
        assert_eq!(source.name().as_deref(), Some("a \" b"));
        assert_eq!(source.next(), Token::Array);
        assert_eq!((source.next(), source.raw()), (Token::Number, "1"));
        assert_eq!((source.next(), source.text().as_str()), (Token::Text, "x\\"));
        assert_eq!((source.next(), source.value()), (Token::Word, Value::Null));
        assert_eq!(source.next(), Token::EndOfArray);
        assert_eq!(source.name(), None);
        assert_eq!(source.next(), Token::Nothing);
    }
}

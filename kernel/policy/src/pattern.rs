//! A text of a policy, compiled: wildcards where its place allows them, and policy variables.
//!
//! Variables (`${aws:username}`, `${key, 'default'}`) are of version 2012-10-17; what they stand for is
//! taken literally, wildcards included. A variable without value or default makes the text match nothing.

use crate::glob::{Case, Token, matches};
use crate::request::Lookup;

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// `*` and `?` stand for other characters.
    pub(crate) wildcards: bool,
    /// `${…}` is a variable.
    pub(crate) variables: bool,
    /// ASCII letters match in both cases.
    pub(crate) case: Case,
}

/// A compiled text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    form: Form,
    case: Case,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    Glob(Box<[Token]>),
    Template(Box<[Part]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Token(Token),
    Variable { key: Box<str>, default: Option<Box<str>> },
}

impl Pattern {
    /// Compiles a text.
    pub(crate) fn new(text: &str, reading: Reading) -> Self {
        let parts = parts(text, reading);
        let variable = parts.iter().any(|part| matches!(part, Part::Variable { .. }));
        let form = if variable { Form::Template(parts.into()) } else { Form::of_tokens(&parts) };
        Pattern { form, case: reading.case }
    }

    /// The pattern that matches every text.
    pub(crate) fn any() -> Self {
        Pattern { form: Form::Any, case: Case::Exact }
    }

    /// Whether every text matches.
    pub(crate) fn is_any(&self) -> bool {
        self.form == Form::Any
    }

    /// Whether a text matches, variables taking their values from `lookup`.
    pub(crate) fn matches(&self, text: &str, lookup: &dyn Lookup) -> bool {
        match (&self.form, self.case) {
            (Form::Any, _) => true,
            (Form::Exact(exact), Case::Exact) => **exact == *text,
            (Form::Exact(exact), Case::Folded) => exact.eq_ignore_ascii_case(text),
            (Form::Prefix(prefix), Case::Exact) => text.as_bytes().starts_with(prefix.as_bytes()),
            (Form::Prefix(prefix), Case::Folded) => {
                let head = text.as_bytes().get(..prefix.len());
                head.is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
            }
            (Form::Glob(tokens), case) => matches(tokens, text.as_bytes(), case),
            (Form::Template(parts), case) => {
                expand(parts, case, lookup).is_some_and(|tokens| matches(&tokens, text.as_bytes(), case))
            }
        }
    }
}

impl Form {
    fn of_tokens(parts: &[Part]) -> Self {
        let tokens: Vec<Token> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Token(token) => Some(*token),
                Part::Variable { .. } => None,
            })
            .collect();
        let (head, stars) = match tokens.iter().position(|token| !matches!(token, Token::Byte(_))) {
            Some(at) => tokens.split_at(at),
            None => (&tokens[..], &[][..]),
        };
        let bytes: Vec<u8> = head
            .iter()
            .filter_map(|token| match token {
                Token::Byte(byte) => Some(*byte),
                Token::One | Token::Many => None,
            })
            .collect();
        let only_stars = !stars.is_empty() && stars.iter().all(|token| *token == Token::Many);
        match String::from_utf8(bytes) {
            Ok(text) if stars.is_empty() => Form::Exact(text.into()),
            Ok(text) if only_stars && text.is_empty() => Form::Any,
            Ok(text) if only_stars => Form::Prefix(text.into()),
            _ => Form::Glob(tokens.into()),
        }
    }
}

fn parts(text: &str, reading: Reading) -> Vec<Part> {
    let bytes = text.as_bytes();
    let mut parts = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if reading.variables
            && bytes[at..].starts_with(b"${")
            && let Some(length) = text[at..].find('}')
        {
            push_variable(&mut parts, &text[at + 2..at + length], reading.case);
            at += length + 1;
            continue;
        }
        parts.push(Part::Token(match bytes[at] {
            b'*' if reading.wildcards => Token::Many,
            b'?' if reading.wildcards => Token::One,
            byte => Token::Byte(folded(byte, reading.case)),
        }));
        at += 1;
    }
    parts
}

fn push_variable(parts: &mut Vec<Part>, inner: &str, case: Case) {
    if let "*" | "?" | "$" = inner {
        parts.extend(inner.bytes().map(|byte| Part::Token(Token::Byte(folded(byte, case)))));
        return;
    }
    let (key, default) = match inner.split_once(',') {
        Some((key, default)) => (key, Some(default.trim().trim_matches('\'').into())),
        None => (inner, None),
    };
    parts.push(Part::Variable { key: key.trim().to_ascii_lowercase().into(), default });
}

fn expand(parts: &[Part], case: Case, lookup: &dyn Lookup) -> Option<Vec<Token>> {
    let mut tokens = Vec::with_capacity(parts.len() + 64);
    for part in parts {
        match part {
            Part::Token(token) => tokens.push(*token),
            Part::Variable { key, default } => {
                let found = lookup.single(key);
                let value = found.as_deref().or(default.as_deref())?;
                tokens.extend(value.bytes().map(|byte| Token::Byte(folded(byte, case))));
            }
        }
    }
    Some(tokens)
}

fn folded(byte: u8, case: Case) -> u8 {
    if case == Case::Folded { byte.to_ascii_lowercase() } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    struct User;

    impl Lookup for User {
        fn single(&self, key: &str) -> Option<Cow<'_, str>> {
            (key == "aws:username").then_some(Cow::Borrowed("a*b"))
        }
    }

    const ALL: Reading = Reading { wildcards: true, variables: true, case: Case::Exact };

    #[test]
    fn variables_and_escapes() {
        let cases = [
            ("home/${aws:username}/*", "home/a*b/x", true),
            ("home/${AWS:UserName}/*", "home/aXb/x", false),
            ("${aws:team, 'none'}", "none", true),
            ("${aws:team}", "", false),
            ("a${*}b", "a*b", true),
            ("a${*}b", "aXb", false),
            ("${?}${$}", "?$", true),
            ("${unclosed", "${unclosed", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Pattern::new(pattern, ALL).matches(text, &User), expected, "{pattern} {text}");
        }
        let old = Reading { variables: false, ..ALL };
        assert!(Pattern::new("${aws:username}", old).matches("${aws:username}", &User));
    }

    #[test]
    fn forms() {
        assert!(Pattern::new("**", ALL).is_any());
        let literal = Reading { wildcards: false, ..ALL };
        assert!(!Pattern::new("*", literal).matches("x", &User));
        let folded = Reading { case: Case::Folded, ..ALL };
        for (pattern, text) in [("Send*", "SENDmessage"), ("sENd", "Send"), ("*GE", "message")] {
            assert!(Pattern::new(pattern, folded).matches(text, &User), "{pattern}");
        }
    }
}

//! Terms of a message in free text: all of those that are required, none of those that are excluded, and
//! where there are only optional ones, any of them.

use super::Malformed;
use super::condition;
use super::cursor::Cursor;
use fancy_regex::Regex;

#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Box<Regex>),
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            Term::Text(text) => message.contains(text.as_str()),
            Term::Regex(regex) => condition::found(regex, message),
        }
    }

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        match cursor.peek() {
            Some('"') => cursor.take_quoted('"').map(Term::Text),
            Some('%') => Ok(Term::Regex(Box::new(condition::regex(cursor.take_regex()?)?))),
            _ => {
                let word = cursor.take_while(|c| !c.is_whitespace());
                if word.is_empty() {
                    Err(Malformed::Pattern)
                } else if word.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    Ok(Term::Text(word.to_owned()))
                } else {
                    Err(Malformed::Term(word.to_owned()))
                }
            }
        }
    }
}

/// Terms.
#[derive(Debug, Default)]
pub struct Terms {
    required: Vec<Term>,
    excluded: Vec<Term>,
    optional: Vec<Term>,
}

impl Terms {
    /// Reads terms up to the end.
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut terms = Terms::default();
        while !cursor.is_at_end() {
            let list = if cursor.take("-") {
                &mut terms.excluded
            } else if cursor.take("?") {
                &mut terms.optional
            } else {
                &mut terms.required
            };
            list.push(Term::parse(cursor)?);
        }
        Ok(terms)
    }

    /// Whether a message matches. Beside required or excluded terms the optional ones say nothing.
    pub fn match_text(&self, message: &str) -> bool {
        let only_optional = self.required.is_empty() && self.excluded.is_empty() && !self.optional.is_empty();
        if only_optional {
            return self.optional.iter().any(|term| term.is_in(message));
        }
        self.required.iter().all(|term| term.is_in(message))
            && !self.excluded.iter().any(|term| term.is_in(message))
    }
}

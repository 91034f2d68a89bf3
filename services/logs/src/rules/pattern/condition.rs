//! What a value is compared with: a number, a text with wildcards, a regular expression.

use super::Malformed;
use super::cursor::Cursor;
use fancy_regex::{Regex, RegexBuilder};
use std::cmp::Ordering;

/// The memory a compiled regular expression may have.
const REGEX_BYTES: usize = 1024 * 1024;

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::AtMost => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::AtLeast => order.is_some_and(Ordering::is_ge),
        }
    }

    fn holds_equal(self, equal: bool) -> bool {
        (self == Comparison::NotEqual) != equal
    }
}

/// What stands right of a comparison.
#[derive(Debug)]
enum Operand {
    Number(f64),
    Text { glob: String, quoted: bool },
    Regex(Box<Regex>),
}

/// A comparison with something.
#[derive(Debug)]
pub struct Condition {
    comparison: Comparison,
    operand: Operand,
}

impl Condition {
    /// Reads a comparison, if one comes next; an operand without quotes ends before these characters.
    pub fn parse(cursor: &mut Cursor<'_>, ends: &[char]) -> Result<Option<Self>, Malformed> {
        let signs = [
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let Some((_, comparison)) = signs.into_iter().find(|(sign, _)| cursor.take(sign)) else {
            return Ok(None);
        };
        let operand = match cursor.peek() {
            Some('"') => Operand::Text { glob: cursor.take_quoted('"')?, quoted: true },
            Some('%') => Operand::Regex(Box::new(regex(cursor.take_regex()?)?)),
            _ => {
                let bare =
                    cursor.take_while(|c| !c.is_whitespace() && !ends.contains(&c) && !"\"&|()".contains(c));
                match bare.parse::<f64>() {
                    _ if bare.is_empty() => return Err(Malformed::Pattern),
                    Ok(number) if number.is_finite() => Operand::Number(number),
                    _ => Operand::Text { glob: bare.to_owned(), quoted: false },
                }
            }
        };
        let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        match operand {
            Operand::Text { .. } | Operand::Regex(_) if ordered => Err(Malformed::Pattern),
            operand => Ok(Some(Condition { comparison, operand })),
        }
    }

    /// Whether it holds for a text.
    pub fn holds_for_text(&self, text: &str) -> bool {
        match &self.operand {
            Operand::Number(_) => self.comparison == Comparison::NotEqual,
            Operand::Text { glob, .. } => self.comparison.holds_equal(glob_matches(glob, text)),
            Operand::Regex(regex) => self.comparison.holds_equal(found(regex, text)),
        }
    }

    /// Whether it holds for a number, or another value that is no text, which is written like this.
    pub fn holds_for_scalar(&self, number: Option<f64>, written: &str) -> bool {
        match (&self.operand, number) {
            (Operand::Number(operand), number) => {
                self.comparison.holds(number.and_then(|number| number.partial_cmp(operand)))
            }
            (Operand::Text { glob, quoted }, _) if !quoted || glob == "*" => {
                self.comparison.holds_equal(glob_matches(glob, written))
            }
            (Operand::Text { .. } | Operand::Regex(_), _) => self.comparison == Comparison::NotEqual,
        }
    }

    /// Whether it holds for a column, which is a number where it reads as one.
    pub fn holds_for_column(&self, column: &str) -> bool {
        match &self.operand {
            Operand::Number(operand) => {
                let number = column.parse::<f64>().ok();
                self.comparison.holds(number.and_then(|number| number.partial_cmp(operand)))
            }
            Operand::Text { .. } | Operand::Regex(_) => self.holds_for_text(column),
        }
    }
}

/// Compiles the part of regular expressions that patterns may use: no groups, so that none is slow.
pub fn regex(text: &str) -> Result<Regex, Malformed> {
    let mut escaped = false;
    for c in text.chars() {
        let fits = if escaped {
            "dDsSwWx".contains(c) || c.is_ascii_punctuation()
        } else {
            c.is_ascii_alphanumeric() || ":_#=@/;,- ".contains(c) || "^$?[]{}|\\*+.".contains(c)
        };
        if !fits {
            return Err(Malformed::Pattern);
        }
        escaped = !escaped && c == '\\';
    }
    RegexBuilder::new(text)
        .delegate_size_limit(REGEX_BYTES)
        .delegate_dfa_size_limit(REGEX_BYTES)
        .build()
        .map_err(|_| Malformed::Pattern)
}

/// Whether a regular expression is found in a text. One that cannot be evaluated is not found.
pub fn found(regex: &Regex, text: &str) -> bool {
    regex.is_match(text).unwrap_or(false)
}

/// Whether a text is what a glob says, in which `*` stands for anything: the parts between the stars are
/// found one after the other, each at its first place.
fn glob_matches(glob: &str, text: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else { return glob == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("**x**", "axb", true),
        ] {
            assert_eq!(glob_matches(glob, text), expected, "{glob} on {text}");
        }
    }
}

//! Reading a pattern from left to right.

use super::{MAX_REGEXES, Malformed};

/// The rest of a pattern. Blanks are skipped before everything.
pub struct Cursor<'t> {
    rest: &'t str,
    regexes: usize,
}

impl<'t> Cursor<'t> {
    /// At the beginning of a text.
    pub fn new(text: &'t str) -> Self {
        Cursor { rest: text.trim_start(), regexes: 0 }
    }

    /// What is left.
    pub fn rest(&self) -> &'t str {
        self.rest
    }

    /// The next character.
    pub fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes a text if it comes next.
    pub fn take(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else { return false };
        self.rest = rest.trim_start();
        true
    }

    /// Takes a text that must come next.
    pub fn expect(&mut self, text: &str) -> Result<(), Malformed> {
        if self.take(text) { Ok(()) } else { Err(Malformed::Pattern) }
    }

    /// Takes a word that must not go on: `IS`, `EXISTS`.
    pub fn take_word(&mut self, word: &str) -> bool {
        let goes_on = |rest: &str| rest.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        self.rest.strip_prefix(word).is_some_and(|rest| !goes_on(rest)) && self.take(word)
    }

    /// Takes characters as long as they fit; maybe none.
    pub fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let taken = self.take_tight(fits);
        self.rest = self.rest.trim_start();
        taken
    }

    /// The same, leaving the blanks that follow.
    pub fn take_tight(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Takes what stands between quotes, with `\` before quotes and backslashes in it.
    pub fn take_quoted(&mut self, quote: char) -> Result<String, Malformed> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                c if c == quote => {
                    self.rest = self.rest[at + c.len_utf8()..].trim_start();
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, escaped)) if escaped == quote || escaped == '\\' => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => return Err(Malformed::Pattern),
                },
                c => text.push(c),
            }
        }
        Err(Malformed::Pattern)
    }

    /// Takes a regular expression between percent signs. Of how many there may be, one is used up.
    pub fn take_regex(&mut self) -> Result<&'t str, Malformed> {
        self.regexes += 1;
        let inside = self.rest.strip_prefix('%').ok_or(Malformed::Pattern)?;
        let (regex, rest) = inside.split_once('%').ok_or(Malformed::Pattern)?;
        self.rest = rest.trim_start();
        if self.regexes > MAX_REGEXES || regex.is_empty() { Err(Malformed::Pattern) } else { Ok(regex) }
    }
}

//! The tokens of a statement, with their places in its text. Comments are blanks.

use super::not_well_formed;

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword without quotes.
    Word,
    /// A name in double quotes, its quotes undone.
    Name(String),
    /// A text in single quotes, its quotes undone.
    Text(String),
    /// A number without its sign.
    Number,
    /// `?`
    Parameter,
    /// One of the signs.
    Sign(&'static str),
    /// Behind the last token.
    End,
}

/// A token and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

/// Longer signs before their beginnings.
const SIGNS: [&str; 20] = [
    "<<", ">>", "<>", "<=", ">=", "!=", "=", "<", ">", "(", ")", "[", "]", "{", "}", ",", ".", ":", "+", "*",
];

/// The tokens of a statement, the last of them `End`.
///
/// # Errors
/// AWS's message, where a character or an open quote or comment begins no token.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens: Vec<Token> = Vec::with_capacity(text.len() / 4 + 2);
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some(length) = blank(rest, first)? {
            at += length;
            continue;
        }
        // Behind a name or a bracket a point leads on; elsewhere it may begin a number.
        let behind_path = tokens.last().is_some_and(|last| {
            last.end == at && matches!(last.kind, Kind::Word | Kind::Name(_) | Kind::Sign("]"))
        });
        let (kind, length) = token(rest, first, behind_path)?;
        tokens.push(Token { kind, start: at, end: at + length });
        at += length;
    }
    tokens.push(Token { kind: Kind::End, start: text.len(), end: text.len() });
    Ok(tokens)
}

/// The length of a blank or a comment.
fn blank(rest: &str, first: char) -> Result<Option<usize>, String> {
    if first.is_whitespace() {
        return Ok(Some(first.len_utf8()));
    }
    if rest.starts_with("--") {
        return Ok(Some(rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        let end = rest.find("*/").ok_or_else(|| not_well_formed(""))?;
        return Ok(Some(end + 2));
    }
    Ok(None)
}

fn token(rest: &str, first: char, behind_path: bool) -> Result<(Kind, usize), String> {
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let begins_number = |text: &str| text.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    match first {
        'a'..='z' | 'A'..='Z' | '_' | '$' => {
            Ok((Kind::Word, rest.bytes().take_while(|byte| of_word(byte)).count()))
        }
        '"' => quoted(rest, '"').map(|(name, length)| (Kind::Name(name), length)),
        '\'' => quoted(rest, '\'').map(|(text, length)| (Kind::Text(text), length)),
        '?' => Ok((Kind::Parameter, 1)),
        '0'..='9' => Ok((Kind::Number, number(rest))),
        '.' if !behind_path && begins_number(&rest[1..]) => Ok((Kind::Number, number(rest))),
        '-' => Ok((Kind::Sign("-"), 1)),
        _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            Some(sign) => Ok((Kind::Sign(sign), sign.len())),
            None => Err(not_well_formed("")),
        },
    }
}

/// What stands in quotes, a doubled quote inside being one, and the length with the quotes.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut content = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, found)) = chars.next() {
        if found != quote {
            content.push(found);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            content.push(quote);
        } else {
            return Ok((content, at + 1));
        }
    }
    Err(not_well_formed(""))
}

/// The length of a number: digits, a fraction, an exponent.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = digits(0);
    if bytes.get(length) == Some(&b'.') {
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits((length + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_into_tokens() {
        let text = "SELECT a.\"b c\"[0] -- note\nFROM \"t\".i WHERE x<=.5e1 /* é */ AND y IN ['it''s',?]";
        let cut: Vec<&str> =
            tokens(text).unwrap().iter().map(|token| &text[token.start..token.end]).collect();
        assert_eq!(
            cut,
            [
                "SELECT", "a", ".", "\"b c\"", "[", "0", "]", "FROM", "\"t\"", ".", "i", "WHERE", "x", "<=",
                ".5e1", "AND", "y", "IN", "[", "'it''s'", ",", "?", "]", ""
            ]
        );
        for open in ["'a", "\"a", "/* a", "a # b", "é"] {
            assert_eq!(tokens(open), Err(not_well_formed("")), "{open}");
        }
    }
}

//! Words, literals and signs of a query.

use super::Fault;

/// A piece of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A name or keyword, as written.
    Word(String),
    /// A name in double quotes, which is never a keyword and keeps its case.
    Quoted(String),
    /// A text in single quotes.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a point or an exponent.
    Float(f64),
    /// An operator or a mark.
    Sign(&'static str),
}

impl Token {
    /// Whether it is this keyword.
    pub fn is(&self, keyword: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// As the query has it, for errors.
    pub fn shown(&self) -> String {
        match self {
            Token::Word(text) | Token::Quoted(text) | Token::Text(text) => text.clone(),
            Token::Int(number) => number.to_string(),
            Token::Float(number) => number.to_string(),
            Token::Sign(sign) => (*sign).to_owned(),
        }
    }
}

/// Longer signs come before those they begin with.
const SIGNS: [&str; 19] =
    ["<>", "!=", "<=", ">=", "||", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", "."];

/// The pieces of a query.
///
/// # Errors
/// Where something is no piece of any.
pub fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '\'' => quoted(rest, '\'').map(|(text, after)| (Token::Text(text), after)),
            '"' => quoted(rest, '"').map(|(text, after)| (Token::Quoted(text), after)),
            '0'..='9' => number(rest),
            first if first.is_alphabetic() || first == '_' => Ok(word(rest)),
            ';' if rest[1..].trim().is_empty() => break,
            first => SIGNS
                .iter()
                .find_map(|sign| rest.strip_prefix(sign).map(|after| (Token::Sign(sign), after)))
                .ok_or_else(|| {
                    Fault::new(
                        "LexerInvalidChar",
                        format!("The SQL expression contains an invalid character: {first}"),
                    )
                }),
        }?;
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// A quoted piece; a doubled quote stands for itself.
fn quoted(text: &str, quote: char) -> Result<(String, &str), Fault> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        if char != quote {
            out.push(char);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            out.push(quote);
            chars.next();
        } else {
            return Ok((out, &text[at + char.len_utf8()..]));
        }
    }
    Err(Fault::new(
        "LexerInvalidLiteral",
        "The SQL expression contains an invalid literal: a quote is not closed.",
    ))
}

fn word(text: &str) -> (Token, &str) {
    let end =
        text.find(|char: char| !(char.is_alphanumeric() || char == '_' || char == '$')).unwrap_or(text.len());
    (Token::Word(text[..end].to_owned()), &text[end..])
}

fn number(text: &str) -> Result<(Token, &str), Fault> {
    let bytes = text.as_bytes();
    let mut end = 0;
    let (mut point, mut exponent) = (false, false);
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'0'..=b'9' => {}
            b'.' if !point && !exponent => point = true,
            b'e' | b'E' if !exponent => {
                exponent = true;
                if matches!(bytes.get(end + 1), Some(b'+' | b'-')) {
                    end += 1;
                }
            }
            _ => break,
        }
        end += 1;
    }
    let (digits, after) = text.split_at(end);
    let invalid = || {
        Fault::new("LexerInvalidLiteral", format!("The SQL expression contains an invalid literal: {digits}"))
    };
    let token = match digits.parse::<i64>() {
        Ok(number) if !point && !exponent => Token::Int(number),
        _ => Token::Float(digits.parse().map_err(|_| invalid())?),
    };
    Ok((token, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces() {
        let found = tokens("SELECT s.\"a b\", 'it''s', 1.5e3 FROM S3Object s WHERE _1<>2;").unwrap();
        assert_eq!(found[0], Token::Word("SELECT".into()));
        assert_eq!(found[2], Token::Sign("."));
        assert_eq!(found[3], Token::Quoted("a b".into()));
        assert_eq!(found[5], Token::Text("it's".into()));
        assert_eq!(found[7], Token::Float(1500.0));
        assert_eq!(found[found.len() - 2..], [Token::Sign("<>"), Token::Int(2)]);
        for bad in ["'open", "a ? b", "1e", "\u{1}"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }
}

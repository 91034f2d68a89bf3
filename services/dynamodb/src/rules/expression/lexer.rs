//! Words, placeholders and signs of an expression, with their places in its text.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A name, a keyword or a function.
    Word,
    /// `#name`
    Alias,
    /// `:value`
    Placeholder,
    /// Digits.
    Digits,
    /// One of the signs, or one that means nothing.
    Sign(&'static str),
    /// A character that no expression uses.
    Unknown,
    /// Behind the last token.
    End,
}

/// A token and its place.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// What it is.
    pub sort: Sort,
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

/// Longer signs before their beginnings.
const SIGNS: [&str; 14] = ["<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-"];

/// The tokens of a text, the last of them `End`.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 3 + 2);
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if matches!(first, ' ' | '\t' | '\r' | '\n') {
            at += 1;
            continue;
        }
        let (sort, length) = token(&text[at..], first);
        tokens.push(Token { sort, start: at, end: at + length });
        at += length;
    }
    tokens.push(Token { sort: Sort::End, start: text.len(), end: text.len() });
    tokens
}

fn token(rest: &str, first: char) -> (Sort, usize) {
    let run = |from: usize, part: fn(u8) -> bool| {
        from + rest.as_bytes()[from..].iter().take_while(|byte| part(**byte)).count()
    };
    let of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match first {
        'a'..='z' | 'A'..='Z' => (Sort::Word, run(0, of_word)),
        '#' => (Sort::Alias, run(1, of_word)),
        ':' => (Sort::Placeholder, run(1, of_word)),
        '0'..='9' => (Sort::Digits, run(0, |byte| byte.is_ascii_digit())),
        _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            Some(sign) => (Sort::Sign(sign), sign.len()),
            None => (Sort::Unknown, first.len_utf8()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_tokens() {
        let text = "a.#b[10] <> :v\tAND(é)";
        let cut: Vec<&str> = tokens(text).iter().map(|token| &text[token.start..token.end]).collect();
        assert_eq!(cut, ["a", ".", "#b", "[", "10", "]", "<>", ":v", "AND", "(", "é", ")", ""]);
    }
}

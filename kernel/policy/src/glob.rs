//! Matching of `*` and `?`, without recursion: the cost is at most pattern times text.

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// This byte.
    Byte(u8),
    /// Any one character: `?`.
    One,
    /// Any run of characters, or none: `*`.
    Many,
}

/// Whether letters are compared with their case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Exact,
    /// ASCII letters match in both cases; the pattern holds lower-case ones.
    Folded,
}

/// Whether a whole text matches.
pub(crate) fn matches(tokens: &[Token], text: &[u8], case: Case) -> bool {
    let (mut token_at, mut text_at) = (0, 0);
    // Where to resume after a mismatch: behind the last `*`, which then takes one character more. Going
    // back to an earlier `*` could not help, since the last one can take whatever that would have taken.
    let mut resume: Option<(usize, usize)> = None;
    while text_at < text.len() {
        let step = match tokens.get(token_at) {
            Some(Token::Many) => {
                token_at += 1;
                resume = Some((token_at, text_at));
                continue;
            }
            Some(Token::One) => Some(char_len(text, text_at)),
            Some(Token::Byte(byte)) if *byte == folded(text[text_at], case) => Some(1),
            Some(Token::Byte(_)) | None => None,
        };
        match (step, resume) {
            (Some(length), _) => {
                token_at += 1;
                text_at += length;
            }
            (None, Some((behind_star, taken_to))) => {
                let next = taken_to + char_len(text, taken_to);
                resume = Some((behind_star, next));
                (token_at, text_at) = (behind_star, next);
            }
            (None, None) => return false,
        }
    }
    tokens[token_at.min(tokens.len())..].iter().all(|token| *token == Token::Many)
}

fn folded(byte: u8, case: Case) -> u8 {
    match case {
        Case::Exact => byte,
        Case::Folded => byte.to_ascii_lowercase(),
    }
}

/// Bytes of the character that begins here.
fn char_len(text: &[u8], at: usize) -> usize {
    let continuation = text[at + 1..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
    1 + continuation.min(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(pattern: &str) -> Vec<Token> {
        let token = |byte| match byte {
            b'*' => Token::Many,
            b'?' => Token::One,
            byte => Token::Byte(byte),
        };
        pattern.bytes().map(token).collect()
    }

    fn glob(pattern: &str, text: &str) -> bool {
        matches(&tokens(pattern), text.as_bytes(), Case::Exact)
    }

    /// The definition, by recursion.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                reference(rest, text) || matches!(text, [_, tail @ ..] if reference(pattern, tail))
            }
            (['?', rest @ ..], [_, tail @ ..]) => reference(rest, tail),
            ([letter, rest @ ..], [first, tail @ ..]) => letter == first && reference(rest, tail),
            _ => false,
        }
    }

    #[test]
    fn patterns() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("?", "", false),
            ("?", "é", true),
            ("??", "é", false),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("*ab", "aab", true),
            ("a**b", "ab", true),
            ("a*b*c", "a-b-b-c", true),
            ("orders-?", "orders-12", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
        assert!(matches(&tokens("send*"), b"SendMessage", Case::Folded));
    }

    #[test]
    fn many_stars_do_not_explode() {
        let pattern = "*a".repeat(2000) + "b";
        assert!(!glob(&pattern, &"a".repeat(2000)));
        assert!(glob(&("*a".repeat(2000) + "*"), &"a".repeat(2000)));
        assert!(!glob(&("*".to_owned() + &"a".repeat(1000) + "b"), &"a".repeat(4000)));
    }

    proptest! {
        #[test]
        fn as_defined(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(glob(&pattern, &text), reference(&p, &t));
        }
    }
}

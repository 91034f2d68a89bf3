//! Patterns that are one class of ASCII characters with a count, such as `[a-zA-Z0-9_.-]+`: most of those that
//! names have to match. They are matched byte by byte, without a regular expression.

use std::ops::RangeInclusive;

/// A class and how many characters of it make a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    /// A bit for each ASCII character.
    members: u128,
    least: usize,
    most: usize,
}

impl Class {
    /// The class that a pattern is; nothing for a pattern of any other form.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
        let (members, rest) = members(pattern.strip_prefix('[')?)?;
        let (least, most) = count(rest.strip_suffix('$').unwrap_or(rest))?;
        Some(Class { members, least, most })
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let known = |byte: u8| byte < 128 && self.members >> byte & 1 == 1;
        (self.least..=self.most).contains(&text.len()) && text.bytes().all(known)
    }
}

fn bits(range: RangeInclusive<u8>) -> u128 {
    range.fold(0, |bits, byte| bits | 1 << byte)
}

/// A piece of a class: one character, or the set that an escape stands for.
enum Piece {
    Char(u8),
    Set(u128),
}

/// The first piece, and what is behind it; nothing for what only a regular expression understands.
fn piece(text: &[u8]) -> Option<(Piece, &[u8])> {
    match text {
        [b'\\', b'w', rest @ ..] => {
            let word = bits(b'a'..=b'z') | bits(b'A'..=b'Z') | bits(b'0'..=b'9') | bits(b'_'..=b'_');
            Some((Piece::Set(word), rest))
        }
        [b'\\', b'd', rest @ ..] => Some((Piece::Set(bits(b'0'..=b'9')), rest)),
        [b'\\', mark, rest @ ..] if mark.is_ascii_punctuation() => Some((Piece::Char(*mark), rest)),
        // Classes within classes and their intersections are Java's own.
        [b'\\' | b'[' | b'&', ..] => None,
        [plain, rest @ ..] if plain.is_ascii() => Some((Piece::Char(*plain), rest)),
        _ => None,
    }
}

/// The members of a class whose opening bracket was read, and what is behind it.
fn members(text: &str) -> Option<(u128, &str)> {
    let mut rest = text.as_bytes();
    if matches!(rest, [b'^' | b']', ..]) {
        return None;
    }
    let mut members = 0;
    loop {
        if let [b']', behind @ ..] = rest {
            return Some((members, std::str::from_utf8(behind).ok()?));
        }
        let (first, behind) = piece(rest)?;
        rest = behind;
        let first = match first {
            Piece::Set(set) => {
                members |= set;
                continue;
            }
            Piece::Char(first) => first,
        };
        match rest {
            [b'-', b']', ..] | [] => members |= bits(first..=first),
            [b'-', behind @ ..] => {
                let (Piece::Char(last), behind) = piece(behind)? else { return None };
                if last < first {
                    return None;
                }
                members |= bits(first..=last);
                rest = behind;
            }
            _ => members |= bits(first..=first),
        }
    }
}

/// `+`, `*`, `{3}`, `{1,}`, `{1,3}` or nothing.
fn count(text: &str) -> Option<(usize, usize)> {
    let number = |digits: &str| {
        let fine = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<usize>().ok().filter(|_| fine)
    };
    match text {
        "" => Some((1, 1)),
        "+" => Some((1, usize::MAX)),
        "*" => Some((0, usize::MAX)),
        _ => {
            let inside = text.strip_prefix('{')?.strip_suffix('}')?;
            match inside.split_once(',') {
                None => number(inside).map(|exactly| (exactly, exactly)),
                Some((least, "")) => Some((number(least)?, usize::MAX)),
                Some((least, most)) => Some((number(least)?, number(most)?)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_plain_classes_are_taken() {
        let taken = [
            "[a-zA-Z0-9_.-]+",
            "^[a-z]*$",
            r"[\w+=,.@-]{1,64}",
            r"[\w-.]{1,3}",
            "[!-~]{2,}",
            r"[\d\-]",
            "[-a]+",
        ];
        assert!(taken.iter().all(|pattern| Class::of(pattern).is_some()));
        let left = [
            "[^a]+",
            "a+",
            "[a][b]",
            "[a&&b]",
            "[[a]]",
            r"[\p{L}]+",
            r"[\u0020-\u00ff]*",
            "[é]",
            "[a]+|b",
            "[a]+?",
            "[a",
            r"[\s]",
            "[a]{b}",
            "[]a]",
            "[z-a]",
        ];
        assert!(left.iter().all(|pattern| Class::of(pattern).is_none()));
    }

    proptest! {
        /// A class says what the regular expression of its pattern says.
        #[test]
        fn a_class_matches_what_its_expression_does(
            class in r"[a-c_.+=@,-]{0,4}(0-9|a-z|\\w|\\d|\\-|\\.|A-F){1,3}[a-c_.]{0,3}",
            count in prop::sample::select(vec!["", "+", "*", "{2}", "{1,}", "{1,3}"]),
            text in r"[a-fA-H0-3_.+=@,é\-\\ ]{0,5}",
        ) {
            let pattern = format!("[{class}]{count}");
            if let (Some(fast), Ok(slow)) = (Class::of(&pattern), super::super::compile(&pattern)) {
                prop_assert_eq!(fast.matches(&text), slow.is_match(&text).unwrap(), "{}", pattern);
            }
        }
    }
}

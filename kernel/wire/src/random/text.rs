//! Random texts: of an enum's values, of a pattern, or of letters that need care on the wire.

use super::Source;
use crate::pattern;
use regex_syntax::hir::{Class, Hir, HirKind};
use schema::Ty;

/// A text for a body.
pub(super) fn any(source: &mut Source, ty: &Ty) -> String {
    of(source, ty, "aZ09-_ <&>\"'\\/é😀\n+=%")
}

/// A text for a header, a label or a query key: visible ASCII, never empty.
pub(super) fn visible(source: &mut Source, ty: &Ty) -> String {
    let text = of(source, ty, "aZ09-_.~");
    let fine = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fine { text } else { letters(source, "aZ09-_.~", 4) }
}

fn of(source: &mut Source, ty: &Ty, alphabet: &str) -> String {
    let text = match ty {
        Ty::Enum(ty) => {
            let chosen = source.below(ty.values.len() as u64) as usize;
            return ty.values.get(chosen).map_or_else(String::new, |value| (*value).to_owned());
        }
        Ty::Text(text) => text,
        _ => return letters(source, alphabet, 6),
    };
    if text.json_value {
        return String::from("{\"key\":[1,true]}");
    }
    let (least, most) = (text.size.min, text.size.max);
    if let Some(pattern) = text.pattern
        && let Some(found) = (0..20).find_map(|_| {
            let made = of_pattern(source, pattern)?;
            let length = made.chars().count() as u64;
            ((least..=most).contains(&length) && pattern::matches(pattern, &made)).then_some(made)
        })
    {
        return found;
    }
    let length = least + source.below(most.saturating_sub(least).min(12) + 1);
    letters(source, alphabet, length)
}

fn letters(source: &mut Source, alphabet: &str, length: u64) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    (0..length).map(|_| alphabet[source.below(alphabet.len() as u64) as usize]).collect()
}

/// A text made along a pattern; `None` where the pattern uses look-around.
fn of_pattern(source: &mut Source, text: &str) -> Option<String> {
    let hir = regex_syntax::parse(&pattern::translated(text)).ok()?;
    let mut made = String::new();
    walk(source, &hir, &mut made);
    Some(made)
}

fn walk(source: &mut Source, hir: &Hir, made: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => made.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => made.extend(member(source, class)),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min + 3).min(repetition.min + 3);
            let count = repetition.min + source.below(u64::from(most - repetition.min) + 1) as u32;
            for _ in 0..count {
                walk(source, &repetition.sub, made);
            }
        }
        HirKind::Capture(capture) => walk(source, &capture.sub, made),
        HirKind::Concat(parts) => parts.iter().for_each(|part| walk(source, part, made)),
        HirKind::Alternation(parts) => {
            let chosen = source.below(parts.len() as u64) as usize;
            walk(source, &parts[chosen], made);
        }
    }
}

/// A character of a class: a visible one of ASCII where there is any.
fn member(source: &mut Source, class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
    };
    let visible = |letter: &char| ranges.iter().any(|(start, end)| (start..=end).contains(&letter));
    let letters: Vec<char> = ('!'..='~').filter(visible).collect();
    match letters.len() {
        0 => ranges.first().map(|(start, _)| *start),
        count => Some(letters[source.below(count as u64) as usize]),
    }
}

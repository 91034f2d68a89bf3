//! The patterns of the models: Java's dialect, compiled at first use and kept.
//!
//! AWS matches the whole text. Patterns are static, so the cache is bounded by the models; a pattern's
//! backtracking is bounded, and a text that exceeds it counts as not matching.

mod class;

use class::Class;
use fancy_regex::{Regex, RegexBuilder};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Where a static text lies: patterns are told apart without reading them.
type Address = (usize, usize);

static COMPILED: RwLock<Option<HashMap<Address, Matcher>>> = RwLock::new(None);

/// What a pattern became.
#[derive(Clone)]
enum Matcher {
    Class(Class),
    Regex(Arc<Regex>),
    /// It cannot be compiled.
    Anything,
}

const BACKTRACK_LIMIT: usize = 100_000;
/// Room for counted repetitions such as `{1,16384}` of wide classes.
const SIZE_LIMIT: usize = 64 << 20;

/// Whether the whole text matches a pattern. A pattern that cannot be compiled matches everything; a test
/// over all models sees to it that there is none.
pub(crate) fn matches(pattern: &'static str, text: &str) -> bool {
    match compiled(pattern) {
        Matcher::Class(class) => class.matches(text),
        Matcher::Regex(regex) => regex.is_match(text).unwrap_or(false),
        Matcher::Anything => true,
    }
}

fn compiled(pattern: &'static str) -> Matcher {
    let address = (pattern.as_ptr() as usize, pattern.len());
    let known = COMPILED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(matcher) = known.as_ref().and_then(|map| map.get(&address)) {
        return matcher.clone();
    }
    drop(known);
    let compile = || compile(pattern).map_or(Matcher::Anything, |regex| Matcher::Regex(Arc::new(regex)));
    let matcher = Class::of(pattern).map_or_else(compile, Matcher::Class);
    let mut known = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().insert(address, matcher.clone());
    matcher
}

/// Compiles a pattern of a model. Where its counts make it too large, it is compiled with open ends: the
/// model's bounds of the length say the same again.
pub(crate) fn compile(pattern: &str) -> Result<Regex, Box<fancy_regex::Error>> {
    let build = |counts| {
        let whole = format!(r"\A(?:{})\z", translate(pattern, counts));
        let mut builder = RegexBuilder::new(&whole);
        builder.backtrack_limit(BACKTRACK_LIMIT).delegate_size_limit(SIZE_LIMIT);
        builder.build().map_err(Box::new)
    };
    build(Counts::Exact).or_else(|_| build(Counts::Open))
}

/// The patterns of a service's shapes that cannot be compiled: there must be none.
#[cfg(feature = "testing")]
pub fn broken_patterns(service: &schema::ServiceShape) -> Vec<String> {
    let mut search = Search::default();
    for operation in service.operations {
        search.shape(operation.input);
        search.shape(operation.output);
    }
    let broken = search
        .patterns
        .into_iter()
        .filter_map(|pattern| compile(pattern).err().map(|error| format!("{pattern}: {error}")));
    broken.collect()
}

/// The patterns of shapes, each shape looked at once.
#[cfg(feature = "testing")]
#[derive(Default)]
struct Search {
    shapes: std::collections::BTreeSet<&'static str>,
    patterns: std::collections::BTreeSet<&'static str>,
}

#[cfg(feature = "testing")]
impl Search {
    fn shape(&mut self, shape: &'static schema::Shape) {
        if self.shapes.insert(shape.name) {
            shape.members.iter().for_each(|member| self.ty(member.ty));
        }
    }

    fn ty(&mut self, ty: &'static schema::Ty) {
        match ty {
            schema::Ty::Text(text) => self.patterns.extend(text.pattern),
            schema::Ty::List(list) => self.ty(list.element),
            schema::Ty::Map(map) => {
                self.ty(map.key);
                self.ty(map.value);
            }
            schema::Ty::Struct(shape) => self.shape(shape),
            _ => {}
        }
    }
}

/// A pattern in the dialect of the Rust crates, for whoever makes texts along it.
#[cfg(feature = "testing")]
pub(crate) fn translated(pattern: &str) -> String {
    translate(pattern, Counts::Exact)
}

/// What becomes of counts such as `{1,100000}`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Exact,
    /// Large ones have no upper end.
    Open,
}

/// A Java pattern in the dialect of the Rust crates.
fn translate(pattern: &str, counts: Counts) -> String {
    let mut translator = Translator {
        rest: pattern,
        out: String::new(),
        class: 0,
        after_set: false,
        groups: Vec::new(),
        counts,
    };
    translator.run();
    translator.out
}

struct Translator<'a> {
    rest: &'a str,
    out: String,
    /// How many brackets are open.
    class: usize,
    /// In brackets: the last item was a set such as `\w`, so a dash is no range.
    after_set: bool,
    /// For each open parenthesis: whether it is a look-around.
    groups: Vec<bool>,
    counts: Counts,
}

impl Translator<'_> {
    fn run(&mut self) {
        while let Some(letter) = self.rest.chars().next() {
            self.rest = &self.rest[letter.len_utf8()..];
            match letter {
                '\\' => self.escape(),
                '[' if self.class > 0 && !self.opens_class() => self.literal('['),
                '[' => self.open(),
                ']' if self.class > 0 => {
                    self.class -= 1;
                    self.after_set = true;
                    self.out.push(']');
                }
                '-' if self.class > 0 => self.dash(),
                '~' if self.class > 0 && self.rest.starts_with('~') => self.literal('~'),
                '{' if self.class == 0 => self.brace(),
                '(' if self.class == 0 => self.open_group(),
                ')' if self.class == 0 => {
                    let look_around = self.groups.pop().unwrap_or(false);
                    self.out.push(')');
                    // Java lets a look-around be repeated, which says nothing.
                    if look_around && let Some(rest) = self.rest.strip_prefix('+') {
                        self.rest = rest;
                    }
                }
                _ => {
                    self.after_set = false;
                    self.out.push(letter);
                }
            }
        }
    }

    fn open(&mut self) {
        self.class += 1;
        self.after_set = false;
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.out.push('^');
        }
        // A bracket or dash that stands first means itself.
        for first in [']', '-'] {
            if let Some(rest) = self.rest.strip_prefix(first) {
                self.rest = rest;
                self.literal(first);
                return;
            }
        }
    }

    /// Whether a bracket within brackets opens a class of its own, as in Java: only where it is used for
    /// intersections. Elsewhere the models mean the character.
    fn opens_class(&self) -> bool {
        self.out.ends_with("&&")
    }

    fn dash(&mut self) {
        let is_last = self.rest.starts_with(']');
        let before_set = ["\\w", "\\d", "\\s", "\\p", "\\W", "\\S", "\\D", "["]
            .iter()
            .any(|set| self.rest.starts_with(set));
        if self.after_set || is_last || before_set || self.rest.starts_with('-') {
            self.literal('-');
        } else {
            self.out.push('-');
        }
    }

    /// A count (`{3}`, `{1,}`, `{1,64}`), or a brace that means itself.
    fn brace(&mut self) {
        let inner = self.rest.split_once('}').map(|(inner, rest)| (inner.to_owned(), rest));
        let Some((inner, rest)) = inner else { return self.literal('{') };
        let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if least.is_empty() || !digits(least) || !digits(most) {
            return self.literal('{');
        }
        self.rest = rest;
        // Java lets an end be repeated (`${1,128}`), which says nothing.
        if self.out.ends_with('$') && !self.out.ends_with("\\$") {
            return;
        }
        let large = most.parse::<u32>().is_ok_and(|most| most > 256);
        if self.counts == Counts::Open && large {
            let least = least.parse::<u32>().unwrap_or(0).min(1);
            self.out.push_str(&format!("{{{least},}}"));
        } else {
            self.out.push_str(&format!("{{{inner}}}"));
        }
    }

    fn open_group(&mut self) {
        let look_around = ["?!", "?=", "?<!", "?<="].iter().any(|mark| self.rest.starts_with(mark));
        self.groups.push(look_around);
        self.out.push('(');
    }

    fn literal(&mut self, letter: char) {
        self.after_set = false;
        self.out.push('\\');
        self.out.push(letter);
    }

    fn escape(&mut self) {
        let Some(letter) = self.rest.chars().next() else {
            self.out.push_str("\\\\");
            return;
        };
        self.rest = &self.rest[letter.len_utf8()..];
        match letter {
            'd' => self.set("0-9", false),
            'D' => self.set("0-9", true),
            'w' => self.set("A-Za-z0-9_", false),
            'W' => self.set("A-Za-z0-9_", true),
            's' => self.set(" \\t\\n\\x0B\\f\\r", false),
            'S' => self.set(" \\t\\n\\x0B\\f\\r", true),
            'u' => self.unit(),
            'p' | 'P' => self.property(letter == 'P'),
            'Z' => self.out.push_str("\\z"),
            '0' => self.octal(),
            _ if letter.is_ascii_alphanumeric() => {
                self.after_set = false;
                self.out.push('\\');
                self.out.push(letter);
            }
            _ if letter.is_ascii_punctuation() && letter != '<' && letter != '>' => self.literal(letter),
            _ => {
                self.after_set = false;
                self.out.push(letter);
            }
        }
    }

    /// A set of characters: Java's are ASCII.
    fn set(&mut self, inner: &str, negated: bool) {
        let caret = if negated { "^" } else { "" };
        if self.class > 0 && !negated {
            self.out.push_str(inner);
        } else {
            self.out.push_str(&format!("[{caret}{inner}]"));
        }
        self.after_set = true;
    }

    /// Behind `\0`: up to three octal digits.
    fn octal(&mut self) {
        self.after_set = false;
        let count = self.rest.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        self.out.push_str(&format!("\\x{{{:X}}}", u32::from_str_radix(digits, 8).unwrap_or(0)));
    }

    /// Behind `\u`: a UTF-16 unit, or two that are one character.
    fn unit(&mut self) {
        self.after_set = false;
        let Some(first) = self.hex4() else {
            self.out.push('u');
            return;
        };
        let mut code = first;
        if (0xD800..0xDC00).contains(&first)
            && let Some(rest) = self.rest.strip_prefix("\\u")
        {
            let before = std::mem::replace(&mut self.rest, rest);
            match self.hex4() {
                Some(low) if (0xDC00..0xE000).contains(&low) => {
                    code = 0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00);
                }
                _ => self.rest = before,
            }
        }
        // A lone half of a character cannot occur in a text: its neighbours in the range stand for it.
        let code = if (0xD800..0xE000).contains(&code) { 0xE000 } else { code };
        self.out.push_str(&format!("\\x{{{code:X}}}"));
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        self.rest = &self.rest[4..];
        Some(code)
    }

    /// Behind `\p`: Java's names of POSIX classes are not Unicode's.
    fn property(&mut self, negated: bool) {
        let name = match self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, rest)) => {
                self.rest = rest;
                name
            }
            None => {
                let (name, rest) = self.rest.split_at(self.rest.len().min(1));
                self.rest = rest;
                name
            }
        };
        let posix = match name {
            "Alnum" => "A-Za-z0-9",
            "Alpha" => "A-Za-z",
            "all" => "\\x00-\\x{10FFFF}",
            "LD" => "\\p{L}\\p{Nd}",
            "ASCII" => "\\x00-\\x7F",
            "Blank" => " \\t",
            "Cntrl" => "\\x00-\\x1F\\x7F",
            "Digit" => "0-9",
            "Graph" => "!-~",
            "Lower" => "a-z",
            "Print" => " -~",
            "Punct" => "!-/:-@\\[-`{-\\x7E",
            "Space" => " \\t\\n\\x0B\\f\\r",
            "Upper" => "A-Z",
            "XDigit" => "0-9A-Fa-f",
            _ => "",
        };
        if posix.is_empty() {
            let letter = if negated { 'P' } else { 'p' };
            let name = name.strip_prefix("Is").unwrap_or(name);
            self.out.push_str(&format!("\\{letter}{{{name}}}"));
            self.after_set = true;
        } else {
            self.set(posix, negated);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_dialect() {
        let table = [
            (r"[a-zA-Z0-9_.-]+", "a.b-c", "a b"),
            (r"[\w-.]{1,3}", "a-.", "a-.b"),
            (r"[\w+=,.@-]+", "a@b", "é"),
            (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "a😀\n", "\u{1}"),
            (r"^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]*$", "é b", "aws:b"),
            (r"\p{Print}+\p{Punct}", "ab!", "abé"),
            (r"[^\x00-\x1F]+", "a", "\u{1}"),
            (r"arn:(aws|aws-cn):.*\/x", "arn:aws:/x", "arn:gov:/x"),
            (r"a{b}", "a{b}", "ab"),
            (r"[--:]+", "-9:", "a"),
            (r"[[\]]+", "[]", "a"),
            (r"\d+", "12", "١"),
            (r"^[a-z]*${1,128}", "ab", "a1"),
            (r"(\/(?!\.)+[^$#<>;`|&?{}^*/\n]+){1,4}", "/a/b", "/.a"),
            (r"[^/:|\000-\037]+", "a", "\u{1}"),
            (r"[^\p{C}]{1,2048}", "ab", "a\u{1}"),
        ];
        for (pattern, yes, no) in table {
            assert!(
                matches(pattern, yes),
                "{pattern} should match {yes}: {}",
                translate(pattern, Counts::Exact)
            );
            assert!(
                !matches(pattern, no),
                "{pattern} should not match {no}: {}",
                translate(pattern, Counts::Exact)
            );
        }
    }

    #[test]
    fn backtracking_is_bounded() {
        let text = "a".repeat(5000);
        assert!(!matches(r"(?=(a+)+\1b)(a|aa)+b", &text));
    }
}

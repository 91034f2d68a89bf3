//! Attribute values: their types, when two are equal, and how they compare.
//!
//! The model's own union is the value everywhere in this room, so nothing is converted between the wire
//! and an expression. A number is its text there; comparing is by value, never by text.

use super::number::Number;
use model_dynamodb::AttributeValue;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// An attribute value.
pub type Value = AttributeValue;
/// An item: attributes by name.
pub type Item = BTreeMap<String, Value>;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Text.
    S,
    /// A number.
    N,
    /// Bytes.
    B,
    /// A set of texts.
    SS,
    /// A set of numbers.
    NS,
    /// A set of bytes.
    BS,
    /// A map.
    M,
    /// A list.
    L,
    /// Null.
    Null,
    /// A truth value.
    Bool,
}

impl Kind {
    /// The name on the wire and in `attribute_type`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::S => "S",
            Kind::N => "N",
            Kind::B => "B",
            Kind::SS => "SS",
            Kind::NS => "NS",
            Kind::BS => "BS",
            Kind::M => "M",
            Kind::L => "L",
            Kind::Null => "NULL",
            Kind::Bool => "BOOL",
        }
    }

    /// The long name that errors of ADD and DELETE use.
    pub fn long_name(self) -> &'static str {
        match self {
            Kind::S => "STRING",
            Kind::N => "NUMBER",
            Kind::B => "BINARY",
            Kind::SS => "STRING_SET",
            Kind::NS => "NUMBER_SET",
            Kind::BS => "BINARY_SET",
            Kind::M => "MAP",
            Kind::L => "LIST",
            Kind::Null => "NULL",
            Kind::Bool => "BOOLEAN",
        }
    }

    /// The type of a name.
    pub fn of_name(name: &str) -> Option<Kind> {
        let all = [
            Kind::S,
            Kind::N,
            Kind::B,
            Kind::SS,
            Kind::NS,
            Kind::BS,
            Kind::M,
            Kind::L,
            Kind::Null,
            Kind::Bool,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether values of the type have an order.
    pub fn is_ordered(self) -> bool {
        matches!(self, Kind::S | Kind::N | Kind::B)
    }

    /// Whether it is a set.
    pub fn is_set(self) -> bool {
        matches!(self, Kind::SS | Kind::NS | Kind::BS)
    }
}

/// The type of a value; `None` for one that has none or several, which a request is refused for.
pub fn kind(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Unset | Value::Many(_) => return None,
        Value::S(_) => Kind::S,
        Value::N(_) => Kind::N,
        Value::B(_) => Kind::B,
        Value::SS(_) => Kind::SS,
        Value::NS(_) => Kind::NS,
        Value::BS(_) => Kind::BS,
        Value::M(_) => Kind::M,
        Value::L(_) => Kind::L,
        Value::NULL(_) => Kind::Null,
        Value::BOOL(_) => Kind::Bool,
    })
}

/// The name of a value's type, as messages print it.
pub fn kind_name(value: &Value) -> &'static str {
    kind(value).map_or("", Kind::name)
}

/// The number of a checked value's text. Stored and checked texts always are numbers.
pub fn number(text: &str) -> Number {
    Number::parse(text).unwrap_or(Number::ZERO)
}

/// Whether two values are equal: sets in any order, numbers by value.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::N(a), Value::N(b)) => a == b || number(a) == number(b),
        (Value::SS(a), Value::SS(b)) => same_set(a, b, |text| text.as_bytes().to_vec()),
        (Value::BS(a), Value::BS(b)) => same_set(a, b, |bytes| bytes.to_vec()),
        (Value::NS(a), Value::NS(b)) => same_set(a, b, |text| number(text).to_bytes().to_vec()),
        (Value::L(a), Value::L(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::M(a), Value::M(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && equal(a, b))
        }
        (a, b) => a == b,
    }
}

fn same_set<T>(a: &[T], b: &[T], form: impl Fn(&T) -> Vec<u8>) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let sorted = |set: &[T]| {
        let mut forms: Vec<Vec<u8>> = set.iter().map(&form).collect();
        forms.sort();
        forms
    };
    sorted(a) == sorted(b)
}

/// How two values compare; `None` where they are of different types, or of a type without order.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::S(a), Value::S(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Value::N(a), Value::N(b)) => Some(number(a).cmp(&number(b))),
        (Value::B(a), Value::B(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Whether a text, a set or a list contains a value.
pub fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::S(whole), Value::S(part)) => whole.contains(part.as_str()),
        (Value::B(whole), Value::B(part)) => {
            part.is_empty() || whole.windows(part.len()).any(|window| window == part.as_ref())
        }
        (Value::SS(set), Value::S(part)) => set.contains(part),
        (Value::BS(set), Value::B(part)) => set.contains(part),
        (Value::NS(set), Value::N(part)) => {
            let part = number(part);
            set.iter().any(|element| number(element) == part)
        }
        (Value::L(list), part) => list.iter().any(|element| equal(element, part)),
        _ => false,
    }
}

/// Whether a text or bytes begin with others of their type.
pub fn begins_with(whole: &Value, start: &Value) -> bool {
    match (whole, start) {
        (Value::S(whole), Value::S(start)) => whole.starts_with(start.as_str()),
        (Value::B(whole), Value::B(start)) => whole.starts_with(start),
        _ => false,
    }
}

/// What `size` says of a value; `None` for types without a size. A text counts as Java's `length` does.
pub fn size_of(value: &Value) -> Option<usize> {
    match value {
        Value::S(text) => Some(text.encode_utf16().count()),
        Value::B(bytes) => Some(bytes.len()),
        Value::SS(set) | Value::NS(set) => Some(set.len()),
        Value::BS(set) => Some(set.len()),
        Value::L(list) => Some(list.len()),
        Value::M(map) => Some(map.len()),
        Value::N(_) | Value::NULL(_) | Value::BOOL(_) | Value::Unset | Value::Many(_) => None,
    }
}

/// A copy as it is stored: numbers in their printed form, sets in order.
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::N(text) => Value::N(number(text).to_string()),
        Value::NS(set) => {
            let mut numbers: Vec<Number> = set.iter().map(|text| number(text)).collect();
            numbers.sort();
            Value::NS(numbers.iter().map(Number::to_string).collect())
        }
        Value::SS(set) => {
            let mut set = set.clone();
            set.sort();
            Value::SS(set)
        }
        Value::BS(set) => {
            let mut set = set.clone();
            set.sort();
            Value::BS(set)
        }
        Value::L(list) => Value::L(list.iter().map(canonical).collect()),
        Value::M(map) => Value::M(map.iter().map(|(name, value)| (name.clone(), canonical(value))).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Value {
        Value::N(text.into())
    }

    fn s(text: &str) -> Value {
        Value::S(text.into())
    }

    #[test]
    fn equality() {
        let ns = |texts: &[&str]| Value::NS(texts.iter().map(|t| (*t).into()).collect());
        let cases = [
            (n("1.0"), n("1"), true),
            (n("1"), s("1"), false),
            (ns(&["1", "2.0"]), ns(&["2", "1"]), true),
            (ns(&["1", "2"]), ns(&["1", "3"]), false),
            (Value::L(vec![n("1"), s("a")]), Value::L(vec![n("1.0"), s("a")]), true),
            (Value::L(vec![n("1"), s("a")]), Value::L(vec![s("a"), n("1")]), false),
            (Value::M([("a".into(), n("1"))].into()), Value::M([("a".into(), n("1.00"))].into()), true),
            (Value::M([("a".into(), n("1"))].into()), Value::M([("b".into(), n("1"))].into()), false),
            (Value::NULL(true), Value::NULL(true), true),
        ];
        for (a, b, expect) in cases {
            assert_eq!(equal(&a, &b), expect, "{a:?} {b:?}");
        }
    }

    #[test]
    fn order_is_by_value_and_within_a_type() {
        assert_eq!(compare(&n("10"), &n("9")), Some(Ordering::Greater));
        assert_eq!(compare(&s("10"), &s("9")), Some(Ordering::Less));
        assert_eq!(compare(&n("1"), &s("1")), None);
        assert_eq!(compare(&Value::BOOL(true), &Value::BOOL(false)), None);
    }

    #[test]
    fn containing_and_sizes() {
        assert!(contains(&Value::L(vec![n("1.0")]), &n("1")));
        assert!(contains(&Value::NS(vec!["2".into()]), &n("2.0")));
        assert!(contains(&s("lute"), &s("ut")) && !contains(&s("lute"), &n("1")));
        assert!(!contains(&Value::SS(vec!["lute".into()]), &s("lut")));
        assert_eq!(size_of(&s("aé𝄞")), Some(4));
        assert_eq!(size_of(&n("1")), None);
    }
}

//! Values of records and of expressions.

use names::Timestamp;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cmp::Ordering;
use std::fmt;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// There is none.
    Missing,
    /// It is null.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String),
    /// A moment.
    Time(Timestamp),
    /// A list.
    List(Vec<Value>),
    /// An object, its members in the order they came.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Whether there is nothing to compute with.
    pub fn is_absent(&self) -> bool {
        matches!(self, Value::Missing | Value::Null)
    }

    /// Its number; texts that are one count, as the fields of CSV are all texts.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// Its whole number.
    pub fn int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
            _ => None,
        }
    }

    /// How it compares to another; `None` where that cannot be said.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Text(one), Value::Text(two)) => Some(one.cmp(two)),
            (Value::Bool(one), Value::Bool(two)) => Some(one.cmp(two)),
            (Value::Time(one), Value::Time(two)) => Some(one.cmp(two)),
            (Value::Int(one), Value::Int(two)) => Some(one.cmp(two)),
            (Value::Text(one), Value::Bool(two)) => {
                one.to_ascii_lowercase().parse().ok().map(|one: bool| one.cmp(two))
            }
            (Value::Bool(_), Value::Text(_)) => other.compare(self).map(Ordering::reverse),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }

    /// As text, where it has one.
    pub fn text(&self) -> Option<String> {
        match self {
            Value::Missing | Value::Null => None,
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Int(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
            Value::Time(moment) => Some(moment.iso8601()),
            Value::List(_) | Value::Map(_) => serde_json::to_string(&self.json()).ok(),
        }
    }

    /// As JSON, for lists and objects within a CSV field.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Value::Missing | Value::Null => serde_json::Value::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Int(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Text(text) => text.clone().into(),
            Value::Time(moment) => moment.iso8601().into(),
            Value::List(items) => items.iter().map(Value::json).collect(),
            Value::Map(members) => members.iter().map(|(name, value)| (name.clone(), value.json())).collect(),
        }
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            members.push(entry);
        }
        Ok(Value::Map(members))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparing() {
        let text = |text: &str| Value::Text(text.into());
        for (one, two, expected) in [
            (text("10"), Value::Int(9), Some(Ordering::Greater)),
            (text("10"), text("9"), Some(Ordering::Less)),
            (Value::Int(1), Value::Float(1.5), Some(Ordering::Less)),
            (text("x"), Value::Int(1), None),
            (text("TRUE"), Value::Bool(true), Some(Ordering::Equal)),
            (Value::Null, Value::Int(1), None),
        ] {
            assert_eq!(one.compare(&two), expected, "{one:?} {two:?}");
        }
    }

    #[test]
    fn members_keep_their_order() {
        let value: Value = serde_json::from_str(r#"{"b":1,"a":[null,2.5,"x"]}"#).unwrap();
        let Value::Map(members) = value else { panic!("no object") };
        assert_eq!(members[0], ("b".into(), Value::Int(1)));
        assert_eq!(members[1].0, "a");
    }
}

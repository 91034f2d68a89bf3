//! A tree of JSON or TOML that keeps the order of its keys: the order of members is part of a model.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Any JSON or TOML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number. The models' bounds all fit.
    Number(f64),
    /// Text.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object, in the order of the file.
    Map(Vec<(String, Node)>),
}

const NULL: Node = Node::Null;

impl Node {
    /// An object without entries.
    pub fn map() -> Node {
        Node::Map(Vec::new())
    }

    /// The value under a key; `Null` where there is none.
    pub fn at(&self, key: &str) -> &Node {
        self.get(key).unwrap_or(&NULL)
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The entries of an object.
    pub fn entries(&self) -> &[(String, Node)] {
        match self {
            Node::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of an array.
    pub fn items(&self) -> &[Node] {
        match self {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Node::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The text under a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.at(key).as_text()
    }

    /// Whether `true` is under a key.
    pub fn flag(&self, key: &str) -> bool {
        *self.at(key) == Node::Bool(true)
    }

    /// The texts of the array under a key.
    pub fn texts(&self, key: &str) -> Vec<&str> {
        self.at(key).items().iter().filter_map(Node::as_text).collect()
    }

    /// Lays `over` on this tree: objects merge, `key+` appends to an array, the rest replaces.
    pub fn merge(&mut self, over: Node) {
        match (self, over) {
            (Node::Map(entries), Node::Map(changes)) => {
                for (key, change) in changes {
                    merge_entry(entries, key, change);
                }
            }
            (place, change) => *place = change,
        }
    }
}

fn merge_entry(entries: &mut Vec<(String, Node)>, key: String, change: Node) {
    let (name, appends) = match key.strip_suffix('+') {
        Some(name) => (name.to_owned(), true),
        None => (key, false),
    };
    let Some(at) = entries.iter().position(|(existing, _)| *existing == name) else {
        return entries.push((name, change));
    };
    match (&mut entries[at].1, change) {
        (Node::List(items), Node::List(more)) if appends => items.extend(more),
        (place, change) => place.merge(change),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Builder)
    }
}

struct Builder;

impl<'de> Visitor<'de> for Builder {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON or TOML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlays_merge_append_and_replace() {
        let mut model: Node =
            serde_json::from_str(r#"{"b": {"list": [1], "kept": true}, "a": {"text": "old"}, "c": [1, 2]}"#)
                .unwrap();
        let over: Node =
            toml::from_str("c = [3]\n[b]\n\"list+\" = [2]\n[a]\ntext = \"new\"\nmore = 1.5").unwrap();
        model.merge(over);
        let expected: Node = serde_json::from_str(
            r#"{"b": {"list": [1, 2], "kept": true}, "a": {"text": "new", "more": 1.5}, "c": [3]}"#,
        )
        .unwrap();
        assert_eq!(model, expected);
    }
}

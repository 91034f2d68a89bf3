//! Filter policies: which messages a subscriber wants, by their attributes or their body (SNS developer
//! guide, "Amazon SNS subscription filter policies").

mod limits;
mod parse;
mod test;

use crate::state::Message;
use serde_json::{Map, Value};
use service::AttributeContent;

pub use parse::Refusal;
use test::Test;

/// What of a message a policy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subject {
    /// Its attributes.
    #[default]
    Attributes,
    /// Its body, which must be JSON.
    Body,
}

/// A filter policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    subject: Subject,
    root: Fields,
}

/// All of these must hold.
#[derive(Debug, Clone, PartialEq, Default)]
struct Fields {
    fields: Vec<(String, Node)>,
    /// Of each of these, one must hold.
    alternatives: Vec<Vec<Fields>>,
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fields(Fields),
    Tests(Vec<Test>),
}

impl Filter {
    /// Reads a policy.
    ///
    /// # Errors
    /// Where it is none, or wider than one may be.
    pub fn parse(text: &str, subject: Subject) -> Result<Self, Refusal> {
        let root = parse::policy(text, subject)?;
        limits::check(&root)?;
        Ok(Filter { subject, root })
    }

    /// Whether a message is wanted.
    pub fn wants(&self, message: &Message, seen: &mut Seen) -> bool {
        let value = match self.subject {
            Subject::Attributes => seen.attributes.get_or_insert_with(|| Some(of_attributes(message))),
            Subject::Body => seen.body.get_or_insert_with(|| of_body(message)),
        };
        value.as_ref().is_some_and(|value| holds(&self.root, Some(value)))
    }
}

/// A message as filters see it, made once for all subscribers of a topic.
#[derive(Debug, Default)]
pub struct Seen {
    attributes: Option<Option<Value>>,
    body: Option<Option<Value>>,
}

/// Bodies that are no objects are no match, as on AWS.
fn of_body(message: &Message) -> Option<Value> {
    serde_json::from_str::<Value>(&message.text).ok().filter(Value::is_object)
}

fn of_attributes(message: &Message) -> Value {
    let mut seen = Map::new();
    for (name, attribute) in &message.attributes {
        let AttributeContent::Text(text) = &attribute.content else { continue };
        let value = match attribute.data_type.split('.').next() {
            Some("Number") => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())),
            _ if attribute.data_type == "String.Array" => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))
            }
            _ => Value::from(text.as_str()),
        };
        seen.insert(name.clone(), value);
    }
    Value::Object(seen)
}

fn holds(fields: &Fields, value: Option<&Value>) -> bool {
    match value {
        // Of a list of objects, one must have it all.
        Some(Value::Array(items)) if !items.is_empty() => items.iter().any(|item| holds(fields, Some(item))),
        value => {
            let of = |name: &String| value.and_then(|value| value.get(name));
            fields.fields.iter().all(|(name, node)| node_holds(node, of(name)))
                && fields.alternatives.iter().all(|one_of| one_of.iter().any(|fields| holds(fields, value)))
        }
    }
}

fn node_holds(node: &Node, value: Option<&Value>) -> bool {
    match node {
        Node::Fields(fields) => holds(fields, value),
        Node::Tests(tests) => tests.iter().any(|test| test.passes(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::Timestamp;
    use serde_json::json;
    use service::TypedAttribute;

    fn message(body: &str, attributes: &[(&str, &str, &str)]) -> Message {
        let attributes = attributes.iter().map(|(name, data_type, text)| {
            let content = AttributeContent::Text((*text).to_owned());
            ((*name).to_owned(), TypedAttribute { data_type: (*data_type).to_owned(), content })
        });
        Message {
            id: String::new(),
            topic: "arn:aws:sns:us-east-1:000000000000:t".parse().unwrap(),
            subject: None,
            text: body.to_owned(),
            texts: Default::default(),
            attributes: attributes.collect(),
            group: None,
            deduplication_id: None,
            sequence: None,
            at: Timestamp(0),
            origin: String::new(),
            cause: String::new(),
            hops: 0,
        }
    }

    fn wants(policy: &Value, subject: Subject, message: &Message) -> bool {
        Filter::parse(&policy.to_string(), subject).unwrap().wants(message, &mut Seen::default())
    }

    #[test]
    fn by_attributes() {
        // SNS developer guide, "Filter policy operators"; the last ones from tests of moto that say they show
        // what SNS does (tests/test_sns/test_publishing.py).
        let table = [
            (json!({"a": ["x"]}), ("a", "String", "x"), true),
            (json!({"a": ["x"]}), ("a", "String", "y"), false),
            (json!({"a": ["x"]}), ("b", "String", "x"), false),
            (json!({"a": [{"prefix": "x"}]}), ("a", "String", "xy"), true),
            (json!({"a": [{"suffix": "y"}]}), ("a", "String", "xy"), true),
            (json!({"a": [{"equals-ignore-case": "XY"}]}), ("a", "String", "xY"), true),
            (json!({"a": [{"wildcard": "x*z"}]}), ("a", "String", "xyz"), true),
            (json!({"a": [{"wildcard": "x*z"}]}), ("a", "String", "xy"), false),
            (json!({"a": [{"anything-but": ["x", "y"]}]}), ("a", "String", "z"), true),
            (json!({"a": [{"anything-but": ["x", "y"]}]}), ("a", "String", "x"), false),
            (json!({"a": [{"anything-but": "x"}]}), ("b", "String", "z"), false),
            (json!({"a": [{"anything-but": {"prefix": "x"}}]}), ("a", "String", "yx"), true),
            (json!({"a": [{"anything-but": {"suffix": "x"}}]}), ("a", "String", "yx"), false),
            (json!({"a": [{"anything-but": {"wildcard": "*y*"}}]}), ("a", "String", "yx"), false),
            (json!({"a": [{"anything-but": ["x"]}]}), ("a", "String.Array", r#"["x","y"]"#), true),
            (json!({"a": [{"exists": true}]}), ("a", "String", "x"), true),
            (json!({"a": [{"exists": false}]}), ("a", "String", "x"), false),
            (json!({"a": [{"exists": false}]}), ("b", "String", "x"), true),
            (json!({"a": [100]}), ("a", "Number", "100.0"), true),
            (json!({"a": [100]}), ("a", "String", "100"), false),
            (json!({"a": [{"numeric": [">", 10, "<=", 20]}]}), ("a", "Number", "20"), true),
            (json!({"a": [{"numeric": [">", 10, "<=", 20]}]}), ("a", "Number", "10"), false),
            (json!({"a": [{"numeric": ["=", -1.5]}]}), ("a", "Number", "-1.5"), true),
            (json!({"a": [{"cidr": "10.0.0.0/24"}]}), ("a", "String", "10.0.0.255"), true),
            (json!({"a": [{"cidr": "10.0.0.0/24"}]}), ("a", "String", "10.0.1.0"), false),
            (json!({"a": [{"cidr": "2001:db8::/32"}]}), ("a", "String", "2001:db8::1"), true),
            (json!({"a": [true]}), ("a", "String.Array", "[true]"), true),
            (json!({"a": [null]}), ("a", "String.Array", "[null]"), true),
            (json!({"a": [100, 500]}), ("a", "String.Array", "100"), true),
            (json!({"a": [100.123456789]}), ("a", "Number", "100.1234567"), true),
            (json!({"$or": [{"a": ["x"]}, {"b": ["x"]}]}), ("b", "String", "x"), true),
            (json!({"$or": [{"a": ["x"]}, {"b": ["x"]}]}), ("c", "String", "x"), false),
        ];
        for (policy, attribute, expect) in table {
            let message = message("", &[attribute]);
            assert_eq!(wants(&policy, Subject::Attributes, &message), expect, "{policy} {attribute:?}");
        }
    }

    #[test]
    fn by_body() {
        let table = [
            (json!({"a": {"b": ["x"]}}), json!({"a": {"b": "x"}}), true),
            (json!({"a": {"b": ["x"]}}), json!({"a": {"b": "y"}}), false),
            (json!({"a": {"b": ["x"]}}), json!({"a": [{"b": "y"}, {"b": "x"}]}), true),
            (json!({"a": {"b": ["x"], "c": ["z"]}}), json!({"a": [{"b": "x"}, {"c": "z"}]}), false),
            (json!({"a": ["x"]}), json!({"a": [["y"], ["x"]]}), true),
            (json!({"a": {"b": [{"exists": false}]}}), json!({"c": 1}), true),
            (json!({"a": [1]}), json!("a"), false),
            (json!({"a": {"$or": [{"b": [1]}, {"c": [2]}]}, "d": [3]}), json!({"a": {"c": 2}, "d": 3}), true),
            (json!({"a": {"$or": [{"b": [1]}, {"c": [2]}]}, "d": [3]}), json!({"a": {"c": 2}}), false),
        ];
        for (policy, body, expect) in table {
            let message = message(&body.to_string(), &[]);
            assert_eq!(wants(&policy, Subject::Body, &message), expect, "{policy} {body}");
        }
        assert!(!wants(&json!({"a": [{"exists": false}]}), Subject::Body, &message("no JSON", &[])));
    }

    #[test]
    fn policies_that_are_none() {
        // Texts: tests/test_sns/test_subscriptions.py of moto, and the answers that LocalStack recorded.
        let table = [
            (json!({"a": [["x"]]}), "Match value must be String, number, true, false, or null"),
            (json!({"a": [{"exists": null}]}), "exists match pattern must be either true or false."),
            (json!({"a": [{"error": true}]}), "Unrecognized match type error"),
            (json!({"a": [{"numeric": ["<", "100"]}]}), "Value of < must be numeric"),
            (json!({"a": [{"numeric": []}]}), "Invalid member in numeric match: ]"),
            (json!({"a": [{"numeric": [50, "<=", "100"]}]}), "Invalid member in numeric match: 50"),
            (json!({"a": [{"numeric": ["0"]}]}), "Unrecognized numeric range operator: 0"),
            (json!({"a": [{"numeric": ["<", 20, ">", 1]}]}), "Too many elements in numeric expression"),
            (json!({"a": [{"numeric": [">", 20, ">", 1]}]}), "Bad numeric range operator: >"),
            (json!({"a": [{"numeric": [">", 20, "<", 1]}]}), "Bottom must be less than top"),
            (json!({"a": [{"prefix": 1}]}), "prefix match pattern must be a string"),
            (json!({"a": [{"wildcard": "a**b"}]}), "Consecutive wildcard characters at pos 2"),
            (json!({"a": []}), "Empty arrays are not allowed"),
            (json!({"a": "x"}), "\"a\" must be an object or an array"),
            (json!({"a": {"b": ["x"]}}), "Nested"),
            (json!({"a": [{"cidr": "10.0.0.0/33"}]}), "Malformed CIDR"),
        ];
        for (policy, expect) in table {
            let refused = Filter::parse(&policy.to_string(), Subject::Attributes).unwrap_err();
            assert!(format!("{refused:?}").contains(&expect.replace('"', "\\\"")), "{policy}: {refused:?}");
        }
    }

    #[test]
    fn how_wide_a_policy_may_be() {
        let many: Vec<String> = (0..151).map(|n| n.to_string()).collect();
        let keys = |count: usize| {
            let fields = (0..count).map(|n| (n.to_string(), json!(["x"])));
            Value::Object(fields.collect())
        };
        // "3 x 4 x 2 x 3 x 1 x 3 = 216" (SNS developer guide, filter policy constraints).
        let nested = json!({
            "a": {"b": {"c": ["1", "2", "3", "4"]}}, "d": {"e": ["1", "2", "3"]}, "f": ["1", "2", "3"]
        });
        let table = [
            (json!({"a": many}), Subject::Attributes, false),
            (json!({"a": many[..150]}), Subject::Attributes, true),
            (keys(5), Subject::Attributes, true),
            (keys(6), Subject::Attributes, false),
            (nested, Subject::Body, false),
        ];
        for (policy, subject, fine) in table {
            assert_eq!(Filter::parse(&policy.to_string(), subject).is_ok(), fine, "{policy}");
        }
    }

    #[test]
    fn hostile_policies_are_refused() {
        let deep = format!("{}{}", r#"{"a":"#.repeat(100_000), "1");
        for text in [deep.as_str(), "", "[]", "null", "{", "\u{0}"] {
            assert!(Filter::parse(text, Subject::Body).is_err());
        }
    }
}

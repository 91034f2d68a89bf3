//! Filter policies: which messages a subscriber wants, by their attributes or their body (SNS developer
//! guide, "Amazon SNS subscription filter policies").

mod limits;
mod parse;
mod source;
mod test;

use crate::state::Message;
use serde_json::{Map, Value};
use service::AttributeContent;

pub use parse::Refusal;
use test::Test;

/// Steps of a path in a field's name: there are as many ways to take it as two to their power.
const MAX_STEPS: usize = 10;

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

impl Fields {
    /// Whether a field is one of an object within.
    fn is_nested(&self) -> bool {
        self.fields.iter().any(|(_, node)| matches!(node, Node::Fields(_)))
            || self.alternatives.iter().flatten().any(Fields::is_nested)
    }
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
        let root = parse::policy(text)?;
        if subject == Subject::Attributes && root.is_nested() {
            return Err(Refusal::Nested);
        }
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
            let of = |name: &String| value.and_then(|value| found(value, name));
            fields.fields.iter().all(|(name, node)| node_holds(node, of(name)))
                && fields.alternatives.iter().all(|one_of| one_of.iter().any(|fields| holds(fields, value)))
        }
    }
}

/// The field of a name, which may also be the path to one within (LocalStack's
/// test_filter_policy_on_message_body_dot_attribute, recorded on AWS).
fn found<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(found) = value.get(name) {
        return Some(found);
    }
    if let Value::Array(items) = value {
        return items.iter().find_map(|item| found(item, name));
    }
    if name.matches('.').count() > MAX_STEPS {
        return None;
    }
    let mut steps = name.match_indices('.');
    steps.find_map(|(at, _)| found(value.get(&name[..at])?, &name[at + 1..]))
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
            trace: None,
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
            (json!({"a.b": ["x"]}), json!({"a": {"b": "x"}}), true),
            (json!({"a.b": ["x"]}), json!({"a.b": "x"}), true),
            (json!({"a.b": ["x"]}), json!({"a": "x"}), false),
            (json!({"a.b.c": ["x"]}), json!({"a": [{"b": 1}, {"b.c": "x"}]}), true),
            (json!({"a": {"$or": [{"b": [1]}, {"c": [2]}]}, "d": [3]}), json!({"a": {"c": 2}, "d": 3}), true),
            (json!({"a": {"$or": [{"b": [1]}, {"c": [2]}]}, "d": [3]}), json!({"a": {"c": 2}}), false),
        ];
        for (policy, body, expect) in table {
            let message = message(&body.to_string(), &[]);
            assert_eq!(wants(&policy, Subject::Body, &message), expect, "{policy} {body}");
        }
        assert!(!wants(&json!({"a": [{"exists": false}]}), Subject::Body, &message("no JSON", &[])));
    }

    /// With the place to which the policy had been read. All were answered by SNS when LocalStack's tests asked it
    /// (tests/aws/services/sns/test_sns_filter_policy).
    #[test]
    fn what_is_wrong_and_where() {
        let table = [
            (r#"{"a":[["x"]]}"#, "Match value must be String, number, true, false, or null", 8),
            (r#"{"key":[{"wrong-operator":true}]}"#, "Unrecognized match type wrong-operator", 31),
            (
                r#"{"key":[{"suffix":"value","prefix":"value2"}]}"#,
                "Only one key allowed in match expression",
                37,
            ),
            (r#"{"key":[]}"#, "Empty arrays are not allowed", 10),
            (r#"{"key":[{"suffix":100}]}"#, "suffix match pattern must be a string", 22),
            (r#"{"key":[{"suffix":null}]}"#, "suffix match pattern must be a string", 23),
            (r#"{"key":{"suffix":"value"}}"#, "\"suffix\" must be an object or an array", 19),
            (r#"{"key":[{"suffix":[]}]}"#, "suffix match pattern must be a string", 20),
            (r#"{"key_a":"value_one"}"#, "\"key_a\" must be an object or an array", 11),
            (r#"{"key":[{"cidr":["bad-filter"]}]}"#, "prefix match pattern must be a string", 18),
            (r#"{"key":[{"exists":null}]}"#, "exists match pattern must be either true or false.", 23),
            (r#"{"key":[{"exists":"no"}]}"#, "exists match pattern must be either true or false.", 20),
            (
                r#"{"key":[{"anything-but":{"wrong-operator":null}}]}"#,
                "Unsupported anything-but pattern: wrong-operator",
                47,
            ),
            (
                r#"{"key":[{"anything-but":{"suffix":"test"}}]}"#,
                "Unsupported anything-but pattern: suffix",
                36,
            ),
            (r#"{"key":[{"anything-but":{"prefix":false}}]}"#, "prefix match pattern must be a string", 40),
        ];
        for (policy, why, column) in table {
            is_refused(policy, why, column);
        }
        let policy = "{ \"key\" : [ { \"exists\" : null } ] }";
        let refused = Filter::parse(policy, Subject::Attributes).unwrap_err();
        assert!(matches!(&refused, Refusal::Wrong(why) if why.contains(r#"{"key":[{"exists":null}]}"#)));
    }

    fn is_refused(policy: &str, why: &str, column: usize) {
        let expect = format!("{why}\n at [Source: (String)\"{policy}\"; line: 1, column: {column}]");
        let refused = Filter::parse(policy, Subject::Attributes);
        assert_eq!(refused, Err(Refusal::Wrong(expect)), "{policy}");
    }

    /// As `what_is_wrong_and_where`.
    #[test]
    fn what_is_wrong_with_numbers() {
        let table = [
            ("[]", "Invalid member in numeric match: ]", 22),
            (r#"["operator"]"#, "Unrecognized numeric range operator: operator", 32),
            (r#"[1,"<="]"#, "Invalid member in numeric match: 1", 22),
            (r#"["=","000"]"#, "Value of equals must be numeric", 26),
            (r#"[">="]"#, "Value of >= must be numeric", 26),
            (r#"["<",100,">",10]"#, "Too many elements in numeric expression", 30),
            (r#"[">=",1,">",2]"#, "Bad numeric range operator: >", 31),
            (r#"[">",3,"<",1]"#, "Bottom must be less than top", 33),
            (r#"[">",20,"<="]"#, "Value of <= must be numeric", 33),
            (r#"[">",20,30]"#, "Bad value in numeric range: 30", 30),
            (r#"[">",20,"test"]"#, "Bad numeric range operator: test", 34),
            (r#"[">","20","<","30"]"#, "Value of > must be numeric", 26),
            (r#"[">",20,"<","30"]"#, "Value of < must be numeric", 33),
            (r#"[">",20,"<",30,"<",50]"#, "Too many terms in numeric range expression", 36),
        ];
        for (numeric, why, column) in table {
            is_refused(&format!(r#"{{"key":[{{"numeric":{numeric}}}]}}"#), why, column);
        }
    }

    #[test]
    fn policies_that_are_none() {
        let table = [
            (json!({"a": [{"wildcard": "a**b"}]}), "Consecutive wildcard characters at pos 2"),
            (json!({"a": {}}), "Empty objects are not allowed"),
            (json!({"a": [{}]}), "Match expression name not found"),
            (json!({"a": [{"anything-but": []}]}), "all values are number or string"),
            (json!({"a": [{"anything-but": ["x", 1]}]}), "mixed type is not supported"),
            (json!({"a": [{"anything-but": [true]}]}), "start|null|boolean is not supported"),
            (json!({"a": {"b": ["x"]}}), "Nested"),
            (json!({"a": [{"cidr": "bad-filter"}]}), "Malformed CIDR, one '/' required"),
            (json!({"a": [{"cidr": "bad-filter/x"}]}), "Malformed CIDR, mask bits must be an integer"),
            (json!({"a": [{"cidr": "xx.11.xx/8"}]}), "Nonstandard IP address: xx.11.xx"),
            (json!({"a": [{"cidr": "10.0.0.0/33"}]}), "IPv4 mask bits must be < 32"),
        ];
        for (policy, expect) in table {
            let refused = Filter::parse(&policy.to_string(), Subject::Attributes).unwrap_err();
            assert!(format!("{refused:?}").contains(expect), "{policy}: {refused:?}");
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

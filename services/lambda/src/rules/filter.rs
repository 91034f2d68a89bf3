//! Filters of event source mappings: which records a function wants to see, in EventBridge's patterns.
//!
//! A pattern is no deeper than its text allows (4,096 characters, and the parser's depth of 128).

use serde_json::Value;

/// A pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Vec<(String, Node)>);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fields(Vec<(String, Node)>),
    Tests(Vec<Test>),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals(Value),
    IgnoresCase(String),
    Prefix(String),
    Suffix(String),
    AnythingBut(Vec<Value>),
    AnythingButPrefix(String),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Filter {
    /// Reads a pattern; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        fields(&value).filter(|fields| !fields.is_empty()).map(Filter)
    }

    /// Whether a record is wanted.
    pub fn wants(&self, record: &Value) -> bool {
        all(&self.0, Some(record))
    }
}

fn fields(value: &Value) -> Option<Vec<(String, Node)>> {
    let pairs = value.as_object()?.iter();
    pairs.map(|(name, value)| Some((name.clone(), node(value)?))).collect()
}

fn node(value: &Value) -> Option<Node> {
    match value {
        Value::Object(_) => fields(value).map(Node::Fields),
        Value::Array(tests) if !tests.is_empty() => {
            tests.iter().map(test).collect::<Option<_>>().map(Node::Tests)
        }
        _ => None,
    }
}

fn test(value: &Value) -> Option<Test> {
    let Value::Object(operator) = value else {
        return (!value.is_array()).then(|| Test::Equals(value.clone()));
    };
    let (name, operand) = operator.iter().next().filter(|_| operator.len() == 1)?;
    let text = || operand.as_str().map(str::to_owned);
    match name.as_str() {
        "prefix" => text().map(Test::Prefix),
        "suffix" => text().map(Test::Suffix),
        "equals-ignore-case" => text().map(|text| Test::IgnoresCase(text.to_lowercase())),
        "exists" => operand.as_bool().map(Test::Exists),
        "numeric" => numeric(operand.as_array()?).map(Test::Numeric),
        "anything-but" => anything_but(operand),
        _ => None,
    }
}

fn anything_but(operand: &Value) -> Option<Test> {
    match operand {
        Value::Object(inner) => {
            let prefix = inner.get("prefix").filter(|_| inner.len() == 1)?.as_str()?;
            Some(Test::AnythingButPrefix(prefix.to_owned()))
        }
        Value::Array(values) => Some(Test::AnythingBut(values.clone())),
        Value::String(_) | Value::Number(_) => Some(Test::AnythingBut(vec![operand.clone()])),
        Value::Null | Value::Bool(_) => None,
    }
}

fn numeric(parts: &[Value]) -> Option<Vec<(Comparison, f64)>> {
    if parts.is_empty() || !parts.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[Value]| {
        let comparison = match pair.first()?.as_str()? {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::More,
            ">=" => Comparison::AtLeast,
            _ => return None,
        };
        Some((comparison, pair.get(1)?.as_f64()?))
    };
    parts.chunks(2).map(pair).collect()
}

fn all(fields: &[(String, Node)], value: Option<&Value>) -> bool {
    fields.iter().all(|(name, node)| {
        let found = value.and_then(|value| value.get(name));
        match node {
            Node::Fields(inner) => match found {
                // An array of objects is wanted where one of them is.
                Some(Value::Array(items)) => items.iter().any(|item| all(inner, Some(item))),
                found => all(inner, found),
            },
            Node::Tests(tests) => tests.iter().any(|test| passes(test, found)),
        }
    })
}

fn passes(test: &Test, found: Option<&Value>) -> bool {
    // What has fields is no value: nothing is asked of it but what is in it (recorded on AWS by LocalStack,
    // test_dynamodb_event_filter[exists_false_filter]).
    let found = found.filter(|value| !value.is_object());
    if let Test::Exists(wanted) = test {
        return found.is_some() == *wanted;
    }
    match found {
        None => false,
        Some(Value::Array(items)) => items.iter().any(|item| one_passes(test, item)),
        Some(value) => one_passes(test, value),
    }
}

fn one_passes(test: &Test, value: &Value) -> bool {
    let text = value.as_str();
    match test {
        Test::Equals(wanted) => same(wanted, value),
        Test::IgnoresCase(wanted) => text.is_some_and(|text| text.to_lowercase() == *wanted),
        Test::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
        Test::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix)),
        Test::AnythingBut(refused) => !refused.iter().any(|refused| same(refused, value)),
        Test::AnythingButPrefix(prefix) => text.is_some_and(|text| !text.starts_with(prefix)),
        Test::Exists(wanted) => *wanted,
        Test::Numeric(parts) => value.as_f64().is_some_and(|number| within(parts, number)),
    }
}

fn same(wanted: &Value, value: &Value) -> bool {
    match (wanted.as_f64(), value.as_f64()) {
        (Some(wanted), Some(value)) => wanted == value,
        _ => wanted == value,
    }
}

fn within(parts: &[(Comparison, f64)], number: f64) -> bool {
    parts.iter().all(|(comparison, bound)| match comparison {
        Comparison::Equal => number == *bound,
        Comparison::Less => number < *bound,
        Comparison::AtMost => number <= *bound,
        Comparison::More => number > *bound,
        Comparison::AtLeast => number >= *bound,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Lambda developer guide, "Control which events Lambda sends to your function": filter rule syntax.
    #[test]
    fn patterns() {
        let record = json!({
            "body": {"city": "Seattle", "temp": 18, "tags": ["a", "b"], "none": null, "deep": [{"x": 1}, {"x": 2}]},
            "messageId": "1",
        });
        let cases = [
            (json!({"body": {"city": ["Seattle"]}}), true),
            (json!({"body": {"city": ["Paris", "Seattle"]}}), true),
            (json!({"body": {"city": ["seattle"]}}), false),
            (json!({"body": {"city": [{"equals-ignore-case": "seattle"}]}}), true),
            (json!({"body": {"city": [{"prefix": "Sea"}]}}), true),
            (json!({"body": {"city": [{"suffix": "tle"}]}}), true),
            (json!({"body": {"city": [{"anything-but": ["Seattle"]}]}}), false),
            (json!({"body": {"city": [{"anything-but": {"prefix": "P"}}]}}), true),
            (json!({"body": {"temp": [{"numeric": [">", 10, "<=", 18]}]}}), true),
            (json!({"body": {"temp": [{"numeric": ["<", 18]}]}}), false),
            (json!({"body": {"temp": [18.0]}}), true),
            (json!({"body": {"tags": ["b"]}}), true),
            (json!({"body": {"none": [null]}}), true),
            (json!({"body": {"absent": [{"exists": false}]}}), true),
            (json!({"body": {"absent": {"deeper": [{"exists": false}]}}}), true),
            (json!({"body": [{"exists": false}]}), true),
            (json!({"body": [{"exists": true}]}), false),
            (json!({"body": [{"anything-but": "x"}]}), false),
            (json!({"body": {"city": [{"exists": true}]}, "messageId": ["2"]}), false),
            (json!({"body": {"deep": {"x": [2]}}}), true),
        ];
        for (pattern, expect) in cases {
            let filter = Filter::parse(&pattern.to_string()).unwrap();
            assert_eq!(filter.wants(&record), expect, "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        let deep = format!("{}[1]{}", "{\"a\":".repeat(1_000_000), "}".repeat(1_000_000));
        let bad = [
            "",
            "[]",
            "{}",
            r#"{"a": 1}"#,
            r#"{"a": []}"#,
            r#"{"a": [{"near": 1}]}"#,
            r#"{"a": [[1]]}"#,
            &deep,
        ];
        for text in bad {
            assert_eq!(Filter::parse(text), None);
        }
    }
}

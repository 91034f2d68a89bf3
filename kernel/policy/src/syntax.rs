//! The grammar of policy documents: from JSON to statements in which nothing is compiled yet.

use crate::{Fault, MalformedPolicy};
use serde_json::{Map, Value};

/// Largest document accepted, in bytes: IAM takes 131072 characters, blanks included, of at most two bytes.
const MAX_BYTES: usize = 256 * 1024;

pub(crate) struct Document {
    pub(crate) version: Option<String>,
    pub(crate) statements: Vec<RawStatement>,
}

pub(crate) struct RawStatement {
    pub(crate) sid: Option<String>,
    pub(crate) effect: String,
    pub(crate) principals: Option<RawPrincipals>,
    pub(crate) actions: Option<List>,
    pub(crate) resources: Option<List>,
    pub(crate) conditions: Vec<RawCondition>,
}

impl RawStatement {
    /// Whether what it says may depend on condition keys.
    pub(crate) fn reads_context(&self) -> bool {
        let texts = [&self.actions, &self.resources].into_iter().flatten().flat_map(|list| &list.items);
        !self.conditions.is_empty() || texts.into_iter().any(|text| text.contains("${"))
    }
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
pub(crate) struct List {
    pub(crate) negated: bool,
    pub(crate) items: Vec<String>,
}

/// `Principal` or `NotPrincipal`: pairs of kind and text; `*` has the kind `*`.
pub(crate) struct RawPrincipals {
    pub(crate) negated: bool,
    pub(crate) entries: Vec<(String, String)>,
}

pub(crate) struct RawCondition {
    pub(crate) operator: String,
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
}

type Parsed<T> = Result<T, MalformedPolicy>;

impl Document {
    /// Reads a document. Nesting is bounded by the JSON reader.
    pub(crate) fn parse(json: &str) -> Parsed<Self> {
        let no_json = || MalformedPolicy::new(Fault::Json, "Syntax errors in policy.");
        if json.len() > MAX_BYTES {
            return Err(no_json());
        }
        let Value::Object(object) = serde_json::from_str(json).map_err(|_| no_json())? else {
            return Err(no_json());
        };
        only_fields(&object, &["Version", "Id", "Statement"])?;
        let version = optional_text(&object, "Version")?;
        if !matches!(version.as_deref(), None | Some("2012-10-17" | "2008-10-17")) {
            return Err(MalformedPolicy::syntax());
        }
        optional_text(&object, "Id")?;
        let statements = match object.get("Statement") {
            Some(Value::Array(items)) if !items.is_empty() => {
                items.iter().map(RawStatement::parse).collect::<Parsed<Vec<_>>>()?
            }
            Some(single @ Value::Object(_)) => vec![RawStatement::parse(single)?],
            _ => return Err(MalformedPolicy::syntax()),
        };
        Ok(Document { version, statements })
    }
}

impl RawStatement {
    fn parse(value: &Value) -> Parsed<Self> {
        const FIELDS: [&str; 9] = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let Value::Object(object) = value else { return Err(MalformedPolicy::syntax()) };
        only_fields(object, &FIELDS)?;
        let effect = optional_text(object, "Effect")?.ok_or_else(MalformedPolicy::syntax)?;
        if !effect.eq_ignore_ascii_case("Allow") && !effect.eq_ignore_ascii_case("Deny") {
            return Err(MalformedPolicy::syntax());
        }
        Ok(RawStatement {
            sid: optional_text(object, "Sid")?,
            effect,
            principals: either(object, "Principal", "NotPrincipal")?
                .map(|(negated, value)| RawPrincipals::parse(negated, value))
                .transpose()?,
            actions: list(object, "Action", "NotAction")?,
            resources: list(object, "Resource", "NotResource")?,
            conditions: object.get("Condition").map_or(Ok(Vec::new()), conditions)?,
        })
    }
}

impl RawPrincipals {
    fn parse(negated: bool, value: &Value) -> Parsed<Self> {
        let mut entries = Vec::new();
        match value {
            Value::String(text) if text == "*" => entries.push((text.clone(), text.clone())),
            Value::Object(kinds) => {
                for (kind, value) in kinds {
                    entries.extend(texts(value)?.into_iter().map(|text| (kind.clone(), text)));
                }
            }
            _ => return Err(MalformedPolicy::syntax()),
        }
        Ok(RawPrincipals { negated, entries })
    }
}

fn only_fields(object: &Map<String, Value>, known: &[&str]) -> Parsed<()> {
    let all_known = object.keys().all(|key| known.contains(&key.as_str()));
    if all_known { Ok(()) } else { Err(MalformedPolicy::syntax()) }
}

fn optional_text(object: &Map<String, Value>, field: &str) -> Parsed<Option<String>> {
    match object.get(field) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(MalformedPolicy::syntax()),
    }
}

/// The value of a field or of its negation; both together are refused.
fn either<'a>(
    object: &'a Map<String, Value>,
    field: &str,
    negation: &str,
) -> Parsed<Option<(bool, &'a Value)>> {
    match (object.get(field), object.get(negation)) {
        (Some(_), Some(_)) => Err(MalformedPolicy::syntax()),
        (Some(value), None) => Ok(Some((false, value))),
        (None, Some(value)) => Ok(Some((true, value))),
        (None, None) => Ok(None),
    }
}

fn list(object: &Map<String, Value>, field: &str, negation: &str) -> Parsed<Option<List>> {
    let Some((negated, value)) = either(object, field, negation)? else { return Ok(None) };
    Ok(Some(List { negated, items: texts(value)? }))
}

/// One text or a list of texts.
fn texts(value: &Value) -> Parsed<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(MalformedPolicy::syntax()),
    };
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        single => Ok(vec![text(single)?]),
    }
}

/// As [`texts`], where numbers and booleans may stand without quotes.
fn scalars(value: &Value) -> Parsed<Vec<String>> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(MalformedPolicy::syntax()),
    };
    match value {
        Value::Array(items) => items.iter().map(scalar).collect(),
        single => Ok(vec![scalar(single)?]),
    }
}

fn conditions(value: &Value) -> Parsed<Vec<RawCondition>> {
    let Value::Object(operators) = value else { return Err(MalformedPolicy::syntax()) };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return Err(MalformedPolicy::syntax()) };
        for (key, value) in keys {
            let (operator, key) = (operator.clone(), key.clone());
            conditions.push(RawCondition { operator, key, values: scalars(value)? });
        }
    }
    Ok(conditions)
}

//! What may be published, and how it is known again.

use crate::errors::SnsError;
use crate::rules::MAX_MESSAGE_BYTES;
use crate::rules::names::check_id;
use crate::state::Topic;
use model_sns::MessageAttributeValue;
use serde_json::Value;
use service::{AttributeContent, TypedAttribute};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Longest name of an attribute, in bytes.
const MAX_NAME: usize = 256;
/// Longest subject, in characters.
const MAX_SUBJECT: usize = 100;

/// What is told of a message that is too long.
pub const TOO_LONG: &str = "Message too long";

/// A message as it was asked to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its subject.
    pub subject: Option<String>,
    /// Its text.
    pub text: String,
    /// Texts of protocols.
    pub texts: BTreeMap<String, String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, TypedAttribute>,
    /// Its group.
    pub group: Option<String>,
    /// Its deduplication id.
    pub deduplication_id: Option<String>,
    /// How many bytes count against the limit.
    pub bytes: usize,
}

/// The parts of a request, which Publish and each entry of PublishBatch have alike.
pub struct Asked<'a> {
    /// The message.
    pub message: &'a str,
    /// The subject.
    pub subject: Option<&'a str>,
    /// The structure.
    pub structure: Option<&'a str>,
    /// The attributes.
    pub attributes: Option<&'a BTreeMap<String, MessageAttributeValue>>,
    /// The group.
    pub group: Option<&'a str>,
    /// The deduplication id.
    pub deduplication_id: Option<&'a str>,
    /// The platform, where it goes to one device: a text for that is enough.
    pub platform: Option<&'a str>,
}

impl Draft {
    /// Reads a request.
    pub fn of(asked: &Asked<'_>) -> Result<Self, SnsError> {
        if asked.message.is_empty() {
            return Err(SnsError::invalid("Empty message"));
        }
        check_subject(asked.subject)?;
        let attributes = attributes(asked.attributes)?;
        let bytes = asked.message.len() + attributes_size(&attributes);
        if bytes > MAX_MESSAGE_BYTES {
            return Err(SnsError::invalid(TOO_LONG));
        }
        let texts = match asked.structure {
            None | Some("") => BTreeMap::new(),
            Some("json") => structured(asked.message, asked.platform)?,
            Some(_) => return Err(SnsError::invalid("MessageStructure")),
        };
        let text = texts.get("default").map_or(asked.message, String::as_str).to_owned();
        Ok(Draft {
            subject: asked.subject.map(str::to_owned),
            text,
            texts,
            attributes,
            group: asked.group.map(str::to_owned),
            deduplication_id: asked.deduplication_id.map(str::to_owned),
            bytes,
        })
    }
}

fn check_subject(subject: Option<&str>) -> Result<(), SnsError> {
    let Some(subject) = subject else { return Ok(()) };
    let begins = subject.chars().next().is_some_and(|c| !c.is_whitespace() && !c.is_control());
    let fine = begins && subject.chars().count() <= MAX_SUBJECT && !subject.contains(char::is_control);
    if fine { Ok(()) } else { Err(SnsError::invalid("Subject")) }
}

fn structured(message: &str, platform: Option<&str>) -> Result<BTreeMap<String, String>, SnsError> {
    let invalid = |why: &str| SnsError::invalid(format!("Message Structure - {why}"));
    let parsed =
        serde_json::from_str::<Value>(message).map_err(|_| invalid("JSON message body failed to parse"))?;
    let Value::Object(object) = parsed else {
        return Err(invalid("JSON message body failed to parse"));
    };
    let texts: BTreeMap<String, String> = object
        .into_iter()
        .filter_map(|(protocol, value)| match value {
            Value::String(text) => Some((protocol, text)),
            _ => None,
        })
        .collect();
    if texts.contains_key("default") || platform.is_some_and(|platform| texts.contains_key(platform)) {
        Ok(texts)
    } else {
        Err(invalid("No default entry in JSON message body"))
    }
}

fn attributes(
    given: Option<&BTreeMap<String, MessageAttributeValue>>,
) -> Result<BTreeMap<String, TypedAttribute>, SnsError> {
    let given = given.into_iter().flatten();
    given.map(|(name, value)| Ok((name.clone(), attribute(name, value)?))).collect()
}

/// Checks the name of an attribute. The texts are answers of SNS that LocalStack's tests recorded
/// (test_empty_or_wrong_message_attributes).
fn check_name(name: &str) -> Result<(), SnsError> {
    let invalid = |why: &str| Err(SnsError::InvalidValue(why.to_owned()));
    if name.len() > MAX_NAME {
        return invalid("Length of message attribute name must be less than 256 bytes.");
    }
    let fine = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(found) = name.chars().find(|c| !fine(c)) {
        return Err(SnsError::InvalidValue(format!(
            "Invalid non-alphanumeric character '#x{:X}' was found in the message attribute name. Can only include \
             alphanumeric characters, hyphens, underscores, or dots.",
            found as u32
        )));
    }
    match name {
        "" => invalid("The request must contain non-empty message attribute names."),
        name if name.starts_with('.') => {
            invalid("Invalid message attribute name starting with character '.' was found.")
        }
        name if name.ends_with('.') => {
            invalid("Invalid message attribute name ending with character '.' was found.")
        }
        name if name.contains("..") => {
            invalid("Message attribute name can not have successive '.' character.")
        }
        _ => Ok(()),
    }
}

/// The kind of a data type: what stands before its first dot, behind which there must be something.
fn kind_of(data_type: &str) -> Option<&str> {
    let (kind, custom) = data_type.split_once('.').unwrap_or((data_type, "plain"));
    (matches!(kind, "String" | "Number" | "Binary") && !custom.is_empty()).then_some(kind)
}

fn attribute(name: &str, value: &MessageAttributeValue) -> Result<TypedAttribute, SnsError> {
    let invalid = |why: String| Err(SnsError::InvalidValue(format!("The message attribute '{name}' {why}")));
    check_name(name)?;
    let data_type = value.data_type.as_str();
    let text = value.string_value.as_deref().filter(|text| !text.is_empty());
    let bytes = value.binary_value.as_ref().filter(|bytes| !bytes.is_empty());
    let content = match (kind_of(data_type), text, bytes) {
        (Some("String"), Some(text), _) => AttributeContent::Text(text.to_owned()),
        (Some("Number"), Some(text), _) if text.trim().parse::<f64>().is_ok_and(f64::is_finite) => {
            AttributeContent::Text(text.to_owned())
        }
        (Some("Number"), Some(_), _) => {
            return Err(SnsError::InvalidValue(format!(
                "Could not cast message attribute '{name}' value to number."
            )));
        }
        (Some("Binary"), _, Some(bytes)) => AttributeContent::Binary(bytes.to_vec()),
        (Some("Binary"), Some(_), None) => {
            return invalid(format!("with type '{data_type}' must use field 'Binary'."));
        }
        (Some("String" | "Number"), None, Some(_)) => {
            return invalid(format!("with type '{data_type}' must use field 'String'."));
        }
        (Some(_), ..) => {
            return invalid(format!(
                "must contain non-empty message attribute value for message attribute type '{data_type}'."
            ));
        }
        (None, ..) if data_type.is_empty() => {
            return invalid("must contain non-empty message attribute type.".to_owned());
        }
        (None, ..) => {
            return invalid(
                "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, \
                 and String."
                    .to_owned(),
            );
        }
    };
    Ok(TypedAttribute { data_type: data_type.to_owned(), content })
}

fn attributes_size(attributes: &BTreeMap<String, TypedAttribute>) -> usize {
    let of = |(name, attribute): (&String, &TypedAttribute)| {
        name.len()
            + attribute.data_type.len()
            + match &attribute.content {
                AttributeContent::Text(text) => text.len(),
                AttributeContent::Binary(bytes) => bytes.len(),
            }
    };
    attributes.iter().map(of).sum()
}

/// The deduplication id of a message in its topic, given or by its content; none in standard topics.
pub fn deduplication(topic: &Topic, draft: &Draft) -> Result<Option<String>, SnsError> {
    if let Some(group) = &draft.group {
        check_id("MessageGroupId", group)?;
    }
    if let Some(id) = &draft.deduplication_id {
        check_id("MessageDeduplicationId", id)?;
    }
    match (topic.fifo, &draft.group, &draft.deduplication_id) {
        (false, _, None) => Ok(None),
        (false, _, Some(_)) => Err(SnsError::invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not \
             valid for this topic type",
        )),
        (true, None, _) => Err(SnsError::invalid("The MessageGroupId parameter is required for FIFO topics")),
        (true, Some(_), Some(id)) => Ok(Some(id.clone())),
        (true, Some(_), None) if topic.is("ContentBasedDeduplication") => {
            Ok(Some(service::hex(&Sha256::digest(&draft.text))))
        }
        (true, Some(_), None) => Err(SnsError::invalid(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
             explicitly",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(message: &str) -> Asked<'_> {
        Asked {
            message,
            subject: None,
            structure: None,
            attributes: None,
            group: None,
            deduplication_id: None,
            platform: None,
        }
    }

    #[test]
    fn sizes_and_subjects() {
        let most = "a".repeat(MAX_MESSAGE_BYTES);
        assert_eq!(Draft::of(&asked(&most)).unwrap().bytes, MAX_MESSAGE_BYTES);
        assert!(Draft::of(&asked(&format!("{most}a"))).is_err());
        assert!(Draft::of(&asked("")).is_err());
        let long = "s".repeat(101);
        for (subject, fine) in [("Recital", true), ("", false), (long.as_str(), false), ("a\nb", false)] {
            let asked = Asked { subject: Some(subject), ..asked("m") };
            assert_eq!(Draft::of(&asked).is_ok(), fine, "{subject}");
        }
    }

    #[test]
    fn structures() {
        let of = |message| Draft::of(&Asked { structure: Some("json"), ..asked(message) });
        let draft = of(r#"{"default": "d", "sqs": "q", "number": 1}"#).unwrap();
        assert_eq!((draft.text.as_str(), draft.texts["sqs"].as_str(), draft.texts.len()), ("d", "q", 2));
        let refused = of(r#"{"sqs": "q"}"#).unwrap_err();
        let words = "Message Structure - No default entry in JSON message body";
        assert_eq!(refused, SnsError::invalid(words));
        assert!(of("no JSON").is_err());
        assert!(Draft::of(&Asked { structure: Some("xml"), ..asked("m") }).is_err());
    }

    #[test]
    fn attributes_against_the_rules() {
        let value = |data_type: &str, text: Option<&str>| MessageAttributeValue {
            data_type: data_type.to_owned(),
            string_value: text.map(str::to_owned),
            binary_value: None,
        };
        let table = [
            ("a", value("String", Some("x")), true),
            ("a", value("String.Array", Some("[1]")), true),
            ("a", value("String", None), false),
            ("a", value("String", Some("")), false),
            ("a", value("", Some("x")), false),
            ("a", value("Number", Some("x")), false),
            ("a", value("Number", Some("1.5")), true),
            ("a", value("Colour", Some("x")), false),
            ("a", value("String.", Some("x")), false),
            ("a", value("String. x.", Some("x")), true),
            ("a", value("Stringy", Some("x")), false),
            (".a", value("String", Some("x")), false),
            ("a..b", value("String", Some("x")), false),
            ("a b", value("String", Some("x")), false),
        ];
        for (name, value, fine) in table {
            let given = [(name.to_owned(), value.clone())].into();
            let asked = Asked { attributes: Some(&given), ..asked("m") };
            assert_eq!(Draft::of(&asked).is_ok(), fine, "{name} {value:?}");
        }
    }
}

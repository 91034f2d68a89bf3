//! What a message may hold, how large it is, and the digests by which SDKs check it.

use crate::errors::SqsError;
use crate::rules::MAX_MESSAGE_BYTES;
use crate::state::{AttributeValue, Content};
use md5::{Digest, Md5};
use model_sqs::{MessageAttributeValue, MessageSystemAttributeValue};
use service::hex;
use std::collections::BTreeMap;

/// Attributes of one message.
const MAX_ATTRIBUTES: usize = 10;
/// Longest name and data type of an attribute.
const MAX_NAME: usize = 256;

/// Whether a text holds only characters that XML 1.0 knows, as SQS demands it. A text has no surrogates, so
/// what it can hold else are control characters and the last two of the basic plane.
fn is_valid(text: &str) -> bool {
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    // Looking at all bytes without a way out is faster than leaving at the first.
    let controls = text.as_bytes().iter().fold(false, |found, byte| found | control(byte));
    !controls && (text.is_ascii() || !text.contains(['\u{fffe}', '\u{ffff}']))
}

/// Checks a body's characters.
pub fn check_body(body: &str) -> Result<(), SqsError> {
    if body.is_empty() {
        return Err(SqsError::MissingParameter("MessageBody".to_owned()));
    }
    if is_valid(body) { Ok(()) } else { Err(SqsError::InvalidMessageContents) }
}

/// Checks the characters of an attribute's value, of which is told by another code.
fn check_value(text: &str) -> Result<(), SqsError> {
    let invalid = || SqsError::InvalidParameterValue(crate::errors::CONTENTS.to_owned());
    if is_valid(text) { Ok(()) } else { Err(invalid()) }
}

fn check_name(name: &str) -> Result<(), SqsError> {
    let lower = name.to_ascii_lowercase();
    let fine = (1..=MAX_NAME).contains(&name.len())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.");
    if fine {
        return Ok(());
    }
    Err(SqsError::InvalidParameterValue(format!(
        "The message attribute name '{name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore \
         (_), hyphen (-), and period (.) characters."
    )))
}

/// The attributes of a message as they are kept.
pub fn attributes(
    given: Option<&BTreeMap<String, MessageAttributeValue>>,
) -> Result<BTreeMap<String, AttributeValue>, SqsError> {
    let given = given.into_iter().flatten();
    let kept: Result<BTreeMap<_, _>, SqsError> = given
        .map(|(name, value)| {
            check_name(name)?;
            Ok((name.clone(), attribute(name, value)?))
        })
        .collect();
    let kept = kept?;
    check_count(kept.len())?;
    Ok(kept)
}

/// Refuses more attributes than a message may have.
pub fn check_count(count: usize) -> Result<(), SqsError> {
    if count <= MAX_ATTRIBUTES {
        return Ok(());
    }
    let message = format!("Number of message attributes [{count}] exceeds the allowed maximum [10].");
    Err(SqsError::InvalidParameterValue(message))
}

fn attribute(name: &str, value: &MessageAttributeValue) -> Result<AttributeValue, SqsError> {
    let invalid =
        |why: &str| Err(SqsError::InvalidParameterValue(format!("The message attribute '{name}' {why}")));
    let data_type = value.data_type.as_str();
    if data_type.is_empty() {
        return invalid("must contain non-empty message attribute type.");
    }
    if data_type.len() > MAX_NAME {
        return invalid("has a type that is longer than 256 characters.");
    }
    let kind = data_type.split('.').next().unwrap_or(data_type);
    let text = value.string_value.as_deref().filter(|text| !text.is_empty());
    let content = match (kind, text, &value.binary_value) {
        ("String", Some(text), None) => {
            check_value(text)?;
            Content::Text(text.to_owned())
        }
        ("Number", Some(text), None) if is_number(text) => Content::Text(text.to_owned()),
        ("Number", Some(_), None) => {
            return Err(SqsError::InvalidParameterValue(format!(
                "Can't cast the value of message (user) attribute '{name}' to a number."
            )));
        }
        ("Binary", None, Some(bytes)) if !bytes.is_empty() => Content::Binary(bytes.to_vec()),
        ("String" | "Number" | "Binary", ..) => {
            let field = if kind == "Binary" { "Binary" } else { "String" };
            return Err(SqsError::InvalidParameterValue(format!(
                "Message (user) attribute '{name}' must contain a non-empty value of type '{field}'."
            )));
        }
        _ => {
            return Err(SqsError::InvalidParameterValue(format!(
                "The type of message (user) attribute '{name}' is invalid. You must use only the following supported \
                 type prefixes: Binary, Number, String."
            )));
        }
    };
    Ok(AttributeValue { data_type: data_type.to_owned(), content })
}

/// Whether a text is a number between 10^-128 and 10^126, or nought (SQS developer guide, "Amazon SQS message metadata").
fn is_number(text: &str) -> bool {
    let number = text.trim().parse::<f64>().map(f64::abs);
    number.is_ok_and(|number| number == 0.0 || (1e-128..=1e126).contains(&number))
}

/// The trace header among the system attributes, the only one that can be sent.
pub fn trace_header(
    given: Option<&BTreeMap<String, MessageSystemAttributeValue>>,
) -> Result<Option<String>, SqsError> {
    let mut header = None;
    for (name, value) in given.into_iter().flatten() {
        match (name.as_str(), value.data_type.as_str(), &value.string_value) {
            ("AWSTraceHeader", "String", Some(text)) => header = Some(text.clone()),
            ("AWSTraceHeader", ..) => {
                let message =
                    "The message system attribute 'AWSTraceHeader' must contain a non-empty string.";
                return Err(SqsError::InvalidParameterValue(message.to_owned()));
            }
            _ => {
                let message = format!("Message system attribute '{name}' is not supported.");
                return Err(SqsError::InvalidParameterValue(message));
            }
        }
    }
    Ok(header)
}

/// The size that counts against a queue's bound.
pub fn size(body: &str, attributes: &BTreeMap<String, AttributeValue>) -> usize {
    let of_attribute = |(name, value): (&String, &AttributeValue)| {
        name.len()
            + value.data_type.len()
            + match &value.content {
                Content::Text(text) => text.len(),
                Content::Binary(bytes) => bytes.len(),
            }
    };
    body.len() + attributes.iter().map(of_attribute).sum::<usize>()
}

/// Refuses a message that is larger than its queue takes.
pub fn check_size(size: usize, limit: i64) -> Result<(), SqsError> {
    let limit = usize::try_from(limit).unwrap_or(MAX_MESSAGE_BYTES);
    if size <= limit {
        return Ok(());
    }
    Err(SqsError::MessageTooLong(limit))
}

/// The MD5 of a text, in hexadecimal.
pub fn md5(text: &str) -> String {
    hex(&Md5::digest(text))
}

/// The MD5 of attributes: names in order, each part with its length before it (SQS developer guide,
/// "Calculating the MD5 message digest for message attributes"). `None` without attributes.
pub fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>,
) -> Option<String> {
    let mut digest = Md5::new();
    let mut any = false;
    let part = |digest: &mut Md5, bytes: &[u8]| {
        digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.update(bytes);
    };
    for (name, value) in attributes {
        any = true;
        part(&mut digest, name.as_bytes());
        part(&mut digest, value.data_type.as_bytes());
        match &value.content {
            Content::Text(text) => {
                digest.update([1]);
                part(&mut digest, text.as_bytes());
            }
            Content::Binary(bytes) => {
                digest.update([2]);
                part(&mut digest, bytes);
            }
        }
    }
    any.then(|| hex(&digest.finalize()))
}

/// The MD5 of the trace header as a system attribute.
pub fn md5_of_trace_header(header: Option<&String>) -> Option<String> {
    let text = header?.clone();
    let value = AttributeValue { data_type: "String".to_owned(), content: Content::Text(text) };
    md5_of_attributes([(&"AWSTraceHeader".to_owned(), &value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data_type: &str, value: &str) -> MessageAttributeValue {
        let string_value = Some(value.to_owned());
        MessageAttributeValue { data_type: data_type.to_owned(), string_value, ..Default::default() }
    }

    #[test]
    fn digests() {
        assert_eq!(md5("hello"), "5d41402abc4b2a76b9719d911017c592");
        // The digests that the tests of moto hold for these two attributes (tests/test_sqs/test_sqs.py,
        // recorded from SQS).
        for (data_type, digest) in [
            ("Number", "235c5c510d26fb653d073faed50ae77c"),
            ("Number.java.lang.Long", "2e2e4876d8e0bd6b8c2c8f556831c349"),
        ] {
            let one: BTreeMap<_, _> = [("timestamp".to_owned(), text(data_type, "1493147359900"))].into();
            let kept = attributes(Some(&one)).unwrap();
            assert_eq!(md5_of_attributes(&kept).as_deref(), Some(digest));
        }
        assert_eq!(md5_of_attributes(&BTreeMap::new()), None);
    }

    #[test]
    fn bodies() {
        assert!(check_body("tab\tand line\n").is_ok());
        for body in ["\u{0}", "a\u{8}", "\u{fffe}", ""] {
            assert!(check_body(body).is_err(), "{body:?}");
        }
    }

    /// As SQS answered testSendMessageWithInvalidAttributes of ballerina-platform/module-ballerinax-aws.sqs.
    #[test]
    fn types_that_are_none() {
        let given = [("invalidAttribute".to_owned(), text("InvalidType", "value"))].into();
        let refused = schema::ApiError::from(attributes(Some(&given)).unwrap_err());
        assert_eq!(
            refused.message,
            "The type of message (user) attribute 'invalidAttribute' is invalid. You must use only the following \
             supported type prefixes: Binary, Number, String."
        );
    }

    #[test]
    fn attributes_against_the_rules() {
        let cases = [
            ("a", text("String", "")),
            ("a", text("Number", "x")),
            ("a", text("Number", "NaN")),
            ("a", text("Number", "1e127")),
            ("a", text("Number", "-1e-129")),
            ("a", text("", "x")),
            ("a", text("Stringy", "x")),
            ("a b", text("String", "x")),
            ("AWS.a", text("String", "x")),
            (".a", text("String", "x")),
        ];
        for (name, value) in cases {
            let given = [(name.to_owned(), value.clone())].into();
            assert!(attributes(Some(&given)).is_err(), "{name} {value:?}");
        }
    }
}

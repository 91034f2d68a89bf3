//! Rust names from the models' names: `MD5OfMessageBody` → `md5_of_message_body`, `aws:kms` → `AwsKms`.

use std::collections::BTreeMap;

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// Names of the standard prelude and of the generated files that a shape must not hide.
const TAKEN: &[&str] = &[
    "BTreeMap",
    "Box",
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Drop",
    "Eq",
    "Err",
    "From",
    "Into",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "Result",
    "Self",
    "Send",
    "Some",
    "String",
    "Sync",
    "ToString",
    "Vec",
    "SERVICE",
];

/// The words of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (at, &char) in chars.iter().enumerate() {
        if !char.is_ascii_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        if starts_word(&chars, at) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        word.push(char.to_ascii_lowercase());
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Whether a capital begins a word: after a small letter or digit, or before a small letter (`KMSKey`),
/// unless that letter is the plural of an acronym (`ARNs`, `IDsOf`).
fn starts_word(chars: &[char], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|at| chars[at]) else { return true };
    if !chars[at].is_ascii_uppercase() {
        return false;
    }
    if before.is_ascii_lowercase() || before.is_ascii_digit() {
        return true;
    }
    let small_next = chars.get(at + 1).is_some_and(char::is_ascii_lowercase);
    let plural = chars.get(at + 1) == Some(&'s') && !chars.get(at + 2).is_some_and(char::is_ascii_lowercase);
    before.is_ascii_uppercase() && small_next && !plural
}

/// A field.
pub fn field(name: &str) -> String {
    let name = words(name).join("_");
    let digit = name.starts_with(|first: char| first.is_ascii_digit());
    match name {
        name if digit => format!("n{name}"),
        name if KEYWORDS.contains(&name.as_str()) => name + "_",
        name => name,
    }
}

/// A static.
pub fn constant(name: &str) -> String {
    let name = words(name).join("_").to_ascii_uppercase();
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("N{name}") } else { name }
}

/// A struct or enum: the model's name, its first letter and those after a separator made capital.
pub fn ty(name: &str) -> String {
    let name: String = name.split(|char: char| !char.is_ascii_alphanumeric()).map(capital).collect();
    if TAKEN.contains(&name.as_str()) { name + "Shape" } else { name }
}

/// The variants of an enum, one a value, all different.
pub fn variants(values: &[&str]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    values
        .iter()
        .map(|value| {
            let name = variant(value);
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            if *count == 1 { name } else { format!("{name}{count}") }
        })
        .collect()
}

/// `PAY_PER_REQUEST` → `PayPerRequest`, `us-east-1` → `UsEast1`, `2012-10-17` → `V20121017`.
pub fn variant(value: &str) -> String {
    let part = |part: &str| match part.bytes().any(|byte| byte.is_ascii_lowercase()) {
        true => capital(part),
        false => capital(&part.to_ascii_lowercase()),
    };
    let name: String = value.split(|char: char| !char.is_ascii_alphanumeric()).map(part).collect();
    match name.as_str() {
        "" => "Empty".to_owned(),
        "Self" | "Other" | "Unset" => name + "Value",
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => format!("V{name}"),
        _ => name,
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        for (name, expected) in [
            ("QueueUrl", "queue_url"),
            ("MD5OfMessageBody", "md5_of_message_body"),
            ("KmsMasterKeyId", "kms_master_key_id"),
            ("KMSMasterKeyID", "kms_master_key_id"),
            ("ETag", "e_tag"),
            ("SSEKMSKeyId", "ssekms_key_id"),
            ("ChecksumSHA256", "checksum_sha256"),
            ("TargetARNs", "target_arns"),
            ("IDsOfUsers", "ids_of_users"),
            ("logGroupName", "log_group_name"),
            ("Type", "type_"),
            ("SS", "ss"),
            ("S3Key", "s3_key"),
            ("x-amz-acl", "x_amz_acl"),
        ] {
            assert_eq!(field(name), expected, "{name}");
        }
    }

    #[test]
    fn types_and_constants() {
        assert_eq!(ty("statusType"), "StatusType");
        assert_eq!(ty("__listOfRoute"), "ListOfRoute");
        assert_eq!(ty("Option"), "OptionShape");
        assert_eq!(constant("ListObjectsV2Request"), "LIST_OBJECTS_V2_REQUEST");
    }

    #[test]
    fn variants_are_all_different() {
        let values = ["All", "PAY_PER_REQUEST", "us-east-1", "s3:ObjectCreated:*", "s3:ObjectCreated:Put"];
        assert_eq!(
            variants(&values),
            ["All", "PayPerRequest", "UsEast1", "S3ObjectCreated", "S3ObjectCreatedPut"]
        );
        assert_eq!(variants(&["a-b", "A_B", "", "2012-10-17"]), ["AB", "AB2", "Empty", "V20121017"]);
    }
}

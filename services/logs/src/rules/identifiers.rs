//! What names a group: its name, or its ARN with or without the `:*` behind it.

use crate::errors::LogsError;
use names::Arn;

/// The group of the one of two parameters that is given.
pub fn one_of<'a>(name: Option<&'a str>, identifier: Option<&'a str>) -> Result<&'a str, LogsError> {
    match (name, identifier) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => of_either(identifier),
        _ => Err(LogsError::invalid(
            "Either logGroupName or logGroupIdentifier must be specified, and not both of them.",
        )),
    }
}

/// The group of a name or an ARN.
pub fn of_either(identifier: &str) -> Result<&str, LogsError> {
    if identifier.starts_with("arn:") { of_arn(identifier) } else { Ok(identifier) }
}

/// The group of an ARN.
pub fn of_arn(text: &str) -> Result<&str, LogsError> {
    let malformed = || LogsError::invalid(format!("The ARN {text} is not the ARN of a log group."));
    let arn: Arn = text.parse().map_err(|_| malformed())?;
    if arn.service() != "logs" || !arn.resource().starts_with("log-group:") {
        return Err(malformed());
    }
    // Cut from the text that was given, which outlives the parsed ARN.
    let at = text.len() - arn.resource().len() + "log-group:".len();
    let name = text.get(at..).unwrap_or_default();
    let name = name.strip_suffix(":*").unwrap_or(name);
    if name.is_empty() || name.contains(':') { Err(malformed()) } else { Ok(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns() {
        for (given, expected) in [
            ("/aws/lambda/x", Some("/aws/lambda/x")),
            ("arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/x", Some("/aws/lambda/x")),
            ("arn:aws:logs:us-east-1:000000000000:log-group:x:*", Some("x")),
            ("arn:aws:logs:us-east-1:000000000000:log-group:", None),
            ("arn:aws:logs:us-east-1:000000000000:log-group:x:log-stream:y", None),
            ("arn:aws:sqs:us-east-1:000000000000:x", None),
            ("arn:aws", None),
        ] {
            assert_eq!(of_either(given).ok(), expected, "{given}");
        }
        assert!(one_of(None, None).is_err() && one_of(Some("a"), Some("a")).is_err());
    }
}

//! JSON that was given as an attribute. What is wrong with it is told as SNS tells it, in the words of its parser,
//! Jackson; where those are not known, that it cannot be parsed.

use serde_json::Value;

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// Reads a text.
///
/// # Errors
/// `failed to parse JSON.`, with what is wrong.
pub fn read(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| {
        let why = why(text, error.line(), error.column()).unwrap_or_default();
        format!("failed to parse JSON.{why}")
    })
}

/// What is wrong at a place, where lines and columns count from one. The texts are answers of SNS that LocalStack's
/// tests recorded (tests/aws/services/sns).
fn why(text: &str, line: usize, column: usize) -> Option<String> {
    let begin_of_line: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let at = begin_of_line + column.checked_sub(1)?;
    let found = text.get(at..)?.chars().next()?;
    let before = text.get(..at)?.trim_end().chars().next_back();
    let word: String =
        text.get(at..)?.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$')).collect();
    let (what, column) = match before {
        Some('{') => (
            format!(
                "Unexpected character ('{found}' (code {})): was expecting double-quote to start field name",
                found as u32
            ),
            column,
        ),
        None | Some('[' | ':') if !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()) => {
            (format!("Unrecognized token '{word}': was expecting {VALUES}"), column + word.chars().count())
        }
        None | Some('[' | ':') => (
            format!(
                "Unexpected character ('{found}' (code {})): expected a valid value {VALUES}",
                found as u32
            ),
            column,
        ),
        Some(_) => return None,
    };
    Some(format!(
        " {what}\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, \
         column: {column}]"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong() {
        let place = |column| {
            format!(
                "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, \
                 column: {column}]"
            )
        };
        let token = "Unrecognized token 'invalid': was expecting";
        // Both recorded by LocalStack's tests on AWS (test_validate_set_sub_attributes and
        // test_subscribe_invalid_filter_policy).
        let table = [
            (
                "{invalidjson}",
                format!(
                    "Unexpected character ('i' (code 105)): was expecting double-quote to start field name{}",
                    place(2)
                ),
            ),
            ("invalid", format!("{token} {VALUES}{}", place(8))),
        ];
        for (text, expect) in table {
            assert_eq!(read(text).unwrap_err(), format!("failed to parse JSON. {expect}"));
        }
        for text in
            ["", "{", "[1,", "\u{e9}", "{\"a\":\u{e9}\u{e9}", "\n\n]", "\"", "{\n{", "{\"a\":[\"x\"]} y"]
        {
            assert!(read(text).unwrap_err().starts_with("failed to parse JSON."), "{text:?}");
        }
        assert!(read("[1]").is_ok());
    }
}

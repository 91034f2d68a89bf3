//! The functions of queries: casts, texts, patterns, moments.

use super::Fault;
use super::value::Value;
use names::Timestamp;

fn arguments(name: &str) -> Fault {
    Fault::new(
        "EvaluatorInvalidArguments",
        format!("Incorrect number or type of arguments in the function call {name}."),
    )
}

/// A value as another type.
///
/// # Errors
/// `CastFailed` where it is none of that type.
pub fn cast(value: Value, kind: &str) -> Result<Value, Fault> {
    if value.is_absent() {
        return Ok(value);
    }
    let failed = || {
        let shown = value.text().unwrap_or_default();
        Fault::new(
            "CastFailed",
            format!("Attempt to convert from one data type to another using CAST failed: {shown} to {kind}."),
        )
    };
    match kind {
        "INT" | "INTEGER" => {
            let truncated = value.number().filter(|number| number.abs() < 9e18).map(|number| number as i64);
            value.int().or(truncated).map(Value::Int).ok_or_else(failed)
        }
        "FLOAT" | "DECIMAL" | "NUMERIC" => value.number().map(Value::Float).ok_or_else(failed),
        "STRING" | "CHAR" | "VARCHAR" => value.text().map(Value::Text).ok_or_else(failed),
        "BOOL" | "BOOLEAN" => match &value {
            Value::Bool(_) => Ok(value.clone()),
            Value::Int(number) => Ok(Value::Bool(*number != 0)),
            Value::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(Value::Bool(true)),
                "false" | "0" => Ok(Value::Bool(false)),
                _ => Err(failed()),
            },
            _ => Err(failed()),
        },
        "TIMESTAMP" => match &value {
            Value::Time(_) => Ok(value.clone()),
            Value::Text(text) => moment(text).map(Value::Time).ok_or_else(failed),
            _ => Err(failed()),
        },
        _ => Err(Fault::new("InvalidCast", format!("Attempt to convert to an unknown data type: {kind}."))),
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let whole = match text.len() {
        4 => format!("{text}-01-01T00:00:00Z"),
        7 => format!("{text}-01T00:00:00Z"),
        10 => format!("{text}T00:00:00Z"),
        _ => text.trim_end_matches('T').to_owned(),
    };
    Timestamp::parse_iso8601(&whole).ok()
}

/// Whether a text fits a pattern of `%` and `_`. Each position of the pattern is tried once for each of the
/// text, whatever both are.
///
/// # Errors
/// Where the escape is no single character.
pub fn like(text: &str, pattern: &str, escape: Option<&str>) -> Result<bool, Fault> {
    let escape = match escape.map(|escape| escape.chars().collect::<Vec<_>>()) {
        None => None,
        Some(chars) if chars.len() == 1 => chars.first().copied(),
        Some(_) => {
            return Err(Fault::new(
                "LikeInvalidInputs",
                "Invalid argument given to the LIKE clause in the SQL expression.",
            ));
        }
    };
    #[derive(PartialEq)]
    enum Part {
        Any,
        One,
        Exactly(char),
    }
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        parts.push(match char {
            char if Some(char) == escape => Part::Exactly(chars.next().unwrap_or(char)),
            '%' => Part::Any,
            '_' => Part::One,
            char => Part::Exactly(char),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut part) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                back = Some((at, part + 1));
                part += 1;
            }
            Some(known) if *known == Part::One || *known == Part::Exactly(text[at]) => {
                at += 1;
                part += 1;
            }
            _ => match back {
                Some((from, next)) => {
                    back = Some((from + 1, next));
                    (at, part) = (from + 1, next);
                }
                None => return Ok(false),
            },
        }
    }
    Ok(parts[part..].iter().all(|part| *part == Part::Any))
}

/// The value of a function.
///
/// # Errors
/// Where there is no such function, or its arguments are of other types.
pub fn call(name: &str, mut values: Vec<Value>, now: Timestamp) -> Result<Value, Fault> {
    match (name, values.as_mut_slice()) {
        ("COALESCE", [_, ..]) => {
            Ok(values.into_iter().find(|value| !value.is_absent()).unwrap_or(Value::Null))
        }
        ("NULLIF", [one, two]) => {
            let same = one.compare(two) == Some(std::cmp::Ordering::Equal);
            Ok(if same { Value::Null } else { std::mem::replace(one, Value::Null) })
        }
        ("UTCNOW", []) => Ok(Value::Time(now)),
        ("TO_TIMESTAMP", [value]) => cast(std::mem::replace(value, Value::Null), "TIMESTAMP"),
        ("CHAR_LENGTH" | "CHARACTER_LENGTH", [value]) => {
            texted(value, |text| Value::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)))
        }
        ("LOWER", [value]) => texted(value, |text| Value::Text(text.to_lowercase())),
        ("UPPER", [value]) => texted(value, |text| Value::Text(text.to_uppercase())),
        ("TRIM", [value, what, side]) => {
            let (what, side) = (what.text().unwrap_or_default(), side.text().unwrap_or_default());
            let among = |char: char| what.contains(char);
            texted(value, |text| {
                let text = if side == "TRAILING" { text } else { text.trim_start_matches(among) };
                let text = if side == "LEADING" { text } else { text.trim_end_matches(among) };
                Value::Text(text.to_owned())
            })
        }
        ("SUBSTRING", [value, from]) => substring(value, from, None),
        ("SUBSTRING", [value, from, length]) => substring(value, from, Some(length)),
        ("EXTRACT", [Value::Text(part), Value::Time(moment)]) => extract(part, *moment),
        (
            "COALESCE" | "NULLIF" | "UTCNOW" | "TO_TIMESTAMP" | "CHAR_LENGTH" | "CHARACTER_LENGTH" | "LOWER"
            | "UPPER" | "TRIM" | "SUBSTRING" | "EXTRACT",
            _,
        ) => Err(arguments(name)),
        _ => Err(Fault::new(
            "UnsupportedFunction",
            format!("Encountered an unsupported SQL function: {name}."),
        )),
    }
}

fn texted(value: &Value, with: impl FnOnce(&str) -> Value) -> Result<Value, Fault> {
    Ok(value.text().map_or(Value::Null, |text| with(&text)))
}

/// Positions count from one; those before the first take from the length.
fn substring(value: &Value, from: &Value, length: Option<&Value>) -> Result<Value, Fault> {
    let from = from.int().ok_or_else(|| arguments("SUBSTRING"))?;
    let length = length.map(|length| length.int().ok_or_else(|| arguments("SUBSTRING"))).transpose()?;
    if length.is_some_and(|length| length < 0) {
        return Err(arguments("SUBSTRING"));
    }
    let end = length.map_or(i64::MAX, |length| from.saturating_add(length));
    texted(value, |text| {
        let taken = text.chars().zip(1i64..).filter(|(_, at)| (from..end).contains(at));
        Value::Text(taken.map(|(char, _)| char).collect())
    })
}

fn extract(part: &str, moment: Timestamp) -> Result<Value, Fault> {
    let (year, month, day, _, hour, minute, second, _) = moment.civil();
    Ok(Value::Int(match part {
        "YEAR" => i64::from(year),
        "MONTH" => i64::from(month),
        "DAY" => i64::from(day),
        "HOUR" => i64::from(hour),
        "MINUTE" => i64::from(minute),
        "SECOND" => i64::from(second),
        _ => return Err(arguments("EXTRACT")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern, escape, fits) in [
            ("abc", "a%", None, true),
            ("abc", "_b_", None, true),
            ("abc", "b%", None, false),
            ("a%c", "a\\%c", Some("\\"), true),
            ("abc", "a\\%c", Some("\\"), false),
            ("", "%", None, true),
            ("", "_", None, false),
            ("mississippi", "%iss%pi", None, true),
        ] {
            assert_eq!(like(text, pattern, escape), Ok(fits), "{text} {pattern}");
        }
        assert!(like("a", "a", Some("ab")).is_err());
        // As many stars as there are, the work stays bounded.
        assert_eq!(like(&"a".repeat(5000), &"%a".repeat(200).replace("%a", "%a%b"), None), Ok(false));
    }

    #[test]
    fn calls() {
        let text = |text: &str| Value::Text(text.into());
        let run = |name: &str, values: Vec<Value>| call(name, values, Timestamp(0));
        assert_eq!(run("SUBSTRING", vec![text("123456789"), Value::Int(2), Value::Int(3)]), Ok(text("234")));
        assert_eq!(run("SUBSTRING", vec![text("12345"), Value::Int(0), Value::Int(3)]), Ok(text("12")));
        assert_eq!(run("TRIM", vec![text("xxaxx"), text("x"), text("LEADING")]), Ok(text("axx")));
        assert_eq!(run("COALESCE", vec![Value::Null, Value::Missing, Value::Int(1)]), Ok(Value::Int(1)));
        assert_eq!(run("NULLIF", vec![Value::Int(1), text("1")]), Ok(Value::Null));
        assert_eq!(run("NOSUCH", vec![]).unwrap_err().code, "UnsupportedFunction");
        assert_eq!(cast(text("12.7"), "INT"), Ok(Value::Int(12)));
        assert_eq!(cast(text("x"), "INT").unwrap_err().code, "CastFailed");
        assert_eq!(cast(text("2007"), "TIMESTAMP").unwrap().text().unwrap(), "2007-01-01T00:00:00Z");
        let moment = cast(text("2007-02-23T12:14:33Z"), "TIMESTAMP").unwrap();
        assert_eq!(run("EXTRACT", vec![text("HOUR"), moment]), Ok(Value::Int(12)));
    }
}

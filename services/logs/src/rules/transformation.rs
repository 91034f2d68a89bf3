//! What a metric filter makes of an event: a value, and dimensions; either said outright or read from the
//! event by `$.selector` or `$column`.

use super::pattern::{Pattern, Selector};
use crate::errors::LogsError;
use crate::state::filters::Transformation;

/// Dimensions of a metric.
const MOST_DIMENSIONS: usize = 3;

/// Refuses what can never be counted.
pub fn check(transformation: &Transformation, pattern: &Pattern) -> Result<(), LogsError> {
    let readable = |text: &str| Selector::parse(text).is_some_and(|selector| pattern.knows(&selector));
    let Transformation { value, dimensions, .. } = transformation;
    let number = value.parse::<f64>().is_ok_and(f64::is_finite);
    if !number && !readable(value) {
        return Err(LogsError::invalid(format!("Invalid metric transformation: metricValue {value}")));
    }
    if !dimensions.is_empty() && transformation.default.is_some() {
        let message =
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties.";
        return Err(LogsError::invalid(message));
    }
    if dimensions.len() > MOST_DIMENSIONS {
        let message = format!("Invalid metric transformation: at most {MOST_DIMENSIONS} dimensions");
        return Err(LogsError::invalid(message));
    }
    match dimensions.iter().find(|(_, value)| !readable(value)) {
        Some((name, value)) => {
            Err(LogsError::invalid(format!("Invalid metric transformation: dimension {name} of {value}")))
        }
        None => Ok(()),
    }
}

/// The dimensions and the value of an event that matches; `None` where it has no such value.
pub fn apply(transformation: &Transformation, pattern: &Pattern, message: &str) -> Option<(String, f64)> {
    let read = |text: &str| pattern.value(&Selector::parse(text)?, message);
    let value = match transformation.value.parse::<f64>() {
        Ok(value) => value,
        Err(_) => read(&transformation.value)?.parse().ok()?,
    };
    let mut dimensions = String::new();
    for (name, selector) in &transformation.dimensions {
        // An event without the value of a dimension is counted without that dimension.
        if let Some(value) = read(selector) {
            let comma = if dimensions.is_empty() { "" } else { "," };
            dimensions.push_str(&format!("{comma}{name}={value}"));
        }
    }
    // Longer ones would not fit the key of a row.
    dimensions.truncate(dimensions.floor_char_boundary(1024));
    Some((dimensions, value)).filter(|(_, value)| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn transformation(value: &str, dimensions: &[(&str, &str)]) -> Transformation {
        let dimensions =
            dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let text = String::new;
        Transformation {
            metric: text(),
            namespace: text(),
            value: value.to_owned(),
            default: None,
            unit: None,
            dimensions,
        }
    }

    /// The forms of "Creating metric filters" in the CloudWatch Logs user guide.
    #[test]
    fn values_and_dimensions() {
        let json = Pattern::parse("{ $.latency = * }").unwrap();
        let columns = Pattern::parse("[ip, method, bytes]").unwrap();
        let terms = Pattern::parse("ERROR").unwrap();
        let of = |made: Transformation, pattern: &Pattern, message: &str| apply(&made, pattern, message);
        let event = r#"{"latency": 50, "requestType": "GET", "deep": {"a": "b"}}"#;
        assert_eq!(of(transformation("1", &[]), &terms, "ERROR"), Some((String::new(), 1.0)));
        let by_type = transformation("$.latency", &[("Request", "$.requestType"), ("Deep", "$.deep.a")]);
        assert_eq!(of(by_type, &json, event), Some(("Deep=b,Request=GET".to_owned(), 50.0)));
        assert_eq!(of(transformation("$.absent", &[]), &json, event), None);
        assert_eq!(of(transformation("$.requestType", &[]), &json, event), None);
        let by_method = transformation("$bytes", &[("Method", "$method")]);
        assert_eq!(of(by_method, &columns, "::1 GET 7"), Some(("Method=GET".to_owned(), 7.0)));
        let gone = transformation("1", &[("A", "$.absent")]);
        assert_eq!(of(gone, &json, event), Some((String::new(), 1.0)));
    }

    #[test]
    fn what_cannot_be_counted() {
        let json = Pattern::parse("{ $.a = 1 }").unwrap();
        let columns = Pattern::parse("[a, b]").unwrap();
        for (value, pattern, fits) in [
            ("1.5", &json, true),
            ("$.x", &json, true),
            ("$.x", &columns, false),
            ("$a", &columns, true),
            ("$c", &columns, false),
            ("many", &json, false),
            ("NaN", &json, false),
        ] {
            assert_eq!(check(&transformation(value, &[]), pattern).is_ok(), fits, "{value}");
        }
        let both = Transformation { default: Some(0.0), ..transformation("1", &[("A", "$.a")]) };
        assert!(check(&both, &json).is_err());
        let many = transformation("1", &[("A", "$.a"), ("B", "$.a"), ("C", "$.a"), ("D", "$.a")]);
        assert!(check(&many, &json).is_err());
        let none = Transformation { dimensions: BTreeMap::from([("A".into(), "a".into())]), ..both };
        assert!(check(&Transformation { default: None, ..none }, &json).is_err());
    }
}

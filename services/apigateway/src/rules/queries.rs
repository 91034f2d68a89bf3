//! Query strings as functions see them.

use super::urls::decoded_form;
use std::collections::BTreeMap;

/// Names with all of their values, in the order they came.
pub fn parameters(raw: &str) -> BTreeMap<String, Vec<String>> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters.entry(decoded_form(name)).or_default().push(decoded_form(value));
    }
    parameters
}

/// Several values as one text: format 2.0.
pub fn joined(values: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, String> {
    values.iter().map(|(name, values)| (name.clone(), values.join(","))).collect()
}

/// The last of several values: format 1.0.
pub fn last(values: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, String> {
    values.iter().filter_map(|(name, values)| Some((name.clone(), values.last()?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        let found = parameters("parameter1=value1&parameter1=value2&b=x+y%26&c&=d&&");
        assert_eq!(found["parameter1"], ["value1", "value2"]);
        assert_eq!((&found["b"][..], &found["c"][..]), (&["x y&".to_owned()][..], &[String::new()][..]));
        assert_eq!(joined(&found)["parameter1"], "value1,value2");
        assert_eq!(last(&found)["parameter1"], "value2");
        assert!(parameters("").is_empty());
    }
}

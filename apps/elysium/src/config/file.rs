//! `Elysium.toml` in the working directory: the settings' keys with their values.

use super::{Layer, Refusal, find};

const FILE: &str = "Elysium.toml";

/// The layer of the file; empty where there is none.
pub fn layer() -> Result<Layer, Refusal> {
    match std::fs::read_to_string(FILE) {
        Ok(text) => from(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Layer::new()),
        Err(error) => Err(format!("{FILE} cannot be read: {error}")),
    }
}

fn from(text: &str) -> Result<Layer, Refusal> {
    let table: toml::Table = text.parse().map_err(|error| format!("{FILE}: {error}"))?;
    let mut layer = Layer::new();
    for (key, value) in table {
        let setting = find(&key).map_err(|refusal| format!("{FILE}: {refusal}"))?;
        layer.insert(setting.key, plain(&key, value)?);
    }
    Ok(layer)
}

fn plain(key: &str, value: toml::Value) -> Result<String, Refusal> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(truth) => Ok(truth.to_string()),
        toml::Value::Array(items) => {
            let items: Result<Vec<String>, Refusal> =
                items.into_iter().map(|item| plain(key, item)).collect();
            Ok(items?.join(","))
        }
        _ => Err(format!("{FILE}: {key} takes a text, a number, true or false, or a list of texts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let layer = from("port = 4000\nmemory = true\nallow-host = [\"a\", \"b\"]").unwrap();
        let texts: Vec<&str> = layer.values().map(String::as_str).collect();
        assert_eq!(texts, ["a,b", "true", "4000"]);
        assert!(from("ports = 1").unwrap_err().contains("did you mean port?"));
        assert!(from("port = {}").is_err());
        assert!(from("port =").is_err());
    }
}

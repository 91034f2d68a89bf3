//! The environment: `ELYSIUM_PORT`, and the variables that LocalStack's users have set already.

use super::{Layer, Refusal, SETTINGS, find};

/// Variables of this name space that are not settings: they come from the region itself.
const OWN: [&str; 3] = ["ELYSIUM_RUN_ID", "ELYSIUM_CHILD", "ELYSIUM_SUPERVISED"];
/// Variables of tools around the binary.
const TOOLS: [&str; 4] = ["ELYSIUM_CA_FILE", "ELYSIUM_BIN", "ELYSIUM_BOTOCORE", "ELYSIUM_PEER_BENCH"];

/// The layer of the environment.
pub fn layer() -> Result<Layer, Refusal> {
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    from(&variables)
}

fn from(variables: &[(String, String)]) -> Result<Layer, Refusal> {
    let mut layer = Layer::new();
    for setting in &SETTINGS {
        let theirs = |name: &str| variables.iter().find(|(known, _)| known == name);
        if let Some((_, value)) = setting.localstack.and_then(theirs) {
            layer.insert(setting.key, value.clone());
        }
    }
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix("ELYSIUM_") else { continue };
        if OWN.contains(&name.as_str()) || TOOLS.contains(&name.as_str()) {
            continue;
        }
        let key = rest.to_ascii_lowercase().replace('_', "-");
        let setting = find(&key).map_err(|refusal| format!("{name}: {refusal}"))?;
        layer.insert(setting.key, value.clone());
    }
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Layer, Refusal> {
        from(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn both_name_spaces() {
        let layer = of(&[("ENFORCE_IAM", "1"), ("ELYSIUM_DATA_DIR", "d"), ("HOME", "h")]).unwrap();
        assert_eq!(layer.get("enforce-iam").map(String::as_str), Some("1"));
        assert_eq!(layer.get("data-dir").map(String::as_str), Some("d"));
        let refusal = of(&[("ELYSIUM_DATADIR", "d")]).unwrap_err();
        assert!(refusal.contains("did you mean data-dir?"), "{refusal}");
    }
}

//! Flags of the command line: `--key value`, `--key=value`, and bare `--key` for switches.

use super::{Layer, Refusal, find};

/// The layer of the flags.
pub fn layer(flags: &[String]) -> Result<Layer, Refusal> {
    let mut layer = Layer::new();
    let mut rest = flags.iter();
    while let Some(flag) = rest.next() {
        let Some(name) = flag.strip_prefix("--") else {
            return Err(format!("unexpected argument {flag}"));
        };
        let (key, inline) = match name.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (name, None),
        };
        let setting = find(key)?;
        let value = match inline {
            Some(value) => value,
            None if setting.takes.is_empty() => "true".to_owned(),
            None => {
                rest.next().cloned().ok_or_else(|| format!("--{key} needs a value: {}", setting.takes))?
            }
        };
        layer.insert(setting.key, value);
    }
    Ok(layer)
}

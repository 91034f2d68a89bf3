//! The names and values that a request gives to its expressions: checked, looked up, and all to be used.

use super::super::checks;
use super::super::value::Value;
use super::path::{Path, Step};
use super::syntax::{RawPath, RawStep};
use std::collections::{BTreeMap, BTreeSet};

/// `ExpressionAttributeNames`
pub type Names = BTreeMap<String, String>;
/// `ExpressionAttributeValues`
pub type Values = BTreeMap<String, Value>;

/// What a request's placeholders stand for.
pub struct Placeholders<'r> {
    names: Option<&'r Names>,
    values: Option<&'r Values>,
    used_names: BTreeSet<&'r str>,
    used_values: BTreeSet<&'r str>,
}

impl<'r> Placeholders<'r> {
    /// The placeholders of a request.
    ///
    /// # Errors
    /// Where a map is empty, a key is no placeholder, or a value is refused.
    pub fn new(names: Option<&'r Names>, values: Option<&'r Values>) -> Result<Self, String> {
        if let Some(names) = names {
            keys("ExpressionAttributeNames", '#', names.keys())?;
            for (key, name) in names {
                checks::name(name).map_err(|refusal| {
                    format!("ExpressionAttributeNames contains invalid value: {refusal} for key {key}")
                })?;
            }
        }
        if let Some(values) = values {
            keys("ExpressionAttributeValues", ':', values.keys())?;
            for (key, value) in values {
                checks::value(value).map_err(|refusal| {
                    format!("ExpressionAttributeValues contains invalid value: {refusal} for key {key}")
                })?;
            }
        }
        Ok(Placeholders { names, values, used_names: BTreeSet::new(), used_values: BTreeSet::new() })
    }

    /// The name of an alias.
    ///
    /// # Errors
    /// Where it is not defined.
    pub fn name(&mut self, alias: &str) -> Result<&'r str, String> {
        let Some((alias, name)) = self.names.and_then(|names| names.get_key_value(alias)) else {
            return Err(format!(
                "An expression attribute name used in the document path is not defined; attribute name: {alias}"
            ));
        };
        self.used_names.insert(alias);
        Ok(name)
    }

    /// The value of a placeholder.
    ///
    /// # Errors
    /// Where it is not defined.
    pub fn value(&mut self, placeholder: &str) -> Result<&'r Value, String> {
        let found = self.values.and_then(|values| values.get_key_value(placeholder));
        let Some((placeholder, value)) = found else {
            return Err(format!(
                "An expression attribute value used in expression is not defined; attribute value: {placeholder}"
            ));
        };
        self.used_values.insert(placeholder);
        Ok(value)
    }

    /// A path with its names.
    ///
    /// # Errors
    /// Where one is not defined.
    pub fn path(&mut self, raw: &RawPath) -> Result<Path, String> {
        let mut path = Path { head: String::new(), steps: Vec::with_capacity(raw.len().saturating_sub(1)) };
        for (place, step) in raw.iter().enumerate() {
            let name = match step {
                RawStep::Index(index) => {
                    path.steps.push(Step::Index(*index));
                    continue;
                }
                RawStep::Name(name) => name.as_str(),
                RawStep::Alias(alias) => self.name(alias)?,
            };
            match place {
                0 => name.clone_into(&mut path.head),
                _ => path.steps.push(Step::Name(name.to_owned())),
            }
        }
        Ok(path)
    }

    /// Refuses names and values that no expression used.
    ///
    /// # Errors
    /// The message.
    pub fn finish(self) -> Result<(), String> {
        let unused = |what: &str, keys: Vec<&String>| match keys.is_empty() {
            true => Ok(()),
            false => {
                let keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
                Err(format!("Value provided in {what} unused in expressions: keys: {{{}}}", keys.join(", ")))
            }
        };
        let names = self.names.into_iter().flat_map(BTreeMap::keys);
        let names = names.filter(|name| !self.used_names.contains(name.as_str())).collect();
        unused("ExpressionAttributeNames", names)?;
        let values = self.values.into_iter().flat_map(BTreeMap::keys);
        let values = values.filter(|value| !self.used_values.contains(value.as_str())).collect();
        unused("ExpressionAttributeValues", values)
    }
}

fn keys<'k>(what: &str, first: char, keys: impl ExactSizeIterator<Item = &'k String>) -> Result<(), String> {
    if keys.len() == 0 {
        return Err(format!("{what} must not be empty"));
    }
    for key in keys {
        let rest = key.strip_prefix(first);
        let valid = rest.is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if !valid {
            return Err(format!("{what} contains invalid key: Syntax error; key: \"{key}\""));
        }
    }
    Ok(())
}

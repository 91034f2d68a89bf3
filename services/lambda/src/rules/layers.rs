//! How layers are named, and what of them a function may have.

use crate::errors::LambdaError;
use crate::policy::no_resource;
use names::{AccountId, Arn, Region, Scope};

/// Layers of one function (Lambda quotas).
pub const MAX_LAYERS: usize = 5;

/// A layer as a request names it: where it is, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLayer {
    /// Where it is.
    pub scope: Scope,
    /// Its name.
    pub name: String,
}

/// Reads a name or an ARN of a layer.
///
/// # Errors
/// Where it is an ARN of something else, or of another region.
pub fn parse(text: &str, account: AccountId, region: &Region) -> Result<NamedLayer, LambdaError> {
    if !text.starts_with("arn:") {
        return Ok(NamedLayer { scope: Scope::Regional(account, region.clone()), name: text.to_owned() });
    }
    let absent = || LambdaError::NotFound(no_resource());
    let arn: Arn = text.parse().map_err(|_| absent())?;
    let name = arn.resource().strip_prefix("layer:").filter(|name| !name.contains(':')).ok_or_else(absent)?;
    let place = arn.account().zip(arn.region()).filter(|(_, own)| own == region);
    let (owner, region) = place.ok_or_else(absent)?;
    Ok(NamedLayer { scope: Scope::Regional(owner, region), name: name.to_owned() })
}

/// Reads the ARN of a layer's version: the layer and the number.
pub fn version_of(arn: &Arn) -> Option<(NamedLayer, u64)> {
    let mut parts = arn.resource().split(':');
    let (kind, name, number) = (parts.next()?, parts.next()?, parts.next()?);
    if kind != "layer" || arn.service() != "lambda" || name.is_empty() || parts.next().is_some() {
        return None;
    }
    let scope = Scope::Regional(arn.account()?, arn.region()?);
    Some((NamedLayer { scope, name: name.to_owned() }, number.parse().ok()?))
}

/// Refuses layers of another region than that of their function.
///
/// # Errors
/// Where one is.
pub fn check_region(texts: &[String], region: &Region) -> Result<(), LambdaError> {
    let elsewhere = |text: &String| {
        text.parse::<Arn>().is_ok_and(|arn| arn.region().is_some_and(|other| other != *region))
    };
    if texts.iter().any(elsewhere) {
        return Err(LambdaError::invalid(format!(
            "Layers are not in the same region as the function. Layers are expected to be in region {}.",
            region.as_str()
        )));
    }
    Ok(())
}

/// Reads the layers that a function is to have.
///
/// # Errors
/// Where there are too many, one is named twice, or one is no version of a layer.
pub fn wanted(texts: &[String]) -> Result<Vec<(Arn, NamedLayer, u64)>, LambdaError> {
    if texts.len() > MAX_LAYERS {
        return Err(LambdaError::invalid(format!("Cannot reference more than {MAX_LAYERS} layers.")));
    }
    let mut found: Vec<(Arn, NamedLayer, u64)> = Vec::with_capacity(texts.len());
    for text in texts {
        let arn = text.parse::<Arn>().ok();
        let one = arn.and_then(|arn| version_of(&arn).map(|(layer, number)| (arn, layer, number)));
        let one = one.ok_or_else(|| malformed(text))?;
        if let Some(twin) = found.iter().find(|other| other.1 == one.1) {
            return Err(LambdaError::invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. {} and {} \
                 are versions of the same layer.",
                twin.0, one.0
            )));
        }
        found.push(one);
    }
    Ok(found)
}

fn malformed(text: &str) -> LambdaError {
    LambdaError::Validation(format!(
        "1 validation error detected: Value '[{text}]' at 'layers' failed to satisfy constraint: Member must satisfy \
         constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, \
         Member must satisfy regular expression pattern: (arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{{12}}:layer:\
         [a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+), Member must not be null]"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "arn:aws:lambda:us-east-1:000000000000:layer:lute:3";

    #[test]
    fn names() {
        let named = |text: &str| parse(text, AccountId::DEFAULT, &Region::default());
        assert_eq!(named("lute").unwrap().name, "lute");
        let other = named("arn:aws:lambda:us-east-1:123456789012:layer:lute").unwrap();
        assert_eq!(other.scope.account().unwrap().to_string(), "123456789012");
        for bad in [OWN, "arn:aws:lambda:eu-west-1:123456789012:layer:lute", "arn:aws:s3:::b", "arn:x"] {
            assert!(named(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn versions() {
        let found = wanted(&[OWN.to_owned()]).unwrap();
        assert_eq!((found[0].1.name.as_str(), found[0].2), ("lute", 3));
        for bad in ["lute", "lute:3", "arn:aws:lambda:us-east-1:000000000000:layer:lute", &format!("{OWN}:4")]
        {
            assert!(wanted(&[bad.to_owned()]).is_err(), "{bad}");
        }
        let twin = wanted(&[OWN.to_owned(), OWN.replace(":3", ":4")]).unwrap_err();
        assert!(format!("{twin:?}").contains("versions of the same layer"));
        assert!(wanted(&vec![OWN.to_owned(); 6]).is_err());
    }
}

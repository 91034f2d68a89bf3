//! How functions are named: by name, by partial ARN, by ARN, each with or without a qualifier.

use crate::errors::LambdaError;
use crate::state::{LATEST, LATEST_PUBLISHED, PUBLISHED};
use names::{AccountId, Region, Scope};

/// Longest name of a function.
pub const MAX_NAME: usize = 64;

/// A function as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where it is.
    pub scope: Scope,
    /// Its name.
    pub name: String,
    /// The version or alias, where one is named.
    pub qualifier: Option<String>,
}

/// What a session of its role is called that a function gets; the name alone where that is long enough to be one
/// (LocalStack's test_assume_role, recorded on AWS).
pub fn session_name(function: &str) -> String {
    if function.len() < 2 { format!("{function}@lambda_function") } else { function.to_owned() }
}

/// What a qualifier names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// `$LATEST`, or none.
    Latest,
    /// A published version.
    Version(u64),
    /// An alias.
    Alias(&'a str),
}

impl<'a> Qualifier<'a> {
    /// Of its text.
    pub fn of(text: Option<&'a str>) -> Self {
        match text {
            None | Some(LATEST) => Qualifier::Latest,
            Some(LATEST_PUBLISHED) => Qualifier::Version(PUBLISHED),
            Some(text) => match text.parse() {
                Ok(number) if number != PUBLISHED && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Qualifier::Version(number)
                }
                _ => Qualifier::Alias(text),
            },
        }
    }
}

fn unreachable_region(theirs: &str, ours: &Region) -> LambdaError {
    LambdaError::NotFound(format!(
        "Functions from '{theirs}' are not reachable in this region ('{}')",
        ours.as_str()
    ))
}

/// Reads a name in any of its forms; a qualifier may be in it or beside it.
///
/// # Errors
/// Where it is of another region, or names two qualifiers.
pub fn parse(
    text: &str,
    beside: Option<&str>,
    account: AccountId,
    region: &Region,
) -> Result<Named, LambdaError> {
    let mut parts: Vec<&str> = text.split(':').collect();
    let mut owner = account;
    if parts.first() == Some(&"arn") {
        // arn:aws:lambda:{region}:{account}:function:{name}[:{qualifier}]
        // An ARN that ends with `function` names the function of that name.
        if parts.len() < 6 {
            return Err(invalid(text));
        }
        if parts[3] != region.as_str() {
            return Err(unreachable_region(parts[3], region));
        }
        parts.drain(..4);
    } else if parts.len() > 1
        && parts[0].parse::<Region>().is_ok()
        && parts[0].contains('-')
        && parts.len() > 3
    {
        if parts[0] != region.as_str() {
            return Err(unreachable_region(parts[0], region));
        }
        parts.remove(0);
    }
    if let Ok(given) = parts[0].parse::<AccountId>()
        && parts.get(1) == Some(&"function")
    {
        owner = given;
        parts.remove(0);
    }
    if parts.first() == Some(&"function") && parts.len() > 1 {
        parts.remove(0);
    }
    let (name, inside) = match parts.as_slice() {
        [name] => (*name, None),
        [name, qualifier] => (*name, Some(*qualifier)),
        _ => return Err(invalid(text)),
    };
    if name.is_empty() {
        return Err(invalid(text));
    }
    if let (Some(inside), Some(beside)) = (inside, beside)
        && inside != beside
    {
        let message = "The derived qualifier from the function name does not match the specified qualifier.";
        return Err(LambdaError::invalid(message));
    }
    let qualifier = inside.or(beside).map(str::to_owned);
    Ok(Named { scope: Scope::Regional(owner, region.clone()), name: name.to_owned(), qualifier })
}

fn invalid(text: &str) -> LambdaError {
    LambdaError::Validation(format!(
        "1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: Member must \
         satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{{2}}((-gov)|(-iso([a-z]?)))?-[a-z]+-\
         \\d{{1}}:)?(\\d{{12}}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?"
    ))
}

/// Refuses a name that no function may have.
///
/// # Errors
/// Where it is too long.
pub fn check_new(name: &str) -> Result<(), LambdaError> {
    if name.len() > MAX_NAME {
        return Err(LambdaError::invalid(format!(
            "1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: Member must \
             have length less than or equal to {MAX_NAME}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, beside: Option<&str>) -> Result<(String, String, Option<String>), LambdaError> {
        let named = parse(text, beside, AccountId::DEFAULT, &Region::default())?;
        let account = named.scope.account().unwrap().to_string();
        Ok((account, named.name, named.qualifier))
    }

    /// The forms of CreateFunction, API reference: name, name with alias, partial ARN, ARN.
    #[test]
    fn forms() {
        let cases = [
            ("f", None, ("000000000000", "f", None)),
            ("f", Some("live"), ("000000000000", "f", Some("live"))),
            ("f:live", None, ("000000000000", "f", Some("live"))),
            ("f:$LATEST", Some("$LATEST"), ("000000000000", "f", Some("$LATEST"))),
            ("123456789012:function:f", None, ("123456789012", "f", None)),
            ("123456789012:function:f:7", None, ("123456789012", "f", Some("7"))),
            ("function:f", None, ("000000000000", "f", None)),
            ("function", None, ("000000000000", "function", None)),
            ("arn:aws:lambda:us-east-1:123456789012:function:f", None, ("123456789012", "f", None)),
            ("arn:aws:lambda:us-east-1:123456789012:function:f:v", None, ("123456789012", "f", Some("v"))),
            ("us-east-1:123456789012:function:f", None, ("123456789012", "f", None)),
        ];
        for (text, beside, (account, name, qualifier)) in cases {
            let expect = (account.to_owned(), name.to_owned(), qualifier.map(str::to_owned));
            assert_eq!(of(text, beside).unwrap(), expect, "{text}");
        }
    }

    #[test]
    fn refused() {
        assert!(matches!(of("f:a", Some("b")), Err(LambdaError::InvalidParameter(_))));
        let elsewhere = "arn:aws:lambda:eu-west-1:123456789012:function:f";
        assert!(matches!(of(elsewhere, None), Err(LambdaError::NotFound(_))));
        for text in [
            "f:a:b",
            "arn:aws:lambda:us-east-1",
            "",
            ":",
            "arn:aws:lambda:us-east-1:function",
            "arn:aws:lambda:us-east-1:1:function:a:b:c",
        ] {
            assert!(of(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn qualifiers() {
        assert_eq!(Qualifier::of(None), Qualifier::Latest);
        assert_eq!(Qualifier::of(Some("$LATEST")), Qualifier::Latest);
        assert_eq!(Qualifier::of(Some("12")), Qualifier::Version(12));
        assert_eq!(Qualifier::of(Some("+12")), Qualifier::Alias("+12"));
        assert_eq!(Qualifier::of(Some("live")), Qualifier::Alias("live"));
    }
}

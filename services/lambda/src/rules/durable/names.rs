//! The ARNs of durable executions, the tokens of their checkpoints, the ids of their callbacks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use names::{Arn, Scope};
use store::Incarnation;

/// A durable execution as its ARN names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedExecution {
    /// Where its function is.
    pub scope: Scope,
    /// The function's name.
    pub function: String,
    /// The version that runs.
    pub version: String,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
}

/// Reads `arn:aws:lambda:{region}:{account}:function:{name}:{version}/durable-execution/{name}/{id}`.
pub fn parse(text: &str) -> Option<NamedExecution> {
    let (function, rest) = text.split_once("/durable-execution/")?;
    let (name, id) = rest.split_once('/')?;
    let arn: Arn = function.parse().ok()?;
    let ("function", function) = arn.kind_and_id() else { return None };
    let (function, version) = function.split_once(':')?;
    Some(NamedExecution {
        scope: Scope::Regional(arn.account()?, arn.region()?),
        function: function.to_owned(),
        version: version.to_owned(),
        name: name.to_owned(),
        id: id.to_owned(),
    })
}

/// What a token or a callback's id stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The function's name.
    pub function_name: String,
    /// The function.
    pub function: Incarnation,
    /// The execution.
    pub number: Incarnation,
    /// The operation, or nothing.
    pub operation: u64,
    /// What nobody guesses.
    pub secret: String,
}

impl Place {
    /// As clients get it.
    pub fn token(&self) -> String {
        let Place { function_name, function, number, operation, secret } = self;
        STANDARD.encode(format!("{function_name}:{}:{}:{operation}:{secret}", function.0, number.0))
    }

    /// Out of what a client sent.
    pub fn of(token: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
        let mut parts = text.split(':');
        let mut next = || parts.next();
        Some(Place {
            function_name: next()?.to_owned(),
            function: Incarnation(next()?.parse().ok()?),
            number: Incarnation(next()?.parse().ok()?),
            operation: next()?.parse().ok()?,
            secret: next()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DurableExecutionArn, API reference.
    #[test]
    fn arns() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST/durable-execution/order-1/0-1";
        let named = parse(arn).unwrap();
        assert_eq!((named.function.as_str(), named.version.as_str()), ("f", "$LATEST"));
        assert_eq!((named.name.as_str(), named.id.as_str()), ("order-1", "0-1"));
        for bad in [
            "arn:aws:lambda:us-east-1:123456789012:function:f:1",
            "arn:aws:lambda:us-east-1:123456789012:function:f/durable-execution/a/b",
            "arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/a",
            "/durable-execution//",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn tokens_come_back_and_others_are_none() {
        let place = Place {
            function_name: "f".to_owned(),
            function: Incarnation(7),
            number: Incarnation(8),
            operation: 9,
            secret: "s".to_owned(),
        };
        assert_eq!(Place::of(&place.token()), Some(place));
        for bad in ["", "QUJD", "!", "Zjo3OjhiOjk6cw=="] {
            assert_eq!(Place::of(bad), None, "{bad}");
        }
    }
}

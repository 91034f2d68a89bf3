//! JSON Web Tokens: how they are read, what they must say, and the keys they are signed with. Only RSA, as
//! HTTP APIs take no others.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use names::Timestamp;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The longest token.
const MAX_BYTES: usize = 16 * 1024;

/// A public key of an issuer.
#[derive(Debug, Clone, Deserialize)]
pub struct Key {
    /// Its id.
    #[serde(default)]
    kid: Option<String>,
    kty: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

/// The keys of an issuer.
#[derive(Debug, Clone, Deserialize)]
pub struct Keys {
    keys: Vec<Key>,
}

impl Keys {
    /// Reads a set of keys.
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The key of a token.
    pub fn of(&self, token: &Token<'_>) -> Option<&Key> {
        let keys = || self.keys.iter().filter(|key| key.kty == "RSA");
        match &token.kid {
            Some(kid) => keys().find(|key| key.kid.as_ref() == Some(kid)),
            None => keys().next().filter(|_| keys().count() == 1),
        }
    }
}

/// A token whose signature nobody has looked at yet.
pub struct Token<'t> {
    signed: &'t str,
    signature: Vec<u8>,
    algorithm: &'static RsaParameters,
    kid: Option<String>,
    claims: Map<String, Value>,
}

fn part(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

impl<'t> Token<'t> {
    /// Reads a token; `None` where it is none.
    pub fn parse(text: &'t str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let (header, claims) = (part(header)?, part(claims)?);
        let algorithm = match header.get("alg")?.as_str()? {
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "RS384" => &RSA_PKCS1_2048_8192_SHA384,
            "RS512" => &RSA_PKCS1_2048_8192_SHA512,
            _ => return None,
        };
        let kid = header.get("kid").and_then(Value::as_str).map(str::to_owned);
        Some(Token { signed, signature: URL_SAFE_NO_PAD.decode(signature).ok()?, algorithm, kid, claims })
    }

    /// Whether a key has signed it.
    pub fn is_signed_by(&self, key: &Key) -> bool {
        let number = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let (Some(n), Some(e)) = (number(&key.n), number(&key.e)) else { return false };
        let key = RsaPublicKeyComponents { n, e };
        key.verify(self.algorithm, self.signed.as_bytes(), &self.signature).is_ok()
    }

    /// What is wrong with what it says; `None` where nothing is.
    pub fn fault(&self, issuer: &str, audience: &[String], now: Timestamp) -> Option<&'static str> {
        let seconds = |claim: &str| self.claims.get(claim).and_then(Value::as_f64);
        let now = now.millis() as f64 / 1000.0;
        if self.claims.get("iss").and_then(Value::as_str) != Some(issuer) {
            return Some("invalid issuer");
        }
        let of = ["aud", "client_id"].into_iter().find_map(|claim| self.claims.get(claim));
        let named = of.map(texts).unwrap_or_default();
        if !named.iter().any(|name| audience.contains(name)) {
            return Some("invalid audience");
        }
        match (seconds("exp"), seconds("nbf"), seconds("iat")) {
            (Some(end), _, _) if end <= now => Some("the token has expired"),
            (None, _, _) => Some("the token has no end"),
            (_, Some(start), _) | (_, None, Some(start)) if start > now => Some("the token is not valid yet"),
            _ => None,
        }
    }

    /// Its scopes.
    pub fn scopes(&self) -> Vec<String> {
        let said = ["scope", "scp"].into_iter().find_map(|claim| self.claims.get(claim));
        let listed = said.map(texts).unwrap_or_default();
        listed
            .iter()
            .flat_map(|text| text.split(' '))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// What the integration is told of it: all claims as texts, and the scopes that the route wants.
    pub fn context(&self, wanted: &[String]) -> Map<String, Value> {
        let claims: Map<String, Value> =
            self.claims.iter().map(|(name, value)| (name.clone(), Value::String(written(value)))).collect();
        let scopes: Vec<String> = self.scopes().into_iter().filter(|scope| wanted.contains(scope)).collect();
        let scopes = if scopes.is_empty() { Value::Null } else { json!(scopes) };
        Map::from_iter([("claims".to_owned(), Value::Object(claims)), ("scopes".to_owned(), scopes)])
    }
}

/// A text or several.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// Lists stand in brackets with blanks: `[admin bard]`.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

fn flat(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://issuer";

    fn token(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({"alg": "RS256", "kid": "one"})), part(claims))
    }

    #[test]
    fn claims() {
        let audience = ["app".to_owned()];
        let fault = |claims: Value| {
            let text = token(&claims);
            Token::parse(&text).unwrap().fault(ISSUER, &audience, Timestamp(100_000))
        };
        for (claims, expected) in [
            (json!({"iss": ISSUER, "aud": "app", "exp": 101}), None),
            (json!({"iss": ISSUER, "aud": ["x", "app"], "exp": 101, "nbf": 99}), None),
            (json!({"iss": ISSUER, "client_id": "app", "exp": 101}), None),
            (json!({"iss": "https://other", "aud": "app", "exp": 101}), Some("invalid issuer")),
            (json!({"iss": ISSUER, "aud": "x", "client_id": "app", "exp": 101}), Some("invalid audience")),
            (json!({"iss": ISSUER, "exp": 101}), Some("invalid audience")),
            (json!({"iss": ISSUER, "aud": "app", "exp": 100}), Some("the token has expired")),
            (json!({"iss": ISSUER, "aud": "app"}), Some("the token has no end")),
            (
                json!({"iss": ISSUER, "aud": "app", "exp": 200, "nbf": 101}),
                Some("the token is not valid yet"),
            ),
        ] {
            assert_eq!(fault(claims.clone()), expected, "{claims}");
        }
    }

    #[test]
    fn what_an_integration_is_told() {
        let text =
            token(&json!({"sub": "bard", "exp": 7, "groups": ["a", 1], "scope": "read write", "ok": true}));
        let token = Token::parse(&text).unwrap();
        let told = Value::Object(token.context(&["write".to_owned(), "own".to_owned()]));
        let claims =
            json!({"sub": "bard", "exp": "7", "groups": "[a 1]", "scope": "read write", "ok": "true"});
        assert_eq!(told, json!({"claims": claims, "scopes": ["write"]}));
        assert_eq!(token.context(&[])["scopes"], Value::Null);
    }

    #[test]
    fn what_is_no_token() {
        let header = |alg: &str| URL_SAFE_NO_PAD.encode(json!({"alg": alg}).to_string());
        for text in [
            String::new(),
            "a.b.c".to_owned(),
            format!("{}.e30.c2ln", header("none")),
            format!("{}.e30.c2ln", header("HS256")),
            format!("{}.W10.c2ln", header("RS256")),
            ".".repeat(1_000_000),
        ] {
            assert!(Token::parse(&text).is_none());
        }
        let text = token(&json!({}));
        let keys = r#"{"keys": [{"kty": "RSA", "kid": "one", "n": "AQAB", "e": "AQAB"}, {"kty": "EC"}]}"#;
        let (keys, token) = (Keys::parse(keys.as_bytes()).unwrap(), Token::parse(&text).unwrap());
        assert!(!token.is_signed_by(keys.of(&token).unwrap()));
    }
}

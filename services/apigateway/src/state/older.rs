//! Records as the first version wrote them: before integrations over HTTP and authorizers by tokens.

use super::{Authorizer, Content, Integration, Route, Served, Stage};
use crate::rules::cors::Cors;
use crate::rules::events::Format;
use names::Arn;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Corrupt, Record};

#[derive(Serialize, Deserialize)]
struct Integration1 {
    id: String,
    uri: String,
    format: Format,
    timeout_ms: u32,
    description: Option<String>,
    method: Option<String>,
    credentials: Option<Arn>,
    managed: bool,
}

impl From<Integration1> for Integration {
    fn from(one: Integration1) -> Self {
        Integration {
            id: one.id,
            uri: one.uri,
            format: one.format,
            timeout_ms: one.timeout_ms,
            description: one.description,
            method: one.method,
            credentials: one.credentials,
            managed: one.managed,
            http: None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Authorizer1 {
    id: String,
    name: String,
    uri: String,
    format: Format,
    simple: bool,
    identity_sources: Vec<String>,
    ttl_s: u32,
    credentials: Option<Arn>,
}

impl From<Authorizer1> for Authorizer {
    fn from(one: Authorizer1) -> Self {
        Authorizer {
            id: one.id,
            name: one.name,
            uri: one.uri,
            format: one.format,
            simple: one.simple,
            identity_sources: one.identity_sources,
            ttl_s: one.ttl_s,
            credentials: one.credentials,
            issuer: None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Content1 {
    cors: Option<Cors>,
    routes: Vec<Route>,
    integrations: Vec<Integration1>,
    authorizers: Vec<Authorizer1>,
}

impl From<Content1> for Content {
    fn from(one: Content1) -> Self {
        Content {
            cors: one.cors,
            routes: one.routes,
            integrations: one.integrations.into_iter().map(Integration::from).collect(),
            authorizers: one.authorizers.into_iter().map(Authorizer::from).collect(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Served1 {
    stage: Stage,
    content: Content1,
}

impl From<Served1> for Served {
    fn from(one: Served1) -> Self {
        Served { stage: one.stage, content: one.content.into() }
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Corrupt> {
    postcard::from_bytes(bytes).map_err(|_| Corrupt("a record of the first version cannot be read"))
}

macro_rules! second {
    ($($record:ident $first:ident;)*) => {$(
        impl Record for $record {
            const VERSION: u8 = 2;

            fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
                read::<$first>(bytes).map($record::from)
            }
        }
    )*};
}
second!(
    Integration Integration1;
    Authorizer Authorizer1;
    Content Content1;
    Served Served1;
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_is_read() {
        let integration = Integration1 {
            id: "i".into(),
            uri: "u".into(),
            format: Format::Two,
            timeout_ms: 7,
            description: None,
            method: Some("POST".into()),
            credentials: None,
            managed: true,
        };
        let authorizer = Authorizer1 {
            id: "a".into(),
            name: "n".into(),
            uri: "u".into(),
            format: Format::One,
            simple: false,
            identity_sources: vec!["s".into()],
            ttl_s: 3,
            credentials: None,
        };
        let first = Content1 {
            cors: None,
            routes: Vec::new(),
            integrations: vec![integration],
            authorizers: vec![authorizer],
        };
        let content = Content::upgrade(1, &postcard::to_stdvec(&first).unwrap()).unwrap();
        assert_eq!((content.integrations[0].timeout_ms, &content.integrations[0].http), (7, &None));
        assert_eq!((content.authorizers[0].ttl_s, &content.authorizers[0].issuer), (3, &None));
    }
}

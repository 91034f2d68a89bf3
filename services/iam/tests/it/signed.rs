//! Signed requests through the whole pipeline of a region that enforces permissions.

use bytes::Bytes;
use names::Timestamp;
use signature::{KeyCache, PayloadHash, Signer, sign_header};
use testkit::{IamMode, Region, ReplyBody, Setup};

/// A region that refuses what is not allowed.
pub async fn enforcing() -> Region {
    Setup { iam: IamMode::Enforce, ..Setup::of(vec![iam::service()]) }.start().await
}

/// Credentials that sign requests.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    /// The access key; none for requests without a signature.
    pub access_key: String,
    /// Its secret.
    pub secret: String,
    /// The session token.
    pub token: Option<String>,
}

impl Signing {
    /// A key that lasts.
    pub fn key(access_key: &str, secret: &str) -> Self {
        Signing { access_key: access_key.to_owned(), secret: secret.to_owned(), token: None }
    }

    /// The root of the default account, as a test run knows it.
    pub fn root() -> Self {
        Self::key("test", "test")
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its text.
    pub text: String,
}

impl Answer {
    /// The text of the first element of a name.
    pub fn element(&self, name: &str) -> &str {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let behind = self.text.split_once(&open).map_or("", |(_, behind)| behind);
        behind.split_once(&close).map_or("", |(inside, _)| inside)
    }

    /// The text of an answer that must be a success.
    pub fn success(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.text);
        self
    }

    /// Holds the answer to be an error of this status and code.
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.element("Code")), (status, code), "{}", self.text);
        self
    }
}

/// Credentials out of an answer that has some.
pub fn credentials(answer: &Answer) -> Signing {
    let token = answer.element("SessionToken");
    Signing {
        access_key: answer.element("AccessKeyId").to_owned(),
        secret: answer.element("SecretAccessKey").to_owned(),
        token: (!token.is_empty()).then(|| token.to_owned()),
    }
}

/// Sends a query request of a service: `("Action", "GetUser"), …`.
pub async fn send(region: &Region, by: &Signing, service: &str, parameters: &[(&str, &str)]) -> Answer {
    let version = if service == "sts" { "2011-06-15" } else { "2010-05-08" };
    let encoded = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let last = [("Version", version)];
    let pairs = parameters.iter().chain(&last);
    let body = pairs.map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
    let mut headers = http::HeaderMap::new();
    headers.insert("host", "localhost:4566".parse().unwrap());
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    if !by.access_key.is_empty() {
        sign(region, by, service, &mut headers, body.as_bytes());
    }
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let outgoing = region.http("POST", "/", &headers, Bytes::from(body)).await;
    let ReplyBody::Bytes(bytes) = outgoing.body else { panic!("a streamed answer") };
    Answer { status: outgoing.status, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

fn sign(region: &Region, by: &Signing, service: &str, headers: &mut http::HeaderMap, body: &[u8]) {
    let now: Timestamp = region.host().clock.host();
    let signer = Signer {
        access_key: &by.access_key,
        secret: &by.secret,
        session_token: by.token.as_deref(),
        region: "us-east-1",
        service,
        now,
        cache: &KeyCache::new(),
    };
    sign_header(&signer, ("POST", "/", ""), headers, &PayloadHash::of_body(body)).unwrap();
}

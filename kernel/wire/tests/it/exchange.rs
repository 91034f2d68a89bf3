//! A request that a test makes, and what becomes of it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use schema::{ApiError, Obj, ServiceShape};
use wire::{
    Head, Limits, Malformed, Reply, ReplyBody, Route, Router, Routing, Rules, Unroutable, Violations,
};

/// A request.
pub struct Call {
    pub method: &'static str,
    pub host: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A request to `host/path?query`, without a body.
pub fn call(method: &'static str, url: &str) -> Call {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (host, path) = address.split_at(address.find('/').unwrap_or(address.len()));
    Call {
        method,
        host: host.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    }
}

/// A call of an awsJson operation.
pub fn json(target: &str, body: &str) -> Call {
    call("POST", "localhost:4566/")
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.0")
        .body(body)
}

/// A call of a query operation.
pub fn form(url: &str, body: &str) -> Call {
    call("POST", url).header("content-type", "application/x-www-form-urlencoded; charset=utf-8").body(body)
}

impl Call {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// Signed for a service: only the credential scope counts here.
    pub fn scope(self, service: &str) -> Self {
        let credential = format!("AKID/20260131/eu-west-1/{service}/aws4_request");
        let text = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        self.header("authorization", &text)
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Bytes::copy_from_slice(body.as_ref());
        self
    }

    pub fn head(&self) -> Head<'_> {
        Head {
            method: self.method,
            host: &self.host,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
        }
    }

    /// Routed among services, with the body where it is needed.
    pub fn route(&self, services: &[&'static ServiceShape]) -> Result<Route, Unroutable> {
        let router = Router::new(services, rules());
        match router.route(&self.head())? {
            Routing::Operation(route) => Ok(route),
            Routing::NeedsBody => router.route_form(&self.head(), &self.body),
            Routing::Host(host) => panic!("{host:?}"),
        }
    }

    pub fn decode(&self, service: &'static ServiceShape) -> Result<(Box<dyn Obj>, Violations), Malformed> {
        let route = self.route(&[service]).unwrap();
        let operation = route.operation.served().unwrap();
        let mut input = (operation.input.make)();
        let violations = wire::decode(&route, &self.head(), &self.body, input.as_mut(), Limits::STANDARD)?;
        Ok((input, violations))
    }

    /// The decoded input in canonical JSON; nothing may be missing.
    pub fn dump(&self, service: &'static ServiceShape) -> String {
        let (input, violations) = self.decode(service).unwrap();
        assert!(violations.is_empty(), "{}", violations.message());
        wire::dump(input.as_ref())
    }

    /// The input as its generated type.
    pub fn input<T: Obj>(&self, service: &'static ServiceShape) -> T {
        let (input, violations) = self.decode(service).unwrap();
        assert!(violations.is_empty(), "{}", violations.message());
        *input.into_any().downcast().unwrap()
    }

    /// The message of everything that is wrong with the input.
    pub fn violations(&self, service: &'static ServiceShape) -> String {
        let (input, mut violations) = self.decode(service).unwrap();
        wire::validate(input.as_ref(), &mut violations);
        if violations.is_empty() { String::new() } else { violations.message() }
    }

    /// The message with which decoding ended.
    pub fn malformed(&self, service: &'static ServiceShape) -> String {
        match self.decode(service) {
            Err(malformed) => malformed.message,
            Ok((input, _)) => panic!("{}", wire::dump(input.as_ref())),
        }
    }

    /// The answer with an output.
    pub fn answer(&self, service: &'static ServiceShape, output: &dyn Obj) -> Answer {
        Answer::of(wire::encode_output(&self.route(&[service]).unwrap(), output, "req-1"))
    }

    /// The answer with an error.
    pub fn refuse(&self, service: &'static ServiceShape, error: &ApiError) -> Answer {
        Answer::of(wire::encode_error(&self.route(&[service]).unwrap().form(), error, "req-1"))
    }
}

pub fn rules() -> Rules {
    let bases = ["localhost", "localhost.localstack.cloud"].map(str::to_owned).to_vec();
    Rules { bases, marks: vec!["execute-api", "lambda-url"] }
}

/// An answer that is all in memory.
pub struct Answer {
    pub reply: Reply,
}

impl Answer {
    pub fn of(reply: Reply) -> Self {
        Answer { reply }
    }

    pub fn status(&self) -> u16 {
        self.reply.status
    }

    pub fn header(&self, name: &str) -> &str {
        self.reply.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn bytes(&self) -> &[u8] {
        match &self.reply.body {
            ReplyBody::Bytes(bytes) => bytes,
            ReplyBody::Stream(_) => panic!("a stream"),
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap()
    }
}

//! Requests over HTTP and TLS to whatever hosts users of the region name: one connection each, a bound on
//! the answer. How long an answer may take is the caller's business: it drops the future.

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::{error, fmt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`
    pub method: String,
    /// Where it goes, with its query.
    pub url: String,
    /// Names in lower case; `host` follows from the URL.
    pub headers: Vec<(String, String)>,
    /// What it carries.
    pub body: Bytes,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// What it carries.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The request cannot be sent: no such URL, method or header.
    Unsendable(String),
    /// Nobody answers, or not in HTTP.
    Unreachable(String),
    /// The answer is longer than it may be.
    TooLong,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unsendable(why) => write!(f, "the request cannot be sent: {why}"),
            Failure::Unreachable(why) => write!(f, "there is no answer: {why}"),
            Failure::TooLong => f.write_str("the answer is too long"),
        }
    }
}

impl error::Error for Failure {}

fn unsendable(why: impl fmt::Display) -> Failure {
    Failure::Unsendable(why.to_string())
}

fn unreachable(why: impl fmt::Display) -> Failure {
    Failure::Unreachable(why.to_string())
}

/// Whom TLS trusts: what the machine trusts, and the region's own authority. Read when first needed.
#[derive(Default)]
pub struct Outbound(OnceLock<Arc<rustls::ClientConfig>>);

impl Outbound {
    /// Sends a request and reads its answer, up to a number of bytes; without one, the status and the headers
    /// alone. `data_dir` is where the region's own authority is.
    ///
    /// # Errors
    /// Where there is no answer.
    pub async fn send(
        &self,
        data_dir: &Path,
        request: Request,
        most: Option<usize>,
    ) -> Result<Answer, Failure> {
        let url: Uri = request.url.parse().map_err(unsendable)?;
        let host = url.host().ok_or_else(|| unsendable("the URL has no host"))?.to_owned();
        let secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(unsendable("the URL is neither http nor https")),
        };
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let message = message(&url, request)?;
        let stream = TcpStream::connect((reached_at(&host), port)).await.map_err(unreachable)?;
        if !secure {
            return exchange(stream, message, most).await;
        }
        let config = self.0.get_or_init(|| Arc::new(config(data_dir))).clone();
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(unsendable)?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(unreachable)?;
        exchange(stream, message, most).await
    }
}

fn config(data_dir: &Path) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Ok(own) = CertificateDer::pem_file_iter(data_dir.join("tls").join("authority.pem")) {
        roots.add_parsable_certificates(own.flatten());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // The provider is ring's own: it knows the versions that are its defaults.
    match rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions() {
        Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth(),
        Err(error) => unreachable!("ring's provider has no version of TLS: {error}"),
    }
}

/// Names of this machine need no resolver.
fn reached_at(host: &str) -> String {
    let own = host.ends_with(".localhost") || host.ends_with("localhost.localstack.cloud");
    if own { "127.0.0.1".to_owned() } else { host.trim_matches(['[', ']']).to_owned() }
}

fn message(url: &Uri, request: Request) -> Result<http::Request<Full<Bytes>>, Failure> {
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let authority = url.authority().map_or("", |authority| authority.as_str());
    // Credentials in a URL are for a challenge; they are no part of the host.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let mut message = http::Request::builder().method(request.method.as_str()).uri(path).header("host", host);
    for (name, value) in request.headers.iter().filter(|(name, _)| name != "host") {
        message = message.header(name, value);
    }
    message.body(Full::new(request.body)).map_err(unsendable)
}

async fn exchange<S>(
    stream: S,
    message: http::Request<Full<Bytes>>,
    most: Option<usize>,
) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let answer = async move {
        let answer = sender.send_request(message).await.map_err(unreachable)?;
        let (head, body) = answer.into_parts();
        let body = match most {
            Some(most) => whole(body, most).await?,
            None => Bytes::new(),
        };
        let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
        let headers = head.headers.iter();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: headers
                .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
                .collect(),
            body,
        })
    };
    tokio::pin!(connection, answer);
    let mut open = true;
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            // What the connection ends with is said by the answer, which fails with it.
            _ = &mut connection, if open => open = false,
        }
    }
}

async fn whole(body: Incoming, most: usize) -> Result<Bytes, Failure> {
    let collected = Limited::new(body, most)
        .collect()
        .await
        .map_err(|error| if error.is::<LengthLimitError>() { Failure::TooLong } else { unreachable(error) });
    Ok(collected?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A host that answers one request so, and says what it was asked.
    async fn host(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a?b=c", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let read = stream.read(&mut asked).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            asked.truncate(read);
            String::from_utf8(asked).unwrap()
        });
        (url, asked)
    }

    fn request(url: &str) -> Request {
        Request {
            method: "GET".into(),
            url: url.into(),
            headers: vec![("x-own".into(), "1".into()), ("host".into(), "elsewhere".into())],
            body: Bytes::new(),
        }
    }

    #[tokio::test]
    async fn a_host_is_asked() {
        let (url, asked) = host("HTTP/1.1 201 Created\r\nX-A: b\r\ncontent-length: 2\r\n\r\nhi").await;
        let answer = Outbound::default().send(Path::new("/"), request(&url), Some(2)).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (201, &b"hi"[..]));
        assert!(answer.headers.contains(&("x-a".to_owned(), "b".to_owned())));
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("GET /a?b=c HTTP/1.1\r\n") && asked.contains("x-own: 1\r\n"), "{asked}");
        assert!(asked.contains("host: 127.0.0.1:"), "{asked}");
    }

    #[tokio::test]
    async fn a_status_is_an_answer_whatever_body_follows_it() {
        let (url, _asked) = host("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n").await;
        let answer = Outbound::default().send(Path::new("/"), request(&url), None).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 0));
    }

    #[tokio::test]
    async fn what_is_no_answer() {
        let outbound = Outbound::default();
        let send = async |url: &str, most| outbound.send(Path::new("/"), request(url), Some(most)).await;
        let (url, _asked) = host("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc").await;
        assert_eq!(send(&url, 2).await.unwrap_err(), Failure::TooLong);
        let (url, _asked) = host("no HTTP\r\n\r\n").await;
        assert!(matches!(send(&url, 2).await, Err(Failure::Unreachable(_))));
        for url in ["ftp://localhost/", "http://", "no url", "/path"] {
            assert!(matches!(send(url, 2).await, Err(Failure::Unsendable(_))), "{url}");
        }
        let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(matches!(send(&format!("http://{unused}/"), 2).await, Err(Failure::Unreachable(_))));
    }
}

//! One request to a subscriber over HTTP or TLS. Whoever answers with a status has answered; the body is not
//! read.

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use service::Ctx;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a subscriber may take to answer (SNS developer guide, "HTTP/S endpoints").
const PATIENCE: Duration = Duration::from_secs(15);

/// Whom TLS trusts: what the machine trusts, and the region's own authority.
#[derive(Default)]
pub struct Trust(OnceLock<Arc<rustls::ClientConfig>>);

impl Trust {
    fn config(&self, data_dir: &Path) -> Arc<rustls::ClientConfig> {
        self.0.get_or_init(|| Arc::new(config(data_dir))).clone()
    }
}

fn config(data_dir: &Path) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Ok(own) = CertificateDer::pem_file_iter(data_dir.join("tls").join("authority.pem")) {
        roots.add_parsable_certificates(own.flatten());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    // The provider is ring's own: it knows the versions that are its defaults.
    match builder.with_safe_default_protocol_versions() {
        Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth(),
        Err(error) => unreachable!("ring's provider has no version of TLS: {error}"),
    }
}

/// Why a subscriber has not taken a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered(pub String);

/// Sends a body; gives the status of the answer.
///
/// # Errors
/// Where nobody answers in time.
pub async fn post(
    ctx: &Ctx,
    url: &str,
    headers: &BTreeMap<String, String>,
    body: &str,
) -> Result<u16, Unanswered> {
    tokio::select! {
        answered = exchange(ctx, url, headers, body) => answered,
        () = ctx.host().clock.rest(PATIENCE) => {
            Err(Unanswered(format!("no answer within {} seconds", PATIENCE.as_secs())))
        }
    }
}

fn failed(cause: impl std::fmt::Display) -> Unanswered {
    Unanswered(cause.to_string())
}

async fn exchange(
    ctx: &Ctx,
    url: &str,
    headers: &BTreeMap<String, String>,
    body: &str,
) -> Result<u16, Unanswered> {
    let url: http::Uri = url.parse().map_err(failed)?;
    let host = url.host().ok_or_else(|| failed("the URL has no host"))?.to_owned();
    let secure = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((reached_at(&host), port)).await.map_err(failed)?;
    let request = request(&url, headers, body).map_err(failed)?;
    if !secure {
        return send(stream, request).await;
    }
    let config = ctx.part::<Trust>().config(&ctx.host().settings.data_dir);
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(failed)?;
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(failed)?;
    send(stream, request).await
}

/// Names of this machine need no resolver.
fn reached_at(host: &str) -> String {
    let own = host.ends_with(".localhost") || host.ends_with("localhost.localstack.cloud");
    if own { "127.0.0.1".to_owned() } else { host.trim_matches(['[', ']']).to_owned() }
}

fn request(
    url: &http::Uri,
    headers: &BTreeMap<String, String>,
    body: &str,
) -> Result<http::Request<Full<Bytes>>, http::Error> {
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let authority = url.authority().map_or("", |authority| authority.as_str());
    // Credentials in a URL are for a challenge; they are no part of the host.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let mut request = http::Request::post(path).header("host", host);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
}

async fn send<S>(stream: S, request: http::Request<Full<Bytes>>) -> Result<u16, Unanswered>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let exchange = sender.send_request(request);
    tokio::pin!(connection, exchange);
    let mut open = true;
    loop {
        tokio::select! {
            answer = &mut exchange => return answer.map(|answer| answer.status().as_u16()).map_err(failed),
            ended = &mut connection, if open => match ended {
                Ok(()) => open = false,
                Err(error) => return Err(failed(error)),
            },
        }
    }
}

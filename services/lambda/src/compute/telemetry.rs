//! Who hears what happens in an environment: the Telemetry API and the older Logs API. Events are gathered
//! and posted to the subscriber, who listens in the environment; one that does not take them loses them.

use crate::rules::report;
use bytes::Bytes;
use ports::runner::Sandbox;
use serde::Deserialize;
use serde_json::Value;
use service::Clock;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Subscribers of one environment.
const MAX_SUBSCRIBERS: usize = 10;
/// Events that wait for a subscriber; what comes beyond them is lost.
const MAX_WAITING: usize = 10_000;
const MAX_HELD: usize = 16 * 1024 * 1024;
/// The name by which subscribers call themselves.
const OWN_HOST: &str = "sandbox.localdomain";

/// In which form events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `PUT /2022-07-01/telemetry`
    Telemetry,
    /// `PUT /2020-08-15/logs`
    Logs,
}

/// The form of events that a path subscribes to.
pub fn form_of(path: &str) -> Option<Form> {
    match path {
        "/2022-07-01/telemetry" => Some(Form::Telemetry),
        "/2020-08-15/logs" => Some(Form::Logs),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Subscription {
    types: Vec<String>,
    #[serde(default)]
    buffering: Buffering,
    destination: Destination,
}

/// Defaults and bounds are those of the Telemetry API reference.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Buffering {
    max_items: usize,
    max_bytes: usize,
    timeout_ms: u64,
}

impl Default for Buffering {
    fn default() -> Self {
        Buffering { max_items: 10_000, max_bytes: 262_144, timeout_ms: 1000 }
    }
}

#[derive(Deserialize)]
struct Destination {
    protocol: String,
    #[serde(rename = "URI")]
    uri: String,
}

struct Subscriber {
    name: String,
    types: Vec<String>,
    form: Form,
    events: mpsc::Sender<String>,
    /// Bytes of the events that wait.
    held: Arc<AtomicUsize>,
}

/// Who hears what happens in an environment.
#[derive(Default)]
pub struct Subscribers {
    all: Mutex<Vec<Subscriber>>,
    /// Where they listen; until it is told, this machine.
    sandbox: Arc<OnceLock<Weak<dyn Sandbox>>>,
}

impl Subscribers {
    /// Says in which sandbox subscribers listen; once.
    pub fn are_in(&self, sandbox: &Arc<dyn Sandbox>) {
        // A second time it would be the same.
        let _ = self.sandbox.set(Arc::downgrade(sandbox));
    }

    /// Subscribes an extension; it replaces what it subscribed to before.
    ///
    /// # Errors
    /// Where the request cannot be understood: why.
    pub fn subscribe(&self, name: &str, form: Form, body: &[u8]) -> Result<(), String> {
        let wanted: Subscription = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let known = |kind: &String| matches!(kind.as_str(), "platform" | "function" | "extension");
        if wanted.types.is_empty() || !wanted.types.iter().all(known) {
            return Err("types must be of platform, function, extension".to_owned());
        }
        if wanted.destination.protocol != "HTTP" {
            return Err("destination.protocol must be HTTP".to_owned());
        }
        let (port, path) = place(&wanted.destination.uri)
            .ok_or_else(|| format!("destination.URI must be of http://{OWN_HOST}:PORT"))?;
        let mut subscribers = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| subscriber.name != name);
        if subscribers.len() >= MAX_SUBSCRIBERS {
            return Err("there are too many subscriptions".to_owned());
        }
        let (events, waiting) = mpsc::channel(MAX_WAITING);
        let held = Arc::new(AtomicUsize::new(0));
        let place = Place { port, path, sandbox: self.sandbox.clone() };
        tokio::spawn(post_all((waiting, held.clone()), wanted.buffering, place));
        subscribers.push(Subscriber { name: name.to_owned(), types: wanted.types, form, events, held });
        Ok(())
    }

    /// Who listens: the name, in which form, to what.
    pub fn listed(&self) -> Vec<(String, Form, Vec<String>)> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|one| (one.name.clone(), one.form, one.types.clone())).collect()
    }

    /// Whether nobody listens.
    pub fn are_none(&self) -> bool {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Tells of something: when, its type such as `platform.start`, what is to be known of it.
    pub fn tell(&self, time: &str, kind: &str, record: &Value) {
        let subscribers = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let group = kind.split('.').next().unwrap_or(kind);
        for subscriber in subscribers.iter().filter(|one| one.types.iter().any(|own| own == group)) {
            // The older form has no events of the beginning.
            if subscriber.form == Form::Logs && kind.starts_with("platform.init") {
                continue;
            }
            // One that does not keep up loses events, and nobody waits for it.
            let event = report::event(time, kind, record);
            let bytes = event.len();
            if subscriber.held.load(Ordering::Relaxed) + bytes <= MAX_HELD
                && subscriber.events.try_send(event).is_ok()
            {
                subscriber.held.fetch_add(bytes, Ordering::Relaxed);
            }
        }
    }
}

/// Port and path of a subscriber, who can only be in the environment.
fn place(uri: &str) -> Option<(u16, String)> {
    let rest = uri.strip_prefix("http://")?;
    let (host, path) =
        rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, path.to_owned()));
    let (name, port) = host.rsplit_once(':')?;
    let own = matches!(name, OWN_HOST | "sandbox" | "localhost" | "127.0.0.1");
    let clean = path.bytes().all(|byte| byte.is_ascii_graphic());
    Some((port.parse().ok().filter(|port| own && clean && *port > 0)?, format!("/{path}")))
}

async fn post_all(
    (mut waiting, held): (mpsc::Receiver<String>, Arc<AtomicUsize>),
    buffering: Buffering,
    place: Place,
) {
    let most = buffering.max_items.clamp(1, 10_000);
    let bytes = buffering.max_bytes.clamp(1, 1_048_576);
    let clock = Clock::system();
    let pause = Duration::from_millis(buffering.timeout_ms.clamp(25, 30_000));
    while let Some(first) = waiting.recv().await {
        let mut batch = vec![first];
        let mut size = batch[0].len();
        let mut over = Box::pin(clock.rest(pause));
        while batch.len() < most && size < bytes {
            tokio::select! {
                event = waiting.recv() => match event {
                    Some(event) => {
                        size += event.len();
                        batch.push(event);
                    }
                    None => break,
                },
                () = &mut over => break,
            }
        }
        let body = Bytes::from(format!("[{}]", batch.join(",")));
        // A subscriber that cannot be reached loses the batch, as on AWS.
        let _ = tokio::select! {
            posted = post(&place, &body) => posted,
            () = clock.rest(POSTING) => Ok(()),
        };
        held.fetch_sub(size, Ordering::Relaxed);
    }
}

/// How long a subscriber may take to take a batch.
const POSTING: Duration = Duration::from_secs(5);

/// Where a subscriber listens.
struct Place {
    port: u16,
    path: String,
    sandbox: Arc<OnceLock<Weak<dyn Sandbox>>>,
}

async fn post(Place { port, path, sandbox }: &Place, body: &Bytes) -> std::io::Result<()> {
    let mut stream = match sandbox.get().map(Weak::upgrade) {
        None => TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await?,
        Some(Some(sandbox)) => sandbox.connect(*port).await?,
        Some(None) => return Err(std::io::ErrorKind::NotConnected.into()),
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {OWN_HOST}:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = [0; 1024];
    stream.read(&mut answer).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places() {
        assert_eq!(place("http://sandbox.localdomain:8080/a"), Some((8080, "/a".to_owned())));
        assert_eq!(place("http://sandbox:80"), Some((80, "/".to_owned())));
        for bad in ["https://sandbox:1", "http://example.com:80/", "http://sandbox", "http://sandbox:1/ x"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_subscriber_gets_what_it_wants_in_batches() {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let subscribers = Subscribers::default();
        let body = json!({
            "types": ["function"], "buffering": {"timeoutMs": 25},
            "destination": {"protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{port}/in")},
        });
        subscribers.subscribe("x", Form::Telemetry, body.to_string().as_bytes()).unwrap();
        subscribers.tell("now", "platform.start", &json!({}));
        subscribers.tell("now", "function", &json!("one"));
        subscribers.tell("now", "function", &json!("two"));
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"]") {
            assert!(stream.read_buf(&mut got).await.unwrap() > 0);
        }
        let got = String::from_utf8(got).unwrap();
        assert!(got.starts_with("POST /in HTTP/1.1\r\n") && !got.contains("platform"), "{got}");
        assert!(got.contains(r#""record":"one""#) && got.contains(r#""record":"two""#), "{got}");
    }

    #[test]
    fn refused() {
        for bad in ["", "{}", r#"{"types":["x"],"destination":{"protocol":"HTTP","URI":"http://sandbox:1"}}"#]
        {
            assert!(Subscribers::default().subscribe("x", Form::Logs, bad.as_bytes()).is_err(), "{bad}");
        }
    }
}

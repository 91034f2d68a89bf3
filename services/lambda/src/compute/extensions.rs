//! What runs beside a function in its environment: the Extensions API. An extension registers while the
//! environment begins, asks for events, is told of invocations and of the end.
//!
//! An environment has begun, and an invocation is over, only when all that want to know have asked for what
//! is next. Without extensions none of this costs anything.

use super::telemetry::{self, Subscribers};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Extensions of one environment (Lambda quotas).
const MAX_EXTENSIONS: usize = 10;
/// Events that wait for an extension that does not ask.
const MAX_WAITING: usize = 16;
const MAX_FIELD: usize = 128;
const EXTENSION: &str = "/2020-01-01/extension/";

/// Header fields of extensions' requests.
#[derive(Default)]
pub struct Fields {
    name: Option<String>,
    id: Option<String>,
    error: Option<String>,
}

impl Fields {
    /// Takes a field if it is one of an extension.
    pub fn take(&mut self, name: &[u8], value: &[u8]) {
        let text = || Some(String::from_utf8_lossy(&value[..value.len().min(MAX_FIELD)]).into_owned());
        match name.to_ascii_lowercase().as_slice() {
            b"lambda-extension-name" => self.name = text(),
            b"lambda-extension-identifier" => self.id = text(),
            b"lambda-extension-function-error-type" => self.error = text(),
            _ => {}
        }
    }
}

/// What an extension asks.
pub struct Asked<'a> {
    /// It reads.
    pub get: bool,
    /// The path.
    pub path: &'a str,
    /// Its own header fields.
    pub fields: &'a Fields,
    /// The body, unless it is too large.
    pub body: Option<&'a [u8]>,
}

/// What it is answered.
pub struct Said {
    /// The status line behind the version.
    pub status: &'static str,
    /// A header field.
    pub header: Option<String>,
    /// A document.
    pub body: String,
}

fn refused(status: &'static str, kind: &str, message: &str) -> Said {
    let body = json!({"errorType": kind, "errorMessage": message}).to_string();
    Said { status, header: None, body }
}

fn accepted() -> Said {
    Said { status: "202 Accepted", header: None, body: json!({"status": "OK"}).to_string() }
}

/// What a function is told of in its registration.
#[derive(Default, Clone)]
pub struct About {
    /// The function's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its handler.
    pub handler: String,
    /// Its account.
    pub account: String,
}

struct Extension {
    id: String,
    name: String,
    invokes: bool,
    shuts_down: bool,
    events: VecDeque<String>,
    /// It has asked for what is next, and has not been told yet.
    asks: bool,
}

#[derive(Default)]
struct State {
    about: About,
    /// Programs that were started as extensions and have not registered.
    expected: usize,
    registered: Vec<Extension>,
    /// Nothing registers any more: an invocation has come.
    closed: bool,
    failed: Option<(String, String)>,
    ids: u64,
}

/// The extensions of one environment.
#[derive(Default)]
pub struct Extensions {
    state: Mutex<State>,
    /// One has asked, registered, failed, or is told something.
    moved: Notify,
    /// Who hears what happens.
    pub telemetry: Subscribers,
}

#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

impl Extensions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what registrations are told, and how many programs are started.
    pub fn begin(&self, about: About, programs: usize) {
        let mut state = self.state();
        state.about = about;
        state.expected = programs;
    }

    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        let state = self.state();
        state.registered.is_empty() && state.expected == 0
    }

    /// Those that registered: the name, and of what they want to know.
    pub fn listed(&self) -> Vec<(String, Vec<&'static str>)> {
        let wants = |one: &Extension| {
            let wanted = [("INVOKE", one.invokes), ("SHUTDOWN", one.shuts_down)];
            wanted.into_iter().filter(|(_, wants)| *wants).map(|(event, _)| event).collect()
        };
        self.state().registered.iter().map(|one| (one.name.clone(), wants(one))).collect()
    }

    /// Whether one wants to know of the end.
    pub fn want_end(&self) -> bool {
        self.state().registered.iter().any(|extension| extension.shuts_down)
    }

    /// Answers a request; `None` where there is no such path.
    pub async fn act(&self, asked: Asked<'_>) -> Option<Said> {
        if let Some(path) = asked.path.strip_prefix(EXTENSION) {
            return match (asked.get, path) {
                (false, "register") => Some(self.register(&asked)),
                (true, "event/next") => Some(self.next(&asked).await),
                (false, "init/error") => Some(self.fail(&asked, "Extension.InitError")),
                (false, "exit/error") => Some(self.fail(&asked, "Extension.ExitError")),
                _ => None,
            };
        }
        let form = telemetry::form_of(asked.path).filter(|_| !asked.get)?;
        let known = self.known(&asked);
        let (Some(name), Some(body)) = (known, asked.body) else {
            return Some(refused(
                "403 Forbidden",
                "Extension.UnknownExtensionIdentifier",
                "Unknown extension",
            ));
        };
        Some(match self.telemetry.subscribe(&name, form, body) {
            Ok(()) => Said { status: "200 OK", header: None, body: "\"OK\"".to_owned() },
            Err(why) => refused("400 Bad Request", "Telemetry.ValidationError", &why),
        })
    }

    fn known(&self, asked: &Asked<'_>) -> Option<String> {
        let id = asked.fields.id.as_deref()?;
        let state = self.state();
        state.registered.iter().find(|extension| extension.id == id).map(|extension| extension.name.clone())
    }

    fn register(&self, asked: &Asked<'_>) -> Said {
        let Some(name) = asked.fields.name.clone().filter(|name| !name.is_empty()) else {
            return refused(
                "400 Bad Request",
                "Extension.MissingName",
                "Missing Lambda-Extension-Name header",
            );
        };
        let events = asked.body.map(serde_json::from_slice::<Registration>);
        let Some(Ok(Registration { events })) = events else {
            return refused("400 Bad Request", "InvalidRequestFormat", "The body is no registration");
        };
        if let Some(other) = events.iter().find(|event| !matches!(event.as_str(), "INVOKE" | "SHUTDOWN")) {
            return refused("400 Bad Request", "InvalidEventType", &format!("{other}: invalid event type"));
        }
        let mut state = self.state();
        if state.closed {
            return refused(
                "403 Forbidden",
                "Extension.RegistrationClosed",
                "Extension registration closed already",
            );
        }
        if state.registered.len() >= MAX_EXTENSIONS {
            let why = "Extension limit (10) reached";
            return refused("403 Forbidden", "Extension.TooManyExtensions", why);
        }
        if state.registered.iter().any(|extension| extension.name == name) {
            let why = format!("Extension with name '{name}' already registered");
            return refused("403 Forbidden", "Extension.AlreadyRegistered", &why);
        }
        state.ids += 1;
        // Unguessable it need not be: whoever can ask runs in the environment.
        let id = format!("00000000-0000-4000-8000-{:012x}", state.ids);
        let wants = |wanted: &str| events.iter().any(|event| event == wanted);
        state.registered.push(Extension {
            id: id.clone(),
            name,
            invokes: wants("INVOKE"),
            shuts_down: wants("SHUTDOWN"),
            events: VecDeque::new(),
            asks: false,
        });
        state.expected = state.expected.saturating_sub(1);
        let About { name, version, handler, account } = state.about.clone();
        drop(state);
        self.moved.notify_waiters();
        let body = json!({
            "functionName": name, "functionVersion": version, "handler": handler, "accountId": account,
        });
        let header = Some(format!("Lambda-Extension-Identifier: {id}"));
        Said { status: "200 OK", header, body: body.to_string() }
    }

    async fn next(&self, asked: &Asked<'_>) -> Said {
        let unknown =
            || refused("403 Forbidden", "Extension.UnknownExtensionIdentifier", "Unknown extension");
        let Some(id) = asked.fields.id.as_deref() else { return unknown() };
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            {
                let mut state = self.state();
                let Some(extension) = state.registered.iter_mut().find(|extension| extension.id == id) else {
                    return unknown();
                };
                if let Some(event) = extension.events.pop_front() {
                    extension.asks = false;
                    let header = Some(format!("Lambda-Extension-Event-Identifier: {id}"));
                    return Said { status: "200 OK", header, body: event };
                }
                if !std::mem::replace(&mut extension.asks, true) {
                    drop(state);
                    self.moved.notify_waiters();
                    continue;
                }
            }
            moved.await;
        }
    }

    fn fail(&self, asked: &Asked<'_>, kind: &str) -> Said {
        let Some(name) = self.known(asked) else {
            return refused("403 Forbidden", "Extension.UnknownExtensionIdentifier", "Unknown extension");
        };
        let of = asked.fields.error.clone().unwrap_or_else(|| kind.to_owned());
        self.break_off(kind, &format!("extension {name}: {of}"));
        accepted()
    }

    /// An extension cannot go on: what its environment ends with.
    pub fn break_off(&self, kind: &str, why: &str) {
        self.state().failed.get_or_insert_with(|| (kind.to_owned(), why.to_owned()));
        self.moved.notify_waiters();
    }

    /// Waits until all that are expected have registered and all that have registered ask for what is next.
    ///
    /// # Errors
    /// Where one cannot go on: the type and the words of its error.
    pub async fn settled(&self) -> Result<(), (String, String)> {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            {
                let state = self.state();
                if let Some(failed) = &state.failed {
                    return Err(failed.clone());
                }
                if state.expected == 0 && state.registered.iter().all(|extension| extension.asks) {
                    return Ok(());
                }
            }
            moved.await;
        }
    }

    /// Tells of an invocation those that want to know; they ask again when they are done with it.
    pub fn invoke(&self, event: &Value) {
        self.tell(event, |extension| extension.invokes);
    }

    /// Tells of the end those that want to know.
    pub fn end(&self, reason: &str, deadline_ms: i64) {
        let event = json!({"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms});
        self.tell(&event, |extension| extension.shuts_down);
    }

    fn tell(&self, event: &Value, wants: impl Fn(&Extension) -> bool) {
        let mut state = self.state();
        state.closed = true;
        for extension in state.registered.iter_mut().filter(|extension| wants(extension)) {
            if extension.events.len() < MAX_WAITING {
                extension.events.push_back(event.to_string());
            }
            // What waits for it to ask again must not see what it asked before.
            extension.asks = false;
        }
        drop(state);
        self.moved.notify_waiters();
    }
}

/// The error that a streamed answer ended with: its document, in Base64 in a trailer.
pub fn error_body(encoded: Option<&str>) -> Bytes {
    use base64::Engine;
    let decoded = encoded.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    Bytes::from(decoded.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(extensions: &Extensions, get: bool, path: &str, fields: &Fields, body: &str) -> Said {
        let path = format!("{EXTENSION}{path}");
        let asked = Asked { get, path: &path, fields, body: Some(body.as_bytes()) };
        extensions.act(asked).await.unwrap()
    }

    fn named(name: &str) -> Fields {
        Fields { name: Some(name.to_owned()), ..Fields::default() }
    }

    fn identified(said: &Said) -> Fields {
        let id = said.header.as_deref().unwrap().split(": ").nth(1).unwrap().to_owned();
        Fields { id: Some(id), ..Fields::default() }
    }

    #[tokio::test]
    async fn an_extension_hears_of_what_it_registered_for() {
        let extensions = Extensions::default();
        extensions.begin(About { name: "f".to_owned(), ..About::default() }, 1);
        let said = ask(&extensions, false, "register", &named("x"), r#"{"events":["INVOKE"]}"#).await;
        assert!(said.body.contains(r#""functionName":"f""#), "{}", said.body);
        let own = identified(&said);
        extensions.invoke(&json!({"eventType": "INVOKE"}));
        extensions.end("spindown", 0);
        let event = ask(&extensions, true, "event/next", &own, "").await;
        assert_eq!(event.body, r#"{"eventType":"INVOKE"}"#);
        let state = extensions.state();
        assert!(state.registered[0].events.is_empty(), "it did not ask for the end");
    }

    #[tokio::test]
    async fn settling_waits_for_all_and_fails_with_one() {
        let extensions = Extensions::default();
        extensions.begin(About::default(), 1);
        let own = identified(&ask(&extensions, false, "register", &named("x"), "{}").await);
        let pending = {
            let next = ask(&extensions, true, "event/next", &own, "");
            tokio::select! { biased; _ = next => false, settled = extensions.settled() => settled.is_ok() }
        };
        assert!(pending, "it asks, so all is settled");
        ask(&extensions, false, "exit/error", &own, "").await;
        assert_eq!(extensions.settled().await.unwrap_err().0, "Extension.ExitError");
    }

    #[tokio::test]
    async fn refusals() {
        let extensions = Extensions::default();
        let bad =
            [(named(""), r#"{"events":[]}"#), (named("x"), "no"), (named("x"), r#"{"events":["LUNCH"]}"#)];
        for (fields, body) in bad {
            let said = ask(&extensions, false, "register", &fields, body).await;
            assert_eq!(said.status, "400 Bad Request", "{body}");
        }
        assert_eq!(ask(&extensions, true, "event/next", &named("x"), "").await.status, "403 Forbidden");
        extensions.invoke(&json!({}));
        let late = ask(&extensions, false, "register", &named("x"), "{}").await;
        assert!(late.body.contains("RegistrationClosed"), "{}", late.body);
    }
}

//! The log of one environment: START before the first line of an invocation, END and REPORT behind its
//! last, all in batches to the room that keeps logs. Nothing here is waited for by an invocation, unless its
//! caller wants the tail.

use super::api::Shared;
use super::output::{Outputs, unfolded};
use crate::rules::levels::Level;
use crate::rules::report::{self, Report, Told};
use crate::state::Configuration;
use bytes::Bytes;
use names::Timestamp;
use ports::LogTarget;
use ports::runner::{Output, Sandbox};
use serde_json::Value;
use service::{Ctx, Host, Log};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Longest time that lines wait to be written together.
const FLUSH: Duration = Duration::from_millis(100);
/// Lines and bytes that are written at once.
const MAX_EVENTS: usize = 1000;
const MAX_BYTES: usize = 512 * 1024;
/// What a caller gets who asks for the tail (Invoke, API reference: LogType).
const TAIL: usize = 4096;
/// Invocations whose reports wait for the log.
const MAX_REPORTS: usize = 256;
/// How long the memory of an environment is taken for what it last was.
const USAGE: Duration = Duration::from_millis(200);
/// How long output is read of an environment that was ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

struct Ended {
    report: Report,
    tail: Option<oneshot::Sender<Bytes>>,
}

/// The log of an environment, as its invoker sees it.
pub struct EnvironmentLog {
    begun: Arc<Mutex<Beginnings>>,
    reports: mpsc::Sender<Ended>,
}

/// What is to be written before the next line.
#[derive(Default)]
struct Beginnings {
    environment: Vec<Told>,
    invocation: Option<Begun>,
}

/// An invocation that began.
struct Begun {
    at: Timestamp,
    request_id: String,
    version: String,
}

impl EnvironmentLog {
    /// Begins the log of a sandbox with these outputs.
    pub fn begin(
        ctx: &Ctx,
        sandbox: Arc<dyn Sandbox>,
        outputs: Vec<(bool, Output)>,
        (target, configuration): (LogTarget, &Configuration),
        shared: Arc<Shared>,
    ) -> Self {
        let (reports, ended) = mpsc::channel(MAX_REPORTS);
        let begun = Arc::new(Mutex::new(Beginnings::default()));
        let (levels, runtime) = (configuration.settings.json_logs.as_ref(), &configuration.settings.runtime);
        let collector = Collector {
            host: ctx.host().clone(),
            target,
            outputs: Outputs::of(outputs),
            sandbox,
            shared,
            system: levels.map(|levels| Level::named(&levels.system).unwrap_or(Level::Info)),
            application: levels.and_then(|levels| Level::named(&levels.application)).unwrap_or(Level::Trace),
            is_managed: !runtime.is_empty() && !runtime.starts_with("provided"),
            begun: begun.clone(),
            events: Vec::new(),
            bytes: 0,
            tail: Vec::new(),
            used: None,
            flush: None,
        };
        tokio::spawn(collector.run(ended));
        EnvironmentLog { begun, reports }
    }

    fn beginnings(&self) -> MutexGuard<'_, Beginnings> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The environment has begun: what is told of that, which whoever listens has been told.
    pub fn began(&self, told: Vec<Told>) {
        self.beginnings().environment = told;
    }

    /// An invocation begins.
    pub fn start(&self, at: Timestamp, request_id: &str, version: &str) {
        let begun = Begun { at, request_id: request_id.to_owned(), version: version.to_owned() };
        self.beginnings().invocation = Some(begun);
    }

    /// The invocation that begins is another environment's.
    pub fn forget(&self) {
        self.beginnings().invocation = None;
    }

    /// An invocation has ended.
    pub async fn end(&self, report: Report) {
        // The collector ends after this does.
        let _ = self.reports.send(Ended { report, tail: None }).await;
    }

    /// An invocation has ended: the last of what it logged.
    pub async fn end_with_tail(&self, report: Report) -> Bytes {
        let (tail, wanted) = oneshot::channel();
        let _ = self.reports.send(Ended { report, tail: Some(tail) }).await;
        wanted.await.unwrap_or_default()
    }
}

type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Collector {
    host: Arc<Host>,
    target: LogTarget,
    sandbox: Arc<dyn Sandbox>,
    outputs: Outputs,
    /// With whoever listens to what happens.
    shared: Arc<Shared>,
    /// In JSON, the level from which on Lambda's own events are written; in text all are that have a line.
    system: Option<Level>,
    /// The level from which on the function's are.
    application: Level,
    /// Our bootstraps write its lines.
    is_managed: bool,
    begun: Arc<Mutex<Beginnings>>,
    events: Vec<(Timestamp, Bytes)>,
    bytes: usize,
    /// The last bytes of the invocation that runs.
    tail: Vec<u8>,
    /// The most memory seen, in MB, and when it was looked at.
    used: Option<(Instant, u64)>,
    flush: Option<Pause>,
}

async fn due(flush: &mut Option<Pause>) {
    match flush {
        Some(pause) => pause.await,
        None => std::future::pending().await,
    }
}

impl Collector {
    async fn run(mut self, mut ended: mpsc::Receiver<Ended>) {
        loop {
            tokio::select! {
                lines = self.outputs.more(), if self.outputs.are_open() => self.lines(lines),
                () = due(&mut self.flush) => self.write().await,
                report = ended.recv() => match report {
                    Some(report) => self.report(report).await,
                    None => break,
                },
            }
            self.write_if_much().await;
        }
        self.last_words().await;
        self.write().await;
    }

    /// The environment was given up: what it still writes until it has ended.
    async fn last_words(&mut self) {
        let host = self.host.clone();
        let mut end = Box::pin(host.clock.rest(LAST_WORDS));
        while self.outputs.are_open() {
            let lines = tokio::select! {
                lines = self.outputs.more() => lines,
                () = &mut end => return,
            };
            self.lines(lines);
            self.write_if_much().await;
        }
    }

    fn lines(&mut self, lines: Vec<(bool, Bytes)>) {
        if lines.is_empty() {
            return;
        }
        self.begin();
        let now = self.host.clock.now();
        let listened = !self.shared.extensions.telemetry.are_none();
        for (extension, line) in lines {
            let line = if self.is_managed && !extension { unfolded(line) } else { line };
            if listened {
                let kind = if extension { "extension" } else { "function" };
                let record = String::from_utf8_lossy(&line).into();
                self.shared.extensions.telemetry.tell(&now.iso8601_millis(), kind, &record);
            }
            let hidden = !extension && self.application > Level::Trace;
            if hidden && Level::of_line(&line).is_some_and(|level| level < self.application) {
                continue;
            }
            self.event(now, line);
        }
    }

    /// Writes of what Lambda tells what is to be written.
    fn own(&mut self, at: Timestamp, kind: &str, record: impl Fn() -> Value, text: Vec<String>) {
        let Some(lowest) = self.system else {
            text.into_iter().for_each(|line| self.event(at, Bytes::from(line)));
            return;
        };
        let record = record();
        if Level::of_system(kind, &record) >= lowest {
            self.event(at, Bytes::from(report::json_line(at, kind, &record)));
        }
    }

    /// Tells whoever listens what Lambda tells, and writes of it what is to be written.
    fn tell(&mut self, at: Timestamp, kind: &str, record: impl Fn() -> Value, text: Vec<String>) {
        let telemetry = &self.shared.extensions.telemetry;
        if !telemetry.are_none() {
            telemetry.tell(&at.iso8601_millis(), kind, &record());
        }
        self.own(at, kind, record, text);
    }

    /// Writes that the environment began, and the START line of the invocation that runs, once.
    fn begin(&mut self) {
        let begun = std::mem::take(&mut *self.begun.lock().unwrap_or_else(PoisonError::into_inner));
        for Told { at, kind, record, line } in begun.environment {
            self.own(at, kind, || record.clone(), line.into_iter().collect());
        }
        let Some(Begun { at, request_id, version }) = begun.invocation else { return };
        self.tail.clear();
        let record = || report::start_record(&request_id, &version);
        self.tell(at, "platform.start", record, vec![report::start(&request_id, &version)]);
    }

    fn event(&mut self, at: Timestamp, line: Bytes) {
        self.tail.extend_from_slice(&line);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        self.bytes += line.len();
        self.events.push((at, line));
        if self.flush.is_none() {
            let host = self.host.clone();
            self.flush = Some(Box::pin(async move { host.clock.rest(FLUSH).await }));
        }
    }

    async fn report(&mut self, ended: Ended) {
        let lines = self.outputs.drain().await;
        self.lines(lines);
        self.begin();
        let (now, used) = (self.host.clock.now(), ended.report.used_mb(self.used_mb()));
        let report = &ended.report;
        self.tell(now, "platform.runtimeDone", || report.done_record(), Vec::new());
        self.tell(now, "platform.report", || report.record(used), report.lines(used, now));
        if let Some(wanted) = ended.tail {
            let from = self.tail.len().saturating_sub(TAIL);
            // Its caller may have left.
            let _ = wanted.send(Bytes::copy_from_slice(&self.tail[from..]));
        }
    }

    fn used_mb(&mut self) -> u64 {
        let now = self.host.clock.instant();
        match self.used {
            Some((at, used)) if now.duration_since(at) < USAGE => used,
            seen => {
                let usage = self.sandbox.usage().max_rss_bytes.div_ceil(1024 * 1024);
                let used = usage.max(seen.map_or(0, |(_, used)| used));
                self.used = Some((now, used));
                used
            }
        }
    }

    async fn write_if_much(&mut self) {
        if self.events.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES {
            self.write().await;
        }
    }

    async fn write(&mut self) {
        self.flush = None;
        self.bytes = 0;
        let events = std::mem::take(&mut self.events);
        let Some(logs) = self.host.ports().logs.clone().filter(|_| !events.is_empty()) else { return };
        if let Err(error) = logs.write(self.target.clone(), events).await {
            Log::warn("lambda", &format!("lines of {} are lost: {error}", self.target.group));
        }
    }
}

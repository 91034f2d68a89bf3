//! One environment: a sandbox with its Runtime API, its extensions and its log, from its beginning to its
//! end.

use super::api::{Answer, Begun, RuntimeApi};
use super::code::Lease;
use super::connection::MAX_ANSWER;
use super::dispatcher::{Outcome, Work};
use super::freezing::Frost;
use super::launch::{self, Launched};
use super::logs::EnvironmentLog;
use super::machine::Machine;
use super::places::Place;
use super::pools::Version;
use super::shutdown::{Reason, Remains};
use super::waiting::Kind;
use crate::errors::LambdaError;
use crate::rules::report::{self, Ending, Report};
use bytes::Bytes;
use names::Timestamp;
use ports::runner::{End, Exit, Sandbox};
use serde_json::{Value, json};
use service::{Clock, Ctx};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an environment may take to begin before that counts as the invocation's own time.
const INIT: Duration = Duration::from_secs(10);
/// Credentials that end sooner are not given to another invocation.
const FRESH_MS: i64 = 5 * 60 * 1000;

/// An environment that runs. Dropping it ends it.
pub struct Environment {
    pub(super) version: Version,
    pub(super) generation: u64,
    pub(super) api: Arc<RuntimeApi>,
    pub(super) sandbox: Arc<dyn Sandbox>,
    pub(super) extensions: Vec<Arc<dyn Sandbox>>,
    pub(super) log: EnvironmentLog,
    /// Until when its credentials are accepted.
    pub(super) credentials_end: Option<Timestamp>,
    pub(super) clock: Clock,
    pub(super) idle_since: Instant,
    /// How long it took to begin; said with its first invocation.
    pub(super) init: Option<Duration>,
    /// Why it ends, when it does.
    pub(super) reason: Reason,
    /// The folders of its code and layers, which stay while it lives.
    pub(super) _folders: Vec<Lease>,
    /// Counted among the environments of its version while this is held.
    pub(super) counted: Option<Arc<()>>,
    pub(super) _place: Place,
    /// Whether it is stopped.
    pub(super) frost: Arc<Frost>,
    /// What is to wait for the next of its kind; until that is seen to.
    pub(super) kind: Option<Kind>,
}

impl Drop for Environment {
    fn drop(&mut self) {
        let remains = Remains {
            api: self.api.clone(),
            sandbox: self.sandbox.clone(),
            extensions: std::mem::take(&mut self.extensions),
            frost: self.frost.clone(),
            clock: self.clock.clone(),
            reason: self.reason,
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(remains.end());
        }
    }
}

/// What became of an invocation, and whether its environment can take another.
pub struct Invoked {
    /// What its caller gets.
    pub outcome: Outcome,
    /// The environment may be used again.
    pub reusable: bool,
}

/// What came of starting an environment.
pub enum Started {
    /// It asks for invocations.
    Ready(Box<Environment>),
    /// It could not begin: what the invocation that wanted it ends with.
    Failed(Outcome),
}

impl Environment {
    /// What it runs.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Which generation of it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Counts it among the environments of its version.
    pub fn count(&mut self, counted: Arc<()>) {
        self.counted = Some(counted);
    }

    /// Whether something runs beside its function.
    pub fn has_extensions(&self) -> bool {
        !self.api.shared().extensions.are_none()
    }

    /// Since when it waits for work.
    pub fn idle_since(&self) -> Instant {
        self.idle_since
    }

    /// Whether it can take an invocation.
    pub fn is_usable(&self) -> bool {
        let fresh = self.credentials_end.is_none_or(|end| self.clock.now().plus_millis(FRESH_MS) < end);
        fresh && self.api.is_alive()
    }

    /// Starts an environment for an invocation and waits until it has begun.
    ///
    /// # Errors
    /// Where the function cannot run here.
    pub async fn start(
        ctx: &Ctx,
        machine: &Machine,
        work: &Work,
        place: Place,
    ) -> Result<Started, LambdaError> {
        let launched = match launch::launch(ctx, machine, work, place).await {
            Err(LambdaError::BadEntrypoint(why)) => {
                return Ok(Started::Failed(invalid_entrypoint(work, &why)));
            }
            launched => launched?,
        };
        let Launched { mut environment, begun, since } = launched;
        let timeout = Duration::from_secs(u64::from(work.configuration.settings.timeout_s));
        let clock = &ctx.host().clock;
        let shared = environment.api.shared().clone();
        let begun = tokio::select! {
            begun = async {
                match begun.await {
                    Ok(Begun::Ready) => match shared.extensions.settled().await {
                        Ok(()) => Some(Begun::Ready),
                        Err((kind, why)) => {
                            let error = report::ended(&work.request_id, &kind, &why);
                            Some(Begun::Failed(Bytes::from(error), kind))
                        }
                    },
                    begun => begun.ok(),
                }
            } => begun,
            () = clock.rest(INIT.max(timeout)) => None,
        };
        let took = clock.instant().duration_since(since);
        let (payload, ending) = match begun {
            Some(Begun::Ready) => {
                environment.began(ctx, work, took);
                return Ok(Started::Ready(Box::new(environment)));
            }
            Some(Begun::Failed(error, kind)) => (error, Ending::Failed(kind)),
            Some(Begun::Ended(exit)) => ended(&work.request_id, exit),
            None => (timed_out(work), Ending::TimedOut),
        };
        environment.reason = Reason::Failure;
        environment.log.start(ctx.now(), &work.request_id, &work.configuration.version);
        let outcome = environment.finish(work, took, ending, payload, true).await;
        Ok(Started::Failed(outcome))
    }

    /// It has begun: it can wait for work.
    fn began(&mut self, ctx: &Ctx, work: &Work, took: Duration) {
        self.init = Some(took);
        self.idle_since = self.clock.instant();
        let (extensions, now) = (&self.api.shared().extensions, ctx.now());
        let (listening, mut told) = (extensions.telemetry.listed(), Vec::new());
        // A log in text has no line of these.
        if !listening.is_empty() || work.configuration.settings.json_logs.is_some() {
            told.extend(report::beginning(&work.configuration, work.kind, took, now));
        }
        told.extend(listening.iter().map(|(name, form, types)| report::subscribed(now, name, *form, types)));
        let ready = extensions.listed();
        told.extend(ready.iter().map(|(name, events)| report::extension(now, name, events)));
        if !listening.is_empty() {
            for one in &told {
                extensions.telemetry.tell(&one.at.iso8601_millis(), one.kind, &one.record);
            }
        }
        self.log.began(told);
    }

    /// Runs an invocation; nothing comes of it where an environment that ran others has ended and did not take it,
    /// as runtimes do that end after an error.
    pub async fn invoke(&mut self, ctx: &Ctx, work: &Work, is_first: bool) -> Option<Invoked> {
        let clock = &ctx.host().clock;
        let began = clock.instant();
        let timeout = Duration::from_secs(u64::from(work.configuration.settings.timeout_s));
        self.log.start(ctx.now(), &work.request_id, &work.configuration.version);
        let deadline = ctx.host_time().plus_millis(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
        let head = head(work, deadline);
        if self.has_extensions() {
            self.api.shared().extensions.invoke(&told(work, deadline));
        }
        let wanted = (work.request_id.as_str(), work.sink.clone());
        let answer = tokio::select! {
            biased;
            answer = async { self.api.invoke(wanted, Bytes::from(head), work.payload.clone()).await.await } => {
                answer.ok()
            }
            () = clock.rest(timeout) => None,
        };
        let took = clock.instant().duration_since(began);
        let (payload, failed, ending, reusable) = match answer {
            Some(Answer::Result(bytes)) => (bytes, false, Ending::Done, true),
            Some(Answer::Error(bytes)) => (bytes, true, Ending::Done, true),
            Some(Answer::Streamed(None)) => (Bytes::new(), false, Ending::Done, true),
            Some(Answer::Streamed(Some(error))) => (error, true, Ending::Done, true),
            Some(Answer::TooLarge) => {
                let kind = "Function.ResponseSizeTooLarge".to_owned();
                (Bytes::from(report::answer_too_large(MAX_ANSWER)), true, Ending::Failed(kind), true)
            }
            Some(Answer::Untaken(_)) if !is_first => {
                self.log.forget();
                self.reason = Reason::Failure;
                return None;
            }
            Some(Answer::Ended(exit) | Answer::Untaken(exit)) => {
                self.reason = Reason::Failure;
                let (payload, ending) = ended(&work.request_id, exit);
                (payload, true, ending, false)
            }
            None => {
                self.reason = Reason::Timeout;
                self.api.forget();
                (timed_out(work), true, Ending::TimedOut, false)
            }
        };
        let outcome = self.finish(work, took, ending, payload, failed).await;
        self.idle_since = clock.instant();
        Some(Invoked { outcome, reusable })
    }

    /// Waits until all extensions are done with the last invocation; `false` where one is not in time, or
    /// cannot go on.
    pub async fn settled(&mut self, timeout: Duration) -> bool {
        let shared = self.api.shared().clone();
        let settled = tokio::select! {
            settled = shared.extensions.settled() => settled.is_ok(),
            () = self.clock.rest(timeout) => false,
        };
        if !settled {
            self.reason = Reason::Failure;
        }
        self.idle_since = self.clock.instant();
        settled
    }

    async fn finish(
        &mut self,
        work: &Work,
        duration: Duration,
        ending: Ending,
        payload: Bytes,
        failed: bool,
    ) -> Outcome {
        let report = Report {
            request_id: work.request_id.clone(),
            duration,
            init: self.init.take(),
            memory_mb: work.configuration.settings.memory_mb,
            ending,
        };
        let tail = if work.tail {
            Some(self.log.end_with_tail(report).await)
        } else {
            self.log.end(report).await;
            None
        };
        Outcome { payload, failed, tail, version: work.configuration.version.clone() }
    }
}

fn timed_out(work: &Work) -> Bytes {
    Bytes::from(report::timed_out(&work.request_id, work.configuration.settings.timeout_s))
}

fn invalid_entrypoint(work: &Work, why: &str) -> Outcome {
    let payload = Bytes::from(report::ended(&work.request_id, "Runtime.InvalidEntrypoint", why));
    Outcome { payload, failed: true, tail: None, version: work.configuration.version.clone() }
}

/// What an invocation gets whose environment ended, in the words of Lambda's supervisor.
fn ended(request_id: &str, exit: Exit) -> (Bytes, Ending) {
    let (kind, why) = match exit.end {
        End::Code(0) => ("Runtime.ExitError", "Runtime exited without providing a reason".to_owned()),
        End::Code(code) => ("Runtime.ExitError", format!("Runtime exited with error: exit status {code}")),
        End::Signal(signal) => {
            ("Runtime.ExitError", format!("Runtime exited with error: signal: {}", signal_name(signal)))
        }
        End::OutOfMemory => ("Runtime.OutOfMemory", "Runtime exited with error: signal: killed".to_owned()),
        End::Lost => ("Sandbox.Failure", "The environment was lost".to_owned()),
    };
    (Bytes::from(report::ended(request_id, kind, &why)), Ending::Failed(kind.to_owned()))
}

fn signal_name(signal: i32) -> String {
    match signal {
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        8 => "floating point exception".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}

/// An invocation as the runtime reads it, up to its payload.
fn head(work: &Work, deadline: Timestamp) -> String {
    let client = match &work.client_context {
        Some(context) => format!("Lambda-Runtime-Client-Context: {context}\r\n"),
        None => String::new(),
    };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: {}\r\n\
         Lambda-Runtime-Deadline-Ms: {}\r\nLambda-Runtime-Invoked-Function-Arn: {}\r\n\
         Lambda-Runtime-Trace-Id: {}\r\n{client}Content-Length: {}\r\n\r\n",
        work.request_id,
        deadline.millis(),
        work.invoked,
        work.trace,
        work.payload.len(),
    )
}

/// An invocation as extensions hear of it.
fn told(work: &Work, deadline: Timestamp) -> Value {
    json!({
        "eventType": "INVOKE",
        "deadlineMs": deadline.millis(),
        "requestId": work.request_id,
        "invokedFunctionArn": work.invoked.as_str(),
        "tracing": {"type": "X-Amzn-Trace-Id", "value": work.trace},
    })
}

//! One environment: a sandbox with its Runtime API and its log, from its beginning to its end.

use super::api::{Answer, Begun, RuntimeApi};
use super::code;
use super::connection::MAX_ANSWER;
use super::dispatcher::{Outcome, Work};
use super::logs::EnvironmentLog;
use super::machine::Machine;
use super::pools::Version;
use super::template::Plan;
use crate::errors::LambdaError;
use crate::rules::report::{self, Ending, Report};
use crate::state::Configuration;
use bytes::Bytes;
use names::{AccountId, Region, Timestamp};
use ports::runner::{End, Exit, Runner, RunnerError, Sandbox};
use ports::{LogTarget, Session, SessionRequest};
use service::{Ctx, Log};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;

/// How long an environment may take to begin before that counts as the invocation's own time.
const INIT: Duration = Duration::from_secs(10);
/// Credentials that end sooner are not given to another invocation.
const FRESH_MS: i64 = 5 * 60 * 1000;

/// An environment that runs. Dropping it ends it.
pub struct Environment {
    version: Version,
    generation: u64,
    code: PathBuf,
    api: RuntimeApi,
    sandbox: Arc<dyn Sandbox>,
    log: EnvironmentLog,
    /// Until when its credentials are accepted.
    credentials_end: Option<Timestamp>,
    clock: service::Clock,
    idle_since: Instant,
    /// How long it took to begin; said with its first invocation.
    init: Option<Duration>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Environment {
    fn drop(&mut self) {
        let sandbox = self.sandbox.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = sandbox.kill().await {
                    Log::warn("lambda", &format!("an environment cannot be ended: {error}"));
                }
            });
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

struct Launched {
    environment: Environment,
    begun: tokio::sync::oneshot::Receiver<Begun>,
    since: Instant,
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

    /// The folder of its code.
    pub fn code(&self) -> &Path {
        &self.code
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
        place: OwnedSemaphorePermit,
    ) -> Result<Started, LambdaError> {
        let launched = match launch(ctx, machine, work, place).await {
            Err(LambdaError::BadEntrypoint(why)) => {
                return Ok(Started::Failed(invalid_entrypoint(work, &why)));
            }
            launched => launched?,
        };
        let Launched { mut environment, begun, since } = launched;
        let timeout = Duration::from_secs(u64::from(work.configuration.settings.timeout_s));
        let clock = &ctx.host().clock;
        let begun = tokio::select! {
            begun = begun => begun.ok(),
            () = clock.rest(INIT.max(timeout)) => None,
        };
        let took = clock.instant().duration_since(since);
        let (payload, ending) = match begun {
            Some(Begun::Ready) => {
                environment.init = Some(took);
                environment.idle_since = clock.instant();
                return Ok(Started::Ready(Box::new(environment)));
            }
            Some(Begun::Failed(error, kind)) => (error, Ending::Failed(kind)),
            Some(Begun::Ended(exit)) => ended(&work.request_id, exit),
            None => (timed_out(work), Ending::TimedOut),
        };
        environment.log.start(ctx.now(), &work.request_id, &work.configuration.version);
        let outcome = environment.finish(work, took, ending, payload, true).await;
        Ok(Started::Failed(outcome))
    }

    /// Runs an invocation.
    pub async fn invoke(&mut self, ctx: &Ctx, work: &Work) -> Invoked {
        let clock = &ctx.host().clock;
        let began = clock.instant();
        let timeout = Duration::from_secs(u64::from(work.configuration.settings.timeout_s));
        self.log.start(ctx.now(), &work.request_id, &work.configuration.version);
        let head = Bytes::from(head(ctx, work, timeout));
        let answer = tokio::select! {
            biased;
            answer = async { self.api.invoke(&work.request_id, head, work.payload.clone()).await.await } => {
                answer.ok()
            }
            () = clock.rest(timeout) => None,
        };
        let took = clock.instant().duration_since(began);
        let (payload, failed, ending, reusable) = match answer {
            Some(Answer::Result(bytes)) => (bytes, false, Ending::Done, true),
            Some(Answer::Error(bytes)) => (bytes, true, Ending::Done, true),
            Some(Answer::TooLarge) => {
                let kind = "Function.ResponseSizeTooLarge".to_owned();
                (Bytes::from(report::answer_too_large(MAX_ANSWER)), true, Ending::Failed(kind), true)
            }
            Some(Answer::Ended(exit)) => {
                let (payload, ending) = ended(&work.request_id, exit);
                (payload, true, ending, false)
            }
            None => {
                self.api.forget();
                (timed_out(work), true, Ending::TimedOut, false)
            }
        };
        let outcome = self.finish(work, took, ending, payload, failed).await;
        self.idle_since = clock.instant();
        Invoked { outcome, reusable }
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
fn head(ctx: &Ctx, work: &Work, timeout: Duration) -> String {
    let deadline = ctx.host_time().plus_millis(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
    let trace = ctx.host().entropy.hex(40);
    let client = match &work.client_context {
        Some(context) => format!("Lambda-Runtime-Client-Context: {context}\r\n"),
        None => String::new(),
    };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: {}\r\n\
         Lambda-Runtime-Deadline-Ms: {}\r\nLambda-Runtime-Invoked-Function-Arn: {}\r\n\
         Lambda-Runtime-Trace-Id: Root=1-{:08x}-{};Parent={};Sampled=0\r\n{client}Content-Length: {}\r\n\r\n",
        work.request_id,
        deadline.millis(),
        work.invoked,
        ctx.now().seconds(),
        &trace[..24],
        &trace[24..],
        work.payload.len(),
    )
}

/// Credentials of the function's role. Where permissions are not enforced a role may be absent; the function
/// then acts as its account.
async fn session(
    ctx: &Ctx,
    configuration: &Configuration,
    account: AccountId,
) -> Result<Option<Session>, LambdaError> {
    let request = SessionRequest {
        role: configuration.settings.role.clone(),
        service: "lambda.amazonaws.com",
        session_name: configuration.name.clone(),
        source_arn: None,
        source_account: account,
    };
    match ctx.ports().credentials.session(request).await {
        Ok(session) => Ok(Some(session)),
        Err(error) if error.status >= 500 => Err(LambdaError::Other(error)),
        Err(_) if ctx.host().settings.enforces => Err(LambdaError::RoleNotAssumable),
        Err(_) => Ok(None),
    }
}

fn runner(ctx: &Ctx) -> Result<Arc<dyn Runner>, LambdaError> {
    let none =
        || LambdaError::CannotRun("This region cannot start processes, so no function can run.".to_owned());
    ctx.ports().runner.clone().ok_or_else(none)
}

fn log_target(
    ctx: &Ctx,
    configuration: &Configuration,
    (account, region): (AccountId, &Region),
) -> LogTarget {
    let group = configuration.settings.log_group.clone();
    let (year, month, day, ..) = ctx.now().civil();
    let (version, unique) = (&configuration.version, ctx.host().entropy.hex(32));
    LogTarget {
        account,
        region: region.clone(),
        group: group.unwrap_or_else(|| format!("/aws/lambda/{}", configuration.name)),
        stream: format!("{year:04}/{month:02}/{day:02}/[{version}]{unique}"),
    }
}

async fn launch(
    ctx: &Ctx,
    machine: &Machine,
    work: &Work,
    place: OwnedSemaphorePermit,
) -> Result<Launched, LambdaError> {
    let (runner, configuration) = (runner(ctx)?, &work.configuration);
    let account = work.scope.account().unwrap_or(AccountId::DEFAULT);
    let region = work.scope.region().cloned().unwrap_or_default();
    let code = code::unpacked(ctx, &configuration.code).await?;
    let command = machine.command(ctx, &configuration.settings.runtime, &code).await?;
    let session = session(ctx, configuration, account).await?;
    let since = ctx.host().clock.instant();
    let refused = |error: std::io::Error| LambdaError::CannotRun(format!("No port is free: {error}"));
    let api = RuntimeApi::listen().await.map_err(refused)?;
    let log = log_target(ctx, configuration, (account, &region));
    let tmp = scratch(ctx, machine.scratch(ctx)).await?;
    let plan = Plan {
        configuration,
        place: (account, region.as_str()),
        code: &code,
        command,
        api: api.address().to_string(),
        log: (&log.group, &log.stream),
        session: session.as_ref(),
        endpoint: &ctx.host().settings.endpoint,
        tmp,
        level: runner.level(),
    };
    let launched = runner.launch(plan.template()).await;
    let sandbox: Arc<dyn Sandbox> = Arc::from(launched.map_err(|error| not_launched(work, &code, &error))?);
    let begun = api.begun().ok_or_else(|| LambdaError::CannotRun("The environment has begun.".to_owned()))?;
    watch(&api, sandbox.clone());
    let environment = Environment {
        version: Version { function: work.function, version: configuration.version.clone() },
        generation: configuration.generation,
        code,
        log: EnvironmentLog::begin(ctx, sandbox.clone(), log),
        api,
        sandbox,
        credentials_end: session.map(|session| session.expires),
        clock: ctx.host().clock.clone(),
        idle_since: since,
        init: None,
        _place: place,
    };
    Ok(Launched { environment, begun, since })
}

/// Tells the Runtime API when the environment's program has ended.
fn watch(api: &RuntimeApi, sandbox: Arc<dyn Sandbox>) {
    let shared = api.shared().clone();
    tokio::spawn(async move { shared.ended(sandbox.exited().await) });
}

fn not_launched(work: &Work, code: &Path, error: &RunnerError) -> LambdaError {
    if !work.configuration.settings.runtime.starts_with("provided") {
        return LambdaError::CannotRun(error.to_string());
    }
    if code.join("bootstrap").is_file() {
        return LambdaError::BadEntrypoint(format!("/var/task/bootstrap: {error}"));
    }
    let places = "[/var/task/bootstrap /opt/bootstrap]";
    LambdaError::BadEntrypoint(format!("Couldn't find valid bootstrap(s): {places}"))
}

/// The folder of an environment for its temporary files, which the runner makes.
async fn scratch(ctx: &Ctx, folder: &Path) -> Result<PathBuf, LambdaError> {
    let (made, name) = (folder.to_owned(), ctx.host().entropy.hex(24));
    let made = ctx.compute(move || std::fs::create_dir_all(made)).await.map_err(LambdaError::Other)?;
    made.map_err(|error| LambdaError::CannotRun(format!("{} cannot be made: {error}", folder.display())))?;
    Ok(folder.join(name))
}

//! Beginning an execution, and waiting for its end.

use super::{Executions, arn, config};
use crate::compute::Outcome;
use crate::durable::timers::{self, What};
use crate::errors::LambdaError;
use crate::invoke::{self, Found};
use crate::rules::durable::{MAX_AWAITED_S, output};
use crate::rules::names::{Named, Qualifier};
use crate::state::choices::Durable;
use crate::state::durable::{self, Detail, Execution, Moment, Parent, Ready, Status};
use crate::state::{self, Configuration, Function, LATEST};
use bytes::Bytes;
use names::{Scope, Timestamp};
use service::Ctx;
use sha2::{Digest, Sha256};
use std::pin::pin;
use store::{Incarnation, Read, Tx};

/// What an execution begins with.
#[derive(Clone)]
pub struct Beginning {
    /// The version that is run.
    pub function: Incarnation,
    /// Its configuration.
    pub configuration: Configuration,
    /// How long it lasts.
    pub durable: Durable,
    /// The name that was given to it.
    pub name: Option<String>,
    /// An id for it.
    pub id: String,
    /// What it gets.
    pub input: Bytes,
    /// The tracing header of what led to it.
    pub trace: Option<String>,
    /// Who waits for it.
    pub parent: Option<Parent>,
    /// Nobody waits for it.
    pub of_event: bool,
    /// Now.
    pub now: Timestamp,
}

/// Where an execution is.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Where its function is.
    pub scope: Scope,
    /// Its function and its number.
    pub key: (Incarnation, Incarnation),
    /// Its ARN.
    pub arn: String,
}

/// Refuses what no durable function may be called with.
///
/// # Errors
/// Where the function is named without a version, or lasts longer than anybody waits.
pub fn check(named: &Named, durable: Durable, awaited: bool) -> Result<(), LambdaError> {
    if named.qualifier.is_none() {
        return Err(LambdaError::invalid("You cannot invoke a durable function using an unqualified ARN."));
    }
    if awaited && durable.timeout_s > MAX_AWAITED_S {
        return Err(LambdaError::invalid(
            "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.",
        ));
    }
    Ok(())
}

/// How long the executions of what a name stands for last; none where it has none.
///
/// # Errors
/// Where there is no such function.
pub fn of(
    read: &impl Read,
    named: &Named,
) -> Result<Option<(Function, Configuration, Durable)>, LambdaError> {
    let function = invoke::target(read, named)?;
    let version = match Qualifier::of(named.qualifier.as_deref()) {
        Qualifier::Latest => LATEST.to_owned(),
        Qualifier::Version(number) => state::version_name(number),
        Qualifier::Alias(name) => {
            let alias = state::alias(read, &named.scope, &function, name)?;
            alias.ok_or_else(|| invoke::absent(named))?.version
        }
    };
    let Some(durable) = config(read, &named.scope, (function.incarnation, &version))? else {
        return Ok(None);
    };
    let configuration = invoke::configuration(read, named, &function, 1.0)?;
    Ok(Some((function, configuration, durable)))
}

/// As [`of`], where what the name stands for is known: most functions need no second look.
///
/// # Errors
/// As [`of`].
pub fn of_found(
    ctx: &Ctx,
    named: &Named,
    found: &Found,
) -> Result<Option<(Function, Configuration, Durable)>, LambdaError> {
    if found.choices.durable.is_none() { Ok(None) } else { of(&ctx.read(), named) }
}

fn begun(scope: &Scope, execution: &Execution) -> Begun {
    Begun { scope: scope.clone(), key: (execution.function, execution.number), arn: arn(scope, execution) }
}

/// Begins an execution, unless there is one of its name that began with the same.
///
/// # Errors
/// Where there is one of its name that began with something else.
pub fn begin(tx: &mut Tx, scope: &Scope, beginning: &Beginning) -> Result<Begun, LambdaError> {
    let digest: [u8; 32] = Sha256::digest(&beginning.input).into();
    let version = &beginning.configuration.version;
    let name = beginning.name.clone().unwrap_or_else(|| beginning.id.clone());
    if let Some(present) = durable::by_name(tx, scope, beginning.function, &name)? {
        return match present.digest == digest && present.version == *version {
            true => Ok(begun(scope, &present)),
            false => Err(LambdaError::AlreadyStarted(arn(scope, &present))),
        };
    }
    let mut execution = Execution {
        function: beginning.function,
        number: tx.fresh_incarnation()?,
        function_name: beginning.configuration.name.clone(),
        version: version.clone(),
        name,
        id: beginning.id.clone(),
        started: beginning.now,
        ended: None,
        status: Status::Running,
        durable: beginning.durable,
        input: None,
        digest,
        result: None,
        error: None,
        trace: beginning.trace.clone(),
        parent: beginning.parent,
        run: None,
        last: None,
        unseen: Vec::new(),
        pending: 0,
        operations: 0,
        events: 0,
        texts: 0,
        bytes: 0,
        failures: 0,
        retry: None,
        deadline: None,
        of_event: beginning.of_event,
    };
    tx.allow_largest();
    if !beginning.input.is_empty() {
        let input = String::from_utf8_lossy(&beginning.input);
        execution.input = Some(durable::put_text(tx, scope, &mut execution, &input)?);
    }
    let due = beginning.now.plus_millis(i64::from(beginning.durable.timeout_s) * 1000);
    execution.deadline = Some(timers::schedule(tx, scope, &execution, What::Deadline, due)?);
    let detail = Detail::Began(execution.input.clone(), beginning.durable.timeout_s);
    let moment = Moment { kind: "ExecutionStarted".to_owned(), at: beginning.now, operation: None, detail };
    durable::add_moment(tx, scope, &mut execution, &moment)?;
    durable::add_execution(tx, scope, &execution)?;
    let key = (execution.function, execution.number);
    durable::put_ready(tx, execution.number.0, &Ready { scope: scope.clone(), execution: key, call: None })?;
    Ok(begun(scope, &execution))
}

/// What an invocation brings.
pub struct Asked {
    /// What the function gets.
    pub payload: Bytes,
    /// The execution's name.
    pub name: Option<String>,
    /// The tracing header of what led to it.
    pub trace: Option<String>,
    /// Nobody waits for it.
    pub of_event: bool,
}

/// Begins an execution of a durable function.
///
/// # Errors
/// As [`begin`].
pub async fn begin_now(
    ctx: &Ctx,
    named: &Named,
    (function, configuration, durable): (Function, Configuration, Durable),
    asked: Asked,
) -> Result<Begun, LambdaError> {
    let beginning = Beginning {
        function: function.incarnation,
        configuration,
        durable,
        name: asked.name,
        id: ctx.uuid(),
        input: asked.payload,
        trace: asked.trace,
        parent: None,
        of_event: asked.of_event,
        now: ctx.now(),
    };
    let scope = named.scope.clone();
    ctx.commit(move |tx| begin(tx, &scope, &beginning)).await
}

/// Waits for the end of an execution.
///
/// # Errors
/// Where it goes before.
pub async fn end(ctx: &Ctx, begun: &Begun) -> Result<Outcome, LambdaError> {
    let executions = ctx.part::<Executions>().clone();
    loop {
        let mut closed = pin!(executions.closed.notified());
        closed.as_mut().enable();
        let read = ctx.read();
        let Some(execution) = durable::execution(&read, &begun.scope, begun.key)? else {
            return Err(LambdaError::NotFound("Durable Execution does not exist".to_owned()));
        };
        if execution.status != Status::Running {
            return outcome(&read, &begun.scope, &execution);
        }
        drop(read);
        closed.await;
    }
}

/// What whoever waited gets.
fn outcome(read: &impl Read, scope: &Scope, execution: &Execution) -> Result<Outcome, LambdaError> {
    let text = |text: &Option<durable::Text>| match text {
        Some(text) => durable::text(read, scope, execution.number, text).map(Some),
        None => Ok(None),
    };
    let failed = execution.status != Status::Succeeded;
    let payload = match failed {
        true => output::for_waiter(&text(&execution.error)?.unwrap_or_default()),
        false => text(&execution.result)?.unwrap_or_else(|| "null".to_owned()).into_bytes(),
    };
    Ok(Outcome { payload: Bytes::from(payload), failed, tail: None, version: execution.version.clone() })
}

/// Runs a durable function to its end; `None` where it is none.
///
/// # Errors
/// Where it cannot be begun.
pub async fn run(
    ctx: &Ctx,
    named: &Named,
    found: &Found,
    payload: &Bytes,
    trace: Option<&str>,
) -> Result<Option<Outcome>, LambdaError> {
    let Some(of) = of_found(ctx, named, found)? else { return Ok(None) };
    check(named, of.2, true)?;
    let asked =
        Asked { payload: payload.clone(), name: None, trace: trace.map(str::to_owned), of_event: false };
    let begun = begin_now(ctx, named, of, asked).await?;
    end(ctx, &begun).await.map(Some)
}

/// Begins an execution in the commit that delivers what it is for; says whether the function is durable.
///
/// # Errors
/// As [`begin`].
pub fn deliver(
    tx: &mut Tx,
    named: &Named,
    event: &state::Event,
    payload: &Bytes,
) -> Result<bool, LambdaError> {
    let Some((function, configuration, durable)) = of(tx, named)? else { return Ok(false) };
    check(named, durable, false)?;
    let beginning = Beginning {
        function: function.incarnation,
        configuration,
        durable,
        name: None,
        id: event.request_id.clone(),
        input: payload.clone(),
        trace: event.trace.clone(),
        parent: None,
        of_event: true,
        now: event.accepted,
    };
    begin(tx, &named.scope, &beginning)?;
    Ok(true)
}

//! Invoking by name: which version a name stands for now, and what its environment gets.

use crate::capacity::{self, Counted};
use crate::compute::{self, Begun, Dispatcher, Initialization, Outcome, Sink, Work};
use crate::durable::starting;
use crate::errors::LambdaError;
use crate::events;
use crate::rules::names::{Named, Qualifier};
use crate::rules::{lineage, standing};
use crate::state::choices::{self, Choices};
use crate::state::{self, Alias, Configuration, Function, Origin, provisioned};
use bytes::Bytes;
use names::Scope;
use service::{Ctx, Request};
use store::Read;

/// Largest payload of a synchronous invocation, in bytes (Lambda quotas: 6 MB).
pub const MAX_SYNCHRONOUS: usize = 6 * 1024 * 1024;
/// Largest payload of an asynchronous invocation, in bytes (Lambda quotas: 1 MB).
pub const MAX_ASYNCHRONOUS: usize = 1024 * 1024;

/// What an invocation gets that its payload does not say.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// The invocation's id.
    pub request_id: String,
    /// What the caller says of itself: JSON in one line.
    pub client_context: Option<String>,
    /// The caller wants the tail of the log.
    pub tail: bool,
    /// Where a streamed answer goes, if the caller takes one.
    pub sink: Option<Sink>,
    /// The tracing header of what led to it.
    pub trace: Option<String>,
}

/// The function of a name.
///
/// # Errors
/// Where there is none.
pub fn found(read: &impl Read, named: &Named) -> Result<Function, LambdaError> {
    state::function(read, &named.scope, &named.name)?.ok_or_else(|| absent(named))
}

/// The function that is to be invoked. Without a qualifier it is `$LATEST` that is not there.
///
/// # Errors
/// Where there is none.
pub fn target(read: &impl Read, named: &Named) -> Result<Function, LambdaError> {
    state::function(read, &named.scope, &named.name)?.ok_or_else(|| {
        let qualifier = named.qualifier.as_deref().unwrap_or(state::LATEST);
        LambdaError::FunctionNotFound(state::arn(&named.scope, &named.name, Some(qualifier)).to_string())
    })
}

/// That there is no such function, version or alias.
pub fn absent(named: &Named) -> LambdaError {
    LambdaError::FunctionNotFound(
        state::arn(&named.scope, &named.name, named.qualifier.as_deref()).to_string(),
    )
}

/// That there is no such version or alias, as settings of versions and aliases are told to be absent.
pub fn absent_qualifier(named: &Named) -> LambdaError {
    let arn = state::arn(&named.scope, &named.name, named.qualifier.as_deref()).to_string();
    match Qualifier::of(named.qualifier.as_deref()) {
        Qualifier::Alias(name) if !name.contains('$') => LambdaError::AliasNotFound(arn),
        _ => LambdaError::FunctionNotFound(arn),
    }
}

/// Refuses a version or alias that a function does not have.
///
/// # Errors
/// Where it does not.
pub fn check_qualifier(read: &impl Read, named: &Named, function: &Function) -> Result<(), LambdaError> {
    let there = match Qualifier::of(named.qualifier.as_deref()) {
        Qualifier::Latest => true,
        Qualifier::Version(number) => state::version(read, &named.scope, function, number)?.is_some(),
        Qualifier::Alias(name) => state::alias(read, &named.scope, function, name)?.is_some(),
    };
    if there { Ok(()) } else { Err(absent_qualifier(named)) }
}

/// The configuration that a qualifier stands for; of an alias with weights, the one that `draw` (below 1)
/// falls on.
///
/// # Errors
/// Where there is none.
pub fn configuration(
    read: &impl Read,
    named: &Named,
    function: &Function,
    draw: f64,
) -> Result<Configuration, LambdaError> {
    let published = |number: u64| {
        let found = state::version(read, &named.scope, function, number)?;
        found.ok_or_else(|| absent(named))
    };
    match Qualifier::of(named.qualifier.as_deref()) {
        Qualifier::Latest => Ok(function.latest.clone()),
        Qualifier::Version(number) => published(number),
        Qualifier::Alias(name) => {
            let alias = state::alias(read, &named.scope, function, name)?.ok_or_else(|| absent(named))?;
            match Qualifier::of(Some(drawn(&alias, draw))) {
                Qualifier::Version(number) => published(number),
                _ => Ok(function.latest.clone()),
            }
        }
    }
}

fn drawn(alias: &Alias, draw: f64) -> &str {
    match &alias.weighted {
        Some((version, weight)) if draw < *weight => version,
        _ => &alias.version,
    }
}

/// What an invocation runs, looked up once for each of them.
pub struct Found {
    /// The function.
    pub function: Function,
    /// The version that its name stands for.
    pub configuration: Configuration,
    /// What that version has that few have.
    pub choices: Choices,
}

/// Looks up what a name stands for.
///
/// # Errors
/// Where there is none.
pub fn look(ctx: &Ctx, named: &Named) -> Result<Found, LambdaError> {
    let read = ctx.read();
    let function = target(&read, named)?;
    let of = |configuration: &Configuration| {
        choices::of(&read, &named.scope, function.incarnation, &configuration.version)
    };
    let mut configuration = configuration(&read, named, &function, draw(ctx))?;
    let mut choices = of(&configuration)?;
    // Without a qualifier it is `$LATEST.PUBLISHED` that is run of a function on a capacity provider, where there is
    // one ("$LATEST.PUBLISHED version in Lambda Managed Instances", Lambda developer guide).
    if named.qualifier.is_none()
        && choices.capacity.is_some()
        && let Some(published) = state::version(&read, &named.scope, &function, state::PUBLISHED)?
    {
        choices = of(&published)?;
        configuration = published;
    }
    Ok(Found { function, configuration, choices })
}

/// A number from 0 to below 1.
fn draw(ctx: &Ctx) -> f64 {
    f64::from(u32::from_le_bytes(ctx.host().entropy.bytes())) / (f64::from(u32::MAX) + 1.0)
}

/// Refuses to run a function that is being made, where somebody waits for its answer and the region keeps to AWS's
/// delays.
///
/// # Errors
/// While it is.
pub fn check_made(ctx: &Ctx, function: &Function) -> Result<(), LambdaError> {
    standing::check_made(standing::of_latest(function, |pace| ctx.pace(pace), ctx.now()))
}

/// Runs a function and waits for its answer.
///
/// # Errors
/// Where there is no such function, a limit is reached, or it cannot run here.
pub async fn run(ctx: &Ctx, named: &Named, payload: Bytes, extras: Extras) -> Result<Outcome, LambdaError> {
    let found = look(ctx, named)?;
    if let Some(outcome) = starting::run(ctx, named, &found, &payload, extras.trace.as_deref()).await? {
        return Ok(outcome);
    }
    run_found(ctx, named, found, payload, extras).await
}

/// As [`run`], also where the function is durable: without an execution.
///
/// # Errors
/// As [`run`].
pub async fn run_once(
    ctx: &Ctx,
    named: &Named,
    payload: Bytes,
    extras: Extras,
) -> Result<Outcome, LambdaError> {
    run_found(ctx, named, look(ctx, named)?, payload, extras).await
}

/// As [`run_once`], where what the name stands for is known.
///
/// # Errors
/// As [`run`].
pub async fn run_found(
    ctx: &Ctx,
    named: &Named,
    found: Found,
    payload: Bytes,
    extras: Extras,
) -> Result<Outcome, LambdaError> {
    let (work, counted) = work(ctx, named, found, payload, extras).await?;
    let outcome = ctx.part::<Dispatcher>().invoke(ctx, &work).await?;
    drop(counted);
    events::freed(ctx, named);
    Ok(outcome)
}

/// Runs a function whose answer may be streamed; waits until it has begun. Says which version runs.
///
/// # Errors
/// As [`run`].
pub async fn run_streamed(
    ctx: &Ctx,
    named: &Named,
    found: Found,
    payload: Bytes,
    extras: Extras,
) -> Result<(String, Begun), LambdaError> {
    if let Some(outcome) = starting::run(ctx, named, &found, &payload, extras.trace.as_deref()).await? {
        return Ok((outcome.version.clone(), Begun::Whole(outcome)));
    }
    let (sink, parts) = tokio::sync::mpsc::channel(compute::WAITING);
    let extras = Extras { sink: Some(sink), ..extras };
    let (work, counted) = work(ctx, named, found, payload, extras).await?;
    let (version, ctx, named) = (work.configuration.version.clone(), ctx.clone(), named.clone());
    let end = tokio::spawn(async move {
        let outcome = ctx.part::<Dispatcher>().invoke(&ctx, &work).await?;
        drop(counted);
        events::freed(&ctx, &named);
        Ok(outcome)
    });
    Ok((version, compute::begun(parts, end).await?))
}

/// What is to be done to run a function, let in by the bound of its version.
async fn work(
    ctx: &Ctx,
    named: &Named,
    Found { function, configuration, choices }: Found,
    payload: Bytes,
    extras: Extras,
) -> Result<(Work, Option<Counted>), LambdaError> {
    let mut work = {
        let read = ctx.read();
        let before = extras.trace.as_deref();
        let digest = lineage::digest(&state::arn(&named.scope, &named.name, None));
        if !function.may_loop && lineage::runs(before, &digest) >= lineage::MOST_RUNS {
            return Err(LambdaError::Recursion);
        }
        let active = configuration.settings.tracing == "Active";
        Work {
            scope: named.scope.clone(),
            function: function.incarnation,
            configuration,
            reserved: function.reserved,
            provisioned: provisioned(&read, named, &function)?,
            kept: state::totals(&read, &named.scope)?.reserved,
            invoked: state::arn(&named.scope, &named.name, named.qualifier.as_deref()),
            request_id: extras.request_id,
            payload: if payload.is_empty() { Bytes::from_static(b"{}") } else { payload },
            trace: trace(ctx, before, &digest, active),
            client_context: extras.client_context,
            tail: extras.tail,
            sink: extras.sink,
            kind: Initialization::OnDemand,
        }
    };
    if let Origin::Folder(folder) = &work.configuration.origin {
        // Environments of what the folder held before take no more work.
        work.configuration.generation ^= compute::fingerprint(ctx, folder).await?;
    }
    for layer in &work.configuration.settings.layers {
        if let Some(folder) = compute::layer_folder(ctx, &layer.code).await? {
            // Turned, because code and layer may be one folder.
            work.configuration.generation ^= compute::fingerprint(ctx, &folder).await?.rotate_left(1);
        }
    }
    let counted = capacity::admit(ctx, &choices, (work.function, &work.configuration.version))?;
    Ok((work, counted))
}

/// Which part of what a function keeps for itself its versions have.
fn provisioned(
    read: &impl Read,
    named: &Named,
    function: &Function,
) -> Result<Vec<(String, u32)>, LambdaError> {
    if function.reserved.is_none() {
        return Ok(Vec::new());
    }
    let mut parts = Vec::new();
    for kept in
        provisioned::all(read, &named.scope, function)?.into_iter().filter(|kept| kept.failed.is_none())
    {
        let version = match Qualifier::of(Some(&kept.qualifier)) {
            Qualifier::Alias(name) => {
                state::alias(read, &named.scope, function, name)?.map(|alias| alias.version)
            }
            _ => Some(kept.qualifier),
        };
        parts.extend(version.map(|version| (version, kept.wanted)));
    }
    Ok(parts)
}

/// The tracing header that a run of a function gets.
fn trace(ctx: &Ctx, before: Option<&str>, digest: &str, active: bool) -> String {
    let random = ctx.host().entropy.hex(40);
    let (root, parent) = random.split_at(24);
    let root = format!("1-{:08x}-{root}", ctx.now().seconds());
    let decided = lineage::sampled(before, active);
    lineage::header(Some(&decided), digest, (&root, parent))
}

/// Whether what carries this header has run a function as often as it may for what it caused itself.
///
/// # Errors
/// The store's.
pub fn is_loop(read: &impl Read, named: &Named, trace: Option<&str>) -> Result<bool, LambdaError> {
    let digest = lineage::digest(&state::arn(&named.scope, &named.name, None));
    if lineage::runs(trace, &digest) < lineage::MOST_RUNS {
        return Ok(false);
    }
    let function = state::function(read, &named.scope, &named.name)?;
    Ok(function.is_some_and(|function| !function.may_loop))
}

/// What is to be done to keep environments of a version ready.
pub fn keeping(named: &Named, function: &Function, configuration: Configuration, request_id: String) -> Work {
    Work {
        scope: named.scope.clone(),
        function: function.incarnation,
        invoked: state::arn(&named.scope, &named.name, Some(&configuration.version)),
        configuration,
        reserved: function.reserved,
        provisioned: Vec::new(),
        kept: 0,
        request_id,
        payload: Bytes::new(),
        trace: String::new(),
        client_context: None,
        tail: false,
        sink: None,
        kind: Initialization::Provisioned,
    }
}

/// Refuses a payload that is no JSON. Does not build it: depth costs nothing.
///
/// # Errors
/// Where it is none.
pub fn check_json(payload: &[u8]) -> Result<(), LambdaError> {
    if payload.is_empty() {
        return Ok(());
    }
    let checked = serde_json::from_slice::<serde::de::IgnoredAny>(payload);
    checked.map(drop).map_err(|error| LambdaError::InvalidJson(error.to_string()))
}

/// The context of the room's own work in a scope.
pub fn within(ctx: &Ctx, scope: &Scope) -> Ctx {
    let request = ctx.request().clone();
    let account = scope.account().unwrap_or(request.account);
    let region = scope.region().cloned().unwrap_or_else(|| request.region.clone());
    let request = Request { id: ctx.uuid(), account, region, ..request };
    Ctx::new(ctx.host().clone(), request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_draw_versions() {
        let alias = Alias {
            name: "live".to_owned(),
            version: "1".to_owned(),
            description: String::new(),
            weighted: Some(("2".to_owned(), 0.25)),
            revision: String::new(),
        };
        assert_eq!([drawn(&alias, 0.0), drawn(&alias, 0.2499), drawn(&alias, 0.25)], ["2", "2", "1"]);
    }

    #[test]
    fn json_of_any_depth_is_judged_without_harm() {
        assert!(check_json(b"").is_ok() && check_json(b" {\"a\": [1, null]} ").is_ok());
        for bad in ["{", "hello", "{} {}"] {
            assert!(check_json(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = [vec![b'['; 1_000_000], vec![b']'; 1_000_000]].concat();
        assert!(check_json(&deep).is_ok());
        assert!(check_json(&deep[..1_000_000]).is_err());
    }
}

//! Asynchronous invocations: each accepted one is run at least once, retried as its function's owner wants,
//! and ends with a record for whoever is told, in the commit that removes it.

use crate::compute::Outcome;
use crate::destination;
use crate::errors::LambdaError;
use crate::invoke::{self, Extras};
use crate::rules::names::Named;
use crate::rules::outcome::{self, Condition, Next, Told};
use crate::state::{self, Event, EventConfig, Function, LATEST};
use crate::views::ReadyEvents;
use bytes::Bytes;
use names::{AccountId, Arn, Scope, Timestamp};
use schema::ApiError;
use service::{Ctx, Deliver, Delivery, DeliveryContext, Fidelity, Log, TimerHandler};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Fault, Read, Timer, Tx};
use tokio::sync::{Notify, Semaphore};

/// Asynchronous invocations that run at once.
const AT_ONCE: usize = 128;
/// By how much waits are shortened where delays need not be AWS's.
const HASTENED: i64 = 60;
/// Rest before an invocation whose end could not be committed is run again.
const PUT_BACK_REST: Duration = Duration::from_secs(1);
/// Longest record for a destination, in bytes: what a queue takes. Longer ones are lost, as on AWS.
const MAX_TOLD: usize = 1024 * 1024 - 4096;
/// Hops that led to an invocation that is part of a loop: two for each of about 16 invocations (Lambda developer
/// guide, "Recursive loop detection"). A topic or queue between two functions is the other one.
const LOOP_HOPS: u8 = 30;
const PRINCIPAL: &str = "lambda.amazonaws.com";

/// Makes a waiting invocation ready.
pub const RETRY: TimerHandler = TimerHandler { kind: "lambda/retry", fire };

/// The numbers of invocations, by where their function is and its name.
type CrowdedOut = HashMap<(Scope, String), BTreeSet<u64>>;

/// How many asynchronous invocations may run, and whom to tell when one has ended.
pub struct EventRunner {
    places: Arc<Semaphore>,
    wake: Arc<Notify>,
    /// Those put off because their function had no place, the oldest first. Only known in memory: each has a timer.
    crowded_out: Arc<Mutex<CrowdedOut>>,
}

impl EventRunner {
    /// A runner that wakes this worker.
    pub fn new(wake: Arc<Notify>) -> Self {
        EventRunner { places: Arc::new(Semaphore::new(AT_ONCE)), wake, crowded_out: Arc::default() }
    }

    fn crowded_out(&self) -> MutexGuard<'_, CrowdedOut> {
        self.crowded_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn no_longer_waits(&self, event: &Event, number: u64) {
        let mut all = self.crowded_out();
        let key = (event.scope.clone(), event.function.clone());
        if let Some(waiting) = all.get_mut(&key) {
            waiting.remove(&number);
            if waiting.is_empty() {
                all.remove(&key);
            }
        }
    }

    /// The oldest of a function's that wait for a place.
    fn next_of(&self, named: &Named) -> Option<u64> {
        let mut all = self.crowded_out();
        if all.is_empty() {
            return None;
        }
        all.get_mut(&(named.scope.clone(), named.name.clone()))?.pop_first()
    }
}

/// What a function gets that was called with nothing.
pub fn or_empty(payload: Bytes) -> Bytes {
    if payload.is_empty() { Bytes::from_static(b"{}") } else { payload }
}

fn fire(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    let number = u64::from_be_bytes(timer.key.as_ref().try_into().unwrap_or_default());
    // What a place was found for before may run by now, or wait for another timer.
    let is_of = |event: &Event| timer.payload.is_empty() || timer.payload == turn(event);
    make_ready(tx, number, is_of).map_err(|fault| LambdaError::from(fault).into())
}

/// Makes an invocation ready that waits, if it is the one that is meant.
fn make_ready(tx: &mut Tx, number: u64, is_meant: impl Fn(&Event) -> bool) -> Result<(), Fault> {
    match state::event(tx, number)? {
        Some(event) if event.waits && is_meant(&event) => {
            state::put_event(tx, number, &Event { waits: false, ..event })
        }
        _ => Ok(()),
    }
}

/// How far an invocation has come, as its timer says it.
fn turn(event: &Event) -> Bytes {
    Bytes::copy_from_slice(&[event.attempts.to_be_bytes(), event.deferrals.to_be_bytes()].concat())
}

/// An invocation of a function has ended: the oldest event that found no place may try again, before its time.
pub fn freed(ctx: &Ctx, named: &Named) {
    let Some(number) = ctx.part::<EventRunner>().next_of(named) else { return };
    let ctx = ctx.clone();
    tokio::spawn(async move {
        let ready = ctx.commit(move |tx| Ok::<_, LambdaError>(make_ready(tx, number, |_| true)?)).await;
        if let Err(error) = ready {
            let why = ApiError::from(error);
            Log::warn("lambda", &format!("the asynchronous invocation {number} waits for its timer: {why}"));
        }
    });
}

/// Starts what can be run now; woken by each invocation that comes or ends.
pub async fn round(ctx: Ctx) -> Result<(), LambdaError> {
    let runner = ctx.part::<EventRunner>().clone();
    while let Ok(place) = runner.places.clone().try_acquire_owned() {
        let claimed = ctx.view::<ReadyEvents>().claim(
            &(),
            |ready| ready.pop_first(),
            |ready, number| {
                ready.insert(number);
            },
        );
        let Some(claim) = claimed? else { break };
        let (ctx, wake) = (ctx.clone(), runner.wake.clone());
        tokio::spawn(async move {
            let number = *claim;
            match run(&ctx, number).await {
                Ok(()) => drop(claim.settle()),
                Err(error) => {
                    let why = ApiError::from(error);
                    Log::error("lambda", &format!("the asynchronous invocation {number} is put back: {why}"));
                    ctx.host().clock.rest(PUT_BACK_REST).await;
                    drop(claim);
                }
            }
            drop(place);
            wake.notify_one();
        });
    }
    Ok(())
}

/// Runs one invocation and commits what follows.
async fn run(ctx: &Ctx, number: u64) -> Result<(), LambdaError> {
    let read = ctx.read();
    let Some(mut event) = state::event(&read, number)? else { return Ok(()) };
    ctx.part::<EventRunner>().no_longer_waits(&event, number);
    let payload = state::event_payload(&read, number)?;
    drop(read);
    let ctx = invoke::within(ctx, &event.scope);
    let named = Named {
        scope: event.scope.clone(),
        name: event.function.clone(),
        qualifier: event.qualifier.clone(),
    };
    if let Some(condition) = refusal(&ctx.read(), &named, &event)? {
        return stopped(&ctx, number, condition, (event, named, payload)).await;
    }
    let trace = event.trace.clone();
    let extras = Extras { request_id: event.request_id.clone(), trace, ..Extras::default() };
    match invoke::run(&ctx, &named, payload.clone(), extras).await {
        Ok(outcome) => {
            event.attempts += 1;
            ended(&ctx, number, event, named, (payload, outcome)).await?;
        }
        Err(error) if error.is_transient() => {
            let key = (event.scope.clone(), event.function.clone());
            deferred(&ctx, number, event, named, payload).await?;
            let is_kept = state::event(&ctx.read(), number)?.is_some();
            if is_kept && matches!(error, LambdaError::Throttled(_)) {
                ctx.part::<EventRunner>().crowded_out().entry(key).or_default().insert(number);
            }
        }
        Err(error) => {
            let why = ApiError::from(error);
            Log::warn(&event.request_id, &format!("an event of {} is dropped: {why}", event.function));
            ctx.commit(move |tx| Ok::<_, LambdaError>(state::end_event(tx, number)?)).await?;
        }
    }
    Ok(())
}

/// Why an invocation is not run: it is part of a loop, and ends as one that failed as often as it may; or its
/// function is kept from running (LocalStack's test_reserved_concurrency, recorded on AWS).
fn refusal(read: &impl Read, named: &Named, event: &Event) -> Result<Option<Condition>, LambdaError> {
    let Some(function) = state::function(read, &named.scope, &named.name)? else { return Ok(None) };
    let loops = event.hops >= LOOP_HOPS && !function.may_loop;
    if loops || invoke::is_loop(read, named, event.trace.as_deref())? {
        Log::warn(&event.request_id, &format!("a loop of invocations is stopped before {}", event.function));
        return Ok(Some(Condition::RetriesExhausted));
    }
    Ok((function.reserved == Some(0)).then_some(Condition::ZeroReservedConcurrency))
}

/// Ends an invocation without running it.
async fn stopped(
    ctx: &Ctx,
    number: u64,
    condition: Condition,
    (event, named, payload): (Event, Named, Bytes),
) -> Result<(), LambdaError> {
    let now = ctx.now();
    put_in_bucket(ctx, (&event, &named, &payload), &Next::Never(condition), None).await?;
    ctx.commit(move |tx| {
        let following = Following { number, event: &event, named: &named, payload: &payload };
        follow(tx, &following, Next::Never(condition), None, now)
    })
    .await
}

/// What the owner of a function wants for its events, and the function if it is still there.
fn config_of(read: &impl Read, named: &Named) -> Result<(EventConfig, Option<Function>), Fault> {
    let Some(function) = state::function(read, &named.scope, &named.name)? else {
        return Ok((EventConfig::default(), None));
    };
    let qualifier = named.qualifier.as_deref().unwrap_or(LATEST);
    let config = state::event_config(read, &named.scope, &function, qualifier)?.unwrap_or_default();
    Ok((config, Some(function)))
}

async fn ended(
    ctx: &Ctx,
    number: u64,
    event: Event,
    named: Named,
    (payload, outcome): (Bytes, Outcome),
) -> Result<(), LambdaError> {
    let now = ctx.now();
    let hastens = hastens(ctx);
    let next = {
        let (config, _) = config_of(&ctx.read(), &named)?;
        after(&event, &config, &outcome, (now, hastens))
    };
    put_in_bucket(ctx, (&event, &named, &payload), &next, Some(&outcome)).await?;
    ctx.commit(move |tx| {
        let (config, _) = config_of(tx, &named)?;
        let next = after(&event, &config, &outcome, (now, hastens));
        follow(
            tx,
            &Following { number, event: &event, named: &named, payload: &payload },
            next,
            Some(&outcome),
            now,
        )
    })
    .await
}

fn hastens(ctx: &Ctx) -> i64 {
    if ctx.host().settings.fidelity == Fidelity::Aws { 1 } else { HASTENED }
}

/// What follows an attempt.
fn after(event: &Event, config: &EventConfig, outcome: &Outcome, (now, hastens): (Timestamp, i64)) -> Next {
    match outcome.failed {
        true => outcome::after_failure(event, config, now, hastens),
        false => Next::Never(Condition::Success),
    }
}

fn destination_of(config: &EventConfig, condition: Condition) -> Option<Arn> {
    match condition {
        Condition::Success => config.on_success.clone(),
        _ => config.on_failure.clone(),
    }
}

/// A bucket gets its record before the commit that ends the invocation: twice, if that fails.
async fn put_in_bucket(
    ctx: &Ctx,
    (event, named, payload): (&Event, &Named, &Bytes),
    next: &Next,
    outcome: Option<&Outcome>,
) -> Result<(), LambdaError> {
    let Next::Never(condition) = next else { return Ok(()) };
    let (config, function) = config_of(&ctx.read(), named)?;
    let bucket = destination_of(&config, *condition).filter(|target| target.service() == "s3");
    let (Some(bucket), Some(function)) = (bucket, function) else { return Ok(()) };
    let now = ctx.now();
    let arn = state::arn(&named.scope, &named.name, Some(named.qualifier.as_deref().unwrap_or(LATEST)));
    let told = Told {
        now,
        event,
        function: &arn,
        condition: *condition,
        version: outcome.map(|outcome| outcome.version.as_str()),
        request: payload,
        response: outcome.map(|outcome| outcome.payload.as_ref()),
    };
    let object = destination::Object {
        key: format!("aws/lambda/async/{}/{}-{}", named.name, destination::moment(now), event.request_id),
        content: outcome::record(&told),
    };
    destination::put(ctx, named, (&function.latest.settings.role, &bucket), object).await;
    Ok(())
}

async fn deferred(
    ctx: &Ctx,
    number: u64,
    mut event: Event,
    named: Named,
    payload: Bytes,
) -> Result<(), LambdaError> {
    let now = ctx.now();
    event.deferrals += 1;
    let next = outcome::after_deferral(&event, &config_of(&ctx.read(), &named)?.0, now);
    put_in_bucket(ctx, (&event, &named, &payload), &next, None).await?;
    ctx.commit(move |tx| {
        let (config, _) = config_of(tx, &named)?;
        let next = outcome::after_deferral(&event, &config, now);
        follow(tx, &Following { number, event: &event, named: &named, payload: &payload }, next, None, now)
    })
    .await
}

struct Following<'a> {
    number: u64,
    event: &'a Event,
    named: &'a Named,
    payload: &'a Bytes,
}

fn follow(
    tx: &mut Tx,
    following: &Following<'_>,
    next: Next,
    outcome: Option<&Outcome>,
    now: Timestamp,
) -> Result<(), LambdaError> {
    let (number, event) = (following.number, following.event);
    // It may have been ended by a run that was thought lost.
    if state::event(tx, number)?.is_none() {
        return Ok(());
    }
    let condition = match next {
        Next::Later(due) => {
            state::put_event(tx, number, &Event { waits: true, ..event.clone() })?;
            let key = Bytes::copy_from_slice(&number.to_be_bytes());
            let kind = RETRY.kind.to_owned();
            tx.schedule(&Timer { kind, due, scope: event.scope.clone(), key, payload: turn(event) })?;
            return Ok(());
        }
        Next::Never(condition) => condition,
    };
    state::end_event(tx, number)?;
    tell(tx, following, condition, outcome, now)
}

/// Delivers the record of an ended invocation, and the event itself to the dead letter of its function.
fn tell(
    tx: &mut Tx,
    following: &Following<'_>,
    condition: Condition,
    outcome: Option<&Outcome>,
    now: Timestamp,
) -> Result<(), LambdaError> {
    let Following { event, named, payload, .. } = following;
    let dead = Dead {
        named,
        request_id: &event.request_id,
        trace: event.trace.as_ref(),
        hops: event.hops,
        payload: (*payload).clone(),
        error: outcome.map(|outcome| outcome::error_message(&outcome.payload)),
    };
    let (config, function) = config_of(tx, named)?;
    let Some(function) = function else { return Ok(()) };
    // A bucket has its record already.
    let destination = destination_of(&config, condition).filter(|target| target.service() != "s3");
    if let Some(destination) = destination {
        let arn = state::arn(&named.scope, &named.name, Some(named.qualifier.as_deref().unwrap_or(LATEST)));
        let told = Told {
            now,
            event,
            function: &arn,
            condition,
            version: outcome.map(|outcome| outcome.version.as_str()),
            request: payload,
            response: outcome.map(|outcome| outcome.payload.as_ref()),
        };
        let role = function.latest.settings.role.clone();
        let telling = (destination, Bytes::from(outcome::record(&told)), dead.context(role));
        dead.deliver(tx, telling, function.may_loop, now)?;
    }
    if condition == Condition::Success {
        return Ok(());
    }
    tell_dead_letter(tx, &dead, now)
}

/// What failed for good.
pub struct Dead<'a> {
    /// The function, with the version or alias that was named.
    pub named: &'a Named,
    /// The invocation's id.
    pub request_id: &'a str,
    /// The tracing header of what led to it.
    pub trace: Option<&'a String>,
    /// How many deliveries led to it.
    pub hops: u8,
    /// What the function was given.
    pub payload: Bytes,
    /// Why it failed, where it ran.
    pub error: Option<String>,
}

impl Dead<'_> {
    fn context(&self, role: Arn) -> DeliveryContext {
        let account = self.named.scope.account().unwrap_or(AccountId::DEFAULT);
        let mut context = DeliveryContext::of(PRINCIPAL, account);
        context.role = Some(role);
        context.trace = self.trace.cloned();
        context
    }

    fn deliver(
        &self,
        tx: &mut Tx,
        (target, payload, context): (Arn, Bytes, DeliveryContext),
        may_loop: bool,
        now: Timestamp,
    ) -> Result<(), LambdaError> {
        let named = self.named;
        if payload.len() > MAX_TOLD {
            let why =
                format!("what {target} is to be told of {} is longer than {MAX_TOLD} bytes", named.name);
            Log::warn(self.request_id, &why);
            return Ok(());
        }
        let source = state::arn(&named.scope, &named.name, None);
        let mut delivery = Delivery::new(source, target, payload, context, now);
        self.request_id.clone_into(&mut delivery.cause);
        delivery.hops = match delivery.target.service() {
            _ if may_loop => 0,
            "lambda" => self.hops.saturating_add(2),
            _ => self.hops.saturating_add(1),
        };
        tx.allow_large();
        Ok(tx.deliver(delivery)?)
    }
}

/// Delivers what a function was given to its dead letter: that of the version which was named ("Adding a dead-letter
/// queue", Lambda developer guide: it is part of a version's own configuration).
///
/// # Errors
/// The store's.
pub fn tell_dead_letter(tx: &mut Tx, dead: &Dead<'_>, now: Timestamp) -> Result<(), LambdaError> {
    let Some(function) = state::function(tx, &dead.named.scope, &dead.named.name)? else { return Ok(()) };
    let settings = match invoke::configuration(tx, dead.named, &function, 1.0) {
        Ok(configuration) => configuration.settings,
        // The version or alias is gone.
        Err(LambdaError::FunctionNotFound(_)) => function.latest.settings,
        Err(error) => return Err(error),
    };
    let Some(dead_letter) = settings.dead_letter else { return Ok(()) };
    let mut context = dead.context(settings.role);
    context.attributes.insert("RequestID".to_owned(), dead.request_id.to_owned());
    context.attributes.insert("ErrorCode".to_owned(), "200".to_owned());
    if let Some(error) = &dead.error {
        context.attributes.insert("ErrorMessage".to_owned(), error.clone());
    }
    dead.deliver(tx, (dead_letter, dead.payload.clone(), context), function.may_loop, now)
}

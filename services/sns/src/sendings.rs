//! Sending over HTTP: each message to a subscriber until it answers with success, refuses for good, or was
//! tried as often as its delivery policy says; then it goes to the dead letter. Nobody waits for anybody else.

use crate::errors::SnsError;
use crate::handed::PRINCIPAL;
use crate::pacing::{self, Pacer};
use crate::post::{self, Unanswered};
use crate::rules::delivery_policy::{Retries, effective_of};
use crate::state::sending::{self, Sending};
use crate::state::{self, Subscription, Topic};
use crate::status::{self, Status};
use crate::views::WaitingSendings;
use bytes::Bytes;
use names::{AccountId, Arn, Scope, Timestamp};
use schema::ApiError;
use service::{Ctx, Deliver, Delivery, DeliveryContext, Fidelity, Log, TimerHandler};
use std::sync::Arc;
use std::time::Duration;
use store::{Fault, Read, Timer, Tx};
use tokio::sync::{Notify, Semaphore};

/// Requests under way at once.
const AT_ONCE: usize = 256;
/// By how much waits are shortened where delays need not be AWS's.
const HASTENED: i64 = 20;
/// Rest before a request whose end could not be committed is made again.
const PUT_BACK_REST: Duration = Duration::from_secs(1);

/// Makes a request that waits ready.
pub const RETRY: TimerHandler = TimerHandler { kind: "sns/retry", fire };

/// How many requests may be under way, and whom to tell when one has ended.
pub struct Sender {
    places: Arc<Semaphore>,
    wake: Arc<Notify>,
}

impl Sender {
    /// A sender that wakes this worker.
    pub fn new(wake: Arc<Notify>) -> Self {
        Sender { places: Arc::new(Semaphore::new(AT_ONCE)), wake }
    }
}

fn fire(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    let number = u64::from_be_bytes(timer.key.as_ref().try_into().unwrap_or_default());
    let ready = sending::sending(tx, &timer.scope, number).and_then(|sending| match sending {
        Some(sending) => sending::put(tx, &timer.scope, number, &Sending { waits: false, ..sending }),
        None => Ok(()),
    });
    ready.map_err(|fault| SnsError::from(fault).into())
}

/// Starts what can be sent now; woken by each message that comes or ends.
pub async fn round(ctx: Ctx) -> Result<(), SnsError> {
    let sender = ctx.part::<Sender>().clone();
    while let Ok(place) = sender.places.clone().try_acquire_owned() {
        let claimed = ctx.view::<WaitingSendings>().claim(
            &(),
            |sendings| sendings.take(),
            |sendings, (_, number, subscriber)| sendings.give_back(number, &subscriber),
        );
        let Some(claim) = claimed? else { break };
        let (ctx, wake) = (ctx.clone(), sender.wake.clone());
        tokio::spawn(async move {
            let (scope, number) = (claim.0.clone(), claim.1);
            if let Err(error) = attempt(&ctx, &scope, number).await {
                let why = ApiError::from(error);
                Log::error("sns", &format!("the request {number} is put back: {why}"));
                ctx.host().clock.rest(PUT_BACK_REST).await;
            }
            // Its row tells whether it is to be made again.
            drop(claim);
            drop(place);
            wake.notify_one();
        });
    }
    Ok(())
}

/// What is known of the topic and the subscription of a request.
struct About {
    topic: Option<Topic>,
    subscription: Option<Subscription>,
}

fn about(read: &impl Read, scope: &Scope, sending: &Sending) -> Result<About, Fault> {
    let topic = match state::place(&sending.topic) {
        Some((_, name)) => state::topic(read, scope, &name)?,
        None => None,
    };
    let id = sending.subscription.rsplit(':').next().unwrap_or_default();
    let subscription = match &topic {
        Some(topic) => state::subscription(read, scope, topic.incarnation, id)?,
        None => None,
    };
    Ok(About { topic, subscription })
}

/// What follows from an attempt.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Done,
    Later(i64),
    GivenUp,
}

impl About {
    /// The delivery policy that holds.
    fn policy(&self) -> serde_json::Value {
        effective_of(self.topic.as_ref(), self.subscription.as_ref())
    }
}

fn next(outcome: &Result<u16, Unanswered>, attempts: u32, policy: &serde_json::Value) -> Next {
    match outcome {
        Ok(200..=299) => return Next::Done,
        Ok(429 | 500..=599) | Err(_) => {}
        // Whatever else is answered stays so: a refusal, or another place, where nobody looks.
        Ok(_) => return Next::GivenUp,
    }
    let retries = Retries::parse(&policy["healthyRetryPolicy"]).unwrap_or_default();
    retries.wait_ms(attempts).map_or(Next::GivenUp, Next::Later)
}

/// Makes one request and commits what follows.
async fn attempt(ctx: &Ctx, scope: &Scope, number: u64) -> Result<(), SnsError> {
    let read = ctx.read();
    let Some(mut sending) = sending::sending(&read, scope, number)? else { return Ok(()) };
    let about = about(&read, scope, &sending)?;
    drop(read);
    let policy = about.policy();
    if let Some(due) = too_early(ctx, &sending, number, &policy) {
        return wait(ctx, scope.clone(), number, sending, due).await;
    }
    let begun = ctx.host().clock.instant();
    let outcome = post::post(ctx, &sending.url, &sending.headers, &sending.body).await;
    let took_ms = ctx.host().clock.instant().saturating_duration_since(begun).as_millis() as u64;
    sending.attempts = sending.attempts.saturating_add(1);
    let next = next(&outcome, sending.attempts, &policy);
    let told = told(&outcome, sending.attempts);
    if next != Next::Done {
        Log::warn(&sending.cause, &format!("{} → {}: {told}", sending.topic, sending.url));
    }
    let hastened = if ctx.host().settings.fidelity == Fidelity::Aws { 1 } else { HASTENED };
    let now = ctx.now();
    let code = outcome.ok();
    let tells = matches!(next, Next::Done | Next::GivenUp) && !sending.asks;
    let scope = scope.clone();
    ctx.commit(move |tx| {
        if sending::sending(tx, &scope, number)?.is_none() {
            return Ok(());
        }
        if let Some(topic) = about.topic.as_ref().filter(|topic| tells && status::is_watched(topic, "HTTP")) {
            let status = Status {
                kind: "HTTP",
                message: &sending.message,
                digest: &status::digest(&sending.text()),
                posted: sending.posted,
                destination: &sending.url,
                response: told.clone(),
                code,
                took_ms,
                attempts: sending.attempts,
                cause: &sending.cause,
            };
            status::note(tx, &scope, topic, &status, now)?;
        }
        match &next {
            Next::Done => sending::remove(tx, &scope, number)?,
            Next::Later(ms) => {
                let due = now.plus_millis(ms / hastened);
                put_off(tx, &scope, number, &sending, due)?;
            }
            Next::GivenUp => {
                sending::remove(tx, &scope, number)?;
                bury(tx, &scope, &sending, &about, now)?;
            }
        }
        Ok::<_, SnsError>(())
    })
    .await
}

fn told(outcome: &Result<u16, Unanswered>, attempts: u32) -> String {
    match outcome {
        Ok(status) => format!("attempt {attempts} was answered with {status}"),
        Err(Unanswered(why)) => format!("attempt {attempts} failed: {why}"),
    }
}

/// When a request may go that its subscriber's throttle holds back now.
fn too_early(ctx: &Ctx, sending: &Sending, number: u64, policy: &serde_json::Value) -> Option<Timestamp> {
    let rate = pacing::rate(policy).filter(|_| !sending.asks)?;
    ctx.part::<Pacer>().wait(&sending.subscription, number, rate, ctx.now())
}

async fn wait(
    ctx: &Ctx,
    scope: Scope,
    number: u64,
    sending: Sending,
    due: Timestamp,
) -> Result<(), SnsError> {
    ctx.commit(move |tx| {
        if sending::sending(tx, &scope, number)?.is_some() {
            put_off(tx, &scope, number, &sending, due)?;
        }
        Ok::<_, SnsError>(())
    })
    .await
}

fn put_off(tx: &mut Tx, scope: &Scope, number: u64, sending: &Sending, due: Timestamp) -> Result<(), Fault> {
    sending::put(tx, scope, number, &Sending { waits: true, ..sending.clone() })?;
    let key = Bytes::copy_from_slice(&number.to_be_bytes());
    let kind = RETRY.kind.to_owned();
    tx.schedule(&Timer { kind, due, scope: scope.clone(), key, payload: Bytes::new() }).map(drop)
}

/// Hands what nobody took to the subscription's dead letter.
fn bury(tx: &mut Tx, scope: &Scope, sending: &Sending, about: &About, now: Timestamp) -> Result<(), Fault> {
    let attributes = about.subscription.as_ref().map(|subscription| &subscription.attributes);
    let target: Option<Arn> = attributes.and_then(crate::rules::attributes::dead_letter);
    let Some(target) = target.filter(|_| !sending.asks) else { return Ok(()) };
    let context = DeliveryContext::of(PRINCIPAL, scope.account().unwrap_or(AccountId::DEFAULT));
    let body = Bytes::copy_from_slice(sending.body.as_bytes());
    let mut delivery = Delivery::new(sending.topic.clone(), target, body, context, now);
    delivery.cause.clone_from(&sending.cause);
    delivery.hops = sending.hops.saturating_add(1);
    tx.allow_large();
    tx.deliver(delivery)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_an_attempt() {
        let usual = About { topic: None, subscription: None }.policy();
        let late = || Err(Unanswered("late".to_owned()));
        // SNS developer guide, "Creating an HTTP/S delivery policy": 5XX and 429 can be retried, all other errors are
        // permanent failures.
        let table = [
            (Ok(200), 1, Next::Done),
            (Ok(204), 4, Next::Done),
            (Ok(404), 1, Next::GivenUp),
            (Ok(429), 1, Next::Later(20_000)),
            (Ok(500), 3, Next::Later(20_000)),
            (Ok(500), 4, Next::GivenUp),
            (Ok(301), 1, Next::GivenUp),
            (Ok(600), 1, Next::GivenUp),
            (late(), 1, Next::Later(20_000)),
            (late(), 4, Next::GivenUp),
        ];
        for (outcome, attempts, expect) in table {
            assert_eq!(next(&outcome, attempts, &usual), expect, "{outcome:?} {attempts}");
        }
    }
}

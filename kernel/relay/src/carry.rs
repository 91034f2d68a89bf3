//! One batch to the targets of a turn: taken, permitted, accepted; and what becomes of those that are refused.

use crate::{Relay, row};
use names::Timestamp;
use schema::ApiError;
use service::{Deliver, Delivery, Ended, Log, MAX_HOPS, Receivers, Reception, Target};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::{Claim, Fault, Payload, Read, RowId, Tx};
use tokio::task::JoinSet;

/// Deliveries of one commit.
const BATCH: usize = 64;
/// Tries before a delivery goes to its dead letter.
const ATTEMPTS: u32 = 8;
/// Wait before the second try, in milliseconds; doubled for each further one up to `MAX_WAIT_MS`.
const FIRST_WAIT_MS: i64 = 200;
const MAX_WAIT_MS: i64 = 60_000;

/// Why a delivery was not taken.
enum Refusal {
    /// Its target refuses it: it is tried again, but not for ever.
    Refused(ApiError),
    /// Its room does not serve now: it waits.
    Later(ApiError),
}

/// A delivery in hand.
struct Held {
    claim: Claim<RowId>,
    delivery: Delivery,
    /// Where its payload is.
    payload: Payload,
    /// How often it was refused before.
    refused: u32,
}

/// Takes up to a batch for targets: for each its share first, then what else there is.
fn take(relay: &Relay, targets: &[Arc<str>], now: Timestamp) -> Result<Vec<Claim<RowId>>, Fault> {
    let mut claims = Vec::new();
    for share in [BATCH / targets.len().max(1), BATCH] {
        for target in targets {
            claims.extend(relay.lanes.take(target, now, share.min(BATCH - claims.len()))?);
        }
    }
    Ok(claims)
}

/// Carries up to a batch; says whether there may be more.
pub async fn batch(relay: &Arc<Relay>, targets: &[Arc<str>]) -> Result<bool, Fault> {
    let now = relay.host.clock.now();
    let claims = take(relay, targets, now)?;
    if claims.is_empty() {
        return Ok(false);
    }
    let snapshot = relay.host.store.read();
    let mut held: Vec<Held> = Vec::with_capacity(claims.len());
    for claim in claims {
        match read(&snapshot, &claim)? {
            Some((delivery, payload, refused)) => held.push(Held { claim, delivery, payload, refused }),
            // It left the outbox between the view and the snapshot.
            None => {
                claim.settle();
            }
        }
    }
    let Some(first) = held.first() else { return Ok(true) };
    let receiver = match relay.receivers.target(first.delivery.target.service()) {
        Ok(receiver) => receiver,
        Err(error) => {
            for held in held {
                put_off(relay, held, Refusal::Later(error.clone_plain())).await?;
            }
            return Ok(true);
        }
    };
    match receiver.reception() {
        Reception::Stores => store_all(relay, receiver, held, now).await?,
        Reception::Acts | Reception::Answers => {
            for held in held {
                act(relay, &receiver, held).await?;
            }
        }
    }
    Ok(true)
}

/// A delivery, where its payload is, and how often it was refused.
fn read(read: &impl Read, id: &RowId) -> Result<Option<(Delivery, Payload, u32)>, Fault> {
    match store::delivery(read, id)? {
        Some((found, bytes)) => Ok(Some((row::delivery(id, &found, bytes)?, found.payload, found.attempt))),
        None => Ok(None),
    }
}

/// Accepts deliveries in one commit with their removal; where that is refused, those of each target apart, so
/// that one that refuses holds up nobody but itself.
async fn store_all(
    relay: &Arc<Relay>,
    receiver: Arc<dyn Target>,
    held: Vec<Held>,
    now: Timestamp,
) -> Result<(), Fault> {
    let (mut permitted, mut barred) = (Vec::with_capacity(held.len()), Vec::new());
    for held in held {
        match permit(relay, receiver.as_ref(), &held.delivery) {
            Ok(()) => permitted.push(held),
            Err(error) => barred.push((held, error)),
        }
    }
    store_permitted(relay, receiver, permitted, now).await?;
    // Each of these takes a commit of its own, for which nobody waits that is let in.
    for (held, error) in barred {
        put_off(relay, held, Refusal::Refused(error)).await?;
    }
    Ok(())
}

async fn store_permitted(
    relay: &Arc<Relay>,
    receiver: Arc<dyn Target>,
    permitted: Vec<Held>,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(refused) = store_together(relay, &receiver, permitted, now).await? else { return Ok(()) };
    let mut apart: HashMap<String, Vec<Held>> = HashMap::new();
    for held in refused {
        apart.entry(held.delivery.target.to_string()).or_default().push(held);
    }
    let alone = apart.len() == 1;
    let mut parts = JoinSet::new();
    for (_, part) in apart {
        let (relay, receiver) = (relay.clone(), receiver.clone());
        parts.spawn(async move {
            let refused =
                if alone { Some(part) } else { store_together(&relay, &receiver, part, now).await? };
            store_each(&relay, &receiver, refused.unwrap_or_default(), now).await
        });
    }
    while let Some(part) = parts.join_next().await {
        part.unwrap_or(Err(Fault::Panicked))?;
    }
    Ok(())
}

/// Accepts deliveries in one commit; gives them back where that is refused.
async fn store_together(
    relay: &Arc<Relay>,
    receiver: &Arc<dyn Target>,
    held: Vec<Held>,
    now: Timestamp,
) -> Result<Option<Vec<Held>>, Fault> {
    if held.is_empty() {
        return Ok(None);
    }
    if accept(relay, receiver, Given::of(&held), now).await?.is_err() {
        return Ok(Some(held));
    }
    held.into_iter().for_each(|held| carried(relay, held));
    Ok(None)
}

/// Accepts each delivery alone, and puts off those that are refused.
async fn store_each(
    relay: &Arc<Relay>,
    receiver: &Arc<dyn Target>,
    held: Vec<Held>,
    now: Timestamp,
) -> Result<(), Fault> {
    for held in held {
        match accept(relay, receiver, Given::of(std::slice::from_ref(&held)), now).await? {
            Ok(()) => carried(relay, held),
            Err(error) => put_off(relay, held, Refusal::Refused(error)).await?,
        }
    }
    Ok(())
}

/// What is to be done when a delivery has left the outbox for its target.
fn carried(relay: &Arc<Relay>, held: Held) {
    relay.carried.fetch_add(1, Ordering::Relaxed);
    held.claim.settle();
}

/// Tells the source's room how a delivery ended, where it wants to know.
fn tell_back(tx: &mut Tx, receivers: &dyn Receivers, ended: &Ended<'_>) -> Result<(), Fault> {
    if ended.delivery.context.told_back.is_none() {
        return Ok(());
    }
    // A room that does not serve now keeps nothing: its note is all that is lost.
    let Ok(source) = receivers.target(ended.delivery.source.service()) else { return Ok(()) };
    source.ended(tx, ended)
}

/// What a commit gets of the deliveries in hand: they are not read once more.
struct Given {
    rows: Vec<(RowId, Payload)>,
    deliveries: Vec<Delivery>,
    refused: Vec<u32>,
}

impl Given {
    fn of(held: &[Held]) -> Self {
        Given {
            rows: held.iter().map(|held| (*held.claim, held.payload.clone())).collect(),
            deliveries: held.iter().map(|held| held.delivery.clone()).collect(),
            refused: held.iter().map(|held| held.refused).collect(),
        }
    }
}

enum Unaccepted {
    Fault(Fault),
    Refused(ApiError),
}

impl From<Fault> for Unaccepted {
    fn from(fault: Fault) -> Self {
        Unaccepted::Fault(fault)
    }
}

async fn accept(
    relay: &Arc<Relay>,
    receiver: &Arc<dyn Target>,
    Given { rows, deliveries, refused }: Given,
    now: Timestamp,
) -> Result<Result<(), ApiError>, Fault> {
    let (receiver, receivers) = (receiver.clone(), relay.receivers.clone());
    let committed = relay.host.store.commit(move |tx| {
        // They were read a moment ago: whether they are still there is all that is to be seen.
        let mut gone = Vec::new();
        for (at, ((id, payload), delivery)) in rows.iter().zip(&deliveries).enumerate() {
            if !tx.take_known(id, payload, delivery.group.is_some())? {
                gone.push(at);
                continue;
            }
            let attempts = refused[at].saturating_add(1);
            tell_back(tx, receivers.as_ref(), &Ended { delivery, refusal: None, attempts, at: now })?;
        }
        if gone.is_empty() {
            return receiver.accept(tx, &deliveries, now).map_err(Unaccepted::Refused);
        }
        let there = deliveries.iter().enumerate().filter(|(at, _)| !gone.contains(at));
        let there: Vec<Delivery> = there.map(|(_, delivery)| delivery.clone()).collect();
        receiver.accept(tx, &there, now).map_err(Unaccepted::Refused)
    });
    match committed.await {
        Ok(()) => Ok(Ok(())),
        Err(Unaccepted::Refused(error)) => Ok(Err(error)),
        Err(Unaccepted::Fault(Fault::Panicked)) => {
            Ok(Err(ApiError::new("InternalFailure", 500, "The target failed on the delivery.")))
        }
        Err(Unaccepted::Fault(fault)) => Err(fault),
    }
}

/// Hands one delivery over, then takes it out of the outbox.
async fn act(relay: &Arc<Relay>, receiver: &Arc<dyn Target>, held: Held) -> Result<(), Fault> {
    if let Err(error) = permit(relay, receiver.as_ref(), &held.delivery) {
        return put_off(relay, held, Refusal::Refused(error)).await;
    }
    let ctx = relay.receivers.context(&held.delivery, receiver.as_ref());
    let (acting, given) = (receiver.clone(), held.delivery.clone());
    let acted = tokio::spawn(async move { acting.act(ctx, given).await }).await;
    match acted {
        Ok(Ok(())) => {
            let (id, at, attempts) = (*held.claim, relay.host.clock.now(), held.refused.saturating_add(1));
            let (delivery, receivers) = (held.delivery.clone(), relay.receivers.clone());
            let taken = relay.host.store.commit(move |tx| match tx.take_delivery(&id)? {
                Some(_) => {
                    let ended = Ended { delivery: &delivery, refusal: None, attempts, at };
                    tell_back(tx, receivers.as_ref(), &ended)
                }
                None => Ok(()),
            });
            taken.await?;
            carried(relay, held);
            Ok(())
        }
        Ok(Err(error)) => put_off(relay, held, Refusal::Refused(error)).await,
        Err(_) => {
            let error = ApiError::new("InternalFailure", 500, "The target failed on the delivery.");
            put_off(relay, held, Refusal::Refused(error)).await
        }
    }
}

fn permit(relay: &Relay, receiver: &dyn Target, delivery: &Delivery) -> Result<(), ApiError> {
    if delivery.hops >= MAX_HOPS {
        return Err(ApiError::new(
            "LimitExceeded",
            400,
            format!("More than {MAX_HOPS} deliveries led to this one."),
        ));
    }
    relay.receivers.permit(delivery, receiver)
}

/// Has a delivery tried again later, or gives it up.
async fn put_off(relay: &Arc<Relay>, held: Held, refusal: Refusal) -> Result<(), Fault> {
    let Held { claim, delivery, .. } = held;
    let (id, now) = (*claim, relay.host.clock.now());
    let (counted, error) = match refusal {
        Refusal::Refused(error) => (true, error),
        Refusal::Later(error) => (false, error),
    };
    let last = counted && delivery.context.message.refusal_is_final && error.is_sender();
    let (receivers, refusal) = (relay.receivers.clone(), error.clone_plain());
    let final_word = relay
        .host
        .store
        .commit(move |tx: &mut Tx| {
            let mut given_up = false;
            tx.change_delivery(&id, |row| {
                row.attempt = row.attempt.saturating_add(u32::from(counted));
                given_up = last || row.attempt >= ATTEMPTS;
                let wait = FIRST_WAIT_MS.saturating_mul(1 << row.attempt.min(16)).min(MAX_WAIT_MS);
                row.post.ready = now.plus_millis(wait);
            })?;
            if given_up { give_up(tx, receivers.as_ref(), &id, &refusal, now) } else { Ok(false) }
        })
        .await;
    if final_word? {
        relay.refused.fetch_add(1, Ordering::Relaxed);
        Log::warn(
            &delivery.cause,
            &format!("{} → {} was given up: {error}", delivery.source, delivery.target),
        );
    }
    // The row has moved in the view; the claim must not put it back where it was.
    drop(claim);
    Ok(())
}

/// Takes a delivery out of the outbox for good, towards its dead letter where it has one.
fn give_up(
    tx: &mut Tx,
    receivers: &dyn Receivers,
    id: &RowId,
    refusal: &ApiError,
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some((found, payload)) = tx.take_delivery(id)? else { return Ok(true) };
    let mut delivery = row::delivery(id, &found, payload)?;
    let ended = Ended { delivery: &delivery, refusal: Some(refusal), attempts: found.attempt, at: now };
    tell_back(tx, receivers, &ended)?;
    if let Some(dead_letter) = delivery.context.dead_letter.take() {
        if let Ok(source) = receivers.target(delivery.source.service()) {
            source.buried(&mut delivery);
        }
        delivery.target = dead_letter;
        delivery.context.told_back = None;
        delivery.hops = delivery.hops.saturating_add(1);
        delivery.posted = now;
        tx.deliver(delivery)?;
    }
    Ok(true)
}

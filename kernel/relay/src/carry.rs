//! One batch to one target: taken, permitted, accepted; and what becomes of those that are refused.

use crate::{Relay, row};
use names::Timestamp;
use schema::ApiError;
use service::{Deliver, Delivery, Log, Reception, Target};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::{Claim, Fault, Read, RowId, Tx};

/// Deliveries of one commit.
const BATCH: usize = 64;
/// Tries before a delivery goes to its dead letter.
const ATTEMPTS: u32 = 8;
/// How many deliveries may lead to one another before they are taken for a circle.
const MAX_HOPS: u8 = 32;
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

/// Carries up to a batch; says whether there may be more.
pub async fn batch(relay: &Arc<Relay>, target: &str) -> Result<bool, Fault> {
    let now = relay.host.clock.now();
    let claims = relay.lanes.take(target, now, BATCH)?;
    if claims.is_empty() {
        return Ok(false);
    }
    let snapshot = relay.host.store.read();
    let mut held: Vec<(Claim<RowId>, Delivery)> = Vec::with_capacity(claims.len());
    for claim in claims {
        match read(&snapshot, &claim)? {
            Some(delivery) => held.push((claim, delivery)),
            // It left the outbox between the view and the snapshot.
            None => {
                claim.settle();
            }
        }
    }
    let Some((_, first)) = held.first() else { return Ok(true) };
    let receiver = match relay.receivers.target(first.target.service()) {
        Ok(receiver) => receiver,
        Err(error) => {
            for (claim, delivery) in held {
                put_off(relay, claim, &delivery, Refusal::Later(error.clone_plain())).await?;
            }
            return Ok(true);
        }
    };
    match receiver.reception() {
        Reception::Stores => store_all(relay, receiver, held, now).await?,
        Reception::Acts | Reception::Answers => {
            for (claim, delivery) in held {
                act(relay, &receiver, claim, delivery).await?;
            }
        }
    }
    Ok(true)
}

fn read(read: &impl Read, id: &RowId) -> Result<Option<Delivery>, Fault> {
    match store::delivery(read, id)? {
        Some((found, payload)) => row::delivery(id, &found, payload).map(Some),
        None => Ok(None),
    }
}

/// Accepts deliveries in one commit with their removal; where that is refused, each alone.
async fn store_all(
    relay: &Arc<Relay>,
    receiver: Arc<dyn Target>,
    held: Vec<(Claim<RowId>, Delivery)>,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut permitted = Vec::with_capacity(held.len());
    for (claim, delivery) in held {
        match permit(relay, receiver.as_ref(), &delivery) {
            Ok(()) => permitted.push((claim, delivery)),
            Err(error) => put_off(relay, claim, &delivery, Refusal::Refused(error)).await?,
        }
    }
    if permitted.is_empty() {
        return Ok(());
    }
    let ids: Vec<RowId> = permitted.iter().map(|(claim, _)| **claim).collect();
    if accept(relay, &receiver, ids, now).await?.is_ok() {
        relay.carried.fetch_add(permitted.len() as u64, Ordering::Relaxed);
        for (claim, _) in permitted {
            claim.settle();
        }
        return Ok(());
    }
    for (claim, delivery) in permitted {
        match accept(relay, &receiver, vec![*claim], now).await? {
            Ok(()) => {
                relay.carried.fetch_add(1, Ordering::Relaxed);
                claim.settle();
            }
            Err(error) => put_off(relay, claim, &delivery, Refusal::Refused(error)).await?,
        }
    }
    Ok(())
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
    ids: Vec<RowId>,
    now: Timestamp,
) -> Result<Result<(), ApiError>, Fault> {
    let receiver = receiver.clone();
    let committed = relay.host.store.commit(move |tx| {
        let mut deliveries = Vec::with_capacity(ids.len());
        for id in &ids {
            if let Some((found, payload)) = tx.take_delivery(id)? {
                deliveries.push(row::delivery(id, &found, payload)?);
            }
        }
        receiver.accept(tx, &deliveries, now).map_err(Unaccepted::Refused)
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
async fn act(
    relay: &Arc<Relay>,
    receiver: &Arc<dyn Target>,
    claim: Claim<RowId>,
    delivery: Delivery,
) -> Result<(), Fault> {
    if let Err(error) = permit(relay, receiver.as_ref(), &delivery) {
        return put_off(relay, claim, &delivery, Refusal::Refused(error)).await;
    }
    let ctx = relay.receivers.context(&delivery, receiver.as_ref());
    let (acting, given) = (receiver.clone(), delivery.clone());
    let acted = tokio::spawn(async move { acting.act(ctx, given).await }).await;
    match acted {
        Ok(Ok(())) => {
            relay.carried.fetch_add(1, Ordering::Relaxed);
            remove(relay, claim).await
        }
        Ok(Err(error)) => put_off(relay, claim, &delivery, Refusal::Refused(error)).await,
        Err(_) => {
            let error = ApiError::new("InternalFailure", 500, "The target failed on the delivery.");
            put_off(relay, claim, &delivery, Refusal::Refused(error)).await
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

async fn remove(relay: &Arc<Relay>, claim: Claim<RowId>) -> Result<(), Fault> {
    let id = *claim;
    relay.host.store.commit(move |tx| tx.take_delivery(&id).map(drop)).await?;
    claim.settle();
    Ok(())
}

/// Has a delivery tried again later, or gives it up.
async fn put_off(
    relay: &Arc<Relay>,
    claim: Claim<RowId>,
    delivery: &Delivery,
    refusal: Refusal,
) -> Result<(), Fault> {
    let (id, now) = (*claim, relay.host.clock.now());
    let (counted, error) = match refusal {
        Refusal::Refused(error) => (true, error),
        Refusal::Later(error) => (false, error),
    };
    let last = counted && delivery.context.message.refusal_is_final && error.is_sender();
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
            if given_up { give_up(tx, &id, now) } else { Ok(false) }
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
fn give_up(tx: &mut Tx, id: &RowId, now: Timestamp) -> Result<bool, Fault> {
    let Some((found, payload)) = tx.take_delivery(id)? else { return Ok(true) };
    let mut delivery = row::delivery(id, &found, payload)?;
    if let Some(dead_letter) = delivery.context.dead_letter.take() {
        delivery.target = dead_letter;
        delivery.hops = delivery.hops.saturating_add(1);
        delivery.posted = now;
        tx.deliver(delivery)?;
    }
    Ok(true)
}

//! Housekeeping: what is remembered for a time only — deduplication ids, archived messages, subscriptions that
//! nobody confirmed, and those that have ended.

use crate::errors::SnsError;
use crate::rules::attributes::archive_days;
use crate::state::{self, Topic, ended};
use names::{Scope, Timestamp};
use service::Ctx;

/// Rows that one commit removes.
const STEP: usize = 200;
/// How long a subscription may wait to be confirmed (ConfirmSubscription, API reference: tokens are valid
/// for two days).
const CONFIRM_WITHIN_MS: i64 = 2 * 24 * 3600 * 1000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Looks at every topic once.
pub async fn keep_house(ctx: Ctx) -> Result<(), SnsError> {
    let read = ctx.read();
    let topics: Vec<(Scope, Topic)> = state::topics_everywhere(&read).collect::<Result<_, _>>()?;
    drop(read);
    for (scope, topic) in topics {
        while keep(&ctx, &scope, &topic).await? {}
    }
    Ok(())
}

/// Removes some of what is over; says whether there may be more.
async fn keep(ctx: &Ctx, scope: &Scope, topic: &Topic) -> Result<bool, SnsError> {
    let now = ctx.now();
    let has_more = {
        let read = ctx.read();
        let unconfirmed = unconfirmed(&read, scope, topic, now)?;
        let archive = archive_end(topic, now);
        let duplicates = topic.fifo && state::has_old_duplicates(&read, scope, topic.incarnation, now)?;
        let left = !ended::over(&read, scope, topic.incarnation, now, 1)?.is_empty();
        !unconfirmed.is_empty() || archive.is_some() || duplicates || left
    };
    if !has_more {
        return Ok(false);
    }
    let (scope, topic) = (scope.clone(), topic.clone());
    let removed = ctx.commit(move |tx| {
        let old = unconfirmed(tx, &scope, &topic, now)?;
        for id in &old {
            state::remove_subscription(tx, &scope, topic.incarnation, id)?;
        }
        let left = ended::over(tx, &scope, topic.incarnation, now, STEP)?;
        for id in &left {
            ended::forget(tx, &scope, topic.incarnation, id)?;
        }
        let mut removed = old.len() + left.len();
        removed += state::forget_duplicates(tx, &scope, topic.incarnation, now, STEP)?;
        if let Some(end) = archive_end(&topic, now) {
            removed += state::forget_archived(tx, &scope, topic.incarnation, end, STEP)?;
        }
        Ok::<_, SnsError>(removed)
    });
    Ok(removed.await? >= STEP)
}

fn unconfirmed(
    read: &impl store::Read,
    scope: &Scope,
    topic: &Topic,
    now: Timestamp,
) -> Result<Vec<String>, SnsError> {
    let mut old = Vec::new();
    for subscription in state::subscriptions(read, scope, topic.incarnation, None) {
        let subscription = subscription?;
        if subscription.token.is_some() && subscription.created.plus_millis(CONFIRM_WITHIN_MS) <= now {
            old.push(subscription.id);
        }
        if old.len() == STEP {
            break;
        }
    }
    Ok(old)
}

/// Messages up to this moment leave the archive.
fn archive_end(topic: &Topic, now: Timestamp) -> Option<Timestamp> {
    let policy = topic.attributes.get("ArchivePolicy")?;
    archive_days(policy).map(|days| now.plus_millis(-days * DAY_MS))
}

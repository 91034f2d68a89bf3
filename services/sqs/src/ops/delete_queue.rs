//! DeleteQueue and PurgeQueue: both are one small commit; the messages are swept afterwards.

use crate::errors::SqsError;
use crate::ops::{found, place};
use crate::rules::RECENT_MS;
use crate::state::{self, move_tasks, recent};
use model_sqs::{DeleteQueueInput, PurgeQueueInput};
use schema::Unit;
use service::{Ctx, Heads};
use std::sync::Arc;

/// DeleteQueue.
pub async fn delete_queue(ctx: Ctx, input: Arc<DeleteQueueInput>) -> Result<Unit, SqsError> {
    let (place, now) = (place(&ctx, &input.queue_url), ctx.now());
    ctx.commit(move |tx| {
        let queue = found(tx, &place)?;
        state::remove_queue(tx, &place.0, &queue)?;
        move_tasks::forget(tx, &place.0, &queue.name)?;
        recent::note_deleted(tx, &place.0, &queue.name, now)?;
        recent::forget_purged(tx, &place.0, &queue.name)?;
        tx.remove_head(&state::arn(&place.0, &queue.name))?;
        Ok(Unit)
    })
    .await
}

/// PurgeQueue: the queue gets another incarnation, and the messages of the old one are garbage.
pub async fn purge_queue(ctx: Ctx, input: Arc<PurgeQueueInput>) -> Result<Unit, SqsError> {
    let (place, now) = (place(&ctx, &input.queue_url), ctx.now());
    ctx.commit(move |tx| {
        let mut queue = found(tx, &place)?;
        let last = recent::purged(tx, &place.0, &queue.name)?;
        if last.is_some_and(|last| last.plus_millis(RECENT_MS) > now) {
            return Err(SqsError::PurgeQueueInProgress(queue.name));
        }
        recent::note_purged(tx, &place.0, &queue.name, now)?;
        let arn = state::arn(&place.0, &queue.name);
        state::forget_messages(tx, &place.0, queue.incarnation)?;
        queue.incarnation = tx.fresh_incarnation()?;
        state::put_queue(tx, &place.0, &queue)?;
        if let Some(mut head) = tx.head(&arn)? {
            head.incarnation = queue.incarnation;
            tx.put_head(&arn, &head)?;
        }
        Ok(Unit)
    })
    .await
}

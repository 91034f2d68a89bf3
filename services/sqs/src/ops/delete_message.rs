//! DeleteMessage and DeleteMessageBatch. Deleting what is gone already succeeds; a FIFO queue's message is deleted
//! by whoever has it in flight, and by nobody after that.

use crate::errors::SqsError;
use crate::ops::send_message::{check_batch, failed};
use crate::ops::{found, place};
use crate::rules::handles::Receipt;
use crate::state::{self, Queue};
use model_sqs::{
    DeleteMessageBatchInput, DeleteMessageBatchOutput, DeleteMessageBatchResultEntry, DeleteMessageInput,
};
use names::{Scope, Timestamp};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// The message that a receipt handle of this queue stands for.
pub fn receipt(ctx: &Ctx, place: &(Scope, String), handle: &str) -> Result<Receipt, SqsError> {
    let arn = state::arn(&place.0, &place.1);
    let opened = ctx.host().seal.open(&["sqs", "receipt", arn.as_str()], handle);
    opened
        .and_then(|bytes| Receipt::read(&bytes))
        .ok_or_else(|| SqsError::ReceiptHandleIsInvalid(handle.to_owned()))
}

/// Deletes the message of a receipt.
fn delete(
    tx: &mut Tx,
    (scope, queue): (&Scope, &Queue),
    receipt: Receipt,
    handle: &str,
    now: Timestamp,
) -> Result<(), SqsError> {
    let at = (receipt.incarnation, receipt.number);
    if queue.attributes.fifo
        && let Some(standing) = state::standing(tx, scope, at)?
        && (standing.visible_at <= now || standing.receives != receipt.receives)
    {
        return Err(SqsError::InvalidParameterValue(format!(
            "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
        )));
    }
    Ok(state::remove(tx, scope, at, receipt.apart)?)
}

/// DeleteMessage.
pub async fn one(ctx: Ctx, input: Arc<DeleteMessageInput>) -> Result<Unit, SqsError> {
    let (place, now) = (place(&ctx, &input.queue_url), ctx.now());
    found(&ctx.read(), &place)?;
    let receipt = receipt(&ctx, &place, &input.receipt_handle)?;
    ctx.commit(move |tx| {
        let queue = found(tx, &place)?;
        delete(tx, (&place.0, &queue), receipt, &input.receipt_handle, now)?;
        Ok(Unit)
    })
    .await
}

/// DeleteMessageBatch.
pub async fn batch(
    ctx: Ctx,
    input: Arc<DeleteMessageBatchInput>,
) -> Result<DeleteMessageBatchOutput, SqsError> {
    let (place, now) = (place(&ctx, &input.queue_url), ctx.now());
    found(&ctx.read(), &place)?;
    check_batch("DeleteMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
    let mut output = DeleteMessageBatchOutput::default();
    let mut receipts = Vec::new();
    for (at, entry) in input.entries.iter().enumerate() {
        match receipt(&ctx, &place, &entry.receipt_handle) {
            Ok(receipt) => receipts.push((at, receipt)),
            Err(error) => output.failed.get_or_insert_default().push(failed(&entry.id, error)),
        }
    }
    let entries = input.clone();
    let deleted: Vec<(usize, Option<SqsError>)> = ctx
        .commit(move |tx| {
            let queue = found(tx, &place)?;
            let mut deleted = Vec::with_capacity(receipts.len());
            for (at, receipt) in &receipts {
                let handle = &entries.entries[*at].receipt_handle;
                match delete(tx, (&place.0, &queue), *receipt, handle, now) {
                    Err(SqsError::Store(fault)) => return Err(SqsError::Store(fault)),
                    result => deleted.push((*at, result.err())),
                }
            }
            Ok(deleted)
        })
        .await?;
    for (at, error) in deleted {
        let id = input.entries[at].id.clone();
        match error {
            None => output.successful.push(DeleteMessageBatchResultEntry { id }),
            Some(error) => output.failed.get_or_insert_default().push(failed(&id, error)),
        }
    }
    Ok(output)
}

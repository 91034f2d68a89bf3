//! DeleteMessage and DeleteMessageBatch. Deleting what is gone already succeeds.

use crate::errors::SqsError;
use crate::ops::send_message::{check_batch, failed};
use crate::ops::{found, place};
use crate::rules::handles::Receipt;
use crate::state;
use model_sqs::{
    DeleteMessageBatchInput, DeleteMessageBatchOutput, DeleteMessageBatchResultEntry, DeleteMessageInput,
};
use names::Scope;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;

/// The message that a receipt handle of this queue stands for.
pub fn receipt(ctx: &Ctx, place: &(Scope, String), handle: &str) -> Result<Receipt, SqsError> {
    let arn = state::arn(&place.0, &place.1);
    let opened = ctx.host().seal.open(&["sqs", "receipt", arn.as_str()], handle);
    opened
        .and_then(|bytes| Receipt::read(&bytes))
        .ok_or_else(|| SqsError::ReceiptHandleIsInvalid(handle.to_owned()))
}

/// DeleteMessage.
pub async fn one(ctx: Ctx, input: Arc<DeleteMessageInput>) -> Result<Unit, SqsError> {
    let place = place(&ctx, &input.queue_url);
    found(&ctx.read(), &place)?;
    let receipt = receipt(&ctx, &place, &input.receipt_handle)?;
    ctx.commit(move |tx| {
        found(tx, &place)?;
        state::remove(tx, &place.0, (receipt.incarnation, receipt.number))?;
        Ok(Unit)
    })
    .await
}

/// DeleteMessageBatch.
pub async fn batch(
    ctx: Ctx,
    input: Arc<DeleteMessageBatchInput>,
) -> Result<DeleteMessageBatchOutput, SqsError> {
    let place = place(&ctx, &input.queue_url);
    found(&ctx.read(), &place)?;
    check_batch("DeleteMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
    let mut output = DeleteMessageBatchOutput::default();
    let mut receipts = Vec::new();
    for entry in &input.entries {
        match receipt(&ctx, &place, &entry.receipt_handle) {
            Ok(receipt) => {
                receipts.push(receipt);
                output.successful.push(DeleteMessageBatchResultEntry { id: entry.id.clone() });
            }
            Err(error) => output.failed.push(failed(&entry.id, error)),
        }
    }
    ctx.commit(move |tx| {
        found(tx, &place)?;
        for receipt in &receipts {
            state::remove(tx, &place.0, (receipt.incarnation, receipt.number))?;
        }
        Ok::<_, SqsError>(())
    })
    .await?;
    Ok(output)
}

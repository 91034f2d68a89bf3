//! ChangeMessageVisibility and its batch: when a message that was received is visible again.

use crate::errors::SqsError;
use crate::ops::delete_message::receipt;
use crate::ops::send_message::{check_batch, failed};
use crate::ops::{found, place};
use crate::rules::MAX_VISIBILITY_S;
use crate::rules::handles::Receipt;
use crate::state;
use model_sqs::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchInput, ChangeMessageVisibilityBatchOutput,
    ChangeMessageVisibilityBatchResultEntry, ChangeMessageVisibilityInput,
};
use names::{Scope, Timestamp};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

fn check(seconds: i32) -> Result<i64, SqsError> {
    let seconds = i64::from(seconds);
    if (0..=MAX_VISIBILITY_S).contains(&seconds) {
        return Ok(seconds);
    }
    Err(SqsError::InvalidParameterValue(format!(
        "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an \
         integer between 0 and 43200."
    )))
}

/// A standard queue's message is hidden anew also when its time is over, as long as nobody else has received it.
fn change(
    tx: &mut Tx,
    (scope, fifo): (&Scope, bool),
    (receipt, handle): (Receipt, &str),
    seconds: i64,
    now: Timestamp,
) -> Result<(), SqsError> {
    let place = (receipt.incarnation, receipt.number);
    let Some(mut row) = state::row(tx, scope, place)? else {
        return Err(SqsError::InvalidParameterValue(format!(
            "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not \
             available for visibility timeout change."
        )));
    };
    let standing = &mut row.standing;
    let over = standing.visible_at <= now && (fifo || standing.receives != receipt.receives);
    if standing.receives == 0 || over {
        return Err(SqsError::MessageNotInflight);
    }
    // A message is hidden for twelve hours from its receive on at most, however often that is extended (SQS developer
    // guide, "Visibility timeout"; localstack/localstack, issue 3956, for the text).
    let since = standing.last_received.map_or(0, |received| now.millis() - received.millis());
    if since + seconds * 1000 > MAX_VISIBILITY_S * 1000 {
        return Err(SqsError::InvalidParameterValue(format!(
            "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the \
             message is beyond the limit [{MAX_VISIBILITY_S} seconds]"
        )));
    }
    standing.visible_at = now.plus_millis(seconds * 1000);
    Ok(state::put_row(tx, scope, place, &row)?)
}

/// ChangeMessageVisibility.
pub async fn one(ctx: Ctx, input: Arc<ChangeMessageVisibilityInput>) -> Result<Unit, SqsError> {
    let (place, now) = (place(&ctx, &input.queue_url), ctx.now());
    found(&ctx.read(), &place)?;
    let seconds = check(input.visibility_timeout)?;
    let receipt = receipt(&ctx, &place, &input.receipt_handle)?;
    ctx.commit(move |tx| {
        let fifo = found(tx, &place)?.attributes.fifo;
        change(tx, (&place.0, fifo), (receipt, &input.receipt_handle), seconds, now)?;
        Ok(Unit)
    })
    .await
}

/// A change of a batch: the receipt, as it was given, and the seconds.
type Wanted = (Receipt, String, i64);

/// ChangeMessageVisibilityBatch.
pub async fn batch(
    ctx: Ctx,
    input: Arc<ChangeMessageVisibilityBatchInput>,
) -> Result<ChangeMessageVisibilityBatchOutput, SqsError> {
    let (place, now) = (place(&ctx, &input.queue_url), ctx.now());
    let queue = found(&ctx.read(), &place)?;
    check_batch(
        "ChangeMessageVisibilityBatchRequestEntry",
        input.entries.iter().map(|entry| entry.id.as_str()),
    )?;
    // Shared with the commit, which may hold it longer than its answer takes to come.
    let wanted: Arc<Vec<Result<Wanted, BatchResultErrorEntry>>> = Arc::new(
        input
            .entries
            .iter()
            .map(|entry| {
                let default = i32::try_from(queue.attributes.visibility_timeout).unwrap_or(i32::MAX);
                check(entry.visibility_timeout.unwrap_or(default))
                    .and_then(|seconds| {
                        let handle = entry.receipt_handle.clone();
                        Ok((receipt(&ctx, &place, &handle)?, handle, seconds))
                    })
                    .map_err(|error| failed(&entry.id, error))
            })
            .collect(),
    );
    let changing = wanted.clone();
    let changed: Vec<Option<SqsError>> = ctx
        .commit(move |tx| {
            let fifo = found(tx, &place)?.attributes.fifo;
            let mut changed = Vec::with_capacity(changing.len());
            for (receipt, handle, seconds) in changing.iter().flatten() {
                match change(tx, (&place.0, fifo), (*receipt, handle), *seconds, now) {
                    Err(SqsError::Store(fault)) => return Err(SqsError::Store(fault)),
                    result => changed.push(result.err()),
                }
            }
            Ok(changed)
        })
        .await?;
    let mut output = ChangeMessageVisibilityBatchOutput::default();
    let mut changed = changed.into_iter();
    for (entry, wanted) in input.entries.iter().zip(wanted.iter()) {
        match wanted.as_ref().map(|_| changed.next().flatten()) {
            Ok(None) => {
                output.successful.push(ChangeMessageVisibilityBatchResultEntry { id: entry.id.clone() });
            }
            Ok(Some(error)) => output.failed.get_or_insert_default().push(failed(&entry.id, error)),
            Err(error) => output.failed.get_or_insert_default().push(error.clone()),
        }
    }
    Ok(output)
}

//! Committing the writes of a transaction: all of them or none, once for a client token, with the reasons of
//! a cancellation in the order of the writes.

use crate::capacity::{Ledger, Usage, Used};
use crate::errors::{COLLECTION_TOO_LARGE, DUPLICATE, DynamoError, Reasoned};
use crate::find::Found;
use crate::rules::size::{self, Consistency};
use crate::statistics::Statistics;
use crate::write::{ItemWrite, Written};
use model_dynamodb::{ConsumedCapacity, ReturnConsumedCapacity};
use service::{Ctx, Once, once};
use std::sync::Arc;
use store::Tx;

/// The most bytes of the items of a transaction.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long a client token is remembered.
const TOKEN_MS: i64 = 10 * 60 * 1000;

/// The writes of a transaction.
pub type Writes = Vec<(Found, ItemWrite)>;

/// What became of a transaction that was not cancelled.
pub enum Outcome {
    /// It was committed.
    Done(Vec<Written>),
    /// It had been, by a request with the same token: the sizes of the items then.
    Repeated(Vec<u8>),
}

/// Refuses a transaction whose items are together too large.
///
/// # Errors
/// AWS's message.
pub fn check_size(bytes: usize) -> Result<(), DynamoError> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    // AWS says it twice.
    let told = "Transaction payload size cannot exceed 4MB. Payload Size: ";
    Err(DynamoError::invalid(format!("{told}: {told}{bytes}")))
}

/// Commits the writes; with a token only once for requests with the same fingerprint.
///
/// # Errors
/// Where it is cancelled, or the token was used for another request.
pub async fn commit(
    ctx: &Ctx,
    operation: &'static str,
    writes: &Arc<Writes>,
    token: Option<(&str, Vec<u8>)>,
) -> Result<Outcome, DynamoError> {
    let token = token.map(|(token, fingerprint)| (token.to_owned(), fingerprint));
    let (scope, now, running) = (ctx.scope(), ctx.now(), writes.clone());
    let (once, written) = ctx
        .commit(move |tx| {
            let Some((token, fingerprint)) = &token else {
                return Ok::<_, DynamoError>((Once::Done(Vec::new()), run_all(tx, &running)?));
            };
            let mut written = Vec::new();
            let place = (&scope, operation, token.as_str());
            let once = once(tx, place, fingerprint, (now, now.plus_millis(TOKEN_MS)), |tx: &mut Tx| {
                written = run_all(tx, &running)?;
                let sizes = written.iter().flat_map(|one| (one.sizes.1 as u32).to_be_bytes());
                Ok::<Vec<u8>, DynamoError>(sizes.collect())
            })?;
            Ok((once, written))
        })
        .await?;
    match once {
        Once::Mismatch => Err(DynamoError::TokenMismatch),
        Once::Repeated(sizes) => Ok(Outcome::Repeated(sizes)),
        Once::Done(_) => {
            written.iter().for_each(|written| ctx.part::<Statistics>().add(&written.deltas));
            Ok(Outcome::Done(written))
        }
    }
}

fn run_all(tx: &mut Tx, writes: &Writes) -> Result<Vec<Written>, DynamoError> {
    // Rows, index entries, and images of a stream and of a history come together here.
    tx.allow_largest();
    let mut reasons = Vec::with_capacity(writes.len());
    let mut all = Vec::with_capacity(writes.len());
    for (_, write) in writes {
        let mut reason = Reasoned::default();
        match write.run(tx) {
            Ok(written) => all.push(written),
            Err(DynamoError::ConditionFailed(item)) => {
                let message = "The conditional request failed".to_owned();
                reason = Reasoned { cause: Some(("ConditionalCheckFailed", message)), item };
            }
            Err(DynamoError::CollectionTooLarge) => {
                let message = COLLECTION_TOO_LARGE.to_owned();
                reason.cause = Some(("ItemCollectionSizeLimitExceeded", message));
            }
            Err(DynamoError::Duplicate) => reason.cause = Some(("DuplicateItem", DUPLICATE.to_owned())),
            Err(DynamoError::Validation(message)) => reason.cause = Some(("ValidationError", message)),
            Err(other) => return Err(other),
        }
        reasons.push(reason);
    }
    if all.len() < writes.len() {
        return Err(DynamoError::Cancelled(reasons));
    }
    check_size(all.iter().map(|written| written.sizes.1).sum())?;
    Ok(all)
}

/// What a transaction used, table by table; a repeat is paid as reading the items that were written.
pub fn consumed(
    ctx: &Ctx,
    asked: Option<&ReturnConsumedCapacity>,
    writes: &Writes,
    outcome: &Outcome,
) -> Option<Vec<ConsumedCapacity>> {
    let mut ledger = Ledger::default();
    match outcome {
        Outcome::Done(written) => {
            for ((found, _), written) in writes.iter().zip(written) {
                ledger.add(found, Usage::of_write(written, 2.0));
            }
            ledger.taken(ctx, asked, Used::TransactionWrite)
        }
        Outcome::Repeated(sizes) => {
            for ((found, _), size) in writes.iter().zip(sizes.chunks_exact(4)) {
                let bytes = size.iter().fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte));
                ledger.add(found, Usage::of_table(size::read_units(bytes, Consistency::Transactional)));
            }
            ledger.taken(ctx, asked, Used::TransactionRead)
        }
    }
}

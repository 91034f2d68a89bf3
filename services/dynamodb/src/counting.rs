//! Counting the items of a table or index that this process has not counted yet: some at once, which is all
//! of most tables, the rest of a large one behind the caller's back, portion by portion. Until that is
//! done the figures are of what was counted so far; on AWS they are hours old.

use crate::errors::DynamoError;
use crate::rules::codec;
use crate::rules::rows::RowRange;
use crate::state;
use crate::statistics::{Count, Statistics};
use names::Scope;
use service::{Ctx, Log};
use std::ops::Bound;
use store::{Incarnation, Snapshot};

/// Rows that one portion counts.
const PORTION: usize = 20_000;

/// How far a count of a state has come.
struct Counting {
    read: Snapshot,
    scope: Scope,
    incarnation: Incarnation,
    range: RowRange,
}

/// The count of a table or index, without what timers did; made of its rows if it is not known.
///
/// # Errors
/// The store's.
pub async fn count(ctx: &Ctx, scope: &Scope, incarnation: Incarnation) -> Result<Count, DynamoError> {
    let statistics = ctx.part::<Statistics>();
    if let Some(count) = statistics.get(incarnation) {
        return Ok(count);
    }
    // Writes that end from here on are added to what is counted of the state before them.
    if statistics.begin(incarnation) {
        let read = ctx.read();
        let began =
            state::drift(&read, scope, incarnation).inspect_err(|_| statistics.forget(incarnation))?;
        statistics.add(&[(incarnation, Count::default().minus(began))]);
        let counting = Counting { read, scope: scope.clone(), incarnation, range: RowRange::all() };
        match portion(ctx, counting).await {
            Ok(None) => {}
            Ok(Some(rest)) => drop(tokio::spawn(finish(ctx.clone(), rest))),
            Err(error) => {
                statistics.forget(incarnation);
                return Err(error);
            }
        }
    }
    Ok(statistics.get(incarnation).unwrap_or_default())
}

/// Counts the rest; begun again by the next who asks where it fails.
async fn finish(ctx: Ctx, mut counting: Counting) {
    let incarnation = counting.incarnation;
    loop {
        match portion(&ctx, counting).await {
            Ok(None) => return,
            Ok(Some(rest)) => counting = rest,
            Err(error) => {
                ctx.part::<Statistics>().forget(incarnation);
                return Log::warn("dynamodb", &format!("a table cannot be counted: {error:?}"));
            }
        }
    }
}

/// Counts one portion; gives what is left, if anything is.
async fn portion(ctx: &Ctx, counting: Counting) -> Result<Option<Counting>, DynamoError> {
    let incarnation = counting.incarnation;
    let counted = ctx.compute(move || counting.portion()).await;
    let (count, rest) = counted.map_err(|_| DynamoError::Corrupt("a table cannot be counted"))??;
    ctx.part::<Statistics>().add(&[(incarnation, count)]);
    Ok(rest)
}

impl Counting {
    fn portion(mut self) -> Result<(Count, Option<Self>), DynamoError> {
        let (mut count, mut last) = (Count::default(), None);
        for row in state::rows(&self.read, &self.scope, self.incarnation, &self.range, true).take(PORTION) {
            let (key, stored) = row?;
            count.items += 1;
            count.bytes += codec::stored_size(&stored) as i64;
            last = Some(key);
        }
        let full = count.items == PORTION as i64;
        self.range.low = last.map_or(Bound::Unbounded, |key| Bound::Excluded(key.to_vec()));
        Ok((count, full.then_some(self)))
    }
}

//! Imports from S3: items in JSON or Ion, or lines of values, plain or compressed, into a table that is made for
//! them. What cannot be an item of the table is counted, told in a log and left out.

mod complaints;
mod reader;
mod unpack;

pub use complaints::group_arn;

use crate::errors::DynamoError;
use crate::find::Found;
use crate::objects;
use crate::ops::put_item::{item_write, stored};
use crate::rules::checks;
use crate::rules::value::Item;
use crate::state;
use crate::state::backups::{self, ImportRecord, Progress};
use crate::statistics::{Deltas, Statistics};
use crate::write::ItemWrite;
use bytes::Bytes;
use futures_util::StreamExt;
use names::Scope;
use reader::{Parsed, Reader};
use schema::ApiError;
use service::{Ctx, Heads};
use std::sync::Arc;

/// The most items that one commit writes.
const ITEMS: usize = 100;

/// What was imported so far.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    bytes: u64,
    read: u64,
    written: u64,
    errors: u64,
}

/// Makes an import, and keeps what became of it.
///
/// # Errors
/// The store's.
pub async fn run(
    ctx: &Ctx,
    scope: &Scope,
    (table, id): (&str, &str),
    number: u64,
) -> Result<(), DynamoError> {
    let read = ctx.read();
    let Some(record) = backups::import(&read, scope, table, id)? else { return Ok(()) };
    let Some(made) = state::table(&read, scope, &record.table)? else { return Ok(()) };
    drop(read);
    let found = Found { scope: scope.clone(), table: Arc::new(made), now: ctx.now() };
    let mut tally = Tally::default();
    let progress = match all_files(ctx, &record, &found, &mut tally).await {
        Err(error) => objects::failed(ctx, &error),
        Ok(()) if tally.errors > 0 => Progress::Failed(
            ctx.now(),
            "ItemValidationError".to_owned(),
            "Some of the items failed validation checks and were not imported. Please check CloudWatch error logs \
             for more details."
                .to_owned(),
        ),
        Ok(()) => Progress::Done(ctx.now()),
    };
    keep(ctx, scope, (table, id), number, (progress, tally)).await
}

/// Keeps what became of an import that is not made any more.
///
/// # Errors
/// The store's.
pub async fn finish(
    ctx: &Ctx,
    scope: &Scope,
    named: (&str, &str),
    number: u64,
    progress: Progress,
) -> Result<(), DynamoError> {
    keep(ctx, scope, named, number, (progress, Tally::default())).await
}

async fn keep(
    ctx: &Ctx,
    scope: &Scope,
    (name, id): (&str, &str),
    number: u64,
    (progress, tally): (Progress, Tally),
) -> Result<(), DynamoError> {
    let (scope, name, id, now) = (scope.clone(), name.to_owned(), id.to_owned(), ctx.now());
    ctx.commit(move |tx| {
        backups::remove_job(tx, &scope, number)?;
        if let Some(mut table) = state::table(tx, &scope, &name)? {
            // A table into which nothing came is not made at all.
            if matches!(progress, Progress::Failed(..)) && tally.read == 0 {
                state::remove_table(tx, &scope, &table)?;
                crate::describe::table_arn(&scope, &name).map_or(Ok(()), |arn| tx.remove_head(&arn))?;
            } else {
                table.creating_until = now;
                state::put_table(tx, &scope, &mut table)?;
            }
        }
        let Some(record) = backups::import(tx, &scope, &name, &id)? else { return Ok(()) };
        let Tally { bytes, read, written, errors } = tally;
        let record = ImportRecord { progress: progress.clone(), bytes, read, written, errors, ..record };
        Ok::<_, DynamoError>(backups::put_import(tx, &scope, &record)?)
    })
    .await
}

async fn all_files(
    ctx: &Ctx,
    record: &ImportRecord,
    found: &Found,
    tally: &mut Tally,
) -> Result<(), ApiError> {
    let mut token = None;
    loop {
        let (keys, next) = objects::list(ctx, &record.place, token).await?;
        for key in keys {
            one_file(ctx, record, found, key, tally).await?;
        }
        match next {
            Some(next) => token = Some(next),
            None => return Ok(()),
        }
    }
}

async fn one_file(
    ctx: &Ctx,
    record: &ImportRecord,
    found: &Found,
    key: String,
    tally: &mut Tally,
) -> Result<(), ApiError> {
    let body = objects::get(ctx, &record.place, key.clone()).await?;
    let mut chunks = body.and_then(|body| body.take());
    let (mut reader, mut place) = (Reader::new(record, &found.table), 0);
    while let Some(stream) = &mut chunks {
        let chunk: Option<Bytes> = stream.next().await.transpose().map_err(unreadable)?;
        reader.push(chunk.as_deref());
        loop {
            let step = ctx.compute(move || {
                let parsed = reader.step();
                (reader, parsed)
            });
            let (after, parsed) = step.await?;
            reader = after;
            let Some(parsed) = parsed else { break };
            tally.bytes += parsed.bytes;
            write(ctx, (record, found), (&key, &mut place), parsed, tally).await?;
        }
        if reader.is_done() {
            break;
        }
    }
    Ok(())
}

fn unreadable(error: schema::BodyError) -> ApiError {
    ApiError::new("UNKNOWN", 500, error.to_string())
}

/// Writes items; those that do not fit the table are counted and told.
async fn write(
    ctx: &Ctx,
    (record, found): (&ImportRecord, &Found),
    (key, place): (&str, &mut u64),
    parsed: Parsed,
    tally: &mut Tally,
) -> Result<(), ApiError> {
    tally.read += parsed.items.len() as u64;
    let (mut writes, mut events) = (Vec::new(), Vec::new());
    for item in parsed.items {
        match item.and_then(|item| fitting(found, &item)) {
            Ok(write) => writes.push(write),
            Err(why) => {
                tally.errors += 1;
                events.push(complaints::event((&found.scope, record), (key, *place), &why, ctx.now()));
            }
        }
        *place += 1;
    }
    tally.written += writes.len() as u64;
    for portion in writes.chunks(ITEMS) {
        put(ctx, portion.to_vec()).await?;
    }
    complaints::write(ctx, &found.scope, record, events).await
}

/// The write of an item, or why it is no item of the table.
fn fitting(found: &Found, item: &Item) -> Result<ItemWrite, String> {
    let write = || {
        checks::values(item)?;
        item_write(found, (item, stored(item)?), None, false)
    };
    write().map_err(|error| ApiError::from(error).message.to_string())
}

async fn put(ctx: &Ctx, writes: Vec<ItemWrite>) -> Result<(), DynamoError> {
    let one_by_one = writes.into_iter().map(|write| move |tx: &mut store::Tx| write.run(tx)).collect();
    let results: Vec<Result<crate::write::Written, DynamoError>> =
        ctx.host().store.commit_each(one_by_one).await;
    let mut deltas = Deltas::new();
    for result in results {
        deltas.extend(result?.deltas);
    }
    ctx.part::<Statistics>().add(&deltas);
    Ok(())
}

//! Imports from S3: items in JSON, or lines of values, plain or compressed, into a table that is made for them.
//! What cannot be an item of the table is counted and left out.

use crate::errors::DynamoError;
use crate::find::Found;
use crate::objects;
use crate::ops::put_item::{item_write, stored};
use crate::rules::csv::{Lines, TooLong};
use crate::rules::keys::KeyKind;
use crate::rules::value::{Item, Value};
use crate::rules::{checks, json};
use crate::state::backups::{self, Form, ImportRecord, Progress};
use crate::state::{self, TableRecord};
use crate::statistics::{Deltas, Statistics};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::write::MultiGzDecoder;
use futures_util::StreamExt;
use names::Scope;
use schema::ApiError;
use service::{Ctx, Heads};
use std::io::Write;
use std::sync::Arc;

/// The most items that one commit writes.
const ITEMS: usize = 100;
/// The most bytes of JSON that wait for the end of an item.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// How many compressed bytes are taken up at once.
const PIECE: usize = 16 * 1024;

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
    let body = objects::get(ctx, &record.place, key).await?;
    let mut chunks = body.and_then(|body| body.take());
    let mut reader = Reader::new(record, &found.table);
    while let Some(stream) = &mut chunks {
        let chunk = stream.next().await.transpose();
        let chunk = chunk.map_err(|error| ApiError::new("UNKNOWN", 500, error.to_string()))?;
        let is_last = chunk.is_none();
        tally.bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        let read = ctx.compute(move || {
            let items = reader.read(chunk.as_deref());
            (reader, items)
        });
        let (after, items) = read.await?;
        reader = after;
        write(ctx, found, items, tally).await?;
        if is_last || reader.is_broken {
            break;
        }
    }
    Ok(())
}

/// Writes items; those that do not fit the table are counted.
async fn write(
    ctx: &Ctx,
    found: &Found,
    items: Vec<Option<Item>>,
    tally: &mut Tally,
) -> Result<(), DynamoError> {
    tally.read += items.len() as u64;
    let mut writes = Vec::new();
    for item in items {
        let write = item.ok_or(DynamoError::NoTable).and_then(|item| {
            checks::values(&item)?;
            item_write(found, (&item, stored(&item)?), None, false)
        });
        match write {
            Ok(write) => writes.push(write),
            Err(_) => tally.errors += 1,
        }
    }
    tally.written += writes.len() as u64;
    for portion in writes.chunks(ITEMS) {
        let portion = portion.to_vec();
        let one_by_one = portion.into_iter().map(|write| move |tx: &mut store::Tx| write.run(tx)).collect();
        let results: Vec<Result<crate::write::Written, DynamoError>> =
            ctx.host().store.commit_each(one_by_one).await;
        let mut deltas = Deltas::new();
        for result in results {
            deltas.extend(result?.deltas);
        }
        ctx.part::<Statistics>().add(&deltas);
    }
    Ok(())
}

/// Reads the items of one file as its bytes come.
struct Reader {
    gzip: Option<MultiGzDecoder<Vec<u8>>>,
    form: Parser,
    /// What follows cannot be read.
    is_broken: bool,
}

enum Parser {
    Json(Vec<u8>),
    Csv(Lines, Option<Vec<String>>, Arc<TableRecord>),
}

impl Reader {
    fn new(record: &ImportRecord, table: &Arc<TableRecord>) -> Self {
        let form = match &record.form {
            Form::Json => Parser::Json(Vec::new()),
            Form::Csv(delimiter, names) => {
                let delimiter = delimiter.as_ref().and_then(|text| text.bytes().next()).unwrap_or(b',');
                Parser::Csv(Lines::new(delimiter), names.clone(), table.clone())
            }
        };
        let gzip = record.gzip.then(|| MultiGzDecoder::new(Vec::new()));
        Reader { gzip, form, is_broken: false }
    }

    /// The items that a chunk ends, or the end of the file; `None` for each that is none.
    fn read(&mut self, chunk: Option<&[u8]>) -> Vec<Option<Item>> {
        let mut items = Vec::new();
        let Some(gzip) = &mut self.gzip else {
            self.parse(chunk.unwrap_or_default(), chunk.is_none(), &mut items);
            return items;
        };
        let Some(chunk) = chunk else {
            let is_whole = gzip.try_finish().is_ok();
            let rest = std::mem::take(gzip.get_mut());
            self.parse(&rest, true, &mut items);
            self.fail(!is_whole, &mut items);
            return items;
        };
        // A little that is compressed may be much: it is taken up before more is read.
        for piece in chunk.chunks(PIECE) {
            let Some(gzip) = self.gzip.as_mut().filter(|_| !self.is_broken) else { break };
            let is_fine = gzip.write_all(piece).is_ok();
            let plain = std::mem::take(gzip.get_mut());
            self.parse(&plain, false, &mut items);
            self.fail(!is_fine, &mut items);
        }
        items
    }

    /// What follows cannot be read, which counts as one more item.
    fn fail(&mut self, fails: bool, items: &mut Vec<Option<Item>>) {
        if fails && !self.is_broken {
            self.is_broken = true;
            items.push(None);
        }
    }

    fn parse(&mut self, plain: &[u8], is_last: bool, items: &mut Vec<Option<Item>>) {
        let fails = match &mut self.form {
            Parser::Json(waiting) => {
                waiting.extend_from_slice(plain);
                objects_of(waiting, is_last, items) || waiting.len() > MAX_WAITING
            }
            Parser::Csv(lines, names, table) => match csv(lines, plain, is_last) {
                Ok(lines) => {
                    items.extend(lines.into_iter().filter_map(|line| of_line(line, names, table)));
                    false
                }
                Err(TooLong) => true,
            },
        };
        self.fail(fails, items);
    }
}

/// Takes whole items off the waiting bytes; says whether what follows is no JSON.
fn objects_of(waiting: &mut Vec<u8>, is_last: bool, items: &mut Vec<Option<Item>>) -> bool {
    let mut values = serde_json::Deserializer::from_slice(waiting).into_iter::<serde_json::Value>();
    let mut taken = 0;
    let fails = loop {
        match values.next() {
            Some(Ok(value)) => {
                taken = values.byte_offset();
                items.push(json::item(&value));
            }
            Some(Err(error)) => break is_last || !error.is_eof(),
            None => break false,
        }
    };
    waiting.drain(..taken);
    fails
}

fn csv(lines: &mut Lines, plain: &[u8], is_last: bool) -> Result<Vec<Vec<String>>, TooLong> {
    let mut all = lines.read(plain)?;
    if is_last {
        all.extend(lines.finish());
    }
    Ok(all)
}

/// The item of a line; the first line names the attributes where nothing else does.
fn of_line(line: Vec<String>, names: &mut Option<Vec<String>>, table: &TableRecord) -> Option<Option<Item>> {
    let Some(names) = names else {
        *names = Some(line);
        return None;
    };
    if line.len() != names.len() {
        return Some(None);
    }
    // Attributes that no key has are text (developer guide, "Import formats"); empty ones are left out.
    let value = |name: &String, text: String| match table.attributes.iter().find(|part| part.name == *name) {
        Some(part) if part.kind == KeyKind::N => Some(Value::N(text)),
        Some(part) if part.kind == KeyKind::B => Some(Value::B(STANDARD.decode(text).ok()?.into())),
        _ => Some(Value::S(text)),
    };
    let pairs = names.iter().zip(line).filter(|(_, text)| !text.is_empty());
    Some(pairs.map(|(name, text)| Some((name.clone(), value(name, text)?))).collect())
}

//! Exports to S3: the items of a moment as lines of compressed JSON, and manifests that name the files.

use crate::copy::{self, Sink, Source};
use crate::errors::DynamoError;
use crate::objects;
use crate::rules::json;
use crate::rules::rows::RowRange;
use crate::state::backups::{self, ExportRecord, Progress};
use crate::state::{self, TableRecord, history, streams};
use crate::statistics::Count;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use names::Scope;
use schema::ApiError;
use serde_json::json;
use service::Ctx;
use std::io::Write;
use store::{Incarnation, Snapshot};

/// A file ends when it holds this many bytes, before they are compressed.
const FILE_BYTES: usize = 8 * 1024 * 1024;

/// Makes an export, and keeps what became of it.
///
/// # Errors
/// The store's.
pub async fn run(
    ctx: &Ctx,
    read: Snapshot,
    scope: &Scope,
    (table, id): (&str, &str),
    number: u64,
) -> Result<(), DynamoError> {
    let Some(record) = backups::export(&read, scope, table, id)? else { return Ok(()) };
    let exported = record.record.record()?;
    let (source, scratch) = at_moment(ctx, read, scope, &exported, &record).await?;
    let outcome = write(ctx, &source, &record, &exported).await;
    if let Some(scratch) = scratch {
        let scope = scope.clone();
        ctx.commit(move |tx| Ok::<_, DynamoError>(tx.discard(&scope, scratch)?)).await?;
    }
    let (progress, count) = match outcome {
        Ok(count) => (Progress::Done(ctx.now()), count),
        Err(error) => (objects::failed(ctx, &error), Count::default()),
    };
    keep(ctx, scope, (table, id), number, (progress, count)).await
}

/// Keeps what became of an export that is not made any more.
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
    keep(ctx, scope, named, number, (progress, Count::default())).await
}

async fn keep(
    ctx: &Ctx,
    scope: &Scope,
    (table, id): (&str, &str),
    number: u64,
    (progress, count): (Progress, Count),
) -> Result<(), DynamoError> {
    let (scope, table, id) = (scope.clone(), table.to_owned(), id.to_owned());
    ctx.commit(move |tx| {
        backups::remove_job(tx, &scope, number)?;
        let Some(record) = backups::export(tx, &scope, &table, &id)? else { return Ok(()) };
        let record = ExportRecord { progress: progress.clone(), count, ..record };
        Ok::<_, DynamoError>(backups::put_export(tx, &scope, &record)?)
    })
    .await
}

/// The rows of the export's moment: those of the table, or a copy where it has changed since.
async fn at_moment(
    ctx: &Ctx,
    read: Snapshot,
    scope: &Scope,
    table: &TableRecord,
    record: &ExportRecord,
) -> Result<(Source, Option<Incarnation>), DynamoError> {
    let rows = table.incarnation;
    let source = Source { read, scope: scope.clone(), rows, back: None };
    let Some(kept) = table.history.as_ref().map(|history| history.incarnation) else {
        return Ok((source, None));
    };
    let end = streams::head(&source.read, scope, rows)?.number + 1;
    if history::first_after(&source.read, scope, kept, record.moment, end)? == end {
        return Ok((source, None));
    }
    let scratch = ctx.commit(|tx| Ok::<_, DynamoError>(tx.fresh_incarnation()?)).await?;
    let source = Source { back: Some((kept, record.moment)), ..source };
    copy::copy(ctx, &source, rows, &Sink::Rows(scratch)).await?;
    Ok((Source { read: ctx.read(), rows: scratch, back: None, ..source }, Some(scratch)))
}

/// One file: its compressed bytes and how many items it holds.
struct File {
    bytes: Vec<u8>,
    items: u64,
}

/// Some lines for a file, and where the next begin.
type Lines = (String, Count, Option<RowRange>);

fn lines(source: &Source, range: &RowRange) -> Result<Lines, DynamoError> {
    let (portion, next) = source.portion(range)?;
    let (mut lines, mut count) = (String::new(), Count::default());
    for stored in portion.iter().filter_map(|(_, stored)| stored.as_ref()) {
        lines.push_str(&json::line(&state::item(stored)?));
        lines.push('\n');
        count = count.plus(Count { items: 1, bytes: crate::rules::codec::stored_size(stored) as i64 });
    }
    Ok((lines, count, next))
}

/// The next file, and where the one after it begins.
fn file(source: &Source, mut range: RowRange) -> Result<(File, Count, Option<RowRange>), DynamoError> {
    let cannot = |_| DynamoError::Corrupt("a file cannot be compressed");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let (mut plain, mut total) = (0, Count::default());
    loop {
        let (lines, count, next) = lines(source, &range)?;
        gzip.write_all(lines.as_bytes()).map_err(cannot)?;
        plain += lines.len();
        total = total.plus(count);
        match next {
            Some(next) if plain < FILE_BYTES => range = next,
            next => {
                let bytes = gzip.finish().map_err(cannot)?;
                return Ok((File { bytes, items: total.items.unsigned_abs() }, total, next));
            }
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

/// The folder of an export in its bucket.
pub fn folder(record: &ExportRecord) -> String {
    let prefix = record.place.prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let prefix = prefix.map_or_else(String::new, |prefix| format!("{}/", prefix.trim_end_matches('/')));
    format!("{prefix}AWSDynamoDB/{}", record.id)
}

async fn write(
    ctx: &Ctx,
    source: &Source,
    record: &ExportRecord,
    table: &TableRecord,
) -> Result<Count, ApiError> {
    let (place, encryption, folder) = (&record.place, &record.encryption, folder(record));
    objects::put(ctx, place, encryption, format!("{folder}/_started"), Bytes::new()).await?;
    let (mut files, mut total, mut range) = (String::new(), Count::default(), Some(RowRange::all()));
    while let Some(at) = range {
        let reading = source.clone();
        let (file, count, next) = ctx.compute(move || file(&reading, at)).await??;
        let key = format!("{folder}/data/{}.json.gz", ctx.host().entropy.label(26));
        let checksum = digest(&file.bytes);
        let tag = objects::put(ctx, place, encryption, key.clone(), file.bytes.into()).await?;
        let named = json!({
            "itemCount": file.items,
            "md5Checksum": checksum,
            "etag": tag.unwrap_or_default().trim_matches('"'),
            "dataFileS3Key": key,
        });
        files.push_str(&format!("{named}\n"));
        total = total.plus(count);
        range = next;
    }
    let summary = summary(ctx, source, record, table, total);
    for (name, text) in [("manifest-files", files), ("manifest-summary", summary)] {
        let sum = digest(text.as_bytes());
        objects::put(ctx, place, encryption, format!("{folder}/{name}.json"), text.into()).await?;
        objects::put(ctx, place, encryption, format!("{folder}/{name}.md5"), sum.into()).await?;
    }
    Ok(total)
}

fn summary(ctx: &Ctx, source: &Source, record: &ExportRecord, table: &TableRecord, total: Count) -> String {
    let arn = crate::describe::table_arn(&source.scope, &record.table).map(|arn| arn.to_string());
    let arn = arn.unwrap_or_default();
    json!({
        "version": "2020-06-30",
        "exportArn": format!("{arn}/export/{}", record.id),
        "startTime": record.started.iso8601_millis(),
        "endTime": ctx.now().iso8601_millis(),
        "tableArn": arn,
        "tableId": table.id,
        "exportTime": record.moment.iso8601_millis(),
        "s3Bucket": record.place.bucket,
        "s3Prefix": record.place.prefix,
        "s3SseAlgorithm": record.encryption.0.as_deref().unwrap_or("AES256"),
        "s3SseKmsKeyId": record.encryption.1,
        "manifestFilesS3Key": format!("{}/manifest-files.json", folder(record)),
        "billedSizeBytes": total.bytes,
        "itemCount": total.items,
        "outputFormat": "DYNAMODB_JSON",
        "exportType": "FULL_EXPORT",
    })
    .to_string()
}

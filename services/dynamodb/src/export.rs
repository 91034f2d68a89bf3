//! Exports to S3: the items of a moment, or the changes of a period, as lines of compressed JSON or Ion, and
//! manifests that name the files.

mod contents;

use crate::copy::{self, Sink, Source};
use crate::errors::DynamoError;
use crate::objects;
use crate::ops::exports;
use crate::rules::rows::RowRange;
use crate::state::backups::{self, ExportRecord, Place, Progress};
use crate::state::{TableRecord, history, streams};
use crate::statistics::Count;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use contents::{Changes, Contents};
use md5::{Digest, Md5};
use names::Scope;
use schema::ApiError;
use serde_json::json;
use service::Ctx;
use store::{Incarnation, Snapshot};

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
    let source = Source { read, scope: scope.clone(), rows: exported.incarnation, back: None };
    let (contents, scratch) = match &record.window {
        Some(window) => {
            let changes = Some(Changes::of(&source, &exported, window)?);
            (Contents { source, is_ion: record.is_ion, changes }, None)
        }
        None => {
            let (source, scratch) = at_moment(ctx, source, &exported, &record).await?;
            (Contents { source, is_ion: record.is_ion, changes: None }, scratch)
        }
    };
    let outcome = write(ctx, &contents, &record, &exported).await;
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
    source: Source,
    table: &TableRecord,
    record: &ExportRecord,
) -> Result<(Source, Option<Incarnation>), DynamoError> {
    let rows = table.incarnation;
    let Some(kept) = table.history.as_ref().map(|history| history.incarnation) else {
        return Ok((source, None));
    };
    let end = streams::head(&source.read, &source.scope, rows)?.number + 1;
    if history::first_after(&source.read, &source.scope, kept, record.moment, end)? == end {
        return Ok((source, None));
    }
    let scratch = ctx.commit(|tx| Ok::<_, DynamoError>(tx.fresh_incarnation()?)).await?;
    let source = Source { back: Some((kept, record.moment)), ..source };
    copy::copy(ctx, &source, rows, &Sink::Rows(scratch)).await?;
    Ok((Source { read: ctx.read(), rows: scratch, back: None, ..source }, Some(scratch)))
}

fn digest(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

/// The folder that all exports to a place have in common.
fn root(record: &ExportRecord) -> String {
    let prefix = record.place.prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let prefix = prefix.map_or_else(String::new, |prefix| format!("{}/", prefix.trim_end_matches('/')));
    format!("{prefix}AWSDynamoDB")
}

/// The folder of an export in its bucket.
pub fn folder(record: &ExportRecord) -> String {
    format!("{}/{}", root(record), record.id)
}

/// The folder of its data: incremental exports have one in common.
fn data_folder(record: &ExportRecord) -> String {
    let folder = if record.window.is_some() { root(record) } else { folder(record) };
    format!("{folder}/data")
}

async fn write(
    ctx: &Ctx,
    contents: &Contents,
    record: &ExportRecord,
    table: &TableRecord,
) -> Result<Count, ApiError> {
    let (encryption, folder) = (&record.encryption, folder(record));
    // A bucket whose owner is not named is the caller's.
    let owner = record.place.owner.clone().unwrap_or_else(|| ctx.account().to_string());
    let place = &Place { owner: Some(owner), ..record.place.clone() };
    objects::put(ctx, place, encryption, format!("{folder}/_started"), Bytes::new()).await?;
    let (mut files, mut total, mut range) = (String::new(), Count::default(), Some(RowRange::all()));
    while let Some(at) = range {
        let reading = contents.clone();
        let (file, next) = ctx.compute(move || reading.file(at)).await??;
        let (name, ending) = (ctx.host().entropy.label(26), contents.ending());
        let key = format!("{}/{name}.{ending}", data_folder(record));
        let checksum = digest(&file.bytes);
        let tag = objects::put(ctx, place, encryption, key.clone(), file.bytes.into()).await?;
        let named = json!({
            "itemCount": file.count.items,
            "md5Checksum": checksum,
            "etag": tag.unwrap_or_default().trim_matches('"'),
            "dataFileS3Key": key,
        });
        files.push_str(&format!("{named}\n"));
        total = total.plus(file.count);
        range = next;
    }
    let summary = summary(ctx, &contents.source.scope, record, table, total);
    for (name, text) in [("manifest-files", files), ("manifest-summary", summary)] {
        let sum = digest(text.as_bytes());
        objects::put(ctx, place, encryption, format!("{folder}/{name}.json"), text.into()).await?;
        objects::put(ctx, place, encryption, format!("{folder}/{name}.md5"), sum.into()).await?;
    }
    Ok(total)
}

fn summary(ctx: &Ctx, scope: &Scope, record: &ExportRecord, table: &TableRecord, total: Count) -> String {
    let arn = crate::describe::table_arn(scope, &record.table).map(|arn| arn.to_string());
    let arn = arn.unwrap_or_default();
    let mut summary = json!({
        "version": if record.window.is_some() { "2023-08-01" } else { "2020-06-30" },
        "exportArn": format!("{arn}/export/{}", record.id),
        "startTime": record.started.iso8601_millis(),
        "endTime": ctx.now().iso8601_millis(),
        "tableArn": arn,
        "tableId": table.id,
        "s3Bucket": record.place.bucket,
        "s3Prefix": record.place.prefix,
        "s3SseAlgorithm": record.encryption.0.as_deref().unwrap_or("AES256"),
        "s3SseKmsKeyId": record.encryption.1,
        "manifestFilesS3Key": format!("{}/manifest-files.json", folder(record)),
        "billedSizeBytes": total.bytes,
        "itemCount": total.items,
        "outputFormat": if record.is_ion { "ION" } else { "DYNAMODB_JSON" },
    });
    let of_kind = match &record.window {
        None => {
            vec![("exportTime", record.moment.iso8601_millis()), ("exportType", "FULL_EXPORT".to_owned())]
        }
        Some(window) => vec![
            ("exportFromTime", window.from.iso8601_millis()),
            ("exportToTime", window.to.iso8601_millis()),
            ("outputView", exports::view(window).to_string()),
            ("exportType", "INCREMENTAL_EXPORT".to_owned()),
        ],
    };
    of_kind.into_iter().for_each(|(name, value)| summary[name] = value.into());
    summary.to_string()
}

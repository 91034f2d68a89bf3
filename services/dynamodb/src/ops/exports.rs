//! ExportTableToPointInTime, DescribeExport, ListExports: the items of a moment as files in S3.

use crate::backup::{self, part_arn};
use crate::copy::Source;
use crate::errors::DynamoError;
use crate::state::backups::{self, ExportRecord, Frozen, Job, Place, Progress, Window};
use crate::state::{self, TableRecord};
use crate::statistics::Count;
use crate::{export, find, history, jobs};
use model::{
    DescribeExportInput, DescribeExportOutput, ExportDescription, ExportFormat, ExportStatus, ExportSummary,
    ExportTableToPointInTimeInput, ExportTableToPointInTimeOutput, ExportType, ExportViewType,
    IncrementalExportSpecification, ListExportsInput, ListExportsOutput, S3SseAlgorithm,
};
use model_dynamodb as model;
use names::{Scope, Timestamp};
use service::{Ctx, Once, once};
use std::sync::Arc;
use store::Fault;

/// The longest page of exports or imports, and the one that is given unasked.
pub const MAX_PAGE: i32 = 25;
/// The shortest and the longest period of an incremental export (DynamoDB developer guide, "Requesting a table
/// export in DynamoDB").
const MIN_WINDOW_MS: i64 = 15 * 60_000;
const MAX_WINDOW_MS: i64 = 24 * 3_600_000;
/// How long a client's token is remembered.
pub const TOKEN_MS: i64 = 8 * 3_600_000;

/// ExportTableToPointInTime.
pub async fn export_table_to_point_in_time(
    ctx: Ctx,
    input: Arc<ExportTableToPointInTimeInput>,
) -> Result<ExportTableToPointInTimeOutput, DynamoError> {
    if !input.table_arn.starts_with("arn:") {
        return Err(DynamoError::invalid_value("tableArn is not a valid ARN"));
    }
    let address = find::address(ctx.account(), ctx.region(), &input.table_arn)?;
    check(&input)?;
    let table = state::table(&ctx.read(), &address.scope, &address.name)?;
    let table = table.ok_or_else(|| DynamoError::TableNotFound(input.table_arn.clone()))?;
    let record = decide(&ctx, &input, &table)?;
    let job = Job::Export(record.table.clone(), record.id.clone());
    let scope = address.scope;
    let starting = jobs::starting(&ctx).await;
    let Some((number, record)) = begun(&ctx, &scope, &input, (record, job.clone())).await? else {
        return Err(DynamoError::Conflict("Export"));
    };
    if let Some(number) = number {
        let rows = Source { read: ctx.read(), scope: scope.clone(), rows: table.incarnation, back: None };
        // What a period holds is as long as the history, however few rows there are now.
        let is_small = record.window.is_none() && rows.is_small()?;
        drop(rows);
        jobs::start(&ctx, starting, vec![(number, scope.clone(), job)], is_small).await?;
    }
    // It says that it goes on, as on AWS, also where it is done already.
    let begun = ExportRecord { progress: Progress::Running, ..record };
    Ok(ExportTableToPointInTimeOutput { export_description: Some(description(&scope, &begun)?) })
}

fn decide(
    ctx: &Ctx,
    input: &ExportTableToPointInTimeInput,
    table: &TableRecord,
) -> Result<ExportRecord, DynamoError> {
    let now = ctx.now();
    let kept = table.history.as_ref();
    let kept = kept.ok_or_else(|| DynamoError::RecoveryUnavailable(table.name.clone()))?;
    let window = window(input, table, now)?;
    let moment = window.as_ref().map(|window| window.to).or(input.export_time).unwrap_or(now);
    let earliest = history::earliest(kept, now);
    let first = window.as_ref().map_or(moment, |window| window.from);
    if first.plus_millis(999) < earliest || moment > now {
        return Err(DynamoError::InvalidExportTime("Export Time is invalid".to_owned()));
    }
    Ok(ExportRecord {
        table: table.name.clone(),
        id: backup::new_id(now, &ctx.host().entropy.hex(8)),
        record: Frozen::of(table)?,
        token: input.client_token.clone(),
        started: now,
        moment,
        place: Place {
            bucket: input.s3_bucket.clone(),
            owner: input.s3_bucket_owner.clone(),
            prefix: input.s3_prefix.clone(),
        },
        encryption: (
            input.s3_sse_algorithm.as_ref().map(ToString::to_string),
            input.s3_sse_kms_key_id.clone(),
        ),
        progress: Progress::Running,
        count: Count::default(),
        is_ion: input.export_format == Some(ExportFormat::Ion),
        window,
    })
}

/// Refuses settings that do not fit together. The words, here and of the times, are those that Amazon's
/// controllers for Kubernetes recorded of AWS in October 2026 (aws-controllers-k8s/dynamodb-controller,
/// docs/api-quirks/export.md).
fn check(input: &ExportTableToPointInTimeInput) -> Result<(), DynamoError> {
    let refused = |message: &str| Err(DynamoError::invalid(format!("Invalid Request: {message}")));
    let asked = input.incremental_export_specification.as_ref();
    match (&input.export_type, asked) {
        (Some(ExportType::IncrementalExport), None) => {
            return refused(
                "Incremental Export Specification expected when export type is set as Incremental Export",
            );
        }
        (Some(ExportType::IncrementalExport), Some(asked)) if asked.export_from_time.is_none() => {
            return refused("ExportFromTime must be provided in IncrementalExportSpecification");
        }
        (None, Some(_)) => {
            return refused(
                "Export Type expected to be Incremental Export when incremental export specification is provided",
            );
        }
        (Some(ExportType::FullExport), Some(_)) => {
            return refused(
                "When Export Type is Full Export , Incremental Export Specification should not be provided",
            );
        }
        _ => {}
    }
    if input.export_type == Some(ExportType::IncrementalExport) && input.export_time.is_some() {
        return Err(DynamoError::invalid("ExportTime can only be specified with ExportType FULL_EXPORT"));
    }
    if input.s3_sse_kms_key_id.is_some() && input.s3_sse_algorithm != Some(S3SseAlgorithm::Kms) {
        return refused("KMS Key Id is not supported for this encryption type");
    }
    Ok(())
}

/// The changes that an incremental export holds; nothing for a full one.
fn window(
    input: &ExportTableToPointInTimeInput,
    table: &TableRecord,
    now: Timestamp,
) -> Result<Option<Window>, DynamoError> {
    let asked = input.incremental_export_specification.as_ref();
    let Some(from) = asked.and_then(|asked| asked.export_from_time) else { return Ok(None) };
    let refused = |message: String| Err(DynamoError::InvalidExportTime(message));
    let to = asked.and_then(|asked| asked.export_to_time).unwrap_or(now);
    if from.plus_millis(999) < table.created {
        return refused(format!(
            "Incremental export period from time cannot be less than the table creation time : {}",
            table.created.iso8601()
        ));
    }
    if to > now {
        return refused(format!(
            "Incremental export period to time cannot be greater than the current time : {}",
            now.iso8601()
        ));
    }
    let length = to.millis().saturating_sub(from.millis());
    if length < MIN_WINDOW_MS {
        return refused(
            "Difference between export period from time and export period to time is less than 15 minutes"
                .to_owned(),
        );
    }
    if length > MAX_WINDOW_MS {
        return refused(
            "Difference between export period from time and export period to time is greater than 24 hours"
                .to_owned(),
        );
    }
    let view = asked.and_then(|asked| asked.export_view_type.as_ref());
    Ok(Some(Window { from, to, has_old: view != Some(&ExportViewType::NewImage) }))
}

/// Writes an export and its job down; gives no job for a repeat, and nothing where the token was used for
/// another export.
async fn begun(
    ctx: &Ctx,
    scope: &Scope,
    input: &ExportTableToPointInTimeInput,
    (record, job): (ExportRecord, Job),
) -> Result<Option<(Option<u64>, ExportRecord)>, DynamoError> {
    let (scope, now) = (scope.clone(), ctx.now());
    // Times as they were given: one that was left out is another at each repeat.
    let asked = format!(
        "{}\n{:?}\n{:?}\n{}\n{:?}\n{:?}",
        record.table,
        record.place,
        record.encryption,
        record.is_ion,
        input.export_time,
        input.incremental_export_specification
    );
    ctx.commit(move |tx| {
        let mut number = None;
        let mut work = |tx: &mut store::Tx| {
            backups::put_export(tx, &scope, &record)?;
            number = Some(backups::put_job(tx, &scope, &job)?);
            Ok::<_, DynamoError>(record.id.clone().into_bytes())
        };
        let Some(token) = record.token.as_deref() else {
            work(tx)?;
            return Ok(Some((number, record.clone())));
        };
        let place = (&scope, "ExportTableToPointInTime", token);
        let until = (now, now.plus_millis(TOKEN_MS));
        match once(tx, place, asked.as_bytes(), until, &mut work)? {
            Once::Mismatch => Ok(None),
            Once::Done(_) => Ok(Some((number, record.clone()))),
            Once::Repeated(id) => {
                let id = String::from_utf8_lossy(&id).into_owned();
                let first = backups::export(tx, &scope, &record.table, &id)?;
                Ok(Some((None, first.ok_or(DynamoError::ExportNotFound(id))?)))
            }
        }
    })
    .await
}

/// When something ended, and AWS's code and message where it failed.
pub fn ending(progress: &Progress) -> (Option<Timestamp>, Option<String>, Option<String>) {
    match progress {
        Progress::Running => (None, None, None),
        Progress::Done(at) => (Some(*at), None, None),
        Progress::Failed(at, code, why) => (Some(*at), Some(code.clone()), Some(why.clone())),
    }
}

fn status(progress: &Progress) -> ExportStatus {
    match progress {
        Progress::Running => ExportStatus::InProgress,
        Progress::Done(_) => ExportStatus::Completed,
        Progress::Failed(..) => ExportStatus::Failed,
    }
}

fn description(scope: &Scope, record: &ExportRecord) -> Result<ExportDescription, Fault> {
    let (end_time, failure_code, failure_message) = ending(&record.progress);
    let is_done = matches!(record.progress, Progress::Done(_));
    Ok(ExportDescription {
        export_arn: Some(part_arn(scope, &record.table, "export", &record.id)),
        export_status: Some(status(&record.progress)),
        start_time: Some(record.started),
        end_time,
        export_manifest: is_done.then(|| format!("{}/manifest-summary.json", export::folder(record))),
        table_arn: crate::describe::table_arn(scope, &record.table).map(|arn| arn.to_string()),
        table_id: Some(record.record.record()?.id),
        export_time: record.window.is_none().then_some(record.moment),
        client_token: record.token.clone(),
        s3_bucket: Some(record.place.bucket.clone()),
        s3_bucket_owner: record.place.owner.clone(),
        s3_prefix: record.place.prefix.clone(),
        s3_sse_algorithm: Some(record.encryption.0.as_deref().unwrap_or("AES256").into()),
        s3_sse_kms_key_id: record.encryption.1.clone(),
        failure_code,
        failure_message,
        export_format: Some(if record.is_ion { ExportFormat::Ion } else { ExportFormat::DynamodbJson }),
        billed_size_bytes: is_done.then_some(record.count.bytes),
        item_count: is_done.then_some(record.count.items),
        // That of a full export is told in lists alone.
        export_type: record.window.is_some().then(|| kind(record)),
        incremental_export_specification: record.window.as_ref().map(|window| {
            IncrementalExportSpecification {
                export_from_time: Some(window.from),
                export_to_time: Some(window.to),
                export_view_type: Some(view(window)),
            }
        }),
    })
}

fn kind(record: &ExportRecord) -> ExportType {
    if record.window.is_some() { ExportType::IncrementalExport } else { ExportType::FullExport }
}

/// What an incremental export tells of a change.
pub fn view(window: &Window) -> ExportViewType {
    if window.has_old { ExportViewType::NewAndOldImages } else { ExportViewType::NewImage }
}

/// DescribeExport.
pub async fn describe_export(
    ctx: Ctx,
    input: Arc<DescribeExportInput>,
) -> Result<DescribeExportOutput, DynamoError> {
    let part = backup::part(&input.export_arn, ctx.region(), "export")?;
    let absent = || DynamoError::ExportNotFound(input.export_arn.clone());
    let part = part.ok_or_else(absent)?;
    let record = backups::export(&ctx.read(), &part.scope, &part.table, &part.id)?;
    let record = record.ok_or_else(absent)?;
    Ok(DescribeExportOutput { export_description: Some(description(&part.scope, &record)?) })
}

/// ListExports.
pub async fn list_exports(ctx: Ctx, input: Arc<ListExportsInput>) -> Result<ListExportsOutput, DynamoError> {
    let limit = usize::try_from(input.max_results.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE)).unwrap_or(1);
    let table = input.table_arn.as_deref().map(|arn| find::address(ctx.account(), ctx.region(), arn));
    let table = table.transpose()?.map(|address| address.name);
    let after = position(&ctx, input.next_token.as_ref())?;
    let (scope, read) = (ctx.scope(), ctx.read());
    let page = backups::exports(&read, &scope, table.as_ref(), after.as_ref()).take(limit + 1);
    let mut page: Vec<ExportRecord> = page.collect::<Result<_, _>>()?;
    let more = page.len() > limit;
    page.truncate(limit);
    let last = page.last().filter(|_| more).map(|last| (last.table.clone(), last.id.clone()));
    let summaries = page.iter().map(|record| ExportSummary {
        export_arn: Some(part_arn(&scope, &record.table, "export", &record.id)),
        export_status: Some(status(&record.progress)),
        export_type: Some(kind(record)),
    });
    Ok(ListExportsOutput {
        export_summaries: Some(summaries.collect()),
        next_token: last.map(|(table, id)| ctx.page_token("", format!("{table}/{id}").as_bytes())),
    })
}

fn position(ctx: &Ctx, token: Option<&String>) -> Result<Option<(String, String)>, DynamoError> {
    let Some(token) = token else { return Ok(None) };
    let invalid = || DynamoError::invalid("Invalid NextToken");
    let bytes = ctx.page_position("", token).ok_or_else(invalid)?;
    let text = String::from_utf8(bytes).map_err(|_| invalid())?;
    let (table, id) = text.split_once('/').ok_or_else(invalid)?;
    Ok(Some((table.to_owned(), id.to_owned())))
}

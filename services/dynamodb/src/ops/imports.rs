//! ImportTable, DescribeImport, ListImports: a new table of the files of a bucket.

use super::exports::{MAX_PAGE, TOKEN_MS, ending};
use crate::backup::{self, part_arn};
use crate::errors::DynamoError;
use crate::import;
use crate::jobs::{self, NOT_YET};
use crate::ops::create_table;
use crate::state::backups::{self, Compression, Form, Frozen, ImportRecord, Job, Place, Progress};
use crate::state::{self, IndexScope, TableRecord};
use crate::{describe, find};
use model::{
    BillingMode, CreateTableInput, CsvOptions, DescribeImportInput, DescribeImportOutput,
    GlobalSecondaryIndex, ImportStatus, ImportSummary, ImportTableDescription, ImportTableInput,
    ImportTableOutput, InputCompressionType, InputFormat, InputFormatOptions, ListImportsInput,
    ListImportsOutput, ProvisionedThroughput, S3BucketSource, TableCreationParameters,
};
use model_dynamodb as model;
use names::{Scope, Tags};
use service::{Ctx, Once, once};
use std::sync::Arc;
use store::{Fault, Tx};

/// ImportTable.
pub async fn import_table(ctx: Ctx, input: Arc<ImportTableInput>) -> Result<ImportTableOutput, DynamoError> {
    // Optional in the model and asked for all the same (ScyllaDB's test_client_token_required, run on AWS).
    if input.client_token.is_none() {
        return Err(DynamoError::invalid(
            "1 validation error detected: Value null at 'clientToken' failed to satisfy constraint: Member must \
             not be null",
        ));
    }
    let form = form(&input)?;
    let wish = wish(&input.table_creation_parameters);
    let address = find::address(ctx.account(), ctx.region(), &wish.table_name)?;
    let (mut table, wishes) = create_table::decide(&ctx, &wish)?;
    table.name.clone_from(&address.name);
    table.creating_until = NOT_YET;
    let source = &input.s3_bucket_source;
    let record = ImportRecord {
        table: address.name,
        id: backup::new_id(ctx.now(), &ctx.host().entropy.hex(8)),
        record: Frozen::of(&table)?,
        token: input.client_token.clone(),
        started: ctx.now(),
        place: Place {
            bucket: source.s3_bucket.clone(),
            owner: Some(source.s3_bucket_owner.clone().unwrap_or_else(|| ctx.account().to_string())),
            prefix: source.s3_key_prefix.clone(),
        },
        form,
        compression: match input.input_compression_type {
            Some(InputCompressionType::Gzip) => Compression::Gzip,
            Some(InputCompressionType::Zstd) => Compression::Zstd,
            _ => Compression::None,
        },
        progress: Progress::Running,
        bytes: 0,
        read: 0,
        written: 0,
        errors: 0,
    };
    let (scope, owner) = (ctx.scope(), ctx.account());
    let make = move |tx: &mut Tx, scope: &Scope| {
        let mut table = table.clone();
        create_table::make(tx, scope, &mut table, &wishes, None)?;
        create_table::put_head(tx, scope, &table, owner, (Tags::new(), None))?;
        Ok(table)
    };
    let starting = jobs::starting(&ctx).await;
    let (job, record, made) = begun(&ctx, record, make).await?;
    if let (Some(job), Some(made)) = (job, made) {
        create_table::begin_counts(&ctx, &made);
        jobs::start(&ctx, starting, vec![(job.0, scope.clone(), job.1)], false).await?;
    }
    Ok(ImportTableOutput { import_table_description: description(&scope, &record)? })
}

fn form(input: &ImportTableInput) -> Result<Form, DynamoError> {
    let options = input.input_format_options.as_ref().and_then(|options| options.csv.as_ref());
    match (&input.input_format, options) {
        (InputFormat::Csv, options) => Ok(Form::Csv(
            options.and_then(|options| options.delimiter.clone()),
            options.and_then(|options| options.header_list.clone()),
        )),
        (format, Some(_)) => Err(DynamoError::invalid(format!(
            "Invalid Request: Unsupported InputFormatOptions for the given input format: {format}."
        ))),
        (InputFormat::Ion, None) => Ok(Form::Ion),
        (InputFormat::DynamodbJson | InputFormat::Other(_), None) => Ok(Form::Json),
    }
}

fn wish(asked: &TableCreationParameters) -> CreateTableInput {
    CreateTableInput {
        table_name: asked.table_name.clone(),
        attribute_definitions: asked.attribute_definitions.clone(),
        key_schema: asked.key_schema.clone(),
        billing_mode: asked.billing_mode.clone(),
        provisioned_throughput: asked.provisioned_throughput.clone(),
        on_demand_throughput: asked.on_demand_throughput.clone(),
        sse_specification: asked.sse_specification.clone(),
        global_secondary_indexes: asked.global_secondary_indexes.clone(),
        ..CreateTableInput::default()
    }
}

type Begun = (Option<(u64, Job)>, ImportRecord, Option<TableRecord>);

/// Writes an import, its table and its job down; a repeat of the request gives the import it made.
async fn begun(
    ctx: &Ctx,
    record: ImportRecord,
    make: impl Fn(&mut Tx, &Scope) -> Result<TableRecord, DynamoError> + Send + 'static,
) -> Result<Begun, DynamoError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let job = Job::Import(record.table.clone(), record.id.clone());
    ctx.commit(move |tx| {
        let mut done = None;
        let mut work = |tx: &mut Tx| {
            let table = make(tx, &scope)?;
            let record = ImportRecord { record: Frozen::of(&table)?, ..record.clone() };
            backups::put_import(tx, &scope, &record)?;
            let number = backups::put_job(tx, &scope, &job)?;
            let id = record.id.clone().into_bytes();
            done = Some((Some((number, job.clone())), record, Some(table)));
            Ok::<_, DynamoError>(id)
        };
        let lost = || DynamoError::Corrupt("an import was not written down");
        let Some(token) = record.token.as_deref() else {
            work(tx)?;
            return done.ok_or_else(lost);
        };
        // Nothing but another table is noticed, and once the import is over its table is there (ScyllaDB's
        // test_client_token_reuse, run on AWS).
        let until = (now, now.plus_millis(TOKEN_MS));
        match once(tx, (&scope, "ImportTable", token), record.table.as_bytes(), until, &mut work)? {
            Once::Mismatch => Err(DynamoError::Conflict("Import")),
            Once::Done(_) => done.ok_or_else(lost),
            Once::Repeated(id) => {
                let id = String::from_utf8_lossy(&id).into_owned();
                let first = backups::import(tx, &scope, &record.table, &id)?;
                let first = first.ok_or(DynamoError::ImportNotFound(id))?;
                match state::table(tx, &scope, &record.table)? {
                    Some(table) if first.progress != Progress::Running => {
                        Err(DynamoError::TableExists(table.name))
                    }
                    _ => Ok((None, first, None)),
                }
            }
        }
    })
    .await
}

/// The ARN of an import.
pub fn import_arn(scope: &Scope, record: &ImportRecord) -> String {
    part_arn(scope, &record.table, "import", &record.id)
}

fn status(progress: &Progress) -> ImportStatus {
    match progress {
        Progress::Running => ImportStatus::InProgress,
        Progress::Done(_) => ImportStatus::Completed,
        Progress::Failed(..) => ImportStatus::Failed,
    }
}

fn source(record: &ImportRecord) -> S3BucketSource {
    S3BucketSource {
        s3_bucket_owner: record.place.owner.clone(),
        s3_bucket: record.place.bucket.clone(),
        s3_key_prefix: record.place.prefix.clone(),
    }
}

fn format(record: &ImportRecord) -> (InputFormat, Option<InputFormatOptions>) {
    match &record.form {
        Form::Json => (InputFormat::DynamodbJson, None),
        Form::Ion => (InputFormat::Ion, None),
        Form::Csv(delimiter, header_list) => {
            let csv = CsvOptions { delimiter: delimiter.clone(), header_list: header_list.clone() };
            let options = InputFormatOptions { csv: Some(csv.clone()) };
            let is_said = csv.delimiter.is_some() || csv.header_list.is_some();
            (InputFormat::Csv, is_said.then_some(options))
        }
    }
}

fn description(scope: &Scope, record: &ImportRecord) -> Result<ImportTableDescription, Fault> {
    let table = record.record.record()?;
    let (end_time, failure_code, failure_message) = ending(&record.progress);
    let (input_format, input_format_options) = format(record);
    let count = |count: u64| i64::try_from(count).ok();
    Ok(ImportTableDescription {
        import_arn: Some(import_arn(scope, record)),
        import_status: Some(status(&record.progress)),
        table_arn: describe::table_arn(scope, &record.table).map(|arn| arn.to_string()),
        table_id: Some(table.id.clone()),
        client_token: record.token.clone(),
        s3_bucket_source: Some(source(record)),
        error_count: count(record.errors),
        cloud_watch_log_group_arn: import::group_arn(scope),
        input_format: Some(input_format),
        input_format_options,
        input_compression_type: Some(match record.compression {
            Compression::None => InputCompressionType::None,
            Compression::Gzip => InputCompressionType::Gzip,
            Compression::Zstd => InputCompressionType::Zstd,
        }),
        table_creation_parameters: Some(parameters(&table)),
        start_time: Some(record.started),
        end_time,
        // Told once something is over, while the counts of items begin at zero (ScyllaDB's
        // test_import_table_description, run on AWS).
        processed_size_bytes: count(record.bytes).filter(|_| record.progress != Progress::Running),
        processed_item_count: count(record.read),
        imported_item_count: count(record.written),
        failure_code,
        failure_message,
    })
}

fn parameters(table: &TableRecord) -> TableCreationParameters {
    let throughput = |throughput: &crate::state::Throughput| ProvisionedThroughput {
        read_capacity_units: throughput.read,
        write_capacity_units: throughput.write,
    };
    let is_provisioned = table.on_demand.is_none();
    let global = table.indexes.iter().filter(|index| index.scope == IndexScope::Global);
    let global: Vec<GlobalSecondaryIndex> = global
        .map(|index| GlobalSecondaryIndex {
            index_name: index.name.clone(),
            key_schema: describe::key_schema(&index.key),
            projection: describe::projection(&index.projected),
            provisioned_throughput: is_provisioned.then(|| throughput(&index.throughput)),
            ..GlobalSecondaryIndex::default()
        })
        .collect();
    TableCreationParameters {
        table_name: table.name.clone(),
        attribute_definitions: table.attributes.iter().map(describe::definition).collect(),
        key_schema: describe::key_schema(&table.key),
        billing_mode: Some(if is_provisioned {
            BillingMode::Provisioned
        } else {
            BillingMode::PayPerRequest
        }),
        provisioned_throughput: is_provisioned.then(|| throughput(&table.throughput)),
        on_demand_throughput: table.on_demand_limits.map(describe::on_demand),
        sse_specification: table.encryption_key.clone().map(|key| model::SSESpecification {
            enabled: Some(true),
            sse_type: Some(model::SSEType::Kms),
            kms_master_key_id: Some(key),
        }),
        global_secondary_indexes: (!global.is_empty()).then_some(global),
    }
}

/// DescribeImport.
pub async fn describe_import(
    ctx: Ctx,
    input: Arc<DescribeImportInput>,
) -> Result<DescribeImportOutput, DynamoError> {
    let absent = || DynamoError::ImportNotFound(input.import_arn.clone());
    let part = backup::part(&input.import_arn, ctx.region(), "import")?.ok_or_else(absent)?;
    let record = backups::import(&ctx.read(), &part.scope, &part.table, &part.id)?;
    let record = record.ok_or_else(absent)?;
    Ok(DescribeImportOutput { import_table_description: description(&part.scope, &record)? })
}

/// ListImports.
pub async fn list_imports(ctx: Ctx, input: Arc<ListImportsInput>) -> Result<ListImportsOutput, DynamoError> {
    let limit = usize::try_from(input.page_size.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE)).unwrap_or(1);
    let table = input.table_arn.as_deref().map(|arn| find::address(ctx.account(), ctx.region(), arn));
    let table = table.transpose()?.map(|address| address.name);
    let after = input.next_token.as_deref().map(position).transpose()?;
    let (scope, read) = (ctx.scope(), ctx.read());
    let page = backups::imports(&read, &scope, table.as_ref(), after.as_ref()).take(limit + 1);
    let mut page: Vec<ImportRecord> = page.collect::<Result<_, _>>()?;
    let more = page.len() > limit;
    page.truncate(limit);
    let next_token = page.last().filter(|_| more).map(token);
    let summaries = page.iter().map(|record| ImportSummary {
        import_arn: Some(import_arn(&scope, record)),
        import_status: Some(status(&record.progress)),
        table_arn: describe::table_arn(&scope, &record.table).map(|arn| arn.to_string()),
        s3_bucket_source: Some(source(record)),
        cloud_watch_log_group_arn: import::group_arn(&scope),
        input_format: Some(format(record).0),
        start_time: Some(record.started),
        end_time: ending(&record.progress).0,
    });
    Ok(ListImportsOutput { import_summary_list: Some(summaries.collect()), next_token })
}

/// A page token, which here consists of digits: groups of sixteen, at least seven of them. It says no more
/// than a client knows.
fn token(last: &ImportRecord) -> String {
    let mut text = format!("{}/{}", last.table, last.id);
    while text.len() < 56 || text.len() % 8 != 0 {
        text.push(' ');
    }
    service::hex(text.as_bytes())
}

fn position(token: &str) -> Result<(String, String), DynamoError> {
    let invalid = || DynamoError::invalid("Invalid NextToken");
    let pairs = token.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes: Option<Vec<u8>> = bytes.collect();
    let text = String::from_utf8(bytes.ok_or_else(invalid)?).map_err(|_| invalid())?;
    let (table, id) = text.trim_end().split_once('/').ok_or_else(invalid)?;
    Ok((table.to_owned(), id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_groups_of_digits() {
        for name in ["abc", &"x".repeat(255)] {
            let text = format!("{name}/00000000000007-ab");
            let record =
                ImportRecord { table: name.to_owned(), id: "00000000000007-ab".to_owned(), ..sample() };
            let token = token(&record);
            assert!(token.len() >= 112 && token.len().is_multiple_of(16) && token.len() <= 1024);
            let (table, id) = position(&token).unwrap();
            assert_eq!(format!("{table}/{id}"), text);
        }
        assert!(position("0").is_err() && position("é").is_err());
    }

    fn sample() -> ImportRecord {
        ImportRecord {
            table: String::new(),
            id: String::new(),
            record: Frozen::default(),
            token: None,
            started: names::Timestamp(0),
            place: Place { bucket: String::new(), owner: None, prefix: None },
            form: Form::Json,
            compression: Compression::None,
            progress: Progress::Running,
            bytes: 0,
            read: 0,
            written: 0,
            errors: 0,
        }
    }
}

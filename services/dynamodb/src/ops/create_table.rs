//! CreateTable: a table with its indexes. It says CREATING and is ready after its pace.

use crate::definitions::{self, IndexWish};
use crate::describe::{self, Counts};
use crate::encryption;
use crate::errors::DynamoError;
use crate::find;
use crate::ops::{resource_policy, tags};
use crate::rules::change::StreamView;
use crate::rules::keys::KeySchema;
use crate::state::{self, Global, Settings, TableRecord, Throughput};
use crate::statistics::{Count, Statistics};
use crate::streams;
use crate::units;
use model_dynamodb::{BillingMode, CreateTableInput, CreateTableOutput, ProvisionedThroughput, TableStatus};
use names::{AccountId, Scope, Tags};
use service::{Ctx, Head, Heads, Pace};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Incarnation, Tx};

/// How long AWS takes to make a table.
const CREATION: Pace = Pace { aws_ms: 8_000 };
/// The most tables of an account in a region.
const MAX_TABLES: usize = 2_500;

/// CreateTable.
pub async fn create_table(ctx: Ctx, input: Arc<CreateTableInput>) -> Result<CreateTableOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    input.resource_policy.as_deref().map(resource_policy::check).transpose()?;
    let (mut record, wishes) = decide(&ctx, &input)?;
    let view = definitions::stream_view(input.stream_specification.as_ref(), true)?;
    record.name.clone_from(&address.name);
    let tags = tags::added(&Tags::new(), input.tags.as_deref().unwrap_or_default())?;
    let (scope, policy, owner) = (address.scope.clone(), input.resource_policy.clone(), ctx.account());
    let record = ctx
        .commit(move |tx| {
            let mut record = record.clone();
            make(tx, &scope, &mut record, &wishes, view)?;
            put_head(tx, &scope, &record, owner, (tags.clone(), policy.clone()))?;
            Ok::<_, DynamoError>(record)
        })
        .await?;
    begin_counts(&ctx, &record);
    let description = describe::table(&address.scope, &record, TableStatus::Creating, &Counts::default());
    Ok(CreateTableOutput { table_description: Some(description) })
}

/// Writes the head of a table.
///
/// # Errors
/// The store's.
pub fn put_head(
    tx: &mut Tx,
    scope: &Scope,
    record: &TableRecord,
    owner: AccountId,
    (tags, policy): (Tags, Option<String>),
) -> Result<(), DynamoError> {
    let arn = describe::table_arn(scope, &record.name);
    let arn = arn.ok_or(DynamoError::Corrupt("a table is in no region"))?;
    let head = Head {
        incarnation: record.incarnation,
        owner,
        kind: "AWS::DynamoDB::Table".to_owned(),
        created: record.created,
        tags,
        policy,
    };
    Ok(tx.put_head(&arn, &head)?)
}

/// Counts a table that was just made from nothing on.
pub fn begin_counts(ctx: &Ctx, record: &TableRecord) {
    let incarnations = record.indexes.iter().map(|index| index.incarnation).chain([record.incarnation]);
    incarnations.for_each(|incarnation| ctx.part::<Statistics>().set(incarnation, Count::default()));
}

/// Refuses one table more than an account may have.
///
/// # Errors
/// AWS's message.
pub fn check_count(tx: &Tx, scope: &Scope) -> Result<(), DynamoError> {
    if state::table_names(tx, scope, None, MAX_TABLES)?.len() < MAX_TABLES {
        return Ok(());
    }
    Err(DynamoError::Limit(format!(
        "Subscriber limit exceeded: There is a limit of {MAX_TABLES} tables per subscriber"
    )))
}

/// Forgets the attributes that no key uses.
pub fn keep_used_attributes(record: &mut TableRecord) {
    let keys = record.indexes.iter().map(|index| &index.key).chain([&record.key]);
    let used: BTreeSet<String> = keys.flat_map(KeySchema::parts).map(|part| part.name.clone()).collect();
    record.attributes.retain(|part| used.contains(&part.name));
}

/// Makes a table with its indexes and its stream.
///
/// # Errors
/// Where there is one of its name.
pub fn make(
    tx: &mut Tx,
    scope: &Scope,
    record: &mut TableRecord,
    wishes: &[IndexWish],
    view: Option<StreamView>,
) -> Result<(), DynamoError> {
    if state::table(tx, scope, &record.name)?.is_some() {
        return Err(DynamoError::TableExists(record.name.clone()));
    }
    check_count(tx, scope)?;
    record.incarnation = tx.fresh_incarnation()?;
    for wish in wishes {
        record.indexes.push(wish.clone().record(tx.fresh_incarnation()?));
    }
    if let Some(view) = view {
        streams::open(tx, scope, record, view, record.created)?;
    }
    Ok(state::put_table(tx, scope, record)?)
}

/// What a request alone says of a table and its indexes.
///
/// # Errors
/// AWS's message.
pub fn decide(ctx: &Ctx, input: &CreateTableInput) -> Result<(TableRecord, Vec<IndexWish>), DynamoError> {
    refuse_unserved(input)?;
    encryption::check(input.sse_specification.as_ref())?;
    let is_on_demand = input.billing_mode == Some(BillingMode::PayPerRequest);
    let throughput = throughput(input, is_on_demand)?;
    let warm = units::initial_warm(input.warm_throughput.as_ref(), is_on_demand, &throughput, "table")?;
    let bounded = input.on_demand_throughput.as_ref();
    let bounded =
        bounded.map(|asked| units::bounds(asked, None, is_on_demand, "table")).transpose()?.flatten();
    let elements = &input.key_schema;
    definitions::check_plain_length(elements, "keySchema")?;
    let definitions = &input.attribute_definitions;
    if elements.len() > definitions.len() {
        return Err(DynamoError::invalid("Invalid KeySchema: Some index key attribute have no definition"));
    }
    let attributes = definitions::attributes(definitions);
    let key = definitions::key(elements, &attributes)?;
    definitions::check_defined_once(&attributes)?;
    let has_indexes = input.local_secondary_indexes.is_some() || input.global_secondary_indexes.is_some();
    if !has_indexes {
        definitions::check_all_used(&attributes, std::iter::once(&key), false)?;
    }
    let local = definitions::local_indexes(input.local_secondary_indexes.as_ref(), &key, &attributes)?;
    let global =
        definitions::global_indexes(input.global_secondary_indexes.as_ref(), &attributes, is_on_demand)?;
    let wishes: Vec<IndexWish> = global.into_iter().chain(local).collect();
    definitions::check_names(&wishes)?;
    let keys = wishes.iter().map(|wish| &wish.key).chain([&key]);
    definitions::check_all_used(&attributes, keys, has_indexes)?;
    units::check_maxima(units_of(input), Some(ctx.region()))?;
    let record = record(ctx, input, throughput, (attributes, key));
    Ok((TableRecord { warm, on_demand_limits: bounded, ..record }, wishes))
}

/// The units that a request asks for: of the table, and of its indexes by their names.
fn units_of(input: &CreateTableInput) -> impl Iterator<Item = (Option<&str>, &ProvisionedThroughput)> {
    let indexes = input.global_secondary_indexes.iter().flatten();
    let indexes =
        indexes.filter_map(|one| Some((Some(one.index_name.as_str()), one.provisioned_throughput.as_ref()?)));
    input.provisioned_throughput.iter().map(|asked| (None, asked)).chain(indexes)
}

fn refuse_unserved(input: &CreateTableInput) -> Result<(), DynamoError> {
    if input.global_table_source_arn.is_some() {
        return Err(DynamoError::NotServed("A replica of a global table"));
    }
    Ok(())
}

fn throughput(input: &CreateTableInput, is_on_demand: bool) -> Result<Throughput, DynamoError> {
    match (&input.provisioned_throughput, is_on_demand) {
        (Some(_), true) => Err(definitions::units_on_demand()),
        (None, true) => Ok(Throughput::default()),
        (None, false) => Err(definitions::no_units()),
        (Some(asked), false) => definitions::throughput(asked),
    }
}

fn record(
    ctx: &Ctx,
    input: &CreateTableInput,
    throughput: Throughput,
    (attributes, key): (Vec<crate::rules::keys::KeyPart>, KeySchema),
) -> TableRecord {
    let now = ctx.now();
    let is_on_demand = input.billing_mode == Some(BillingMode::PayPerRequest);
    let pace = i64::try_from(ctx.pace(CREATION).as_millis()).unwrap_or(i64::MAX);
    TableRecord {
        name: String::new(),
        id: ctx.uuid(),
        incarnation: Incarnation(0),
        epoch: 0,
        created: now,
        creating_until: now.plus_millis(pace),
        updating_until: now,
        attributes,
        key,
        indexes: Vec::new(),
        on_demand: is_on_demand.then_some(now),
        // A table that begins provisioned has no summary (LocalStack's snapshots of AWS, test_gsi_with_billing_mode,
        // 2025-10-08).
        billing_stated: is_on_demand,
        throughput,
        on_demand_limits: None,
        warm: None,
        class: input.table_class.as_ref().map(|class| (class.to_string(), None)),
        protected: input.deletion_protection_enabled == Some(true),
        encryption_key: encryption::key(ctx, input.sse_specification.as_ref()),
        expiry: None,
        is_deleting: false,
        stream: None,
        latest_stream: None,
        history: None,
        replicas: Vec::new(),
        restored: None,
        settings: Settings::default(),
        is_old_global: false,
        global: Global::default(),
        expiry_changed: None,
        was_on_demand: None,
        warming: None,
        policy_revision: input.resource_policy.as_ref().map_or(0, |_| resource_policy::revision(now, 0)),
    }
}

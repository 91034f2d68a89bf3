//! CreateGlobalTable, UpdateGlobalTable, DescribeGlobalTable, ListGlobalTables: global tables of the version
//! 2017, which tables of one name make that were there before. What is written from then on in one of them
//! comes to the others.

pub mod settings;

use crate::errors::DynamoError;
use crate::find;
use crate::replicas::{self, region};
use crate::state::global::{self, GlobalRecord};
use model::{
    CreateGlobalTableInput, CreateGlobalTableOutput, DescribeGlobalTableInput, DescribeGlobalTableOutput,
    GlobalTable, GlobalTableDescription, GlobalTableStatus, ListGlobalTablesInput, ListGlobalTablesOutput,
    Replica, ReplicaDescription, ReplicaStatus, UpdateGlobalTableInput, UpdateGlobalTableOutput,
};
use model_dynamodb as model;
use names::{AccountId, Arn, Region};
use service::Ctx;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Tx;

/// The longest page, and the one that is given unasked.
const MAX_PAGE: i32 = 100;

/// CreateGlobalTable.
pub async fn create_global_table(
    ctx: Ctx,
    input: Arc<CreateGlobalTableInput>,
) -> Result<CreateGlobalTableOutput, DynamoError> {
    let (account, now, name) = (ctx.account(), ctx.now(), input.global_table_name.clone());
    find::check_name("GlobalTableName", &name)?;
    let mut regions = BTreeSet::new();
    for replica in &input.replication_group {
        let named = replica.region_name.as_deref().ok_or_else(|| {
            DynamoError::invalid_value("A replica of the replication group must have a RegionName")
        })?;
        if !regions.insert(region(named)?) {
            return Err(DynamoError::invalid_value(format!(
                "The replication group has several replicas in the region: {named}"
            )));
        }
    }
    if regions.is_empty() {
        return Err(DynamoError::invalid_value("The replication group must have at least one replica"));
    }
    let record = ctx
        .commit(move |tx| {
            if global::global(tx, account, &name)?.is_some() {
                return Err(DynamoError::Global(
                    "GlobalTableAlreadyExistsException",
                    format!("Global table with name: '{name}' already exists"),
                ));
            }
            let empty = GlobalRecord { name: name.clone(), created: now, regions: BTreeSet::new() };
            regions.iter().try_fold(empty, |record, region| joined(tx, account, record, region))
        })
        .await?;
    let mut description = description(account, &record);
    // It says that it is being made, as on AWS, also where that is done already.
    description.global_table_status = Some(GlobalTableStatus::Creating);
    Ok(CreateGlobalTableOutput { global_table_description: Some(description) })
}

/// UpdateGlobalTable.
pub async fn update_global_table(
    ctx: Ctx,
    input: Arc<UpdateGlobalTableInput>,
) -> Result<UpdateGlobalTableOutput, DynamoError> {
    let account = ctx.account();
    let record = ctx
        .commit(move |tx| {
            let mut record = known(tx, account, &input.global_table_name)?;
            for update in &input.replica_updates {
                record = match (&update.create, &update.delete) {
                    (Some(create), None) => joined(tx, account, record, &region(&create.region_name)?)?,
                    (None, Some(delete)) => left(tx, account, record, &region(&delete.region_name)?)?,
                    _ => {
                        return Err(DynamoError::invalid_value(
                            "Exactly one of ReplicaUpdate.Create, ReplicaUpdate.Delete must not be null",
                        ));
                    }
                };
            }
            Ok(record)
        })
        .await?;
    let mut description = description(account, &record);
    description.global_table_status = Some(GlobalTableStatus::Updating);
    Ok(UpdateGlobalTableOutput { global_table_description: Some(description) })
}

/// The global table of a name.
fn known(read: &impl store::Read, account: AccountId, name: &String) -> Result<GlobalRecord, DynamoError> {
    global::global(read, account, name)?.ok_or_else(|| {
        DynamoError::Global("GlobalTableNotFoundException", format!("Global table not found: {name}"))
    })
}

/// With the table of one more region.
fn joined(
    tx: &mut Tx,
    account: AccountId,
    mut record: GlobalRecord,
    region: &Region,
) -> Result<GlobalRecord, DynamoError> {
    if record.regions.contains(region) {
        return Err(DynamoError::Global(
            "ReplicaAlreadyExistsException",
            format!("Replica already exists in the region: {region}"),
        ));
    }
    replicas::join(tx, account, &record, region)?;
    record.regions.insert(region.clone());
    global::put_global(tx, account, &record)?;
    Ok(record)
}

/// Without the table of a region, which stays as it is.
fn left(
    tx: &mut Tx,
    account: AccountId,
    mut record: GlobalRecord,
    region: &Region,
) -> Result<GlobalRecord, DynamoError> {
    if !record.regions.remove(region) {
        return Err(no_replica(region.as_str()));
    }
    replicas::part(tx, account, &record, region)?;
    Ok(record)
}

fn no_replica(region: &str) -> DynamoError {
    DynamoError::Global("ReplicaNotFoundException", format!("No replica in the region: {region}"))
}

fn description(account: AccountId, record: &GlobalRecord) -> GlobalTableDescription {
    let replica = |region: &Region| ReplicaDescription {
        region_name: Some(region.as_str().to_owned()),
        replica_status: Some(ReplicaStatus::Active),
        ..ReplicaDescription::default()
    };
    let arn = Arn::global("dynamodb", account, &format!("global-table/{}", record.name));
    GlobalTableDescription {
        replication_group: Some(record.regions.iter().map(replica).collect()),
        global_table_arn: Some(arn.to_string()),
        creation_date_time: Some(record.created),
        global_table_status: Some(GlobalTableStatus::Active),
        global_table_name: Some(record.name.clone()),
    }
}

/// DescribeGlobalTable.
pub async fn describe_global_table(
    ctx: Ctx,
    input: Arc<DescribeGlobalTableInput>,
) -> Result<DescribeGlobalTableOutput, DynamoError> {
    let record = known(&ctx.read(), ctx.account(), &input.global_table_name)?;
    Ok(DescribeGlobalTableOutput { global_table_description: Some(description(ctx.account(), &record)) })
}

/// ListGlobalTables: those with a table in the region that is asked for.
pub async fn list_global_tables(
    ctx: Ctx,
    input: Arc<ListGlobalTablesInput>,
) -> Result<ListGlobalTablesOutput, DynamoError> {
    let limit = usize::try_from(input.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE)).unwrap_or(1);
    let wanted = input.region_name.as_deref().map(region).transpose()?;
    let read = ctx.read();
    let all = global::globals(&read, ctx.account(), input.exclusive_start_global_table_name.as_ref());
    let is_there =
        |record: &GlobalRecord| wanted.as_ref().is_none_or(|region| record.regions.contains(region));
    let page = all.filter(|record| record.as_ref().map_or(true, is_there)).take(limit + 1);
    let mut page: Vec<GlobalRecord> = page.collect::<Result<_, _>>()?;
    let more = page.len() > limit;
    page.truncate(limit);
    let last = page.last().filter(|_| more).map(|record| record.name.clone());
    let shown = page.into_iter().map(|record| GlobalTable {
        replication_group: Some(
            record
                .regions
                .iter()
                .map(|region| Replica { region_name: Some(region.as_str().to_owned()) })
                .collect(),
        ),
        global_table_name: Some(record.name),
    });
    Ok(ListGlobalTablesOutput {
        global_tables: Some(shown.collect()),
        last_evaluated_global_table_name: last,
    })
}

//! DescribeGlobalTableSettings, UpdateGlobalTableSettings: the billing and throughput of all tables of a global
//! table of the version 2017, and how they are to follow use.

use super::{known, no_replica};
use crate::definitions;
use crate::describe;
use crate::errors::DynamoError;
use crate::ops::auto_scaling::{scaling, settings};
use crate::replicas::region;
use crate::state::{self, IndexRecord, IndexScope, TableRecord, Throughput};
use crate::units;
use model::{
    AutoScalingSettingsDescription, AutoScalingSettingsUpdate, BillingMode, DescribeGlobalTableSettingsInput,
    DescribeGlobalTableSettingsOutput, IndexStatus, ProvisionedThroughput,
    ReplicaGlobalSecondaryIndexSettingsDescription, ReplicaSettingsDescription, ReplicaSettingsUpdate,
    ReplicaStatus, UpdateGlobalTableSettingsInput, UpdateGlobalTableSettingsOutput,
};
use model_dynamodb as model;
use names::{Region, Scope, Timestamp};
use service::Ctx;
use std::sync::Arc;
use store::Read;

/// DescribeGlobalTableSettings.
pub async fn describe_global_table_settings(
    ctx: Ctx,
    input: Arc<DescribeGlobalTableSettingsInput>,
) -> Result<DescribeGlobalTableSettingsOutput, DynamoError> {
    let replicas = described(&ctx.read(), &ctx, &input.global_table_name)?;
    Ok(DescribeGlobalTableSettingsOutput {
        global_table_name: Some(input.global_table_name.clone()),
        replica_settings: Some(replicas),
    })
}

/// UpdateGlobalTableSettings.
pub async fn update_global_table_settings(
    ctx: Ctx,
    input: Arc<UpdateGlobalTableSettingsInput>,
) -> Result<UpdateGlobalTableSettingsOutput, DynamoError> {
    let (account, now, asked) = (ctx.account(), ctx.now(), input.clone());
    ctx.commit(move |tx| {
        let record = known(tx, account, &asked.global_table_name)?;
        for update in asked.replica_settings_update.iter().flatten() {
            if !record.regions.contains(&region(&update.region_name)?) {
                return Err(no_replica(&update.region_name));
            }
        }
        for region in &record.regions {
            let scope = Scope::Regional(account, region.clone());
            let Some(mut table) = state::table(tx, &scope, &record.name)? else { continue };
            change_all(&mut table, &asked, region, now)?;
            let own = asked.replica_settings_update.iter().flatten();
            for update in own.filter(|update| update.region_name == region.as_str()) {
                change_one(&mut table, update, region, now)?;
            }
            check_units(&table)?;
            state::put_table(tx, &scope, &mut table)?;
        }
        Ok::<_, DynamoError>(())
    })
    .await?;
    let replicas = described(&ctx.read(), &ctx, &input.global_table_name)?;
    Ok(UpdateGlobalTableSettingsOutput {
        global_table_name: Some(input.global_table_name.clone()),
        replica_settings: Some(replicas),
    })
}

/// Units of reads or of writes that are asked for, for the table or for the index of a name.
struct Wish<'w> {
    index: &'w str,
    units: Option<i64>,
    of_writes: bool,
}

impl Wish<'_> {
    fn change(&self, table: &mut TableRecord, now: Timestamp) -> Result<(), DynamoError> {
        let is_on_demand = table.on_demand.is_some();
        let throughput = match self.index {
            "" => &mut table.throughput,
            name => &mut index(table, name)?.throughput,
        };
        let Some(units) = self.units else { return Ok(()) };
        if is_on_demand {
            return Err(definitions::units_on_demand());
        }
        let (read, write) = if self.of_writes { (throughput.read, units) } else { (units, throughput.write) };
        let asked = ProvisionedThroughput { read_capacity_units: read, write_capacity_units: write };
        definitions::throughput(&asked)?;
        units::set(throughput, (read, write), now)?;
        Ok(())
    }
}

fn index<'t>(table: &'t mut TableRecord, name: &str) -> Result<&'t mut IndexRecord, DynamoError> {
    let is_it = |index: &&mut IndexRecord| index.name == name && index.scope == IndexScope::Global;
    let found = table.indexes.iter_mut().find(is_it);
    found.ok_or_else(|| DynamoError::Global("IndexNotFoundException", format!("Index not found: {name}")))
}

/// A table that is provisioned has units of both kinds, and so have its global indexes.
fn check_units(table: &TableRecord) -> Result<(), DynamoError> {
    let lacks = |throughput: &Throughput| throughput.read < 1 || throughput.write < 1;
    if table.on_demand.is_some() {
        return Ok(());
    }
    if lacks(&table.throughput) {
        return Err(definitions::no_units());
    }
    let mut global = table.indexes.iter().filter(|index| index.scope == IndexScope::Global);
    match global.find(|index| lacks(&index.throughput)) {
        Some(index) => Err(definitions::no_index_units(&index.name)),
        None => Ok(()),
    }
}

fn follow(
    table: &mut TableRecord,
    region: &Region,
    (index, of_writes): (&str, bool),
    update: Option<&AutoScalingSettingsUpdate>,
) {
    if let Some(update) = update {
        let place = (region.as_str().to_owned(), index.to_owned(), of_writes);
        table.settings.scaling.insert(place, scaling(update));
    }
}

/// What is the same in all regions: billing, and throughput of writes.
fn change_all(
    table: &mut TableRecord,
    asked: &UpdateGlobalTableSettingsInput,
    region: &Region,
    now: Timestamp,
) -> Result<(), DynamoError> {
    match &asked.global_table_billing_mode {
        Some(BillingMode::PayPerRequest) => {
            table.on_demand = table.on_demand.or(Some(now));
            table.throughput = Throughput::default();
            table.indexes.iter_mut().for_each(|index| index.throughput = Throughput::default());
        }
        Some(_) => table.on_demand = None,
        None => {}
    }
    table.billing_stated |= asked.global_table_billing_mode.is_some();
    let units = asked.global_table_provisioned_write_capacity_units;
    Wish { index: "", units, of_writes: true }.change(table, now)?;
    let update = asked.global_table_provisioned_write_capacity_auto_scaling_settings_update.as_ref();
    follow(table, region, ("", true), update);
    for change in asked.global_table_global_secondary_index_settings_update.iter().flatten() {
        let units = change.provisioned_write_capacity_units;
        Wish { index: &change.index_name, units, of_writes: true }.change(table, now)?;
        let update = change.provisioned_write_capacity_auto_scaling_settings_update.as_ref();
        follow(table, region, (&change.index_name, true), update);
    }
    Ok(())
}

/// What is a region's own: throughput of reads, and the class of the table.
fn change_one(
    table: &mut TableRecord,
    update: &ReplicaSettingsUpdate,
    region: &Region,
    now: Timestamp,
) -> Result<(), DynamoError> {
    let units = update.replica_provisioned_read_capacity_units;
    Wish { index: "", units, of_writes: false }.change(table, now)?;
    let scaling = update.replica_provisioned_read_capacity_auto_scaling_settings_update.as_ref();
    follow(table, region, ("", false), scaling);
    for change in update.replica_global_secondary_index_settings_update.iter().flatten() {
        let units = change.provisioned_read_capacity_units;
        Wish { index: &change.index_name, units, of_writes: false }.change(table, now)?;
        let scaling = change.provisioned_read_capacity_auto_scaling_settings_update.as_ref();
        follow(table, region, (&change.index_name, false), scaling);
    }
    if let Some(class) = &update.replica_table_class {
        table.class = Some((class.to_string(), Some(now)));
    }
    Ok(())
}

fn described(
    read: &impl Read,
    ctx: &Ctx,
    name: &String,
) -> Result<Vec<ReplicaSettingsDescription>, DynamoError> {
    let record = known(read, ctx.account(), name)?;
    let mut replicas = Vec::new();
    for region in &record.regions {
        let scope = Scope::Regional(ctx.account(), region.clone());
        let table = state::table(read, &scope, name)?;
        replicas.extend(table.map(|table| replica(&table, region, ctx.now())));
    }
    Ok(replicas)
}

fn replica(table: &TableRecord, region: &Region, now: Timestamp) -> ReplicaSettingsDescription {
    let of = |index: &str, of_writes: bool| -> Option<AutoScalingSettingsDescription> {
        let place = (region.as_str().to_owned(), index.to_owned(), of_writes);
        table.settings.scaling.get(&place).map(settings)
    };
    let global = table.indexes.iter().filter(|index| index.scope == IndexScope::Global);
    let global: Vec<_> = global
        .map(|index| ReplicaGlobalSecondaryIndexSettingsDescription {
            index_name: index.name.clone(),
            index_status: Some(if index.is_filling { IndexStatus::Creating } else { IndexStatus::Active }),
            provisioned_read_capacity_units: Some(index.throughput.read).filter(|units| *units > 0),
            provisioned_read_capacity_auto_scaling_settings: of(&index.name, false),
            provisioned_write_capacity_units: Some(index.throughput.write).filter(|units| *units > 0),
            provisioned_write_capacity_auto_scaling_settings: of(&index.name, true),
        })
        .collect();
    ReplicaSettingsDescription {
        region_name: region.as_str().to_owned(),
        replica_status: Some(ReplicaStatus::Active),
        replica_billing_mode_summary: describe::billing(table, &describe::status(table, now)),
        replica_provisioned_read_capacity_units: Some(table.throughput.read),
        replica_provisioned_read_capacity_auto_scaling_settings: of("", false),
        replica_provisioned_write_capacity_units: Some(table.throughput.write),
        replica_provisioned_write_capacity_auto_scaling_settings: of("", true),
        replica_global_secondary_index_settings: (!global.is_empty()).then_some(global),
        replica_table_class_summary: describe::class(table),
    }
}

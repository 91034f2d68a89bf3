//! UpdateTableReplicaAutoScaling, DescribeTableReplicaAutoScaling: how throughput is to follow use; stored and
//! described, and nothing follows.

use crate::errors::DynamoError;
use crate::state::{self, IndexScope, Scaling, ScalingPolicy, TableRecord};
use crate::{describe, find};
use model::{
    AutoScalingPolicyDescription, AutoScalingSettingsDescription, AutoScalingSettingsUpdate,
    AutoScalingTargetTrackingScalingPolicyConfigurationDescription as PolicyDescription,
    DescribeTableReplicaAutoScalingInput, DescribeTableReplicaAutoScalingOutput, IndexStatus,
    ReplicaAutoScalingDescription, ReplicaGlobalSecondaryIndexAutoScalingDescription, ReplicaStatus,
    TableAutoScalingDescription, UpdateTableReplicaAutoScalingInput, UpdateTableReplicaAutoScalingOutput,
};
use model_dynamodb as model;
use names::{Scope, Timestamp};
use service::Ctx;
use std::sync::Arc;

/// UpdateTableReplicaAutoScaling.
pub async fn update_table_replica_auto_scaling(
    ctx: Ctx,
    input: Arc<UpdateTableReplicaAutoScalingInput>,
) -> Result<UpdateTableReplicaAutoScalingOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    let (scope, now) = (address.scope.clone(), ctx.now());
    let table = ctx
        .commit(move |tx| {
            let table = state::table(tx, &address.scope, &address.name)?;
            let mut table = table.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
            change(&mut table, &address.scope, &input)?;
            state::put_table(tx, &address.scope, &mut table)?;
            Ok::<_, DynamoError>(table)
        })
        .await?;
    let described = described(&table, &scope, now);
    Ok(UpdateTableReplicaAutoScalingOutput { table_auto_scaling_description: Some(described) })
}

/// DescribeTableReplicaAutoScaling.
pub async fn describe_table_replica_auto_scaling(
    ctx: Ctx,
    input: Arc<DescribeTableReplicaAutoScalingInput>,
) -> Result<DescribeTableReplicaAutoScalingOutput, DynamoError> {
    let (address, table) = find::known(&ctx, &input.table_name)?;
    let table = table.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
    let described = described(&table, &address.scope, ctx.now());
    Ok(DescribeTableReplicaAutoScalingOutput { table_auto_scaling_description: Some(described) })
}

/// All regions that a table is in, its own first.
fn regions(table: &TableRecord, scope: &Scope) -> Vec<String> {
    let own = scope.region().into_iter();
    own.chain(table.replicas.iter().map(|replica| &replica.region))
        .map(|region| region.as_str().to_owned())
        .collect()
}

fn change(
    table: &mut TableRecord,
    scope: &Scope,
    input: &UpdateTableReplicaAutoScalingInput,
) -> Result<(), DynamoError> {
    let regions = regions(table, scope);
    let mut asked = Vec::new();
    for region in &regions {
        let writes = input.provisioned_write_capacity_auto_scaling_update.as_ref();
        asked.extend(writes.map(|update| ((region.clone(), String::new(), true), update)));
        for index in input.global_secondary_index_updates.iter().flatten() {
            let name = index.index_name.clone().unwrap_or_default();
            let writes = index.provisioned_write_capacity_auto_scaling_update.as_ref();
            asked.extend(writes.map(|update| ((region.clone(), name.clone(), true), update)));
        }
    }
    for replica in input.replica_updates.iter().flatten() {
        let region = &replica.region_name;
        if !regions.contains(region) {
            return Err(DynamoError::invalid(format!("The replica does not exist in the region: {region}")));
        }
        let reads = replica.replica_provisioned_read_capacity_auto_scaling_update.as_ref();
        asked.extend(reads.map(|update| ((region.clone(), String::new(), false), update)));
        for index in replica.replica_global_secondary_index_updates.iter().flatten() {
            let name = index.index_name.clone().unwrap_or_default();
            let reads = index.provisioned_read_capacity_auto_scaling_update.as_ref();
            asked.extend(reads.map(|update| ((region.clone(), name.clone(), false), update)));
        }
    }
    for (place, update) in asked {
        if !place.1.is_empty() && table.index(&place.1).is_none() {
            let name = &place.1;
            return Err(DynamoError::NoResource(format!(
                "Requested resource not found: Index: {name} not found"
            )));
        }
        table.settings.scaling.insert(place, scaling(update));
    }
    Ok(())
}

/// A setting as it is stored.
pub fn scaling(update: &AutoScalingSettingsUpdate) -> Scaling {
    Scaling {
        least: update.minimum_units,
        most: update.maximum_units,
        disabled: update.auto_scaling_disabled,
        role: update.auto_scaling_role_arn.clone(),
        policy: update.scaling_policy_update.as_ref().map(|policy| {
            let tracking = &policy.target_tracking_scaling_policy_configuration;
            ScalingPolicy {
                name: policy.policy_name.clone(),
                never_lowers: tracking.disable_scale_in,
                lowering_s: tracking.scale_in_cooldown,
                raising_s: tracking.scale_out_cooldown,
                target: tracking.target_value,
            }
        }),
    }
}

/// A setting as it is described.
pub fn settings(scaling: &Scaling) -> AutoScalingSettingsDescription {
    let policy = scaling.policy.as_ref().map(|policy| AutoScalingPolicyDescription {
        policy_name: policy.name.clone(),
        target_tracking_scaling_policy_configuration: Some(PolicyDescription {
            disable_scale_in: policy.never_lowers,
            scale_in_cooldown: policy.lowering_s,
            scale_out_cooldown: policy.raising_s,
            target_value: policy.target,
        }),
    });
    AutoScalingSettingsDescription {
        minimum_units: scaling.least,
        maximum_units: scaling.most,
        auto_scaling_disabled: scaling.disabled,
        auto_scaling_role_arn: scaling.role.clone(),
        scaling_policies: policy.map(|policy| vec![policy]),
    }
}

fn described(table: &TableRecord, scope: &Scope, now: Timestamp) -> TableAutoScalingDescription {
    let of = |region: &str, index: &str, writes: bool| {
        table.settings.scaling.get(&(region.to_owned(), index.to_owned(), writes)).map(settings)
    };
    let replica = |region: String| {
        let global = table.indexes.iter().filter(|index| index.scope == IndexScope::Global);
        let global = global.map(|index| ReplicaGlobalSecondaryIndexAutoScalingDescription {
            index_name: Some(index.name.clone()),
            index_status: Some(IndexStatus::Active),
            provisioned_read_capacity_auto_scaling_settings: of(&region, &index.name, false),
            provisioned_write_capacity_auto_scaling_settings: of(&region, &index.name, true),
        });
        ReplicaAutoScalingDescription {
            global_secondary_indexes: Some(global.collect()),
            replica_provisioned_read_capacity_auto_scaling_settings: of(&region, "", false),
            replica_provisioned_write_capacity_auto_scaling_settings: of(&region, "", true),
            replica_status: Some(ReplicaStatus::Active),
            region_name: Some(region),
        }
    };
    TableAutoScalingDescription {
        table_name: Some(table.name.clone()),
        table_status: Some(describe::status(table, now)),
        replicas: Some(regions(table, scope).into_iter().map(replica).collect()),
    }
}

//! UpdateTimeToLive, DescribeTimeToLive: the attribute by whose moment items go.

use crate::consistency;
use crate::errors::DynamoError;
use crate::find;
use crate::replicas;
use crate::state::{self, Expiry, TableRecord};
use crate::timers;
use model_dynamodb::{
    DescribeTimeToLiveInput, DescribeTimeToLiveOutput, TimeToLiveDescription, TimeToLiveSpecification,
    TimeToLiveStatus, UpdateTimeToLiveInput, UpdateTimeToLiveOutput,
};
use names::{Scope, Timestamp};
use service::{Ctx, Fidelity};
use std::sync::Arc;
use store::Tx;

/// For how long AWS lets nobody change it again, in milliseconds (aws-controllers-k8s/dynamodb-controller,
/// docs/api-quirks, DDB-TABLE-143: refused after 1811 s and taken after 1871 s).
const REST_MS: i64 = 31 * 60 * 1000;

/// UpdateTimeToLive: in all regions of a global table.
pub async fn update_time_to_live(
    ctx: Ctx,
    input: Arc<UpdateTimeToLiveInput>,
) -> Result<UpdateTimeToLiveOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    let (asked, now) = (input.time_to_live_specification.clone(), ctx.now());
    let wish = asked.clone();
    let rests = ctx.host().settings.fidelity == Fidelity::Aws;
    ctx.commit(move |tx| {
        let record = state::table(tx, &address.scope, &address.name)?;
        let mut record = record.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
        consistency::check_support(&record, "Time to live is")?;
        let since = record.expiry_changed.map(|changed| now.millis().saturating_sub(changed.millis()));
        change(tx, &address.scope, &mut record, &wish, now)?;
        // What is wrong with the wish itself is told first.
        if rests && since.is_some_and(|since| since < REST_MS) {
            return Err(DynamoError::invalid(
                "Time to live has been modified multiple times within a fixed interval",
            ));
        }
        let others = if record.is_old_global { &[][..] } else { &record.replicas[..] };
        for replica in others {
            let there = replicas::elsewhere(&address.scope, &replica.region);
            let Some(mut sibling) = state::table(tx, &there, &address.name)? else { continue };
            let has_it =
                sibling.expiry.as_ref().is_some_and(|expiry| expiry.attribute == wish.attribute_name);
            if has_it != wish.enabled {
                change(tx, &there, &mut sibling, &wish, now)?;
            }
        }
        Ok(())
    })
    .await?;
    Ok(UpdateTimeToLiveOutput { time_to_live_specification: Some(asked) })
}

fn change(
    tx: &mut Tx,
    scope: &Scope,
    record: &mut TableRecord,
    wish: &TimeToLiveSpecification,
    now: Timestamp,
) -> Result<(), DynamoError> {
    record.expiry = match (record.expiry.take(), wish.enabled) {
        (None, false) => return Err(DynamoError::invalid("TimeToLive is already disabled")),
        (Some(present), _) if present.attribute != wish.attribute_name => {
            return Err(DynamoError::invalid(format!(
                "TimeToLive is active on a different AttributeName: current AttributeName is {}",
                present.attribute
            )));
        }
        (Some(_), true) => return Err(DynamoError::invalid("TimeToLive is already enabled")),
        (Some(present), false) => {
            tx.discard(scope, present.incarnation)?;
            None
        }
        (None, true) => Some(Expiry {
            attribute: wish.attribute_name.clone(),
            incarnation: tx.fresh_incarnation()?,
            is_filling: true,
        }),
    };
    record.expiry_changed = Some(now);
    state::put_table(tx, scope, record)?;
    Ok(timers::begin_filling(tx, scope, &record.name, now)?)
}

/// DescribeTimeToLive.
pub async fn describe_time_to_live(
    ctx: Ctx,
    input: Arc<DescribeTimeToLiveInput>,
) -> Result<DescribeTimeToLiveOutput, DynamoError> {
    let (address, record) = find::known(&ctx, &input.table_name)?;
    let record = record.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
    let description = match &record.expiry {
        Some(expiry) => TimeToLiveDescription {
            time_to_live_status: Some(TimeToLiveStatus::Enabled),
            attribute_name: Some(expiry.attribute.clone()),
        },
        None => TimeToLiveDescription {
            time_to_live_status: Some(TimeToLiveStatus::Disabled),
            attribute_name: None,
        },
    };
    Ok(DescribeTimeToLiveOutput { time_to_live_description: Some(description) })
}

//! UpdateTimeToLive, DescribeTimeToLive: the attribute by whose moment items go.

use crate::errors::DynamoError;
use crate::find;
use crate::state::{self, Expiry};
use crate::timers;
use model_dynamodb::{
    DescribeTimeToLiveInput, DescribeTimeToLiveOutput, TimeToLiveDescription, TimeToLiveStatus,
    UpdateTimeToLiveInput, UpdateTimeToLiveOutput,
};
use service::Ctx;
use std::sync::Arc;

/// UpdateTimeToLive.
pub async fn update_time_to_live(
    ctx: Ctx,
    input: Arc<UpdateTimeToLiveInput>,
) -> Result<UpdateTimeToLiveOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    let (asked, now) = (input.time_to_live_specification.clone(), ctx.now());
    let wish = asked.clone();
    ctx.commit(move |tx| {
        let record = state::table(tx, &address.scope, &address.name)?;
        let mut record = record.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
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
                tx.discard(&address.scope, present.incarnation)?;
                None
            }
            (None, true) => Some(Expiry {
                attribute: wish.attribute_name.clone(),
                incarnation: tx.fresh_incarnation()?,
                is_filling: true,
            }),
        };
        state::put_table(tx, &address.scope, &mut record)?;
        Ok::<_, DynamoError>(timers::begin_filling(tx, &address.scope, &record.name, now)?)
    })
    .await?;
    Ok(UpdateTimeToLiveOutput { time_to_live_specification: Some(asked) })
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

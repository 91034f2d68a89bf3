//! GetDataProtectionPolicy and PutDataProtectionPolicy: kept, described, and not acted on.

use crate::errors::SnsError;
use crate::ops::{found, topic_place};
use crate::rules::data_protection as rules;
use crate::state;
use model_sns::{GetDataProtectionPolicyInput, GetDataProtectionPolicyOutput, PutDataProtectionPolicyInput};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;

/// Refuses a text that is no policy.
pub fn check(text: &str) -> Result<(), SnsError> {
    rules::check(text).map_err(|why| SnsError::invalid(format!("DataProtectionPolicy Reason: {why}")))
}

/// GetDataProtectionPolicy.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetDataProtectionPolicyInput>,
) -> Result<GetDataProtectionPolicyOutput, SnsError> {
    let topic = found(&ctx.read(), &topic_place(&ctx, "ResourceArn", &input.resource_arn)?)?;
    Ok(GetDataProtectionPolicyOutput {
        data_protection_policy: Some(topic.data_protection.unwrap_or_default()),
    })
}

/// PutDataProtectionPolicy; an empty one takes it away.
pub async fn put(ctx: Ctx, input: Arc<PutDataProtectionPolicyInput>) -> Result<Unit, SnsError> {
    let place = topic_place(&ctx, "ResourceArn", &input.resource_arn)?;
    let policy = Some(input.data_protection_policy.clone()).filter(|policy| !policy.is_empty());
    policy.as_deref().map_or(Ok(()), check)?;
    ctx.commit(move |tx| {
        let mut topic = found(tx, &place)?;
        topic.data_protection.clone_from(&policy);
        state::put_topic(tx, &place.0, &topic)?;
        Ok(Unit)
    })
    .await
}

//! Tags by both of the service's APIs: by ARN, and the older one by the group's name. They are the head's.

use crate::errors::LogsError;
use crate::rules::identifiers;
use crate::state;
use model_logs as model;
use names::Tags;
use schema::Unit;
use service::{Ctx, Heads, TagRules};
use std::collections::BTreeMap;
use std::sync::Arc;

/// TagResource.
pub async fn tag(ctx: Ctx, input: Arc<model::TagResourceInput>) -> Result<Unit, LogsError> {
    add(ctx, identifiers::of_arn(&input.resource_arn)?.to_owned(), input.tags.clone()).await
}

/// TagLogGroup.
pub async fn tag_group(ctx: Ctx, input: Arc<model::TagLogGroupInput>) -> Result<Unit, LogsError> {
    add(ctx, input.log_group_name.clone(), input.tags.clone()).await
}

/// UntagResource.
pub async fn untag(ctx: Ctx, input: Arc<model::UntagResourceInput>) -> Result<Unit, LogsError> {
    remove(ctx, identifiers::of_arn(&input.resource_arn)?.to_owned(), input.tag_keys.clone()).await
}

/// UntagLogGroup.
pub async fn untag_group(ctx: Ctx, input: Arc<model::UntagLogGroupInput>) -> Result<Unit, LogsError> {
    remove(ctx, input.log_group_name.clone(), input.tags.clone()).await
}

/// ListTagsForResource.
pub async fn list(
    ctx: Ctx,
    input: Arc<model::ListTagsForResourceInput>,
) -> Result<model::ListTagsForResourceOutput, LogsError> {
    let tags = of_group(&ctx, identifiers::of_arn(&input.resource_arn)?)?;
    Ok(model::ListTagsForResourceOutput { tags: Some(tags) })
}

/// ListTagsLogGroup.
pub async fn list_of_group(
    ctx: Ctx,
    input: Arc<model::ListTagsLogGroupInput>,
) -> Result<model::ListTagsLogGroupOutput, LogsError> {
    Ok(model::ListTagsLogGroupOutput { tags: Some(of_group(&ctx, &input.log_group_name)?) })
}

fn of_group(ctx: &Ctx, group: &str) -> Result<BTreeMap<String, String>, LogsError> {
    let head = ctx.head(&state::arn(&ctx.scope(), group))?.ok_or(LogsError::GroupNotFound)?;
    Ok(head.head.tags.0.clone())
}

async fn add(ctx: Ctx, group: String, tags: BTreeMap<String, String>) -> Result<Unit, LogsError> {
    change(ctx, group, move |present| {
        let added = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        Ok(TagRules::default().add(&present, added)?)
    })
    .await
}

async fn remove(ctx: Ctx, group: String, keys: Vec<String>) -> Result<Unit, LogsError> {
    change(ctx, group, move |mut present| {
        present.0.retain(|key, _| !keys.contains(key));
        Ok(present)
    })
    .await
}

async fn change(
    ctx: Ctx,
    group: String,
    rule: impl Fn(Tags) -> Result<Tags, LogsError> + Send + 'static,
) -> Result<Unit, LogsError> {
    let arn = state::arn(&ctx.scope(), &group);
    ctx.commit(move |tx| {
        let mut head = tx.head(&arn)?.ok_or(LogsError::GroupNotFound)?;
        head.tags = rule(head.tags)?;
        tx.put_head(&arn, &head)?;
        Ok(Unit)
    })
    .await
}

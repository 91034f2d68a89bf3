//! TagResource, UntagResource, GetTags: the tags of APIs and stages are their heads'.

use crate::errors::ApiGatewayError;
use crate::permissions;
use crate::state::Api;
use model_apigatewayv2 as model;
use names::{Arn, Tags};
use schema::Unit;
use service::{Ctx, Heads, TagRules};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tags of the resource of a path.
pub fn of_path(ctx: &Ctx, path: &str) -> Result<BTreeMap<String, String>, ApiGatewayError> {
    let head = ctx.head(&permissions::arn(ctx.region(), path)?)?;
    Ok(head.map(|head| head.head.tags.0.clone()).unwrap_or_default())
}

/// The tags of an API.
pub fn of_api(ctx: &Ctx, api: &Api) -> Result<BTreeMap<String, String>, ApiGatewayError> {
    of_path(ctx, &permissions::api_path(&api.id))
}

/// The ARN of an API or a stage of this account and region.
fn resource(ctx: &Ctx, text: &str) -> Result<Arn, ApiGatewayError> {
    let arn: Arn = text.parse().map_err(|_| ApiGatewayError::bad(format!("Invalid resource ARN {text}")))?;
    let here = arn.service() == "apigateway" && arn.region_text() == ctx.region().as_str();
    let head = ctx.head(&arn)?.filter(|head| here && head.head.owner == ctx.account());
    head.map(|_| arn).ok_or(ApiGatewayError::ResourceNotFound)
}

/// TagResource.
pub async fn tag(
    ctx: Ctx,
    input: Arc<model::TagResourceInput>,
) -> Result<model::TagResourceOutput, ApiGatewayError> {
    let arn = resource(&ctx, &input.resource_arn)?;
    change(ctx, arn, move |present| {
        let added = input.tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
        Ok(TagRules::default().add(&present, added)?)
    })
    .await?;
    Ok(model::TagResourceOutput {})
}

/// UntagResource.
pub async fn untag(ctx: Ctx, input: Arc<model::UntagResourceInput>) -> Result<Unit, ApiGatewayError> {
    let arn = resource(&ctx, &input.resource_arn)?;
    change(ctx, arn, move |mut present| {
        present.0.retain(|key, _| !input.tag_keys.contains(key));
        Ok(present)
    })
    .await?;
    Ok(Unit)
}

/// GetTags.
pub async fn get(ctx: Ctx, input: Arc<model::GetTagsInput>) -> Result<model::GetTagsOutput, ApiGatewayError> {
    let arn = resource(&ctx, &input.resource_arn)?;
    let head = ctx.head(&arn)?.ok_or(ApiGatewayError::ResourceNotFound)?;
    Ok(model::GetTagsOutput { tags: Some(head.head.tags.0.clone()) })
}

async fn change(
    ctx: Ctx,
    arn: Arn,
    rule: impl Fn(Tags) -> Result<Tags, ApiGatewayError> + Send + 'static,
) -> Result<(), ApiGatewayError> {
    ctx.commit(move |tx| {
        let mut head = tx.head(&arn)?.ok_or(ApiGatewayError::ResourceNotFound)?;
        head.tags = rule(head.tags)?;
        Ok(tx.put_head(&arn, &head)?)
    })
    .await
}

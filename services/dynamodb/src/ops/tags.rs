//! TagResource, UntagResource, ListTagsOfResource: the tags of a table, kept in its head.

use crate::errors::DynamoError;
use crate::find;
use model_dynamodb::{
    ListTagsOfResourceInput, ListTagsOfResourceOutput, Tag, TagResourceInput, UntagResourceInput,
};
use names::{Arn, Tags};
use schema::Unit;
use service::{Ctx, Heads, TagFault, TagRules};
use std::sync::Arc;

/// The ARN of a table that a request on tags names.
///
/// # Errors
/// Where it is none.
pub fn table_arn(ctx: &Ctx, text: &str) -> Result<Arn, DynamoError> {
    let invalid =
        || DynamoError::invalid(format!("Invalid TableArn: Invalid ResourceArn provided as input {text}"));
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    find::address(ctx.account(), ctx.region(), arn.as_str()).map_err(|_| invalid())?;
    Ok(arn)
}

/// Tags with others added.
///
/// # Errors
/// AWS's message.
pub fn added(present: &Tags, tags: &[Tag]) -> Result<Tags, DynamoError> {
    let pairs = tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    TagRules::default().add(present, pairs).map_err(|fault| match fault {
        TagFault::TooMany { limit } => {
            DynamoError::invalid_value(format!("Too many tags: a resource can have at most {limit} tags"))
        }
        TagFault::Reserved(_) => DynamoError::invalid(
            "One or more parameter values are not valid. Tag keys starting with 'aws:' are reserved.",
        ),
        TagFault::Duplicate(key) => DynamoError::invalid_value(format!("Duplicate tag key: {key}")),
        TagFault::Key(key) => DynamoError::invalid_value(format!("The tag key is not valid: {key}")),
        TagFault::Value { key } => {
            DynamoError::invalid_value(format!("The value of the tag is not valid: {key}"))
        }
    })
}

async fn change(
    ctx: &Ctx,
    arn: Arn,
    absent: fn(&Arn) -> DynamoError,
    change: impl Fn(&Tags) -> Result<Tags, DynamoError> + Send + 'static,
) -> Result<(), DynamoError> {
    ctx.commit(move |tx| {
        let head = tx.head(&arn)?;
        let mut head = head.ok_or_else(|| absent(&arn))?;
        head.tags = change(&head.tags)?;
        Ok(tx.put_head(&arn, &head)?)
    })
    .await
}

/// TagResource.
pub async fn tag_resource(ctx: Ctx, input: Arc<TagResourceInput>) -> Result<Unit, DynamoError> {
    let arn = table_arn(&ctx, &input.resource_arn)?;
    if input.tags.is_empty() {
        return Err(DynamoError::invalid("Atleast one Tag needs to be provided as Input."));
    }
    let absent = |arn: &Arn| DynamoError::NoSuchResource(arn.to_string());
    change(&ctx, arn, absent, move |present| added(present, &input.tags)).await?;
    Ok(Unit)
}

/// UntagResource.
pub async fn untag_resource(ctx: Ctx, input: Arc<UntagResourceInput>) -> Result<Unit, DynamoError> {
    let arn = table_arn(&ctx, &input.resource_arn)?;
    if input.tag_keys.is_empty() {
        return Err(DynamoError::invalid("Atleast one Tag Key needs to be provided as Input."));
    }
    let without = move |present: &Tags| {
        let mut tags = present.clone();
        input.tag_keys.iter().for_each(|key| drop(tags.0.remove(key)));
        Ok(tags)
    };
    change(&ctx, arn, |_| DynamoError::NoTable, without).await?;
    Ok(Unit)
}

/// ListTagsOfResource: all at once, since a table has at most fifty.
pub async fn list_tags_of_resource(
    ctx: Ctx,
    input: Arc<ListTagsOfResourceInput>,
) -> Result<ListTagsOfResourceOutput, DynamoError> {
    let arn = table_arn(&ctx, &input.resource_arn)?;
    let head = ctx.head(&arn)?.ok_or_else(|| DynamoError::NoSuchResource(arn.to_string()))?;
    let tags = head.head.tags.iter().map(|(key, value)| Tag { key: key.to_owned(), value: value.to_owned() });
    Ok(ListTagsOfResourceOutput { tags: Some(tags.collect()), next_token: None })
}

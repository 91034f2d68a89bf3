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

/// The ARN of a request on tags. A text that no policy can name is refused as the resource of another.
fn resource(ctx: &Ctx, action: &'static str, text: Option<&String>) -> Result<Arn, DynamoError> {
    let text = text.ok_or_else(|| DynamoError::invalid("Invalid TableArn"))?;
    let nameable = text.splitn(6, ':').nth(5).is_some_and(|resource| resource.contains('/'));
    if nameable {
        return table_arn(ctx, text);
    }
    Err(DynamoError::Denied {
        who: ctx.caller().name(),
        action,
        resource: if text.is_empty() { "*".to_owned() } else { text.clone() },
    })
}

fn missing(member: &str) -> DynamoError {
    DynamoError::invalid(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must \
         not be null"
    ))
}

/// TagResource.
pub async fn tag_resource(ctx: Ctx, input: Arc<TagResourceInput>) -> Result<Unit, DynamoError> {
    let arn = resource(&ctx, "dynamodb:TagResource", input.resource_arn.as_ref());
    let tags = match &input.tags {
        None if !matches!(arn, Err(DynamoError::Denied { .. })) && input.resource_arn.is_some() => {
            return Err(missing("tags"));
        }
        tags => tags.clone().unwrap_or_default(),
    };
    let arn = arn?;
    if tags.is_empty() {
        return Err(DynamoError::invalid("Atleast one Tag needs to be provided as Input."));
    }
    let absent = |arn: &Arn| DynamoError::NoSuchResource(arn.to_string());
    change(&ctx, arn, absent, move |present| added(present, &tags)).await?;
    Ok(Unit)
}

/// UntagResource.
pub async fn untag_resource(ctx: Ctx, input: Arc<UntagResourceInput>) -> Result<Unit, DynamoError> {
    let arn = resource(&ctx, "dynamodb:UntagResource", input.resource_arn.as_ref());
    let keys = match &input.tag_keys {
        None if !matches!(arn, Err(DynamoError::Denied { .. })) && input.resource_arn.is_some() => {
            return Err(missing("tagKeys"));
        }
        keys => keys.clone().unwrap_or_default(),
    };
    let arn = arn?;
    if keys.is_empty() {
        return Err(DynamoError::invalid("Atleast one Tag Key needs to be provided as Input."));
    }
    let without = move |present: &Tags| {
        let mut tags = present.clone();
        keys.iter().for_each(|key| drop(tags.0.remove(key)));
        Ok(tags)
    };
    change(&ctx, arn, |_| DynamoError::NoTable, without).await?;
    Ok(Unit)
}

/// How many tags one answer holds (API reference, ListTagsOfResource: pages of ten).
const PAGE: usize = 10;

/// ListTagsOfResource.
pub async fn list_tags_of_resource(
    ctx: Ctx,
    input: Arc<ListTagsOfResourceInput>,
) -> Result<ListTagsOfResourceOutput, DynamoError> {
    let arn = resource(&ctx, "dynamodb:ListTagsOfResource", input.resource_arn.as_ref())?;
    let head = ctx.head(&arn)?.ok_or_else(|| DynamoError::NoSuchResource(arn.to_string()))?;
    let after = match &input.next_token {
        None => None,
        Some(token) => {
            let position = ctx.page_position(arn.as_str(), token);
            let position = position.ok_or_else(|| DynamoError::invalid("Invalid NextToken"))?;
            Some(String::from_utf8_lossy(&position).into_owned())
        }
    };
    let behind = |key: &str| after.as_deref().is_none_or(|after| key > after);
    let mut tags: Vec<Tag> = head
        .head
        .tags
        .iter()
        .filter(|(key, _)| behind(key))
        .map(|(key, value)| Tag { key: key.to_owned(), value: value.to_owned() })
        .take(PAGE + 1)
        .collect();
    let more = tags.len() > PAGE;
    tags.truncate(PAGE);
    let last = tags.last().filter(|_| more);
    let next_token = last.map(|last| ctx.page_token(arn.as_str(), last.key.as_bytes()));
    Ok(ListTagsOfResourceOutput { tags: Some(tags), next_token })
}

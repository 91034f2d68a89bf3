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
    let wrong_key = |key: &str| DynamoError::invalid(format!("The Tag Key provided is invalid, Key: {key}"));
    let wrong_value =
        |value: &str| DynamoError::invalid(format!("The Tag Value provided is invalid, Value: {value}"));
    for tag in tags {
        if !is_plain(&tag.key) {
            return Err(wrong_key(&tag.key));
        }
        if !is_plain(&tag.value) {
            return Err(wrong_value(&tag.value));
        }
    }
    let pairs = tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    TagRules::default().add(present, pairs).map_err(|fault| match fault {
        TagFault::TooMany { .. } => {
            DynamoError::invalid("Number of Tags exceed the current limit for the provided ResourceArn")
        }
        TagFault::Reserved(key) => {
            DynamoError::invalid(format!("Tag Key cannot be prefixed with aws:, Key: {key}"))
        }
        TagFault::Duplicate(key) => DynamoError::invalid(format!(
            "Duplicate Tag Keys provided as input: Duplicate Tag Key found {key}"
        )),
        TagFault::Key(key) => wrong_key(&key),
        TagFault::Value { key } => {
            let value = tags.iter().find(|tag| tag.key == key).map_or("", |tag| tag.value.as_str());
            wrong_value(value)
        }
    })
}

/// Whether a text has only what keys and values of tags may have (developer guide, "Tagging restrictions").
fn is_plain(text: &str) -> bool {
    text.chars().all(|sign| sign.is_alphanumeric() || sign.is_whitespace() || "+-=._:/@".contains(sign))
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

/// Refuses a text that is no ARN of this service, or that of a thing which has neither tags nor policies
/// (aws-controllers-k8s/dynamodb-controller, docs/api-quirks, DDB-TABLE-442).
///
/// # Errors
/// AWS's message.
pub fn check_arn(text: &str) -> Result<(), DynamoError> {
    let refused = |message: String| Err(DynamoError::invalid_value(message));
    if !text.starts_with("arn:") {
        return refused(format!("ARNs must start with 'arn:': {text}"));
    }
    match text.parse::<Arn>() {
        Ok(arn) if arn.service() == "dynamodb" && text.contains("/index/") => refused(format!(
            "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {text}"
        )),
        Ok(arn) if arn.service() == "dynamodb" => Ok(()),
        _ => refused(format!("Provided Arn is not a DynamoDB resource arn: {text}")),
    }
}

/// The ARN of a request on tags. A text with the colons of an ARN that no policy can name is refused as the resource
/// of another (dynalite, tagResource), one without is no ARN.
fn resource(ctx: &Ctx, action: &'static str, text: Option<&String>) -> Result<Arn, DynamoError> {
    let text = text.ok_or_else(|| DynamoError::invalid("Invalid TableArn"))?;
    if text.starts_with("arn:") || !(text.is_empty() || text.contains(':')) {
        check_arn(text)?;
    }
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

/// ListTagsOfResource: all of them, since a resource has fifty at most. AWS gave thirty at once to alternator's
/// tests (test_tag.py), and takes no notice of a token that it never gave (aws-controllers-k8s/dynamodb-controller,
/// docs/api-quirks, DDB-TABLE-073).
pub async fn list_tags_of_resource(
    ctx: Ctx,
    input: Arc<ListTagsOfResourceInput>,
) -> Result<ListTagsOfResourceOutput, DynamoError> {
    let arn = resource(&ctx, "dynamodb:ListTagsOfResource", input.resource_arn.as_ref())?;
    let head = ctx.head(&arn)?.ok_or_else(|| DynamoError::NoSuchResource(arn.to_string()))?;
    let tag = |(key, value): (&str, &str)| Tag { key: key.to_owned(), value: value.to_owned() };
    Ok(ListTagsOfResourceOutput { tags: Some(head.head.tags.iter().map(tag).collect()), next_token: None })
}

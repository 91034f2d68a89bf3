//! TagResource, UntagResource, ListTagsForResource: tags are the head's.

use crate::errors::SnsError;
use model_sns::{
    ListTagsForResourceInput, ListTagsForResourceOutput, Tag, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};
use names::Arn;
use service::{Ctx, Heads, TagFault, TagRules};
use std::sync::Arc;

/// What cannot be read as an ARN names no resource.
fn resource(text: &str) -> Result<Arn, SnsError> {
    text.parse().map_err(|_| SnsError::ResourceNotFound)
}

/// A refusal in SNS's words.
pub fn refused(fault: TagFault) -> SnsError {
    match fault {
        TagFault::TooMany { .. } => SnsError::TooManyTags,
        TagFault::Duplicate(_) => SnsError::invalid("Duplicated keys are not allowed."),
        TagFault::Key(key) => SnsError::invalid(format!("Tag keys must be 1 to 128 characters long: {key}")),
        TagFault::Value { key } => {
            SnsError::invalid(format!("Tag values must be at most 256 characters long: {key}"))
        }
        TagFault::Reserved(_) => SnsError::invalid("Tag keys may not begin with aws:"),
    }
}

/// TagResource.
pub async fn tag(ctx: Ctx, input: Arc<TagResourceInput>) -> Result<TagResourceOutput, SnsError> {
    let arn = resource(&input.resource_arn)?;
    ctx.commit(move |tx| {
        let mut head = tx.head(&arn)?.ok_or(SnsError::ResourceNotFound)?;
        let added = input.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
        head.tags = TagRules::default().add(&head.tags, added).map_err(refused)?;
        tx.put_head(&arn, &head)?;
        Ok(TagResourceOutput {})
    })
    .await
}

/// UntagResource.
pub async fn untag(ctx: Ctx, input: Arc<UntagResourceInput>) -> Result<UntagResourceOutput, SnsError> {
    let arn = resource(&input.resource_arn)?;
    ctx.commit(move |tx| {
        let mut head = tx.head(&arn)?.ok_or(SnsError::ResourceNotFound)?;
        head.tags.0.retain(|key, _| !input.tag_keys.contains(key));
        tx.put_head(&arn, &head)?;
        Ok(UntagResourceOutput {})
    })
    .await
}

/// ListTagsForResource.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListTagsForResourceInput>,
) -> Result<ListTagsForResourceOutput, SnsError> {
    let arn = resource(&input.resource_arn)?;
    let head = ctx.head(&arn)?.ok_or(SnsError::ResourceNotFound)?;
    let tags = head.head.tags.iter();
    let tags = tags.map(|(key, value)| Tag { key: key.to_owned(), value: value.to_owned() }).collect();
    Ok(ListTagsForResourceOutput { tags: Some(tags) })
}

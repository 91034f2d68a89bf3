//! TagResource, UntagResource, ListTags: tags are the head's, of functions and event source mappings.

use crate::errors::LambdaError;
use crate::ops::create_function::refused_tags;
use crate::policy::no_resource;
use crate::state;
use model_lambda::{ListTagsInput, ListTagsOutput, TagResourceInput, UntagResourceInput};
use names::{Arn, Scope};
use schema::Unit;
use service::{Ctx, Head, Heads, TagRules};
use std::sync::Arc;
use store::Tx;

fn arn_of(text: &str) -> Result<Arn, LambdaError> {
    let arn: Arn = text.parse().map_err(|_| LambdaError::NotFound(no_resource()))?;
    let (kind, id) = arn.kind_and_id();
    if kind == "function" && id.contains(':') {
        let message =
            "Tags on function aliases and versions are not supported. Please specify a function ARN.";
        return Err(LambdaError::invalid(message));
    }
    Ok(arn)
}

fn absent(arn: &Arn) -> LambdaError {
    match arn.kind_and_id().0 {
        "function" => LambdaError::FunctionNotFound(arn.to_string()),
        "event-source-mapping" => LambdaError::NotFound(format!("Event source mapping not found: {arn}")),
        "capacity-provider" => LambdaError::NotFound(format!("Capacity provider not found: {arn}")),
        _ => LambdaError::NotFound(no_resource()),
    }
}

fn head_of(tx: &mut Tx, arn: &Arn) -> Result<Head, LambdaError> {
    tx.head(arn)?.ok_or_else(|| absent(arn))
}

/// A function has another revision with each change of its tags, also where they stay as they were (recorded answers
/// of public test suites).
fn revise(tx: &mut Tx, arn: &Arn, revision: &str) -> Result<(), LambdaError> {
    let (("function", name), Some(owner), Some(region)) = (arn.kind_and_id(), arn.account(), arn.region())
    else {
        return Ok(());
    };
    let scope = Scope::Regional(owner, region);
    if let Some(mut function) = state::function(tx, &scope, name)? {
        revision.clone_into(&mut function.latest.revision);
        state::put_function(tx, &scope, &function)?;
    }
    Ok(())
}

/// TagResource.
pub async fn tag(ctx: Ctx, input: Arc<TagResourceInput>) -> Result<Unit, LambdaError> {
    let arn = arn_of(&input.resource)?;
    if input.tags.is_empty() {
        return Err(LambdaError::invalid("An error occurred and the request cannot be processed."));
    }
    let revision = ctx.uuid();
    ctx.commit(move |tx| {
        let mut head = head_of(tx, &arn)?;
        let added = input.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let tags = TagRules::default().add(&head.tags, added);
        head.tags = tags.map_err(|fault| refused_tags(&fault))?;
        tx.put_head(&arn, &head)?;
        revise(tx, &arn, &revision)?;
        Ok(Unit)
    })
    .await
}

/// UntagResource.
pub async fn untag(ctx: Ctx, input: Arc<UntagResourceInput>) -> Result<Unit, LambdaError> {
    let arn = arn_of(&input.resource)?;
    if input.tag_keys.is_empty() {
        return Err(LambdaError::Validation(
            "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"
                .to_owned(),
        ));
    }
    let revision = ctx.uuid();
    ctx.commit(move |tx| {
        let mut head = head_of(tx, &arn)?;
        head.tags.0.retain(|key, _| !input.tag_keys.contains(key));
        tx.put_head(&arn, &head)?;
        revise(tx, &arn, &revision)?;
        Ok(Unit)
    })
    .await
}

/// ListTags.
pub async fn list(ctx: Ctx, input: Arc<ListTagsInput>) -> Result<ListTagsOutput, LambdaError> {
    let arn = arn_of(&input.resource)?;
    let head = ctx.head(&arn)?.ok_or_else(|| absent(&arn))?;
    Ok(ListTagsOutput { tags: Some(head.head.tags.0.clone()) })
}

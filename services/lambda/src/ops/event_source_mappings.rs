//! CreateEventSourceMapping, GetEventSourceMapping, UpdateEventSourceMapping, DeleteEventSourceMapping,
//! ListEventSourceMappings. Queues and streams of tables are the sources of this region.

use crate::answers;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::Page;
use crate::ops::create_function::{head, refused_tags};
use crate::policy::no_resource;
use crate::pollers::{Pollers, queue_of, stream_of};
use crate::rules::names::{self, Named};
use crate::rules::source::{self as rules, Choices};
use crate::state::{self, Mapping};
use ::names::{Arn, Scope, Tags};
use model_lambda::{
    CreateEventSourceMappingInput, DeleteEventSourceMappingInput, EventSourceMappingConfiguration,
    GetEventSourceMappingInput, ListEventSourceMappingsInput, ListEventSourceMappingsOutput,
    UpdateEventSourceMappingInput,
};
use service::{Ctx, Heads, TagRules};
use std::sync::Arc;
use store::{Read, Tx};

fn found(read: &impl Read, scope: &Scope, uuid: &str) -> Result<Mapping, LambdaError> {
    state::mapping(read, scope, uuid)?.ok_or_else(|| LambdaError::NotFound(no_resource()))
}

fn arn_of(mapping: &Mapping) -> Arn {
    state::in_scope(&mapping.scope, &format!("event-source-mapping:{}", mapping.uuid))
}

/// Where a mapping stands. One that wants only what is written from now on begins once it knows where that is.
fn standing(read: &impl Read, mapping: &Mapping) -> Result<&'static str, LambdaError> {
    if !mapping.enabled {
        return Ok("Disabled");
    }
    let at_the_end = mapping.stream.as_ref().is_some_and(|stream| stream.position == "LATEST");
    let begun = !at_the_end || !state::mappings::checkpoints(read, &mapping.uuid)?.is_empty();
    Ok(if begun { "Enabled" } else { "Creating" })
}

/// CreateEventSourceMapping.
pub async fn create(
    ctx: Ctx,
    input: Arc<CreateEventSourceMappingInput>,
) -> Result<EventSourceMappingConfiguration, LambdaError> {
    let named = names::parse(&input.function_name, None, ctx.account(), ctx.region())?;
    let source = rules::source(input.event_source_arn.as_deref())?;
    rules::refuse_absent(&source, &input)?;
    let stream = rules::stream(&source, &input)?;
    let tags = input.tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = TagRules::default().add(&Tags::new(), tags).map_err(|fault| refused_tags(&fault))?;
    let function = {
        let read = ctx.read();
        let missing = || LambdaError::invalid("Function does not exist");
        let function = state::function(&read, &named.scope, &named.name)?.ok_or_else(missing)?;
        invoke::check_qualifier(&read, &named, &function).map_err(|_| missing())?;
        function
    };
    match stream {
        Some(_) => stream_of(&ctx, &named, &function.latest, &source).await?,
        None => queue_of(&ctx, &named, &function.latest, &source).await?,
    }
    let fresh = Mapping {
        uuid: ctx.uuid(),
        scope: named.scope.clone(),
        generation: 0,
        source,
        function: named.name.clone(),
        qualifier: named.qualifier.clone(),
        enabled: input.enabled.unwrap_or(true),
        batch_size: if stream.is_some() { rules::DEFAULT_STREAM_BATCH } else { rules::DEFAULT_BATCH },
        window_s: 0,
        filters: Vec::new(),
        reports_failures: false,
        max_concurrency: None,
        modified: ctx.now(),
        stream,
        on_failure: None,
    };
    let mapping = rules::choose(fresh, &Choices::of_new(&input))?;
    let made = ctx.commit(move |tx| make(tx, mapping.clone(), tags.clone())).await?;
    ctx.part::<Pollers>().changed();
    Ok(answers::mapping(&made, if made.enabled { "Creating" } else { "Disabled" }))
}

fn make(tx: &mut Tx, mut mapping: Mapping, tags: Tags) -> Result<Mapping, LambdaError> {
    let twin = |other: &Mapping| {
        (&other.scope, &other.source, &other.function, &other.qualifier)
            == (&mapping.scope, &mapping.source, &mapping.function, &mapping.qualifier)
    };
    for other in state::mappings(tx, None) {
        let other = other?;
        if twin(&other) {
            let Mapping { source, function, uuid, .. } = &other;
            return Err(LambdaError::Conflict(if other.stream.is_some() {
                format!(
                    "The event source arn (\" {source} \") and function (\" {function} \") provided mapping already exists. \
                     Please update or delete the existing mapping with UUID {uuid}"
                )
            } else {
                format!(
                    "An event source mapping with SQS arn (\" {source} \") and function (\" {function} \") already exists. \
                     Please update or delete the existing mapping with UUID {uuid}"
                )
            }));
        }
    }
    mapping.generation = tx.fresh_incarnation()?.0;
    state::put_mapping(tx, &mapping)?;
    let arn = arn_of(&mapping);
    let head = head(tx, &arn, "EventSourceMapping", (tags, mapping.modified))?;
    tx.put_head(&arn, &head)?;
    Ok(mapping)
}

/// A mapping as it is told, with how its last batch ended.
fn told(ctx: &Ctx, mapping: &Mapping, state: &str) -> EventSourceMappingConfiguration {
    let mut told = answers::mapping(mapping, state);
    if let (Some(last), Some(result)) =
        (&mut told.last_processing_result, ctx.part::<Pollers>().result(&mapping.uuid))
    {
        result.clone_into(last);
    }
    told
}

/// GetEventSourceMapping.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetEventSourceMappingInput>,
) -> Result<EventSourceMappingConfiguration, LambdaError> {
    let read = ctx.read();
    let mapping = found(&read, &ctx.scope(), &input.uuid)?;
    Ok(told(&ctx, &mapping, standing(&read, &mapping)?))
}

/// UpdateEventSourceMapping.
pub async fn update(
    ctx: Ctx,
    input: Arc<UpdateEventSourceMappingInput>,
) -> Result<EventSourceMappingConfiguration, LambdaError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let named = input.function_name.as_deref();
    let named = named.map(|name| names::parse(name, None, ctx.account(), ctx.region())).transpose()?;
    let changed = ctx.commit(move |tx| {
        let mapping = found(tx, &scope, &input.uuid)?;
        let mut mapping = rules::choose(mapping, &Choices::of_change(&input))?;
        if let Some(named) = &named {
            invoke::found(tx, named)?;
            mapping.function.clone_from(&named.name);
            mapping.qualifier.clone_from(&named.qualifier);
        }
        let was_enabled = mapping.enabled;
        mapping.enabled = input.enabled.unwrap_or(was_enabled);
        mapping.generation = tx.fresh_incarnation()?.0;
        mapping.modified = now;
        state::put_mapping(tx, &mapping)?;
        Ok::<_, LambdaError>((mapping, was_enabled))
    });
    let (changed, was_enabled) = changed.await?;
    ctx.part::<Pollers>().changed();
    let standing = match (was_enabled, changed.enabled) {
        (false, true) => "Enabling",
        (true, false) => "Disabling",
        _ => "Updating",
    };
    Ok(told(&ctx, &changed, standing))
}

/// DeleteEventSourceMapping.
pub async fn delete(
    ctx: Ctx,
    input: Arc<DeleteEventSourceMappingInput>,
) -> Result<EventSourceMappingConfiguration, LambdaError> {
    let scope = ctx.scope();
    let removed = ctx.commit(move |tx| {
        let mapping = found(tx, &scope, &input.uuid)?;
        state::remove_mapping(tx, &mapping.uuid)?;
        tx.remove_head(&arn_of(&mapping))?;
        Ok::<_, LambdaError>(mapping)
    });
    let removed = removed.await?;
    ctx.part::<Pollers>().changed();
    Ok(told(&ctx, &removed, "Deleting"))
}

/// ListEventSourceMappings.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListEventSourceMappingsInput>,
) -> Result<ListEventSourceMappingsOutput, LambdaError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let named = input.function_name.as_deref();
    let named: Option<Named> =
        named.map(|name| names::parse(name, None, ctx.account(), ctx.region())).transpose()?;
    let filter = format!(
        "{}:{}",
        input.function_name.as_deref().unwrap_or_default(),
        input.event_source_arn.as_deref().unwrap_or_default()
    );
    let page = Page::of(&ctx, &filter, input.marker.as_ref(), input.max_items)?;
    let wanted = |mapping: &Mapping| {
        mapping.scope == scope
            && input.event_source_arn.as_ref().is_none_or(|arn| *arn == mapping.source.as_str())
            && named.as_ref().is_none_or(|named| {
                named.name == mapping.function
                    && (named.qualifier.is_none() || named.qualifier == mapping.qualifier)
            })
    };
    let mut found: Vec<Mapping> = state::mappings(&read, page.after.as_deref())
        .filter(|mapping| mapping.as_ref().map_or(true, wanted))
        .take(page.limit + 1)
        .collect::<Result<_, _>>()?;
    let marker = page.cut(&ctx, &filter, &mut found, |mapping| mapping.uuid.clone());
    let mappings = found.iter().map(|mapping| Ok(told(&ctx, mapping, standing(&read, mapping)?)));
    let mappings = mappings.collect::<Result<Vec<_>, LambdaError>>()?;
    Ok(ListEventSourceMappingsOutput { next_marker: marker, event_source_mappings: Some(mappings) })
}

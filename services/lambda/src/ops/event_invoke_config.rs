//! PutFunctionEventInvokeConfig, UpdateFunctionEventInvokeConfig, GetFunctionEventInvokeConfig,
//! DeleteFunctionEventInvokeConfig: how asynchronous invocations end.

use crate::answers;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::{Page, named};
use crate::rules::names::{self, Named};
use crate::state::{self, EventConfig, LATEST};
use ::names::Arn;
use model_lambda::{
    DeleteFunctionEventInvokeConfigInput, DestinationConfig, FunctionEventInvokeConfig,
    GetFunctionEventInvokeConfigInput, ListFunctionEventInvokeConfigsInput,
    ListFunctionEventInvokeConfigsOutput, PutFunctionEventInvokeConfigInput,
    UpdateFunctionEventInvokeConfigInput,
};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::{Read, Tx};

/// Services whose resources take results.
const DESTINATIONS: [&str; 4] = ["sqs", "sns", "lambda", "s3"];

fn qualifier(named: &Named) -> &str {
    named.qualifier.as_deref().unwrap_or(LATEST)
}

fn arn_of(named: &Named) -> Arn {
    state::arn(&named.scope, &named.name, Some(qualifier(named)))
}

fn absent(named: &Named) -> LambdaError {
    LambdaError::NotFound(format!("The function {} doesn't have an EventInvokeConfig", arn_of(named)))
}

fn no_function() -> LambdaError {
    LambdaError::NotFound("The function doesn't exist.".to_owned())
}

/// A destination of the results of a function: another function, and it must be there, or what takes messages.
fn destination(
    read: &impl Read,
    of: &Named,
    (config, text): (&DestinationConfig, Option<&String>),
) -> Result<Option<Arn>, LambdaError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let arn = text.parse::<Arn>().ok();
    if arn.as_ref().is_some_and(|arn| arn.service() == "events") {
        // Nothing would ever come of it.
        let why =
            format!("The event bus {text} cannot be a destination: this region has no EventBridge yet.");
        return Err(LambdaError::invalid(why));
    }
    let arn = arn.filter(|arn| DESTINATIONS.contains(&arn.service())).ok_or_else(|| {
        let told = |text: Option<&String>| text.map_or("null", String::as_str).to_owned();
        let success = config.on_success.as_ref();
        let failure = config.on_failure.as_ref();
        LambdaError::invalid(format!(
            "The provided destination config DestinationConfig(onSuccess={}, onFailure={}) is invalid.",
            success.map_or_else(
                || "null".to_owned(),
                |one| format!("OnSuccess(destination={})", told(one.destination.as_ref()))
            ),
            failure.map_or_else(
                || "null".to_owned(),
                |one| format!("OnFailure(destination={})", told(one.destination.as_ref()))
            ),
        ))
    })?;
    if arn.service() == "lambda" {
        let invalid = || LambdaError::invalid(format!("The destination ARN {text} is invalid."));
        let (account, region) = arn.account().zip(arn.region()).ok_or_else(invalid)?;
        let there = names::parse(text, None, account, &region).map_err(|_| invalid())?;
        if (&there.scope, &there.name) == (&of.scope, &of.name) {
            return Err(LambdaError::invalid("You can't specify the function as a destination for itself."));
        }
        state::function(read, &there.scope, &there.name)?.ok_or_else(invalid)?;
    }
    Ok(Some(arn))
}

/// Changes what is given: attempts, age, destinations.
fn choose(
    read: &impl Read,
    of: &Named,
    config: &mut EventConfig,
    (retries, max_age, destinations): (Option<i32>, Option<i32>, Option<&DestinationConfig>),
) -> Result<(), LambdaError> {
    config.retries = retries.map(|retries| retries.max(0).unsigned_abs()).or(config.retries);
    config.max_age_s = max_age.map(|age| age.max(0).unsigned_abs()).or(config.max_age_s);
    let Some(destinations) = destinations else { return Ok(()) };
    if let Some(success) = &destinations.on_success {
        config.on_success = destination(read, of, (destinations, success.destination.as_ref()))?;
    }
    if let Some(failure) = &destinations.on_failure {
        config.on_failure = destination(read, of, (destinations, failure.destination.as_ref()))?;
    }
    Ok(())
}

/// PutFunctionEventInvokeConfig: what is not given is the default again.
pub async fn put(
    ctx: Ctx,
    input: Arc<PutFunctionEventInvokeConfigInput>,
) -> Result<FunctionEventInvokeConfig, LambdaError> {
    let (named, now) = (named(&ctx, input.as_ref())?, ctx.now());
    let bounds = (input.maximum_retry_attempts, input.maximum_event_age_in_seconds);
    if bounds == (None, None) && input.destination_config.is_none() {
        return Err(LambdaError::invalid(
            "You must specify at least one of error handling or destination setting.",
        ));
    }
    write(&ctx, named, move |tx, named, _| {
        let mut config = EventConfig { modified: now, ..EventConfig::default() };
        choose(tx, named, &mut config, (bounds.0, bounds.1, input.destination_config.as_ref()))?;
        Ok(config)
    })
    .await
}

async fn write(
    ctx: &Ctx,
    named: Named,
    change: impl Fn(&Tx, &Named, Option<EventConfig>) -> Result<EventConfig, LambdaError> + Send + 'static,
) -> Result<FunctionEventInvokeConfig, LambdaError> {
    ctx.commit(move |tx| {
        let function = state::function(tx, &named.scope, &named.name)?.ok_or_else(no_function)?;
        invoke::check_qualifier(tx, &named, &function).map_err(|_| no_function())?;
        let present = state::event_config(tx, &named.scope, &function, qualifier(&named))?;
        let config = change(tx, &named, present)?;
        state::put_event_config(tx, &named.scope, &function, qualifier(&named), Some(&config))?;
        Ok(answers::event_config(&arn_of(&named), &config))
    })
    .await
}

/// UpdateFunctionEventInvokeConfig: what is not given stays.
pub async fn update(
    ctx: Ctx,
    input: Arc<UpdateFunctionEventInvokeConfigInput>,
) -> Result<FunctionEventInvokeConfig, LambdaError> {
    let (named, now) = (named(&ctx, input.as_ref())?, ctx.now());
    write(&ctx, named, move |tx, named, present| {
        let mut config = present.ok_or_else(|| absent(named))?;
        let bounds = (input.maximum_retry_attempts, input.maximum_event_age_in_seconds);
        choose(tx, named, &mut config, (bounds.0, bounds.1, input.destination_config.as_ref()))?;
        config.modified = now;
        Ok(config)
    })
    .await
}

/// GetFunctionEventInvokeConfig.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetFunctionEventInvokeConfigInput>,
) -> Result<FunctionEventInvokeConfig, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let function = state::function(&read, &named.scope, &named.name)?.ok_or_else(|| absent(&named))?;
    let config = state::event_config(&read, &named.scope, &function, qualifier(&named))?;
    Ok(answers::event_config(&arn_of(&named), &config.ok_or_else(|| absent(&named))?))
}

/// ListFunctionEventInvokeConfigs.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListFunctionEventInvokeConfigsInput>,
) -> Result<ListFunctionEventInvokeConfigsOutput, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let function = state::function(&read, &named.scope, &named.name)?.ok_or_else(no_function)?;
    let page = Page::of(&ctx, &named.name, input.marker.as_ref(), input.max_items)?;
    let after = page.after.as_deref();
    let all = state::event_configs(&read, &named.scope, &function)?.into_iter();
    let mut found: Vec<(String, EventConfig)> = all
        .filter(|(qualifier, _)| after.is_none_or(|after| qualifier.as_str() > after))
        .take(page.limit + 1)
        .collect();
    let next_marker = page.cut(&ctx, &named.name, &mut found, |(qualifier, _)| qualifier.clone());
    let told = found.iter().map(|(qualifier, config)| {
        answers::event_config(&state::arn(&named.scope, &named.name, Some(qualifier)), config)
    });
    Ok(ListFunctionEventInvokeConfigsOutput {
        function_event_invoke_configs: Some(told.collect()),
        next_marker,
    })
}

/// DeleteFunctionEventInvokeConfig.
pub async fn delete(ctx: Ctx, input: Arc<DeleteFunctionEventInvokeConfigInput>) -> Result<Unit, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    ctx.commit(move |tx| {
        let function = state::function(tx, &named.scope, &named.name)?.ok_or_else(|| absent(&named))?;
        let present = state::event_config(tx, &named.scope, &function, qualifier(&named))?;
        present.ok_or_else(|| absent(&named))?;
        state::put_event_config(tx, &named.scope, &function, qualifier(&named), None)?;
        Ok(Unit)
    })
    .await
}

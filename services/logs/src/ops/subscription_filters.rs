//! PutSubscriptionFilter, DescribeSubscriptionFilters, DeleteSubscriptionFilter. Events go to functions; a
//! function that could not be asked is refused when the subscription is made.

use super::metric_filters::{group, page_limit, pattern, position, refuse_transformed};
use crate::errors::LogsError;
use crate::rules::MOST_SUBSCRIPTIONS;
use crate::state::filters::{self, Subscription};
use crate::watch;
use model_lambda::operations::Invoke;
use model_lambda::{InvocationType, InvokeInput};
use model_logs as model;
use names::Arn;
use ports::Caller;
use schema::Unit;
use service::Ctx;
use std::borrow::Cow;
use std::sync::Arc;

/// PutSubscriptionFilter.
pub async fn put(ctx: Ctx, input: Arc<model::PutSubscriptionFilterInput>) -> Result<Unit, LogsError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let (criteria, fields) = (&input.field_selection_criteria, &input.emit_system_fields);
    refuse_transformed(input.apply_on_transformed_logs, criteria.as_ref(), fields.as_ref())?;
    pattern(&input.filter_pattern)?;
    let destination = function(&ctx, &input)?;
    group(&ctx.read(), &scope, &input.log_group_name)?;
    check(&ctx, &input.log_group_name, &destination).await?;
    ctx.commit(move |tx| {
        let group = group(tx, &scope, &input.log_group_name)?;
        let present: Option<Subscription> = filters::one(tx, &scope, &group.name, &input.filter_name)?;
        let others = filters::of_group::<Subscription>(tx, &scope, &group.name, ("", None)).count();
        if present.is_none() && others >= MOST_SUBSCRIPTIONS {
            return Err(LogsError::LimitExceeded);
        }
        let subscription = Subscription {
            group: group.name,
            name: input.filter_name.clone(),
            pattern: input.filter_pattern.clone(),
            created: present.map_or(now, |present| present.created),
            destination: destination.clone(),
            random: input.distribution == Some(model::Distribution::Random),
        };
        filters::put(tx, &scope, &subscription)?;
        Ok(Unit)
    })
    .await
}

/// The function that is to get events.
fn function(ctx: &Ctx, input: &model::PutSubscriptionFilterInput) -> Result<Arn, LogsError> {
    let text = &input.destination_arn;
    let arn: Arn = text.parse().map_err(|_| LogsError::invalid(format!("Invalid destinationArn: {text}")))?;
    match arn.service() {
        "lambda" if arn.account() != Some(ctx.account()) => Err(LogsError::Denied(
            "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to \
             create cross account lambda triggers.",
        )),
        "lambda" if arn.resource().starts_with("function:") => Ok(arn),
        vendor @ ("kinesis" | "firehose") if input.role_arn.is_none() => Err(LogsError::invalid(format!(
            "destinationArn for vendor {vendor} cannot be used without roleArn"
        ))),
        vendor @ ("kinesis" | "firehose" | "logs") => Err(LogsError::invalid(format!(
            "Subscriptions with destinations of {vendor} are not available in this region yet."
        ))),
        _ => Err(LogsError::invalid(format!("Invalid destinationArn: {text}"))),
    }
}

/// Refuses a function that is not there, may not be asked for the group, or writes into the group itself.
async fn check(ctx: &Ctx, group: &str, function: &Arn) -> Result<(), LogsError> {
    let name = function.resource().split(':').nth(1).unwrap_or_default();
    if group.strip_prefix("/aws/lambda/") == Some(name) {
        let message = "The log group provided is reserved for the function logs of the destination function.";
        return Err(LogsError::invalid(message));
    }
    let caller = Caller::Service {
        principal: Cow::Borrowed(watch::PRINCIPAL),
        source_arn: Some(watch::source(&ctx.scope(), group)),
        source_account: ctx.account(),
    };
    let trial = InvokeInput {
        function_name: function.to_string(),
        invocation_type: Some(InvocationType::DryRun),
        ..InvokeInput::default()
    };
    ctx.call_as::<Invoke>(caller, trial).await.map(drop).map_err(|_| {
        LogsError::invalid(
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to \
             execute your function.",
        )
    })
}

/// DeleteSubscriptionFilter.
pub async fn delete(ctx: Ctx, input: Arc<model::DeleteSubscriptionFilterInput>) -> Result<Unit, LogsError> {
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        let group = group(tx, &scope, &input.log_group_name)?;
        let found = filters::one(tx, &scope, &group.name, &input.filter_name)?;
        filters::remove_subscription(tx, &scope, &found.ok_or(LogsError::SubscriptionNotFound)?)?;
        Ok(Unit)
    })
    .await
}

/// DescribeSubscriptionFilters.
pub async fn describe(
    ctx: Ctx,
    input: Arc<model::DescribeSubscriptionFiltersInput>,
) -> Result<model::DescribeSubscriptionFiltersOutput, LogsError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    group(&read, &scope, &input.log_group_name)?;
    let about = format!("{} {:?}", input.log_group_name, input.filter_name_prefix);
    let after = position(&ctx, &about, input.next_token.as_deref())?;
    let prefix = input.filter_name_prefix.as_deref().unwrap_or_default();
    let rows = filters::of_group(&read, &scope, &input.log_group_name, (prefix, after.as_ref()));
    let limit = page_limit(input.limit);
    let mut found = rows.take(limit + 1).collect::<Result<Vec<Subscription>, _>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_token = last.map(|last| {
        let position = format!("{}\0{}", last.group, last.name);
        ctx.page_token(&about, position.as_bytes())
    });
    let subscription_filters = Some(found.into_iter().map(described).collect());
    Ok(model::DescribeSubscriptionFiltersOutput { subscription_filters, next_token })
}

fn described(subscription: Subscription) -> model::SubscriptionFilter {
    model::SubscriptionFilter {
        filter_name: Some(subscription.name),
        log_group_name: Some(subscription.group),
        filter_pattern: Some(subscription.pattern),
        destination_arn: Some(subscription.destination.to_string()),
        distribution: Some(match subscription.random {
            true => model::Distribution::Random,
            false => model::Distribution::ByLogStream,
        }),
        apply_on_transformed_logs: Some(false),
        creation_time: Some(subscription.created.millis()),
        ..model::SubscriptionFilter::default()
    }
}

//! ConfirmSubscription and Unsubscribe.

use crate::errors::SnsError;
use crate::ops::{found, place_of, topic_place};
use crate::state::{self, Subscription, Topic};
use model_sns::{ConfirmSubscriptionInput, ConfirmSubscriptionOutput, UnsubscribeInput};
use names::Scope;
use ports::Caller;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Read};

/// The subscription of a token; nothing where it is none.
pub fn by_token(
    read: &impl Read,
    scope: &Scope,
    topic: &Topic,
    token: &str,
) -> Result<Option<Subscription>, Fault> {
    for subscription in state::subscriptions(read, scope, topic.incarnation, None) {
        let subscription = subscription?;
        if subscription.token.as_deref() == Some(token) {
            return Ok(Some(subscription));
        }
    }
    Ok(None)
}

/// ConfirmSubscription.
pub async fn confirm(
    ctx: Ctx,
    input: Arc<ConfirmSubscriptionInput>,
) -> Result<ConfirmSubscriptionOutput, SnsError> {
    let place = topic_place("TopicArn", &input.topic_arn)?;
    let signed = ctx.caller().principal().is_some_and(|principal| !principal.access_key.is_empty());
    ctx.commit(move |tx| {
        let topic = found(tx, &place)?;
        let known = by_token(tx, &place.0, &topic, &input.token)?;
        let mut subscription = known.ok_or_else(|| SnsError::invalid("Token"))?;
        subscription.token = None;
        subscription.authenticated = signed;
        subscription.authenticate_on_unsubscribe = input
            .authenticate_on_unsubscribe
            .as_deref()
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        state::put_subscription(tx, &place.0, topic.incarnation, &subscription)?;
        let arn = format!("{}:{}", state::arn(&place.0, &topic.name), subscription.id);
        Ok(ConfirmSubscriptionOutput { subscription_arn: Some(arn) })
    })
    .await
}

/// Unsubscribe: succeeds where there is no such subscription.
pub async fn unsubscribe(ctx: Ctx, input: Arc<UnsubscribeInput>) -> Result<Unit, SnsError> {
    let place = match place_of(&input.subscription_arn) {
        Err(SnsError::NotFound(_)) => {
            return Err(SnsError::invalid("SubscriptionArn Reason: An ARN must have at least 6 elements"));
        }
        place => place?,
    };
    let (account, is_anonymous) = (ctx.account(), matches!(ctx.caller(), Caller::Anonymous));
    ctx.commit(move |tx| {
        let Some(mut topic) = state::topic(tx, &place.scope, &place.topic)? else { return Ok(Unit) };
        let known = state::subscription(tx, &place.scope, topic.incarnation, &place.id)?;
        let Some(known) = known else { return Ok(Unit) };
        let owns = known.owner == account || place.scope.account() == Some(account);
        if !(owns || is_anonymous && !known.authenticate_on_unsubscribe) {
            return Err(not_yours("Unsubscribe"));
        }
        state::remove_subscription(tx, &place.scope, topic.incarnation, &place.id)?;
        topic.deleted += 1;
        state::put_topic(tx, &place.scope, &topic)?;
        Ok(Unit)
    })
    .await
}

/// What belongs to two other accounts.
pub fn not_yours(operation: &str) -> SnsError {
    SnsError::NotAuthorized(format!("User is not authorized to perform: SNS:{operation}"))
}

//! ConfirmSubscription and Unsubscribe. A token names its subscription, so that whoever was sent it can confirm once
//! more, and take back that he left.

use crate::errors::SnsError;
use crate::ops::questions::Question;
use crate::ops::{found, is_signed, place_of};
use crate::rules::names::arn;
use crate::state::{self, Subscription, ended};
use model_sns::{ConfirmSubscriptionInput, ConfirmSubscriptionOutput, UnsubscribeInput};
use ports::Caller;
use schema::Unit;
use service::{Ctx, Seal, hex};
use std::sync::Arc;
use store::Incarnation;

/// What a token is sealed for.
const TOKEN: [&str; 2] = ["sns", "subscription"];

/// Why somebody is sent a token: each time it is another one.
#[derive(Debug, Clone, Copy)]
pub enum Why {
    /// To confirm a subscription.
    Begin,
    /// To take its end back.
    Return,
}

/// The token of a subscription: hexadecimal, as SNS's are.
pub fn token(seal: &Seal, why: Why, topic: Incarnation, id: &str) -> String {
    let content = [topic.0.to_be_bytes().as_slice(), &[why as u8], id.as_bytes()].concat();
    hex(seal.seal(&TOKEN, &content).as_bytes())
}

/// Whether a text has the form of a token.
pub fn is_token(text: &str) -> bool {
    text.len() > 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The subscription of a token: its topic's incarnation and its id.
///
/// # Errors
/// Where it is no token of this region.
pub fn of_token(seal: &Seal, token: &str) -> Result<(Incarnation, String), SnsError> {
    let digits = token.as_bytes();
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(SnsError::InvalidPlain("Invalid token".to_owned()));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    let bytes = digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    let none = || SnsError::invalid("Token");
    let sealed = String::from_utf8(bytes).map_err(|_| none())?;
    let content = seal.open(&TOKEN, &sealed).ok_or_else(none)?;
    let (topic, rest) = content.split_first_chunk().ok_or_else(none)?;
    let (_, id) = rest.split_first().ok_or_else(none)?;
    let id = String::from_utf8(id.to_vec()).map_err(|_| none())?;
    Ok((Incarnation(u64::from_be_bytes(*topic)), id))
}

/// ConfirmSubscription. The topic's name does not matter, where account and region are those of the subscription.
pub async fn confirm(
    ctx: Ctx,
    input: Arc<ConfirmSubscriptionInput>,
) -> Result<ConfirmSubscriptionOutput, SnsError> {
    let place = arn("TopicArn", &input.topic_arn).ok().as_ref().and_then(state::place);
    let (scope, _) = place.ok_or_else(|| SnsError::invalid("Topic"))?;
    let (topic, id) = of_token(&ctx.host().seal, &input.token)?;
    let (signed, now) = (is_signed(&ctx), ctx.now());
    ctx.commit(move |tx| {
        let known = state::subscription(tx, &scope, topic, &id)?;
        let left = ended::ended(tx, &scope, topic, &id, now)?;
        let subscription = match (known, left) {
            (Some(known), _) if known.token.is_none() => known,
            (Some(pending), _) => Subscription {
                token: None,
                authenticated: signed,
                authenticate_on_unsubscribe: input
                    .authenticate_on_unsubscribe
                    .as_deref()
                    .is_some_and(|text| text.eq_ignore_ascii_case("true")),
                ..pending
            },
            (None, Some(left)) => left,
            (None, None) => return Err(SnsError::invalid("Topic")),
        };
        ended::forget(tx, &scope, topic, &id)?;
        state::put_subscription(tx, &scope, topic, &subscription)?;
        let arn = format!("{}:{}", state::arn(&scope, &subscription.topic), subscription.id);
        Ok(ConfirmSubscriptionOutput { subscription_arn: Some(arn) })
    })
    .await
}

/// Unsubscribe: succeeds where there is no such subscription. Whoever was sent messages over HTTP is told, and can
/// take it back.
pub async fn unsubscribe(ctx: Ctx, input: Arc<UnsubscribeInput>) -> Result<Unit, SnsError> {
    let none = || SnsError::invalid("SubscriptionArn Reason: no value for required parameter");
    let place = place_of(input.subscription_arn.as_deref().ok_or_else(none)?)?;
    let there = (place.scope.clone(), place.topic.clone());
    let (account, is_anonymous) = (ctx.account(), matches!(ctx.caller(), Caller::Anonymous));
    let told = {
        let read = ctx.read();
        match found(&read, &there).ok() {
            Some(topic) => {
                state::subscription(&read, &there.0, topic.incarnation, &place.id)?.map(|of| (topic, of))
            }
            None => None,
        }
    };
    let Some((topic, subscription)) = told else { return Ok(Unit) };
    let question = Question::whether_back(&ctx, &place.scope, &topic, &subscription).await?;
    let now = ctx.now();
    ctx.commit(move |tx| {
        let Some(mut topic) = state::topic(tx, &place.scope, &place.topic)? else { return Ok(Unit) };
        let known = state::subscription(tx, &place.scope, topic.incarnation, &place.id)?;
        let Some(known) = known else { return Ok(Unit) };
        let owns = known.owner == account || place.scope.account() == Some(account);
        if !(owns || is_anonymous && !known.authenticate_on_unsubscribe) {
            return Err(not_yours("Unsubscribe"));
        }
        if let Some(question) = question.as_ref().filter(|_| known.token.is_none()) {
            ended::remember(tx, &place.scope, topic.incarnation, &known, now)?;
            question.ask(tx, &place.scope, &known, now)?;
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

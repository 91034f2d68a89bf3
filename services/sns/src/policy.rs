//! What the operations need permission for (Service Authorization Reference, "Actions defined by Amazon
//! SNS").

use crate::errors::SnsError;
use crate::ops::place_of;
use crate::state;
use model_sns as api;
use names::Arn;
use ports::Caller;
use service::{Demand, Peek};
use std::sync::Arc;

/// Inputs that name a topic by its ARN.
pub trait OfTopic {
    /// The ARN.
    fn topic_arn(&self) -> &str;
}

macro_rules! of_topic {
    ($($input:ident.$member:ident),* $(,)?) => {$(
        impl OfTopic for api::$input {
            fn topic_arn(&self) -> &str {
                &self.$member
            }
        }
    )*};
}

of_topic!(
    AddPermissionInput.topic_arn,
    DeleteTopicInput.topic_arn,
    GetDataProtectionPolicyInput.resource_arn,
    GetTopicAttributesInput.topic_arn,
    ListSubscriptionsByTopicInput.topic_arn,
    ListTagsForResourceInput.resource_arn,
    PublishBatchInput.topic_arn,
    PutDataProtectionPolicyInput.resource_arn,
    RemovePermissionInput.topic_arn,
    SetTopicAttributesInput.topic_arn,
    UntagResourceInput.resource_arn,
);

/// The resource that a text names, or everything, where it names none: then the handler says what is wrong.
fn on(action: String, text: &str) -> Demand {
    match text.parse::<Arn>() {
        Ok(arn) => Demand::new(action, &arn),
        Err(_) => Demand::everywhere(action),
    }
}

/// The action on the topic of the input's ARN. A batch needs what its single operation needs.
pub async fn topic<I: OfTopic>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, SnsError> {
    let action = peek.operation().trim_end_matches("Batch");
    Ok(vec![on(format!("sns:{action}"), input.topic_arn())])
}

/// Publishing to a topic, an endpoint or a phone.
pub async fn publish(peek: Peek, input: Arc<api::PublishInput>) -> Result<Vec<Demand>, SnsError> {
    let target = input.topic_arn.as_deref().or(input.target_arn.as_deref());
    Ok(vec![match target {
        Some(target) => on("sns:Publish".to_owned(), target),
        None => Demand::everywhere(format!("sns:{}", peek.operation())),
    }])
}

/// The action on a topic that is to be made, with its tags.
pub async fn new_topic(peek: Peek, input: Arc<api::CreateTopicInput>) -> Result<Vec<Demand>, SnsError> {
    let mut demand = Demand::new("sns:CreateTopic", &state::arn(&peek.scope(), &input.name));
    for tag in input.tags.iter().flatten() {
        demand = demand.when_tagged(&tag.key, &tag.value);
    }
    Ok(vec![demand])
}

/// Tagging, with the tags.
pub async fn tag(_peek: Peek, input: Arc<api::TagResourceInput>) -> Result<Vec<Demand>, SnsError> {
    let mut demand = on("sns:TagResource".to_owned(), &input.resource_arn);
    for tag in &input.tags {
        demand = demand.when_tagged(&tag.key, &tag.value);
    }
    Ok(vec![demand])
}

/// Subscribing, with what the policy of the topic may ask for.
pub async fn subscribe(_peek: Peek, input: Arc<api::SubscribeInput>) -> Result<Vec<Demand>, SnsError> {
    let demand =
        on("sns:Subscribe".to_owned(), &input.topic_arn).when("sns:Protocol", [input.protocol.clone()]);
    Ok(vec![match &input.endpoint {
        Some(endpoint) => demand.when("sns:Endpoint", [endpoint.clone()]),
        None => demand,
    }])
}

/// Confirming needs no credentials: whoever has the token was sent it.
pub async fn confirm(
    _peek: Peek,
    input: Arc<api::ConfirmSubscriptionInput>,
) -> Result<Vec<Demand>, SnsError> {
    // Whether it is one of this region's the handler finds out.
    if crate::ops::subscriptions::is_token(&input.token) {
        return Ok(Vec::new());
    }
    Ok(vec![on("sns:ConfirmSubscription".to_owned(), &input.topic_arn)])
}

/// Ending a subscription needs no credentials, where it was not made to need them: its URL is in every
/// message.
pub async fn unsubscribe(peek: Peek, input: Arc<api::UnsubscribeInput>) -> Result<Vec<Demand>, SnsError> {
    if matches!(peek.caller(), Caller::Anonymous)
        && let Ok(place) = place_of(input.subscription_arn.as_deref().unwrap_or_default())
        && let Some(topic) = state::topic(&peek.read(), &place.scope, &place.topic)?
        && let Some(found) = state::subscription(&peek.read(), &place.scope, topic.incarnation, &place.id)?
        && !found.authenticate_on_unsubscribe
    {
        return Ok(Vec::new());
    }
    Ok(vec![Demand::everywhere("sns:Unsubscribe")])
}

/// The action on an application's ARN, or an endpoint's.
pub fn action_on(peek: &Peek, arn: &str) -> Vec<Demand> {
    vec![on(format!("sns:{}", peek.operation()), arn)]
}

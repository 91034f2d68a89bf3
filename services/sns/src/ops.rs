//! The operations of the room, one line each.

pub mod attributes;
pub mod data_protection;
pub mod endpoints;
pub mod listing;
pub mod permissions;
pub mod platform;
pub mod publish;
pub mod publish_batch;
pub mod questions;
pub mod sms;
pub mod subscribe;
pub mod subscriptions;
pub mod tags;
pub mod topics;

use crate::errors::SnsError;
use crate::policy;
use crate::rules::names::arn;
use crate::state::{self, Topic};
use model_sns::operations as of;
use names::Scope;
use service::{Ctx, Operation};
use store::Read;

/// All operations.
pub fn all() -> Vec<Operation> {
    let mut all = of_topics();
    all.extend(of_devices());
    all.extend(of_phones());
    all
}

fn of_topics() -> Vec<Operation> {
    vec![
        Operation::new::<of::AddPermission, _, _, _>(permissions::add).acts_on(policy::topic),
        Operation::new::<of::ConfirmSubscription, _, _, _>(subscriptions::confirm).acts_on(policy::confirm),
        Operation::new::<of::CreateTopic, _, _, _>(topics::create).acts_on(policy::new_topic),
        Operation::new::<of::DeleteTopic, _, _, _>(topics::delete).acts_on(policy::topic),
        Operation::new::<of::GetDataProtectionPolicy, _, _, _>(data_protection::get).acts_on(policy::topic),
        Operation::new::<of::GetSubscriptionAttributes, _, _, _>(attributes::get_of_subscription)
            .acts_on_everything(),
        Operation::new::<of::GetTopicAttributes, _, _, _>(attributes::get_of_topic).acts_on(policy::topic),
        Operation::new::<of::ListSubscriptions, _, _, _>(listing::subscriptions).acts_on_everything(),
        Operation::new::<of::ListSubscriptionsByTopic, _, _, _>(listing::subscriptions_by_topic)
            .acts_on(policy::topic),
        Operation::new::<of::ListTagsForResource, _, _, _>(tags::list).acts_on(policy::topic),
        Operation::new::<of::ListTopics, _, _, _>(listing::topics).acts_on_everything(),
        Operation::new::<of::Publish, _, _, _>(publish::publish).acts_on(policy::publish),
        Operation::new::<of::PublishBatch, _, _, _>(publish_batch::publish_batch).acts_on(policy::topic),
        Operation::new::<of::PutDataProtectionPolicy, _, _, _>(data_protection::put).acts_on(policy::topic),
        Operation::new::<of::RemovePermission, _, _, _>(permissions::remove).acts_on(policy::topic),
        Operation::new::<of::SetSubscriptionAttributes, _, _, _>(attributes::set_of_subscription)
            .acts_on_everything(),
        Operation::new::<of::SetTopicAttributes, _, _, _>(attributes::set_of_topic).acts_on(policy::topic),
        Operation::new::<of::Subscribe, _, _, _>(subscribe::subscribe).acts_on(policy::subscribe),
        Operation::new::<of::TagResource, _, _, _>(tags::tag).acts_on(policy::tag),
        Operation::new::<of::Unsubscribe, _, _, _>(subscriptions::unsubscribe).acts_on(policy::unsubscribe),
        Operation::new::<of::UntagResource, _, _, _>(tags::untag).acts_on(policy::topic),
    ]
}

fn of_devices() -> Vec<Operation> {
    vec![
        Operation::new::<of::CreatePlatformApplication, _, _, _>(platform::create).acts_on_everything(),
        Operation::new::<of::CreatePlatformEndpoint, _, _, _>(endpoints::create)
            .acts_on(endpoints::of_application),
        Operation::new::<of::DeleteEndpoint, _, _, _>(endpoints::delete).acts_on(endpoints::to_delete),
        Operation::new::<of::DeletePlatformApplication, _, _, _>(platform::delete)
            .acts_on(platform::to_delete),
        Operation::new::<of::GetEndpointAttributes, _, _, _>(endpoints::get).acts_on(endpoints::to_get),
        Operation::new::<of::GetPlatformApplicationAttributes, _, _, _>(platform::get)
            .acts_on(platform::to_get),
        Operation::new::<of::ListEndpointsByPlatformApplication, _, _, _>(endpoints::list)
            .acts_on(endpoints::to_list),
        Operation::new::<of::ListPlatformApplications, _, _, _>(platform::list).acts_on_everything(),
        Operation::new::<of::SetEndpointAttributes, _, _, _>(endpoints::set).acts_on(endpoints::to_set),
        Operation::new::<of::SetPlatformApplicationAttributes, _, _, _>(platform::set)
            .acts_on(platform::to_set),
    ]
}

fn of_phones() -> Vec<Operation> {
    vec![
        Operation::new::<of::CheckIfPhoneNumberIsOptedOut, _, _, _>(sms::check_opted_out)
            .acts_on_everything(),
        Operation::new::<of::CreateSMSSandboxPhoneNumber, _, _, _>(sms::create_sandbox_number)
            .acts_on_everything(),
        Operation::new::<of::DeleteSMSSandboxPhoneNumber, _, _, _>(sms::delete_sandbox_number)
            .acts_on_everything(),
        Operation::new::<of::GetSMSAttributes, _, _, _>(sms::get_attributes).acts_on_everything(),
        Operation::new::<of::GetSMSSandboxAccountStatus, _, _, _>(sms::sandbox_status).acts_on_everything(),
        Operation::new::<of::ListOriginationNumbers, _, _, _>(sms::list_origination_numbers)
            .acts_on_everything(),
        Operation::new::<of::ListPhoneNumbersOptedOut, _, _, _>(sms::list_opted_out).acts_on_everything(),
        Operation::new::<of::ListSMSSandboxPhoneNumbers, _, _, _>(sms::list_sandbox_numbers)
            .acts_on_everything(),
        Operation::new::<of::OptInPhoneNumber, _, _, _>(sms::opt_in).acts_on_everything(),
        Operation::new::<of::SetSMSAttributes, _, _, _>(sms::set_attributes).acts_on_everything(),
        Operation::new::<of::VerifySMSSandboxPhoneNumber, _, _, _>(sms::verify_sandbox_number)
            .acts_on_everything(),
    ]
}

/// Where the topic of an ARN lives, and its name. Who signs a request says which region it is for, and that
/// has no other's topics.
pub fn topic_place(ctx: &Ctx, parameter: &str, text: &str) -> Result<(Scope, String), SnsError> {
    let arn = arn(parameter, text)?;
    let place = state::place(&arn).ok_or_else(|| SnsError::invalid(parameter))?;
    if is_signed(ctx) && place.0.region() != Some(ctx.region()) {
        return Err(SnsError::invalid(parameter));
    }
    Ok(place)
}

/// Whether the request was signed.
pub fn is_signed(ctx: &Ctx) -> bool {
    ctx.caller().principal().is_some_and(|principal| !principal.access_key.is_empty())
}

/// The topic of a place.
pub fn found(read: &impl Read, (scope, name): &(Scope, String)) -> Result<Topic, SnsError> {
    state::topic(read, scope, name)?.ok_or(SnsError::NotFound("Topic"))
}

/// Where a subscription is.
pub struct SubscriptionPlace {
    /// The scope of its topic.
    pub scope: Scope,
    /// The name of its topic.
    pub topic: String,
    /// Its id.
    pub id: String,
}

/// Where the subscription of an ARN is.
pub fn place_of(text: &str) -> Result<SubscriptionPlace, SnsError> {
    let arn = arn("SubscriptionArn", text)?;
    let none = || SnsError::invalid("SubscriptionId");
    let (topic, id) = arn.resource().split_once(':').ok_or_else(none)?;
    let (account, region) = (arn.account().ok_or_else(none)?, arn.region().ok_or_else(none)?);
    Ok(SubscriptionPlace {
        scope: Scope::Regional(account, region),
        topic: topic.to_owned(),
        id: id.to_owned(),
    })
}

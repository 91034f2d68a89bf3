//! A delivery to a topic is a message published to it. It is left to be fanned out: what that needs, a
//! signature above all, is no work for the commit that accepts it.

use crate::ops::publish::Placed;
use crate::rules::envelope;
use crate::rules::publication::{Asked, Draft, deduplication};
use crate::state::{self, FanOut, Message, Topic};
use crate::status;
use bytes::Bytes;
use names::{Scope, Timestamp};
use schema::ApiError;
use service::{AttributeContent, Delivery, Ended, Reception, Target, TypedAttribute, uuid_of};
use std::collections::BTreeMap;
use store::{Fault, Tx};

/// The topics of the region as targets.
pub struct Topics;

impl Target for Topics {
    fn service(&self) -> &'static str {
        "sns"
    }

    fn action(&self) -> &'static str {
        "sns:Publish"
    }

    fn reception(&self) -> Reception {
        Reception::Stores
    }

    fn accept(&self, tx: &mut Tx, deliveries: &[Delivery], now: Timestamp) -> Result<(), ApiError> {
        tx.allow_large();
        deliveries.iter().try_for_each(|delivery| accept(tx, delivery, now).map_err(ApiError::from))
    }

    fn buried(&self, delivery: &mut Delivery) {
        // A dead letter of a function gets what a queue would have got.
        if delivery.target.service() == "lambda"
            && let Some(notification) = envelope::of_event(&delivery.payload)
        {
            delivery.payload = Bytes::from(notification);
        }
    }

    fn ended(&self, tx: &mut Tx, ended: &Ended<'_>) -> Result<(), Fault> {
        status::note_ended(tx, ended)
    }
}

fn accept(tx: &mut Tx, delivery: &Delivery, now: Timestamp) -> Result<(), crate::errors::SnsError> {
    let absent = || crate::errors::SnsError::NotFound("Topic");
    let (scope, name) = state::place(&delivery.target).ok_or_else(absent)?;
    let topic = state::topic(tx, &scope, &name)?.ok_or_else(absent)?;
    let text = String::from_utf8_lossy(&delivery.payload);
    let detail = &delivery.context.message;
    let asked = Asked {
        message: &text,
        subject: delivery.context.attributes.get("Subject").map(String::as_str),
        structure: None,
        attributes: None,
        group: delivery.group.as_deref().or(detail.group.as_deref()).or(topic.fifo.then_some("default")),
        deduplication_id: detail.deduplication_id.as_deref().or(topic.fifo.then_some(delivery.id.as_str())),
        platform: None,
    };
    let mut draft = Draft::of(&asked)?;
    draft.attributes.clone_from(&detail.attributes);
    let plain =
        delivery.context.attributes.iter().filter(|(name, text)| *name != "Subject" && !text.is_empty());
    draft.attributes.extend(plain.map(|(name, text)| (name.clone(), plain_attribute(text))));
    publish(tx, (&scope, &topic), draft, delivery, now)
}

/// An attribute that came without a type: a number or a text.
fn plain_attribute(text: &str) -> TypedAttribute {
    let number = text.bytes().all(|byte| byte.is_ascii_digit());
    let data_type = if number { "Number" } else { "String" };
    TypedAttribute { data_type: data_type.to_owned(), content: AttributeContent::Text(text.to_owned()) }
}

fn publish(
    tx: &mut Tx,
    (scope, topic): (&Scope, &Topic),
    draft: Draft,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), crate::errors::SnsError> {
    let deduplication_id = deduplication(topic, &draft)?;
    let mut message = Message {
        id: uuid_of(&format!("sns {}", delivery.id)),
        topic: delivery.target.clone(),
        subject: draft.subject,
        text: draft.text,
        texts: BTreeMap::new(),
        attributes: draft.attributes,
        group: draft.group,
        deduplication_id,
        sequence: None,
        at: now,
        origin: String::new(),
        cause: delivery.cause.clone(),
        hops: delivery.hops,
        trace: delivery.context.trace.clone(),
    };
    match crate::ops::publish::place_in_topic(tx, (scope, topic), &message, now)? {
        Placed::At(place) => message.sequence = place,
        Placed::Repeats(_) => return Ok(()),
    }
    if message.sequence.is_some() && topic.attributes.contains_key("ArchivePolicy") {
        state::archive(tx, scope, topic.incarnation, &message)?;
    }
    let fan_out = FanOut { topic: topic.name.clone(), message, after: None, only: None };
    Ok(state::add_fan_out(tx, scope, topic.incarnation, &fan_out)?)
}

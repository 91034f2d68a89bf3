//! A delivery to a queue is a message in it.

use crate::ops::send_message::{Outgoing, put};
use crate::rules::contents;
use crate::state::{self, AttributeValue, Content};
use names::{Scope, Timestamp};
use schema::ApiError;
use service::{AttributeContent, Delivery, Reception, Target, uuid_of};
use std::collections::BTreeMap;
use store::Tx;

/// The queues of the region as targets.
pub struct Queues;

impl Target for Queues {
    fn service(&self) -> &'static str {
        "sqs"
    }

    fn action(&self) -> &'static str {
        "sqs:SendMessage"
    }

    fn reception(&self) -> Reception {
        Reception::Stores
    }

    fn accept(&self, tx: &mut Tx, deliveries: &[Delivery], now: Timestamp) -> Result<(), ApiError> {
        tx.allow_large();
        deliveries.iter().try_for_each(|delivery| accept(tx, delivery, now))
    }
}

fn accept(tx: &mut Tx, delivery: &Delivery, now: Timestamp) -> Result<(), ApiError> {
    let missing = || ApiError::new("QueueDoesNotExist", 400, "The specified queue does not exist.");
    let (Some(account), Some(region)) = (delivery.target.account(), delivery.target.region()) else {
        return Err(missing());
    };
    let scope = Scope::Regional(account, region);
    let internal = |fault: store::Fault| ApiError::new("InternalFailure", 500, fault.to_string());
    let queue =
        state::queue(tx, &scope, delivery.target.resource()).map_err(internal)?.ok_or_else(missing)?;
    let detail = &delivery.context.message;
    let fifo = queue.attributes.fifo;
    let own_id = || detail.deduplication_id.clone().unwrap_or_else(|| delivery.id.clone());
    // The group of an ordered lane is no standard queue's (LocalStack's test_fifo_topic_to_regular_sqs, recorded on AWS).
    let group = delivery.group.clone().filter(|_| fifo).or_else(|| detail.group.clone());
    let outgoing = Outgoing {
        // Of the request that caused it, whose id is random, and of a number that no other delivery has: the closure may
        // run again.
        id: uuid_of(&format!("{} {}", delivery.cause, delivery.id)),
        body: text(&delivery.payload),
        attributes: attributes(delivery)?,
        trace_header: None,
        trace: delivery.context.trace.clone(),
        sender: delivery.context.principal.clone(),
        delay_s: None,
        group: group.or_else(|| fifo.then(|| "default".to_owned())),
        deduplication_id: fifo.then(own_id),
    };
    put(tx, &scope, &queue, &outgoing, now).map(drop).map_err(ApiError::from)
}

/// The attributes that travelled beside the payload. Those without a type are numbers or texts.
fn attributes(delivery: &Delivery) -> Result<BTreeMap<String, AttributeValue>, ApiError> {
    let plain =
        delivery.context.attributes.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| {
            let number = text.bytes().all(|byte| byte.is_ascii_digit());
            let data_type = if number { "Number" } else { "String" };
            let content = Content::Text(text.clone());
            (name.clone(), AttributeValue { data_type: data_type.to_owned(), content })
        });
    let typed = delivery.context.message.attributes.iter().map(|(name, attribute)| {
        let content = match &attribute.content {
            AttributeContent::Text(text) => Content::Text(text.clone()),
            AttributeContent::Binary(bytes) => Content::Binary(bytes.clone()),
        };
        (name.clone(), AttributeValue { data_type: attribute.data_type.clone(), content })
    });
    let attributes: BTreeMap<_, _> = plain.chain(typed).collect();
    contents::check_count(attributes.len()).map_err(ApiError::from)?;
    Ok(attributes)
}

/// The text of a payload, which is hardly ever none.
fn text(payload: &[u8]) -> String {
    match str::from_utf8(payload) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(payload).into_owned(),
    }
}

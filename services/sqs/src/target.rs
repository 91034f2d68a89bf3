//! A delivery to a queue is a message in it.

use crate::ops::send_message::{Outgoing, put};
use crate::rules::contents;
use crate::state;
use names::{Scope, Timestamp};
use schema::ApiError;
use service::{Delivery, Reception, Target};
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
    let body = String::from_utf8_lossy(&delivery.payload).into_owned();
    contents::check_size(body.len(), queue.attributes.maximum_message_size).map_err(ApiError::from)?;
    let outgoing = Outgoing {
        id: message_id(&delivery.id),
        body,
        attributes: BTreeMap::new(),
        trace_header: None,
        sender: delivery.context.principal.clone(),
        delay_s: None,
        group: delivery.group.clone().or_else(|| queue.attributes.fifo.then(|| "default".to_owned())),
        deduplication_id: queue.attributes.fifo.then(|| delivery.id.clone()),
    };
    put(tx, &scope, &queue, &outgoing, now).map(drop).map_err(ApiError::from)
}

/// A UUID made of the delivery's unique number, so that the closure can run again.
fn message_id(delivery: &str) -> String {
    let digits = format!("{delivery:0>32}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

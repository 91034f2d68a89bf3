//! Deliveries of other rooms become messages, exactly once.

use crate::{bodies, queue, receive, region};
use bytes::Bytes;
use names::{AccountId, Arn};
use service::{Deliver, Delivery, DeliveryContext, Door, hand_over};
use std::time::Duration;
use store::Fault;
use testkit::START;

fn delivery(target: &str, payload: &str) -> Delivery {
    let source: Arn = "arn:aws:s3:::recordings".parse().unwrap();
    let context = DeliveryContext::of("s3.amazonaws.com", AccountId::DEFAULT);
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    Delivery::new(source, target.parse().unwrap(), payload, context, START)
}

#[tokio::test]
async fn what_is_delivered_can_be_received() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    let deliveries: Vec<_> =
        ["one", "two"].map(|payload| delivery("arn:aws:sqs:us-east-1:000000000000:q", payload)).to_vec();
    let posted = region
        .host()
        .store
        .commit(move |tx| deliveries.iter().try_for_each(|delivery| tx.deliver(delivery.clone())));
    posted.await.map_err(|fault: Fault| fault.to_string()).unwrap();
    region.settle().await;
    let received = receive(&region, &url).await;
    let mut bodies = bodies(&received);
    bodies.sort_unstable();
    assert_eq!(bodies, ["one", "two"]);
    let ids: Vec<&str> = received.iter().filter_map(|message| message.message_id.as_deref()).collect();
    let digits = |id: &str| id.replace('-', "");
    let common =
        digits(ids[0]).bytes().zip(digits(ids[1]).bytes()).filter(|(one, other)| one == other).count();
    // Ids that are counted up differ in a digit or two; random ones have two digits of their version and variant, and of
    // the rest one in sixteen in common: half of them never.
    assert!(common < 16, "{ids:?}");
}

#[tokio::test]
async fn a_delivery_to_no_queue_is_given_up_to_its_dead_letter() {
    let region = region().await;
    let url = queue(&region, "grave", &[]).await;
    let mut lost = delivery("arn:aws:sqs:us-east-1:000000000000:none", "lost");
    lost.context.dead_letter = "arn:aws:sqs:us-east-1:000000000000:grave".parse().ok();
    let posted = region.host().store.commit(move |tx| tx.deliver(lost.clone()));
    posted.await.map_err(|fault: Fault| fault.to_string()).unwrap();
    for _ in 0..10 {
        region.advance(Duration::from_secs(60)).await;
    }
    assert_eq!(bodies(&receive(&region, &url).await), ["lost"]);
}

#[tokio::test]
async fn what_is_handed_over_is_there_with_the_commit_that_causes_it() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    let receivers = region.host().ports().receivers.clone();
    let given: Vec<_> = ["q", "none"]
        .map(|name| {
            let delivery = delivery(&format!("arn:aws:sqs:us-east-1:000000000000:{name}"), "at once");
            let door = Door::of(receivers.as_ref(), &delivery);
            assert!(door.is_some());
            (delivery, door)
        })
        .to_vec();
    let before = region.host().store.read().sequence();
    let handed = region.host().store.commit(move |tx| hand_over(tx, given.clone(), START));
    handed.await.map_err(|fault: Fault| fault.to_string()).unwrap();
    let committed = region.host().store.read().sequence();
    assert!(committed > before);
    assert_eq!(
        bodies(&receive(&region, &url).await),
        ["at once"],
        "the queue that is not there keeps it from nobody"
    );
}

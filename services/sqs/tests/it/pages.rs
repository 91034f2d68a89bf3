//! The page that shows what is in a queue, and deliveries with attributes.

use crate::{queue, receive, region, send};
use bytes::Bytes;
use names::{AccountId, Arn};
use service::{AttributeContent, Deliver, Delivery, DeliveryContext, TypedAttribute};
use store::Fault;
use testkit::{Region, ReplyBody, START};

async fn page(region: &Region, path: &str, accept: &str) -> (u16, String) {
    let answer = region.http("GET", path, &[("accept", accept)], Bytes::new()).await;
    let body = match answer.body {
        ReplyBody::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        ReplyBody::Stream(_) => String::new(),
    };
    (answer.status, body)
}

#[tokio::test]
async fn messages_are_shown_and_not_received() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    send(&region, &url, "a < b").await;
    let path = format!("/_aws/sqs/messages?QueueUrl={url}");
    let (status, body) = page(&region, &path, "application/json").await;
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(value["ReceiveMessageResponse"]["ReceiveMessageResult"]["Message"]["Body"], "a < b");
    let (_, xml) = page(&region, "/_aws/sqs/messages/us-east-1/000000000000/q", "*/*").await;
    assert!(xml.contains("<Body>a &lt; b</Body>"), "{xml}");
    assert_eq!(receive(&region, &url).await.len(), 1, "it was not received by being looked at");
    let (_, hidden) = page(&region, &path, "application/json").await;
    assert!(!hidden.contains("a < b"));
    let (_, shown) = page(&region, &format!("{path}&ShowInvisible=true"), "application/json").await;
    assert!(shown.contains("a < b"));
    let (status, body) = page(&region, "/_aws/sqs/messages?QueueUrl=none", "application/json").await;
    assert!(status == 400 && body.contains("AWS.SimpleQueueService.NonExistentQueue"), "{body}");
}

#[tokio::test]
async fn a_delivery_brings_its_attributes_group_and_id() {
    let region = region().await;
    let url = queue(&region, "q.fifo", &[("FifoQueue", "true")]).await;
    let source: Arn = "arn:aws:sns:us-east-1:000000000000:t".parse().unwrap();
    let mut context = DeliveryContext::of("sns.amazonaws.com", AccountId::DEFAULT);
    context.attributes.insert("ErrorCode".to_owned(), "200".to_owned());
    let content = AttributeContent::Binary(vec![1, 2]);
    let attribute = TypedAttribute { data_type: "Binary.mp3".to_owned(), content };
    context.message.attributes.insert("song".to_owned(), attribute);
    context.message.deduplication_id = Some("once".to_owned());
    let target = "arn:aws:sqs:us-east-1:000000000000:q.fifo".parse().unwrap();
    let mut delivery = Delivery::new(source, target, Bytes::from("la"), context, START);
    delivery.group = Some("g".to_owned());
    for _ in 0..2 {
        let delivery = delivery.clone();
        let posted = region.host().store.commit(move |tx| tx.deliver(delivery.clone()));
        posted.await.map_err(|fault: Fault| fault.to_string()).unwrap();
    }
    region.settle().await;
    let [message] = &receive(&region, &url).await[..] else { panic!("one message: the other repeats it") };
    let attributes = message.message_attributes.as_ref().unwrap();
    assert_eq!(attributes["ErrorCode"].data_type, "Number");
    assert_eq!(attributes["song"].data_type, "Binary.mp3");
    assert_eq!(attributes["song"].binary_value.as_deref(), Some(&[1, 2][..]));
    let system = message.attributes.as_ref().unwrap();
    assert_eq!((system["MessageGroupId"].as_str(), system["MessageDeduplicationId"].as_str()), ("g", "once"));
}

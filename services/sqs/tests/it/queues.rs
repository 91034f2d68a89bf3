//! Queues: making, finding, describing, deleting.

use crate::{bodies, queue, receive, region, send};
use model_sqs::operations::{
    CreateQueue, DeleteQueue, GetQueueAttributes, GetQueueUrl, ListQueueTags, ListQueues, PurgeQueue,
    SetQueueAttributes, TagQueue, UntagQueue,
};
use model_sqs::{
    CreateQueueInput, DeleteQueueInput, GetQueueAttributesInput, GetQueueUrlInput, ListQueueTagsInput,
    ListQueuesInput, PurgeQueueInput, SetQueueAttributesInput, TagQueueInput, UntagQueueInput,
};
use std::time::Duration;

#[tokio::test]
async fn the_same_queue_is_found_again_and_another_refused() {
    let region = region().await;
    let url = queue(&region, "orders", &[("VisibilityTimeout", "40")]).await;
    assert_eq!(url, "http://localhost:4566/000000000000/orders");
    assert_eq!(queue(&region, "orders", &[("VisibilityTimeout", "40")]).await, url);
    let input = CreateQueueInput {
        queue_name: "orders".to_owned(),
        attributes: Some([("VisibilityTimeout".to_owned(), "41".to_owned())].into()),
        ..Default::default()
    };
    // CreateQueue, API reference: QueueNameExists for other values of attributes.
    assert_eq!(region.refused::<CreateQueue>(input).await.code, "QueueNameExists");
}

#[tokio::test]
async fn absent_queues_are_told() {
    let region = region().await;
    let input = GetQueueUrlInput { queue_name: "none".to_owned(), ..Default::default() };
    let refused = region.refused::<GetQueueUrl>(input).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("QueueDoesNotExist", 400));
    assert_eq!(refused.message, "The specified queue does not exist.");
}

#[tokio::test]
async fn attributes_are_set_and_described() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    let set = |name: &str, text: &str| SetQueueAttributesInput {
        queue_url: url.clone(),
        attributes: [(name.to_owned(), text.to_owned())].into(),
    };
    region.advance(Duration::from_secs(5)).await;
    region.call::<SetQueueAttributes>(set("DelaySeconds", "7")).await.unwrap();
    assert_eq!(region.refused::<SetQueueAttributes>(set("Nothing", "1")).await.code, "InvalidAttributeName");
    let refused = region.refused::<SetQueueAttributes>(set("DelaySeconds", "901")).await;
    assert_eq!(refused.code, "InvalidAttributeValue");
    let input = GetQueueAttributesInput { queue_url: url.clone(), attribute_names: Some(vec!["All".into()]) };
    let attributes = region.call::<GetQueueAttributes>(input).await.unwrap().attributes.unwrap();
    assert_eq!(attributes["DelaySeconds"], "7");
    assert_eq!(attributes["QueueArn"], "arn:aws:sqs:us-east-1:000000000000:q");
    let created: i64 = attributes["CreatedTimestamp"].parse().unwrap();
    assert_eq!(attributes["LastModifiedTimestamp"], (created + 5).to_string());
}

#[tokio::test]
async fn pages_of_queues() {
    let region = region().await;
    for name in ["a1", "a2", "a3", "b1"] {
        queue(&region, name, &[]).await;
    }
    let page = |token: Option<String>| ListQueuesInput {
        queue_name_prefix: Some("a".to_owned()),
        max_results: Some(2),
        next_token: token,
    };
    let first = region.call::<ListQueues>(page(None)).await.unwrap();
    assert_eq!(first.queue_urls.unwrap().len(), 2);
    let second = region.call::<ListQueues>(page(first.next_token.clone())).await.unwrap();
    assert_eq!(second.queue_urls.unwrap(), ["http://localhost:4566/000000000000/a3"]);
    assert_eq!(second.next_token, None);
    let forged = first.next_token.map(|token| token.chars().rev().collect());
    assert_eq!(region.refused::<ListQueues>(page(forged)).await.code, "InvalidParameterValue");
}

#[tokio::test]
async fn a_purged_and_a_deleted_queue_hold_nothing() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    send(&region, &url, "one").await;
    region.call::<PurgeQueue>(PurgeQueueInput { queue_url: url.clone() }).await.unwrap();
    assert!(receive(&region, &url).await.is_empty());
    send(&region, &url, "two").await;
    region.call::<DeleteQueue>(DeleteQueueInput { queue_url: url.clone() }).await.unwrap();
    queue(&region, "q", &[]).await;
    assert!(receive(&region, &url).await.is_empty());
    send(&region, &url, "three").await;
    assert_eq!(bodies(&receive(&region, &url).await), ["three"]);
}

#[tokio::test]
async fn tags() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    let tags = [("team".to_owned(), "bards".to_owned()), ("old".to_owned(), String::new())].into();
    region.call::<TagQueue>(TagQueueInput { queue_url: url.clone(), tags }).await.unwrap();
    let keys = vec!["old".to_owned()];
    region.call::<UntagQueue>(UntagQueueInput { queue_url: url.clone(), tag_keys: keys }).await.unwrap();
    let listed = region.call::<ListQueueTags>(ListQueueTagsInput { queue_url: url.clone() }).await.unwrap();
    assert_eq!(listed.tags.unwrap(), [("team".to_owned(), "bards".to_owned())].into());
    let tags = [("aws:x".to_owned(), String::new())].into();
    let refused = region.refused::<TagQueue>(TagQueueInput { queue_url: url, tags }).await;
    assert_eq!(refused.code, "InvalidParameterValue");
}

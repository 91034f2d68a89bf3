//! FIFO queues: what a duplicate is, repeated receives, settings of high throughput; and the rests of 60
//! seconds where times are AWS's.

use crate::{bodies, queue, receive, receive_as, region};
use model_sqs::operations::{CreateQueue, DeleteQueue, PurgeQueue, SendMessage};
use model_sqs::{
    CreateQueueInput, DeleteQueueInput, PurgeQueueInput, ReceiveMessageInput, SendMessageInput,
    SendMessageOutput,
};
use service::Fidelity;
use std::time::Duration;
use testkit::{Region, Setup};

async fn send(region: &Region, url: &str, body: &str, group: &str, id: Option<&str>) -> SendMessageOutput {
    let input = SendMessageInput {
        queue_url: url.to_owned(),
        message_body: body.to_owned(),
        message_group_id: Some(group.to_owned()),
        message_deduplication_id: id.map(str::to_owned),
        ..Default::default()
    };
    region.call::<SendMessage>(input).await.unwrap()
}

#[tokio::test]
async fn duplicates_for_five_minutes() {
    let region = region().await;
    let url = queue(&region, "q.fifo", &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")]).await;
    let first = send(&region, &url, "same", "a", None).await;
    let again = send(&region, &url, "same", "b", None).await;
    assert_eq!((&again.message_id, &again.sequence_number), (&first.message_id, &first.sequence_number));
    send(&region, &url, "same", "a", Some("another-id")).await;
    region.advance(Duration::from_secs(299)).await;
    assert_eq!(send(&region, &url, "same", "a", None).await.message_id, first.message_id);
    region.advance(Duration::from_secs(2)).await;
    let later = send(&region, &url, "same", "a", None).await;
    assert_ne!(later.message_id, first.message_id);
    assert!(later.sequence_number > first.sequence_number);
    assert_eq!(receive(&region, &url).await.len(), 3);
}

#[tokio::test]
async fn each_group_may_have_ids_of_its_own() {
    let region = region().await;
    let attributes = [
        ("FifoQueue", "true"),
        ("DeduplicationScope", "messageGroup"),
        ("FifoThroughputLimit", "perMessageGroupId"),
    ];
    let url = queue(&region, "q.fifo", &attributes).await;
    for (group, id) in [("a", "1"), ("b", "1"), ("a", "1")] {
        send(&region, &url, group, group, Some(id)).await;
    }
    assert_eq!(bodies(&receive(&region, &url).await), ["a", "b"]);
    // SQS developer guide, "High throughput for FIFO queues": the one needs the other.
    let wrong = [("FifoQueue", "true"), ("FifoThroughputLimit", "perMessageGroupId")];
    let input = CreateQueueInput {
        queue_name: "w.fifo".to_owned(),
        attributes: Some(wrong.map(|(name, text)| (name.to_owned(), text.to_owned())).into()),
        ..Default::default()
    };
    assert_eq!(region.refused::<CreateQueue>(input).await.code, "InvalidAttributeValue");
}

#[tokio::test]
async fn a_receive_can_be_asked_for_again() {
    let region = region().await;
    let url = queue(&region, "q.fifo", &[("FifoQueue", "true")]).await;
    for number in ["1", "2", "3"] {
        send(&region, &url, number, "g", Some(number)).await;
    }
    let attempt = |id: &str| ReceiveMessageInput {
        queue_url: url.clone(),
        max_number_of_messages: Some(2),
        visibility_timeout: Some(20),
        receive_request_attempt_id: Some(id.to_owned()),
        ..Default::default()
    };
    let first = receive_as(&region, attempt("x")).await;
    assert_eq!(bodies(&first), ["1", "2"]);
    let again = receive_as(&region, attempt("x")).await;
    assert_eq!(again, first, "the same messages with the same handles");
    assert!(receive_as(&region, attempt("y")).await.is_empty(), "the group has messages in flight");
    region.advance(Duration::from_secs(21)).await;
    // ReceiveMessage, API reference: the id is of no more use when the timeout is over.
    let later = receive_as(&region, attempt("x")).await;
    assert_eq!(bodies(&later), ["1", "2"]);
    assert_ne!(later[0].receipt_handle, first[0].receipt_handle);
}

/// PurgeQueue, API reference: `PurgeQueueInProgress` within 60 seconds of another.
#[tokio::test]
async fn purges_are_a_minute_apart() {
    let region = Setup::of(vec![sqs::service()]).start().await;
    let url = queue(&region, "q", &[]).await;
    let purge = PurgeQueueInput { queue_url: url.clone() };
    region.call::<PurgeQueue>(purge.clone()).await.unwrap();
    assert_eq!(region.refused::<PurgeQueue>(purge.clone()).await.code, "PurgeQueueInProgress");
    region.advance(Duration::from_secs(60)).await;
    region.call::<PurgeQueue>(purge.clone()).await.unwrap();
    region.call::<DeleteQueue>(DeleteQueueInput { queue_url: url }).await.unwrap();
    queue(&region, "q", &[]).await;
    region.call::<PurgeQueue>(purge).await.unwrap();
}

#[tokio::test]
async fn names_rest_where_times_are_awss() {
    let setup = Setup { fidelity: Fidelity::Aws, ..Setup::of(vec![sqs::service()]) };
    let region = setup.start().await;
    let url = queue(&region, "q", &[]).await;
    region.call::<DeleteQueue>(DeleteQueueInput { queue_url: url }).await.unwrap();
    let create = CreateQueueInput { queue_name: "q".to_owned(), ..Default::default() };
    assert_eq!(region.refused::<CreateQueue>(create.clone()).await.code, "QueueDeletedRecently");
    region.advance(Duration::from_secs(60)).await;
    region.call::<CreateQueue>(create).await.unwrap();
}

/// LocalStack's test_fifo_receive_message_visibility_timeout_shared_in_group and
/// test_fifo_message_group_visibility_after_terminate_visibility_timeout, recorded on AWS.
#[tokio::test]
async fn a_group_that_is_back_goes_behind_those_that_wait() {
    let region = region().await;
    let attributes =
        [("FifoQueue", "true"), ("ContentBasedDeduplication", "true"), ("VisibilityTimeout", "1")];
    let url = queue(&region, "q.fifo", &attributes).await;
    for (body, group) in [("11", "1"), ("12", "1"), ("13", "1"), ("21", "2"), ("31", "3")] {
        send(&region, &url, body, group, None).await;
        region.advance(Duration::from_millis(1)).await;
    }
    let up_to = |most: i32| ReceiveMessageInput {
        queue_url: url.clone(),
        max_number_of_messages: Some(most),
        ..Default::default()
    };
    assert_eq!(bodies(&receive_as(&region, up_to(2)).await), ["11", "12"]);
    region.advance(Duration::from_millis(1)).await;
    assert_eq!(bodies(&receive_as(&region, up_to(1)).await), ["21"]);
    region.advance(Duration::from_secs(2)).await;
    assert_eq!(bodies(&receive_as(&region, up_to(10)).await), ["31", "11", "12", "13", "21"]);
}

//! Receiving: visibility, waiting, dead letters, order, retention.

use crate::{bodies, queue, receive, region, send};
use model_sqs::operations::{
    ChangeMessageVisibility, DeleteMessage, DeleteMessageBatch, ReceiveMessage, SendMessage, SendMessageBatch,
};
use model_sqs::{
    ChangeMessageVisibilityInput, DeleteMessageBatchInput, DeleteMessageBatchRequestEntry,
    DeleteMessageInput, Message, ReceiveMessageInput, SendMessageBatchInput, SendMessageBatchRequestEntry,
    SendMessageInput,
};
use std::sync::Arc;
use std::time::Duration;
use store::{Class, Incarnation, Raw, Table};

#[tokio::test]
async fn a_received_message_is_hidden_until_its_timeout() {
    let region = region().await;
    let url = queue(&region, "q", &[("VisibilityTimeout", "30")]).await;
    send(&region, &url, "hello").await;
    let first = receive(&region, &url).await;
    assert_eq!(bodies(&first), ["hello"]);
    assert_eq!(first[0].md5_of_body.as_deref(), Some("5d41402abc4b2a76b9719d911017c592"));
    region.advance(Duration::from_secs(29)).await;
    assert!(receive(&region, &url).await.is_empty());
    region.advance(Duration::from_secs(1)).await;
    let second = receive(&region, &url).await;
    assert_eq!(second[0].attributes.as_ref().unwrap()["ApproximateReceiveCount"], "2");
    let receipt_handle = second[0].receipt_handle.clone().unwrap();
    let delete = DeleteMessageInput { queue_url: url.clone(), receipt_handle };
    region.call::<DeleteMessage>(delete.clone()).await.unwrap();
    region.call::<DeleteMessage>(delete).await.unwrap();
    region.advance(Duration::from_secs(60)).await;
    assert!(receive(&region, &url).await.is_empty());
}

/// Messages of more than 4 KiB have a row of their own: nothing of that shows, and nothing of it stays.
#[tokio::test]
async fn long_messages_are_as_short_ones() {
    static LONG: Table<(Incarnation, u64), Raw> = Table::of_incarnation("sqs/messages", Class::Queue).large();
    let region = region().await;
    let rows_of_their_own = || region.host().store.read().everywhere(&LONG).count();
    let lengths = |messages: &[Message]| {
        let mut lengths: Vec<usize> = bodies(messages).into_iter().map(str::len).collect();
        lengths.sort_unstable();
        lengths
    };
    let grave = queue(&region, "grave", &[]).await;
    let redrive = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:grave","maxReceiveCount":2}"#;
    let url = queue(&region, "q", &[("RedrivePolicy", redrive), ("VisibilityTimeout", "1")]).await;
    let sizes = [1, 4096, 4097, 200_000];
    for size in sizes {
        send(&region, &url, &"x".repeat(size)).await;
    }
    assert_eq!(rows_of_their_own(), 2);
    for _ in 0..2 {
        assert_eq!(lengths(&receive(&region, &url).await), sizes);
        region.advance(Duration::from_secs(1)).await;
    }
    assert!(receive(&region, &url).await.is_empty(), "they are dead letters now");
    assert_eq!(rows_of_their_own(), 2);
    let buried = receive(&region, &grave).await;
    assert_eq!(lengths(&buried), sizes);
    for message in buried {
        let receipt_handle = message.receipt_handle.unwrap();
        let delete = DeleteMessageInput { queue_url: grave.clone(), receipt_handle };
        region.call::<DeleteMessage>(delete).await.unwrap();
    }
    assert_eq!(rows_of_their_own(), 0);
    region.advance(Duration::from_secs(60)).await;
    assert!(receive(&region, &grave).await.is_empty());
}

#[tokio::test]
async fn visibility_is_changed_while_in_flight() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    send(&region, &url, "m").await;
    let receipt_handle = receive(&region, &url).await[0].receipt_handle.clone().unwrap();
    let change = |visibility_timeout| ChangeMessageVisibilityInput {
        queue_url: url.clone(),
        receipt_handle: receipt_handle.clone(),
        visibility_timeout,
    };
    region.call::<ChangeMessageVisibility>(change(0)).await.unwrap();
    // As SQS answered LocalStack's test_change_message_visibility_after_visibility_timeout_expiration.
    region.call::<ChangeMessageVisibility>(change(10)).await.unwrap();
    assert!(receive(&region, &url).await.is_empty());
    region.call::<ChangeMessageVisibility>(change(0)).await.unwrap();
    assert_eq!(bodies(&receive(&region, &url).await), ["m"]);
    region.advance(Duration::from_secs(60)).await;
    // ChangeMessageVisibility, API reference: MessageNotInflight. It was received since.
    assert_eq!(region.refused::<ChangeMessageVisibility>(change(10)).await.code, "MessageNotInflight");
    assert_eq!(region.refused::<ChangeMessageVisibility>(change(43_201)).await.code, "InvalidParameterValue");
}

/// The visibility timeout ends twelve hours after the receive at the latest (SQS developer guide, "Visibility timeout");
/// the text as in localstack/localstack, issue 3956.
#[tokio::test]
async fn visibility_is_extended_for_twelve_hours_in_all() {
    let region = region().await;
    let url = queue(&region, "q", &[("VisibilityTimeout", "3600")]).await;
    send(&region, &url, "m").await;
    let receipt_handle = receive(&region, &url).await[0].receipt_handle.clone().unwrap();
    let change = |visibility_timeout| ChangeMessageVisibilityInput {
        queue_url: url.clone(),
        receipt_handle: receipt_handle.clone(),
        visibility_timeout,
    };
    region.advance(Duration::from_secs(60)).await;
    let refused = region.refused::<ChangeMessageVisibility>(change(43_200)).await;
    assert_eq!(
        refused.message,
        "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is \
         beyond the limit [43200 seconds]"
    );
    region.call::<ChangeMessageVisibility>(change(43_140)).await.unwrap();
    region.advance(Duration::from_secs(43_000)).await;
    assert_eq!(region.refused::<ChangeMessageVisibility>(change(141)).await.code, "InvalidParameterValue");
    region.call::<ChangeMessageVisibility>(change(0)).await.unwrap();
    let receipt_handle = receive(&region, &url).await[0].receipt_handle.clone().unwrap();
    region
        .call::<ChangeMessageVisibility>(ChangeMessageVisibilityInput { receipt_handle, ..change(43_200) })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_waiting_receive_wakes_for_a_message() {
    let region = Arc::new(region().await);
    let url = queue(&region, "q", &[]).await;
    let waiting = {
        let (region, url) = (region.clone(), url.clone());
        tokio::spawn(async move {
            let input =
                ReceiveMessageInput { queue_url: url, wait_time_seconds: Some(20), ..Default::default() };
            region.call::<ReceiveMessage>(input).await.unwrap().messages.unwrap_or_default()
        })
    };
    tokio::task::yield_now().await;
    send(&region, &url, "late").await;
    assert_eq!(bodies(&waiting.await.unwrap()), ["late"]);
}

#[tokio::test]
async fn delays_and_retention_go_by_the_clock() {
    let region = region().await;
    let url = queue(&region, "q", &[("DelaySeconds", "10"), ("MessageRetentionPeriod", "60")]).await;
    send(&region, &url, "m").await;
    assert!(receive(&region, &url).await.is_empty());
    region.advance(Duration::from_secs(10)).await;
    assert_eq!(bodies(&receive(&region, &url).await), ["m"]);
    region.advance(Duration::from_secs(51)).await;
    assert!(receive(&region, &url).await.is_empty());
}

#[tokio::test]
async fn a_message_received_too_often_is_buried() {
    let region = region().await;
    let grave = queue(&region, "grave", &[]).await;
    let policy =
        r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:grave","maxReceiveCount":"2"}"#;
    let url = queue(&region, "q", &[("RedrivePolicy", policy), ("VisibilityTimeout", "0")]).await;
    send(&region, &url, "m").await;
    assert_eq!(receive(&region, &url).await.len(), 1);
    assert_eq!(receive(&region, &url).await.len(), 1);
    assert!(receive(&region, &url).await.is_empty());
    let buried = receive(&region, &grave).await;
    assert_eq!(bodies(&buried), ["m"]);
    let attributes = buried[0].attributes.as_ref().unwrap();
    assert_eq!(attributes["DeadLetterQueueSourceArn"], "arn:aws:sqs:us-east-1:000000000000:q");
    // The queue counted two; AWS goes on from there.
    assert_eq!(attributes["ApproximateReceiveCount"], "3");
}

#[tokio::test]
async fn fifo_queues_keep_order_and_drop_duplicates() {
    let region = region().await;
    let url = queue(&region, "q.fifo", &[("FifoQueue", "true")]).await;
    for (body, group, id) in [("a1", "a", "1"), ("a2", "a", "2"), ("b1", "b", "3"), ("again", "a", "1")] {
        let input = SendMessageInput {
            queue_url: url.clone(),
            message_body: body.to_owned(),
            message_group_id: Some(group.to_owned()),
            message_deduplication_id: Some(id.to_owned()),
            ..Default::default()
        };
        region.call::<SendMessage>(input).await.unwrap();
    }
    let one = |limit| ReceiveMessageInput {
        queue_url: url.clone(),
        max_number_of_messages: Some(limit),
        ..Default::default()
    };
    let first = region.call::<ReceiveMessage>(one(1)).await.unwrap().messages.unwrap();
    assert_eq!(bodies(&first), ["a1"]);
    let second = region.call::<ReceiveMessage>(one(10)).await.unwrap().messages.unwrap();
    assert_eq!(bodies(&second), ["b1"], "the group of a message in flight waits");
    region.advance(Duration::from_secs(30)).await;
    let third = region.call::<ReceiveMessage>(one(10)).await.unwrap().messages.unwrap();
    assert_eq!(bodies(&third), ["a1", "a2", "b1"]);
}

#[tokio::test]
async fn entries_of_a_batch_fail_alone() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    let entry = |id: &str, body: &str| SendMessageBatchRequestEntry {
        id: id.to_owned(),
        message_body: body.to_owned(),
        ..Default::default()
    };
    let batch = |entries| SendMessageBatchInput { queue_url: url.clone(), entries };
    let input = batch(vec![entry("1", "fine"), entry("2", "\u{0}"), entry("3", "also")]);
    let sent = region.call::<SendMessageBatch>(input).await.unwrap();
    let successful: Vec<_> = sent.successful.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(successful, ["1", "3"]);
    let failed = &sent.failed.unwrap()[0];
    assert_eq!((failed.id.as_str(), failed.code.as_str()), ("2", "InvalidMessageContents"));
    let cases = [
        (vec![], "EmptyBatchRequest"),
        (vec![entry("a", "x"), entry("a", "y")], "BatchEntryIdsNotDistinct"),
        (vec![entry("a b", "x")], "InvalidBatchEntryId"),
        ((0..11).map(|id| entry(&id.to_string(), "x")).collect(), "TooManyEntriesInBatchRequest"),
    ];
    for (entries, code) in cases {
        assert_eq!(region.refused::<SendMessageBatch>(batch(entries)).await.code, code);
    }
}

#[tokio::test]
async fn foreign_receipt_handles_are_refused() {
    let region = region().await;
    let (one, other) = (queue(&region, "one", &[]).await, queue(&region, "other", &[]).await);
    send(&region, &one, "m").await;
    let handle = receive(&region, &one).await[0].receipt_handle.clone().unwrap();
    let entry = |receipt_handle: &str| DeleteMessageBatchRequestEntry {
        id: "1".to_owned(),
        receipt_handle: receipt_handle.to_owned(),
    };
    for (url, handle) in [(&other, handle.as_str()), (&one, "nonsense")] {
        let input = DeleteMessageBatchInput { queue_url: url.clone(), entries: vec![entry(handle)] };
        let output = region.call::<DeleteMessageBatch>(input).await.unwrap();
        assert_eq!(output.failed.unwrap()[0].code, "ReceiptHandleIsInvalid");
    }
}

//! What the room refuses in its own words, and never as a broken constraint of the model.

use crate::{queue, receive, region, send};
use model_sqs::operations::{
    AddPermission, DeleteMessageBatch, GetQueueAttributes, ListDeadLetterSourceQueues, ReceiveMessage,
    SendMessage, SendMessageBatch, SetQueueAttributes, TagQueue, UntagQueue,
};
use model_sqs::{
    AddPermissionInput, DeleteMessageBatchInput, GetQueueAttributesInput, ListDeadLetterSourceQueuesInput,
    MessageAttributeValue, ReceiveMessageInput, SendMessageBatchInput, SendMessageBatchRequestEntry,
    SendMessageInput, SetQueueAttributesInput, TagQueueInput, UntagQueueInput,
};

#[tokio::test]
async fn unknown_names_of_attributes() {
    let region = region().await;
    let queue_url = queue(&region, "q", &[]).await;
    let names = Some(vec!["QueueArn".to_owned(), "nothing".to_owned()]);
    let input = GetQueueAttributesInput { queue_url: queue_url.clone(), attribute_names: names.clone() };
    // Texts as in moto's tests/test_sqs/test_sqs.py, test_get_queue_attributes_errors.
    let refused = region.refused::<GetQueueAttributes>(input).await;
    assert_eq!(
        (refused.code.as_ref(), refused.message.as_str()),
        ("InvalidAttributeName", "Unknown Attribute nothing.")
    );
    let input = ReceiveMessageInput { queue_url, attribute_names: names, ..Default::default() };
    assert_eq!(region.refused::<ReceiveMessage>(input).await.code, "InvalidAttributeName");
}

#[tokio::test]
async fn the_older_list_names_system_attributes() {
    let region = region().await;
    let queue_url = queue(&region, "q", &[]).await;
    send(&region, &queue_url, "m").await;
    // ReceiveMessage, API reference: AttributeName.N takes SentTimestamp, though its type lists attributes of queues.
    let attribute_names = Some(vec!["SentTimestamp".to_owned()]);
    let input = ReceiveMessageInput { queue_url, attribute_names, ..Default::default() };
    let messages = region.call::<ReceiveMessage>(input).await.unwrap().messages.unwrap();
    let attributes = messages[0].attributes.clone().unwrap();
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["SentTimestamp"]);
}

/// "You must set MaxResults": between 1 and 1000 (ListDeadLetterSourceQueues, API reference).
#[tokio::test]
async fn pages_of_source_queues_have_a_size() {
    let region = region().await;
    let queue_url = queue(&region, "q", &[]).await;
    for (size, fits) in [(0, false), (1, true), (1000, true), (1001, false)] {
        let max_results = Some(size);
        let input =
            ListDeadLetterSourceQueuesInput { queue_url: queue_url.clone(), max_results, next_token: None };
        let answer = region.call::<ListDeadLetterSourceQueues>(input).await;
        assert_eq!(answer.is_ok(), fits, "{size}");
    }
}

#[tokio::test]
async fn dead_letter_queues_that_cannot_be() {
    let region = region().await;
    let queue_url = queue(&region, "q", &[]).await;
    queue(&region, "dead", &[]).await;
    queue(&region, "dead.fifo", &[("FifoQueue", "true")]).await;
    let policy = |target: &str| SetQueueAttributesInput {
        queue_url: queue_url.clone(),
        attributes: [("RedrivePolicy".to_owned(), redrive(target))].into(),
    };
    // "… for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."
    let refused = region.refused::<SetQueueAttributes>(policy("none")).await;
    assert_eq!(refused.code, "InvalidParameterValue");
    assert!(refused.message.ends_with("Reason: Dead letter target does not exist."), "{}", refused.message);
    assert_eq!(region.refused::<SetQueueAttributes>(policy("dead.fifo")).await.code, "InvalidParameterValue");
    region.call::<SetQueueAttributes>(policy("dead")).await.unwrap();
    let attribute_names = Some(vec!["RedrivePolicy".to_owned()]);
    let input = GetQueueAttributesInput { queue_url, attribute_names };
    let attributes = region.call::<GetQueueAttributes>(input).await.unwrap().attributes.unwrap();
    // The count is a number however it was given: Terraform's SQS documentation warns of the difference.
    assert!(attributes["RedrivePolicy"].ends_with("\"maxReceiveCount\":3}"), "{attributes:?}");
}

fn redrive(target: &str) -> String {
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{target}");
    format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"3"}}"#)
}

#[tokio::test]
async fn a_fifo_batch_without_ids_fails_whole() {
    let region = region().await;
    let queue_url = queue(&region, "q.fifo", &[("FifoQueue", "true")]).await;
    let entry = |id: &str, group: Option<&str>, deduplication: Option<&str>| SendMessageBatchRequestEntry {
        id: id.to_owned(),
        message_body: "m".to_owned(),
        message_group_id: group.map(str::to_owned),
        message_deduplication_id: deduplication.map(str::to_owned),
        ..Default::default()
    };
    // As SQS answered LocalStack's test_send_batch_missing_message_group_id_for_fifo_queue and its sister of
    // deduplication ids.
    let cases = [
        (entry("2", None, Some("d")), "InvalidParameterValue"),
        (entry("2", Some("g"), None), "InvalidParameterValue"),
    ];
    for (wrong, code) in cases {
        let entries = vec![entry("1", Some("g"), Some("c")), wrong];
        let input = SendMessageBatchInput { queue_url: queue_url.clone(), entries };
        assert_eq!(region.refused::<SendMessageBatch>(input).await.code, code);
    }
    assert!(receive(&region, &queue_url).await.is_empty());
}

#[tokio::test]
async fn lists_without_an_entry() {
    let region = region().await;
    let queue_url = queue(&region, "q", &[]).await;
    let input = DeleteMessageBatchInput { queue_url: queue_url.clone(), entries: vec![] };
    // moto's test_delete_message_batch_with_zero_entries, run against AWS.
    let refused = region.refused::<DeleteMessageBatch>(input).await;
    assert_eq!(
        refused.message,
        "There should be at least one DeleteMessageBatchRequestEntry in the request."
    );
    let input = TagQueueInput { queue_url: queue_url.clone(), tags: [].into() };
    assert_eq!(region.refused::<TagQueue>(input).await.code, "MissingParameter");
    let input = UntagQueueInput { queue_url, tag_keys: vec![] };
    assert_eq!(region.refused::<UntagQueue>(input).await.code, "InvalidParameterValue");
}

#[tokio::test]
async fn permissions_that_cannot_be_given() {
    let region = region().await;
    let queue_url = queue(&region, "q", &[]).await;
    let input = |accounts: &[&str], actions: &[&str]| AddPermissionInput {
        queue_url: queue_url.clone(),
        label: "l".to_owned(),
        aws_account_ids: accounts.iter().map(|text| (*text).to_owned()).collect(),
        actions: actions.iter().map(|text| (*text).to_owned()).collect(),
    };
    // moto's test_add_permission_errors; the actions are those of the API reference.
    let cases: [(&[&str], &[&str], &str); 4] = [
        (&["111111111111"], &["RemovePermission"], "InvalidParameterValue"),
        (&["111111111111"], &[], "MissingParameter"),
        (&[], &["SendMessage"], "InvalidParameterValue"),
        (&["111111111111"], &["SendMessage"; 8], "OverLimit"),
    ];
    for (accounts, actions, code) in cases {
        assert_eq!(region.refused::<AddPermission>(input(accounts, actions)).await.code, code);
    }
    // A label is at most 80 alphanumeric characters, hyphens and underscores, an account twelve digits (same reference).
    assert_eq!(
        region.refused::<AddPermission>(input(&["1"], &["SendMessage"])).await.code,
        "InvalidParameterValue"
    );
    for label in ["", "a b", &"l".repeat(81)] {
        let input =
            AddPermissionInput { label: label.to_owned(), ..input(&["111111111111"], &["SendMessage"]) };
        assert_eq!(region.refused::<AddPermission>(input).await.code, "InvalidParameterValue", "{label}");
    }
    region.call::<AddPermission>(input(&["111111111111"], &["SendMessage"])).await.unwrap();
}

/// As SQS answers attributes that were received by an SDK that shows lists, empty ones too (ruby-shoryuken/shoryuken,
/// issue 769; lumigo-io/lumigo-CLI, issue 94).
#[tokio::test]
async fn lists_as_values_of_attributes() {
    let region = region().await;
    let queue_url = queue(&region, "q", &[]).await;
    let value = MessageAttributeValue {
        data_type: "String".to_owned(),
        string_value: Some("v".to_owned()),
        string_list_values: Some(Vec::new()),
        ..Default::default()
    };
    let message_attributes = Some([("a".to_owned(), value)].into());
    let input = SendMessageInput {
        queue_url: queue_url.clone(),
        message_body: "m".to_owned(),
        message_attributes: message_attributes.clone(),
        ..Default::default()
    };
    let refused = region.refused::<SendMessage>(input).await;
    assert_eq!(
        (refused.code.as_ref(), refused.message.as_str()),
        ("UnsupportedOperation", "Message attribute list values in SendMessage operation are not supported.")
    );
    let entry = |id: &str, message_attributes| SendMessageBatchRequestEntry {
        id: id.to_owned(),
        message_body: "m".to_owned(),
        message_attributes,
        ..Default::default()
    };
    let entries = vec![entry("1", None), entry("2", message_attributes)];
    let input = SendMessageBatchInput { queue_url: queue_url.clone(), entries };
    let refused = region.refused::<SendMessageBatch>(input).await;
    assert_eq!(
        refused.message,
        "Message attribute list values in SendMessageBatch operation are not supported."
    );
    assert!(receive(&region, &queue_url).await.is_empty());
}

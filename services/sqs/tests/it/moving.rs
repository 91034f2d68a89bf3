//! Message move tasks: what is moved, where to, how fast, and what is refused.

use crate::{bodies, queue, receive, region, send};
use model_sqs::operations::{
    CancelMessageMoveTask, ListMessageMoveTasks, ReceiveMessage, SetQueueAttributes, StartMessageMoveTask,
};
use model_sqs::{
    CancelMessageMoveTaskInput, ListMessageMoveTasksInput, ListMessageMoveTasksResultEntry,
    ReceiveMessageInput, SetQueueAttributesInput, StartMessageMoveTaskInput,
};
use std::time::Duration;
use testkit::Region;

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

/// A queue `source` whose dead letters go to `grave`.
async fn graveyard(region: &Region) -> (String, String) {
    let grave = queue(region, "grave", &[]).await;
    let redrive = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":1}}"#, arn("grave"));
    let source = queue(region, "source", &[("RedrivePolicy", &redrive), ("VisibilityTimeout", "1")]).await;
    (source, grave)
}

fn start(destination: Option<&str>, rate: Option<i32>) -> StartMessageMoveTaskInput {
    StartMessageMoveTaskInput {
        source_arn: arn("grave"),
        destination_arn: destination.map(arn),
        max_number_of_messages_per_second: rate,
    }
}

async fn tasks(region: &Region) -> Vec<ListMessageMoveTasksResultEntry> {
    let input = ListMessageMoveTasksInput { source_arn: arn("grave"), max_results: Some(10) };
    region.call::<ListMessageMoveTasks>(input).await.unwrap().results.unwrap()
}

#[tokio::test]
async fn dead_letters_go_back_where_they_came_from() {
    let region = region().await;
    let (source, grave) = graveyard(&region).await;
    for body in ["one", "two"] {
        send(&region, &source, body).await;
    }
    assert_eq!(receive(&region, &source).await.len(), 2);
    region.advance(Duration::from_secs(2)).await;
    assert!(receive(&region, &source).await.is_empty(), "they are dead letters now");
    region.call::<StartMessageMoveTask>(start(None, None)).await.unwrap();
    region.settle().await;
    let received = receive(&region, &source).await;
    let mut bodies = bodies(&received);
    bodies.sort_unstable();
    assert_eq!(bodies, ["one", "two"]);
    let input = ReceiveMessageInput { queue_url: grave, ..Default::default() };
    assert_eq!(region.call::<ReceiveMessage>(input).await.unwrap().messages, None);
    let [task] = &tasks(&region).await[..] else { panic!("one task") };
    assert_eq!(task.status.as_deref(), Some("COMPLETED"));
    assert_eq!(task.approximate_number_of_messages_moved, Some(2));
    assert_eq!((task.approximate_number_of_messages_to_move, &task.task_handle), (Some(2), &None));
}

#[tokio::test]
async fn a_task_keeps_its_rate_and_can_be_cancelled() {
    let region = region().await;
    let (_, grave) = graveyard(&region).await;
    let other = queue(&region, "other", &[]).await;
    for number in 0..5 {
        send(&region, &grave, &number.to_string()).await;
    }
    let started = region.call::<StartMessageMoveTask>(start(Some("other"), Some(1))).await.unwrap();
    region.advance(Duration::from_millis(2500)).await;
    let refused = region.refused::<StartMessageMoveTask>(start(Some("other"), None)).await;
    // As SQS answered LocalStack's test_start_multiple_move_tasks.
    assert_eq!(refused.code, "InvalidParameterValue");
    let [task] = &tasks(&region).await[..] else { panic!("one task") };
    assert_eq!(
        (task.status.as_deref(), task.approximate_number_of_messages_moved),
        (Some("RUNNING"), Some(3))
    );
    assert_eq!(task.task_handle, started.task_handle);
    let cancel = CancelMessageMoveTaskInput { task_handle: started.task_handle.unwrap() };
    let cancelled = region.call::<CancelMessageMoveTask>(cancel.clone()).await.unwrap();
    assert_eq!(cancelled.approximate_number_of_messages_moved, Some(3));
    region.advance(Duration::from_secs(10)).await;
    assert_eq!(receive(&region, &other).await.len(), 3);
    assert_eq!(region.refused::<CancelMessageMoveTask>(cancel).await.code, "UnsupportedOperation");
}

#[tokio::test]
async fn what_cannot_be_moved_is_told() {
    let region = region().await;
    let (source, grave) = graveyard(&region).await;
    // StartMessageMoveTask, API reference, and the words that LocalStack recorded.
    let table = [
        (
            StartMessageMoveTaskInput { source_arn: arn("source"), ..start(None, None) },
            "InvalidParameterValue",
        ),
        (
            StartMessageMoveTaskInput { source_arn: arn("none"), ..start(None, None) },
            "ResourceNotFoundException",
        ),
        (start(Some("none"), None), "ResourceNotFoundException"),
        (start(None, Some(501)), "InvalidParameterValue"),
        (
            StartMessageMoveTaskInput { source_arn: "x".to_owned(), ..start(None, None) },
            "InvalidParameterValue",
        ),
    ];
    for (input, code) in table {
        assert_eq!(region.refused::<StartMessageMoveTask>(input.clone()).await.code, code, "{input:?}");
    }
    // Sent to the grave by somebody, it came from nowhere.
    send(&region, &grave, "stray").await;
    region.call::<StartMessageMoveTask>(start(None, None)).await.unwrap();
    region.settle().await;
    let [task] = &tasks(&region).await[..] else { panic!("one task") };
    assert_eq!(task.status.as_deref(), Some("FAILED"));
    assert_eq!(task.failure_reason.as_deref(), Some("CouldNotDetermineMessageSource"));
    let cancel = CancelMessageMoveTaskInput { task_handle: "nothing".to_owned() };
    assert_eq!(region.refused::<CancelMessageMoveTask>(cancel).await.code, "InvalidParameterValue");
    let attributes = [("RedrivePolicy".to_owned(), String::new())].into();
    let input = SetQueueAttributesInput { queue_url: source, attributes };
    region.call::<SetQueueAttributes>(input).await.unwrap();
    let refused = region.refused::<StartMessageMoveTask>(start(None, None)).await;
    assert!(refused.message.contains("Dead Letter Queue"), "{}", refused.message);
}

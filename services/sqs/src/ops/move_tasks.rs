//! StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks: messages go back from a dead-letter queue.
//! The moving itself is done by the task's timer.

use crate::errors::SqsError;
use crate::moving;
use crate::state::move_tasks::{self, MoveTask, Status};
use crate::state::{self, Queue};
use crate::views::ReadyMessages;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model_sqs::{
    CancelMessageMoveTaskInput, CancelMessageMoveTaskOutput, ListMessageMoveTasksInput,
    ListMessageMoveTasksOutput, ListMessageMoveTasksResultEntry, StartMessageMoveTaskInput,
    StartMessageMoveTaskOutput,
};
use names::{Arn, Scope};
use serde_json::{Value, json};
use service::{Ctx, Demand, Peek};
use std::sync::Arc;
use store::Read;

/// Messages a second (StartMessageMoveTask, API reference).
const MAX_RATE: i32 = 500;
/// Tasks that are listed.
const MAX_LISTED: i32 = 10;

fn invalid(message: &str) -> SqsError {
    SqsError::InvalidParameterValue(message.to_owned())
}

/// Where the queue of an ARN lives, and its name.
fn place(text: &str, parameter: &str) -> Result<(Arn, Scope), SqsError> {
    let arn: Option<Arn> = text.parse().ok().filter(|arn: &Arn| arn.service() == "sqs");
    let scope = arn.as_ref().and_then(|arn| Some(Scope::Regional(arn.account()?, arn.region()?)));
    match (arn, scope) {
        (Some(arn), Some(scope)) => Ok((arn, scope)),
        _ => Err(SqsError::InvalidParameterValue(format!(
            "You must use this format to specify the {parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        ))),
    }
}

fn absent(parameter: &str) -> SqsError {
    SqsError::ResourceNotFound(format!(
        "The resource that you specified for the {parameter} parameter doesn't exist."
    ))
}

fn source(read: &impl Read, arn: &Arn, scope: &Scope) -> Result<Queue, SqsError> {
    state::queue(read, scope, arn.resource())?.ok_or_else(|| absent("SourceArn"))
}

/// The handle of a task: where it is and which one.
fn handle(task: &MoveTask) -> String {
    STANDARD.encode(json!({"taskId": task.id, "sourceArn": task.source.as_str()}).to_string())
}

/// The queue and the id of a handle.
fn of_handle(handle: &str) -> Option<(Arn, String)> {
    let bytes = STANDARD.decode(handle).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let source = value.get("sourceArn")?.as_str()?.parse().ok()?;
    Some((source, value.get("taskId")?.as_str()?.to_owned()))
}

/// StartMessageMoveTask.
pub async fn start(
    ctx: Ctx,
    input: Arc<StartMessageMoveTaskInput>,
) -> Result<StartMessageMoveTaskOutput, SqsError> {
    let (arn, scope) = place(&input.source_arn, "SourceArn")?;
    let destination =
        input.destination_arn.as_deref().map(|text| place(text, "DestinationArn")).transpose()?;
    let rate = match input.max_number_of_messages_per_second {
        Some(rate) if !(1..=MAX_RATE).contains(&rate) => {
            return Err(invalid(
                "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter \
                                a value between 1 and 500.",
            ));
        }
        rate => rate.and_then(|rate| u32::try_from(rate).ok()),
    };
    let (id, now) = (ctx.uuid(), ctx.now());
    let queue = source(&ctx.read(), &arn, &scope)?;
    let key = (scope.clone(), queue.incarnation);
    let to_move = ctx.view::<ReadyMessages>().with(&key, |ready| ready.counts(now).visible)? as u64;
    ctx.commit(move |tx| {
        let queue = source(tx, &arn, &scope)?;
        if let Some((arn, scope)) = &destination {
            let there = state::queue(tx, scope, arn.resource())?;
            let there = there.ok_or_else(|| absent("DestinationArn"))?;
            if there.attributes.fifo != queue.attributes.fifo {
                return Err(invalid("Source and destination queues must be of the same type."));
            }
        }
        if !is_grave(tx, &scope, &arn)? {
            return Err(invalid("Source queue must be configured as a Dead Letter Queue."));
        }
        let tasks = move_tasks::tasks(tx, &scope, &queue.name)?;
        if tasks.iter().any(|(_, task)| task.status == Status::Running) {
            return Err(SqsError::InvalidParameterValue(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given \
                 time."
                    .to_owned(),
            ));
        }
        let task = MoveTask {
            id: id.clone(),
            source: arn.clone(),
            destination: destination.as_ref().map(|(arn, _)| arn.clone()),
            rate,
            status: Status::Running,
            moved: 0,
            to_move,
            failure: None,
            started: now,
        };
        move_tasks::add(tx, &scope, &queue.name, &task)?;
        moving::schedule(tx, &scope, &queue.name, &task.id, now)?;
        Ok(StartMessageMoveTaskOutput { task_handle: Some(handle(&task)) })
    })
    .await
}

/// Whether a queue is the dead-letter queue of another.
fn is_grave(read: &impl Read, scope: &Scope, arn: &Arn) -> Result<bool, SqsError> {
    for queue in state::queues(read, scope, "", None) {
        if queue?.attributes.redrive.is_some_and(|redrive| redrive.target == *arn) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// CancelMessageMoveTask.
pub async fn cancel(
    ctx: Ctx,
    input: Arc<CancelMessageMoveTaskInput>,
) -> Result<CancelMessageMoveTaskOutput, SqsError> {
    let none = || invalid("Value for parameter TaskHandle is invalid.");
    let (arn, id) = of_handle(&input.task_handle).ok_or_else(none)?;
    let (arn, scope) = place(arn.as_str(), "SourceArn")?;
    ctx.commit(move |tx| {
        let queue = source(tx, &arn, &scope)?;
        let found = move_tasks::task(tx, &scope, &queue.name, &id)?;
        let (number, mut task) =
            found.ok_or_else(|| SqsError::ResourceNotFound("Task does not exist.".to_owned()))?;
        if task.status != Status::Running {
            return Err(SqsError::UnsupportedOperation("Only active tasks can be cancelled.".to_owned()));
        }
        task.status = Status::Cancelled;
        move_tasks::put(tx, &scope, &queue.name, number, &task)?;
        Ok(CancelMessageMoveTaskOutput { approximate_number_of_messages_moved: Some(task.moved as i64) })
    })
    .await
}

/// ListMessageMoveTasks: the newest first.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListMessageMoveTasksInput>,
) -> Result<ListMessageMoveTasksOutput, SqsError> {
    let (arn, scope) = place(&input.source_arn, "SourceArn")?;
    let limit = input.max_results.unwrap_or(1);
    if !(1..=MAX_LISTED).contains(&limit) {
        return Err(invalid(
            "Value for parameter MaxResults is invalid. Reason: You must enter a value between 1 and \
                            10.",
        ));
    }
    let read = ctx.read();
    let queue = source(&read, &arn, &scope)?;
    let tasks = move_tasks::tasks(&read, &scope, &queue.name)?;
    let results = tasks.into_iter().rev().take(limit as usize).map(|(_, task)| shown(task)).collect();
    Ok(ListMessageMoveTasksOutput { results: Some(results) })
}

fn shown(task: MoveTask) -> ListMessageMoveTasksResultEntry {
    let status = match task.status {
        Status::Running => "RUNNING",
        Status::Completed => "COMPLETED",
        Status::Cancelled => "CANCELLED",
        Status::Failed => "FAILED",
    };
    ListMessageMoveTasksResultEntry {
        // Only what can still be cancelled has a handle.
        task_handle: (task.status == Status::Running).then(|| handle(&task)),
        status: Some(status.to_owned()),
        source_arn: Some(task.source.to_string()),
        destination_arn: task.destination.as_ref().map(Arn::to_string),
        max_number_of_messages_per_second: task.rate.and_then(|rate| i32::try_from(rate).ok()),
        approximate_number_of_messages_moved: Some(task.moved as i64),
        approximate_number_of_messages_to_move: Some(task.to_move as i64),
        failure_reason: task.failure,
        started_timestamp: Some(task.started.millis()),
    }
}

/// The action on the queue of an ARN.
fn on(action: &'static str, text: &str) -> Demand {
    match text.parse::<Arn>() {
        Ok(arn) => Demand::new(action, &arn),
        Err(_) => Demand::everywhere(action),
    }
}

/// Starting a task receives and deletes at its source, and sends to its destination (SQS developer guide,
/// "Configuring queue permissions" of the dead-letter queue redrive).
pub async fn to_start(peek: Peek, input: Arc<StartMessageMoveTaskInput>) -> Result<Vec<Demand>, SqsError> {
    let _ = peek;
    let actions =
        ["sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
    let mut demands: Vec<Demand> = actions.iter().map(|action| on(action, &input.source_arn)).collect();
    demands.extend(input.destination_arn.as_deref().map(|text| on("sqs:SendMessage", text)));
    Ok(demands)
}

/// What cancelling a task needs.
pub async fn to_cancel(peek: Peek, input: Arc<CancelMessageMoveTaskInput>) -> Result<Vec<Demand>, SqsError> {
    let _ = peek;
    let source = of_handle(&input.task_handle).map_or_else(|| "*".to_owned(), |(arn, _)| arn.to_string());
    Ok(vec![on("sqs:CancelMessageMoveTask", &source)])
}

/// What listing tasks needs.
pub async fn to_list(peek: Peek, input: Arc<ListMessageMoveTasksInput>) -> Result<Vec<Demand>, SqsError> {
    let _ = peek;
    Ok(vec![on("sqs:ListMessageMoveTasks", &input.source_arn)])
}

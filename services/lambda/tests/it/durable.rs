//! Durable executions on the virtual clock: the test is the function's SDK, and says what a run answers.

use crate::events::Queues;
use crate::{Lambda, function};
use bytes::Bytes;
use model_lambda::operations::*;
use model_lambda::*;
use schema::ApiError;
use serde_json::{Value, json};
use service::Service;
use std::time::Duration;

/// A region with a durable function `f`, which answers what the test says.
async fn region(timeout: i32) -> Lambda {
    region_with(Vec::new(), None, timeout).await
}

/// The same with other rooms and a dead letter.
async fn region_with(others: Vec<Service>, dead_letter: Option<DeadLetterConfig>, timeout: i32) -> Lambda {
    let lambda = Lambda::with(others).await;
    let variables = [("HOLDS".to_owned(), "1".to_owned())].into();
    lambda
        .create(CreateFunctionInput {
            environment: Some(Environment { variables: Some(variables) }),
            timeout: Some(60),
            dead_letter_config: dead_letter,
            durable_config: Some(DurableConfig {
                execution_timeout: Some(timeout),
                retention_period_in_days: Some(1),
            }),
            ..function("f")
        })
        .await;
    lambda
}

async fn begin(lambda: &Lambda) -> String {
    let input = InvokeInput {
        function_name: "f:$LATEST".to_owned(),
        invocation_type: Some(InvocationType::Event),
        payload: Some(Bytes::from_static(b"{\"a\":1}")),
        ..Default::default()
    };
    lambda.region.call::<Invoke>(input).await.unwrap().durable_execution_arn.unwrap()
}

/// The event of a run, by its number from 1.
async fn event(lambda: &Lambda, number: usize) -> Value {
    for _ in 0..5_000 {
        if let Some(event) = lambda.runner.seen().get(number - 1) {
            return event.clone();
        }
        lambda.region.host().clock.rest(Duration::from_millis(2)).await;
    }
    panic!("there is no run {number}");
}

async fn checkpoint(
    lambda: &Lambda,
    event: &Value,
    token: &str,
    updates: Vec<OperationUpdate>,
) -> Result<CheckpointDurableExecutionOutput, ApiError> {
    let input = CheckpointDurableExecutionInput {
        durable_execution_arn: event["DurableExecutionArn"].as_str().unwrap().to_owned(),
        checkpoint_token: token.to_owned(),
        updates: Some(updates),
        client_token: None,
    };
    lambda.region.call::<CheckpointDurableExecution>(input).await
}

fn token(event: &Value) -> &str {
    event["CheckpointToken"].as_str().unwrap()
}

fn update(id: &str, kind: OperationType, action: OperationAction) -> OperationUpdate {
    OperationUpdate { id: id.to_owned(), type_: kind, action, ..Default::default() }
}

fn wait(id: &str, seconds: i32) -> OperationUpdate {
    OperationUpdate {
        wait_options: Some(WaitOptions { wait_seconds: Some(seconds) }),
        ..update(id, OperationType::Wait, OperationAction::Start)
    }
}

async fn told(lambda: &Lambda, arn: &str) -> GetDurableExecutionOutput {
    let input = GetDurableExecutionInput { durable_execution_arn: arn.to_owned() };
    lambda.region.call::<GetDurableExecution>(input).await.unwrap()
}

/// Waits until an execution is told to stand so.
async fn stands(lambda: &Lambda, arn: &str, status: ExecutionStatus) -> GetDurableExecutionOutput {
    for _ in 0..5_000 {
        let told = told(lambda, arn).await;
        if told.status == status {
            return told;
        }
        lambda.region.host().clock.rest(Duration::from_millis(2)).await;
    }
    panic!("{arn} is not {}", status.as_str());
}

async fn kinds(lambda: &Lambda, arn: &str) -> Vec<String> {
    let input =
        GetDurableExecutionHistoryInput { durable_execution_arn: arn.to_owned(), ..Default::default() };
    let told = lambda.region.call::<GetDurableExecutionHistory>(input).await.unwrap();
    told.events.iter().map(|event| event.event_type.as_ref().unwrap().as_str().to_owned()).collect()
}

/// Waits until a run of an execution has ended.
async fn ran(lambda: &Lambda, arn: &str, times: usize) {
    for _ in 0..5_000 {
        let kinds = kinds(lambda, arn).await;
        if kinds.iter().filter(|kind| *kind == "InvocationCompleted").count() == times {
            return;
        }
        lambda.region.host().clock.rest(Duration::from_millis(2)).await;
    }
    panic!("{arn} was not run {times} times");
}

#[tokio::test]
async fn a_wait_ends_by_the_clock_and_the_function_is_run_again() {
    let lambda = region(86_400).await;
    let arn = begin(&lambda).await;
    let first = event(&lambda, 1).await;
    let root = &first["InitialExecutionState"]["Operations"][0];
    assert_eq!(
        (&root["Type"], &root["ExecutionDetails"]["InputPayload"]),
        (&json!("EXECUTION"), &json!("{\"a\":1}"))
    );
    let answer = checkpoint(&lambda, &first, token(&first), vec![wait("w", 3600)]).await.unwrap();
    let operations = answer.new_execution_state.operations.unwrap();
    assert_eq!((operations.len(), &operations[0].status), (1, &OperationStatus::Started));
    lambda.runner.answer(json!({"Status": "PENDING"}));
    ran(&lambda, &arn, 1).await;
    lambda.region.advance(Duration::from_secs(3599)).await;
    assert_eq!(lambda.runner.seen().len(), 1);
    lambda.region.advance(Duration::from_secs(1)).await;
    let second = event(&lambda, 2).await;
    assert_eq!(second["UpdatedOperationIds"], json!(["w"]));
    assert_eq!(second["InitialExecutionState"]["Operations"][1]["Status"], "SUCCEEDED");
    lambda.runner.answer(json!({"Status": "SUCCEEDED", "Result": "\"done\""}));
    let ended = stands(&lambda, &arn, ExecutionStatus::Succeeded).await;
    assert_eq!(ended.result.as_deref(), Some("\"done\""));
    let expected = [
        "ExecutionStarted",
        "WaitStarted",
        "InvocationCompleted",
        "WaitSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ];
    assert_eq!(kinds(&lambda, &arn).await, expected);
}

#[tokio::test]
async fn a_token_is_used_once_unless_the_client_asks_again() {
    let lambda = region(600).await;
    let arn = begin(&lambda).await;
    let first = event(&lambda, 1).await;
    let with = |client: &str, token: &str, updates| CheckpointDurableExecutionInput {
        durable_execution_arn: arn.clone(),
        checkpoint_token: token.to_owned(),
        updates: Some(updates),
        client_token: Some(client.to_owned()),
    };
    let call = |input| lambda.region.call::<CheckpointDurableExecution>(input);
    let one = call(with("a", token(&first), vec![wait("w", 5)])).await.unwrap();
    let again = call(with("a", token(&first), vec![wait("w", 5)])).await.unwrap();
    assert_eq!(one.checkpoint_token, again.checkpoint_token);
    let refused = call(with("b", token(&first), Vec::new())).await.unwrap_err();
    assert_eq!(
        (refused.code.as_ref(), refused.message.as_str()),
        ("InvalidParameterValueException", "Invalid Checkpoint Token")
    );
    let next = one.checkpoint_token.unwrap();
    assert!(call(with("c", &next, vec![wait("w", 5)])).await.is_err(), "what is refused changes nothing");
    let done = OperationUpdate {
        payload: Some("1".to_owned()),
        ..update("end", OperationType::Execution, OperationAction::Succeed)
    };
    let last = call(with("d", &next, vec![done])).await.unwrap();
    assert_eq!(last.checkpoint_token, None);
    // The result that was checkpointed holds, whatever the run answers.
    lambda.runner.answer(json!({"Status": "SUCCEEDED", "Result": ""}));
    ran(&lambda, &arn, 1).await;
    assert_eq!(told(&lambda, &arn).await.result.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_step_is_ready_when_its_time_has_come() {
    let lambda = region(600).await;
    let arn = begin(&lambda).await;
    let first = event(&lambda, 1).await;
    let retry = OperationUpdate {
        step_options: Some(StepOptions { next_attempt_delay_seconds: Some(30) }),
        error: Some(ErrorObject { error_type: Some("E".to_owned()), ..Default::default() }),
        ..update("s", OperationType::Step, OperationAction::Retry)
    };
    let start = || update("s", OperationType::Step, OperationAction::Start);
    checkpoint(&lambda, &first, token(&first), vec![start(), retry]).await.unwrap();
    lambda.runner.answer(json!({"Status": "PENDING"}));
    ran(&lambda, &arn, 1).await;
    lambda.region.advance(Duration::from_secs(30)).await;
    let second = event(&lambda, 2).await;
    let step = &second["InitialExecutionState"]["Operations"][1];
    assert_eq!((&step["Status"], &step["StepDetails"]["Attempt"]), (&json!("READY"), &json!(1)));
    assert_eq!(step["StepDetails"]["NextAttemptTimestamp"], Value::Null);
    let done = update("s", OperationType::Step, OperationAction::Succeed);
    checkpoint(&lambda, &second, token(&second), vec![start(), done]).await.unwrap();
    lambda.runner.answer(json!({"Status": "SUCCEEDED"}));
    stands(&lambda, &arn, ExecutionStatus::Succeeded).await;
}

/// A run that answers PENDING while something has ended that it was not told of is followed by another one.
#[tokio::test]
async fn what_ends_while_the_function_runs_is_not_lost() {
    let lambda = region(600).await;
    let arn = begin(&lambda).await;
    let first = event(&lambda, 1).await;
    checkpoint(&lambda, &first, token(&first), vec![wait("w", 1)]).await.unwrap();
    lambda.region.advance(Duration::from_secs(1)).await;
    lambda.runner.answer(json!({"Status": "PENDING"}));
    let second = event(&lambda, 2).await;
    assert_eq!(second["UpdatedOperationIds"], json!(["w"]));
    lambda.runner.answer(json!({"Status": "SUCCEEDED"}));
    stands(&lambda, &arn, ExecutionStatus::Succeeded).await;
}

#[tokio::test]
async fn answers_that_are_none_end_executions() {
    let lambda = region(600).await;
    for (answer, why) in [
        (json!({"foo": 1}), "Invalid Status in invocation output."),
        (json!({"Status": "PENDING"}), "Cannot return PENDING status with no pending operations."),
    ] {
        let arn = begin(&lambda).await;
        lambda.runner.answer(answer);
        let failed = stands(&lambda, &arn, ExecutionStatus::Failed).await;
        assert_eq!(failed.error.unwrap().error_message.as_deref(), Some(why));
    }
}

#[tokio::test]
async fn executions_end_in_time_and_go_when_they_were_kept_long_enough() {
    let lambda = region(10).await;
    let arn = begin(&lambda).await;
    let first = event(&lambda, 1).await;
    checkpoint(&lambda, &first, token(&first), vec![wait("w", 600)]).await.unwrap();
    lambda.runner.answer(json!({"Status": "PENDING"}));
    ran(&lambda, &arn, 1).await;
    lambda.region.advance(Duration::from_secs(10)).await;
    let ended = told(&lambda, &arn).await;
    assert_eq!(ended.status, ExecutionStatus::TimedOut);
    assert_eq!(ended.error.unwrap().error_message.as_deref(), Some("Execution timed out after 10 seconds."));
    let refused = checkpoint(&lambda, &first, token(&first), Vec::new()).await.unwrap_err();
    assert_eq!(refused.message, "Invalid Checkpoint Token");
    lambda.region.advance(Duration::from_secs(86_399)).await;
    told(&lambda, &arn).await;
    lambda.region.advance(Duration::from_secs(1)).await;
    let gone = GetDurableExecutionInput { durable_execution_arn: arn };
    let gone = lambda.region.refused::<GetDurableExecution>(gone).await;
    assert_eq!((gone.code.as_ref(), gone.status), ("ResourceNotFoundException", 404));
}

#[tokio::test]
async fn contexts_that_have_ended_are_told_without_what_is_in_them() {
    let lambda = region(600).await;
    let arn = begin(&lambda).await;
    let first = event(&lambda, 1).await;
    let within = |id: &str, parent: &str, kind: OperationType, action| OperationUpdate {
        parent_id: Some(parent.to_owned()),
        ..update(id, kind, action)
    };
    let replayed = OperationUpdate {
        context_options: Some(ContextOptions { replay_children: Some(true) }),
        ..update("kept", OperationType::Context, OperationAction::Succeed)
    };
    let updates = vec![
        update("left", OperationType::Context, OperationAction::Start),
        within("inner", "left", OperationType::Context, OperationAction::Start),
        within("deep", "inner", OperationType::Step, OperationAction::Succeed),
        update("left", OperationType::Context, OperationAction::Succeed),
        update("kept", OperationType::Context, OperationAction::Start),
        within("told", "kept", OperationType::Step, OperationAction::Succeed),
        replayed,
        wait("w", 1),
    ];
    let answer = checkpoint(&lambda, &first, token(&first), updates).await.unwrap();
    let state = GetDurableExecutionStateInput {
        durable_execution_arn: arn.clone(),
        checkpoint_token: answer.checkpoint_token.unwrap(),
        marker: None,
        max_items: Some(2),
    };
    let page = lambda.region.call::<GetDurableExecutionState>(state.clone()).await.unwrap();
    let next = page.next_marker.clone();
    let rest = GetDurableExecutionStateInput { marker: next, max_items: None, ..state };
    let rest = lambda.region.call::<GetDurableExecutionState>(rest).await.unwrap();
    let ids: Vec<_> =
        page.operations.iter().chain(&rest.operations).map(|one| one.id.as_str()).skip(1).collect();
    assert_eq!(ids, ["left", "kept", "told", "w"]);
    lambda.runner.answer(json!({"Status": "PENDING"}));
    ran(&lambda, &arn, 1).await;
}

#[tokio::test]
async fn nothing_is_left_of_the_executions_of_a_function_that_is_gone() {
    let lambda = region(600).await;
    let arn = begin(&lambda).await;
    let first = event(&lambda, 1).await;
    checkpoint(&lambda, &first, token(&first), vec![wait("w", 5)]).await.unwrap();
    lambda.runner.answer(json!({"Status": "PENDING"}));
    ran(&lambda, &arn, 1).await;
    let delete = DeleteFunctionInput { function_name: "f".to_owned(), ..Default::default() };
    lambda.region.call::<DeleteFunction>(delete).await.unwrap();
    lambda.region.advance(Duration::from_secs(10)).await;
    assert_eq!(lambda.runner.seen().len(), 1);
    let gone = GetDurableExecutionInput { durable_execution_arn: arn };
    assert_eq!(lambda.region.refused::<GetDurableExecution>(gone).await.status, 404);
}

/// Five runs in a row that fail end an execution; between them are 1, 2, 4 and 8 seconds.
#[tokio::test]
async fn runs_that_fail_are_followed_by_others_until_there_were_too_many() {
    let lambda = region(600).await;
    let arn = begin(&lambda).await;
    for (run, wait) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 0)] {
        event(&lambda, run).await;
        lambda.runner.answer(json!({"do": "fail"}));
        ran(&lambda, &arn, run).await;
        if wait > 0 {
            lambda.region.advance(Duration::from_millis(wait * 1000 - 1)).await;
            assert_eq!(lambda.runner.seen().len(), run);
            lambda.region.advance(Duration::from_millis(1)).await;
        }
    }
    let failed = stands(&lambda, &arn, ExecutionStatus::Failed).await;
    assert_eq!(failed.error.unwrap().error_type.as_deref(), Some("Failed"));
}

#[tokio::test]
async fn an_execution_waits_for_a_place_of_its_function() {
    let lambda = region(86_400).await;
    let keep = |count| PutFunctionConcurrencyInput {
        function_name: "f".to_owned(),
        reserved_concurrent_executions: count,
    };
    lambda.region.call::<PutFunctionConcurrency>(keep(0)).await.unwrap();
    let arn = begin(&lambda).await;
    lambda.region.advance(Duration::from_secs(5)).await;
    assert_eq!(lambda.runner.seen().len(), 0);
    assert_eq!(told(&lambda, &arn).await.status, ExecutionStatus::Running);
    lambda.region.call::<PutFunctionConcurrency>(keep(1)).await.unwrap();
    lambda.runner.answer(json!({"Status": "SUCCEEDED", "Result": "1"}));
    for _ in 0..1_000 {
        lambda.region.advance(Duration::from_secs(1)).await;
        if told(&lambda, &arn).await.status == ExecutionStatus::Succeeded {
            return;
        }
        lambda.region.host().clock.rest(Duration::from_millis(5)).await;
    }
    panic!("it was not run");
}

/// "Best practices for Lambda durable functions", Lambda developer guide: the original event goes to the dead letter
/// when an execution that was begun asynchronously failed, was stopped or timed out.
#[tokio::test]
async fn the_dead_letter_gets_what_failed_executions_began_with() {
    let (queues, dead) = (Queues::default(), "arn:aws:sqs:us-east-1:000000000000:dead");
    let letter = DeadLetterConfig { target_arn: Some(dead.to_owned()) };
    let lambda = region_with(vec![queues.service()], Some(letter), 60).await;
    let failed = begin(&lambda).await;
    event(&lambda, 1).await;
    lambda.runner.answer(json!({"Status": "FAILED", "Error": {"ErrorMessage": "no"}}));
    stands(&lambda, &failed, ExecutionStatus::Failed).await;
    let fine = begin(&lambda).await;
    event(&lambda, 2).await;
    lambda.runner.answer(json!({"Status": "SUCCEEDED", "Result": "1"}));
    stands(&lambda, &fine, ExecutionStatus::Succeeded).await;
    let late = begin(&lambda).await;
    let third = event(&lambda, 3).await;
    checkpoint(&lambda, &third, token(&third), vec![wait("w", 3600)]).await.unwrap();
    lambda.runner.answer(json!({"Status": "PENDING"}));
    ran(&lambda, &late, 1).await;
    lambda.region.advance(Duration::from_secs(61)).await;
    stands(&lambda, &late, ExecutionStatus::TimedOut).await;
    let told = queues.first::<2>(&lambda).await;
    assert_eq!(told, std::array::from_fn(|_| ("dead".to_owned(), json!({"a": 1}))));
}

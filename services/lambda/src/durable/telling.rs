//! What clients and functions are told of executions, their operations and what happened to them.

use crate::errors::LambdaError;
use crate::rules::durable::names::Place;
use crate::state::durable::{self, Called, Detail, Execution, Moment, Operation, Status, Text};
use model_lambda as model;
use names::{Scope, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use store::Read;

/// Operations and bytes of a page of the state.
#[derive(Debug, Clone, Copy)]
pub struct PageSize {
    /// Operations.
    pub operations: usize,
    /// Bytes of their texts.
    pub bytes: usize,
}

/// Of what a function gets when it is run: an event has 6 MB.
pub const OF_EVENT: PageSize = PageSize { operations: 1000, bytes: 2 * 1024 * 1024 };

/// A page of the state.
pub struct State {
    /// The operations.
    pub operations: Vec<model::Operation>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// How an execution stands.
pub fn status(status: Status) -> model::ExecutionStatus {
    match status {
        Status::Running => model::ExecutionStatus::Running,
        Status::Succeeded => model::ExecutionStatus::Succeeded,
        Status::Failed => model::ExecutionStatus::Failed,
        Status::TimedOut => model::ExecutionStatus::TimedOut,
        Status::Stopped => model::ExecutionStatus::Stopped,
    }
}

/// The id of a callback, by which it is ended from outside.
pub fn callback_id(execution: &Execution, operation: u64) -> String {
    let place = Place {
        function_name: execution.function_name.clone(),
        function: execution.function,
        number: execution.number,
        operation,
        secret: execution.id.clone(),
    };
    place.token()
}

/// A text that may be there.
///
/// # Errors
/// The store's.
pub fn text(
    read: &impl Read,
    scope: &Scope,
    execution: &Execution,
    text: Option<&Text>,
) -> Result<Option<String>, LambdaError> {
    Ok(text.map(|text| durable::text(read, scope, execution.number, text)).transpose()?)
}

/// The error object of its JSON.
pub fn error(text: &str) -> model::ErrorObject {
    let error: Value = serde_json::from_str(text).unwrap_or_default();
    let member = |name: &str| error[name].as_str().map(str::to_owned);
    let trace = error["StackTrace"].as_array();
    model::ErrorObject {
        error_message: member("ErrorMessage"),
        error_type: member("ErrorType"),
        error_data: member("ErrorData"),
        stack_trace: trace
            .map(|lines| lines.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect()),
    }
}

/// The JSON of an error object.
pub fn error_text(error: &model::ErrorObject) -> String {
    let mut told = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            told.insert(name.to_owned(), value);
        }
    };
    put("ErrorMessage", error.error_message.clone().map(Value::from));
    put("ErrorType", error.error_type.clone().map(Value::from));
    put("ErrorData", error.error_data.clone().map(Value::from));
    put("StackTrace", error.stack_trace.clone().map(Value::from));
    Value::Object(told).to_string()
}

/// An operation.
///
/// # Errors
/// The store's.
pub fn operation(
    read: &impl Read,
    scope: &Scope,
    execution: &Execution,
    (number, found): (u64, &Operation),
) -> Result<model::Operation, LambdaError> {
    let result = text(read, scope, execution, found.result.as_ref())?;
    let error = text(read, scope, execution, found.error.as_ref())?.map(|text| error(&text));
    let mut told = model::Operation {
        id: found.id.clone(),
        parent_id: found.parent.clone(),
        name: found.name.clone(),
        type_: model::OperationType::from(found.kind.as_str()),
        sub_type: found.sub_type.clone(),
        start_timestamp: found.started,
        end_timestamp: found.ended,
        status: model::OperationStatus::from(found.status.as_str()),
        ..Default::default()
    };
    match found.kind.as_str() {
        "CONTEXT" => {
            told.context_details =
                Some(model::ContextDetails { replay_children: found.replays, result, error });
        }
        "STEP" => {
            told.step_details = Some(model::StepDetails {
                attempt: Some(found.attempt.cast_signed()),
                next_attempt_timestamp: found.due,
                result,
                error,
            });
        }
        "WAIT" => {
            let begun = found.seconds.map(|seconds| found.started.plus_millis(i64::from(seconds) * 1000));
            told.wait_details = Some(model::WaitDetails { scheduled_end_timestamp: begun });
        }
        "CALLBACK" => {
            let callback_id = Some(callback_id(execution, number));
            told.callback_details = Some(model::CallbackDetails { callback_id, result, error });
        }
        _ => told.chained_invoke_details = Some(model::ChainedInvokeDetails { result, error }),
    }
    Ok(told)
}

/// The operation that the execution itself is, which is the first.
fn root(read: &impl Read, scope: &Scope, execution: &Execution) -> Result<model::Operation, LambdaError> {
    let input = text(read, scope, execution, execution.input.as_ref())?;
    Ok(model::Operation {
        id: execution.id.clone(),
        name: Some(execution.name.clone()),
        type_: model::OperationType::Execution,
        start_timestamp: execution.started,
        status: model::OperationStatus::Started,
        execution_details: Some(model::ExecutionDetails { input_payload: input }),
        ..Default::default()
    })
}

/// A page of the state behind an operation: what is in contexts that have ended is left out, unless they are to be
/// replayed (GetDurableExecutionState, API reference).
///
/// # Errors
/// The store's.
pub fn state(
    read: &impl Read,
    scope: &Scope,
    execution: &Execution,
    after: Option<u64>,
    size: PageSize,
) -> Result<State, LambdaError> {
    let mut told = Vec::new();
    if after.is_none() {
        told.push(root(read, scope, execution)?);
    }
    let (mut left_out, mut bytes) = (HashSet::new(), 0);
    for row in durable::operations(read, scope, execution, None) {
        let (number, found) = row?;
        if let Some(parent) = &found.parent
            && left_out.contains(parent)
        {
            left_out.insert(found.id);
            continue;
        }
        let is_context = found.kind == "CONTEXT" && found.ended.is_some() && found.replays != Some(true);
        if is_context {
            left_out.insert(found.id.clone());
        }
        if after.is_some_and(|after| number <= after) {
            continue;
        }
        let length = |text: &Option<Text>| match text {
            Some(Text::Long(_, length)) => usize::try_from(*length).unwrap_or(usize::MAX),
            Some(Text::Short(text)) => text.len(),
            None => 0,
        };
        bytes += length(&found.result) + length(&found.error);
        let is_full = told.len() >= size.operations || bytes > size.bytes;
        // At least one, however long it is.
        if is_full && told.len() > usize::from(after.is_none()) {
            return Ok(State { operations: told, next: Some((number - 1).to_string()) });
        }
        told.push(operation(read, scope, execution, (number, &found))?);
    }
    Ok(State { operations: told, next: None })
}

fn milliseconds(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| at.millis().into())
}

/// An operation as functions get it: with milliseconds for times, and nothing for what is not there.
pub fn json(operation: &model::Operation) -> Value {
    let error = |error: &Option<model::ErrorObject>| {
        error.as_ref().map(|error| serde_json::from_str::<Value>(&error_text(error)).unwrap_or_default())
    };
    let mut told = json!({
        "Id": operation.id,
        "ParentId": operation.parent_id,
        "Name": operation.name,
        "Type": operation.type_.as_str(),
        "SubType": operation.sub_type,
        "StartTimestamp": operation.start_timestamp.millis(),
        "EndTimestamp": milliseconds(operation.end_timestamp),
        "Status": operation.status.as_str(),
    });
    if let Some(details) = &operation.execution_details {
        told["ExecutionDetails"] = json!({"InputPayload": details.input_payload});
    }
    if let Some(details) = &operation.context_details {
        told["ContextDetails"] = json!({
            "ReplayChildren": details.replay_children, "Result": details.result, "Error": error(&details.error),
        });
    }
    if let Some(details) = &operation.step_details {
        told["StepDetails"] = json!({
            "Attempt": details.attempt,
            "NextAttemptTimestamp": milliseconds(details.next_attempt_timestamp),
            "Result": details.result,
            "Error": error(&details.error),
        });
    }
    if let Some(details) = &operation.wait_details {
        told["WaitDetails"] = json!({"ScheduledEndTimestamp": milliseconds(details.scheduled_end_timestamp)});
    }
    if let Some(details) = &operation.callback_details {
        told["CallbackDetails"] = json!({
            "CallbackId": details.callback_id, "Result": details.result, "Error": error(&details.error),
        });
    }
    if let Some(details) = &operation.chained_invoke_details {
        told["ChainedInvokeDetails"] = json!({"Result": details.result, "Error": error(&details.error)});
    }
    without_nothing(told)
}

fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let there = members.into_iter().filter(|(_, member)| !member.is_null());
            Value::Object(there.map(|(name, member)| (name, without_nothing(member))).collect())
        }
        other => other,
    }
}

/// Who tells what happened, and whether with its texts.
pub struct Teller<'a, R> {
    /// The store.
    pub read: &'a R,
    /// Where the execution is.
    pub scope: &'a Scope,
    /// The execution.
    pub execution: &'a Execution,
    /// Whether inputs, results and errors are told.
    pub with_data: bool,
}

impl<R: Read> Teller<'_, R> {
    fn text(&self, found: Option<&Text>) -> Result<Option<String>, LambdaError> {
        match self.with_data {
            true => text(self.read, self.scope, self.execution, found),
            false => Ok(None),
        }
    }

    fn truncated(&self) -> Option<bool> {
        Some(!self.with_data)
    }

    fn input(&self, found: Option<&Text>) -> Result<model::EventInput, LambdaError> {
        Ok(model::EventInput { payload: self.text(found)?, truncated: self.truncated() })
    }

    fn result(&self, found: Option<&Text>) -> Result<model::EventResult, LambdaError> {
        Ok(model::EventResult { payload: self.text(found)?, truncated: self.truncated() })
    }

    fn error(&self, found: Option<&Text>) -> Result<model::EventError, LambdaError> {
        let payload = self.text(found)?.map(|text| error(&text));
        Ok(model::EventError { payload, truncated: self.truncated() })
    }

    /// Something that happened.
    ///
    /// # Errors
    /// The store's.
    pub fn event(&self, number: u64, moment: &Moment) -> Result<model::Event, LambdaError> {
        let mut event = model::Event {
            event_type: Some(model::EventType::from(moment.kind.as_str())),
            event_id: i32::try_from(number).ok(),
            event_timestamp: Some(moment.at),
            ..Default::default()
        };
        if let Some(number) = moment.operation {
            let operation = durable::operation(self.read, self.scope, self.execution, number)?;
            if let Some(operation) = operation {
                event.sub_type = operation.sub_type;
                event.id = Some(operation.id);
                event.name = operation.name;
                event.parent_id = operation.parent;
            }
        } else if moment.kind != "InvocationCompleted" {
            event.id = Some(self.execution.id.clone());
            event.name = Some(self.execution.name.clone());
        }
        self.detail(&mut event, moment)?;
        Ok(event)
    }

    fn detail(&self, event: &mut model::Event, moment: &Moment) -> Result<(), LambdaError> {
        match &moment.detail {
            Detail::Nothing if moment.kind == "ContextStarted" => {
                event.context_started_details = Some(model::ContextStartedDetails::default());
            }
            Detail::Nothing => event.step_started_details = Some(model::StepStartedDetails::default()),
            Detail::Began(input, timeout) => {
                event.execution_started_details = Some(model::ExecutionStartedDetails {
                    input: self.input(input.as_ref())?,
                    execution_timeout: timeout.cast_signed(),
                });
            }
            Detail::Wait(seconds, until) => {
                event.wait_started_details = Some(model::WaitStartedDetails {
                    duration: seconds.cast_signed(),
                    scheduled_end_timestamp: *until,
                });
            }
            Detail::Waited(seconds) => {
                let duration = seconds.map(u32::cast_signed);
                event.wait_succeeded_details = Some(model::WaitSucceededDetails { duration });
            }
            Detail::Attempt(text, attempt, delay) => {
                let retry_details = model::RetryDetails {
                    current_attempt: Some(attempt.cast_signed()),
                    next_attempt_delay_seconds: delay.map(u32::cast_signed),
                };
                if moment.kind == "StepFailed" {
                    let error = self.error(text.as_ref())?;
                    event.step_failed_details = Some(model::StepFailedDetails { error, retry_details });
                } else {
                    let result = self.result(text.as_ref())?;
                    event.step_succeeded_details =
                        Some(model::StepSucceededDetails { result, retry_details });
                }
            }
            Detail::Called(called) => event.chained_invoke_started_details = Some(self.called(called)?),
            Detail::Callback(id, timeout, heartbeat) => {
                event.callback_started_details = Some(model::CallbackStartedDetails {
                    callback_id: id.clone(),
                    heartbeat_timeout: heartbeat.map(u32::cast_signed),
                    timeout: timeout.map(u32::cast_signed),
                });
            }
            Detail::Ran(request_id, started, error) => {
                let error = match error {
                    Some(error) => self.error(Some(error))?,
                    None => model::EventError::default(),
                };
                event.invocation_completed_details = Some(model::InvocationCompletedDetails {
                    start_timestamp: *started,
                    end_timestamp: moment.at,
                    request_id: request_id.clone(),
                    error: Some(error),
                });
            }
            Detail::Result(text) => {
                let result = self.result(text.as_ref())?;
                succeeded(event, &moment.kind, result);
            }
            Detail::Error(text) => {
                let error = self.error(text.as_ref())?;
                failed(event, &moment.kind, error);
            }
        }
        Ok(())
    }

    fn called(&self, called: &Called) -> Result<model::ChainedInvokeStartedDetails, LambdaError> {
        Ok(model::ChainedInvokeStartedDetails {
            function_name: called.function.clone(),
            tenant_id: called.tenant.clone(),
            input: Some(self.input(called.input.as_ref())?),
            executed_version: called.version.clone(),
            durable_execution_arn: called.execution.clone(),
        })
    }
}

fn succeeded(event: &mut model::Event, kind: &str, result: model::EventResult) {
    match kind {
        "ExecutionSucceeded" => {
            event.execution_succeeded_details = Some(model::ExecutionSucceededDetails { result });
        }
        "ContextSucceeded" => {
            event.context_succeeded_details = Some(model::ContextSucceededDetails { result });
        }
        "CallbackSucceeded" => {
            event.callback_succeeded_details = Some(model::CallbackSucceededDetails { result });
        }
        _ => {
            event.chained_invoke_succeeded_details = Some(model::ChainedInvokeSucceededDetails { result });
        }
    }
}

fn failed(event: &mut model::Event, kind: &str, error: model::EventError) {
    match kind {
        "ExecutionFailed" => event.execution_failed_details = Some(model::ExecutionFailedDetails { error }),
        "ExecutionTimedOut" => {
            event.execution_timed_out_details = Some(model::ExecutionTimedOutDetails { error: Some(error) });
        }
        "ExecutionStopped" => {
            event.execution_stopped_details = Some(model::ExecutionStoppedDetails { error });
        }
        "ContextFailed" => event.context_failed_details = Some(model::ContextFailedDetails { error }),
        "CallbackFailed" => event.callback_failed_details = Some(model::CallbackFailedDetails { error }),
        "CallbackTimedOut" => {
            event.callback_timed_out_details = Some(model::CallbackTimedOutDetails { error });
        }
        "WaitCancelled" => {
            event.wait_cancelled_details = Some(model::WaitCancelledDetails { error: Some(error) });
        }
        "ChainedInvokeTimedOut" => {
            event.chained_invoke_timed_out_details = Some(model::ChainedInvokeTimedOutDetails { error });
        }
        "ChainedInvokeStopped" => {
            event.chained_invoke_stopped_details = Some(model::ChainedInvokeStoppedDetails { error });
        }
        _ => event.chained_invoke_failed_details = Some(model::ChainedInvokeFailedDetails { error }),
    }
}

//! What the updates of a checkpoint do to operations. Refusals are in the words of Lambda, as AWS's own test
//! libraries for durable execution have them (aws-durable-execution-sdk-js and -python, their validators).

use super::{MAX_ERROR, MAX_PAYLOAD};
use crate::errors::LambdaError;
use crate::state::durable::{Detail, Operation, Text};
use model_lambda::{OperationAction as Action, OperationType as Kind, OperationUpdate};
use names::Timestamp;
use std::collections::HashMap;

/// What ends an operation that its function does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wakes {
    /// Nothing: the function itself.
    Nothing,
    /// A time.
    At(Timestamp),
    /// Somebody outside, or these seconds: at most, and without a sign of life.
    Callback(Option<u32>, Option<u32>),
    /// A function that is called.
    Call,
}

/// An operation after an update.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The operation.
    pub operation: Operation,
    /// What has happened.
    pub event: &'static str,
    /// What is known of it.
    pub detail: Detail,
    /// What ends the operation.
    pub wakes: Wakes,
}

/// An update with its texts where they are kept.
pub struct Given<'a> {
    /// The update.
    pub update: &'a OperationUpdate,
    /// Its payload.
    pub payload: Option<Text>,
    /// Its error.
    pub error: Option<Text>,
}

fn refused<T>(why: impl Into<String>) -> Result<T, LambdaError> {
    Err(LambdaError::invalid(why))
}

/// Refuses updates that cannot be made together: what they change is there or begins among them.
///
/// # Errors
/// Where they cannot.
pub fn check_batch(
    updates: &[OperationUpdate],
    mut is_context: impl FnMut(&str) -> Result<bool, LambdaError>,
) -> Result<(), LambdaError> {
    let of_execution = updates.iter().filter(|update| update.type_ == Kind::Execution).count();
    if of_execution > 1 {
        return refused("Cannot checkpoint multiple EXECUTION updates.");
    }
    if of_execution == 1 && updates.last().is_none_or(|last| last.type_ != Kind::Execution) {
        return refused("EXECUTION checkpoint must be the last update.");
    }
    let mut begun: HashMap<&str, bool> = HashMap::new();
    let mut last: HashMap<&str, (&Kind, &Action)> = HashMap::new();
    for update in updates {
        if let Some((kind, action)) = last.get(update.id.as_str()) {
            let goes_on = matches!(kind, Kind::Step | Kind::Context)
                && **action == Action::Start
                && update.action != Action::Start;
            if !goes_on {
                return refused("Cannot update the same operation twice in a single request.");
            }
        }
        if let Some(parent) = update.parent_id.as_deref() {
            let holds = match begun.get(parent) {
                Some(is_context) => *is_context,
                None => is_context(parent)?,
            };
            if !holds {
                return refused("Invalid parent operation id.");
            }
        }
        if update.action == Action::Start {
            begun.insert(&update.id, update.type_ == Kind::Context);
        }
        last.insert(&update.id, (&update.type_, &update.action));
    }
    Ok(())
}

/// Refuses an update that no operation could take.
///
/// # Errors
/// Where it is one.
pub fn check_one(update: &OperationUpdate, error_bytes: usize) -> Result<(), LambdaError> {
    if error_bytes > MAX_ERROR {
        return refused(format!("Error object size must be less than {MAX_ERROR} bytes."));
    }
    let payload = update.payload.as_ref().map_or(0, String::len);
    if update.type_ != Kind::Execution && payload > MAX_PAYLOAD {
        let kind = update.type_.as_str();
        return refused(format!(
            "{kind} output payload size must be less than or equal to {MAX_PAYLOAD} bytes."
        ));
    }
    let valid: &[Action] = match update.type_ {
        Kind::Step => &[Action::Start, Action::Fail, Action::Retry, Action::Succeed],
        Kind::Context => &[Action::Start, Action::Fail, Action::Succeed],
        Kind::Wait | Kind::ChainedInvoke => &[Action::Start, Action::Cancel],
        Kind::Callback => &[Action::Start],
        Kind::Execution => &[Action::Succeed, Action::Fail],
        Kind::Other(_) => return refused("Unknown operation type."),
    };
    if !valid.contains(&update.action) {
        return refused("Invalid action for the given operation type.");
    }
    match update.action {
        Action::Fail if update.payload.is_some() => refused("Cannot provide a Payload for FAIL action."),
        Action::Succeed if update.error.is_some() => refused("Cannot provide an Error for SUCCEED action."),
        Action::Retry if update.payload.is_some() && update.error.is_some() => {
            refused("Cannot provide both error and payload to RETRY a STEP.")
        }
        _ => Ok(()),
    }
}

fn check_same(present: &Operation, update: &OperationUpdate) -> Result<(), LambdaError> {
    if present.kind != update.type_.as_str() {
        return refused("Inconsistent operation type.");
    }
    let differs = |given: &Option<String>, had: &Option<String>| given.is_some() && given != had;
    if differs(&update.sub_type, &present.sub_type) {
        return refused("Inconsistent operation subtype.");
    }
    if differs(&update.name, &present.name) {
        return refused("Inconsistent operation name.");
    }
    if differs(&update.parent_id, &present.parent) {
        return refused("Inconsistent parent operation id.");
    }
    Ok(())
}

fn begun(update: &OperationUpdate, now: Timestamp) -> Operation {
    Operation {
        id: update.id.clone(),
        parent: update.parent_id.clone(),
        name: update.name.clone(),
        kind: update.type_.as_str().to_owned(),
        sub_type: update.sub_type.clone(),
        started: now,
        ended: None,
        status: "STARTED".to_owned(),
        result: None,
        error: None,
        replays: None,
        attempt: 0,
        due: None,
        seconds: None,
        heartbeat: None,
        timers: Vec::new(),
        heartbeat_timer: None,
    }
}

/// Makes an update.
///
/// # Errors
/// Where the operation cannot take it as it stands.
pub fn apply(present: Option<&Operation>, given: Given<'_>, now: Timestamp) -> Result<Changed, LambdaError> {
    if let Some(present) = present {
        check_same(present, given.update)?;
    }
    match given.update.type_ {
        Kind::Step => step(present, given, now),
        Kind::Context => context(present, given, now),
        Kind::Wait => wait(present, given.update, now),
        Kind::Callback => callback(present, given.update, now),
        Kind::ChainedInvoke => chained(present, given.update, now),
        Kind::Execution | Kind::Other(_) => refused("Invalid operation type."),
    }
}

fn closed(mut operation: Operation, status: &str, now: Timestamp) -> Operation {
    status.clone_into(&mut operation.status);
    operation.ended = Some(now);
    operation.due = None;
    operation
}

fn step(present: Option<&Operation>, given: Given<'_>, now: Timestamp) -> Result<Changed, LambdaError> {
    let status = present.map(|operation| operation.status.as_str());
    let mut operation = present.cloned().unwrap_or_else(|| begun(given.update, now));
    if given.update.action == Action::Start {
        if !matches!(status, None | Some("READY")) {
            return refused("Invalid current STEP state to start.");
        }
        "STARTED".clone_into(&mut operation.status);
        operation.due = None;
        return Ok(Changed {
            operation,
            event: "StepStarted",
            detail: Detail::Nothing,
            wakes: Wakes::Nothing,
        });
    }
    if !matches!(status, None | Some("STARTED" | "READY")) {
        let what = if given.update.action == Action::Retry { "re-attempt" } else { "close" };
        return refused(format!("Invalid current STEP state to {what}."));
    }
    operation.attempt += 1;
    operation.result = given.payload.clone();
    operation.error = given.error.clone();
    let attempt = operation.attempt;
    let (operation, failed, delay) = match given.update.action {
        Action::Succeed => (closed(operation, "SUCCEEDED", now), false, None),
        Action::Fail => (closed(operation, "FAILED", now), true, None),
        _ => {
            let options = given.update.step_options.as_ref();
            let delay = options.and_then(|options| options.next_attempt_delay_seconds);
            let Some(delay) = delay.and_then(|delay| u32::try_from(delay).ok()) else {
                return refused("Invalid StepOptions for the given action.");
            };
            "PENDING".clone_into(&mut operation.status);
            operation.due = Some(now.plus_millis(i64::from(delay) * 1000));
            let failed = given.error.is_some();
            (operation, failed, Some(delay))
        }
    };
    let wakes = operation.due.map_or(Wakes::Nothing, Wakes::At);
    let (event, text) = if failed { ("StepFailed", given.error) } else { ("StepSucceeded", given.payload) };
    Ok(Changed { operation, event, detail: Detail::Attempt(text, attempt, delay), wakes })
}

fn context(present: Option<&Operation>, given: Given<'_>, now: Timestamp) -> Result<Changed, LambdaError> {
    let mut operation = present.cloned().unwrap_or_else(|| begun(given.update, now));
    if let Some(options) = &given.update.context_options {
        operation.replays = options.replay_children.or(operation.replays);
    }
    let status = present.map(|operation| operation.status.as_str());
    let (operation, event, detail) = match given.update.action {
        Action::Start if present.is_some() => return refused("Cannot start a CONTEXT that already exist."),
        Action::Start => (operation, "ContextStarted", Detail::Nothing),
        _ if !matches!(status, None | Some("STARTED")) => {
            return refused("Invalid current CONTEXT state to close.");
        }
        Action::Succeed => {
            operation.result = given.payload.clone();
            (closed(operation, "SUCCEEDED", now), "ContextSucceeded", Detail::Result(given.payload))
        }
        _ => {
            operation.error = given.error.clone();
            (closed(operation, "FAILED", now), "ContextFailed", Detail::Error(given.error))
        }
    };
    Ok(Changed { operation, event, detail, wakes: Wakes::Nothing })
}

fn wait(
    present: Option<&Operation>,
    update: &OperationUpdate,
    now: Timestamp,
) -> Result<Changed, LambdaError> {
    if update.action == Action::Cancel {
        let Some(operation) = present.filter(|operation| operation.status == "STARTED") else {
            return refused("Cannot cancel a WAIT that does not exist or has already completed.");
        };
        let operation = closed(operation.clone(), "CANCELLED", now);
        return Ok(Changed {
            operation,
            event: "WaitCancelled",
            detail: Detail::Error(None),
            wakes: Wakes::Nothing,
        });
    }
    if present.is_some() {
        return refused("Cannot start a WAIT that already exist.");
    }
    let seconds = update.wait_options.as_ref().and_then(|options| options.wait_seconds);
    let Some(seconds) = seconds.and_then(|seconds| u32::try_from(seconds).ok()) else {
        return refused("Invalid WaitOptions for the given action.");
    };
    let due = now.plus_millis(i64::from(seconds) * 1000);
    let operation = Operation { due: Some(due), seconds: Some(seconds), ..begun(update, now) };
    Ok(Changed { operation, event: "WaitStarted", detail: Detail::Wait(seconds, due), wakes: Wakes::At(due) })
}

fn callback(
    present: Option<&Operation>,
    update: &OperationUpdate,
    now: Timestamp,
) -> Result<Changed, LambdaError> {
    if present.is_some() {
        return refused("Cannot start a CALLBACK that already exist.");
    }
    let options = update.callback_options.as_ref();
    // CallbackOptions, API reference: 0 is no bound.
    let of = |seconds: Option<i32>| {
        seconds.and_then(|seconds| u32::try_from(seconds).ok()).filter(|seconds| *seconds > 0)
    };
    let timeout = of(options.and_then(|options| options.timeout_seconds));
    let heartbeat = of(options.and_then(|options| options.heartbeat_timeout_seconds));
    let operation = Operation { seconds: timeout, heartbeat, ..begun(update, now) };
    Ok(Changed {
        operation,
        event: "CallbackStarted",
        detail: Detail::Callback(String::new(), timeout, heartbeat),
        wakes: Wakes::Callback(timeout, heartbeat),
    })
}

fn chained(
    present: Option<&Operation>,
    update: &OperationUpdate,
    now: Timestamp,
) -> Result<Changed, LambdaError> {
    if update.action == Action::Cancel {
        let Some(operation) = present.filter(|operation| operation.status == "STARTED") else {
            return refused("Cannot cancel an INVOKE that does not exist or has already completed.");
        };
        let operation = closed(operation.clone(), "CANCELLED", now);
        return Ok(Changed {
            operation,
            event: "ChainedInvokeStopped",
            detail: Detail::Error(None),
            wakes: Wakes::Nothing,
        });
    }
    if present.is_some() {
        return refused("Cannot start an INVOKE that already exist.");
    }
    if update.chained_invoke_options.is_none() {
        return refused("Invalid ChainedInvokeOptions for the given action.");
    }
    Ok(Changed {
        operation: begun(update, now),
        event: "ChainedInvokeStarted",
        detail: Detail::Nothing,
        wakes: Wakes::Call,
    })
}

/// Whether an operation in this state is ended by something else than its function.
pub fn is_pending(kind: &str, status: &str) -> bool {
    match kind {
        "STEP" => status == "PENDING",
        "WAIT" | "CALLBACK" | "CHAINED_INVOKE" => status == "STARTED",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_lambda::{
        CallbackOptions, ChainedInvokeOptions, ContextOptions, ErrorObject, StepOptions, WaitOptions,
    };

    fn update(id: &str, kind: Kind, action: Action) -> OperationUpdate {
        OperationUpdate { id: id.to_owned(), type_: kind, action, ..Default::default() }
    }

    fn run(present: Option<&Operation>, update: &OperationUpdate, now: i64) -> Result<Changed, String> {
        let error = update.error.as_ref().map(|_| Text::Short("{}".to_owned()));
        let payload = update.payload.clone().map(Text::Short);
        apply(present, Given { update, payload, error }, Timestamp(now)).map_err(|error| match error {
            LambdaError::InvalidParameter(why) => why,
            other => format!("{other:?}"),
        })
    }

    fn batch(updates: &[OperationUpdate]) -> Result<(), String> {
        check_batch(updates, |id| Ok(id == "context")).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_step_is_tried_until_it_ends() {
        let start = update("s", Kind::Step, Action::Start);
        let begun = run(None, &start, 5).unwrap();
        assert_eq!((begun.event, begun.operation.status.as_str()), ("StepStarted", "STARTED"));
        let retry = OperationUpdate {
            step_options: Some(StepOptions { next_attempt_delay_seconds: Some(3) }),
            error: Some(ErrorObject::default()),
            ..update("s", Kind::Step, Action::Retry)
        };
        let waits = run(Some(&begun.operation), &retry, 10).unwrap();
        assert_eq!((waits.event, waits.operation.status.as_str()), ("StepFailed", "PENDING"));
        assert_eq!((waits.wakes, waits.operation.attempt), (Wakes::At(Timestamp(3010)), 1));
        assert!(matches!(waits.detail, Detail::Attempt(Some(_), 1, Some(3))));
        assert_eq!(
            run(Some(&waits.operation), &start, 11),
            Err("Invalid current STEP state to start.".to_owned())
        );
        let ready = Operation { status: "READY".to_owned(), ..waits.operation };
        let again = run(Some(&ready), &start, 3010).unwrap();
        let done =
            OperationUpdate { payload: Some("1".to_owned()), ..update("s", Kind::Step, Action::Succeed) };
        let ended = run(Some(&again.operation), &done, 3020).unwrap();
        assert_eq!((ended.operation.attempt, ended.operation.ended), (2, Some(Timestamp(3020))));
        assert_eq!((ended.event, ended.operation.started), ("StepSucceeded", Timestamp(5)));
        assert_eq!(ended.operation.error, None);
        let refused = run(Some(&ended.operation), &retry, 3030).unwrap_err();
        assert_eq!(refused, "Invalid current STEP state to re-attempt.");
    }

    /// A condition that is waited for is tried again without an error: the attempt succeeded.
    #[test]
    fn a_step_that_is_tried_again_without_an_error_has_succeeded() {
        let retry = OperationUpdate {
            step_options: Some(StepOptions { next_attempt_delay_seconds: Some(1) }),
            payload: Some("1".to_owned()),
            ..update("s", Kind::Step, Action::Retry)
        };
        assert_eq!(run(None, &retry, 0).unwrap().event, "StepSucceeded");
        let bare = update("s", Kind::Step, Action::Retry);
        assert_eq!(run(None, &bare, 0), Err("Invalid StepOptions for the given action.".to_owned()));
    }

    #[test]
    fn contexts_end_once_and_say_whether_they_are_replayed() {
        let start = update("c", Kind::Context, Action::Start);
        let begun = run(None, &start, 0).unwrap();
        let done = OperationUpdate {
            context_options: Some(ContextOptions { replay_children: Some(true) }),
            ..update("c", Kind::Context, Action::Succeed)
        };
        let ended = run(Some(&begun.operation), &done, 1).unwrap();
        assert_eq!((ended.event, ended.operation.replays), ("ContextSucceeded", Some(true)));
        let again = run(Some(&ended.operation), &done, 2);
        assert_eq!(again, Err("Invalid current CONTEXT state to close.".to_owned()));
        assert!(run(Some(&begun.operation), &start, 2).is_err());
        assert_eq!(run(None, &update("c", Kind::Context, Action::Fail), 2).unwrap().event, "ContextFailed");
    }

    #[test]
    fn waits_end_by_time_or_are_cancelled() {
        let start = OperationUpdate {
            wait_options: Some(WaitOptions { wait_seconds: Some(2) }),
            ..update("w", Kind::Wait, Action::Start)
        };
        let begun = run(None, &start, 1).unwrap();
        assert_eq!(begun.wakes, Wakes::At(Timestamp(2001)));
        let cancel = update("w", Kind::Wait, Action::Cancel);
        let ended = run(Some(&begun.operation), &cancel, 2).unwrap();
        assert_eq!((ended.event, ended.operation.status.as_str()), ("WaitCancelled", "CANCELLED"));
        assert!(run(Some(&ended.operation), &cancel, 2).is_err() && run(None, &cancel, 2).is_err());
        assert!(run(Some(&begun.operation), &start, 2).is_err());
    }

    /// CallbackOptions, API reference: 0 is no timeout.
    #[test]
    fn callbacks_wait_as_long_as_they_are_told() {
        let start = |timeout, heartbeat| OperationUpdate {
            callback_options: Some(CallbackOptions {
                timeout_seconds: timeout,
                heartbeat_timeout_seconds: heartbeat,
            }),
            ..update("c", Kind::Callback, Action::Start)
        };
        let wakes = |timeout, heartbeat| run(None, &start(timeout, heartbeat), 0).unwrap().wakes;
        assert_eq!(wakes(Some(5), Some(2)), Wakes::Callback(Some(5), Some(2)));
        assert_eq!(wakes(Some(0), None), Wakes::Callback(None, None));
    }

    #[test]
    fn calls_begin_once() {
        let bare = update("i", Kind::ChainedInvoke, Action::Start);
        assert!(run(None, &bare, 0).is_err());
        let options = ChainedInvokeOptions { function_name: "f".to_owned(), tenant_id: None };
        let start = OperationUpdate { chained_invoke_options: Some(options), ..bare };
        let begun = run(None, &start, 0).unwrap();
        assert_eq!(begun.wakes, Wakes::Call);
        assert!(run(Some(&begun.operation), &start, 0).is_err());
    }

    #[test]
    fn an_operation_stays_what_it_is() {
        let begun = run(None, &update("a", Kind::Step, Action::Start), 0).unwrap().operation;
        let other = update("a", Kind::Wait, Action::Cancel);
        assert_eq!(run(Some(&begun), &other, 0), Err("Inconsistent operation type.".to_owned()));
        let named = OperationUpdate { name: Some("n".to_owned()), ..update("a", Kind::Step, Action::Fail) };
        assert_eq!(run(Some(&begun), &named, 0), Err("Inconsistent operation name.".to_owned()));
    }

    #[test]
    fn actions_belong_to_types() {
        let valid = |kind: Kind, action: Action| check_one(&update("a", kind, action), 0).is_ok();
        let all = [Action::Start, Action::Succeed, Action::Fail, Action::Retry, Action::Cancel];
        let of = |kind: &Kind| all.clone().map(|action| valid(kind.clone(), action));
        assert_eq!(of(&Kind::Step), [true, true, true, true, false]);
        assert_eq!(of(&Kind::Context), [true, true, true, false, false]);
        assert_eq!(of(&Kind::Wait), [true, false, false, false, true]);
        assert_eq!(of(&Kind::Callback), [true, false, false, false, false]);
        assert_eq!(of(&Kind::ChainedInvoke), [true, false, false, false, true]);
        assert_eq!(of(&Kind::Execution), [false, true, true, false, false]);
        assert!(check_one(&update("a", Kind::Step, Action::Fail), MAX_ERROR + 1).is_err());
        let large = OperationUpdate {
            payload: Some("x".repeat(MAX_PAYLOAD + 1)),
            ..update("a", Kind::Step, Action::Succeed)
        };
        assert!(check_one(&large, 0).is_err());
    }

    #[test]
    fn updates_of_one_checkpoint_go_together() {
        let step = |id: &str, action| update(id, Kind::Step, action);
        let end = || update("e", Kind::Execution, Action::Succeed);
        assert!(batch(&[step("a", Action::Start), step("a", Action::Succeed), end()]).is_ok());
        assert!(batch(&[end(), end()]).is_err());
        assert!(batch(&[end(), step("a", Action::Start)]).is_err());
        assert!(batch(&[step("a", Action::Succeed), step("a", Action::Start)]).is_err());
        let within =
            |parent: &str| OperationUpdate { parent_id: Some(parent.to_owned()), ..step("a", Action::Start) };
        assert!(batch(&[within("context")]).is_ok());
        assert!(batch(&[within("nothing")]).is_err());
        assert!(batch(&[update("new", Kind::Context, Action::Start), within("new")]).is_ok());
        assert!(batch(&[step("new", Action::Start), within("new")]).is_err());
    }
}

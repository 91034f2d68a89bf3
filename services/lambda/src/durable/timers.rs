//! What times do to executions: end waits, let steps be tried again, end callbacks and executions that last too
//! long, remove what was kept long enough.

use super::closing;
use super::operations::{self, End};
use crate::errors::LambdaError;
use crate::rules::durable::output;
use crate::state::durable::{self, Execution, Status};
use bytes::Bytes;
use names::{Scope, Timestamp};
use schema::ApiError;
use service::TimerHandler;
use store::{Fault, Incarnation, Timer, TimerId, Tx};

/// Does what is due.
pub const DUE: TimerHandler = TimerHandler { kind: "lambda/durable", fire };

/// Executions of a function that went with it, which are removed in one commit.
const AT_ONCE: usize = 200;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The execution has lasted as long as it may.
    Deadline,
    /// It was kept as long as it was to be.
    Retention,
    /// Its function is to be run again after a failure.
    Retry,
    /// A wait ends, or a step is to be tried again.
    Operation(u64),
    /// A callback has waited as long as it may.
    Callback(u64),
    /// A callback gave no sign of life.
    Heartbeat(u64),
    /// The executions of a function that is gone are to be removed.
    Function,
}

impl What {
    fn parts(self) -> (u8, u64) {
        match self {
            What::Deadline => (0, 0),
            What::Retention => (1, 0),
            What::Retry => (2, 0),
            What::Operation(number) => (3, number),
            What::Callback(number) => (4, number),
            What::Heartbeat(number) => (5, number),
            What::Function => (6, 0),
        }
    }

    fn of(kind: u8, number: u64) -> Option<Self> {
        Some(match kind {
            0 => What::Deadline,
            1 => What::Retention,
            2 => What::Retry,
            3 => What::Operation(number),
            4 => What::Callback(number),
            5 => What::Heartbeat(number),
            6 => What::Function,
            _ => return None,
        })
    }
}

fn timer(scope: &Scope, key: (Incarnation, Incarnation), what: What, due: Timestamp) -> Timer {
    let (kind, number) = what.parts();
    let mut bytes = vec![kind];
    for part in [key.0.0, key.1.0, number] {
        bytes.extend_from_slice(&part.to_be_bytes());
    }
    Timer {
        kind: DUE.kind.to_owned(),
        due,
        scope: scope.clone(),
        key: Bytes::from(bytes),
        payload: Bytes::new(),
    }
}

fn meant(timer: &Timer) -> Option<((Incarnation, Incarnation), What)> {
    let (kind, rest) = timer.key.split_first()?;
    let part = |at: usize| Some(u64::from_be_bytes(rest.get(at * 8..at * 8 + 8)?.try_into().ok()?));
    Some(((Incarnation(part(0)?), Incarnation(part(1)?)), What::of(*kind, part(2)?)?))
}

/// Has something done at a time.
pub fn schedule(
    tx: &mut Tx,
    scope: &Scope,
    execution: &Execution,
    what: What,
    due: Timestamp,
) -> Result<TimerId, Fault> {
    tx.schedule(&timer(scope, (execution.function, execution.number), what, due))
}

/// Has the executions of a function removed that is gone.
pub fn forget_function(
    tx: &mut Tx,
    scope: &Scope,
    function: Incarnation,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.schedule(&timer(scope, (function, Incarnation(0)), What::Function, now)).map(drop)
}

/// Has a closed execution removed when it was kept long enough.
pub fn retain(tx: &mut Tx, scope: &Scope, execution: &Execution, now: Timestamp) -> Result<(), Fault> {
    let due = now.plus_millis(i64::from(execution.durable.retention_days) * DAY_MS);
    schedule(tx, scope, execution, What::Retention, due).map(drop)
}

fn fire(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    due(tx, timer).map_err(ApiError::from)
}

fn due(tx: &mut Tx, timer: &Timer) -> Result<(), LambdaError> {
    let (scope, now) = (&timer.scope, timer.due);
    let Some((key, what)) = meant(timer) else { return Ok(()) };
    if what == What::Function {
        return Ok(remove_all(tx, scope, key.0, now)?);
    }
    let Some(mut execution) = durable::execution(tx, scope, key)? else { return Ok(()) };
    if what == What::Retention {
        return Ok(durable::remove_execution(tx, scope, &execution)?);
    }
    if execution.status != Status::Running {
        return Ok(());
    }
    match what {
        What::Deadline => {
            let seconds = execution.durable.timeout_s;
            let message = format!("Execution timed out after {seconds} seconds.");
            let error = output::message(&message);
            closing::close(tx, scope, execution, closing::How::TimedOut(error), now)
        }
        What::Retry => {
            execution.retry = None;
            operations::wake(tx, scope, &execution)?;
            Ok(durable::put_execution(tx, scope, &execution)?)
        }
        What::Operation(number) => {
            let end = End::Due;
            operations::end(tx, scope, &mut execution, number, end, now)?;
            Ok(durable::put_execution(tx, scope, &execution)?)
        }
        What::Callback(number) | What::Heartbeat(number) => {
            let (kind, message) = match what {
                What::Heartbeat(_) => ("Callback.Heartbeat", "Callback timed out on heartbeat"),
                _ => ("Callback.Timeout", "Callback timed out"),
            };
            let end = End::TimedOut(output::error(kind, message));
            operations::end(tx, scope, &mut execution, number, end, now)?;
            Ok(durable::put_execution(tx, scope, &execution)?)
        }
        What::Retention | What::Function => Ok(()),
    }
}

fn remove_all(tx: &mut Tx, scope: &Scope, function: Incarnation, now: Timestamp) -> Result<(), Fault> {
    let some: Vec<Execution> =
        durable::executions(tx, scope, function, None, false).take(AT_ONCE).collect::<Result<_, _>>()?;
    for execution in &some {
        durable::remove_execution(tx, scope, execution)?;
    }
    if some.len() == AT_ONCE { forget_function(tx, scope, function, now) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_say_what_is_due() {
        let key = (Incarnation(7), Incarnation(u64::MAX));
        let all = [
            What::Deadline,
            What::Retention,
            What::Retry,
            What::Operation(3),
            What::Callback(4),
            What::Heartbeat(5),
            What::Function,
        ];
        for what in all {
            let timer = timer(&Scope::Partition, key, what, Timestamp(5));
            assert_eq!(meant(&timer), Some((key, what)));
        }
        let bad = Timer {
            key: Bytes::from_static(b"\x03x"),
            ..timer(&Scope::Partition, key, all[0], Timestamp(0))
        };
        assert_eq!(meant(&bad), None);
    }
}

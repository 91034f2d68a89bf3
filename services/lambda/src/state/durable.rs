//! Durable executions: their rows, their operations, what happened to them, and which of them want to be run.
//!
//! An execution is keyed by its function and a number of its own; what it contains is keyed by that number.

mod texts;

pub use texts::{Text, put_text, text};

use crate::state::choices::Durable;
use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Corrupt, Fault, Incarnation, Read, Record, Span, Table, TimerId, Tx, record};

/// A durable execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The function.
    pub function: Incarnation,
    /// The number that its operations are keyed by.
    pub number: Incarnation,
    /// The function's name.
    pub function_name: String,
    /// The version that runs, from the first run to the last.
    pub version: String,
    /// The name that was given to it, or an id.
    pub name: String,
    /// Its id.
    pub id: String,
    /// When it began.
    pub started: Timestamp,
    /// When it was closed.
    pub ended: Option<Timestamp>,
    /// How it stands.
    pub status: Status,
    /// How long it may last and is kept.
    pub durable: Durable,
    /// What it was given; none where it was given nothing.
    pub input: Option<Text>,
    /// The digest of that.
    pub digest: [u8; 32],
    /// What it answered.
    pub result: Option<Text>,
    /// Why it failed: the JSON of an error object.
    pub error: Option<Text>,
    /// The tracing header of what led to it.
    pub trace: Option<String>,
    /// The execution that waits for it.
    pub parent: Option<Parent>,
    /// The run that is under way.
    pub run: Option<Run>,
    /// The last checkpoint, for a client that asks again.
    pub last: Option<LastCheckpoint>,
    /// Operations that changed since the function was told of them, by their numbers.
    pub unseen: Vec<u64>,
    /// Operations that something else than the function will end.
    pub pending: u32,
    /// Operations that there are.
    pub operations: u64,
    /// Events that there were.
    pub events: u64,
    /// Long texts that were kept.
    pub texts: u64,
    /// Bytes of all texts.
    pub bytes: u64,
    /// Runs in a row that failed.
    pub failures: u32,
    /// Has it run again after a run that failed or could not be.
    pub retry: Option<TimerId>,
    /// Ends it when it has lasted too long.
    pub deadline: Option<TimerId>,
    /// An event began it: nobody waits for its end, and its function's dead letter hears of a failure.
    pub of_event: bool,
}

impl Record for Execution {
    const VERSION: u8 = 2;

    fn upgrade(version: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        match version {
            // The first version ended before the last field, of which zero is the default.
            1 => postcard::from_bytes(&[bytes, &[0]].concat())
                .map_err(|_| Corrupt("the fields of an older record of an execution cannot be read")),
            _ => Err(Corrupt("the record of an execution has a version that cannot be read any more")),
        }
    }
}

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It is not closed.
    Running,
    /// It has a result.
    Succeeded,
    /// It has an error.
    Failed,
    /// It lasted too long.
    TimedOut,
    /// Somebody stopped it.
    Stopped,
}

/// The operation of another execution that waits for an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The other execution's function.
    pub function: Incarnation,
    /// The other execution.
    pub number: Incarnation,
    /// The operation.
    pub operation: u64,
}

/// A run of the function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its request id.
    pub request_id: String,
    /// The token that its next checkpoint has to bring.
    pub token: String,
    /// When it began.
    pub started: Timestamp,
}

/// A checkpoint, for a client that did not get its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCheckpoint {
    /// What the client calls it.
    pub client: String,
    /// The token that it brought.
    pub token: String,
    /// The operations that were told.
    pub operations: Vec<u64>,
}

/// An operation of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id, which the function gave it.
    pub id: String,
    /// The context that it is in.
    pub parent: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// `STEP`, `WAIT`, …
    pub kind: String,
    /// What the SDK calls it.
    pub sub_type: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// `STARTED`, `PENDING`, …
    pub status: String,
    /// What it answered.
    pub result: Option<Text>,
    /// Why it failed: the JSON of an error object.
    pub error: Option<Text>,
    /// The operations in this context are told although it has ended.
    pub replays: Option<bool>,
    /// Attempts that ended.
    pub attempt: u32,
    /// When it goes on: a wait, a step that is tried again.
    pub due: Option<Timestamp>,
    /// How long it waits, in seconds; of a callback, how long it waits at most.
    pub seconds: Option<u32>,
    /// How long a callback waits for a sign of life, in seconds.
    pub heartbeat: Option<u32>,
    /// What will end it.
    pub timers: Vec<TimerId>,
    /// What ends a callback that gives no sign of life.
    pub heartbeat_timer: Option<TimerId>,
}
record!(Operation, 1);

/// Something that happened to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// `StepStarted`, `WaitSucceeded`, …
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// The operation that it happened to; none where it happened to the execution.
    pub operation: Option<u64>,
    /// What else is known of it.
    pub detail: Detail,
}
record!(Moment, 1);

/// What is known of something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Detail {
    /// Nothing.
    Nothing,
    /// The execution began: with its input and its longest time.
    Began(Option<Text>, u32),
    /// It has a result.
    Result(Option<Text>),
    /// It has an error.
    Error(Option<Text>),
    /// A wait began: for so many seconds, until then.
    Wait(u32, Timestamp),
    /// A wait ended.
    Waited(Option<u32>),
    /// An attempt of a step succeeded or failed: with a result or an error, the attempt, the seconds until the next.
    Attempt(Option<Text>, u32, Option<u32>),
    /// Another function was called.
    Called(Called),
    /// A callback began: its id, its longest time and that between signs of life.
    Callback(String, Option<u32>, Option<u32>),
    /// A run of the function ended: with its id, its beginning and its error.
    Ran(String, Timestamp, Option<Text>),
}

/// A call of another function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// The function as it was named.
    pub function: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// What it was given.
    pub input: Option<Text>,
    /// The version that runs.
    pub version: Option<String>,
    /// The execution that it began.
    pub execution: Option<String>,
}

/// Something that is to be run now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Where its function is.
    pub scope: Scope,
    /// The execution's function, and the execution.
    pub execution: (Incarnation, Incarnation),
    /// The operation that calls another function; none where the execution itself is to be run.
    pub call: Option<Call>,
}
record!(Ready, 1);

/// A function that is called by an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The operation.
    pub operation: u64,
    /// Where the function is.
    pub scope: Scope,
    /// Its name.
    pub function: String,
    /// The version or alias.
    pub qualifier: Option<String>,
    /// What it gets.
    pub input: Option<Text>,
}

/// A number in a row of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Number(u64);
record!(Number, 1);

/// By their functions, and in the order in which they began.
pub static EXECUTIONS: Table<(Incarnation, Incarnation), Execution> =
    Table::new("lambda/executions", Class::Records);
static NAMES: Table<(Incarnation, String), Number> =
    Table::of_incarnation("lambda/execution-names", Class::Records);
static OPERATIONS: Table<(Incarnation, u64), Operation> =
    Table::of_incarnation("lambda/operations", Class::Items);
static OPERATION_IDS: Table<(Incarnation, String), Number> =
    Table::of_incarnation("lambda/operation-ids", Class::Items);
static HISTORY: Table<(Incarnation, u64), Moment> = Table::of_incarnation("lambda/history", Class::Items);
/// What is to be run now, of all accounts in one place, since whoever runs it needs it all.
pub static READY: Table<u64, Ready> = Table::new("lambda/ready-executions", Class::Queue);

/// An execution.
pub fn execution(
    read: &impl Read,
    scope: &Scope,
    (function, number): (Incarnation, Incarnation),
) -> Result<Option<Execution>, Fault> {
    read.get(&EXECUTIONS, scope, &(function, number))
}

/// The execution of a function by its name.
pub fn by_name(
    read: &impl Read,
    scope: &Scope,
    function: Incarnation,
    name: &str,
) -> Result<Option<Execution>, Fault> {
    match read.get(&NAMES, scope, &(function, name.to_owned()))? {
        Some(Number(number)) => execution(read, scope, (function, Incarnation(number))),
        None => Ok(None),
    }
}

/// The executions of a function behind one of them, in the order in which they began.
pub fn executions(
    read: &impl Read,
    scope: &Scope,
    function: Incarnation,
    after: Option<u64>,
    newest_first: bool,
) -> impl Iterator<Item = Result<Execution, Fault>> {
    let span = Span::of(&function);
    let span = match after.map(|after| (function, Incarnation(after))) {
        Some(last) if newest_first => span.before(&last),
        Some(last) => span.after(&last),
        None => span,
    };
    let span = if newest_first { span.reversed() } else { span };
    read.scan(&EXECUTIONS, scope, span).map(|row| row.map(|(_, execution)| execution))
}

/// Writes an execution.
pub fn put_execution(tx: &mut Tx, scope: &Scope, execution: &Execution) -> Result<(), Fault> {
    tx.put(&EXECUTIONS, scope, &(execution.function, execution.number), execution)
}

/// Writes a new execution with its name.
pub fn add_execution(tx: &mut Tx, scope: &Scope, execution: &Execution) -> Result<(), Fault> {
    let name = (execution.function, execution.name.clone());
    tx.put(&NAMES, scope, &name, &Number(execution.number.0))?;
    put_execution(tx, scope, execution)
}

/// Removes an execution with all that it has.
pub fn remove_execution(tx: &mut Tx, scope: &Scope, execution: &Execution) -> Result<(), Fault> {
    let name = (execution.function, execution.name.clone());
    if tx.get(&NAMES, scope, &name)? == Some(Number(execution.number.0)) {
        tx.delete(&NAMES, scope, &name)?;
    }
    for timer in execution.deadline.iter().chain(&execution.retry) {
        tx.cancel(timer)?;
    }
    tx.delete(&READY, &Scope::Partition, &execution.number.0)?;
    tx.delete(&EXECUTIONS, scope, &(execution.function, execution.number))?;
    tx.discard(scope, execution.number)
}

/// An operation by its number.
pub fn operation(
    read: &impl Read,
    scope: &Scope,
    execution: &Execution,
    number: u64,
) -> Result<Option<Operation>, Fault> {
    read.get(&OPERATIONS, scope, &(execution.number, number))
}

/// An operation by its id, with its number.
pub fn operation_by_id(
    read: &impl Read,
    scope: &Scope,
    execution: &Execution,
    id: &str,
) -> Result<Option<(u64, Operation)>, Fault> {
    let Some(Number(number)) = read.get(&OPERATION_IDS, scope, &(execution.number, id.to_owned()))? else {
        return Ok(None);
    };
    Ok(operation(read, scope, execution, number)?.map(|operation| (number, operation)))
}

/// The operations behind one of them, in the order in which they began.
pub fn operations(
    read: &impl Read,
    scope: &Scope,
    execution: &Execution,
    after: Option<u64>,
) -> impl Iterator<Item = Result<(u64, Operation), Fault>> {
    let span = Span::of(&execution.number);
    let span = after.map_or(span.clone(), |after| span.after(&(execution.number, after)));
    read.scan(&OPERATIONS, scope, span).map(|row| row.map(|((_, number), operation)| (number, operation)))
}

/// Writes an operation; one that has no number yet gets one.
pub fn put_operation(
    tx: &mut Tx,
    scope: &Scope,
    execution: &mut Execution,
    number: Option<u64>,
    operation: &Operation,
) -> Result<u64, Fault> {
    let at = match number {
        Some(number) => number,
        None => {
            execution.operations += 1;
            let id = (execution.number, operation.id.clone());
            tx.put(&OPERATION_IDS, scope, &id, &Number(execution.operations))?;
            execution.operations
        }
    };
    tx.put(&OPERATIONS, scope, &(execution.number, at), operation)?;
    Ok(at)
}

/// Adds something that happened.
pub fn add_moment(
    tx: &mut Tx,
    scope: &Scope,
    execution: &mut Execution,
    moment: &Moment,
) -> Result<(), Fault> {
    execution.events += 1;
    tx.put(&HISTORY, scope, &(execution.number, execution.events), moment)
}

/// What happened behind something that did, by its number.
pub fn history(
    read: &impl Read,
    scope: &Scope,
    execution: &Execution,
    after: Option<u64>,
    newest_first: bool,
) -> impl Iterator<Item = Result<(u64, Moment), Fault>> {
    let span = Span::of(&execution.number);
    let span = match after.map(|after| (execution.number, after)) {
        Some(last) if newest_first => span.before(&last),
        Some(last) => span.after(&last),
        None => span,
    };
    let span = if newest_first { span.reversed() } else { span };
    read.scan(&HISTORY, scope, span).map(|row| row.map(|((_, number), moment)| (number, moment)))
}

/// What is to be run now, by its number.
pub fn all_ready(read: &impl Read) -> impl Iterator<Item = Result<(u64, Ready), Fault>> {
    read.scan(&READY, &Scope::Partition, Span::all())
}

/// Something that is to be run now.
pub fn ready(read: &impl Read, number: u64) -> Result<Option<Ready>, Fault> {
    read.get(&READY, &Scope::Partition, &number)
}

/// Says that something is to be run now.
pub fn put_ready(tx: &mut Tx, number: u64, ready: &Ready) -> Result<(), Fault> {
    tx.put(&READY, &Scope::Partition, &number, ready)
}

/// Says that something is not to be run any more.
pub fn remove_ready(tx: &mut Tx, number: u64) -> Result<(), Fault> {
    tx.delete(&READY, &Scope::Partition, &number)
}

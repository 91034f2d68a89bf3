//! Tasks that move messages out of a dead-letter queue: the newest of each queue, by its name.

use names::{Arn, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Read, Span, Table, Tx, record};

/// How many tasks of a queue are remembered (ListMessageMoveTasks, API reference: up to 10 are listed).
const KEPT: usize = 10;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It moves messages.
    Running,
    /// It has moved all there were.
    Completed,
    /// It was told to stop.
    Cancelled,
    /// It could not go on.
    Failed,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveTask {
    /// Its id.
    pub id: String,
    /// The dead-letter queue.
    pub source: Arn,
    /// Where messages go; where each came from, if nothing is said.
    pub destination: Option<Arn>,
    /// How many a second, where that is bounded.
    pub rate: Option<u32>,
    /// Where it stands.
    pub status: Status,
    /// How many it has moved.
    pub moved: u64,
    /// How many there were when it began.
    pub to_move: u64,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it began.
    pub started: Timestamp,
}
record!(MoveTask, 1);

static TASKS: Table<(String, u64), MoveTask> = Table::new("sqs/move-tasks", Class::Records);

/// The tasks of a queue, the oldest first, with their numbers.
pub fn tasks(read: &impl Read, scope: &Scope, queue: &str) -> Result<Vec<(u64, MoveTask)>, Fault> {
    let rows = read.scan(&TASKS, scope, Span::of(&queue.to_owned()));
    rows.map(|row| row.map(|((_, number), task)| (number, task))).collect()
}

/// The task of an id.
pub fn task(
    read: &impl Read,
    scope: &Scope,
    queue: &str,
    id: &str,
) -> Result<Option<(u64, MoveTask)>, Fault> {
    Ok(tasks(read, scope, queue)?.into_iter().find(|(_, task)| task.id == id))
}

/// Adds a task, and lets the oldest go where there are too many.
pub fn add(tx: &mut Tx, scope: &Scope, queue: &str, task: &MoveTask) -> Result<(), Fault> {
    let known = tasks(tx, scope, queue)?;
    for (number, _) in known.iter().take((known.len() + 1).saturating_sub(KEPT)) {
        tx.delete(&TASKS, scope, &(queue.to_owned(), *number))?;
    }
    let number = tx.fresh_incarnation()?.0;
    tx.put(&TASKS, scope, &(queue.to_owned(), number), task)
}

/// Changes a task.
pub fn put(tx: &mut Tx, scope: &Scope, queue: &str, number: u64, task: &MoveTask) -> Result<(), Fault> {
    tx.put(&TASKS, scope, &(queue.to_owned(), number), task)
}

/// Forgets the tasks of a queue that is deleted.
pub fn forget(tx: &mut Tx, scope: &Scope, queue: &str) -> Result<(), Fault> {
    for (number, _) in tasks(tx, scope, queue)? {
        tx.delete(&TASKS, scope, &(queue.to_owned(), number))?;
    }
    Ok(())
}

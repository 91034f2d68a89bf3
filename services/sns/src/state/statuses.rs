//! What became of deliveries, as lines that are still to be logged: each is written in the commit that ends its
//! delivery, so that none is lost, and goes once the log has it.

use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Read, Snapshot, Table, Tx, record};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The name of the topic.
    pub topic: String,
    /// Whether the delivery succeeded.
    pub success: bool,
    /// When it ended.
    pub at: Timestamp,
    /// The line as the log has it.
    pub text: String,
    /// The request that caused the delivery, for our own log.
    pub cause: String,
}
record!(Line, 1);

/// In the scope of the topic, by a number in the order of commits.
pub static STATUSES: Table<u64, Line> = Table::new("sns/statuses", Class::Queue).large();

/// Leaves a line to be logged.
pub fn add(tx: &mut Tx, scope: &Scope, number: u64, line: &Line) -> Result<(), Fault> {
    tx.put_new(&STATUSES, scope, &number, line)
}

/// A line that is to be logged, if it still is.
pub fn line(read: &impl Read, scope: &Scope, number: u64) -> Result<Option<Line>, Fault> {
    read.get(&STATUSES, scope, &number)
}

/// Removes a line.
pub fn remove(tx: &mut Tx, scope: &Scope, number: u64) -> Result<(), Fault> {
    tx.delete(&STATUSES, scope, &number)
}

/// Where all lines are that are to be logged.
pub fn all(read: &Snapshot) -> impl Iterator<Item = Result<(Scope, u64), Fault>> {
    read.everywhere(&STATUSES).map(|row| row.map(|(scope, number, _)| (scope, number)))
}

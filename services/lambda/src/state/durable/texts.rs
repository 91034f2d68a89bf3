//! Inputs, results and errors of durable executions: short ones in the rows that have them, long ones in pieces
//! of their own. They are never changed, so that an operation and its history share them.

use super::Execution;
use bytes::Bytes;
use names::Scope;
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Incarnation, Raw, Read, Span, Table, Tx};

/// Longest text that stays in its row, in bytes.
const SHORT: usize = 1024;
/// Bytes of a piece.
const PIECE: usize = 1024 * 1024;

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Text {
    /// The text itself.
    Short(String),
    /// The number of its pieces' rows, and its bytes.
    Long(u64, u64),
}

static TEXTS: Table<(Incarnation, u64, u32), Raw> =
    Table::of_incarnation("lambda/execution-texts", Class::Items).large();

/// Keeps a text.
pub fn put_text(tx: &mut Tx, scope: &Scope, execution: &mut Execution, text: &str) -> Result<Text, Fault> {
    execution.bytes += text.len() as u64;
    if text.len() <= SHORT {
        return Ok(Text::Short(text.to_owned()));
    }
    execution.texts += 1;
    for (piece, bytes) in (0..).zip(text.as_bytes().chunks(PIECE)) {
        let key = (execution.number, execution.texts, piece);
        tx.put(&TEXTS, scope, &key, &Raw(Bytes::copy_from_slice(bytes)))?;
    }
    Ok(Text::Long(execution.texts, text.len() as u64))
}

/// Reads a text.
pub fn text(read: &impl Read, scope: &Scope, execution: Incarnation, text: &Text) -> Result<String, Fault> {
    let number = match text {
        Text::Short(text) => return Ok(text.clone()),
        Text::Long(number, _) => *number,
    };
    let mut whole = Vec::new();
    for row in read.scan(&TEXTS, scope, Span::of(&(execution, number))) {
        whole.extend_from_slice(&row?.1.0);
    }
    Ok(String::from_utf8_lossy(&whole).into_owned())
}

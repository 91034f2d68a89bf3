//! Writing events: one relaxed commit, which survives the end of the process, and a power loss after a
//! tenth of a second.

use crate::rules::EVENT_OVERHEAD_BYTES;
use crate::state::{self, Event, Group, Position, Stream};
use names::{Scope, Timestamp};
use store::{Fault, Tx};

/// An event to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its time.
    pub at: Timestamp,
    /// What it says.
    pub message: String,
}

/// Appends events to a stream; gives the number of the write.
pub fn append<'e>(
    tx: &mut Tx,
    scope: &Scope,
    (group, stream): (&Group, &Stream),
    events: impl Iterator<Item = &'e NewEvent>,
    now: Timestamp,
) -> Result<u64, Fault> {
    tx.relaxed();
    tx.allow_large();
    // A number of its own orders the events of one moment by the writes that brought them.
    let batch = tx.fresh_incarnation()?.0;
    let mut after = stream.clone();
    after.last_ingestion = Some(now);
    for (index, event) in (0..).zip(events) {
        let position = Position { at: event.at, batch, index };
        after.bytes += (event.message.len() + EVENT_OVERHEAD_BYTES) as u64;
        after.first_event = Some(after.first_event.map_or(event.at, |first| first.min(event.at)));
        after.last_event = Some(after.last_event.map_or(event.at, |last| last.max(event.at)));
        let event = Event { position, ingested: now, message: event.message.clone() };
        state::add_event(tx, scope, stream.incarnation, event)?;
    }
    state::change_stream(tx, scope, group.incarnation, (stream, &after))?;
    Ok(batch)
}

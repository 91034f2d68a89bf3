//! Asynchronous invocations that have not ended, in one place for all accounts: whoever runs them needs
//! them all.

use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Corrupt, Fault, Raw, Read, Record, Span, Table, Tx};

/// An asynchronous invocation that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where its function is.
    pub scope: Scope,
    /// The function's name.
    pub function: String,
    /// The version or alias that was named.
    pub qualifier: Option<String>,
    /// The invocation's request id.
    pub request_id: String,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// How often the function was run with it.
    pub attempts: u32,
    /// How often it was put off because the function could not be run.
    pub deferrals: u32,
    /// It waits for a timer before it is tried again.
    pub waits: bool,
    /// How many deliveries led to it.
    pub hops: u8,
    /// The tracing header of what led to it.
    pub trace: Option<String>,
}

impl Record for Event {
    const VERSION: u8 = 2;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        // The first version ended before the trace: nothing, which postcard writes as a zero.
        let whole = [bytes, &[0]].concat();
        postcard::from_bytes(&whole)
            .map_err(|_| Corrupt("the fields of the record's first version cannot be read"))
    }
}

/// By a number of its own; the view of what is to be run is made of these.
pub static EVENTS: Table<u64, Event> = Table::new("lambda/events", Class::Queue);
static PAYLOADS: Table<u64, Raw> = Table::new("lambda/event-payloads", Class::Queue).large();

/// Adds an asynchronous invocation.
pub fn add_event(tx: &mut Tx, event: &Event, payload: &bytes::Bytes) -> Result<(), Fault> {
    let number = tx.fresh_incarnation()?.0;
    tx.put(&PAYLOADS, &Scope::Partition, &number, &Raw(payload.clone()))?;
    tx.put(&EVENTS, &Scope::Partition, &number, event)
}

/// All asynchronous invocations that have not ended.
pub fn events(read: &impl Read) -> impl Iterator<Item = Result<(u64, Event), Fault>> {
    read.scan(&EVENTS, &Scope::Partition, Span::all())
}

/// An asynchronous invocation, if it has not ended.
pub fn event(read: &impl Read, number: u64) -> Result<Option<Event>, Fault> {
    read.get(&EVENTS, &Scope::Partition, &number)
}

/// What an asynchronous invocation is for.
pub fn event_payload(read: &impl Read, number: u64) -> Result<bytes::Bytes, Fault> {
    Ok(read.get(&PAYLOADS, &Scope::Partition, &number)?.map_or_else(bytes::Bytes::new, |Raw(bytes)| bytes))
}

/// Changes an asynchronous invocation.
pub fn put_event(tx: &mut Tx, number: u64, event: &Event) -> Result<(), Fault> {
    tx.put(&EVENTS, &Scope::Partition, &number, event)
}

/// Removes an asynchronous invocation.
pub fn end_event(tx: &mut Tx, number: u64) -> Result<(), Fault> {
    tx.delete(&PAYLOADS, &Scope::Partition, &number)?;
    tx.delete(&EVENTS, &Scope::Partition, &number)
}

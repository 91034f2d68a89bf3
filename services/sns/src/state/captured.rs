//! What went to phones, mailboxes, devices and delivery streams: nothing leaves the machine, so it is kept to
//! be looked at, the newest of each account and region.

use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Read, Snapshot, Span, Table, Tx, record};

/// How many are kept of an account and region.
const KEPT: u64 = 10_000;

/// To what kind of receiver something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A phone.
    Sms,
    /// A mailbox.
    Email,
    /// A device.
    Device,
    /// A delivery stream.
    Stream,
}

/// Something that went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// To what kind of receiver.
    pub kind: Kind,
    /// To which: a number, an address, an ARN.
    pub receiver: String,
    /// The topic it came from: its ARN.
    pub topic: Option<String>,
    /// The subscription: its ARN.
    pub subscription: Option<String>,
    /// The message's id.
    pub id: String,
    /// Its subject.
    pub subject: Option<String>,
    /// What went out.
    pub text: String,
    /// Message attributes as JSON: name to type and value.
    pub attributes: String,
    /// `json`, where the text was one of several.
    pub structure: Option<String>,
    /// When.
    pub at: Timestamp,
}
record!(Captured, 1);

static CAPTURED: Table<u64, Captured> = Table::new("sns/captured", Class::Queue).large();
static NUMBERS: Table<(), u64> = Table::new("sns/captured-numbers", Class::Queue);

/// Keeps what went out, and lets the oldest go where there are too many.
pub fn add(tx: &mut Tx, scope: &Scope, captured: &Captured) -> Result<(), Fault> {
    let number = tx.counter(&NUMBERS, scope, &())?;
    tx.put(&CAPTURED, scope, &number, captured)?;
    match number.checked_sub(KEPT) {
        Some(oldest) if oldest > 0 => tx.delete(&CAPTURED, scope, &oldest),
        _ => Ok(()),
    }
}

/// What went out from an account and region, the oldest first.
pub fn all(read: &Snapshot, scope: &Scope) -> impl Iterator<Item = Result<Captured, Fault>> {
    read.scan(&CAPTURED, scope, Span::all()).map(|row| row.map(|(_, captured)| captured))
}

/// Forgets what went out to a kind of receiver, where it is one of these.
pub fn forget(tx: &mut Tx, scope: &Scope, matches: impl Fn(&Captured) -> bool) -> Result<usize, Fault> {
    let mut gone = Vec::new();
    for row in tx.scan(&CAPTURED, scope, Span::all()) {
        let (number, captured) = row?;
        if matches(&captured) {
            gone.push(number);
        }
    }
    for number in &gone {
        tx.delete(&CAPTURED, scope, number)?;
    }
    Ok(gone.len())
}

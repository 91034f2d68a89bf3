//! Text messages: how an account sends them, who wants none, and the numbers of its sandbox.

use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Class, Fault, Read, Span, Table, Tx, record};

/// How an account sends text messages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// `DefaultSMSType`, `MonthlySpendLimit` and others, as they were set.
    pub attributes: BTreeMap<String, String>,
}
record!(Settings, 1);

/// A number of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxNumber {
    /// The number.
    pub number: String,
    /// The password that was sent to it.
    pub password: String,
    /// When it was added.
    pub added: Timestamp,
    /// The password was given back.
    pub verified: bool,
}
record!(SandboxNumber, 1);

/// A number that wants no messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptedOut {
    /// Since when.
    pub since: Timestamp,
}
record!(OptedOut, 1);

static SETTINGS: Table<(), Settings> = Table::new("sns/sms-settings", Class::Records);
static SANDBOX: Table<String, SandboxNumber> = Table::new("sns/sandbox-numbers", Class::Records);
static OPTED_OUT: Table<String, OptedOut> = Table::new("sns/opted-out", Class::Records);

/// How an account sends text messages.
pub fn settings(read: &impl Read, scope: &Scope) -> Result<Settings, Fault> {
    Ok(read.get(&SETTINGS, scope, &())?.unwrap_or_default())
}

/// Changes how an account sends text messages.
pub fn put_settings(tx: &mut Tx, scope: &Scope, settings: &Settings) -> Result<(), Fault> {
    tx.put(&SETTINGS, scope, &(), settings)
}

/// A number of the sandbox.
pub fn sandbox_number(read: &impl Read, scope: &Scope, number: &str) -> Result<Option<SandboxNumber>, Fault> {
    read.get(&SANDBOX, scope, &number.to_owned())
}

/// The numbers of the sandbox, after one of them.
pub fn sandbox_numbers(
    read: &impl Read,
    scope: &Scope,
    after: Option<&str>,
) -> impl Iterator<Item = Result<SandboxNumber, Fault>> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(&after.to_owned()));
    read.scan(&SANDBOX, scope, span).map(|row| row.map(|(_, number)| number))
}

/// Writes a number of the sandbox.
pub fn put_sandbox_number(tx: &mut Tx, scope: &Scope, number: &SandboxNumber) -> Result<(), Fault> {
    tx.put(&SANDBOX, scope, &number.number, number)
}

/// Removes a number of the sandbox.
pub fn remove_sandbox_number(tx: &mut Tx, scope: &Scope, number: &str) -> Result<(), Fault> {
    tx.delete(&SANDBOX, scope, &number.to_owned())
}

/// Whether a number wants no messages.
pub fn is_opted_out(read: &impl Read, scope: &Scope, number: &str) -> Result<bool, Fault> {
    read.has(&OPTED_OUT, scope, &number.to_owned())
}

/// The numbers that want no messages, after one of them.
pub fn opted_out(
    read: &impl Read,
    scope: &Scope,
    after: Option<&str>,
) -> impl Iterator<Item = Result<String, Fault>> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(&after.to_owned()));
    read.scan(&OPTED_OUT, scope, span).map(|row| row.map(|(number, _)| number))
}

/// Notes that a number wants no messages.
pub fn opt_out(tx: &mut Tx, scope: &Scope, number: &str, since: Timestamp) -> Result<(), Fault> {
    tx.put(&OPTED_OUT, scope, &number.to_owned(), &OptedOut { since })
}

/// Notes that a number wants messages again.
pub fn opt_in(tx: &mut Tx, scope: &Scope, number: &str) -> Result<(), Fault> {
    tx.delete(&OPTED_OUT, scope, &number.to_owned())
}

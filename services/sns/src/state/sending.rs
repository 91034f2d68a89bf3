//! What waits to be sent over HTTP: one row for each message and subscriber, until that has it or it is
//! given up; and the key that signs.

use names::{Arn, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Class, Fault, Read, Snapshot, Table, Tx, record};

/// One request that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// The topic.
    pub topic: Arn,
    /// The subscription: its ARN.
    pub subscription: String,
    /// The URL.
    pub url: String,
    /// Its headers, without those of HTTP itself.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
    /// The message's id.
    pub message: String,
    /// Whether it only asks for confirmation: then nothing follows from a failure.
    pub asks: bool,
    /// How often it was tried.
    pub attempts: u32,
    /// It waits for its timer.
    pub waits: bool,
    /// When the message was published.
    pub posted: Timestamp,
    /// The request that caused it.
    pub cause: String,
    /// How many deliveries led to it.
    pub hops: u8,
}
record!(Sending, 1);

impl Sending {
    /// The message's own text: all of the body, where that is no envelope.
    pub fn text(&self) -> String {
        let raw = self.headers.contains_key("x-amz-sns-rawdelivery");
        let enveloped: Option<serde_json::Value> = serde_json::from_str(&self.body).ok().filter(|_| !raw);
        let text = enveloped.as_ref().and_then(|envelope| envelope.get("Message")?.as_str());
        text.unwrap_or(&self.body).to_owned()
    }
}

/// The key that signs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// The primes that make it, each big-endian.
    pub primes: Vec<Vec<u8>>,
    /// Its certificate.
    pub certificate: String,
}
record!(SigningKey, 1);

/// In the scope of the topic, by a number in the order of commits.
pub static SENDINGS: Table<u64, Sending> = Table::new("sns/sendings", Class::Queue).large();
static SIGNING_KEYS: Table<(), SigningKey> = Table::new("sns/signing-keys", Class::Records);

/// Leaves a request to be made.
pub fn add(tx: &mut Tx, scope: &Scope, sending: &Sending) -> Result<(), Fault> {
    let number = tx.fresh_incarnation()?.0;
    tx.put(&SENDINGS, scope, &number, sending)
}

/// A request that is to be made, if it still is.
pub fn sending(read: &impl Read, scope: &Scope, number: u64) -> Result<Option<Sending>, Fault> {
    read.get(&SENDINGS, scope, &number)
}

/// Changes a request that is to be made.
pub fn put(tx: &mut Tx, scope: &Scope, number: u64, sending: &Sending) -> Result<(), Fault> {
    tx.put(&SENDINGS, scope, &number, sending)
}

/// Removes a request that was made, or never will be.
pub fn remove(tx: &mut Tx, scope: &Scope, number: u64) -> Result<(), Fault> {
    tx.delete(&SENDINGS, scope, &number)
}

/// All requests that are to be made, in all scopes.
pub fn all(read: &Snapshot) -> impl Iterator<Item = Result<(Scope, u64, Sending), Fault>> {
    read.everywhere(&SENDINGS)
}

/// The key that signs, once there is one.
pub fn signing_key(read: &impl Read) -> Result<Option<SigningKey>, Fault> {
    read.get(&SIGNING_KEYS, &Scope::Partition, &())
}

/// Keeps the key that signs; the one there is, if somebody was faster and it fits.
pub fn keep_signing_key(
    tx: &mut Tx,
    key: &SigningKey,
    fits: impl Fn(&SigningKey) -> bool,
) -> Result<SigningKey, Fault> {
    match signing_key(tx)?.filter(fits) {
        Some(known) => Ok(known),
        None => {
            tx.put(&SIGNING_KEYS, &Scope::Partition, &(), key)?;
            Ok(key.clone())
        }
    }
}

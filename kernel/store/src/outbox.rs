//! The outbox: deliveries committed together with the state that causes them.
//!
//! A row says where a payload goes and through which lane. The payload is stored in the row, or once for
//! all rows of a transaction that share it, and goes with the last of them. Numbers order the rows of an
//! ordered lane as the commits were ordered.

use crate::key::Key;
use crate::read::Read;
use crate::span::Span;
use crate::table::{Class, Table};
use crate::tx::Tx;
use crate::value::Raw;
use crate::{Corrupt, Fault, KeyReader, KeyWriter, record};
use bytes::Bytes;
use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(crate) static ROWS: Table<RowId, OutboxRow> = Table::new("store/outbox", Class::Queue).large();
static NUMBERS: Table<LaneId, u64> = Table::new("store/outbox-numbers", Class::Queue);
static PAYLOADS: Table<u64, Raw> = Table::new("store/outbox-payloads", Class::Queue).large();
static PAYLOAD_USES: Table<u64, u64> = Table::new("store/outbox-payload-uses", Class::Queue);

/// A way from a source to a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// Who delivers: an ARN.
    pub source: String,
    /// To whom: an ARN.
    pub target: String,
    /// Deliveries of one group go one at a time, in order; those of none in parallel.
    pub group: Option<String>,
}

impl Lane {
    /// The lane's identity.
    pub fn id(&self) -> LaneId {
        let mut digest = Sha256::new();
        for part in [&self.source, &self.target] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.update([u8::from(self.group.is_some())]);
        digest.update(self.group.as_deref().unwrap_or_default());
        let mut id = [0; 16];
        id.copy_from_slice(&digest.finalize()[..16]);
        LaneId(id)
    }
}

/// A lane's identity, of fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LaneId([u8; 16]);

impl Key for LaneId {
    fn encode(&self, out: &mut KeyWriter) {
        self.0.encode(out);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        Key::decode(reader).map(LaneId)
    }
}

/// A row's identity: its lane and its number in it. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowId {
    /// The lane.
    pub lane: LaneId,
    /// Its place in the lane.
    pub number: u64,
    /// Unique among all rows there ever were.
    pub unique: u64,
}

impl Key for RowId {
    fn encode(&self, out: &mut KeyWriter) {
        self.lane.encode(out);
        self.number.encode(out);
        self.unique.encode(out);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        let lane = LaneId::decode(reader)?;
        Ok(RowId { lane, number: u64::decode(reader)?, unique: u64::decode(reader)? })
    }
}

impl crate::key::PrefixOf<RowId> for LaneId {}

/// What a row stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowKind {
    /// One delivery to the lane's target.
    Delivery,
    /// Deliveries to all receivers the source has, still to be made into rows, chunk by chunk.
    FanOut {
        /// Where the next chunk begins, in a form its source chooses; nothing at the start.
        cursor: Option<Bytes>,
    },
}

/// Where a row's payload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// In the row.
    Own(Bytes),
    /// Stored once for several rows.
    Shared(u64),
}

/// A delivery to be posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The lane it goes through.
    pub lane: Lane,
    /// Whose it is, for the bounds of an account.
    pub scope: Scope,
    /// What it stands for.
    pub kind: RowKind,
    /// What only this receiver needs to know: attributes, role, dead letter, in a form the relay knows.
    pub detail: Bytes,
    /// When it was caused, on the virtual clock.
    pub posted: Timestamp,
    /// When it may go, at the earliest.
    pub ready: Timestamp,
    /// The request or delivery that caused it.
    pub cause: String,
    /// How many deliveries led to it.
    pub hops: u8,
}

/// A delivery waiting in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// What was posted; `ready` moves with each attempt, a fan-out's cursor with each chunk.
    pub post: Post,
    /// Its payload.
    pub payload: Payload,
    /// How often it was tried.
    pub attempt: u32,
}
record!(OutboxRow, 1);

/// A row of the outbox with its payload, if it is still there.
pub fn delivery(read: &impl Read, id: &RowId) -> Result<Option<(OutboxRow, Bytes)>, Fault> {
    let Some(row) = read.get(&ROWS, &Scope::Partition, id)? else { return Ok(None) };
    let payload = match &row.payload {
        Payload::Own(bytes) => bytes.clone(),
        Payload::Shared(number) => match read.get(&PAYLOADS, &Scope::Partition, number)? {
            Some(Raw(bytes)) => bytes,
            None => return Err(Tx::corrupt("store/outbox", "a delivery's payload is missing")),
        },
    };
    Ok(Some((row, payload)))
}

impl Tx {
    /// Posts deliveries of one payload.
    pub fn post(&mut self, payload: Bytes, posts: Vec<Post>) -> Result<Vec<RowId>, Fault> {
        let alone = matches!(posts.as_slice(), [Post { kind: RowKind::Delivery, .. }]);
        if alone || posts.is_empty() {
            return self.post_rows(&Payload::Own(payload), posts);
        }
        let number = self.fresh_number()?;
        self.put(&PAYLOADS, &Scope::Partition, &number, &Raw(payload))?;
        self.post_onward(&Payload::Shared(number), posts)
    }

    /// Posts more deliveries of a payload that is in the outbox: the chunks of a fan-out.
    pub fn post_onward(&mut self, payload: &Payload, posts: Vec<Post>) -> Result<Vec<RowId>, Fault> {
        if let Payload::Shared(number) = payload {
            let uses = self.get(&PAYLOAD_USES, &Scope::Partition, number)?.unwrap_or(0);
            self.put(&PAYLOAD_USES, &Scope::Partition, number, &(uses + posts.len() as u64))?;
        }
        self.post_rows(payload, posts)
    }

    fn post_rows(&mut self, payload: &Payload, posts: Vec<Post>) -> Result<Vec<RowId>, Fault> {
        posts
            .into_iter()
            .map(|post| {
                let lane = post.lane.id();
                let unique = self.fresh_number()?;
                let number = match post.lane.group {
                    Some(_) => self.counter(&NUMBERS, &Scope::Partition, &lane)?,
                    None => unique,
                };
                let id = RowId { lane, number, unique };
                let row = OutboxRow { post, payload: payload.clone(), attempt: 0 };
                self.put_new(&ROWS, &Scope::Partition, &id, &row)?;
                Ok(id)
            })
            .collect()
    }

    /// Takes a delivery out of the outbox, in the commit that does what it stands for; nothing if it is
    /// gone.
    pub fn take_delivery(&mut self, id: &RowId) -> Result<Option<(OutboxRow, Bytes)>, Fault> {
        let Some((row, payload)) = delivery(self, id)? else { return Ok(None) };
        self.take_row(id, &row.payload, row.post.lane.group.is_some())?;
        Ok(Some((row, payload)))
    }

    /// Takes a delivery out of the outbox that was read before; says whether it was still there.
    pub fn take_known(&mut self, id: &RowId, payload: &Payload, ordered: bool) -> Result<bool, Fault> {
        if !self.has(&ROWS, &Scope::Partition, id)? {
            return Ok(false);
        }
        self.take_row(id, payload, ordered)?;
        Ok(true)
    }

    /// Whether deliveries of an ordered lane wait in the outbox.
    pub fn lane_waits(&self, lane: &Lane) -> Result<bool, Fault> {
        // Its counter is there as long as a row of it is.
        self.has(&NUMBERS, &Scope::Partition, &lane.id())
    }

    fn take_row(&mut self, id: &RowId, payload: &Payload, ordered: bool) -> Result<(), Fault> {
        self.delete(&ROWS, &Scope::Partition, id)?;
        if let Payload::Shared(number) = payload {
            self.release(number)?;
        }
        if ordered {
            self.forget_empty_lane(id.lane)?;
        }
        Ok(())
    }

    /// Changes a delivery that stays: its attempt, when it is ready, a fan-out's cursor. Says whether it
    /// is still there.
    pub fn change_delivery(
        &mut self,
        id: &RowId,
        change: impl FnOnce(&mut OutboxRow),
    ) -> Result<bool, Fault> {
        let Some(mut row) = self.get(&ROWS, &Scope::Partition, id)? else { return Ok(false) };
        change(&mut row);
        self.put(&ROWS, &Scope::Partition, id, &row)?;
        Ok(true)
    }

    fn release(&mut self, payload: &u64) -> Result<(), Fault> {
        match self.get(&PAYLOAD_USES, &Scope::Partition, payload)? {
            Some(uses) if uses > 1 => self.put(&PAYLOAD_USES, &Scope::Partition, payload, &(uses - 1)),
            _ => {
                self.delete(&PAYLOAD_USES, &Scope::Partition, payload)?;
                self.delete(&PAYLOADS, &Scope::Partition, payload)
            }
        }
    }

    /// A lane's counter goes with its last row: groups come without end.
    fn forget_empty_lane(&mut self, lane: LaneId) -> Result<(), Fault> {
        let left = self.scan(&ROWS, &Scope::Partition, Span::of(&lane)).next().transpose()?;
        if left.is_none() {
            self.delete(&NUMBERS, &Scope::Partition, &lane)?;
        }
        Ok(())
    }
}

//! The store: typed tables, re-runnable transactions, views, timers, the outbox, blobs.
//!
//! A room declares its tables as statics and works on them in transactions:
//!
//! ```ignore
//! static QUEUES: Table<String, QueueRecord> = Table::new("sqs/queues", Class::Records);
//! static MESSAGES: Table<(Incarnation, u64), MessageRecord> =
//!     Table::of_incarnation("sqs/messages", Class::Queue).large();
//!
//! #[derive(Serialize, Deserialize)]
//! struct QueueRecord { incarnation: Incarnation, retention_seconds: u32 }
//! record!(QueueRecord, 1);
//!
//! let id = store.commit(move |tx| {
//!     let queue = tx.get(&QUEUES, &scope, &name)?.ok_or(SqsError::NoSuchQueue)?;
//!     let number = tx.counter(&COUNTERS, &scope, &queue.incarnation)?;
//!     tx.put(&MESSAGES, &scope, &(queue.incarnation, number), &message)?;
//!     Ok::<_, SqsError>(number)
//! }).await?;
//!
//! let page = store.read().scan(&MESSAGES, &scope, Span::of(&incarnation).after(&last)).take(100);
//! ```
//!
//! What holds: a commit that returned survives a crash and a power loss, and everyone who reads or
//! commits after it sees it, in the views too. Transactions are serializable: what one read, ranges and
//! absences included, has not changed when it is committed. Closures run again where it has, so they
//! have no effect but on `tx`. Nothing here knows which engine it is on.
//!
//! The way of a commit: `store.rs` (first run, on the caller's thread) → `committer.rs` (resolve against
//! `window.rs`, apply, sync, publish) → `feed.rs` → `view.rs` → the caller.

mod across;
mod archive;
mod blobs;
mod claim;
mod committer;
#[cfg(feature = "contract")]
pub mod contract;
mod engine;
mod erase;
mod fault;
mod faulty;
mod feed;
mod garbage;
mod guards;
mod host_time;
mod hot;
mod key;
mod lanes;
mod memory;
mod outbox;
mod read;
mod slices;
mod span;
mod state;
mod store;
mod sweeping;
mod table;
mod timers;
mod tx;
mod value;
mod view;
mod window;
mod writes;

pub use across::{Looked, Place};
pub use archive::{ArchiveError, Archived, Saving, check, load};
pub use blobs::{
    BLOCK, BlobBackend, BlobId, BlobReader, BlobRef, BlobSink, BlobSource, BlobWriter, Blobs, FileBlobs,
    INLINE_LIMIT, MemoryBlobs, SyncAhead,
};
pub use claim::Claim;
pub use engine::{Batch, Engine, EngineError, EngineSnapshot, Rows};
pub use fault::{Corrupt, Fault, Reason};
pub use faulty::{Failure, FaultyEngine};
pub use feed::Change;
pub use garbage::Swept;
pub use guards::DataDirectory;
pub use key::{Incarnation, Key, KeyReader, KeyWriter, OfIncarnation, PrefixOf, Tail};
pub use lanes::{Lanes, OutboxLanes};
pub use memory::MemoryEngine;
pub use outbox::{Lane, LaneId, OutboxRow, Payload, Post, RowId, RowKind, delivery};
pub use read::{Read, Scan, Snapshot};
pub use span::{Span, Start};
pub use store::{OpenError, Options, Store};
pub use table::{Class, Table, TableId};
pub use timers::{DueTimer, DueTimers, Schedule, Timer, TimerId, timer};
pub use tx::Tx;
pub use value::{Raw, Record, Value};
pub use view::{View, ViewHandle, Watch};

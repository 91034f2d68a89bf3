//! What has gone and is still stored: rows of discarded incarnations and blobs no one refers to.
//!
//! Discarding is one small row in the commit that lets something go; `sweep` removes the rest later, in
//! bounded steps, and may be stopped and repeated at any point.

use crate::blobs::{BlobId, BlobRef};
use crate::key::{Incarnation, Key};
use crate::read::{self, Read, Snapshot};
use crate::span::Span;
use crate::state::{self, CHUNKS, Stored};
use crate::table::{Class, Table};
use crate::tx::Tx;
use crate::{Fault, Store, record};
use bytes::Bytes;
use names::Scope;
use serde::{Deserialize, Serialize};

pub(crate) const TABLE_NAME: &str = "store/garbage";
static GARBAGE: Table<u64, Garbage> = Table::new(TABLE_NAME, Class::Garbage);
/// How many rows refer to a blob.
static BLOB_USES: Table<u64, u64> = Table::new("store/blob-uses", Class::Records);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Garbage {
    Rows { scope: Scope, incarnation: Incarnation },
    Blob(BlobId),
}
record!(Garbage, 1);

/// How many rows one commit of the sweeper removes.
const ROWS_PER_COMMIT: usize = 256;

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows removed.
    pub rows: usize,
    /// Blobs removed.
    pub blobs: usize,
    /// Whether something is left.
    pub more: bool,
}

impl Tx {
    /// Gives up all rows keyed by an incarnation: its head must go, or get a new number, in this commit.
    pub fn discard(&mut self, scope: &Scope, incarnation: Incarnation) -> Result<(), Fault> {
        self.throw_away(&Garbage::Rows { scope: scope.clone(), incarnation })
    }

    /// Says that a row of this commit refers to a blob. A blob may be kept by several rows.
    pub fn keep_blob(&mut self, blob: &BlobRef) -> Result<(), Fault> {
        let BlobRef::File { id, .. } = blob else { return Ok(()) };
        self.counter(&BLOB_USES, &Scope::Partition, &id.0).map(drop)
    }

    /// Says that a row refers to a blob no longer; after the last one its bytes are swept.
    pub fn discard_blob(&mut self, blob: &BlobRef) -> Result<(), Fault> {
        let BlobRef::File { id, .. } = blob else { return Ok(()) };
        match self.get(&BLOB_USES, &Scope::Partition, &id.0)? {
            None => Ok(()),
            Some(0 | 1) => {
                self.delete(&BLOB_USES, &Scope::Partition, &id.0)?;
                self.throw_away(&Garbage::Blob(*id))
            }
            Some(uses) => self.put(&BLOB_USES, &Scope::Partition, &id.0, &(uses - 1)),
        }
    }

    fn throw_away(&mut self, garbage: &Garbage) -> Result<(), Fault> {
        let number = self.fresh_number()?;
        self.put(&GARBAGE, &Scope::Partition, &number, garbage)
    }
}

impl Store {
    /// Removes garbage, about `limit` rows and blobs of it; nothing while another does, or while a state is
    /// being saved.
    pub async fn sweep(&self, limit: usize) -> Result<Swept, Fault> {
        let mut swept = Swept::default();
        let Some(_turn) = self.shared.sweeping.begin() else { return Ok(swept) };
        while swept.rows + swept.blobs < limit {
            let oldest = self.read().scan(&GARBAGE, &Scope::Partition, Span::all()).next().transpose()?;
            let Some((number, garbage)) = oldest else { return Ok(swept) };
            match garbage {
                Garbage::Blob(id) => {
                    self.blobs().run(move |backend| backend.remove(id)).await?;
                    swept.blobs += 1;
                }
                Garbage::Rows { scope, incarnation } => {
                    let removed = self.remove_rows(&scope, incarnation).await?;
                    swept.rows += removed;
                    if removed > 0 {
                        continue;
                    }
                }
            }
            self.reclaim(move |tx| tx.delete(&GARBAGE, &Scope::Partition, &number)).await?;
        }
        swept.more = true;
        Ok(swept)
    }

    /// Removes up to `ROWS_PER_COMMIT` rows of an incarnation.
    async fn remove_rows(&self, scope: &Scope, incarnation: Incarnation) -> Result<usize, Fault> {
        let snapshot = self.read();
        let mut found: Vec<(Class, Bytes)> = Vec::new();
        for Stored { number, class, large, .. } in snapshot.state.catalog.of_incarnation() {
            for number in [number, number | CHUNKS].into_iter().take(1 + usize::from(large)) {
                let mut prefix = state::prefix_of(number, scope);
                incarnation.encode(&mut prefix);
                let room = ROWS_PER_COMMIT - found.len();
                let engine = snapshot.published.engine.as_ref();
                let keys = read::stored_keys(engine, class, &prefix.into_vec(), room)?;
                found.extend(keys.into_iter().map(|key| (class, key)));
            }
        }
        let count = found.len();
        if count > 0 {
            self.reclaim(move |tx| {
                found.iter().try_for_each(|(class, key)| tx.delete_stored(*class, key.clone()))
            })
            .await?;
        }
        Ok(count)
    }

    /// Lets go of every blob that any row refers to.
    pub(crate) async fn discard_all_blobs(&self) -> Result<(), Fault> {
        loop {
            let snapshot = self.read();
            let used = snapshot.scan(&BLOB_USES, &Scope::Partition, Span::all()).take(ROWS_PER_COMMIT);
            let used: Vec<u64> = used.map(|row| row.map(|(id, _)| id)).collect::<Result<_, _>>()?;
            if used.is_empty() {
                return Ok(());
            }
            self.reclaim(move |tx| {
                used.iter().try_for_each(|id| {
                    tx.delete(&BLOB_USES, &Scope::Partition, id)?;
                    tx.throw_away(&Garbage::Blob(BlobId(*id)))
                })
            })
            .await?;
        }
    }

    async fn reclaim(
        &self,
        work: impl Fn(&mut Tx) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), Fault> {
        self.commit(move |tx| {
            tx.reclaim();
            work(tx)
        })
        .await
    }

    /// Removes the blobs of one of 256 shelves that were written before the store was opened and that no
    /// commit kept; says how many, or nothing where it has to be asked again since a state is being saved. A
    /// worker goes over all shelves once after a start that was not clean.
    pub async fn sweep_orphans(&self, shelf: u8) -> Result<Option<usize>, Fault> {
        let Some(_turn) = self.shared.sweeping.begin() else { return Ok(None) };
        let found = self.blobs().run(move |backend| backend.list(shelf)).await?;
        let mut removed = 0;
        for id in found.into_iter().filter(|id| id.0 < self.shared.opened_at) {
            let read = self.read();
            if !read.has(&BLOB_USES, &Scope::Partition, &id.0)? {
                self.blobs().run(move |backend| backend.remove(id)).await?;
                removed += 1;
            }
        }
        Ok(Some(removed))
    }
}

/// The blobs that rows of a state refer to.
pub(crate) fn blobs_in_use(read: &Snapshot) -> impl Iterator<Item = Result<BlobId, Fault>> {
    read.scan(&BLOB_USES, &Scope::Partition, Span::all()).map(|row| row.map(|(id, _)| BlobId(id)))
}

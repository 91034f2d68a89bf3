//! Emptying a store, or what one account has in it, in bounded commits that views see like any others.

use crate::engine::EngineSnapshot;
use crate::garbage;
use crate::key::{self, Key, KeyWriter};
use crate::outbox::{self, RowId};
use crate::read;
use crate::state::{self, CHUNKS, Stored};
use crate::table::{self, Class, TableId};
use crate::timers;
use crate::{Fault, Store};
use bytes::Bytes;
use names::AccountId;

/// How many rows one commit removes.
const ROWS_PER_COMMIT: usize = 1000;
/// How many deliveries, each with its payload.
const DELIVERIES_PER_COMMIT: usize = 100;

impl Store {
    /// Removes everything but the rows of the tables in `keep`; blobs become garbage. Says how many rows
    /// went. Each commit is whole, but the store is empty only after the last: callers hold requests back.
    pub async fn erase(&self, keep: &[&str]) -> Result<usize, Fault> {
        self.discard_all_blobs().await?;
        let own = [garbage::TABLE_NAME];
        let tables = self.read().state.catalog.all();
        let mut removed = 0;
        for (name, stored) in tables {
            if keep.contains(&name.as_str()) || own.contains(&name.as_str()) {
                continue;
            }
            removed += self.erase_table(&name, stored, &[]).await?;
        }
        Ok(removed)
    }

    /// Removes what is in the scopes of an account, its timers and its deliveries; says how many rows went.
    /// What it has in the partition, and the blobs that its rows refer to, are let go by whoever keeps
    /// them, before this.
    pub async fn erase_account(&self, account: AccountId) -> Result<usize, Fault> {
        let mut removed = self.erase_deliveries(account).await?;
        removed += self
            .remove_where(&timers::TIMERS, move |_, _, timer| timer.scope.account() == Some(account))
            .await?;
        for (name, stored) in self.read().state.catalog.all() {
            for kind in [key::OF_ACCOUNT, key::REGIONAL] {
                let mut scope = KeyWriter::default();
                scope.raw(&[kind]);
                account.encode(&mut scope);
                removed += self.erase_table(&name, stored, &scope.into_vec()).await?;
            }
        }
        Ok(removed)
    }

    /// Removes the rows of a table whose scopes begin so.
    async fn erase_table(&self, name: &str, stored: Stored, scopes: &[u8]) -> Result<usize, Fault> {
        let id = table::known(name);
        let mut removed = 0;
        for number in [stored.number, stored.number | CHUNKS].into_iter().take(1 + usize::from(stored.large))
        {
            let prefix = state::numbered_key(number, scopes);
            loop {
                let keys = self.first_keys(stored.class, &prefix)?;
                if keys.is_empty() {
                    break;
                }
                removed += keys.len();
                self.erase_rows(id, stored.class, keys).await?;
            }
        }
        Ok(removed)
    }

    fn first_keys(&self, class: Class, prefix: &[u8]) -> Result<Vec<Bytes>, Fault> {
        let snapshot = self.read();
        let engine: &dyn EngineSnapshot = snapshot.published.engine.as_ref();
        read::stored_keys(engine, class, prefix, ROWS_PER_COMMIT)
    }

    async fn erase_rows(&self, id: Option<TableId>, class: Class, keys: Vec<Bytes>) -> Result<(), Fault> {
        self.commit(move |tx| {
            tx.reclaim();
            tx.allow_large();
            keys.iter().try_for_each(|key| tx.delete_row(id, class, key.clone()))
        })
        .await
    }

    /// Takes the deliveries of an account out of the outbox.
    async fn erase_deliveries(&self, account: AccountId) -> Result<usize, Fault> {
        let snapshot = self.read();
        let (mut removed, mut portion): (usize, Vec<RowId>) = (0, Vec::new());
        for row in snapshot.everywhere(&outbox::ROWS) {
            let (_, id, row) = row?;
            if row.post.scope.account() == Some(account) {
                portion.push(id);
            }
            if portion.len() == DELIVERIES_PER_COMMIT {
                removed += self.take_deliveries(std::mem::take(&mut portion)).await?;
            }
        }
        Ok(removed + self.take_deliveries(portion).await?)
    }

    async fn take_deliveries(&self, ids: Vec<RowId>) -> Result<usize, Fault> {
        self.commit(move |tx| {
            tx.reclaim();
            tx.allow_large();
            let mut taken = 0;
            for id in &ids {
                taken += usize::from(tx.take_delivery(id)?.is_some());
            }
            Ok(taken)
        })
        .await
    }
}

//! Emptying a store: every row of every table, in bounded commits that views see like any others.

use crate::garbage;
use crate::read;
use crate::state::{CHUNKS, Stored};
use crate::table::{self, Class, TableId};
use crate::{Fault, Store};
use bytes::Bytes;

/// How many rows one commit removes.
const ROWS_PER_COMMIT: usize = 1000;

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
            removed += self.erase_table(&name, stored).await?;
        }
        Ok(removed)
    }

    async fn erase_table(&self, name: &str, stored: Stored) -> Result<usize, Fault> {
        let id = table::known(name);
        let mut removed = 0;
        for number in [stored.number, stored.number | CHUNKS].into_iter().take(1 + usize::from(stored.large))
        {
            loop {
                let keys = self.first_keys(stored.class, number)?;
                if keys.is_empty() {
                    break;
                }
                removed += keys.len();
                self.erase_rows(id, stored.class, keys).await?;
            }
        }
        Ok(removed)
    }

    fn first_keys(&self, class: Class, number: u16) -> Result<Vec<Bytes>, Fault> {
        let snapshot = self.read();
        read::stored_keys(snapshot.published.engine.as_ref(), class, &number.to_be_bytes(), ROWS_PER_COMMIT)
    }

    async fn erase_rows(&self, id: Option<TableId>, class: Class, keys: Vec<Bytes>) -> Result<(), Fault> {
        self.commit(move |tx| {
            tx.reclaim();
            tx.allow_large();
            keys.iter().try_for_each(|key| tx.delete_row(id, class, key.clone()))
        })
        .await
    }
}

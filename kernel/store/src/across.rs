//! A table's rows in all of its scopes, in the order of these, page by page: for what concerns an account
//! in every region, or everybody.

use crate::key::{self, Key, KeyReader, KeyWriter};
use crate::read::{self, Snapshot};
use crate::span;
use crate::state::BEFORE_SCOPE;
use crate::table::Table;
use crate::value::Value;
use crate::{Corrupt, Fault, Read, Store};
use bytes::Bytes;
use names::{AccountId, Scope};

/// A row's scope and key.
pub type Place<K> = (Scope, K);

/// What a look at some rows came to.
#[derive(Debug)]
pub struct Looked<K> {
    /// Rows looked at.
    pub rows: usize,
    /// Rows removed.
    pub removed: usize,
    /// The last row looked at, if there may be more behind it.
    pub last: Option<Place<K>>,
}

/// How many rows one step looks at.
const PAGE: usize = 500;

impl Snapshot {
    /// The rows of a table in every scope.
    pub fn everywhere<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
    ) -> impl Iterator<Item = Result<(Scope, K, V), Fault>> + use<K, V> {
        self.across(table, None, None)
    }

    /// The rows of a table in every region of an account.
    pub fn in_regions_of<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        account: AccountId,
    ) -> impl Iterator<Item = Result<(Scope, K, V), Fault>> + use<K, V> {
        self.across(table, Some(account), None)
    }

    fn across<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        account: Option<AccountId>,
        after: Option<&Place<K>>,
    ) -> impl Iterator<Item = Result<(Scope, K, V), Fault>> + use<K, V> {
        let (rows, failed) = match self.range_across(table, account, after) {
            Ok(rows) => (Some(rows), None),
            Err(fault) => (None, Some(Err(fault))),
        };
        let (engine, shape) = (self.published.engine.clone(), table.shape);
        let decode = move |(key, value): (Bytes, Bytes)| {
            let corrupt = |why| Fault::Corrupt { table: shape.name, why };
            let value = read::whole(engine.as_ref(), &shape, &key, value)?;
            let (scope, key) = place(&key).map_err(corrupt)?;
            Ok((scope, key, V::decode(value).map_err(corrupt)?))
        };
        failed.into_iter().chain(rows.into_iter().flatten().map(move |row| decode(row?)))
    }

    fn range_across<K: Key, V>(
        &self,
        table: &Table<K, V>,
        account: Option<AccountId>,
        after: Option<&Place<K>>,
    ) -> Result<crate::Rows, Fault> {
        let mut low = KeyWriter::default();
        low.raw(&self.state.catalog.prefix(table, &Scope::Partition)?.into_vec()[..BEFORE_SCOPE]);
        if let Some(account) = account {
            low.raw(&[key::REGIONAL]);
            account.encode(&mut low);
        }
        let low = low.into_vec();
        let high = key::after_prefix(low.clone()).unwrap_or_default();
        let low = match after {
            None => low,
            Some((scope, key)) => span::next(read::stored_key(&self.state, table, scope, key)?),
        };
        Ok(self.published.engine.range(table.shape.class, &low, &high, false))
    }
}

fn place<K: Key>(key: &[u8]) -> Result<Place<K>, Corrupt> {
    let mut reader = KeyReader::new(&key[BEFORE_SCOPE..]);
    let scope = Scope::decode(&mut reader)?;
    let key = K::decode(&mut reader)?;
    reader.finish((scope, key))
}

impl Store {
    /// Looks at up to `limit` rows of a table behind a place, in every scope, and removes those that match,
    /// in one commit.
    pub async fn remove_some<K, V, F>(
        &self,
        table: &'static Table<K, V>,
        after: Option<Place<K>>,
        limit: usize,
        matches: F,
    ) -> Result<Looked<K>, Fault>
    where
        K: Key + Clone + Send + Sync + 'static,
        V: Value,
        F: Fn(&Scope, &K, &V) -> bool + Send + 'static,
    {
        let mut looked = Looked { rows: 0, removed: 0, last: None };
        let mut found = Vec::new();
        for row in self.read().across(table, None, after.as_ref()).take(limit) {
            let (scope, key, value) = row?;
            looked.rows += 1;
            if matches(&scope, &key, &value) {
                found.push((scope.clone(), key.clone()));
            }
            looked.last = Some((scope, key));
        }
        if looked.rows < limit {
            looked.last = None;
        }
        if !found.is_empty() {
            looked.removed = self
                .commit(move |tx| {
                    tx.reclaim();
                    let mut removed = 0;
                    for (scope, key) in &found {
                        let still = tx.get(table, scope, key)?.is_some_and(|now| matches(scope, key, &now));
                        if still {
                            tx.delete(table, scope, key)?;
                            removed += 1;
                        }
                    }
                    Ok::<_, Fault>(removed)
                })
                .await?;
        }
        Ok(looked)
    }

    /// Removes all rows of a table that match, in every scope, in bounded commits; says how many.
    pub async fn remove_where<K, V, F>(&self, table: &'static Table<K, V>, matches: F) -> Result<usize, Fault>
    where
        K: Key + Clone + Send + Sync + 'static,
        V: Value,
        F: Fn(&Scope, &K, &V) -> bool + Clone + Send + 'static,
    {
        let (mut removed, mut after) = (0, None);
        loop {
            let looked = self.remove_some(table, after, PAGE, matches.clone()).await?;
            removed += looked.removed;
            after = looked.last;
            if after.is_none() {
                return Ok(removed);
            }
        }
    }
}

//! Reading a page of a table or an index: rows of a range until the limit or a megabyte, then filtered
//! and projected. What a page costs depends on what it reads, not on what the table holds.

use crate::errors::DynamoError;
use crate::rules::codec;
use crate::rules::expression::bind::Bound;
use crate::rules::expression::projection::Projection;
use crate::rules::rows::RowRange;
use crate::rules::size::{self, MAX_PAGE};
use crate::rules::value::Item;
use crate::state::{self, IndexRecord, TableRecord};
use names::Scope;
use service::Ctx;
use std::sync::Arc;
use store::Snapshot;

/// Up to this many bytes a page is read where the request is handled; the rest goes to the pool for long
/// work.
const SHORT_READ: usize = 64 * 1024;

/// What is to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The account and region of the table.
    pub scope: Scope,
    /// The table.
    pub table: Arc<TableRecord>,
    /// The index that is read, by its place in the record.
    pub index: Option<usize>,
    /// The rows.
    pub range: RowRange,
    /// From the least key to the greatest, or back.
    pub forward: bool,
    /// The most items to look at.
    pub limit: Option<usize>,
    /// What items must meet to be answered.
    pub filter: Option<Bound>,
    /// What is answered of them.
    pub projection: Option<Projection>,
    /// Only how many there are is answered.
    pub counts_only: bool,
    /// Items are fetched from the table, because a local index does not hold what is asked for.
    pub fetches: bool,
}

/// A page.
#[derive(Debug, Default)]
pub struct Page {
    /// What is answered of the items.
    pub items: Vec<Item>,
    /// How many items passed the filter.
    pub count: usize,
    /// How many were looked at.
    pub scanned: usize,
    /// The key of the last one looked at, where there may be more.
    pub last: Option<Item>,
    /// The bytes of the items that were read of the index or table.
    pub bytes: usize,
    /// What they count towards the megabyte.
    pub filled: usize,
    /// The units of fetching items from the table.
    pub fetched_blocks: usize,
}

/// Where reading stopped before the page was full.
enum Stop {
    /// The page is done.
    Full,
    /// There is more to read behind a row.
    Paused(Vec<u8>),
}

impl Reading {
    /// The index that is read.
    pub fn index(&self) -> Option<&IndexRecord> {
        self.table.indexes.get(self.index?)
    }

    /// Reads the page.
    ///
    /// # Errors
    /// The store's.
    pub async fn page(self, ctx: &Ctx) -> Result<Page, DynamoError> {
        let read = ctx.read();
        let mut page = Page::default();
        let Stop::Paused(after) = self.fill(&read, &mut page, self.range.clone(), SHORT_READ)? else {
            return Ok(page);
        };
        let rest = move || {
            let range = self.range.clone().after(after, self.forward);
            self.fill(&read, &mut page, range, usize::MAX).map(|_| page)
        };
        ctx.compute(rest).await.map_err(|_| DynamoError::Corrupt("a page cannot be read"))?
    }

    fn fill(
        &self,
        read: &Snapshot,
        page: &mut Page,
        range: RowRange,
        pause: usize,
    ) -> Result<Stop, DynamoError> {
        let sort_key = self.table.key.sort.first().map(|sort| sort.name.as_str());
        let incarnation = self.index().map_or(self.table.incarnation, |index| index.incarnation);
        for row in state::rows(read, &self.scope, incarnation, &range, self.forward) {
            let (key, bytes) = row?;
            let item = state::item(&bytes)?;
            page.scanned += 1;
            page.bytes += codec::stored_size(&bytes);
            page.filled += size::in_page(&item, sort_key);
            let is_full = self.limit == Some(page.scanned) || page.filled >= MAX_PAGE;
            if is_full {
                page.last = Some(self.position(&item));
            }
            self.answer(read, page, item)?;
            if is_full {
                return Ok(Stop::Full);
            }
            if page.bytes >= pause {
                return Ok(Stop::Paused(key.to_vec()));
            }
        }
        Ok(Stop::Full)
    }

    fn answer(&self, read: &Snapshot, page: &mut Page, item: Item) -> Result<(), DynamoError> {
        let item = if self.fetches { self.fetched(read, page, item)? } else { item };
        if self.filter.as_ref().is_some_and(|filter| !filter.holds(&item)) {
            return Ok(());
        }
        page.count += 1;
        if self.counts_only {
            return Ok(());
        }
        page.items.push(match &self.projection {
            Some(projection) => projection.of(&item),
            None => item,
        });
        Ok(())
    }

    fn fetched(&self, read: &Snapshot, page: &mut Page, entry: Item) -> Result<Item, DynamoError> {
        let Some(key) = self.table.key.row(&entry) else { return Ok(entry) };
        let Some(row) = state::row(read, &self.scope, self.table.incarnation, &key)? else {
            return Ok(entry);
        };
        page.fetched_blocks += codec::stored_size(&row).div_ceil(4096).max(1);
        state::item(&row)
    }

    /// The key of an item, as the next page starts behind it.
    fn position(&self, item: &Item) -> Item {
        let mut position = self.table.key.key_of(item);
        if let Some(index) = self.index() {
            position.extend(index.key.key_of(item));
        }
        position
    }
}

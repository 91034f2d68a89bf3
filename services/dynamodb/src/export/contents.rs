//! What the files of an export hold: the items of a moment, or what became of each item that was changed in a
//! period. Portion by portion in the order of rows, so that a table of any size costs no more than a portion.

use crate::copy::Source;
use crate::errors::DynamoError;
use crate::rules::codec;
use crate::rules::keys::KeySchema;
use crate::rules::rows::RowRange;
use crate::rules::value::Item;
use crate::rules::{ion, json};
use crate::state::backups::Window;
use crate::state::{self, TableRecord, history, streams};
use crate::statistics::Count;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use names::Timestamp;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Bound;
use store::Incarnation;

/// A file ends when it holds this many bytes, before they are compressed.
const FILE_BYTES: usize = 8 * 1024 * 1024;
/// How many changed rows are gathered at once; each portion reads the changes of the whole period.
const CHANGED_ROWS: usize = 4_000;
/// How many of them are written to lines at once.
const LINES: usize = 64;

/// What is written.
#[derive(Clone)]
pub struct Contents {
    /// Where it is read.
    pub source: Source,
    /// Whether it is written in Ion.
    pub is_ion: bool,
    /// The changes, where it is not all items.
    pub changes: Option<Changes>,
}

/// The changes of a period.
#[derive(Clone)]
pub struct Changes {
    history: Incarnation,
    /// The number of the first, of the first behind the period, and behind all.
    numbers: (u64, u64, u64),
    has_old: bool,
    key: KeySchema,
}

impl Changes {
    /// Those of a period, as a table's history holds them.
    ///
    /// # Errors
    /// The store's, and where the table has none: it had one when the export was begun.
    pub fn of(source: &Source, table: &TableRecord, window: &Window) -> Result<Self, DynamoError> {
        let history = table.history.as_ref().ok_or(DynamoError::Corrupt("a table without its history"))?;
        let history = history.incarnation;
        let end = streams::head(&source.read, &source.scope, table.incarnation)?.number + 1;
        let number = |moment: Timestamp| {
            history::first_after(&source.read, &source.scope, history, moment.plus_millis(-1), end)
        };
        let numbers = (number(window.from)?, number(window.to)?, end);
        Ok(Changes { history, numbers, has_old: window.has_old, key: table.key.clone() })
    }
}

/// A changed row: the numbers of its first change in the period and of its first one behind that, and when it
/// was written last.
struct Changed {
    first: u64,
    behind: Option<u64>,
    at: Timestamp,
}

/// Some lines for a file, what they hold, and where the next begin.
type Lines = (String, Count, Option<RowRange>);

/// One file: its compressed bytes, and what it holds.
pub struct File {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The items and their bytes.
    pub count: Count,
}

impl Contents {
    /// How names of files end.
    pub fn ending(&self) -> &'static str {
        if self.is_ion { "ion.gz" } else { "json.gz" }
    }

    /// The next file, and where the one after it begins.
    ///
    /// # Errors
    /// The store's.
    pub fn file(&self, range: RowRange) -> Result<(File, Option<RowRange>), DynamoError> {
        let cannot = |_| DynamoError::Corrupt("a file cannot be compressed");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let (mut plain, mut count, mut next) = (0, Count::default(), Some(range));
        while let Some(range) = next.take_if(|_| plain < FILE_BYTES) {
            let mut write = |(lines, some, rest): Lines| {
                gzip.write_all(lines.as_bytes()).map_err(cannot)?;
                plain += lines.len();
                count = count.plus(some);
                Ok::<_, DynamoError>(rest)
            };
            next = match &self.changes {
                None => write(self.items(&range)?)?,
                Some(changes) => self.changed(changes, &range, &mut write)?,
            };
        }
        let bytes = gzip.finish().map_err(cannot)?;
        Ok((File { bytes, count }, next))
    }

    fn items(&self, range: &RowRange) -> Result<Lines, DynamoError> {
        let (portion, next) = self.source.portion(range)?;
        let (mut lines, mut count) = (String::new(), Count::default());
        for stored in portion.iter().filter_map(|(_, stored)| stored.as_ref()) {
            let item = state::item(stored)?;
            lines.push_str(&if self.is_ion { ion::line(&item) } else { json::line(&item) });
            lines.push('\n');
            count = count.plus(one(stored));
        }
        Ok((lines, count, next))
    }

    fn changed(
        &self,
        changes: &Changes,
        range: &RowRange,
        write: &mut impl FnMut(Lines) -> Result<Option<RowRange>, DynamoError>,
    ) -> Result<Option<RowRange>, DynamoError> {
        let (rows, more) = self.gathered(changes, range)?;
        let (mut lines, mut count) = (String::new(), Count::default());
        for (place, (row, changed)) in rows.iter().enumerate() {
            let (line, bytes) = self.change(changes, row, changed)?;
            lines.push_str(&line);
            count = count.plus(Count { items: i64::from(!line.is_empty()), bytes });
            if place % LINES == LINES - 1 {
                write((std::mem::take(&mut lines), std::mem::take(&mut count), None))?;
            }
        }
        let last = rows.last_key_value().filter(|_| more);
        let next =
            last.map(|(row, _)| RowRange { low: Bound::Excluded(row.to_vec()), high: Bound::Unbounded });
        write((lines, count, next))
    }

    /// The first rows behind a place that were changed, and whether there are more.
    fn gathered(
        &self,
        changes: &Changes,
        range: &RowRange,
    ) -> Result<(BTreeMap<Bytes, Changed>, bool), DynamoError> {
        let (read, scope) = (&self.source.read, &self.source.scope);
        let (first, behind, end) = changes.numbers;
        let is_past = |row: &Bytes| match &range.low {
            Bound::Excluded(low) => row[..] <= low[..],
            Bound::Included(low) => row[..] < low[..],
            Bound::Unbounded => false,
        };
        let (mut rows, mut more) = (BTreeMap::<Bytes, Changed>::new(), false);
        for change in history::changes(read, scope, changes.history, (first, behind), true) {
            let (number, undo) = change?;
            if let Some(known) = rows.get_mut(&undo.row) {
                known.at = undo.at;
                continue;
            }
            if is_past(&undo.row) {
                continue;
            }
            if rows.len() == CHANGED_ROWS {
                more = true;
                // What is dropped here lies behind all that stays, so it never comes back in this portion.
                match rows.last_key_value() {
                    Some((last, _)) if undo.row > *last => continue,
                    _ => drop(rows.pop_last()),
                }
            }
            rows.insert(undo.row, Changed { first: number, behind: None, at: undo.at });
        }
        for change in history::changes(read, scope, changes.history, (behind, end), true) {
            let (number, undo) = change?;
            if let Some(known) = rows.get_mut(&undo.row).filter(|known| known.behind.is_none()) {
                known.behind = Some(number);
            }
        }
        Ok((rows, more))
    }

    /// The line of a changed row and the bytes that it tells of; nothing for what came and went in the period.
    fn change(&self, changes: &Changes, row: &[u8], changed: &Changed) -> Result<(String, i64), DynamoError> {
        let (read, scope) = (&self.source.read, &self.source.scope);
        let before = |number: u64| {
            let mut found = history::changes(read, scope, changes.history, (number, number + 1), true);
            let (_, undo) = found.next().ok_or(DynamoError::Corrupt("a change is not there any more"))??;
            Ok::<_, DynamoError>(undo.before)
        };
        let old = before(changed.first)?;
        let new = match changed.behind {
            Some(number) => before(number)?,
            None => state::row(read, scope, self.source.rows, row)?,
        };
        let Some(any) = new.as_ref().or(old.as_ref()) else { return Ok((String::new(), 0)) };
        let key = changes.key.key_of(&state::item(any)?);
        let image = |image: &Option<Bytes>| image.as_ref().map(state::item).transpose();
        let (new_image, old_image) = (image(&new)?, image(&old)?.filter(|_| changes.has_old));
        let mut images: Vec<(&str, &Item)> = vec![("Keys", &key)];
        images.extend(new_image.as_ref().map(|item| ("NewImage", item)));
        images.extend(old_image.as_ref().map(|item| ("OldImage", item)));
        let micros = changed.at.millis().saturating_mul(1_000);
        let line =
            if self.is_ion { ion::change_line(micros, &images) } else { json::change_line(micros, &images) };
        Ok((line + "\n", one(any).bytes))
    }
}

fn one(stored: &Bytes) -> Count {
    Count { items: 1, bytes: codec::stored_size(stored) as i64 }
}

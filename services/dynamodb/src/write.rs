//! Writing one item: look at what is there, judge the condition, write the row, its index entries and its
//! moment of expiry. Put, Update, Delete, batches and transactions all go through here.

use crate::changes;
use crate::collections;
use crate::errors::DynamoError;
use crate::rules::change::Origin;
use crate::rules::checks;
use crate::rules::codec::{self, Stored};
use crate::rules::expiry;
use crate::rules::expression::apply::{self, Inapplicable};
use crate::rules::expression::bind::Bound;
use crate::rules::expression::path::Path;
use crate::rules::expression::update::Action;
use crate::rules::keys::{KeyPart, KeySchema};
use crate::rules::size::{self, MAX_ITEM};
use crate::rules::value::{self, Item, Kind, Value};
use crate::state::{self, Expiry, IndexRecord, TableRecord};
use crate::statistics::{Count, Deltas};
use crate::timers;
use names::{Scope, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;
use store::Tx;

/// What an update is told that writes, or leaves, more than an item may hold.
pub const UPDATE_TOO_LARGE: &str = "Item size to update has exceeded the maximum allowed size";

/// What is done to an item.
#[derive(Debug, Clone)]
pub enum Act {
    /// It is replaced; the item itself is kept only where indexes need it.
    Put(Stored, Option<Item>),
    /// It is changed; whether by `AttributeUpdates`, which words a mismatch its own way.
    Update(Vec<Action>, bool),
    /// It goes.
    Delete,
    /// It is only looked at.
    Check,
}

/// One item's write, decided but for what is there.
#[derive(Debug, Clone)]
pub struct ItemWrite {
    /// The account and region of the table.
    pub scope: Scope,
    /// The table.
    pub table: Arc<TableRecord>,
    /// When.
    pub now: Timestamp,
    /// The bytes of the item's key.
    pub row: Vec<u8>,
    /// Its key.
    pub key: Item,
    /// What must hold.
    pub condition: Option<Bound>,
    /// Whether a failed condition answers the item.
    pub shows_failed: bool,
    /// Whether a failed condition means that the item is there already.
    pub inserts: bool,
    /// What is done.
    pub act: Act,
    /// Through whom.
    pub origin: Origin,
}

/// What a write found and left.
#[derive(Debug, Default)]
pub struct Written {
    /// The item before; decoded only where it was needed.
    pub before: Before,
    /// The item after an update.
    pub after: Option<Item>,
    /// The size of the item before and after; 0 where there is none.
    pub sizes: (usize, usize),
    /// The write units of indexes that changed, by the index's place in the record.
    pub index_units: Vec<(usize, f64)>,
    /// What it does to the counts.
    pub deltas: Deltas,
}

/// What was there.
#[derive(Debug, Default)]
pub struct Before {
    row: Option<bytes::Bytes>,
    item: Option<Item>,
}

impl Before {
    fn read(&mut self) -> Result<(), DynamoError> {
        if let (Some(row), None) = (&self.row, &self.item) {
            self.item = Some(state::item(row)?);
        }
        Ok(())
    }

    /// The item that was there.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn item(mut self) -> Result<Option<Item>, DynamoError> {
        self.read()?;
        Ok(self.item)
    }
}

impl ItemWrite {
    /// Runs the write in a transaction.
    ///
    /// # Errors
    /// Where the condition does not hold or the update cannot be applied, and the store's.
    pub fn run(&self, tx: &mut Tx) -> Result<Written, DynamoError> {
        let table = &*self.table;
        let mut before =
            Before { row: state::row(tx, &self.scope, table.incarnation, &self.row)?, item: None };
        self.judge(&mut before)?;
        let has_entries = !table.indexes.is_empty() || table.expiry.is_some();
        if has_entries || matches!(self.act, Act::Update(..)) {
            before.read()?;
        }
        let mut written = Written::default();
        written.sizes.0 = before.row.as_deref().map_or(0, codec::stored_size);
        let after = match &self.act {
            Act::Check => {
                written.sizes.1 = written.sizes.0;
                written.before = before;
                return Ok(written);
            }
            Act::Delete => None,
            Act::Put(stored, item) => Some((stored.clone(), item.as_ref().map(Cow::Borrowed))),
            // What only takes away does not make an item, wherever its paths lead.
            Act::Update(actions, _) if before.item.is_none() && only_takes_away(actions) => {
                state::check_epoch(tx, &self.scope, table)?;
                return Ok(written);
            }
            Act::Update(actions, legacy) => {
                let item = self.updated(before.item.as_ref(), actions, *legacy)?;
                let stored = codec::encode(&item);
                if stored.size > MAX_ITEM {
                    return Err(DynamoError::invalid(UPDATE_TOO_LARGE));
                }
                Some((stored, Some(Cow::Owned(item))))
            }
        };
        tx.allow_large();
        self.write_row(tx, &before, after.as_ref().map(|(stored, _)| stored), &mut written)?;
        if has_entries {
            let item = after.as_ref().and_then(|(_, item)| item.as_deref());
            self.write_entries(tx, before.item.as_ref(), item, &mut written)?;
            collections::keep(tx, self, before.item.as_ref(), &written.deltas)?;
        }
        if table.keeps_changes() {
            changes::keep(tx, self, before.row.as_ref(), after.as_ref().map(|(stored, _)| stored))?;
        }
        written.before = before;
        written.after = match after {
            Some((_, Some(Cow::Owned(item)))) => Some(item),
            _ => None,
        };
        Ok(written)
    }

    fn judge(&self, before: &mut Before) -> Result<(), DynamoError> {
        let Some(condition) = &self.condition else { return Ok(()) };
        before.read()?;
        let nothing = Item::new();
        if condition.holds(before.item.as_ref().unwrap_or(&nothing)) {
            return Ok(());
        }
        if self.inserts {
            return Err(DynamoError::Duplicate);
        }
        Err(DynamoError::ConditionFailed(if self.shows_failed { before.item.take() } else { None }))
    }

    fn updated(&self, before: Option<&Item>, actions: &[Action], legacy: bool) -> Result<Item, DynamoError> {
        let mut item = before.cloned().unwrap_or_else(|| self.key.clone());
        apply::apply(actions, &mut item).map_err(|why| match why {
            Inapplicable::WrongType if legacy => {
                DynamoError::invalid("Type mismatch for attribute to update")
            }
            why => DynamoError::invalid(why.to_string()),
        })?;
        for action in actions {
            let head = &action.path().head;
            item.get(head).map(checks::nesting).transpose()?;
            check_updated(&self.table, head, &item)?;
        }
        Ok(item)
    }

    fn write_row(
        &self,
        tx: &mut Tx,
        before: &Before,
        after: Option<&Stored>,
        written: &mut Written,
    ) -> Result<(), DynamoError> {
        let incarnation = self.table.incarnation;
        match after {
            Some(stored) => {
                state::put_row(tx, &self.scope, incarnation, &self.row, stored)?;
                written.sizes.1 = stored.size;
            }
            None if before.row.is_some() => state::remove_row(tx, &self.scope, incarnation, &self.row)?,
            None => return Ok(()),
        }
        // Reading the epoch last keeps it out of the way of what only looks.
        state::check_epoch(tx, &self.scope, &self.table)?;
        let items = i64::from(after.is_some()) - i64::from(before.row.is_some());
        let bytes = written.sizes.1 as i64 - written.sizes.0 as i64;
        if (items, bytes) != (0, 0) {
            written.deltas.push((incarnation, Count { items, bytes }));
        }
        Ok(())
    }

    fn write_entries(
        &self,
        tx: &mut Tx,
        before: Option<&Item>,
        after: Option<&Item>,
        written: &mut Written,
    ) -> Result<(), DynamoError> {
        for (place, index) in self.table.indexes.iter().enumerate() {
            let units = write_entry(tx, self, index, (before, after), &mut written.deltas)?;
            if units > 0.0 {
                written.index_units.push((place, units));
            }
        }
        if let Some(expiry) = &self.table.expiry {
            let due = |item: Option<&Item>| item.and_then(|item| expiry::seconds(item, &expiry.attribute));
            self.move_due(tx, expiry, due(before), due(after))?;
        }
        Ok(())
    }

    fn move_due(
        &self,
        tx: &mut Tx,
        expiry: &Expiry,
        before: Option<i64>,
        after: Option<i64>,
    ) -> Result<(), DynamoError> {
        if before == after {
            return Ok(());
        }
        if let Some(seconds) = before {
            state::remove_row(tx, &self.scope, expiry.incarnation, &expiry::row(seconds, &self.row))?;
        }
        if let Some(seconds) = after {
            let row = expiry::row(seconds, &self.row);
            state::put_bytes(tx, &self.scope, expiry.incarnation, &row, bytes::Bytes::new())?;
            timers::expect(tx, (&self.scope, &self.table.name), expiry, seconds, self.now)?;
        }
        Ok(())
    }
}

fn only_takes_away(actions: &[Action]) -> bool {
    let takes_away = |action: &Action| matches!(action, Action::Remove(_) | Action::Delete(..));
    !actions.is_empty() && actions.iter().all(takes_away)
}

fn write_entry(
    tx: &mut Tx,
    write: &ItemWrite,
    index: &IndexRecord,
    (before, after): (Option<&Item>, Option<&Item>),
    deltas: &mut Deltas,
) -> Result<f64, DynamoError> {
    let key = &write.table.key;
    let entry = |item: Option<&Item>| {
        let item = item?;
        Some((index.key.index_row(item, key, &write.row)?, index.entry(key, item)))
    };
    let (old, new) = (entry(before), entry(after));
    if old == new {
        return Ok(0.0);
    }
    let mut units = 0.0;
    let mut count = Count::default();
    if let Some((row, stored)) = &old {
        count = Count { items: -1, bytes: -(stored.size as i64) };
        if new.as_ref().is_none_or(|(new_row, _)| new_row != row) {
            state::remove_row(tx, &write.scope, index.incarnation, row)?;
            units += size::write_units(stored.size, 0);
        }
    }
    if let Some((row, stored)) = &new {
        state::put_row(tx, &write.scope, index.incarnation, row, stored)?;
        let replaced = old.as_ref().filter(|(old_row, _)| old_row == row);
        units += size::write_units(replaced.map_or(0, |(_, old)| old.size), stored.size);
        count = Count { items: count.items + 1, bytes: count.bytes + stored.size as i64 };
    }
    // An entry of an index that is being filled may not have been there before.
    if count != Count::default() && !index.is_filling {
        deltas.push((index.incarnation, count));
    }
    Ok(units)
}

fn is_empty(value: &Value) -> Option<&'static str> {
    match value {
        Value::S(text) if text.is_empty() => Some("string"),
        Value::B(bytes) if bytes.is_empty() => Some("binary"),
        _ => None,
    }
}

fn index_parts(table: &TableRecord) -> impl Iterator<Item = (&IndexRecord, &KeyPart)> {
    table.indexes.iter().flat_map(|index| index.key.parts().map(move |part| (index, part)))
}

/// Checks the index keys of an item that is put.
///
/// # Errors
/// AWS's message.
pub fn check_index_keys(table: &TableRecord, item: &Item) -> Result<(), DynamoError> {
    for (index, part) in index_parts(table) {
        let Some(value) = item.get(&part.name) else { continue };
        check_index_kind(index, part, value::kind(value))?;
        if let Some(what) = is_empty(value) {
            return Err(DynamoError::invalid(format!(
                "One or more parameter values are not valid. A value specified for a secondary index key is \
                 not supported. The AttributeValue for a key attribute cannot contain an empty {what} value. \
                 IndexName: {}, IndexKey: {}",
                index.name, part.name
            )));
        }
        index.key.check_size(part, value)?;
        index.key.check_sizes(item)?;
    }
    Ok(())
}

fn check_index_kind(index: &IndexRecord, part: &KeyPart, kind: Option<Kind>) -> Result<(), DynamoError> {
    match kind {
        Some(kind) if kind != part.kind.kind() => Err(DynamoError::invalid_value(format!(
            "Type mismatch for Index Key {} Expected: {} Actual: {} IndexName: {}",
            part.name,
            part.kind.name(),
            kind.name(),
            index.name
        ))),
        _ => Ok(()),
    }
}

fn check_updated(table: &TableRecord, name: &str, item: &Item) -> Result<(), DynamoError> {
    for (index, part) in index_parts(table).filter(|(_, part)| part.name == name) {
        let Some(value) = item.get(name) else { continue };
        if value::kind(value) != Some(part.kind.kind()) {
            return Err(DynamoError::invalid(
                "The update expression attempted to update the secondary index key to unsupported type",
            ));
        }
        if let Some(what) = is_empty(value) {
            return Err(DynamoError::invalid(format!(
                "One or more parameter values are not valid. The update expression attempted to update a \
                 secondary index key to a value that is not supported. The AttributeValue for a key \
                 attribute cannot contain an empty {what} value."
            )));
        }
        index.key.check_size(part, value)?;
        index.key.check_sizes(item)?;
    }
    Ok(())
}

/// Checks what an update changes against the keys of table and indexes.
///
/// # Errors
/// AWS's message.
pub fn check_actions(table: &TableRecord, actions: &[Action]) -> Result<(), DynamoError> {
    for part in table.key.parts() {
        if actions.iter().any(|action| action.path().head == part.name) {
            return Err(DynamoError::invalid_value(format!(
                "Cannot update attribute {}. This attribute is part of the key",
                part.name
            )));
        }
    }
    for (index, part) in index_parts(table) {
        let whole = |action: &&Action| action.path().head == part.name && action.path().steps.is_empty();
        if let Some(action) = actions.iter().find(whole) {
            check_index_kind(index, part, action.result())?;
        }
    }
    let mut paths: Vec<&Path> = actions.iter().map(Action::path).collect();
    for action in actions {
        if let Action::Set(_, source) = action {
            source.each_path(&mut |path| paths.push(path));
        }
    }
    check_scalar_keys(table, &table.key, paths.into_iter())
}

/// Refuses paths that lead into key attributes, which have no inside.
///
/// # Errors
/// AWS's message.
pub fn check_scalar_keys<'p>(
    table: &TableRecord,
    key: &KeySchema,
    paths: impl Iterator<Item = &'p Path>,
) -> Result<(), DynamoError> {
    for path in paths.filter(|path| !path.steps.is_empty()) {
        let what = if key.has(&path.head) {
            "Key"
        } else if index_parts(table).any(|(_, part)| part.name == path.head) {
            "IndexKey"
        } else {
            continue;
        };
        return Err(DynamoError::invalid(format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: \
             {what}: {}",
            path.head
        )));
    }
    Ok(())
}

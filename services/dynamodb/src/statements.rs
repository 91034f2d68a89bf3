//! Statements of PartiQL against tables: which rows a SELECT reads, which write of an item the others are.

use crate::capacity::{Usage, Used};
use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find::{self, Finder, Found};
use crate::ops::delete_item::keyed_write;
use crate::ops::put_item::{item_write, stored};
use crate::pages::{Page, Reading};
use crate::rules::codec;
use crate::rules::expression::bind::{Bound, Operand};
use crate::rules::expression::condition::{Ask, Condition};
use crate::rules::expression::path::{Path, Step};
use crate::rules::expression::projection::Projection;
use crate::rules::expression::update::Action;
use crate::rules::keys::KeySchema;
use crate::rules::partiql::bind::Parameters;
use crate::rules::partiql::keys::{self, Keyed, PartitionOrder};
use crate::rules::partiql::syntax::{Change, Order, Returning, Statement, Verb};
use crate::rules::rows::Rows;
use crate::rules::size::{self, Consistency};
use crate::rules::value::{Item, Value};
use crate::select;
use crate::state::{self, IndexScope, TableRecord};
use crate::throttle::{self, Side};
use crate::write::{self, Act, ItemWrite, Written};
use model_dynamodb::{ConsumedCapacity, ReturnConsumedCapacity};
use service::Ctx;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A statement with the parameters of a request.
#[derive(Clone)]
pub struct Prepared {
    /// The statement.
    pub statement: Arc<Statement>,
    parameters: Vec<Value>,
    condition: Option<Bound>,
}

impl Prepared {
    /// Reads a statement and fills its parameters in.
    ///
    /// # Errors
    /// AWS's message.
    pub fn new(
        parsed: &Expressions,
        text: &str,
        parameters: Option<&Vec<Value>>,
    ) -> Result<Self, DynamoError> {
        let statement = parsed.statement(text)?;
        let given = parameters.map(Vec::as_slice).unwrap_or_default();
        let bound = Parameters::new(given, statement.parameters)?;
        let condition =
            statement.condition.as_ref().map(|condition| bound.condition(condition)).transpose()?;
        Ok(Prepared { condition, parameters: given.to_vec(), statement })
    }

    /// The name of its table.
    pub fn table(&self) -> &str {
        &self.statement.source.table
    }

    fn parameters(&self) -> Result<Parameters<'_>, DynamoError> {
        Ok(Parameters::new(&self.parameters, self.statement.parameters)?)
    }

    /// The partition key values that it names.
    pub fn leading_values(&self, schema: &KeySchema) -> Vec<Value> {
        let inserted = match (&self.statement.verb, self.parameters()) {
            (Verb::Insert(term), Ok(parameters)) => parameters.item(term).ok(),
            _ => None,
        };
        match inserted {
            Some(item) => item.get(schema.leading()).cloned().into_iter().collect(),
            None => keys::partitions_of(self.condition.as_ref(), schema),
        }
    }

    /// The attributes that it names.
    pub fn attributes(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut path = |path: &Path| {
            found.insert(path.head.clone());
        };
        match &self.statement.verb {
            Verb::Select(columns, orders) => {
                columns.iter().flatten().chain(orders.iter().map(|order| &order.path)).for_each(&mut path);
            }
            Verb::Update(changes, _) => changes.iter().for_each(|change| match change {
                Change::Set(to, term) => {
                    path(to);
                    term.each_path(&mut path);
                }
                Change::Remove(gone) => path(gone),
            }),
            Verb::Insert(_) | Verb::Exists | Verb::Delete(_) => {}
        }
        found.extend(self.condition.iter().flat_map(|bound| bound.attributes()).map(str::to_owned));
        if let (Verb::Insert(term), Ok(parameters)) = (&self.statement.verb, self.parameters()) {
            found.extend(parameters.item(term).into_iter().flat_map(Item::into_keys));
        }
        found
    }

    /// The key that its condition gives, and the rest of the condition.
    pub fn keyed(&self, schema: &KeySchema) -> Keyed {
        keys::keyed(self.condition.clone(), schema)
    }
}

/// The write of one item that a statement is.
pub struct Planned {
    /// Its table.
    pub found: Found,
    /// The write.
    pub write: ItemWrite,
    /// What is answered of the item.
    pub returning: Option<Returning>,
    /// What is changed of it.
    changed: Vec<Path>,
}

/// Plans a statement that writes.
///
/// # Errors
/// AWS's message.
pub fn plan(
    ctx: &Ctx,
    prepared: &Prepared,
    shows_failed: bool,
    find: Finder,
) -> Result<Planned, DynamoError> {
    let parameters = prepared.parameters()?;
    match &prepared.statement.verb {
        Verb::Insert(term) => {
            let item = parameters.item(term)?;
            let stored = stored(&item)?;
            let found = find(ctx, prepared.table())?;
            throttle::check(ctx, &found.table, Side::Write)?;
            let absent = Path::attribute(found.table.key.leading());
            let absent = Condition::Test(Ask::NotExists, vec![Operand::Path(absent)]);
            let write = item_write(&found, (&item, stored), Some(absent), false)?;
            let write = ItemWrite { inserts: true, ..write };
            Ok(Planned { found, write, returning: None, changed: Vec::new() })
        }
        Verb::Update(changes, returning) => {
            let actions = parameters.actions(changes)?;
            let found = find(ctx, prepared.table())?;
            throttle::check(ctx, &found.table, Side::Write)?;
            write::check_actions(&found.table, &actions)?;
            // An update changes only what is there.
            let present = Path::attribute(found.table.key.leading());
            let present = Condition::Test(Ask::Exists, vec![Operand::Path(present)]);
            let changed = actions.iter().map(|action: &Action| action.path().clone()).collect();
            let act = Act::Update(actions, false);
            let write = keyed(prepared, &found, (Some(present), shows_failed), act)?;
            Ok(Planned { found, write, returning: *returning, changed })
        }
        Verb::Delete(returning) => {
            let found = find(ctx, prepared.table())?;
            throttle::check(ctx, &found.table, Side::Write)?;
            let write = keyed(prepared, &found, (None, shows_failed), Act::Delete)?;
            Ok(Planned { found, write, returning: *returning, changed: Vec::new() })
        }
        Verb::Exists => {
            let found = find(ctx, prepared.table())?;
            throttle::check(ctx, &found.table, Side::Write)?;
            if prepared.keyed(&found.table.key).rest.is_empty() {
                return Err(DynamoError::invalid(
                    "EXISTS() must contain a single item read with additional condition",
                ));
            }
            let write = keyed(prepared, &found, (None, shows_failed), Act::Check)?;
            Ok(Planned { found, write, returning: None, changed: Vec::new() })
        }
        Verb::Select(..) => Err(DynamoError::Corrupt("a SELECT is planned as a write")),
    }
}

fn keyed(
    prepared: &Prepared,
    found: &Found,
    (first, shows_failed): (Option<Bound>, bool),
    act: Act,
) -> Result<ItemWrite, DynamoError> {
    let Keyed { key, rest } = prepared.keyed(&found.table.key);
    let key = key.ok_or_else(|| {
        DynamoError::invalid("Where clause does not contain a mandatory equality on all key attributes")
    })?;
    let conditions: Vec<Bound> = first.into_iter().chain(rest).collect();
    let condition = (!conditions.is_empty()).then_some(Condition::All(conditions));
    keyed_write(found, &key, condition, shows_failed, act)
}

impl Planned {
    /// What the statement answers of the item, where it asks.
    ///
    /// # Errors
    /// Where the stored item cannot be read.
    pub fn answered(&self, written: Written) -> Result<Option<Item>, DynamoError> {
        let Some(returning) = self.returning else { return Ok(None) };
        let item = if returning.new { written.after } else { written.before.item()? };
        Ok(match (item, returning.modified_only) {
            (Some(item), true) => Some(Projection::new(self.changed.clone()).of(&item)),
            (item, _) => item,
        })
    }

    /// What it used.
    pub fn consumed(
        &self,
        ctx: &Ctx,
        written: &Written,
        asked: Option<&ReturnConsumedCapacity>,
    ) -> Option<ConsumedCapacity> {
        Usage::of_write(written, 1.0).taken(ctx, &self.found.table, asked, Used::Write)
    }
}

/// The columns of a SELECT, of an item: each by the last name of its path, and what follows that.
pub fn columns(wanted: &[Path], item: &Item) -> Item {
    let column = |path: &Path| {
        let value = path.find(item)?.clone();
        let named = path.steps.iter().rposition(|step| matches!(step, Step::Name(_)));
        let mut name = match named.and_then(|place| path.steps.get(place)) {
            Some(Step::Name(name)) => name.clone(),
            _ => path.head.clone(),
        };
        for step in &path.steps[named.map_or(0, |place| place + 1)..] {
            if let Step::Index(index) = step {
                name.push_str(&format!("[{index}]"));
            }
        }
        Some((name, value))
    };
    wanted.iter().filter_map(column).collect()
}

/// Where a SELECT goes on.
#[derive(Debug, Clone, Default)]
pub struct Position {
    /// The range.
    pub range: usize,
    /// The last item looked at, where it is within the range.
    pub after: Option<Item>,
}

impl Position {
    /// As a page token holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = (self.range as u32).to_be_bytes().to_vec();
        bytes.extend(self.after.iter().flat_map(|item| codec::encode(item).bytes));
        bytes
    }

    /// From what a page token holds.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (range, item) = bytes.split_first_chunk::<4>()?;
        let item = bytes::Bytes::copy_from_slice(item);
        let after = if item.is_empty() { None } else { Some(codec::decode(&item).ok()?) };
        Some(Position { range: u32::from_be_bytes(*range) as usize, after })
    }
}

/// What a SELECT answers.
pub struct Selected {
    /// The items.
    pub items: Vec<Item>,
    /// Where the next page goes on, where there may be one.
    pub next: Option<Position>,
    /// What was used.
    pub consumed: Option<ConsumedCapacity>,
}

/// How a SELECT is run.
pub struct Bounds<'b> {
    /// The most items to look at.
    pub limit: Option<usize>,
    /// Where it goes on.
    pub start: Position,
    /// Whether it is to see all that was written before.
    pub consistent: Option<bool>,
    /// Which capacity is told.
    pub asked: Option<&'b ReturnConsumedCapacity>,
}

/// Runs a SELECT.
///
/// # Errors
/// AWS's message, and the store's.
pub async fn run_select(ctx: &Ctx, prepared: &Prepared, bounds: Bounds<'_>) -> Result<Selected, DynamoError> {
    let Verb::Select(wanted, order) = &prepared.statement.verb else {
        return Err(DynamoError::Corrupt("a write is run as a SELECT"));
    };
    let found = find::item_table(ctx, prepared.table())?;
    throttle::check(ctx, &found.table, Side::Read)?;
    let table = &found.table;
    let index = index(table, prepared, bounds.consistent)?;
    let schema = index.map_or(&table.key, |place| &table.indexes[place].key);
    let rows = if index.is_some() { Rows::Index } else { Rows::Table };
    let ranges = keys::ranges(prepared.condition.as_ref(), schema, rows, partition_order(order, schema))?;
    let forward = direction(order, schema, prepared.condition.is_some(), ranges.partitioned)?;
    let projection = wanted.clone().map(Projection::new);
    let filter = prepared.condition.as_ref();
    let fetches = select::fetches(table, index, None, projection.as_ref(), filter)?;
    let (mut left, mut position) = (bounds.limit, bounds.start);
    let (mut items, mut total) = (Vec::new(), Page::default());
    let next = loop {
        let Some(range) = ranges.ranges.get(position.range) else { break None };
        let range = select::started(table, index, range.clone(), position.after.as_ref(), forward)?;
        let reading = Reading {
            scope: found.scope.clone(),
            table: table.clone(),
            index,
            range,
            forward,
            limit: left,
            filter: prepared.condition.clone(),
            projection: None,
            counts_only: false,
            fetches,
        };
        let page = reading.page(ctx).await?;
        left = left.map(|left| left.saturating_sub(page.scanned));
        total.bytes += page.bytes;
        total.filled += page.filled;
        total.fetched_blocks += page.fetched_blocks;
        items.extend(page.items);
        if let Some(last) = page.last {
            break Some(Position { range: position.range, after: Some(last) });
        }
        position = Position { range: position.range + 1, after: None };
        let is_full = left == Some(0) || total.filled >= size::MAX_PAGE;
        if is_full && position.range < ranges.ranges.len() {
            break Some(position);
        }
    };
    let consistency =
        if bounds.consistent == Some(true) { Consistency::Strong } else { Consistency::Eventual };
    Ok(Selected {
        items: match wanted {
            Some(wanted) => items.iter().map(|item| columns(wanted, item)).collect(),
            None => items,
        },
        next,
        consumed: select::consumed(ctx, table, index, &total, consistency, bounds.asked),
    })
}

fn index(
    table: &TableRecord,
    prepared: &Prepared,
    consistent: Option<bool>,
) -> Result<Option<usize>, DynamoError> {
    let name = prepared.statement.source.index.as_ref();
    if let Some(name) = name
        && table.index(name).is_none()
    {
        return Err(DynamoError::invalid("The table does not have the specified index"));
    }
    let is_global =
        name.and_then(|name| table.index(name)).is_some_and(|index| index.scope == IndexScope::Global);
    if is_global && consistent == Some(true) {
        return Err(DynamoError::invalid(
            "Strongly consistent read is not supported on Global Secondary Indexes",
        ));
    }
    let index = select::index(table, name, consistent)?;
    let key = index.map(|place| &table.indexes[place].key);
    if key.is_some_and(|key| key.partition.len() > 1 || key.sort.len() > 1) {
        return Err(DynamoError::invalid(
            "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or \
             multi-attribute RANGE keys.",
        ));
    }
    Ok(index)
}

/// How the partitions are ordered that a SELECT names.
fn partition_order(order: &[Order], schema: &KeySchema) -> PartitionOrder {
    let leading = schema.leading();
    match order.iter().find(|column| column.path.steps.is_empty() && column.path.head == leading) {
        None => PartitionOrder::Named,
        Some(Order { descending: false, .. }) => PartitionOrder::Ascending,
        Some(Order { descending: true, .. }) => PartitionOrder::Descending,
    }
}

/// Whether rows are read from the least sort key to the greatest.
fn direction(
    order: &[Order],
    schema: &KeySchema,
    has_condition: bool,
    partitioned: bool,
) -> Result<bool, DynamoError> {
    if order.is_empty() {
        return Ok(true);
    }
    if !has_condition {
        return Err(DynamoError::invalid(
            "Must have WHERE clause in the statement when using ORDER BY clause.",
        ));
    }
    if !partitioned {
        return Err(DynamoError::invalid(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ));
    }
    for column in order {
        if !column.path.steps.is_empty() || !schema.has(&column.path.head) {
            return Err(DynamoError::invalid(format!(
                "Variable reference {} in ORDER BY clause must be part of the primary key",
                column.path.head
            )));
        }
    }
    let by_sort = order.iter().find(|column| schema.sort.iter().any(|part| part.name == column.path.head));
    Ok(!by_sort.is_some_and(|column| column.descending))
}

/// The one item of a SELECT in a batch or transaction, as its columns; what it weighs.
///
/// # Errors
/// Where its condition is not the key alone, with the name of the operation in the message.
pub fn single(
    ctx: &Ctx,
    prepared: &Prepared,
    operation: &str,
) -> Result<(Found, Option<Item>, usize), DynamoError> {
    let Verb::Select(wanted, _) = &prepared.statement.verb else {
        return Err(DynamoError::Corrupt("a write is run as a SELECT"));
    };
    let found = find::item_table(ctx, prepared.table())?;
    throttle::check(ctx, &found.table, Side::Read)?;
    let on_index = index(&found.table, prepared, None)?.is_some();
    let key = prepared.keyed(&found.table.key);
    let key = key.key.filter(|_| key.rest.is_empty() && !on_index).ok_or_else(|| {
        DynamoError::invalid(format!(
            "Select statements within {operation} must specify the primary key in the where clause."
        ))
    })?;
    found.table.key.check_key(&key)?;
    let row = found.table.key.row(&key).ok_or(DynamoError::Corrupt("a checked key has no row"))?;
    let row = state::row(&ctx.read(), &found.scope, found.table.incarnation, &row)?;
    let bytes = row.as_deref().map_or(0, codec::stored_size);
    let item = row.as_ref().map(state::item).transpose()?;
    let item = match wanted {
        Some(wanted) => item.map(|item| columns(wanted, &item)),
        None => item,
    };
    Ok((found, item, bytes))
}

/// What must be equal for a page token or a client token to mean the same request.
pub fn fingerprint<'s>(statements: impl Iterator<Item = (&'s String, Option<&'s Vec<Value>>)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (text, parameters) in statements {
        let parameters = parameters.into_iter().flatten().enumerate();
        let parameters: Item =
            parameters.map(|(place, value)| (format!("{place:08}"), value.clone())).collect();
        for part in [text.as_bytes(), &codec::encode(&parameters).bytes] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
    }
    bytes
}

/// Whether a failed condition answers the item.
pub fn shows_failed(asked: Option<&model_dynamodb::ReturnValuesOnConditionCheckFailure>) -> bool {
    asked == Some(&model_dynamodb::ReturnValuesOnConditionCheckFailure::AllOld)
}

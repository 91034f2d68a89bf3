//! `ConsumedCapacity`, in the detail that a request asks for.

use crate::find::Found;
use crate::rules::size;
use crate::state::{IndexScope, TableRecord};
use crate::throttle::{self, Side};
use crate::write::Written;
use model_dynamodb::{Capacity, ConsumedCapacity, ReturnConsumedCapacity};
use service::Ctx;
use std::collections::BTreeMap;

/// Whether capacity units were used by reading or by writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// By a read outside of transactions: the units alone are told.
    Read,
    /// By a write outside of transactions: the units alone are told.
    Write,
    /// By a read of a transaction.
    TransactionRead,
    /// By a write of a transaction.
    TransactionWrite,
}

impl Used {
    fn side(self) -> Side {
        match self {
            Used::Read | Used::TransactionRead => Side::Read,
            Used::Write | Used::TransactionWrite => Side::Write,
        }
    }
}

/// What a request used, table by table, in the order in which it came to them.
#[derive(Default)]
pub struct Ledger(Vec<(Found, Usage)>);

impl Ledger {
    /// Adds what was used of a table.
    pub fn add(&mut self, found: &Found, usage: Usage) {
        let same = |other: &Found| other.scope == found.scope && other.table.name == found.table.name;
        match self.0.iter_mut().find(|(other, _)| same(other)) {
            Some((_, sum)) => sum.add(usage),
            None => self.0.push((found.clone(), usage)),
        }
    }

    /// Takes it of what is provisioned; the answer, where it was asked for.
    pub fn taken(
        &self,
        ctx: &Ctx,
        asked: Option<&ReturnConsumedCapacity>,
        used: Used,
    ) -> Option<Vec<ConsumedCapacity>> {
        let all = self.0.iter().filter_map(|(found, usage)| usage.taken(ctx, &found.table, asked, used));
        let all: Vec<_> = all.collect();
        (!all.is_empty()).then_some(all)
    }
}

/// What is used of one table, summed over a request.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    table: f64,
    indexes: BTreeMap<usize, f64>,
}

impl Usage {
    /// Units of the table itself.
    pub fn of_table(units: f64) -> Self {
        Usage { table: units, indexes: BTreeMap::new() }
    }

    /// Units of the table and one of its indexes.
    pub fn of_index(table: f64, index: usize, units: f64) -> Self {
        Usage { table, indexes: BTreeMap::from([(index, units)]) }
    }

    /// What a write used, `factor` times: a transaction pays twice.
    pub fn of_write(written: &Written, factor: f64) -> Self {
        let table = size::write_units(written.sizes.0, written.sizes.1) * factor;
        let indexes = written.index_units.iter().map(|(place, units)| (*place, units * factor));
        Usage { table, indexes: indexes.collect() }
    }

    /// Adds what else was used.
    pub fn add(&mut self, other: Usage) {
        self.table += other.table;
        for (place, units) in other.indexes {
            *self.indexes.entry(place).or_default() += units;
        }
    }

    /// The units of the table itself.
    pub fn of_table_alone(&self) -> f64 {
        self.table
    }

    /// The units of indexes, by their place in the record.
    pub fn of_indexes(&self) -> impl Iterator<Item = (usize, f64)> {
        self.indexes.iter().map(|(place, units)| (*place, *units))
    }

    /// Takes it of what is provisioned; the answer, where it was asked for.
    pub fn taken(
        &self,
        ctx: &Ctx,
        table: &TableRecord,
        asked: Option<&ReturnConsumedCapacity>,
        used: Used,
    ) -> Option<ConsumedCapacity> {
        throttle::take(ctx, table, used.side(), self);
        self.shown(table, asked, used)
    }

    fn shown(
        &self,
        table: &TableRecord,
        asked: Option<&ReturnConsumedCapacity>,
        used: Used,
    ) -> Option<ConsumedCapacity> {
        let detailed = match asked? {
            ReturnConsumedCapacity::Total => false,
            ReturnConsumedCapacity::Indexes => true,
            ReturnConsumedCapacity::None | ReturnConsumedCapacity::Other(_) => return None,
        };
        let units = |units: f64| Capacity {
            capacity_units: Some(units),
            read_capacity_units: (used == Used::TransactionRead).then_some(units),
            write_capacity_units: (used == Used::TransactionWrite).then_some(units),
        };
        let of_scope = |scope: IndexScope| {
            let all: BTreeMap<String, Capacity> = self
                .indexes
                .iter()
                .filter_map(|(place, used)| Some((table.indexes.get(*place)?, *used)))
                .filter(|(index, _)| index.scope == scope)
                .map(|(index, used)| (index.name.clone(), units(used)))
                .collect();
            (detailed && !all.is_empty()).then_some(all)
        };
        let total = units(self.table + self.indexes.values().sum::<f64>());
        Some(ConsumedCapacity {
            table_name: Some(table.name.clone()),
            capacity_units: total.capacity_units,
            read_capacity_units: total.read_capacity_units,
            write_capacity_units: total.write_capacity_units,
            table: detailed.then(|| units(self.table)),
            local_secondary_indexes: of_scope(IndexScope::Local),
            global_secondary_indexes: of_scope(IndexScope::Global),
        })
    }
}

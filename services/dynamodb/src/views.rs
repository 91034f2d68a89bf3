//! Records of tables in memory, one slice for each table: what every operation on items looks at first.

use crate::state::{self, TableRecord};
use names::Scope;
use std::sync::Arc;
use store::{Change, Fault, Snapshot, TableId, View};

/// Tables by scope and name.
pub struct TablesView;

impl View for TablesView {
    type Key = (Scope, String);
    type Slice = Option<Arc<TableRecord>>;

    fn name(&self) -> &'static str {
        "dynamodb/tables"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![state::tables_table()]
    }

    fn slice_of(&self, change: &Change) -> Option<Self::Key> {
        state::table_change(change).map(|(scope, name, _)| (scope, name))
    }

    fn load(&self, (scope, name): &Self::Key, read: &Snapshot) -> Result<Self::Slice, Fault> {
        Ok(state::table(read, scope, name)?.map(Arc::new))
    }

    fn apply(&self, slice: &mut Self::Slice, change: &Change) {
        if let Some((_, _, record)) = state::table_change(change) {
            *slice = record.map(Arc::new);
        }
    }
}

//! How many items a table or an index holds, and their bytes.
//!
//! Counted once in a process, when it is first asked for (`counting`), and carried on by each write from
//! then on; what timers do is counted in a row beside it. On AWS these figures are six hours old; here they are of now, but for
//! writes that are just being acknowledged.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use store::{Incarnation, record};

/// Items and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Items.
    pub items: i64,
    /// Their bytes.
    pub bytes: i64,
}

record!(Count, 1);

impl Count {
    /// The sum.
    pub fn plus(self, other: Count) -> Count {
        Count { items: self.items + other.items, bytes: self.bytes + other.bytes }
    }

    /// The difference.
    pub fn minus(self, other: Count) -> Count {
        Count { items: self.items - other.items, bytes: self.bytes - other.bytes }
    }
}

/// What a write does to the counts: the table's or index's incarnation, and what is added.
pub type Deltas = Vec<(Incarnation, Count)>;

/// The counts that are known, without what timers did.
#[derive(Default)]
pub struct Statistics {
    counts: Mutex<HashMap<Incarnation, Count>>,
}

impl Statistics {
    /// What is known of a table or index.
    pub fn get(&self, incarnation: Incarnation) -> Option<Count> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(&incarnation).copied()
    }

    /// Begins a count at nothing; says whether there was none.
    pub fn begin(&self, incarnation: Incarnation) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let absent = !counts.contains_key(&incarnation);
        counts.entry(incarnation).or_default();
        absent
    }

    /// Takes the count of what was just made.
    pub fn set(&self, incarnation: Incarnation, count: Count) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).insert(incarnation, count);
    }

    /// Forgets a table or index.
    pub fn forget(&self, incarnation: Incarnation) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).remove(&incarnation);
    }

    /// Carries counts on; one that was never made will be made of the rows.
    pub fn add(&self, deltas: &[(Incarnation, Count)]) {
        if deltas.is_empty() {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (incarnation, delta) in deltas {
            if let Some(count) = counts.get_mut(incarnation) {
                *count = count.plus(*delta);
            }
        }
    }
}

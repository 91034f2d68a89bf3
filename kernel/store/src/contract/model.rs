//! The store beside a map: random transactions and scans give the same on both.

use super::{PAIRS, Place, here, open, wait_for};
use crate::{Fault, Read, Span, Store, Tx};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;

type Model = BTreeMap<(String, u64), u64>;

#[derive(Debug, Clone)]
enum Step {
    /// Writes and deletions together; kept or given up at the end.
    Commit(Vec<((String, u64), Option<u64>)>, bool),
    /// Compares what a range holds.
    Scan((String, u64), (String, u64), bool),
}

fn key() -> impl Strategy<Value = (String, u64)> {
    ("[ab\u{0}]{0,2}", 0u64..4)
}

fn step() -> impl Strategy<Value = Step> {
    let writes = proptest::collection::vec((key(), proptest::option::of(any::<u64>())), 1..5);
    prop_oneof![
        (writes, prop::bool::weighted(0.8)).prop_map(|(writes, kept)| Step::Commit(writes, kept)),
        (key(), key(), any::<bool>()).prop_map(|(low, high, reversed)| Step::Scan(low, high, reversed)),
    ]
}

fn range(
    read: &impl Read,
    low: &(String, u64),
    high: &(String, u64),
    reversed: bool,
) -> Vec<((String, u64), u64)> {
    let span = Span::all().from(low).through(high);
    let span = if reversed { span.reversed() } else { span };
    read.scan(&PAIRS, &here(), span).map(|row| row.expect("a row")).collect()
}

fn expected(
    model: &Model,
    low: &(String, u64),
    high: &(String, u64),
    reversed: bool,
) -> Vec<((String, u64), u64)> {
    if low > high {
        return Vec::new();
    }
    let mut rows: Vec<_> = model.range(low..=high).map(|(key, value)| (key.clone(), *value)).collect();
    if reversed {
        rows.reverse();
    }
    rows
}

fn write(tx: &mut Tx, writes: &[((String, u64), Option<u64>)]) -> Result<(), Fault> {
    writes.iter().try_for_each(|(key, value)| match value {
        Some(value) => tx.put(&PAIRS, &here(), key, value),
        None => tx.delete(&PAIRS, &here(), key),
    })
}

async fn check(store: &Store, steps: Vec<Step>) {
    let clear = |tx: &mut Tx| {
        let rows: Result<Vec<_>, Fault> = tx.scan(&PAIRS, &here(), Span::all()).collect();
        rows?.iter().try_for_each(|(key, _)| tx.delete(&PAIRS, &here(), key))
    };
    store.commit(clear).await.expect("the table is emptied");
    let mut model = Model::new();
    for step in steps {
        match step {
            Step::Scan(low, high, reversed) => {
                let rows = range(&store.read(), &low, &high, reversed);
                assert_eq!(rows, expected(&model, &low, &high, reversed));
            }
            Step::Commit(writes, kept) => {
                let mut after = model.clone();
                for (key, value) in &writes {
                    match value {
                        Some(value) => after.insert(key.clone(), *value),
                        None => after.remove(key),
                    };
                }
                let inside = after.clone();
                let outcome: Result<(), Fault> = store
                    .commit(move |tx| {
                        write(tx, &writes)?;
                        let (low, high) = ((String::new(), 0), ("b\u{0}".to_owned(), 2));
                        for reversed in [false, true] {
                            assert_eq!(
                                range(tx, &low, &high, reversed),
                                expected(&inside, &low, &high, reversed)
                            );
                        }
                        if kept { Ok(()) } else { Err(Fault::Contended) }
                    })
                    .await;
                assert_eq!(outcome.is_ok(), kept);
                if kept {
                    model = after;
                }
            }
        }
    }
}

/// Random steps on the store and on a map.
pub fn behaves_as_a_map(place: &dyn Place) {
    let store = open(place);
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&proptest::collection::vec(step(), 1..24), |steps| {
        wait_for(check(&store, steps));
        Ok(())
    });
    outcome.expect("the store and the map agree");
}

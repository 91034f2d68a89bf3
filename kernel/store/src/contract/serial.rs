//! Any mix of concurrent transactions could have run one after the other.
//!
//! Each transaction says which version of each key it read, absences and ranges included, and writes its own
//! number as the next version of the keys it writes, which it reads before. From these the order that any
//! serial run would have had to keep follows: who wrote what another read, who wrote over what another read
//! or wrote, and who began after another was answered. The transactions are serializable if that order has no
//! circle (Adya, Weak Consistency, 1999, section 3.3).

use super::{PAIRS, Place, here, open, wait_for};
use crate::{Fault, Read, Span, Store, Tx};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};

const KEYS: u64 = 6;
/// The version of what no transaction has written.
const NOTHING: u64 = 0;

#[derive(Debug, Clone)]
struct Plan {
    reads: Vec<u64>,
    range: Option<(u64, u64, bool)>,
    writes: BTreeSet<u64>,
    /// How many rows of the range it takes.
    takes: usize,
}

/// What a transaction saw: the version of each key it read, and of each key it wrote over.
#[derive(Debug, Clone, Default)]
struct Seen {
    reads: BTreeMap<u64, u64>,
    over: BTreeMap<u64, u64>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let keys = || proptest::collection::vec(0..KEYS, 0..3);
    let range = proptest::option::weighted(0.4, (0..KEYS, 0..KEYS, any::<bool>()));
    (keys(), range, keys(), 1usize..8).prop_map(|(reads, range, writes, takes)| Plan {
        reads,
        range,
        writes: writes.into_iter().collect(),
        takes,
    })
}

fn key(number: u64) -> (String, u64) {
    ("serial".to_owned(), number)
}

fn version(tx: &Tx, number: u64) -> Result<u64, Fault> {
    Ok(tx.get(&PAIRS, &here(), &key(number))?.unwrap_or(NOTHING))
}

fn carry_out(tx: &mut Tx, plan: &Plan, own: u64) -> Result<Seen, Fault> {
    let mut seen = Seen::default();
    for number in &plan.reads {
        seen.reads.insert(*number, version(tx, *number)?);
    }
    if let Some((low, high, reversed)) = plan.range.filter(|(low, high, _)| low <= high) {
        let span = Span::all().from(&key(low)).through(&key(high));
        let span = if reversed { span.reversed() } else { span };
        let rows: Vec<_> = tx.scan(&PAIRS, &here(), span).take(plan.takes).collect::<Result<_, _>>()?;
        let all = rows.len() < plan.takes;
        let last = rows.last().map(|((_, number), _)| *number);
        let found: BTreeMap<u64, u64> =
            rows.into_iter().map(|((_, number), version)| (number, version)).collect();
        // Up to the last row it took, it has seen which rows are there and which are not.
        let reached = |number: &u64| {
            all || last.is_some_and(|last| if reversed { *number >= last } else { *number <= last })
        };
        for number in (low..=high).filter(reached) {
            seen.reads.insert(number, found.get(&number).copied().unwrap_or(NOTHING));
        }
    }
    for number in &plan.writes {
        seen.over.insert(*number, version(tx, *number)?);
        tx.put(&PAIRS, &here(), &key(*number), &own)?;
    }
    Ok(seen)
}

/// Runs the plans of each task one after the other, those of different tasks at once; gives what each
/// transaction saw, by its number.
async fn run(store: &Store, tasks: &[Vec<Plan>]) -> BTreeMap<u64, Seen> {
    let running: Vec<_> = tasks
        .iter()
        .enumerate()
        .map(|(task, plans)| {
            let (store, plans) = (store.clone(), plans.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                for (place, plan) in plans.into_iter().enumerate() {
                    let own = number(task, place);
                    let saw = store.commit(move |tx| carry_out(tx, &plan, own)).await;
                    seen.push((own, saw.expect("a transaction is committed")));
                }
                seen
            })
        })
        .collect();
    let mut all = BTreeMap::new();
    for task in running {
        all.extend(task.await.expect("a task ends"));
    }
    all
}

fn number(task: usize, place: usize) -> u64 {
    1 + (task as u64) * 1000 + place as u64
}

/// Which transaction comes before which.
fn order(seen: &BTreeMap<u64, Seen>) -> BTreeMap<u64, BTreeSet<u64>> {
    let mut next = BTreeMap::new();
    for (own, saw) in seen {
        for (key, version) in &saw.over {
            let other = next.insert((*key, *version), *own);
            assert_eq!(other, None, "two transactions wrote over version {version} of key {key}");
        }
    }
    let mut before: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    let mut edge = |first: u64, second: u64| {
        if first != second && first != NOTHING {
            before.entry(first).or_default().insert(second);
        }
    };
    for (own, saw) in seen {
        for (key, version) in saw.reads.iter().chain(&saw.over) {
            edge(*version, *own);
            if let Some(over) = next.get(&(*key, *version)) {
                edge(*own, *over);
            }
        }
        // The one before it in its task was answered before it began.
        edge(*own, own + 1);
    }
    before
}

/// Whether the transactions can be brought into a line.
fn has_no_circle(before: &BTreeMap<u64, BTreeSet<u64>>) -> bool {
    let mut waits: BTreeMap<u64, usize> = before.keys().map(|own| (*own, 0)).collect();
    for second in before.values().flatten() {
        *waits.entry(*second).or_default() += 1;
    }
    let mut free: Vec<u64> = waits.iter().filter(|(_, count)| **count == 0).map(|(own, _)| *own).collect();
    let mut placed = 0;
    while let Some(own) = free.pop() {
        placed += 1;
        for second in before.get(&own).into_iter().flatten() {
            if let Some(count) = waits.get_mut(second) {
                *count -= 1;
                if *count == 0 {
                    free.push(*second);
                }
            }
        }
    }
    placed == waits.len()
}

async fn clear(store: &Store) {
    let cleared =
        store.commit(|tx| (0..KEYS).try_for_each(|number| tx.delete(&PAIRS, &here(), &key(number))));
    cleared.await.expect("the keys are cleared");
}

/// Random transactions at once on few keys.
pub fn any_mix_of_transactions_has_an_order(place: &dyn Place) {
    let store = open(place);
    let config = Config { cases: 40, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
    let plans = proptest::collection::vec(proptest::collection::vec(plan(), 1..12), 2..6);
    let outcome = TestRunner::new(config).run(&plans, |tasks| {
        let seen = wait_for(async {
            clear(&store).await;
            run(&store, &tasks).await
        });
        prop_assert!(has_no_circle(&order(&seen)), "{seen:#?}");
        Ok(())
    });
    outcome.expect("every run has an order");
}

//! Transactions: atomic, durable before they return, as if one after the other.

use super::{BARDS, COUNTERS, PAIRS, Place, bard, count, here, open, wait_for};
use crate::{Fault, Read, Span, Store, Tx};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What was committed is seen by every read and commit that begins after it returned.
pub fn a_commit_is_seen_by_all_after_it(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let name = "ada".to_owned();
        let (key, before) = (name.clone(), store.read());
        store.commit(move |tx| tx.put(&BARDS, &here(), &key, &bard("ada", 3))).await.unwrap();
        assert_eq!(store.read().get(&BARDS, &here(), &name), Ok(Some(bard("ada", 3))));
        assert!(store.read().sequence() > before.sequence());
        let key = name.clone();
        let taken = store.commit(move |tx| tx.take(&BARDS, &here(), &key)).await;
        assert_eq!(taken, Ok(Some(bard("ada", 3))));
        assert_eq!(store.read().has(&BARDS, &here(), &name), Ok(false));
    });
}

/// A closure that fails leaves nothing, and its own error is the answer.
pub fn a_failed_closure_writes_nothing(place: &dyn Place) {
    let store = open(place);
    let refused: Result<(), Fault> = wait_for(store.commit(|tx| {
        tx.put(&BARDS, &here(), &"ada".to_owned(), &bard("ada", 3))?;
        Err(Fault::Contended)
    }));
    assert_eq!(refused, Err(Fault::Contended));
    assert_eq!(store.read().get(&BARDS, &here(), &"ada".to_owned()), Ok(None));
}

/// What a snapshot shows stays as it is.
pub fn a_snapshot_does_not_change(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        for songs in 0..5 {
            let put = move |tx: &mut Tx| tx.put(&BARDS, &here(), &"ada".to_owned(), &bard("ada", songs));
            store.commit(put).await.unwrap();
            let seen = store.read();
            store.commit(|tx| tx.delete(&BARDS, &here(), &"ada".to_owned())).await.unwrap();
            store.commit(|tx| tx.put(&BARDS, &here(), &"bea".to_owned(), &bard("bea", 1))).await.unwrap();
            assert_eq!(seen.get(&BARDS, &here(), &"ada".to_owned()), Ok(Some(bard("ada", songs))));
            assert_eq!(seen.scan(&BARDS, &here(), Span::all()).count(), if songs == 0 { 1 } else { 2 });
        }
    });
}

/// Many tasks on one row: each gets its own number, none is lost.
pub fn a_hot_counter_loses_nothing(place: &dyn Place) {
    let store = open(place);
    let numbers = wait_for(async {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut numbers = Vec::new();
                    for _ in 0..20 {
                        numbers.push(count(&store, "hot").await.unwrap());
                    }
                    numbers
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all
    });
    let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(distinct, (1..=64 * 20).collect());
    assert_eq!(store.read().get(&COUNTERS, &here(), &"hot".to_owned()), Ok(Some(64 * 20)));
}

/// Of many who write one row at once, none runs for nothing once the row is known for it.
pub fn a_hot_key_is_read_once(place: &dyn Place) {
    let store = open(place);
    let runs = Arc::new(AtomicU32::new(0));
    let batch = || {
        let counting = (0..8).map(|_| {
            let runs = runs.clone();
            move |tx: &mut Tx| {
                let number = tx.counter(&COUNTERS, &here(), &"hot".to_owned())?;
                runs.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Fault>(number)
            }
        });
        let store = store.clone();
        let counting: Vec<_> = counting.collect();
        wait_for(async move { store.commit_each(counting).await })
    };
    let numbers = |results: Vec<Result<u64, Fault>>| results.into_iter().collect::<Result<Vec<_>, _>>();
    assert_eq!(numbers(batch()), Ok((1..=8).collect()));
    assert_eq!(runs.swap(0, Ordering::Relaxed), 15, "each ran once, all but the first once more");
    assert_eq!(numbers(batch()), Ok((9..=16).collect()));
    assert_eq!(runs.load(Ordering::Relaxed), 8, "none ran for nothing");
}

/// Each closure of a list succeeds or fails alone, later ones see earlier ones.
pub fn commits_of_a_list_are_independent(place: &dyn Place) {
    let store = open(place);
    let closures: Vec<_> = (0..25u64)
        .map(|n| {
            move |tx: &mut Tx| {
                let number = tx.counter(&COUNTERS, &here(), &"list".to_owned())?;
                if n % 5 == 4 { Err(Fault::Contended) } else { Ok(number) }
            }
        })
        .collect();
    let before = store.read().sequence();
    let results = wait_for(store.commit_each(closures));
    let numbers: Vec<u64> = results.iter().filter_map(|result| result.as_ref().ok().copied()).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert_eq!(results.iter().filter(|result| **result == Err(Fault::Contended)).count(), 5);
    assert_eq!(store.read().sequence(), before + 1, "one batch, one sync");
}

/// That a row is absent is something read: only one of many can make it.
pub fn one_of_many_finds_a_name_free(place: &dyn Place) {
    let store = open(place);
    let closures: Vec<_> = (0..32)
        .map(|songs| {
            move |tx: &mut Tx| tx.insert_absent(&BARDS, &here(), &"ada".to_owned(), &bard("ada", songs))
        })
        .collect();
    let results: Vec<Result<bool, Fault>> = wait_for(store.commit_each(closures));
    assert_eq!(results.iter().filter(|made| **made == Ok(true)).count(), 1);
}

/// A transaction that counted a range does not commit after a row has entered it.
pub fn nothing_enters_a_range_unseen(place: &dyn Place) {
    let store = open(place);
    let added = wait_for(async {
        let tasks: Vec<_> = (0..32u64)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move { store.commit(move |tx| add_below(tx, 10, n)).await.unwrap() })
            })
            .collect();
        let mut added = 0;
        for task in tasks {
            added += u32::from(task.await.unwrap());
        }
        added
    });
    assert_eq!(added, 10);
    assert_eq!(store.read().scan(&PAIRS, &here(), Span::all()).count(), 10);
}

fn add_below(tx: &mut Tx, limit: usize, n: u64) -> Result<bool, Fault> {
    let group = "band".to_owned();
    if tx.scan(&PAIRS, &here(), Span::of(&group)).count() >= limit {
        return Ok(false);
    }
    tx.put(&PAIRS, &here(), &(group, n), &n)?;
    Ok(true)
}

/// Two transactions that each read what the other writes do not both commit as if alone.
pub fn no_write_skew(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let on_stage = |who: &'static str| (who.to_owned(), 0u64);
        store
            .commit(move |tx| {
                tx.put(&PAIRS, &here(), &on_stage("ada"), &1)?;
                tx.put(&PAIRS, &here(), &on_stage("bea"), &1)
            })
            .await
            .unwrap();
        // Either may leave the stage while the other is on it.
        let leave = |who: &'static str, other: &'static str| {
            move |tx: &mut Tx| {
                if tx.get(&PAIRS, &here(), &on_stage(other))? == Some(1) {
                    tx.put(&PAIRS, &here(), &on_stage(who), &0)?;
                }
                Ok::<_, Fault>(())
            }
        };
        let (one, two) = tokio::join!(store.commit(leave("ada", "bea")), store.commit(leave("bea", "ada")));
        one.unwrap();
        two.unwrap();
        let left: u64 = store.read().scan(&PAIRS, &here(), Span::all()).map(|row| row.unwrap().1).sum();
        assert_eq!(left, 1);
    });
}

/// A closure too long to be run by the committer is run again by its caller, and loses nothing.
pub fn a_long_closure_is_tried_again(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.commit(count_slowly).await })
            })
            .collect();
        let mut counted = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => counted += 1,
                Err(fault) => assert_eq!(fault, Fault::Contended),
            }
        }
        assert!(counted > 0);
        assert_eq!(store.read().get(&COUNTERS, &here(), &"slow".to_owned()), Ok(Some(counted)));
    });
}

fn count_slowly(tx: &mut Tx) -> Result<u64, Fault> {
    let number = tx.counter(&COUNTERS, &here(), &"slow".to_owned())?;
    std::thread::sleep(Duration::from_millis(2));
    Ok(number)
}

/// Counts in such a way that the second of two in one list has to run again, and does `on_second` then.
async fn conflicting(
    store: &Store,
    on_second: impl Fn() -> Result<(), Fault> + Send + Sync + 'static,
) -> Vec<Result<u64, Fault>> {
    let on_second = Arc::new(on_second);
    let closures: Vec<_> = (0..2)
        .map(|_| {
            let (runs, on_second) = (AtomicU32::new(0), on_second.clone());
            move |tx: &mut Tx| {
                let number = tx.counter(&COUNTERS, &here(), &"clash".to_owned())?;
                if runs.fetch_add(1, Ordering::Relaxed) == 1 {
                    on_second()?;
                }
                Ok(number)
            }
        })
        .collect();
    store.commit_each(closures).await
}

/// A closure that panics when the committer runs it fails alone; the committer goes on.
pub fn a_panic_is_its_callers_alone(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let results = conflicting(&store, || panic!("a string broke")).await;
        assert_eq!(results, [Ok(1), Err(Fault::Panicked)]);
        assert_eq!(count(&store, "clash").await, Ok(2));
    });
}

/// An error of the second run is answered, and nothing of the run is kept.
pub fn a_failure_of_the_second_run_is_the_answer(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let results = conflicting(&store, || Err(Fault::Missing)).await;
        assert_eq!(results, [Ok(1), Err(Fault::Missing)]);
        assert_eq!(conflicting(&store, || Ok(())).await, [Ok(2), Ok(3)]);
    });
}

/// A relaxed commit is seen like any other, and is there after a clean end.
pub fn relaxed_commits_are_seen(place: &dyn Place) {
    let key = || "relaxed".to_owned();
    let store = open(place);
    wait_for(async {
        for number in 1..=50 {
            let counted = store
                .commit(move |tx| {
                    tx.relaxed();
                    tx.counter(&COUNTERS, &here(), &key())
                })
                .await;
            assert_eq!(counted, Ok::<_, Fault>(number));
            assert_eq!(store.read().get(&COUNTERS, &here(), &key()), Ok(Some(number)));
        }
    });
    store.close().unwrap();
    drop(store);
    assert_eq!(open(place).read().get(&COUNTERS, &here(), &key()), Ok(Some(50)));
}

/// Within a transaction its writes lie over what was there, in scans too.
pub fn a_transaction_sees_its_own_writes(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let key = |n: u64| ("own".to_owned(), n);
        store.commit(move |tx| (0..6).try_for_each(|n| tx.put(&PAIRS, &here(), &key(n), &n))).await.unwrap();
        let (forward, backward) = store
            .commit(move |tx| {
                tx.delete(&PAIRS, &here(), &key(0))?;
                tx.put(&PAIRS, &here(), &key(3), &33)?;
                tx.put(&PAIRS, &here(), &key(9), &9)?;
                tx.delete(&PAIRS, &here(), &key(5))?;
                let rows = |span| -> Result<Vec<u64>, Fault> {
                    tx.scan(&PAIRS, &here(), span).map(|row| row.map(|(_, value)| value)).collect()
                };
                let span = Span::of(&"own".to_owned());
                Ok::<_, Fault>((rows(span.clone())?, rows(span.reversed())?))
            })
            .await
            .unwrap();
        assert_eq!(forward, [1, 2, 33, 4, 9]);
        assert_eq!(backward, [9, 4, 33, 2, 1]);
    });
}

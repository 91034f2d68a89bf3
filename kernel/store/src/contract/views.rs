//! Views: fed in order before callers are answered, right however they were loaded, alone in failing.

use super::{PAIRS, Place, here, open, wait_for};
use crate::{Change, Fault, Read, Snapshot, Span, Store, TableId, Tx, View, ViewHandle};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A value whose application panics.
const CURSED: u64 = 666;

/// The rows of `PAIRS`, a slice for each first part.
struct Groups {
    capacity: usize,
}

type Group = BTreeMap<u64, u64>;

impl View for Groups {
    type Key = String;
    type Slice = Group;

    fn name(&self) -> &'static str {
        "groups"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![PAIRS.id()]
    }

    fn slice_of(&self, change: &Change) -> Option<String> {
        change.of(&PAIRS).map(|(_, (group, _), _)| group)
    }

    fn load(&self, key: &String, read: &Snapshot) -> Result<Group, Fault> {
        read.scan(&PAIRS, &here(), Span::of(key)).map(|row| row.map(|((_, n), value)| (n, value))).collect()
    }

    fn apply(&self, group: &mut Group, change: &Change) {
        match change.of(&PAIRS) {
            Some((_, (_, n), Some(value))) => {
                assert_ne!(value, CURSED, "this value breaks the slice");
                group.insert(n, value);
            }
            Some((_, (_, n), None)) => {
                group.remove(&n);
            }
            None => {}
        }
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

fn groups(store: &Store) -> ViewHandle<Groups> {
    store.view(Groups { capacity: 100 }).unwrap()
}

async fn put(store: &Store, group: &'static str, n: u64, value: u64) {
    store.commit(move |tx| tx.put(&PAIRS, &here(), &(group.to_owned(), n), &value)).await.unwrap();
}

fn seen(view: &ViewHandle<Groups>, group: &str) -> Vec<(u64, u64)> {
    view.with(&group.to_owned(), |rows| rows.iter().map(|(n, value)| (*n, *value)).collect()).unwrap()
}

/// When a commit returns, the views of its tables have applied it.
pub fn a_caller_finds_what_it_wrote(place: &dyn Place) {
    let store = open(place);
    let view = groups(&store);
    wait_for(async {
        put(&store, "a", 0, 0).await;
        for n in 1..50 {
            put(&store, "a", n, n).await;
            let last = view.with(&"a".to_owned(), |rows| rows.last_key_value().map(|(n, _)| *n));
            assert_eq!(last, Ok(Some(n)));
            assert_eq!(view.at(), store.read().sequence());
        }
        store.commit(|tx| tx.delete(&PAIRS, &here(), &("a".to_owned(), 49))).await.unwrap();
        assert_eq!(seen(&view, "a").len(), 49);
        assert_eq!(seen(&view, "b"), []);
    });
}

/// Loaded again and again while others write, a slice never misses or repeats a change.
pub fn a_slice_loaded_amid_writes_is_right(place: &dyn Place) {
    let store = open(place);
    let view = groups(&store);
    wait_for(async {
        let done = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..4u64)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in 0..100 {
                        let (key, gone) =
                            (("a".to_owned(), writer * 1000 + n), ("a".to_owned(), writer * 1000 + n / 2));
                        let write = move |tx: &mut Tx| {
                            tx.put(&PAIRS, &here(), &key, &n)?;
                            tx.delete(&PAIRS, &here(), &gone)
                        };
                        store.commit(write).await.unwrap();
                    }
                })
            })
            .collect();
        let reloader = {
            let (view, done) = (view.clone(), done.clone());
            std::thread::spawn(move || {
                while !done.load(Ordering::Acquire) {
                    view.reload(&"a".to_owned());
                    view.with(&"a".to_owned(), |_| ()).unwrap();
                }
            })
        };
        for writer in writers {
            writer.await.unwrap();
        }
        done.store(true, Ordering::Release);
        reloader.join().unwrap();
        let fed = view.with(&"a".to_owned(), |rows| rows.clone()).unwrap();
        assert_eq!(fed, view.recompute(&"a".to_owned()).unwrap());
        assert!(!fed.is_empty());
    });
}

/// A panic throws one slice away; it is loaded again, the others stay.
pub fn a_panic_reloads_one_slice(place: &dyn Place) {
    let store = open(place);
    let view = groups(&store);
    wait_for(async {
        put(&store, "a", 1, 1).await;
        put(&store, "b", 1, 1).await;
        let mark = |group: &str| view.with(&group.to_owned(), |rows| rows.insert(99, 99)).unwrap();
        mark("a");
        mark("b");
        put(&store, "a", 2, CURSED).await;
        assert_eq!(seen(&view, "a"), [(1, 1), (2, CURSED)], "loaded from the rows");
        assert_eq!(seen(&view, "b"), [(1, 1), (99, 99)], "not loaded again");

        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            view.with(&"b".to_owned(), |_| panic!("a caller fails with the slice in hand"))
        }));
        assert!(broken.is_err());
        put(&store, "b", 2, 2).await;
        assert_eq!(seen(&view, "b"), [(1, 1), (2, 2)]);
    });
}

/// Beyond its capacity a view forgets the slices that were not used for longest.
pub fn slices_are_bounded(place: &dyn Place) {
    let store = open(place);
    let view = store.view(Groups { capacity: 16 }).unwrap();
    let watched = view.watch(&"watched".to_owned());
    for n in 0..200 {
        view.with(&format!("group {n}"), |rows| rows.insert(1, 1)).unwrap();
        assert!(view.loaded() <= 17);
    }
    let last = view.with(&"group 199".to_owned(), |rows| rows.len());
    assert_eq!(last, Ok(1), "the last used is still there");
    assert_eq!(view.with(&"group 0".to_owned(), |rows| rows.len()), Ok(0), "the first used was loaded anew");
    drop(watched);
}

/// Who watches a slice wakes after each change of it, and misses none made after it began to.
pub fn watchers_wake(place: &dyn Place) {
    let store = open(place);
    let view = groups(&store);
    wait_for(async {
        let mut watch = view.watch(&"a".to_owned());
        let waiting = {
            let view = view.clone();
            tokio::spawn(async move {
                while !view.with(&"a".to_owned(), |rows| rows.contains_key(&7)).unwrap() {
                    watch.changed().await;
                }
            })
        };
        put(&store, "b", 7, 7).await;
        put(&store, "a", 6, 6).await;
        put(&store, "a", 7, 7).await;
        waiting.await.unwrap();
    });
}

/// A claimed item is out of the slice, goes back when dropped, and does not when settled.
pub fn claims_go_back(place: &dyn Place) {
    let store = open(place);
    let view = groups(&store);
    wait_for(async {
        put(&store, "a", 1, 10).await;
        put(&store, "a", 2, 20).await;
        let key = "a".to_owned();
        let claim = || {
            let give_back = |rows: &mut Group, (n, value)| {
                rows.insert(n, value);
            };
            view.claim(&key, Group::pop_first, give_back).unwrap()
        };
        let first = claim().unwrap();
        assert_eq!(*first, (1, 10));
        assert_eq!(seen(&view, "a"), [(2, 20)]);
        let mut watch = view.watch(&key);
        drop(first);
        watch.changed().await;
        assert_eq!(seen(&view, "a"), [(1, 10), (2, 20)]);
        assert_eq!(claim().unwrap().settle(), (1, 10));
        assert_eq!(seen(&view, "a"), [(2, 20)]);

        let held = claim().unwrap();
        assert!(claim().is_none());
        view.reload(&key);
        assert_eq!(seen(&view, "a"), [(1, 10), (2, 20)]);
        put(&store, "a", 2, 21).await;
        drop(held);
        assert_eq!(seen(&view, "a"), [(1, 10), (2, 21)], "what was loaded anew is not overwritten");
    });
}

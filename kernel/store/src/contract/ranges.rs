//! Scans: what a span holds, in which order, and what a transaction that scanned depends on.

use super::{COUNTERS, PAIRS, Place, here, open, wait_for};
use crate::{Class, Fault, Incarnation, Raw, Read, Span, Start, Store, Table, Tail, Tx};
use bytes::Bytes;
use names::{AccountId, Scope};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

static ITEMS: Table<(Incarnation, Bytes, Tail), Raw> =
    Table::of_incarnation("contract/items", Class::Items).large();

async fn put_pairs(store: &Store, rows: Vec<(&'static str, u64)>) {
    let put = move |tx: &mut Tx| {
        rows.iter().try_for_each(|(name, n)| tx.put(&PAIRS, &here(), &((*name).to_owned(), *n), n))
    };
    store.commit(put).await.unwrap();
}

fn numbers(store: &Store, span: Span<(String, u64)>) -> Vec<u64> {
    store.read().scan(&PAIRS, &here(), span).map(|row| row.unwrap().0.1).collect()
}

/// All, prefix, range, narrowed, forward and reversed.
pub fn spans_both_ways(place: &dyn Place) {
    let store = open(place);
    let rows = vec![("a", 1), ("ab", 2), ("ab", 3), ("ab", 300), ("b", 4), ("ba", 5)];
    wait_for(put_pairs(&store, rows));
    let key = |name: &str, n| (name.to_owned(), n);
    let ab = "ab".to_owned();
    for (span, expected) in [
        (Span::all(), vec![1, 2, 3, 300, 4, 5]),
        (Span::of(&ab), vec![2, 3, 300]),
        (Span::of(&ab).after(&key("ab", 2)), vec![3, 300]),
        (Span::of(&ab).from(&key("ab", 3)).before(&key("ab", 300)), vec![3]),
        (Span::range(key("ab", 3)..key("b", 4)), vec![3, 300]),
        (Span::range(..=key("ab", 2)), vec![1, 2]),
        (Span::of(&"c".to_owned()), vec![]),
        (Span::of(&ab).after(&key("b", 4)), vec![]),
    ] {
        assert_eq!(numbers(&store, span.clone()), expected, "{span:?}");
        let backward: Vec<u64> = expected.into_iter().rev().collect();
        assert_eq!(numbers(&store, span.clone().reversed()), backward, "{span:?} reversed");
    }
}

/// A part whose order is made elsewhere is scanned by raw bytes.
pub fn raw_tails(place: &dyn Place) {
    let store = open(place);
    let (table, hash) = (Incarnation(7), Bytes::from_static(b"ha\0sh"));
    let prefix = (table, hash.clone());
    let tails: [&'static [u8]; 6] = [b"", b"\x00", b"a", b"a\x00", b"ab", b"\xFF\xFF"];
    wait_for(store.commit({
        let hash = hash.clone();
        move |tx| {
            for tail in tails {
                let key = (table, hash.clone(), Tail(Bytes::from_static(tail)));
                tx.put(&ITEMS, &here(), &key, &Raw(Bytes::from_static(tail)))?;
            }
            let other = (table, Bytes::from_static(b"ha"), Tail(Bytes::from_static(b"a")));
            tx.put(&ITEMS, &here(), &other, &Raw(Bytes::new()))
        }
    }))
    .unwrap();
    let found = |span| -> Vec<Bytes> {
        store.read().scan(&ITEMS, &here(), span).map(|row| row.unwrap().1.0).collect()
    };
    assert_eq!(found(Span::of(&prefix)), tails);
    assert_eq!(found(Span::starting(&prefix, Start::Tail(b"a"))), tails[2..5]);
    let range = (Bound::Excluded(b"a".as_slice()), Bound::Included(b"\xFF\xFF".as_slice()));
    assert_eq!(found(Span::tail(&prefix, range)), tails[3..]);
}

/// The same key in two accounts, or an account and a region of it, is two rows.
pub fn scopes_do_not_mix(place: &dyn Place) {
    let store = open(place);
    let account = |number| AccountId::from_number(number).unwrap();
    let region = |name: &str| name.parse().unwrap();
    let scopes = [
        Scope::Partition,
        Scope::Account(account(1)),
        Scope::Account(account(2)),
        Scope::Regional(account(1), region("eu-west-1")),
        Scope::Regional(account(1), region("eu-west-2")),
        Scope::Regional(account(2), region("eu-west-1")),
    ];
    let put = scopes.clone();
    wait_for(store.commit(move |tx| {
        put.iter().zip(1..).try_for_each(|(scope, n)| tx.put(&COUNTERS, scope, &"same".to_owned(), &n))
    }))
    .unwrap();
    for (scope, n) in scopes.iter().zip(1..) {
        let rows: Result<Vec<_>, Fault> = store.read().scan(&COUNTERS, scope, Span::all()).collect();
        assert_eq!(rows, Ok(vec![("same".to_owned(), n)]), "{scope:?}");
    }
}

/// A transaction that took the first rows of a range is not disturbed by a write behind them.
pub fn a_page_depends_on_what_it_took(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        put_pairs(&store, vec![("page", 10), ("page", 20), ("page", 30)]).await;
        for (written, runs_expected) in [(25, 1), (15, 2)] {
            let runs = Arc::new(AtomicU32::new(0));
            let reader = {
                let runs = runs.clone();
                move |tx: &mut Tx| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    let span = Span::of(&"page".to_owned());
                    let first: Result<Vec<_>, Fault> = tx.scan(&PAIRS, &here(), span).take(2).collect();
                    tx.put(&COUNTERS, &here(), &"page".to_owned(), &first?[1].1)
                }
            };
            let writer = move |tx: &mut Tx| tx.put(&PAIRS, &here(), &("page".to_owned(), written), &written);
            type Closure = Box<dyn Fn(&mut Tx) -> Result<(), Fault> + Send>;
            let both: Vec<Closure> = vec![Box::new(writer), Box::new(reader)];
            store.commit_each(both).await.into_iter().for_each(|result| result.unwrap());
            assert_eq!(runs.load(Ordering::Relaxed), runs_expected, "after a write of {written}");
        }
        assert_eq!(store.read().get(&COUNTERS, &here(), &"page".to_owned()), Ok(Some(15)));
    });
}

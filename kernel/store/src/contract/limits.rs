//! Bounds: what is too large is refused before anything is written, what fits is kept.

use super::{COUNTERS, Place, here, open, wait_for};
use crate::{Class, Fault, Raw, Read, Span, Store, Table};
use bytes::Bytes;

static SMALL: Table<u64, Raw> = Table::new("contract/bounded", Class::Items);
static LARGE: Table<u64, Raw> = Table::new("contract/chunked", Class::Items).large();

const KIB: usize = 1024;

fn value(length: usize) -> Raw {
    Raw(Bytes::from((0..length).map(|n| (n % 253) as u8).collect::<Vec<u8>>()))
}

async fn put(store: &Store, table: &'static Table<u64, Raw>, key: u64, length: usize) -> Result<(), Fault> {
    store.commit(move |tx| tx.put(table, &here(), &key, &value(length))).await
}

fn is_too_large(result: &Result<(), Fault>, part: &str) -> bool {
    matches!(result, Err(Fault::TooLarge { what, .. }) if *what == part)
}

/// Keys to 2 KiB, values to 64 KiB.
pub fn keys_and_values(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let count =
            |length| store.commit(move |tx| tx.counter(&COUNTERS, &here(), &"k".repeat(length)).map(drop));
        assert_eq!(count(2048 - 2).await, Ok(()));
        assert!(is_too_large(&count(2200).await, "key"));
        assert_eq!(store.read().get(&COUNTERS, &here(), &"k".repeat(2200)), Ok(None), "no row is named so");
        assert_eq!(put(&store, &SMALL, 1, 64 * KIB).await, Ok(()));
        assert!(is_too_large(&put(&store, &SMALL, 2, 64 * KIB + 1).await, "value"));
        assert_eq!(store.read().scan(&SMALL, &here(), Span::all()).count(), 1);
    });
}

/// A large table keeps values to 1 MiB and 64 KiB, whichever size was there before, in one transaction or several.
pub fn long_values_in_chunks(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let sizes = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 128 * KIB, 1000 * KIB, 1024 * KIB - 600];
        for before in sizes {
            for after in sizes {
                put(&store, &LARGE, 1, before).await.unwrap();
                put(&store, &LARGE, 1, after).await.unwrap();
                assert_eq!(
                    store.read().get(&LARGE, &here(), &1),
                    Ok(Some(value(after))),
                    "{before} to {after}"
                );
                let rows: Result<Vec<_>, Fault> = store.read().scan(&LARGE, &here(), Span::all()).collect();
                assert_eq!(rows, Ok(vec![(1, value(after))]));
            }
        }
        let shrink = store.commit(|tx| {
            tx.put(&LARGE, &here(), &1, &value(300 * KIB))?;
            assert_eq!(tx.get(&LARGE, &here(), &1)?, Some(value(300 * KIB)));
            tx.put(&LARGE, &here(), &1, &value(70 * KIB))?;
            tx.delete(&LARGE, &here(), &1)
        });
        assert_eq!(shrink.await, Ok::<_, Fault>(()));
        assert!(is_too_large(&put(&store, &LARGE, 2, 1088 * KIB + 1).await, "value"));
        let engine = store.read().published.engine.clone();
        let (low, high) = ([0x80], [0xFF]);
        assert_eq!(engine.range(Class::Items, &low, &high, false).count(), 0, "no chunk is left");
    });
}

/// A transaction writes 1 MiB, or 8 or 32 MiB where that was asked for; what it overwrote does not count.
pub fn transactions_are_bounded(place: &dyn Place) {
    let store = open(place);
    let write = |mib: usize, large: bool| {
        store.commit(move |tx| {
            if mib > 16 {
                tx.allow_largest();
            }
            if large {
                tx.allow_large();
            }
            (0..mib as u64 * 16).try_for_each(|n| tx.put(&SMALL, &here(), &n, &value(63 * KIB)))
        })
    };
    wait_for(async {
        assert_eq!(write(1, false).await, Ok(()));
        assert!(is_too_large(&write(2, false).await, "transaction"));
        assert_eq!(write(8, true).await, Ok(()));
        assert!(is_too_large(&write(9, true).await, "transaction"));
        assert_eq!(write(32, true).await, Ok(()));
        assert!(is_too_large(&write(33, true).await, "transaction"));
        let again =
            store.commit(|tx| (0..100).try_for_each(|n| tx.put(&SMALL, &here(), &0, &value(60 * KIB + n))));
        assert_eq!(again.await, Ok::<_, Fault>(()));
    });
}

//! Closing and opening again: what was committed is there, what was numbered keeps its number.

use super::{BARDS, COUNTERS, Place, bard, count, here, open, wait_for};
use crate::{Fault, Read, Reason};
use std::collections::BTreeSet;

/// After a clean end and after a sudden one.
pub fn what_was_committed_is_there(place: &dyn Place) {
    for round in 1..=4u32 {
        let store = open(place);
        let name = |round: u32| format!("bard {round}");
        for earlier in 1..round {
            let found = store.read().get(&BARDS, &here(), &name(earlier));
            assert_eq!(found, Ok(Some(bard("known", earlier))));
        }
        assert_eq!(store.was_clean(), round % 2 == 1, "round {round}");
        wait_for(store.commit(move |tx| tx.put(&BARDS, &here(), &name(round), &bard("known", round))))
            .unwrap();
        assert_eq!(wait_for(count(&store, "rounds")), Ok(u64::from(round)));
        if round % 2 == 0 {
            store.close().unwrap();
        }
    }
}

/// Incarnations are new in each life of the store, also if it ended without a commit.
pub fn numbers_are_not_given_twice(place: &dyn Place) {
    let mut given = BTreeSet::new();
    for _ in 0..5 {
        let store = open(place);
        let fresh = wait_for(store.commit(|tx| {
            let numbers: Result<Vec<_>, Fault> = (0..100).map(|_| tx.fresh_incarnation()).collect();
            numbers
        }));
        given.extend(fresh.unwrap());
    }
    assert_eq!(given.len(), 500);
}

/// A closed store takes no commit and still reads.
pub fn a_closed_store_refuses(place: &dyn Place) {
    let store = open(place);
    wait_for(count(&store, "last")).unwrap();
    store.close().unwrap();
    assert_eq!(wait_for(count(&store, "last")), Err(Fault::Unavailable(Reason::Closed)));
    assert_eq!(store.read().get(&COUNTERS, &here(), &"last".to_owned()), Ok(Some(1)));
    assert!(store.close().is_err());
}

//! Emptying: everything, or what one account has, and nothing else.

use super::{BARDS, Bard, Place, bard, open, wait_for};
use crate::{
    Class, DueTimers, Fault, Lane, OutboxLanes, Post, Raw, Read, RowKind, Span, Store, Table, Timer, Tx,
};
use bytes::Bytes;
use names::{AccountId, Scope, Timestamp};

static LONG: Table<u64, Raw> = Table::new("contract/erased-long", Class::Items).large();

fn account(number: u64) -> AccountId {
    AccountId::from_number(number).expect("an account")
}

fn scopes(number: u64) -> [Scope; 3] {
    let region = |name: &str| Scope::Regional(account(number), name.parse().expect("a region"));
    [Scope::Account(account(number)), region("eu-west-1"), region("us-east-1")]
}

fn fill(number: u64) -> impl Fn(&mut Tx) -> Result<(), Fault> + Send + 'static {
    move |tx| {
        tx.allow_large();
        for scope in scopes(number) {
            for n in 0..800u64 {
                tx.put(&BARDS, &scope, &format!("{n:04}"), &bard("many", 1))?;
            }
            tx.put(&LONG, &scope, &1, &Raw(Bytes::from(vec![1; 200_000])))?;
            let (key, payload) = (Bytes::new(), Bytes::new());
            let due = Timestamp(1);
            tx.schedule(&Timer { kind: "contract/timer".into(), due, scope: scope.clone(), key, payload })?;
            let post = |target: &str| Post {
                lane: Lane { source: format!("{number}"), target: target.into(), group: None },
                scope: scope.clone(),
                kind: RowKind::Delivery,
                detail: Bytes::new(),
                posted: due,
                ready: due,
                cause: String::new(),
                hops: 0,
            };
            tx.post(Bytes::from_static(b"shared"), vec![post("one"), post("other")])?;
        }
        Ok(())
    }
}

/// Rows, long rows, timers and deliveries of an account.
fn held(store: &Store, number: u64) -> [usize; 3] {
    let read = store.read();
    let mut counts = [0; 3];
    for scope in scopes(number) {
        counts[0] += read.scan(&BARDS, &scope, Span::all()).count();
        counts[1] += read.scan(&LONG, &scope, Span::all()).count();
        let timers = read.everywhere(&crate::timers::TIMERS).map(|row| row.expect("a timer"));
        counts[2] += timers.filter(|(.., timer)| timer.scope == scope).count();
    }
    counts
}

/// What one account has goes, in its scopes, of its timers and deliveries; views follow; others keep all.
pub fn an_account_alone_is_emptied(place: &dyn Place) {
    let store = open(place);
    let (timers, lanes) = (store.view(DueTimers::default()), store.view(OutboxLanes));
    let (timers, lanes) = (timers.expect("a view"), lanes.expect("a view"));
    wait_for(async {
        for number in [1, 2, 999_999_999_999] {
            store.commit(fill(number)).await.expect("the account is filled");
        }
        let waiting =
            |number| lanes.with(&(), |lanes| lanes.depth_of(Some(account(number)))).expect("a depth");
        assert_eq!((held(&store, 2), waiting(2)), ([2400, 3, 3], 6));
        let removed = store.erase_account(account(2)).await.expect("it is emptied");
        // Rows, long rows with four chunks each, timers, deliveries.
        assert_eq!(removed, 2400 + 3 * 5 + 3 + 6);
        assert_eq!((held(&store, 2), waiting(2)), ([0, 0, 0], 0));
        for number in [1, 999_999_999_999] {
            assert_eq!((held(&store, number), waiting(number)), ([2400, 3, 3], 6));
        }
        let recomputed = timers.recompute(&()).expect("a view");
        assert!(timers.with(&(), |now| *now == recomputed).expect("a view"));
        assert_eq!(store.erase_account(account(2)).await, Ok(0));
        assert!(store.erase(&[]).await.is_ok());
        assert_eq!((held(&store, 1), waiting(1)), ([0, 0, 0], 0));
    });
}

/// Rows that match go in every scope, page by page.
pub fn what_matches_is_removed_everywhere(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        for number in [1, 2] {
            store.commit(fill(number)).await.expect("the account is filled");
        }
        let even = |_: &Scope, key: &String, _: &Bard| key.ends_with(['0', '2', '4', '6', '8']);
        assert_eq!(store.remove_where(&BARDS, even).await, Ok(2400));
        assert_eq!((held(&store, 1)[0], held(&store, 2)[0]), (1200, 1200));
        let first = store.remove_some(&BARDS, None, 7, |_, _, _| true).await.expect("a page");
        assert_eq!((first.rows, first.removed), (7, 7));
        let last = first.last.expect("there is more");
        assert_eq!(last, (Scope::Account(account(1)), "0013".to_owned()));
        let rest = store.remove_some(&BARDS, Some(last), 10_000, |_, _, _| false).await.expect("a page");
        assert_eq!((rest.rows, rest.removed, rest.last), (2393, 0, None));
        let regions = store.read().in_regions_of(&BARDS, account(1)).count();
        assert_eq!(regions, 800);
    });
}

//! Timers: each fires once, in order, in the commit that does its work.

use super::{COUNTERS, Place, here, open, wait_for};
use crate::{DueTimers, Fault, Read, Store, Timer, TimerId, Tx, ViewHandle, timer};
use bytes::Bytes;
use names::Timestamp;

fn at(due: i64) -> Timer {
    Timer {
        kind: "contract/ring".into(),
        due: Timestamp(due),
        scope: here(),
        key: Bytes::from_static(b"bell"),
        payload: Bytes::new(),
    }
}

async fn schedule(store: &Store, due: i64) -> TimerId {
    store.commit(move |tx| tx.schedule(&at(due))).await.unwrap()
}

async fn ring(store: &Store, id: TimerId) -> Option<u64> {
    let work = |tx: &mut Tx, timer: &Timer| {
        assert_eq!(timer.key, "bell");
        tx.counter(&COUNTERS, &timer.scope, &"rung".to_owned())
    };
    store.fire(id, work).await.unwrap()
}

fn due_now(view: &ViewHandle<DueTimers>, now: i64) -> Option<TimerId> {
    view.claim_due(Timestamp(now)).unwrap().map(|claim| claim.settle().id)
}

/// Due timers come in the order of their times, and fire once.
pub fn fire_once_in_order(place: &dyn Place) {
    let store = open(place);
    let view = store.view(DueTimers::default()).unwrap();
    wait_for(async {
        let late = schedule(&store, 30).await;
        let early = schedule(&store, -5).await;
        let middle = schedule(&store, 20).await;
        assert_eq!(view.next_due(), Ok(Some(Timestamp(-5))));
        let claim = view.claim_due(Timestamp(20)).unwrap().unwrap();
        assert_eq!((claim.id, claim.kind.as_str()), (early, "contract/ring"));
        assert_eq!(view.next_due(), Ok(Some(Timestamp(20))));
        drop(claim);
        assert_eq!(due_now(&view, 20), Some(early));
        assert_eq!(ring(&store, early).await, Some(1));
        assert_eq!(ring(&store, early).await, None, "it has fired");
        assert_eq!(due_now(&view, 20), Some(middle));
        assert_eq!(due_now(&view, 20), None);
        assert_eq!(due_now(&view, 30), Some(late));
        assert_eq!(store.read().get(&COUNTERS, &here(), &"rung".to_owned()), Ok(Some(1)));
    });
}

/// A cancelled timer neither comes nor fires; a failing one stays.
pub fn cancelled_is_gone(place: &dyn Place) {
    let store = open(place);
    let view = store.view(DueTimers::default()).unwrap();
    wait_for(async {
        let id = schedule(&store, 1).await;
        let failed = store.fire(id, |_, _| Err::<(), _>(Fault::Contended)).await;
        assert_eq!(failed, Err(Fault::Contended));
        assert_eq!(timer(&store.read(), &id).unwrap(), Some(at(1)));
        store.commit(move |tx| tx.cancel(&id)).await.unwrap();
        assert_eq!(view.next_due(), Ok(None));
        assert_eq!(due_now(&view, 100), None);
        assert_eq!(ring(&store, id).await, None);
    });
}

/// With more timers than the view keeps, all come, and new ones between them too.
pub fn more_than_fit_in_memory(place: &dyn Place) {
    let store = open(place);
    let view = store.view(DueTimers { in_memory: 3 }).unwrap();
    wait_for(async {
        for due in [50, 10, 40, 20, 30, 70, 60] {
            schedule(&store, due).await;
        }
        let mut fired = Vec::new();
        while let Some(id) = due_now(&view, 1000) {
            if ring(&store, id).await.is_some() {
                fired.push(id.due.millis());
            }
            if fired.len() == 2 {
                schedule(&store, 25).await;
                schedule(&store, 80).await;
            }
        }
        assert_eq!(fired, [10, 20, 25, 30, 40, 50, 60, 70, 80]);
    });
}

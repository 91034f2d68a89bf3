//! The outbox: deliveries are there with their cause, go once, and leave nothing behind.

use super::{Place, here, open, wait_for};
use crate::read::stored_keys;
use crate::{
    Claim, Class, Fault, Lane, OutboxLanes, OutboxRow, Payload, Post, RowId, RowKind, Store, ViewHandle,
    delivery,
};
use bytes::Bytes;
use names::Timestamp;

const NOW: Timestamp = Timestamp(1000);

fn post(target: &str, group: Option<&str>) -> Post {
    Post {
        lane: Lane { source: "topic".into(), target: target.into(), group: group.map(str::to_owned) },
        scope: here(),
        kind: RowKind::Delivery,
        detail: Bytes::from_static(b"detail"),
        posted: NOW,
        ready: NOW,
        cause: "request 1".into(),
        hops: 1,
    }
}

async fn posted(store: &Store, payload: &'static str, posts: Vec<Post>) -> Vec<RowId> {
    store.commit(move |tx| tx.post(Bytes::from(payload), posts.clone())).await.unwrap()
}

async fn deliver(store: &Store, id: RowId) -> Option<(OutboxRow, Bytes)> {
    store.commit(move |tx| tx.take_delivery(&id)).await.unwrap()
}

fn ids(claims: &[Claim<RowId>]) -> Vec<RowId> {
    claims.iter().map(|claim| **claim).collect()
}

/// Everything that is left in the keyspace of the outbox, except the engine's own.
fn left(store: &Store) -> usize {
    let snapshot = store.read();
    let keys = stored_keys(snapshot.published.engine.as_ref(), Class::Queue, &[0], 100).unwrap();
    keys.iter().filter(|key| !key.starts_with(&[0, 0])).count()
}

fn lanes(store: &Store) -> ViewHandle<OutboxLanes> {
    store.view(OutboxLanes).unwrap()
}

/// Posted, seen, taken once.
pub fn one_delivery(place: &dyn Place) {
    let store = open(place);
    let lanes = lanes(&store);
    wait_for(async {
        let sent = posted(&store, "hello", vec![post("queue", None)]).await;
        assert_eq!(lanes.ready(NOW, 9).unwrap().iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["queue"]);
        let claims = lanes.take("queue", NOW, 64).unwrap();
        assert_eq!(ids(&claims), sent);
        assert!(lanes.take("queue", NOW, 64).unwrap().is_empty(), "it is in hand");
        let (row, payload) = deliver(&store, sent[0]).await.unwrap();
        assert_eq!((row.post, payload.as_ref(), row.attempt), (post("queue", None), b"hello".as_slice(), 0));
        assert_eq!(deliver(&store, sent[0]).await, None);
        drop(claims);
        assert_eq!(lanes.next_ready(), Ok(None), "what has left does not come back");
        assert_eq!(left(&store), 0);
    });
}

/// Three receivers share one payload, which is there until the last has it.
pub fn a_shared_payload_goes_with_the_last(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let posts = vec![post("a", None), post("b", None), post("c", None)];
        let sent = posted(&store, "to all", posts).await;
        assert_eq!(left(&store), 5, "three rows, one payload, its count");
        for id in sent {
            assert_eq!(delivery(&store.read(), &id).unwrap().unwrap().1, "to all");
            assert_eq!(deliver(&store, id).await.unwrap().1, "to all");
        }
        assert_eq!(left(&store), 0);
    });
}

/// Of a group only the first goes, none while it is in hand; other groups are not held up.
pub fn groups_go_in_order(place: &dyn Place) {
    let store = open(place);
    let lanes = lanes(&store);
    wait_for(async {
        let mut first = Vec::new();
        for _ in 0..3 {
            first.extend(posted(&store, "one", vec![post("queue", Some("g1"))]).await);
        }
        let other = posted(&store, "two", vec![post("queue", Some("g2"))]).await;
        assert_eq!(first.iter().map(|id| id.number).collect::<Vec<_>>(), [1, 2, 3]);
        let waits = || store.commit(|tx| tx.lane_waits(&post("queue", Some("g1")).lane));
        assert!(waits().await.unwrap());
        let mut claims = lanes.take("queue", NOW, 64).unwrap();
        claims.sort_by_key(|claim| claim.unique);
        assert_eq!(ids(&claims), [first[0], other[0]]);
        assert!(lanes.take("queue", NOW, 64).unwrap().is_empty());
        drop(claims);
        for expected in first {
            let claims = lanes.take("queue", NOW, 64).unwrap();
            assert!(ids(&claims).contains(&expected));
            deliver(&store, expected).await.unwrap();
        }
        assert!(!waits().await.unwrap());
        deliver(&store, other[0]).await.unwrap();
        assert_eq!(left(&store), 0, "the counters of empty groups have gone");
    });
}

/// A fan-out row becomes rows chunk by chunk; all share its payload.
pub fn a_fan_out_in_chunks(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let fan_out = Post { kind: RowKind::FanOut { cursor: None }, ..post("topic", None) };
        let id = posted(&store, "wide", vec![fan_out]).await[0];
        let mut receivers = Vec::new();
        for chunk in 0..3u8 {
            let last = chunk == 2;
            let made = store
                .commit(move |tx| {
                    let Some((row, _)) = delivery(tx, &id)? else { return Ok(Vec::new()) };
                    assert!(matches!(row.payload, Payload::Shared(_)));
                    let posts = (0..4).map(|n| post(&format!("queue {chunk} {n}"), None)).collect();
                    let made = tx.post_onward(&row.payload, posts)?;
                    if last {
                        tx.take_delivery(&id)?;
                    } else {
                        let cursor = Some(Bytes::copy_from_slice(&[chunk]));
                        tx.change_delivery(&id, |row| row.post.kind = RowKind::FanOut { cursor })?;
                    }
                    Ok::<_, Fault>(made)
                })
                .await
                .unwrap();
            receivers.extend(made);
        }
        assert_eq!(receivers.len(), 12);
        for id in receivers {
            assert_eq!(deliver(&store, id).await.unwrap().1, "wide");
        }
        assert_eq!(left(&store), 0);
    });
}

/// A delivery that failed goes again when it is ready, not before; a dropped claim gives it back.
pub fn postponed_and_returned(place: &dyn Place) {
    let store = open(place);
    let lanes = lanes(&store);
    wait_for(async {
        for group in [None, Some("g")] {
            let id = posted(&store, "again", vec![post("queue", group)]).await[0];
            let claims = lanes.take("queue", NOW, 1).unwrap();
            let later = NOW.plus_millis(500);
            let postpone = move |row: &mut OutboxRow| {
                row.attempt += 1;
                row.post.ready = later;
            };
            assert!(store.commit(move |tx| tx.change_delivery(&id, postpone)).await.unwrap());
            assert!(lanes.take("queue", later, 1).unwrap().is_empty(), "still in hand");
            drop(claims);
            assert!(lanes.take("queue", NOW, 1).unwrap().is_empty(), "not ready");
            assert_eq!(lanes.next_ready(), Ok(Some(later)));
            assert_eq!(ids(&lanes.take("queue", later, 1).unwrap()), [id]);
            assert_eq!(deliver(&store, id).await.unwrap().0.attempt, 1);
            assert!(!store.commit(move |tx| tx.change_delivery(&id, postpone)).await.unwrap());
        }
    });
}

/// Depth and age per lane and account, the same when the view is loaded anew.
pub fn counts_what_waits(place: &dyn Place) {
    let store = open(place);
    let lanes = lanes(&store);
    wait_for(async {
        lanes.with(&(), |_| ()).unwrap();
        let (a, b) = (post("a", None), post("b", Some("g")));
        let later = Post { posted: NOW.plus_millis(1), ..a.clone() };
        let sent = posted(&store, "x", vec![a.clone(), later, b.clone()]).await;
        let seen = lanes
            .with(&(), |lanes| {
                let account = lanes.depth_of(here().account());
                (
                    account,
                    lanes.depth(a.lane.id()),
                    lanes.waiting_since(a.lane.id()),
                    lanes.oldest(b.lane.id()),
                )
            })
            .unwrap();
        assert_eq!(seen, (3, 2, Some(NOW), Some(sent[2])));
        let anew = lanes.recompute(&()).unwrap();
        assert!(lanes.with(&(), |lanes| *lanes == anew).unwrap());
        for id in sent {
            deliver(&store, id).await.unwrap();
        }
        assert_eq!(lanes.with(&(), |lanes| lanes.total()), Ok(0));
    });
}

//! Deliveries within the commit that causes them: what a target takes is there with it, what it refuses leaves no
//! trace and waits in the outbox, nothing overtakes in a lane.

use bytes::Bytes;
use names::{AccountId, Arn, Scope, Timestamp};
use schema::ApiError;
use service::{Delivery, DeliveryContext, Door, Reception, Service, Target, hand_over};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{Class, Fault, OutboxLanes, Raw, Read, Span, Table, Tx};
use testkit::{IamMode, Region, START, Setup};

static KEPT: Table<u64, Raw> = Table::new("chests/kept", Class::Queue);

/// Keeps what it gets, in the order of commits, and then refuses or drops what it does not like.
struct Chests {
    open: &'static AtomicBool,
}

impl Target for Chests {
    fn service(&self) -> &'static str {
        "chests"
    }

    fn action(&self) -> &'static str {
        "chests:Keep"
    }

    fn reception(&self) -> Reception {
        Reception::Stores
    }

    fn accept(&self, tx: &mut Tx, deliveries: &[Delivery], _: Timestamp) -> Result<(), ApiError> {
        for delivery in deliveries {
            let number = tx.fresh_incarnation().unwrap().0;
            tx.put(&KEPT, &Scope::Partition, &number, &Raw(delivery.payload.clone())).unwrap();
            assert!(delivery.payload != "heavy", "the chest breaks");
            if delivery.payload == "cursed" || !self.open.load(Ordering::Relaxed) {
                return Err(ApiError::new("Refused", 400, "It does not go in."));
            }
        }
        Ok(())
    }
}

fn delivery(payload: &'static str, group: Option<&str>) -> Delivery {
    let source: Arn = "arn:aws:sns:us-east-1:000000000000:source".parse().unwrap();
    let target: Arn = "arn:aws:chests:us-east-1:000000000000:oak".parse().unwrap();
    let context = DeliveryContext::of("sns.amazonaws.com", AccountId::DEFAULT);
    let mut delivery = Delivery::new(source, target, Bytes::from(payload), context, START);
    delivery.group = group.map(str::to_owned);
    delivery
}

async fn give(region: &Region, deliveries: Vec<Delivery>) {
    let receivers = region.host().ports().receivers.clone();
    let deliveries: Vec<_> = deliveries
        .into_iter()
        .map(|delivery| {
            let door = Door::of(receivers.as_ref(), &delivery);
            (delivery, door)
        })
        .collect();
    let given = region.host().store.commit(move |tx| hand_over(tx, deliveries.clone(), START));
    given.await.map_err(|fault: Fault| fault.to_string()).unwrap();
}

fn kept(region: &Region) -> Vec<String> {
    let rows = region.host().store.read();
    let rows = rows.scan(&KEPT, &Scope::Partition, Span::all());
    rows.map(|row| String::from_utf8(row.unwrap().1.0.to_vec()).unwrap()).collect()
}

/// How many deliveries wait in the outbox.
fn waiting(region: &Region) -> usize {
    let lanes = region.host().store.view(OutboxLanes).unwrap();
    lanes.with(&(), |lanes| lanes.total()).unwrap()
}

#[tokio::test]
async fn what_is_refused_leaves_no_trace_and_waits() {
    static OPEN: AtomicBool = AtomicBool::new(true);
    let region = Region::of(vec![Service::new("chests", Vec::new()).target(Chests { open: &OPEN })]).await;
    let before = region.host().store.read().sequence();
    give(&region, vec![delivery("gold", None), delivery("silver", None)]).await;
    assert_eq!(kept(&region), ["gold", "silver"]);
    assert_eq!(region.host().store.read().sequence(), before + 1, "one commit");
    give(&region, vec![delivery("tin", None), delivery("cursed", None), delivery("heavy", None)]).await;
    assert_eq!(kept(&region), ["gold", "silver", "tin"]);
    assert_eq!(waiting(&region), 2);
}

#[tokio::test]
async fn nothing_overtakes_in_a_lane() {
    static OPEN: AtomicBool = AtomicBool::new(false);
    let region = Region::of(vec![Service::new("chests", Vec::new()).target(Chests { open: &OPEN })]).await;
    give(&region, vec![delivery("one", Some("g"))]).await;
    OPEN.store(true, Ordering::Relaxed);
    give(&region, vec![delivery("two", Some("g")), delivery("aside", Some("h"))]).await;
    assert_eq!(kept(&region), ["aside"], "another group need not wait");
    for _ in 0..5 {
        region.advance(Duration::from_secs(60)).await;
    }
    assert_eq!(kept(&region), ["aside", "one", "two"]);
    give(&region, vec![delivery("three", Some("g"))]).await;
    assert_eq!(kept(&region), ["aside", "one", "two", "three"]);
}

#[tokio::test]
async fn whoever_may_not_deliver_has_no_door() {
    static OPEN: AtomicBool = AtomicBool::new(true);
    let rooms = vec![Service::new("chests", Vec::new()).target(Chests { open: &OPEN })];
    let region = Setup { iam: IamMode::Enforce, ..Setup::of(rooms) }.start().await;
    give(&region, vec![delivery("gold", None)]).await;
    assert_eq!((kept(&region), waiting(&region)), (Vec::new(), 1));
}

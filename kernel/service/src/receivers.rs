//! Delivering within the commit that causes a delivery: where the target only stores what it gets, its room serves
//! and lets the source in, nothing has to wait in the outbox, and the delivery costs no second commit. What is
//! refused, or has others before it in its lane, goes through the outbox as always: whoever delivers notices nothing.

use crate::{Ctx, Deliver, Delivery, Reception, Target};
use names::Timestamp;
use schema::ApiError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::{Fault, Tx};

/// How many deliveries may lead to one another before they are taken for a circle.
pub const MAX_HOPS: u8 = 32;

/// What carrying deliveries asks of the region.
pub trait Receivers: Send + Sync {
    /// Who takes deliveries to the ARNs of a service.
    ///
    /// # Errors
    /// Where nobody does, or the room does not serve now: then it is asked again later.
    fn target(&self, service: &str) -> Result<Arc<dyn Target>, ApiError>;

    /// Whether the delivery's source may do the target's action on it.
    ///
    /// # Errors
    /// `AccessDenied` where it may not.
    fn permit(&self, delivery: &Delivery, target: &dyn Target) -> Result<(), ApiError>;

    /// The context in which a target acts on a delivery.
    fn context(&self, delivery: &Delivery, target: &dyn Target) -> Ctx;
}

/// A target that takes a delivery in the commit that causes it.
#[derive(Clone)]
pub struct Door(Arc<dyn Target>);

impl Door {
    /// The door to a delivery's target, of which nothing is looked at but where it comes from and goes to; `None`
    /// where it has to go through the outbox.
    pub fn of(receivers: &dyn Receivers, delivery: &Delivery) -> Option<Self> {
        let target = receivers.target(delivery.target.service()).ok()?;
        let opens = target.reception() == Reception::Stores
            && delivery.hops < MAX_HOPS
            && receivers.permit(delivery, target.as_ref()).is_ok();
        opens.then_some(Door(target))
    }

    /// Has the target accept deliveries; whether it did, and wrote nothing where it did not. A target that panics has
    /// not.
    fn accept(&self, tx: &mut Tx, deliveries: &[Delivery], now: Timestamp) -> bool {
        let accepted = tx.attempt(|tx| {
            let accepting = catch_unwind(AssertUnwindSafe(|| self.0.accept(tx, deliveries, now)));
            if matches!(accepting, Ok(Ok(()))) { Ok(()) } else { Err(()) }
        });
        accepted.is_ok()
    }
}

/// Deliveries for the doors of one service.
struct Parcel {
    door: Door,
    deliveries: Vec<Delivery>,
}

impl Parcel {
    fn give(self, tx: &mut Tx, now: Timestamp) -> Result<(), Fault> {
        if self.door.accept(tx, &self.deliveries, now) {
            return Ok(());
        }
        // One that is refused keeps it from nobody else.
        let alone = self.deliveries.len() == 1;
        for delivery in self.deliveries {
            let goes = !alone && !waits(tx, &delivery)?;
            if !goes || !self.door.accept(tx, std::slice::from_ref(&delivery), now) {
                tx.deliver(delivery)?;
            }
        }
        Ok(())
    }
}

/// Whether something before a delivery of an ordered lane waits in the outbox.
fn waits(tx: &Tx, delivery: &Delivery) -> Result<bool, Fault> {
    if delivery.group.is_some() { tx.lane_waits(&delivery.lane()) } else { Ok(false) }
}

/// Delivers: through its door what has one, the rest through the outbox.
///
/// # Errors
/// The store's.
pub fn hand_over(
    tx: &mut Tx,
    deliveries: Vec<(Delivery, Option<Door>)>,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut parcels: Vec<Parcel> = Vec::new();
    for (mut delivery, door) in deliveries {
        // How it ends is told back by the relay alone.
        let door = door.filter(|_| delivery.context.told_back.is_none());
        let Some(door) = door else {
            tx.deliver(delivery)?;
            continue;
        };
        if waits(tx, &delivery)? {
            tx.deliver(delivery)?;
            continue;
        }
        delivery.id = Delivery::id_of(tx.fresh_incarnation()?.0);
        match parcels.iter_mut().find(|parcel| Arc::ptr_eq(&parcel.door.0, &door.0)) {
            Some(parcel) => parcel.deliveries.push(delivery),
            None => parcels.push(Parcel { door, deliveries: vec![delivery] }),
        }
    }
    parcels.into_iter().try_for_each(|parcel| parcel.give(tx, now))
}

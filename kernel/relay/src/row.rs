//! Rows of the outbox as deliveries.

use bytes::Bytes;
use service::{Delivery, DeliveryContext};
use store::{Corrupt, Fault, OutboxRow, RowId};

/// The delivery of a row.
///
/// # Errors
/// If the row is not one that `Deliver` posts.
pub fn delivery(id: &RowId, row: &OutboxRow, payload: Bytes) -> Result<Delivery, Fault> {
    let corrupt = |why| Fault::Corrupt { table: "store/outbox", why: Corrupt(why) };
    let post = &row.post;
    let context = DeliveryContext::from_bytes(&post.detail)
        .ok_or_else(|| corrupt("a delivery's context cannot be read"))?;
    let source = post.lane.source.parse().map_err(|_| corrupt("a delivery's source is no ARN"))?;
    let target = post.lane.target.parse().map_err(|_| corrupt("a delivery's target is no ARN"))?;
    Ok(Delivery {
        id: Delivery::id_of(id.unique),
        source,
        target,
        group: post.lane.group.clone(),
        payload,
        context,
        posted: post.posted,
        cause: post.cause.clone(),
        hops: post.hops,
    })
}

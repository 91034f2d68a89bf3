//! Telling a bucket's listeners what happened, in the commit in which it happened.

use crate::errors::S3Error;
use crate::rules::bus_event;
use crate::rules::event::Event;
use crate::rules::notifications::Happening;
use crate::state::buckets::{self, Bucket};
use crate::state::{NotificationRecord, ObjectRecord, Version};
use crate::views::canonical_id;
use bytes::Bytes;
use names::{Arn, Timestamp};
use schema::ApiError;
use service::{Ctx, Deliver, Delivery, DeliveryContext, Heads};
use store::Tx;

/// The service that delivers.
pub const PRINCIPAL: &str = "s3.amazonaws.com";

/// Whose request caused what happens.
#[derive(Debug, Clone)]
pub struct Origin {
    /// When, in virtual time.
    pub at: Timestamp,
    principal: String,
    source: String,
    request_id: String,
    trace: Option<String>,
}

impl Origin {
    /// The origin of a request.
    pub fn of(ctx: &Ctx) -> Self {
        let principal = match ctx.caller().principal() {
            Some(principal) => format!("AWS:{}", principal.id),
            None => ctx.caller().name(),
        };
        let source = ctx.request().source.map(|source| source.to_string());
        Origin {
            at: ctx.now(),
            principal,
            source: source.unwrap_or_else(|| PRINCIPAL.to_owned()),
            request_id: ctx.request_id().to_owned(),
            trace: ctx.trace().map(str::to_owned),
        }
    }
}

impl Origin {
    /// The origin of what a delivery causes.
    pub fn of_delivery(delivery: &Delivery, at: Timestamp) -> Self {
        Origin {
            at,
            principal: PRINCIPAL.to_owned(),
            source: PRINCIPAL.to_owned(),
            request_id: delivery.cause.clone(),
            trace: delivery.context.trace.clone(),
        }
    }

    /// The origin of what a bucket's owner asked for and the region does later.
    pub fn of_restore(&self, bucket: &Bucket) -> Self {
        let principal = format!("AmazonCustomer:{}", canonical_id(bucket.owner));
        Origin { principal, source: PRINCIPAL.to_owned(), ..self.clone() }
    }

    /// The origin of what the region does by itself.
    pub fn of_service(at: Timestamp, principal: &str) -> Self {
        let name = || principal.to_owned();
        Origin { at, principal: name(), source: name(), request_id: String::new(), trace: None }
    }
}

/// The entity tag of no bytes, which a marker is told with.
const OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// Delivers to everybody who listens.
///
/// # Errors
/// The store's.
pub fn tell(
    tx: &mut Tx,
    origin: &Origin,
    bucket: &Bucket,
    happening: Happening,
    key: &str,
    version: &Version,
) -> Result<(), S3Error> {
    let listeners = buckets::notifications(tx, bucket)?;
    if listeners == NotificationRecord::default() {
        return Ok(());
    }
    let removed = matches!(happening, Happening::Deleted | Happening::Expired);
    let object = version.object.as_deref().filter(|_| !removed);
    let owner = canonical_id(bucket.owner);
    let event = Event {
        happening,
        at: origin.at,
        region: bucket.record.region.as_str(),
        principal: &origin.principal,
        source: &origin.source,
        request_id: &origin.request_id,
        bucket: &bucket.name,
        owner: &owner,
        key,
        size: object.map(|object| object.size),
        etag: match happening {
            Happening::Marked => Some(OF_NOTHING),
            _ => object.map(|object| object.etag.as_str()),
        },
        version_id: version.id.as_deref(),
        sequence: version.number,
        restore: restored(happening, object),
    };
    for rule in listeners.rules().filter(|rule| rule.wants(happening, key)) {
        let Ok(target) = rule.destination.parse::<Arn>() else { continue };
        let message = event.message(&rule.id).map_err(|_| unwritable())?;
        deliver(tx, origin, bucket, target, message)?;
    }
    if listeners.event_bus
        && tx.head(&bus_event::bus(&bucket.record.region, bucket.owner))?.is_some()
        && let Some(message) = bus_event::message(&event, bucket.owner, &origin.request_id)
    {
        let target = bus_event::bus(&bucket.record.region, bucket.owner);
        deliver(tx, origin, bucket, target, message)?;
    }
    Ok(())
}

/// The class of an object that is restored, and until when it can be read once it is.
fn restored(happening: Happening, object: Option<&ObjectRecord>) -> Option<(&str, Option<Timestamp>)> {
    let object = object?;
    let class = object.description.storage_class.as_str();
    match happening {
        Happening::RestoreBegun => Some((class, None)),
        Happening::Restored => Some((class, object.restored_until())),
        _ => None,
    }
}

/// Delivers one message to one listener.
///
/// # Errors
/// The store's.
pub fn deliver(
    tx: &mut Tx,
    origin: &Origin,
    bucket: &Bucket,
    target: Arn,
    message: Vec<u8>,
) -> Result<(), S3Error> {
    let mut context = DeliveryContext::of(PRINCIPAL, bucket.owner);
    context.trace.clone_from(&origin.trace);
    if target.service() == "sns" {
        // Recorded of AWS by LocalStack's test_object_created_put of topics.
        context.attributes.insert("Subject".to_owned(), "Amazon S3 Notification".to_owned());
    }
    let mut delivery = Delivery::new(bucket.arn(), target, Bytes::from(message), context, origin.at);
    delivery.cause.clone_from(&origin.request_id);
    Ok(tx.deliver(delivery)?)
}

/// An event that cannot be written as JSON, which its types rule out.
pub fn unwritable() -> ApiError {
    ApiError::new("InternalError", 500, "We encountered an internal error. Please try again.")
}

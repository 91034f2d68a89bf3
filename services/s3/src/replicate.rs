//! Copies new versions and delete markers to other buckets: a delivery of the commit that makes the
//! version, taken in by the destination in a commit of its own. No bytes move: blobs are counted, and a
//! copy is encrypted like its source.

use crate::errors::S3Error;
use crate::notify::{self, Origin, PRINCIPAL};
use crate::rules::notifications::Happening;
use crate::rules::replication::{self, Subject};
use crate::state::buckets::{self, Bucket};
use crate::state::configurations::{self, Kind};
use crate::state::{Content, Replication, Version, Versioning, objects, uploads};
use bytes::Bytes;
use model_s3 as api;
use names::Timestamp;
use schema::ApiError;
use serde::{Deserialize, Serialize};
use service::{Deliver, Delivery, DeliveryContext, Reception, Target};
use store::{Incarnation, Tx};

/// Within an account the copies are the region's own work, which whoever configured them declared; into
/// another account S3 must be let in by the destination's policy.
const OWN_WORK: &str = "elysium.internal";

/// What is copied.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    bucket: String,
    incarnation: Incarnation,
    key: String,
    version_id: String,
    storage_class: Option<String>,
}

/// Has a new version copied where the bucket's rules say so, and says in the version that it is.
///
/// # Errors
/// The store's.
pub fn begin(
    tx: &mut Tx,
    origin: &Origin,
    bucket: &Bucket,
    key: &str,
    version: &mut Version,
) -> Result<(), S3Error> {
    if !bucket.record.configured.replication {
        return Ok(());
    }
    let kept: Option<api::ReplicationConfiguration> = configurations::get(tx, bucket, Kind::Replication, "")?;
    let (Some(kept), Some(version_id)) = (kept, version.id.clone()) else { return Ok(()) };
    let subject = Subject { key, tags: version.object.as_deref().map(|object| &object.tags), replica: false };
    let rules = replication::fitting(&kept.rules, subject);
    if let Some(object) = version.object.as_deref_mut().filter(|_| !rules.is_empty()) {
        object.change_extras(|extras| extras.replication = Some(Replication::Pending));
    }
    for rule in rules {
        let Some(name) = replication::bucket_of(&rule.destination.bucket) else { continue };
        let order = Order {
            bucket: bucket.name.clone(),
            incarnation: bucket.incarnation(),
            key: key.to_owned(),
            version_id: version_id.clone(),
            storage_class: rule.destination.storage_class.as_ref().map(|class| class.as_str().to_owned()),
        };
        let payload = serde_json::to_vec(&order).map_err(|_| notify::unwritable())?;
        let same_account = buckets::find(tx, name)?.is_none_or(|found| found.owner == bucket.owner);
        let principal = if same_account { OWN_WORK } else { PRINCIPAL };
        let context = DeliveryContext::of(principal, bucket.owner);
        let (source, target) = (bucket.arn(), buckets::arn(name));
        let mut delivery = Delivery::new(source, target, Bytes::from(payload), context, origin.at);
        // Versions of one key arrive in their order.
        delivery.group = Some(key.to_owned());
        tx.deliver(delivery)?;
    }
    Ok(())
}

/// Buckets as the receivers of copies.
pub struct Replicas;

impl Target for Replicas {
    fn service(&self) -> &'static str {
        "s3"
    }

    fn action(&self) -> &'static str {
        "s3:ReplicateObject"
    }

    fn reception(&self) -> Reception {
        Reception::Stores
    }

    fn accept(&self, tx: &mut Tx, deliveries: &[Delivery], now: Timestamp) -> Result<(), ApiError> {
        // Small bodies and rows of parts are copied.
        tx.allow_large();
        for delivery in deliveries {
            let order: Order = serde_json::from_slice(&delivery.payload)
                .map_err(|_| ApiError::new("InvalidRequest", 400, "The delivery is no copy of an object."))?;
            take_in(tx, delivery, &order, now)?;
        }
        Ok(())
    }
}

fn take_in(tx: &mut Tx, delivery: &Delivery, order: &Order, now: Timestamp) -> Result<(), S3Error> {
    let source = buckets::find(tx, &order.bucket)?;
    let Some(source) = source.filter(|found| found.incarnation() == order.incarnation) else { return Ok(()) };
    let Some(mut version) = objects::by_id(tx, &source, &order.key, &order.version_id)? else {
        return Ok(());
    };
    let origin = Origin::of_delivery(delivery, now);
    let target = buckets::find(tx, delivery.target.resource())?;
    let target = target.filter(|target| target.record.versioning == Versioning::Enabled);
    let status = match &target {
        Some(target) => {
            copy(tx, &origin, (&source, target), order, &version)?;
            Replication::Completed
        }
        None => {
            notify::tell(tx, &origin, &source, Happening::ReplicationFailed, &order.key, &version)?;
            Replication::Failed
        }
    };
    if let Some(object) = version.object.as_deref_mut() {
        // One of several destinations that failed is what the status says.
        let failed = object.extras().replication == Some(Replication::Failed);
        let status = if failed { Replication::Failed } else { status };
        object.change_extras(|extras| extras.replication = Some(status));
        objects::rewrite(tx, &source, &order.key, version)?;
    }
    Ok(())
}

/// The version under the same id and number in the other bucket.
fn copy(
    tx: &mut Tx,
    origin: &Origin,
    (source, target): (&Bucket, &Bucket),
    order: &Order,
    version: &Version,
) -> Result<(), S3Error> {
    let key = order.key.as_str();
    if objects::by_id(tx, target, key, version.shown_id())?.is_some() {
        return Ok(());
    }
    let mut copy = version.clone();
    if let Some(object) = copy.object.as_deref_mut() {
        object.change_extras(|extras| {
            extras.replication = Some(Replication::Replica);
            extras.restored = None;
            extras.writer = None;
            if target.record.lock.is_none() {
                (extras.retention, extras.legal_hold) = (None, None);
            }
        });
        if let Some(class) = &order.storage_class {
            object.description.storage_class.clone_from(class);
        }
        match &mut object.content {
            Content::Blob(_) => {}
            Content::Row => {
                if let Some(bytes) = objects::body(tx, source, version.number)? {
                    objects::put_body(tx, target, version.number, &bytes)?;
                }
            }
            Content::Parts { upload, .. } => {
                let parts: Vec<_> =
                    uploads::parts(tx, &source.scope, *upload, 0).collect::<Result<_, _>>()?;
                *upload = tx.fresh_incarnation()?;
                for (number, part) in parts {
                    uploads::put_part(tx, &target.scope, *upload, number, &part)?;
                }
            }
        }
    }
    objects::put_in_order(tx, target, key, copy.clone())?;
    let happening = if copy.object.is_some() { Happening::Put } else { Happening::Marked };
    notify::tell(tx, origin, target, happening, key, &copy)
}

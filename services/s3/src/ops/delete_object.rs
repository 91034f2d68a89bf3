//! DeleteObject and DeleteObjects. Without a version a delete hides the object behind a marker where the
//! bucket keeps versions; with one it removes that version for good.

use crate::errors::S3Error;
use crate::lookup;
use crate::notify::{self, Origin};
use crate::policy;
use crate::replicate;
use crate::rules::conditions::check_write;
use crate::rules::locks;
use crate::rules::notifications::Happening;
use crate::state::buckets::Bucket;
use crate::state::{ObjectRecord, Version, Versioning, objects};
use crate::views;
use crate::write::fresh_id;
use model_s3 as api;
use names::Timestamp;
use schema::ApiError;
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Tx};

/// Most keys of one DeleteObjects.
const MAX_KEYS: usize = 1000;

/// What is to be deleted.
#[derive(Debug, Clone)]
struct Target {
    key: String,
    version_id: Option<String>,
    matches: Option<String>,
    /// What makes the id of a marker no guess.
    random: [u8; 16],
    /// The caller passes by governance.
    bypass: bool,
    conditions: DeleteConditions,
}

/// What a delete is on the condition of beside the tag.
#[derive(Debug, Clone, Copy, Default)]
struct DeleteConditions {
    modified: Option<Timestamp>,
    size: Option<i64>,
}

impl DeleteConditions {
    fn check(self, version: &Version, object: &ObjectRecord) -> Result<(), S3Error> {
        let refused = |condition: &str| Err(S3Error::PreconditionFailed { condition: condition.to_owned() });
        if self.modified.is_some_and(|wanted| wanted.seconds() != version.modified.seconds()) {
            return refused("x-amz-if-match-last-modified-time");
        }
        if self.size.is_some_and(|wanted| wanted != views::signed(object.size)) {
            return refused("x-amz-if-match-size");
        }
        Ok(())
    }
}

/// What a delete did.
#[derive(Debug, Clone, Default)]
struct Deleted {
    /// A marker was made, or removed.
    marker: bool,
    /// The version that was made or removed.
    version_id: Option<String>,
}

fn delete(tx: &mut Tx, origin: &Origin, bucket: &Bucket, target: &Target) -> Result<Deleted, S3Error> {
    let key = target.key.as_str();
    lookup::check_key(key)?;
    if let Some(matches) = &target.matches {
        let newest = objects::newest(tx, bucket, key)?;
        let present = newest.as_ref().and_then(|version| version.object.as_deref());
        check_write(Some(matches), None, present.map(|object| object.etag.as_str()))
            .map_err(|fault| S3Error::refused_write(fault, key))?;
    }
    if target.conditions.modified.is_some() || target.conditions.size.is_some() {
        let named = (key, target.version_id.as_deref());
        let found = lookup::object(tx, bucket, named, "DELETE")?;
        target.conditions.check(&found.version, &found.object)?;
    }
    match &target.version_id {
        Some(id) => delete_version(tx, origin, bucket, (key, id), target.bypass),
        None if bucket.record.versioning == Versioning::Never => delete_newest(tx, origin, bucket, key),
        None => mark(tx, origin, bucket, key, target.random),
    }
}

fn delete_version(
    tx: &mut Tx,
    origin: &Origin,
    bucket: &Bucket,
    (key, id): (&str, &str),
    bypass: bool,
) -> Result<Deleted, S3Error> {
    lookup::check_version_id(id)?;
    let version_id = Some(id.to_owned());
    let Some(version) = objects::by_id(tx, bucket, key, id)? else {
        return Ok(Deleted { marker: false, version_id });
    };
    if let Some(extras) = version.object.as_ref().and_then(|object| object.extras.as_ref())
        && !locks::may_remove(extras.retention, extras.legal_hold == Some(true), origin.at, bypass)
    {
        return Err(S3Error::Protected);
    }
    objects::remove(tx, bucket, key, &version)?;
    notify::tell(tx, origin, bucket, Happening::Deleted, key, &version)?;
    Ok(Deleted { marker: version.object.is_none(), version_id })
}

fn delete_newest(tx: &mut Tx, origin: &Origin, bucket: &Bucket, key: &str) -> Result<Deleted, S3Error> {
    if let Some(version) = objects::newest(tx, bucket, key)? {
        objects::remove(tx, bucket, key, &version)?;
        notify::tell(tx, origin, bucket, Happening::Deleted, key, &version)?;
    }
    Ok(Deleted::default())
}

fn mark(
    tx: &mut Tx,
    origin: &Origin,
    bucket: &Bucket,
    key: &str,
    random: [u8; 16],
) -> Result<Deleted, S3Error> {
    let number = tx.fresh_incarnation()?.0;
    let mut marker =
        Version { number, id: fresh_id(bucket, number, random), modified: origin.at, object: None };
    replicate::begin(tx, origin, bucket, key, &mut marker)?;
    objects::put(tx, bucket, key, marker.clone())?;
    notify::tell(tx, origin, bucket, Happening::Marked, key, &marker)?;
    Ok(Deleted { marker: true, version_id: Some(marker.shown_id().to_owned()) })
}

/// DeleteObject: what is not there is deleted, too.
pub async fn delete_object(
    ctx: Ctx,
    input: Arc<api::DeleteObjectInput>,
) -> Result<api::DeleteObjectOutput, S3Error> {
    let (origin, random) = (Origin::of(&ctx), ctx.host().entropy.bytes());
    let deleted = ctx
        .commit(move |tx: &mut Tx| {
            let bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
            let target = Target {
                key: input.key.clone(),
                version_id: input.version_id.clone(),
                matches: input.if_match.clone(),
                random,
                bypass: input.bypass_governance_retention == Some(true),
                conditions: DeleteConditions {
                    modified: input.if_match_last_modified_time,
                    size: input.if_match_size,
                },
            };
            delete(tx, &origin, &bucket, &target)
        })
        .await?;
    Ok(api::DeleteObjectOutput {
        delete_marker: deleted.marker.then_some(true),
        version_id: deleted.version_id,
        request_charged: None,
    })
}

/// DeleteObjects: each key for itself, all that are allowed with one sync.
pub async fn delete_objects(
    ctx: Ctx,
    input: Arc<api::DeleteObjectsInput>,
) -> Result<api::DeleteObjectsOutput, S3Error> {
    let objects = &input.delete.objects;
    if objects.is_empty() || objects.len() > MAX_KEYS {
        return Err(S3Error::MalformedXml);
    }
    let (name, expected_owner) = (input.bucket.clone(), input.expected_bucket_owner.clone());
    lookup::bucket(&ctx.read(), &name, expected_owner.as_deref())?;
    let origin = Arc::new(Origin::of(&ctx));
    let named: Arc<(String, Option<String>)> = Arc::new((name, expected_owner));
    let judged: Vec<Result<(), S3Error>> =
        objects.iter().map(|object| policy::may_delete(&ctx, &input, object)).collect();
    let allowed = objects.iter().zip(&judged).filter(|(_, judged)| judged.is_ok());
    let closures = allowed.map(|(object, _)| {
        let target = Target {
            key: object.key.clone(),
            version_id: object.version_id.clone(),
            matches: object.e_tag.clone(),
            random: ctx.host().entropy.bytes(),
            bypass: input.bypass_governance_retention == Some(true),
            conditions: DeleteConditions { modified: object.last_modified_time, size: object.size },
        };
        let (named, origin) = (named.clone(), origin.clone());
        move |tx: &mut Tx| {
            let bucket = lookup::bucket(tx, &named.0, named.1.as_deref())?;
            delete(tx, &origin, &bucket, &target)
        }
    });
    let mut results = ctx.host().store.commit_each(closures.collect()).await.into_iter();
    let quiet = input.delete.quiet == Some(true);
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for (object, judged) in objects.iter().zip(judged) {
        match judged.and_then(|()| results.next().unwrap_or(Err(S3Error::Store(Fault::Panicked)))) {
            Ok(_) if quiet => {}
            Ok(done) => deleted.push(shown(object, done)),
            Err(error) => errors.push(refused(object, error)),
        }
    }
    let listed = (!errors.is_empty()).then_some(errors);
    Ok(api::DeleteObjectsOutput { deleted: Some(deleted), request_charged: None, errors: listed })
}

fn shown(object: &api::ObjectIdentifier, done: Deleted) -> api::DeletedObject {
    let marker_version = done.version_id.filter(|_| done.marker);
    api::DeletedObject {
        key: Some(object.key.clone()),
        version_id: object.version_id.clone(),
        delete_marker: done.marker.then_some(true),
        delete_marker_version_id: marker_version,
    }
}

fn refused(object: &api::ObjectIdentifier, error: S3Error) -> api::Error {
    let error = ApiError::from(error);
    api::Error {
        key: Some(object.key.clone()),
        version_id: object.version_id.clone(),
        code: Some(error.code.into_owned()),
        message: Some(error.message),
    }
}

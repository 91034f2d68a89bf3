//! DeleteObject and DeleteObjects. Without a version a delete hides the object behind a marker where the
//! bucket keeps versions; with one it removes that version for good.

use crate::errors::S3Error;
use crate::lookup;
use crate::notify::{self, Origin};
use crate::policy;
use crate::replicate;
use crate::rules::conditions::check_delete;
use crate::rules::directory_buckets::{self, DeleteConditions};
use crate::rules::locks;
use crate::rules::notifications::Happening;
use crate::state::buckets::Bucket;
use crate::state::{Version, Versioning, objects, uploads, whole_seconds};
use crate::write::fresh_id;
use model_s3 as api;
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
    conditions: DeleteConditions,
    /// What makes the id of a marker no guess.
    random: [u8; 16],
    /// The caller passes by governance.
    bypass: bool,
    /// Listeners are told of a key that is not there, too.
    tell_of_nothing: bool,
}

/// A bucket without locks has no governance to pass by, whatever the header says (recorded of AWS, 2026-02).
fn check_bypass(bucket: &Bucket, bypass: Option<bool>) -> Result<(), S3Error> {
    if bypass.is_some() && bucket.record.lock.is_none() {
        return Err(S3Error::UntoldArgument {
            message: "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets."
                .into(),
            name: "x-amz-bypass-governance-retention",
        });
    }
    Ok(())
}

/// Dates and sizes are conditions of directory buckets only.
fn check_conditions(bucket: &str, conditions: DeleteConditions) -> Result<(), S3Error> {
    match conditions {
        _ if directory_buckets::is_named_so(bucket) => Ok(()),
        DeleteConditions { modified: Some(_), .. } => {
            Err(S3Error::NotImplemented { header: "x-amz-if-match-last-modified-time" })
        }
        DeleteConditions { size: Some(_), .. } => {
            Err(S3Error::NotImplemented { header: "x-amz-if-match-size" })
        }
        DeleteConditions { modified: None, size: None } => Ok(()),
    }
}

fn conditions_of(object: &api::ObjectIdentifier) -> DeleteConditions {
    DeleteConditions { modified: object.last_modified_time, size: object.size }
}

fn may_delete(
    ctx: &Ctx,
    input: &api::DeleteObjectsInput,
    object: &api::ObjectIdentifier,
) -> Result<(), S3Error> {
    check_conditions(&input.bucket, conditions_of(object))?;
    policy::may_delete(ctx, input, object)
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
        check_delete(matches, present.map(|object| object.etag.as_str()))
            .map_err(|fault| S3Error::refused_write(fault, key))?;
    }
    if target.conditions.any() {
        let newest = objects::newest(tx, bucket, key)?;
        let present = newest.and_then(|version| version.object.map(|object| (version.modified, object.size)));
        let broken = present.and_then(|(modified, size)| target.conditions.broken(modified, size));
        if let Some(header) = broken {
            return Err(S3Error::PreconditionFailed { condition: header.to_owned() });
        }
    }
    match &target.version_id {
        Some(id) => delete_version(tx, origin, bucket, (key, id), target.bypass),
        None if bucket.record.versioning == Versioning::Never => delete_newest(tx, origin, bucket, target),
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
    let version_id = Some(id.to_owned());
    let Some(version) = objects::by_id(tx, bucket, key, id)? else {
        return match lookup::absent_version(key, id) {
            S3Error::NoSuchVersion { .. } => Ok(Deleted { marker: false, version_id }),
            no_id => Err(no_id),
        };
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

fn delete_newest(tx: &mut Tx, origin: &Origin, bucket: &Bucket, target: &Target) -> Result<Deleted, S3Error> {
    let key = target.key.as_str();
    if let Some(version) = objects::newest(tx, bucket, key)? {
        uploads::overtake(tx, bucket, key)?;
        objects::remove(tx, bucket, key, &version)?;
        notify::tell(tx, origin, bucket, Happening::Deleted, key, &version)?;
    } else if target.tell_of_nothing {
        let number = tx.fresh_incarnation()?.0;
        let nothing = Version { number, id: None, modified: whole_seconds(origin.at), object: None };
        notify::tell(tx, origin, bucket, Happening::Deleted, key, &nothing)?;
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
    let mut marker = Version {
        number,
        id: fresh_id(bucket, number, random),
        modified: whole_seconds(origin.at),
        object: None,
    };
    replicate::begin(tx, origin, bucket, key, &mut marker)?;
    let marker = objects::put(tx, bucket, key, marker)?;
    notify::tell(tx, origin, bucket, Happening::Marked, key, &marker)?;
    Ok(Deleted { marker: true, version_id: Some(marker.shown_id().to_owned()) })
}

/// DeleteObject: what is not there is deleted, too.
pub async fn delete_object(
    ctx: Ctx,
    input: Arc<api::DeleteObjectInput>,
) -> Result<api::DeleteObjectOutput, S3Error> {
    let conditions =
        DeleteConditions { modified: input.if_match_last_modified_time, size: input.if_match_size };
    check_conditions(&input.bucket, conditions)?;
    let (origin, random) = (Origin::of(&ctx), ctx.host().entropy.bytes());
    let deleted = ctx
        .commit(move |tx: &mut Tx| {
            let bucket = lookup::reached(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
            check_bypass(&bucket, input.bypass_governance_retention)?;
            let target = Target {
                key: input.key.clone(),
                version_id: input.version_id.clone(),
                matches: input.if_match.clone(),
                conditions,
                random,
                bypass: input.bypass_governance_retention == Some(true),
                tell_of_nothing: false,
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
    let bucket = lookup::reached(&ctx.read(), &name, expected_owner.as_deref())?;
    check_bypass(&bucket, input.bypass_governance_retention)?;
    let origin = Arc::new(Origin::of(&ctx));
    let named: Arc<(String, Option<String>)> = Arc::new((name, expected_owner));
    let judged: Vec<Result<(), S3Error>> =
        objects.iter().map(|object| may_delete(&ctx, &input, object)).collect();
    let allowed = objects.iter().zip(&judged).filter(|(_, judged)| judged.is_ok());
    let closures = allowed.map(|(object, _)| {
        let target = Target {
            key: object.key.clone(),
            version_id: object.version_id.clone(),
            matches: object.e_tag.clone(),
            conditions: conditions_of(object),
            random: ctx.host().entropy.bytes(),
            bypass: input.bypass_governance_retention == Some(true),
            // Recorded of AWS by LocalStack's test_delete_objects.
            tell_of_nothing: true,
        };
        let (named, origin) = (named.clone(), origin.clone());
        move |tx: &mut Tx| {
            let bucket = lookup::reached(tx, &named.0, named.1.as_deref())?;
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
    // What is no argument of one request is no version of many (recorded of AWS).
    let error = match (error, &object.version_id) {
        (S3Error::NoVersionId { .. }, Some(id)) => {
            S3Error::NoSuchVersion { key: object.key.clone(), version_id: id.clone() }
        }
        (error, _) => error,
    };
    let error = ApiError::from(error);
    api::Error {
        key: Some(object.key.clone()),
        version_id: object.version_id.clone(),
        code: Some(error.code.into_owned()),
        message: Some(error.message),
    }
}

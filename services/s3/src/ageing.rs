//! Carries out lifecycle rules: a timer of each bucket that has some goes through its keys and uploads, a
//! bounded number in each commit, when rules are set and at every midnight UTC. Locked versions stay.

use crate::errors::S3Error;
use crate::notify::{self, Origin, PRINCIPAL};
use crate::rules::lifecycle::{self, Due, Subject, after_days};
use crate::rules::listing::From;
use crate::rules::locks;
use crate::rules::notifications::Happening;
use crate::state::buckets::{self, Bucket};
use crate::state::configurations::{self, Kind};
use crate::state::{ObjectRecord, Version, Versioning, objects, uploads};
use crate::write::fresh_id;
use bytes::Bytes;
use model_s3 as api;
use names::{Tags, Timestamp};
use schema::ApiError;
use serde::{Deserialize, Serialize};
use service::TimerHandler;
use sha2::{Digest, Sha256};
use store::{Fault, Timer, Tx};

/// The kind of the timers.
const KIND: &str = "s3/lifecycle";
/// Keys or uploads that one commit looks at, and about how many versions it acts on.
const PAGE: usize = 100;
const MAX_ACTS: usize = 500;

/// The timer that carries out lifecycle rules.
pub const TIMER: TimerHandler = TimerHandler { kind: KIND, fire };

/// Where a timer goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// With the keys behind this one.
    Keys(String),
    /// With the uploads behind this key.
    Uploads(String),
}

/// Begins to look after a bucket, at once; instead of an earlier timer.
///
/// # Errors
/// The store's.
pub fn begin(tx: &mut Tx, bucket: &Bucket, now: Timestamp) -> Result<(), Fault> {
    schedule(tx, bucket, now, &Place::Keys(String::new()))
}

fn schedule(tx: &mut Tx, bucket: &Bucket, due: Timestamp, place: &Place) -> Result<(), Fault> {
    let written = |value: Result<Vec<u8>, postcard::Error>| value.map(Bytes::from).unwrap_or_default();
    let timer = Timer {
        kind: KIND.to_owned(),
        due,
        scope: bucket.scope.clone(),
        key: Bytes::from(bucket.name.clone()),
        payload: written(postcard::to_stdvec(place)),
    };
    let id = tx.schedule(&timer)?;
    configurations::set_ageing(tx, &bucket.name, Some(id))
}

fn fire(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    Ok(step(tx, timer)?)
}

/// One page of keys or uploads, and the timer of the next.
fn step(tx: &mut Tx, timer: &Timer) -> Result<(), S3Error> {
    let name = String::from_utf8_lossy(&timer.key).into_owned();
    let Some(bucket) = buckets::find(tx, &name)? else { return Ok(()) };
    let kept: Option<api::GetBucketLifecycleConfigurationOutput> =
        configurations::get(tx, &bucket, Kind::Lifecycle, "")?;
    let Some(rules) = kept.and_then(|kept| kept.rules) else { return Ok(()) };
    let place = postcard::from_bytes(&timer.payload).unwrap_or_else(|_| Place::Keys(String::new()));
    let next = match place {
        Place::Keys(after) => match keys(tx, &bucket, &rules, &after, timer.due)? {
            Some(last) => Some(Place::Keys(last)),
            None => Some(Place::Uploads(String::new())),
        },
        Place::Uploads(after) => uploads_of(tx, &bucket, &rules, &after, timer.due)?.map(Place::Uploads),
    };
    match next {
        Some(place) => Ok(schedule(tx, &bucket, timer.due, &place)?),
        // From any moment of a day to the end of that day.
        None => {
            Ok(schedule(tx, &bucket, after_days(Timestamp(timer.due.0 + 1), 0), &Place::Keys(String::new()))?)
        }
    }
}

/// Something to be done to one version.
#[derive(Debug, Clone)]
struct Act {
    key: String,
    version: Version,
    newest: bool,
    due: Due,
}

/// Does what is due for a page of keys; the last of them, if there may be more.
fn keys(
    tx: &mut Tx,
    bucket: &Bucket,
    rules: &[api::LifecycleRule],
    after: &str,
    now: Timestamp,
) -> Result<Option<String>, S3Error> {
    let from = if after.is_empty() { From::Key("") } else { From::After(after) };
    let page: Vec<_> = objects::scan(tx, bucket, "", from).take(PAGE).collect::<Result<_, _>>()?;
    let origin = Origin::of_service(now, PRINCIPAL);
    let (full, mut last) = (page.len() == PAGE, after.to_owned());
    let mut acts = Vec::new();
    for (key, newest) in page {
        due_of_key(tx, bucket, rules, (key.clone(), newest), now, &mut acts)?;
        // What is beyond the bound is found again at the same place.
        let over = acts.len() > MAX_ACTS;
        acts.truncate(MAX_ACTS);
        for act in std::mem::take(&mut acts) {
            carry_out(tx, bucket, &origin, &act)?;
        }
        if over {
            return Ok(Some(last));
        }
        last = key;
    }
    Ok(full.then_some(last))
}

fn subject<'a>(key: &'a str, object: &'a ObjectRecord) -> Subject<'a> {
    Subject { key, tags: &object.tags, size: object.size, class: &object.description.storage_class }
}

/// What is due for the versions of one key.
fn due_of_key(
    read: &Tx,
    bucket: &Bucket,
    rules: &[api::LifecycleRule],
    (key, newest): (String, Version),
    now: Timestamp,
    acts: &mut Vec<Act>,
) -> Result<(), S3Error> {
    let mut since = newest.modified;
    let mut lone = true;
    for (newer, version) in objects::older(read, bucket, &key, None).enumerate() {
        let version = version?;
        let none = Tags::new();
        let marker = Subject { key: &key, tags: &none, size: 0, class: "STANDARD" };
        let of = version.object.as_deref().map_or(marker, |object| subject(&key, object));
        let due = lifecycle::of_noncurrent(rules, of, since, newer, now);
        since = version.modified;
        let held = version.object.as_deref().is_some_and(|object| is_locked(object, now));
        lone &= due == Some(Due::Expiration) && !held;
        if let Some(due) = due.filter(|due| *due == Due::Expiration || version.object.is_some()) {
            acts.push(Act { key: key.clone(), version, newest: false, due });
        }
    }
    let due = match newest.object.as_deref() {
        Some(object) => lifecycle::of_newest(rules, subject(&key, object), newest.modified, now),
        None => {
            let gone = lone && lifecycle::of_lone_marker(rules, &key, newest.modified, now);
            gone.then_some(Due::Expiration)
        }
    };
    if let Some(due) = due {
        acts.push(Act { key, version: newest, newest: true, due });
    }
    Ok(())
}

fn is_locked(object: &ObjectRecord, now: Timestamp) -> bool {
    let Some(extras) = &object.extras else { return false };
    !locks::may_remove(extras.retention, extras.legal_hold == Some(true), now, false)
}

/// Does what is due.
fn carry_out(tx: &mut Tx, bucket: &Bucket, origin: &Origin, act: &Act) -> Result<(), S3Error> {
    let (key, version) = (act.key.as_str(), &act.version);
    let held = version.object.as_deref().is_some_and(|object| is_locked(object, origin.at));
    match &act.due {
        Due::Transition(class) => {
            let mut moved = version.clone();
            let Some(object) = &mut moved.object else { return Ok(()) };
            object.description.storage_class.clone_from(class);
            objects::rewrite(tx, bucket, key, moved.clone())?;
            notify::tell(tx, origin, bucket, Happening::Transitioned, key, &moved)
        }
        Due::Expiration if act.newest && version.object.is_some() && keeps_versions(bucket) => {
            let number = tx.fresh_incarnation()?.0;
            let id = fresh_id(bucket, number, spread(key, number));
            // Where versions are suspended the marker takes the place of the version `null`.
            if id.is_none() && version.id.is_none() && held {
                return Ok(());
            }
            let marker = Version { number, id, modified: origin.at, object: None };
            let marker = objects::put(tx, bucket, key, marker)?;
            notify::tell(tx, origin, bucket, Happening::ExpiredBehindMarker, key, &marker)
        }
        Due::Expiration if held => Ok(()),
        Due::Expiration => {
            objects::remove(tx, bucket, key, version)?;
            notify::tell(tx, origin, bucket, Happening::Expired, key, version)
        }
    }
}

/// What is in a marker's id beside its number: a timer has no random bytes.
fn spread(key: &str, number: u64) -> [u8; 16] {
    let digest = Sha256::new().chain_update(number.to_be_bytes()).chain_update(key).finalize();
    std::array::from_fn(|at| digest[at])
}

fn keeps_versions(bucket: &Bucket) -> bool {
    bucket.record.versioning != Versioning::Never
}

/// Gives up a page of uploads that are old enough; the key of the last, if there may be more.
fn uploads_of(
    tx: &mut Tx,
    bucket: &Bucket,
    rules: &[api::LifecycleRule],
    after: &str,
    now: Timestamp,
) -> Result<Option<String>, S3Error> {
    let from = if after.is_empty() { From::Key("") } else { From::After(after) };
    let page: Vec<_> = uploads::scan(tx, bucket, "", from).take(MAX_ACTS).collect::<Result<_, _>>()?;
    let (full, mut given_up) = (page.len() == MAX_ACTS, false);
    let last = page.last().map(|(key, _)| key.clone());
    for (key, upload) in page {
        let due = lifecycle::abortion(rules, &key, upload.record.initiated);
        if due.is_some_and(|(due, _)| due <= now) {
            uploads::end(tx, bucket, &key, upload.incarnation)?;
            objects::doom(tx, bucket, upload.incarnation)?;
            given_up = true;
        }
    }
    // One key may have more uploads than a page: they come up once others of it are gone.
    Ok(match last {
        Some(_) if full && given_up => Some(after.to_owned()),
        last if full => last,
        _ => None,
    })
}

//! Locks: the configuration of a bucket, the retention and the legal hold of a version.

use crate::errors::{Configuration, S3Error};
use crate::lookup::{self, Found};
use crate::rules::locks::{self, DefaultRetention, Mode, Period, PeriodFault, Retention};
use crate::state::buckets::{self, Bucket};
use crate::state::{ObjectLock, Versioning, objects};
use model_s3 as api;
use names::Timestamp;
use service::Ctx;
use std::sync::Arc;
use store::{Read, Tx};

/// PutObjectLockConfiguration: versions can be locked from here on, new ones by default.
pub async fn put_configuration(
    ctx: Ctx,
    input: Arc<api::PutObjectLockConfigurationInput>,
) -> Result<api::PutObjectLockConfigurationOutput, S3Error> {
    let given = input.object_lock_configuration.as_ref().ok_or(S3Error::MissingBody)?;
    if given.object_lock_enabled != Some(api::ObjectLockEnabled::Enabled) {
        return Err(S3Error::MalformedXml);
    }
    let default = given.rule.as_ref().map(default_retention).transpose()?;
    ctx.commit(move |tx: &mut Tx| {
        let mut bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        if bucket.record.versioning != Versioning::Enabled {
            return Err(S3Error::InvalidBucketState {
                message: "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
            });
        }
        bucket.record.lock = Some(ObjectLock { default });
        buckets::update(tx, &bucket)?;
        Ok(api::PutObjectLockConfigurationOutput::default())
    })
    .await
}

fn default_retention(rule: &api::ObjectLockRule) -> Result<DefaultRetention, S3Error> {
    let given = rule.default_retention.as_ref().ok_or(S3Error::MalformedXml)?;
    let mode =
        given.mode.as_ref().and_then(|mode| Mode::of_name(mode.as_str())).ok_or(S3Error::MalformedXml)?;
    let invalid = |message: &str| S3Error::WordedArgument { message: message.to_owned() };
    let period = locks::period(given.days, given.years).map_err(|fault| match fault {
        PeriodFault::Shape => S3Error::MalformedXml,
        PeriodFault::NotPositive => invalid("Default retention period must be a positive integer value."),
        PeriodFault::TooLong => invalid("Default retention period too large"),
    })?;
    Ok(DefaultRetention { mode, period })
}

/// GetObjectLockConfiguration.
pub async fn get_configuration(
    ctx: Ctx,
    input: Arc<api::GetObjectLockConfigurationInput>,
) -> Result<api::GetObjectLockConfigurationOutput, S3Error> {
    let bucket = lookup::bucket(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
    let lock = bucket.record.lock.ok_or_else(|| S3Error::absent(&input.bucket, Configuration::ObjectLock))?;
    let rule = lock.default.map(|default| {
        let (days, years) = match default.period {
            Period::Days(days) => (Some(days), None),
            Period::Years(years) => (None, Some(years)),
        };
        let mode = Some(api::ObjectLockRetentionMode::from(default.mode.name()));
        api::ObjectLockRule { default_retention: Some(api::DefaultRetention { mode, days, years }) }
    });
    let enabled = Some(api::ObjectLockEnabled::Enabled);
    let configuration = api::ObjectLockConfiguration { object_lock_enabled: enabled, rule };
    Ok(api::GetObjectLockConfigurationOutput { object_lock_configuration: Some(configuration) })
}

/// The version that a lock is of, in a bucket that has locks.
fn lockable(
    read: &impl Read,
    (bucket, expected_owner): (&str, Option<&str>),
    (key, version_id): (&str, Option<&str>),
    method: &'static str,
) -> Result<(Bucket, Found), S3Error> {
    let bucket = lookup::reached(read, bucket, expected_owner)?;
    if bucket.record.lock.is_none() {
        return Err(S3Error::no_lock());
    }
    let found = lookup::object(read, &bucket, (key, version_id), method)?;
    Ok((bucket, found))
}

fn write_back(tx: &mut Tx, bucket: &Bucket, key: &str, found: Found) -> Result<(), S3Error> {
    let mut version = found.version;
    version.object = Some(found.object);
    Ok(objects::rewrite(tx, bucket, key, version)?)
}

/// PutObjectRetention.
pub async fn put_retention(
    ctx: Ctx,
    input: Arc<api::PutObjectRetentionInput>,
) -> Result<api::PutObjectRetentionOutput, S3Error> {
    let now = ctx.now();
    let wanted = input.retention.as_ref().ok_or(S3Error::MalformedXml)?;
    let retention = asked(wanted, now)?;
    let bypass = input.bypass_governance_retention == Some(true);
    ctx.commit(move |tx: &mut Tx| {
        let place = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
        let (bucket, mut found) = lockable(tx, place, (&input.key, input.version_id.as_deref()), "PUT")?;
        let old = found.object.extras.as_ref().and_then(|extras| extras.retention);
        if !locks::may_change(old, retention, now, bypass) {
            return Err(S3Error::Protected);
        }
        found.object.change_extras(|extras| extras.retention = retention);
        write_back(tx, &bucket, &input.key, found)?;
        Ok(api::PutObjectRetentionOutput::default())
    })
    .await
}

/// The retention that a request asks for; nothing where it takes one away.
fn asked(wanted: &api::ObjectLockRetention, now: Timestamp) -> Result<Option<Retention>, S3Error> {
    let mode = wanted.mode.as_ref().map(|mode| Mode::of_name(mode.as_str()).ok_or(S3Error::MalformedXml));
    match (mode.transpose()?, wanted.retain_until_date) {
        (None, None) => Ok(None),
        (Some(_), Some(until)) if until <= now => Err(S3Error::InvalidArgument {
            message: "The retain until date must be in the future!",
            name: "RetainUntilDate",
            value: until.iso8601(),
        }),
        (Some(mode), Some(until)) => Ok(Some(Retention { mode, until })),
        _ => Err(S3Error::MalformedXml),
    }
}

/// GetObjectRetention.
pub async fn get_retention(
    ctx: Ctx,
    input: Arc<api::GetObjectRetentionInput>,
) -> Result<api::GetObjectRetentionOutput, S3Error> {
    let place = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let (_, found) = lockable(&ctx.read(), place, (&input.key, input.version_id.as_deref()), "GET")?;
    let kept = found.object.extras.as_ref().and_then(|extras| extras.retention).ok_or(S3Error::NotLocked)?;
    let retention = api::ObjectLockRetention {
        mode: Some(api::ObjectLockRetentionMode::from(kept.mode.name())),
        retain_until_date: Some(kept.until),
    };
    Ok(api::GetObjectRetentionOutput { retention: Some(retention) })
}

/// PutObjectLegalHold.
pub async fn put_legal_hold(
    ctx: Ctx,
    input: Arc<api::PutObjectLegalHoldInput>,
) -> Result<api::PutObjectLegalHoldOutput, S3Error> {
    let hold = match input.legal_hold.as_ref().and_then(|hold| hold.status.as_ref()) {
        Some(api::ObjectLockLegalHoldStatus::On) => true,
        Some(api::ObjectLockLegalHoldStatus::Off) => false,
        None | Some(api::ObjectLockLegalHoldStatus::Other(_)) => return Err(S3Error::MalformedXml),
    };
    ctx.commit(move |tx: &mut Tx| {
        let place = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
        let (bucket, mut found) = lockable(tx, place, (&input.key, input.version_id.as_deref()), "PUT")?;
        found.object.change_extras(|extras| extras.legal_hold = Some(hold));
        write_back(tx, &bucket, &input.key, found)?;
        Ok(api::PutObjectLegalHoldOutput::default())
    })
    .await
}

/// GetObjectLegalHold.
pub async fn get_legal_hold(
    ctx: Ctx,
    input: Arc<api::GetObjectLegalHoldInput>,
) -> Result<api::GetObjectLegalHoldOutput, S3Error> {
    let place = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let (_, found) = lockable(&ctx.read(), place, (&input.key, input.version_id.as_deref()), "GET")?;
    let held = found.object.extras.as_ref().and_then(|extras| extras.legal_hold).ok_or(S3Error::NotLocked)?;
    let status = if held { api::ObjectLockLegalHoldStatus::On } else { api::ObjectLockLegalHoldStatus::Off };
    let legal_hold = api::ObjectLockLegalHold { status: Some(status) };
    Ok(api::GetObjectLegalHoldOutput { legal_hold: Some(legal_hold) })
}

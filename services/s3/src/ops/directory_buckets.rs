//! Directory buckets: made in a zone, and listed apart from all others. What they are is in their names.

use super::buckets::{ownership_of, tags};
use crate::errors::S3Error;
use crate::rules::directory_buckets::{self as directory, Place};
use crate::state::buckets::{self, Bucket};
use crate::state::{
    BucketRecord, Configured, Ownership, PublicAccessBlock, Versioning, uploads, whole_seconds,
};
use ::names::Scope;
use model_s3 as api;
use service::{Ctx, Head, Heads};
use std::sync::Arc;
use store::Tx;

/// Most buckets of a page (the model's bound of `max-directory-buckets`).
const MAX_LISTED: usize = 1000;

/// Whether a request is for a directory bucket: by the name, or by what it says of the place.
pub fn is_asked_for(input: &api::CreateBucketInput) -> bool {
    let configuration = input.create_bucket_configuration.as_ref();
    directory::is_named_so(&input.bucket)
        || configuration.is_some_and(|given| given.location.is_some() || given.bucket.is_some())
}

/// Holds the place that a request names against the name. What contradicts the schema is malformed; so is a request
/// without a place or with a region's constraint (aws-cli, issue 8502; aws-controllers-k8s, issue 2658).
fn check_place(input: &api::CreateBucketInput) -> Result<Place, S3Error> {
    let configuration = input.create_bucket_configuration.as_ref().ok_or(S3Error::MalformedXml)?;
    let (Some(location), Some(bucket), None) =
        (&configuration.location, &configuration.bucket, &configuration.location_constraint)
    else {
        return Err(S3Error::MalformedXml);
    };
    let misnamed = || S3Error::InvalidBucketName { bucket: input.bucket.clone() };
    if !directory::is_name(&input.bucket) {
        return Err(misnamed());
    }
    let (zone, place) = directory::zone(&input.bucket).ok_or_else(misnamed)?;
    let said = |text: Option<&str>, expected: &str| match text {
        Some(text) if text == expected => Ok(()),
        _ => Err(S3Error::MalformedXml),
    };
    said(bucket.type_.as_ref().map(|kind| kind.as_str()), "Directory")?;
    said(bucket.data_redundancy.as_ref().map(|kind| kind.as_str()), place.redundancy())?;
    said(location.type_.as_ref().map(|kind| kind.as_str()), place.name())?;
    if location.name.as_deref() == Some(zone) { Ok(place) } else { Err(misnamed()) }
}

/// Settings of other buckets that these do not have.
fn check_settings(input: &api::CreateBucketInput) -> Result<(), S3Error> {
    let lists = [
        ("x-amz-acl", input.acl.is_some()),
        ("x-amz-grant-full-control", input.grant_full_control.is_some()),
        ("x-amz-grant-read", input.grant_read.is_some()),
        ("x-amz-grant-read-acp", input.grant_read_acp.is_some()),
        ("x-amz-grant-write", input.grant_write.is_some()),
        ("x-amz-grant-write-acp", input.grant_write_acp.is_some()),
        ("x-amz-bucket-object-lock-enabled", input.object_lock_enabled_for_bucket == Some(true)),
    ];
    if let Some((header, _)) = lists.into_iter().find(|(_, given)| *given) {
        return Err(S3Error::NotImplemented { header });
    }
    match input.object_ownership.as_ref().map(ownership_of).transpose()? {
        None | Some(Ownership::BucketOwnerEnforced) => Ok(()),
        Some(_) => Err(S3Error::NotImplemented { header: "x-amz-object-ownership" }),
    }
}

/// CreateBucket of a directory bucket.
pub async fn create(
    ctx: Ctx,
    input: Arc<api::CreateBucketInput>,
) -> Result<api::CreateBucketOutput, S3Error> {
    check_place(&input)?;
    check_settings(&input)?;
    let tags = tags(&input)?;
    let (owner, now, region, name) = (ctx.account(), ctx.now(), ctx.region().clone(), input.bucket.clone());
    let made = ctx
        .commit(move |tx: &mut Tx| {
            if let Some(present) = buckets::find(tx, &name)? {
                let bucket = present.name;
                return Err(match present.owner == owner {
                    true => S3Error::BucketAlreadyOwnedByYou { bucket },
                    false => S3Error::BucketAlreadyExists { bucket },
                });
            }
            let record = BucketRecord {
                incarnation: tx.fresh_incarnation()?,
                region: region.clone(),
                created: whole_seconds(now),
                versioning: Versioning::Never,
                ownership: Some(Ownership::BucketOwnerEnforced),
                public_access: Some(PublicAccessBlock {
                    block_acls: true,
                    ignore_acls: true,
                    block_policy: true,
                    restrict: true,
                }),
                encryption: None,
                acl: None,
                lock: None,
                configured: Configured::default(),
            };
            buckets::create(tx, &name, owner, &record)?;
            let scope = Scope::Regional(owner, region.clone());
            let bucket = Bucket { name: name.clone(), owner, scope, record };
            let head = Head {
                incarnation: bucket.incarnation(),
                owner,
                kind: "AWS::S3Express::DirectoryBucket".to_owned(),
                created: now,
                tags: tags.clone(),
                policy: None,
            };
            tx.put_head(&bucket.arn(), &head)?;
            Ok::<_, S3Error>(bucket)
        })
        .await?;
    let zone = made.zone().map_or("", |(zone, _)| zone);
    let location = format!("https://{}.s3express-{zone}.{}.amazonaws.com/", made.name, made.record.region);
    Ok(api::CreateBucketOutput { location: Some(location), bucket_arn: Some(made.arn().to_string()) })
}

/// Uploads that are going on keep a directory bucket (API Reference, ListMultipartUploads).
///
/// # Errors
/// `BucketNotEmpty`, or the store's.
pub fn check_idle(tx: &Tx, bucket: &Bucket) -> Result<(), S3Error> {
    let from = crate::rules::listing::From::Key("");
    let busy = bucket.is_directory() && uploads::scan(tx, bucket, "", from).next().transpose()?.is_some();
    if busy {
        return Err(S3Error::BucketNotEmpty { bucket: bucket.name.clone(), versioned: false });
    }
    Ok(())
}

/// ListDirectoryBuckets: those of the account in the region, by name.
pub async fn list(
    ctx: Ctx,
    input: Arc<api::ListDirectoryBucketsInput>,
) -> Result<api::ListDirectoryBucketsOutput, S3Error> {
    let limit = match input.max_directory_buckets {
        None => MAX_LISTED,
        Some(given) => usize::try_from(given).ok().filter(|given| *given <= MAX_LISTED).ok_or_else(|| {
            S3Error::InvalidArgument {
                message: "Argument max-directory-buckets must be an integer between 0 and 1000",
                name: "max-directory-buckets",
                value: given.to_string(),
            }
        })?,
    };
    let after = match input.continuation_token.as_ref().filter(|token| !token.is_empty()) {
        None => String::new(),
        Some(token) => ctx
            .page_position("", token)
            .and_then(|position| String::from_utf8(position).ok())
            .ok_or_else(|| S3Error::UntoldArgument {
                message: "The continuation token provided is incorrect".into(),
                name: "continuation-token",
            })?,
    };
    let read = ctx.read();
    let (mut shown, mut more) = (Vec::new(), false);
    for bucket in buckets::of_account(&read, ctx.account(), "", &after) {
        let bucket: Bucket = bucket?;
        if !bucket.is_directory() || bucket.record.region != *ctx.region() {
            continue;
        }
        if shown.len() == limit {
            more = limit > 0;
            break;
        }
        shown.push(bucket);
    }
    let last = shown.last().filter(|_| more);
    let continuation_token = last.map(|last| ctx.page_token("", last.name.as_bytes()));
    let buckets = shown.iter().map(|bucket| api::Bucket {
        name: Some(bucket.name.clone()),
        creation_date: Some(bucket.record.created),
        bucket_region: None,
        bucket_arn: Some(bucket.arn().to_string()),
    });
    Ok(api::ListDirectoryBucketsOutput { buckets: Some(buckets.collect()), continuation_token })
}

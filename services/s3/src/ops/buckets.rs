//! Buckets: create, head, delete, list, where they are.

use super::acls::wanted;
use super::directory_buckets;
use crate::errors::S3Error;
use crate::grants::{self, Wanted};
use crate::lookup;
use crate::rules::acl::Acl;
use crate::rules::headers::{self, BUCKET_TAGS, TagSetFault};
use crate::rules::names;
use crate::state::access_points;
use crate::state::buckets::{self, Bucket};
use crate::state::configurations::{self, Kind};
use crate::state::{
    BucketRecord, Configured, ObjectLock, Ownership, PublicAccessBlock, Versioning, objects, whole_seconds,
};
use crate::views;
use ::names::{AccountId, Region, Tags};
use model_s3 as api;
use schema::Unit;
use service::{Ctx, Head, Heads, TagFault};
use std::sync::Arc;
use store::Tx;

const DEFAULT_REGION: &str = "us-east-1";
/// The name of Europe from when it was one region.
const EUROPE: &str = "EU";
/// Most buckets of a page, and of an answer without pages.
const MAX_LISTED: usize = 10_000;

/// Names of a namespace are for the account that has it, where it says that it means it; those without one for
/// all. What AWS answers: moto's `test_create_bucket_account_regional_namespace_invalid_name`, of a request
/// without the header ansible-collections/amazon.aws, issue 2935, and of a name in a namespace that is not one's own
/// the integration tests of the AWS CLI, `test_short_an_suffix_sends_namespace_header`.
fn check_namespace(input: &api::CreateBucketInput, own_ending: &str) -> Result<(), S3Error> {
    match &input.bucket_namespace {
        Some(api::BucketNamespace::AccountRegional) if !input.bucket.ends_with(own_ending) => {
            let own_ending = own_ending.to_owned();
            Err(match input.bucket.ends_with("-an") {
                true => S3Error::ForeignNamespace { bucket: input.bucket.clone(), own_ending },
                false => S3Error::WrongNamespace { ending: Some(own_ending) },
            })
        }
        Some(api::BucketNamespace::AccountRegional) => Ok(()),
        _ if names::is_in_a_namespace(&input.bucket) => Err(S3Error::WrongNamespace { ending: None }),
        _ => Ok(()),
    }
}

/// CreateBucket: take a name that nobody has.
pub async fn create(
    ctx: Ctx,
    input: Arc<api::CreateBucketInput>,
) -> Result<api::CreateBucketOutput, S3Error> {
    if directory_buckets::is_asked_for(&input) {
        return directory_buckets::create(ctx, input).await;
    }
    if !names::is_bucket_name(&input.bucket) {
        return Err(S3Error::InvalidBucketName { bucket: input.bucket.clone() });
    }
    let region = location(&ctx, &input)?;
    check_namespace(&input, &names::own_ending(ctx.account(), &region))?;
    let ownership = ownership(&input)?;
    let tags = tags(&input)?;
    let acl = grants_of(&input, ownership, ctx.account())?;
    let lock = (input.object_lock_enabled_for_bucket == Some(true)).then(ObjectLock::default);
    let (owner, now, here) = (ctx.account(), ctx.now(), ctx.region().clone());
    let shown = region.clone();
    let configuration = named_otherwise(&input);
    let name = input.bucket.clone();
    ctx.commit(move |tx| {
        if let Some(present) = buckets::find(tx, &name)? {
            return taken(&present, owner, &here, !tags.is_empty());
        }
        let record = BucketRecord {
            incarnation: tx.fresh_incarnation()?,
            region: region.clone(),
            created: whole_seconds(now),
            versioning: if lock.is_some() { Versioning::Enabled } else { Versioning::Never },
            ownership: Some(ownership),
            public_access: Some(PublicAccessBlock {
                block_acls: true,
                ignore_acls: true,
                block_policy: true,
                restrict: true,
            }),
            encryption: None,
            acl: acl.clone(),
            lock,
            configured: Configured::default(),
        };
        buckets::create(tx, &name, owner, &record)?;
        if let (Some(given), Some(bucket)) = (&configuration, buckets::find(tx, &name)?) {
            configurations::put(tx, &bucket, Kind::Location, "", given)?;
        }
        let head = Head {
            incarnation: record.incarnation,
            owner,
            kind: "AWS::S3::Bucket".to_owned(),
            created: now,
            tags: tags.clone(),
            policy: None,
        };
        Ok(tx.put_head(&buckets::arn(&name), &head)?)
    })
    .await?;
    let location = if shown.as_str() == DEFAULT_REGION {
        format!("/{}", input.bucket)
    } else {
        format!("http://{}.s3.amazonaws.com/", input.bucket)
    };
    let bucket_arn = Some(buckets::arn(&input.bucket).to_string());
    Ok(api::CreateBucketOutput { location: Some(location), bucket_arn })
}

/// The place of a new bucket, where it is not told by its region.
fn named_otherwise(input: &api::CreateBucketInput) -> Option<api::CreateBucketConfiguration> {
    let location_constraint = input.create_bucket_configuration.as_ref()?.location_constraint.clone();
    let other = location_constraint.as_ref().is_some_and(|given| given.as_str() == EUROPE);
    other.then(|| api::CreateBucketConfiguration { location_constraint, ..Default::default() })
}

/// What becomes of a name that is taken: in the default region its owner may make it again, unless it has tags
/// to give (recorded of AWS, 2025-11).
fn taken(present: &Bucket, owner: AccountId, here: &Region, tagged: bool) -> Result<(), S3Error> {
    let bucket = present.name.clone();
    let default = |region: &Region| region.as_str() == DEFAULT_REGION;
    match present.owner == owner {
        false => Err(S3Error::BucketAlreadyExists { bucket }),
        true if default(here) && default(&present.record.region) && !tagged => Ok(()),
        true => Err(S3Error::BucketAlreadyOwnedByYou { bucket }),
    }
}

/// The region of a new bucket: that of the endpoint, which the constraint must name; the endpoint of the
/// default region makes buckets everywhere.
fn location(ctx: &Ctx, input: &api::CreateBucketInput) -> Result<Region, S3Error> {
    let here = ctx.region();
    let configuration = input.create_bucket_configuration.as_ref();
    let constraint = configuration.and_then(|configuration| configuration.location_constraint.as_ref());
    let constraint = constraint.map(|constraint| constraint.as_str()).filter(|text| !text.is_empty());
    match constraint {
        None if here.as_str() == DEFAULT_REGION => Ok(here.clone()),
        None => Err(S3Error::IllegalLocation { given: None }),
        Some(given) if here.as_str() == DEFAULT_REGION => {
            let known = api::BucketLocationConstraint::VALUES.contains(&given);
            let region = europe(given).parse().ok().filter(|_| known);
            region.ok_or_else(|| S3Error::InvalidLocation { given: given.to_owned() })
        }
        Some(given) if europe(given) == here.as_str() => Ok(here.clone()),
        Some(given) => Err(S3Error::IllegalLocation { given: Some(given.to_owned()) }),
    }
}

/// The oldest constraint names a region by its continent.
fn europe(constraint: &str) -> &str {
    if constraint == "EU" { "eu-west-1" } else { constraint }
}

fn ownership(input: &api::CreateBucketInput) -> Result<Ownership, S3Error> {
    let ownership = match &input.object_ownership {
        None => Ownership::BucketOwnerEnforced,
        Some(given) => ownership_of(given)?,
    };
    Ok(ownership)
}

/// The list of a new bucket, which is never public: every new bucket has the block of public lists.
fn grants_of(
    input: &api::CreateBucketInput,
    ownership: Ownership,
    owner: AccountId,
) -> Result<Option<Acl>, S3Error> {
    let list = grants::of_new_bucket(&wanted!(input), ownership, owner)?;
    match list {
        Some(list) if list.is_public() => Err(S3Error::PublicBucketAcl),
        list => Ok(list),
    }
}

/// An ownership by its name.
///
/// # Errors
/// Where there is none of this name.
pub fn ownership_of(given: &api::ObjectOwnership) -> Result<Ownership, S3Error> {
    match given {
        api::ObjectOwnership::BucketOwnerEnforced => Ok(Ownership::BucketOwnerEnforced),
        api::ObjectOwnership::BucketOwnerPreferred => Ok(Ownership::BucketOwnerPreferred),
        api::ObjectOwnership::ObjectWriter => Ok(Ownership::ObjectWriter),
        api::ObjectOwnership::Other(other) => Err(S3Error::UntoldArgument {
            message: format!("Invalid x-amz-object-ownership header: {other}").into(),
            name: "x-amz-object-ownership",
        }),
    }
}

/// The tags of a new bucket.
///
/// # Errors
/// Where they are against the rules.
pub fn tags(input: &api::CreateBucketInput) -> Result<Tags, S3Error> {
    let given =
        input.create_bucket_configuration.as_ref().and_then(|configuration| configuration.tags.as_ref());
    let pairs = given.into_iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    headers::tag_set(BUCKET_TAGS, pairs).map_err(|fault| match fault {
        TagSetFault::Tag(TagFault::Reserved(_)) => S3Error::InvalidTag {
            message: "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \
                      \"aws:\" from your tag keys and try again.",
            key: None,
            value: None,
        },
        fault => S3Error::tags(fault, None),
    })
}

/// HeadBucket: whether a bucket is there, and where.
pub async fn head(ctx: Ctx, input: Arc<api::HeadBucketInput>) -> Result<api::HeadBucketOutput, S3Error> {
    let bucket = lookup::reached(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
    Ok(api::HeadBucketOutput {
        bucket_arn: Some(bucket.arn().to_string()),
        bucket_region: Some(bucket.record.region.to_string()),
        bucket_location_type: bucket.zone().map(|(_, place)| api::LocationType::from(place.name())),
        bucket_location_name: bucket.zone().map(|(zone, _)| zone.to_owned()),
        access_point_alias: Some(bucket.name != input.bucket),
        content_type: Some("application/xml".to_owned()),
    })
}

/// GetBucketLocation: the region, which for the default one is empty.
pub async fn location_of(
    ctx: Ctx,
    input: Arc<api::GetBucketLocationInput>,
) -> Result<api::GetBucketLocationOutput, S3Error> {
    let read = ctx.read();
    let bucket = lookup::bucket(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let region = bucket.record.region.as_str();
    let elsewhere = (region != DEFAULT_REGION).then(|| api::BucketLocationConstraint::from(region));
    let given: Option<api::CreateBucketConfiguration> = match region == europe(EUROPE) {
        true => configurations::get(&read, &bucket, Kind::Location, "")?,
        false => None,
    };
    let elsewhere = given.and_then(|given| given.location_constraint).or(elsewhere);
    Ok(api::GetBucketLocationOutput { location_constraint: elsewhere })
}

/// DeleteBucket: give up an empty bucket and its name.
pub async fn delete(ctx: Ctx, input: Arc<api::DeleteBucketInput>) -> Result<Unit, S3Error> {
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        if !objects::is_empty(tx, &bucket)? {
            let versioned = bucket.record.versioning != Versioning::Never;
            return Err(S3Error::BucketNotEmpty { bucket: bucket.name, versioned });
        }
        directory_buckets::check_idle(tx, &bucket)?;
        if access_points::any_of(tx, &bucket)? {
            return Err(S3Error::HasAccessPoints { bucket: bucket.name });
        }
        buckets::remove(tx, &bucket)?;
        tx.remove_head(&bucket.arn())?;
        Ok(Unit)
    })
    .await
}

fn is_region(name: &str) -> bool {
    name == DEFAULT_REGION || (name != "EU" && api::BucketLocationConstraint::VALUES.contains(&name))
}

/// ListBuckets: the buckets of the account, by name.
pub async fn list(ctx: Ctx, input: Arc<api::ListBucketsInput>) -> Result<api::ListBucketsOutput, S3Error> {
    let limit = match input.max_buckets {
        None => MAX_LISTED,
        Some(given) => usize::try_from(given)
            .ok()
            .filter(|given| (1..=MAX_LISTED).contains(given))
            .ok_or_else(|| S3Error::InvalidArgument {
                message: "Argument max-buckets must be an integer between 1 and 10000",
                name: "max-buckets",
                value: given.to_string(),
            })?,
    };
    if let Some(region) = input.bucket_region.as_deref().filter(|region| !is_region(region)) {
        return Err(S3Error::UntoldArgument {
            message: format!("Argument value {region} is not a valid AWS Region").into(),
            name: "bucket-region",
        });
    }
    let prefix = input.prefix.as_deref().unwrap_or("");
    let after = match input.continuation_token.as_ref().filter(|token| !token.is_empty()) {
        None => String::new(),
        Some(token) => ctx
            .page_position(prefix, token)
            .and_then(|position| String::from_utf8(position).ok())
            .ok_or_else(|| S3Error::UntoldArgument {
                message: "The continuation token provided is incorrect".into(),
                name: "continuation-token",
            })?,
    };
    let described = input.max_buckets.is_some() || input.prefix.is_some() || input.bucket_region.is_some();
    let read = ctx.read();
    let (mut shown, mut more) = (Vec::new(), false);
    for bucket in buckets::of_account(&read, ctx.account(), prefix, &after) {
        let bucket = bucket?;
        if bucket.is_directory() {
            continue;
        }
        if input.bucket_region.as_deref().is_some_and(|region| region != bucket.record.region.as_str()) {
            continue;
        }
        if shown.len() == limit {
            more = true;
            break;
        }
        shown.push(bucket);
    }
    let last = shown.last().filter(|_| more);
    let continuation_token = last.map(|last| ctx.page_token(prefix, last.name.as_bytes()));
    let buckets = shown.iter().map(|bucket| api::Bucket {
        name: Some(bucket.name.clone()),
        creation_date: Some(bucket.record.created),
        bucket_region: described.then(|| bucket.record.region.to_string()),
        bucket_arn: described.then(|| bucket.arn().to_string()),
    });
    Ok(api::ListBucketsOutput {
        buckets: Some(buckets.collect()),
        owner: Some(views::owner(ctx.account())),
        continuation_token,
        prefix: input.prefix.clone(),
    })
}

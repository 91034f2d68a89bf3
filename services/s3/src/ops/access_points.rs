//! Access points, managed: create, get, list, delete, and their policies. What is asked of a bucket through
//! one is the business of the operations on objects.

use super::account::own;
use super::bucket_policy::parsed;
use super::resource_tags;
use crate::errors::S3Error;
use crate::rules::names;
use crate::rules::public;
use crate::state::access_points::{self, AccessPoint, AccessPointRecord};
use crate::state::{PublicAccessBlock, buckets, whole_seconds};
use ::names::Tags;
use model_s3control as api;
use schema::Unit;
use serde_json::Value;
use service::{Ctx, Head, Heads, uuid_of};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Read, Tx};

/// Most access points of a page.
const MAX_PAGE: usize = 1000;
/// Letters of an alias between the name and its ending.
const ALIAS_DIGITS: usize = 34;
/// Longest name within an alias, which is a name of at most 63 letters.
const MAX_NAME_IN_ALIAS: usize = 20;

fn found(ctx: &Ctx, read: &impl Read, name: &str) -> Result<AccessPoint, S3Error> {
    access_points::find(read, ctx.account(), ctx.region(), name)?
        .ok_or_else(|| S3Error::NoSuchAccessPoint { name: name.to_owned() })
}

/// The alias of a new access point: its name and digits that are always the same for it.
fn alias(ctx: &Ctx, name: &str) -> String {
    let digits = |turn| uuid_of(&format!("alias {turn} {}", ctx.arn("s3", name))).replace('-', "");
    let digits = digits(1) + &digits(2);
    let name = &name[..name.len().min(MAX_NAME_IN_ALIAS)];
    format!("{}-{}-s3alias", name.trim_end_matches('-'), &digits[..ALIAS_DIGITS])
}

/// What keeps an access point from the public: everything, unless it is said what does.
fn block_of(given: Option<&api::PublicAccessBlockConfiguration>) -> PublicAccessBlock {
    let member = |of: fn(&api::PublicAccessBlockConfiguration) -> Option<bool>| {
        given.is_none_or(|it| of(it) == Some(true))
    };
    PublicAccessBlock {
        block_acls: member(|it| it.block_public_acls),
        ignore_acls: member(|it| it.ignore_public_acls),
        block_policy: member(|it| it.block_public_policy),
        restrict: member(|it| it.restrict_public_buckets),
    }
}

/// CreateAccessPoint: a way into a bucket of the account.
pub async fn create(
    ctx: Ctx,
    input: Arc<api::CreateAccessPointInput>,
) -> Result<api::CreateAccessPointOutput, S3Error> {
    own(&ctx, &input.account_id)?;
    if !names::is_access_point_name(&input.name) {
        return Err(S3Error::UnparsedUri { uri: format!("accesspoint/{}", input.name) });
    }
    if input.scope.is_some() {
        return Err(S3Error::NotImplemented { header: "Scope" });
    }
    let tags = resource_tags::added(&Tags::new(), input.tags.as_deref().unwrap_or_default())?;
    let point = AccessPoint {
        account: ctx.account(),
        region: ctx.region().clone(),
        name: input.name.clone(),
        record: AccessPointRecord {
            bucket: input.bucket.clone(),
            alias: alias(&ctx, &input.name),
            created: whole_seconds(ctx.now()),
            vpc: input.vpc_configuration.as_ref().map(|network| network.vpc_id.clone()),
            public_access: block_of(input.public_access_block_configuration.as_ref()),
        },
    };
    let output = api::CreateAccessPointOutput {
        access_point_arn: Some(point.arn().to_string()),
        alias: Some(point.record.alias.clone()),
    };
    let now = ctx.now();
    ctx.commit(move |tx: &mut Tx| {
        let bucket = buckets::find(tx, &point.record.bucket)?;
        if !bucket.is_some_and(|it| {
            it.owner == point.account && it.record.region == point.region && !it.is_directory()
        }) {
            return Err(S3Error::InvalidRequest {
                message: "Amazon S3 AccessPoint can only be created for existing bucket".to_owned(),
            });
        }
        if access_points::find(tx, point.account, &point.region, &point.name)?.is_some() {
            return Err(S3Error::AccessPointOwned);
        }
        access_points::create(tx, &point)?;
        let head = Head {
            incarnation: tx.fresh_incarnation()?,
            owner: point.account,
            kind: "AWS::S3::AccessPoint".to_owned(),
            created: now,
            tags: tags.clone(),
            policy: None,
        };
        Ok(tx.put_head(&point.arn(), &head)?)
    })
    .await?;
    Ok(output)
}

fn origin(point: &AccessPoint) -> api::NetworkOrigin {
    if point.record.vpc.is_some() { api::NetworkOrigin::Vpc } else { api::NetworkOrigin::Internet }
}

fn network(point: &AccessPoint) -> Option<api::VpcConfiguration> {
    point.record.vpc.clone().map(|vpc_id| api::VpcConfiguration { vpc_id })
}

fn endpoints(point: &AccessPoint) -> BTreeMap<String, String> {
    [
        ("ipv4", "s3-accesspoint"),
        ("dualstack", "s3-accesspoint.dualstack"),
        ("fips", "s3-accesspoint-fips"),
        ("fips_dualstack", "s3-accesspoint-fips.dualstack"),
    ]
    .map(|(kind, host)| (kind.to_owned(), format!("{host}.{}.amazonaws.com", point.region)))
    .into()
}

/// GetAccessPoint.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetAccessPointInput>,
) -> Result<api::GetAccessPointOutput, S3Error> {
    own(&ctx, &input.account_id)?;
    let point = found(&ctx, &ctx.read(), &input.name)?;
    let block = point.record.public_access;
    Ok(api::GetAccessPointOutput {
        name: Some(point.name.clone()),
        bucket: Some(point.record.bucket.clone()),
        network_origin: Some(origin(&point)),
        vpc_configuration: network(&point),
        public_access_block_configuration: Some(super::account::shown(block)),
        creation_date: Some(point.record.created),
        alias: Some(point.record.alias.clone()),
        access_point_arn: Some(point.arn().to_string()),
        endpoints: Some(endpoints(&point)),
        bucket_account_id: Some(point.account.to_string()),
        ..Default::default()
    })
}

/// ListAccessPoints: by name, of one bucket or of all.
pub async fn list(
    ctx: Ctx,
    input: Arc<api::ListAccessPointsInput>,
) -> Result<api::ListAccessPointsOutput, S3Error> {
    own(&ctx, &input.account_id)?;
    let bucket = input.bucket.as_deref().unwrap_or("");
    let limit = match input.max_results.and_then(|asked| usize::try_from(asked).ok()) {
        Some(asked @ 1..) => asked.min(MAX_PAGE),
        _ => MAX_PAGE,
    };
    let after = match &input.next_token {
        None => String::new(),
        Some(token) => ctx
            .page_position(bucket, token)
            .and_then(|position| String::from_utf8(position).ok())
            .ok_or_else(|| S3Error::UntoldArgument {
                message: "The continuation token provided is incorrect".into(),
                name: "nextToken",
            })?,
    };
    let read = ctx.read();
    let (mut shown, mut more) = (Vec::new(), false);
    for point in access_points::list(&read, ctx.account(), ctx.region(), &after) {
        let point = point?;
        if !bucket.is_empty() && point.record.bucket != bucket {
            continue;
        }
        if shown.len() == limit {
            more = true;
            break;
        }
        shown.push(point);
    }
    let last = shown.last().filter(|_| more);
    let next_token = last.map(|last| ctx.page_token(bucket, last.name.as_bytes()));
    let points = shown.iter().map(|point| api::AccessPoint {
        name: point.name.clone(),
        network_origin: origin(point),
        vpc_configuration: network(point),
        bucket: point.record.bucket.clone(),
        access_point_arn: Some(point.arn().to_string()),
        alias: Some(point.record.alias.clone()),
        bucket_account_id: Some(point.account.to_string()),
        ..Default::default()
    });
    Ok(api::ListAccessPointsOutput { access_point_list: Some(points.collect()), next_token })
}

/// DeleteAccessPoint.
pub async fn delete(ctx: Ctx, input: Arc<api::DeleteAccessPointInput>) -> Result<Unit, S3Error> {
    own(&ctx, &input.account_id)?;
    let of = ctx.clone();
    ctx.commit(move |tx: &mut Tx| {
        let point = found(&of, tx, &input.name)?;
        access_points::remove(tx, &point)?;
        tx.remove_head(&point.arn())?;
        Ok(Unit)
    })
    .await
}

/// Whether all resources of a policy are the access point and what is behind it.
fn stays_within(policy: &Value, point: &AccessPoint) -> bool {
    let arn = point.arn().to_string();
    public::resources(policy).all(|resource| {
        resource.strip_prefix(&arn).is_some_and(|rest| rest.is_empty() || rest.starts_with("/object/"))
    })
}

async fn set_policy(ctx: &Ctx, name: String, policy: Option<String>) -> Result<Unit, S3Error> {
    let of = ctx.clone();
    ctx.commit(move |tx: &mut Tx| {
        let point = found(&of, tx, &name)?;
        if let Some(text) = &policy {
            let value = parsed(text, |value| stays_within(value, &point))?;
            if point.record.public_access.block_policy && public::is_public(&value) {
                return Err(S3Error::AccessDenied);
            }
        }
        if let Some(mut head) = tx.head(&point.arn())? {
            head.policy.clone_from(&policy);
            tx.put_head(&point.arn(), &head)?;
        }
        Ok(Unit)
    })
    .await
}

/// PutAccessPointPolicy.
pub async fn put_policy(ctx: Ctx, input: Arc<api::PutAccessPointPolicyInput>) -> Result<Unit, S3Error> {
    own(&ctx, &input.account_id)?;
    set_policy(&ctx, input.name.clone(), Some(input.policy.clone())).await
}

/// DeleteAccessPointPolicy.
pub async fn delete_policy(ctx: Ctx, input: Arc<api::DeleteAccessPointPolicyInput>) -> Result<Unit, S3Error> {
    own(&ctx, &input.account_id)?;
    set_policy(&ctx, input.name.clone(), None).await
}

fn policy_of(ctx: &Ctx, name: &str) -> Result<String, S3Error> {
    let point = found(ctx, &ctx.read(), name)?;
    let policy = ctx.head(&point.arn())?.and_then(|found| found.head.policy.clone());
    policy.ok_or_else(|| S3Error::NoAccessPointPolicy { name: name.to_owned() })
}

/// GetAccessPointPolicy.
pub async fn get_policy(
    ctx: Ctx,
    input: Arc<api::GetAccessPointPolicyInput>,
) -> Result<api::GetAccessPointPolicyOutput, S3Error> {
    own(&ctx, &input.account_id)?;
    Ok(api::GetAccessPointPolicyOutput { policy: Some(policy_of(&ctx, &input.name)?) })
}

/// GetAccessPointPolicyStatus: whether the policy lets the public in.
pub async fn policy_status(
    ctx: Ctx,
    input: Arc<api::GetAccessPointPolicyStatusInput>,
) -> Result<api::GetAccessPointPolicyStatusOutput, S3Error> {
    own(&ctx, &input.account_id)?;
    let policy = policy_of(&ctx, &input.name)?;
    let is_public = serde_json::from_str(&policy).is_ok_and(|policy| public::is_public(&policy));
    Ok(api::GetAccessPointPolicyStatusOutput {
        policy_status: Some(api::PolicyStatus { is_public: Some(is_public) }),
    })
}

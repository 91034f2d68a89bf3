//! What bears on a caller of another account, or of none, beside policies: access control lists, and the
//! block that keeps a public policy to the owner's account. Callers of the owner's account are judged by
//! policies alone.

use crate::access_logs::LOG_DELIVERY;
use crate::errors::S3Error;
use crate::policy;
use crate::rules::acl::Acl;
use crate::rules::public;
use crate::state::buckets::{self, Bucket};
use crate::state::configurations::{self, Kind};
use crate::state::{ObjectRecord, Ownership, account_blocks, objects};
use crate::views::canonical_id;
use ::policy::{Policy, ResourceRule};
use model_s3 as api;
use ports::{Caller, PrincipalKind};
use serde_json::{Value, json};
use service::{Ctx, Demand, Peek};
use std::sync::Arc;
use store::{Fault, Read};

/// Operations that make an object, whose list the request may bring.
const MAKING: [&str; 3] = ["CopyObject", "CreateMultipartUpload", "PutObject"];

/// A demand with what the bucket and the object say of the caller.
///
/// # Errors
/// The store's.
pub fn opened(peek: &Peek, demand: Demand) -> Result<Demand, S3Error> {
    opened_to(peek, demand, false)
}

/// A demand with what the bucket and the object say of the caller. `own`: what is asked about is the caller's account's,
/// though the bucket is another's.
///
/// # Errors
/// The store's.
pub fn opened_to(peek: &Peek, demand: Demand, own: bool) -> Result<Demand, S3Error> {
    let logs = matches!(peek.caller(), Caller::Service { principal, .. } if principal == LOG_DELIVERY);
    let account = match peek.caller() {
        Caller::Service { .. } if !logs => return Ok(demand),
        Caller::Principal(principal) => Some(principal.account),
        Caller::Service { .. } | Caller::Anonymous => None,
    };
    let Some(arn) = &demand.head else { return Ok(demand) };
    let Some(head) = peek.head(arn)? else {
        // Names of buckets are no secret: a stranger is told that there is none.
        return if account.is_none() { Err(S3Error::no_bucket(arn.resource())) } else { Ok(demand) };
    };
    if account == Some(head.head.owner) {
        return Ok(unless_locked_out(peek.caller(), demand));
    }
    let read = peek.read();
    let Some(bucket) = buckets::find(&read, arn.resource())? else { return Ok(demand) };
    let text = head.head.policy.as_deref();
    let written: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    let restricts = account_blocks::of_bucket(&read, &bucket)?.restrict;
    // A restricted bucket is still open to services (S3 API Reference, PublicAccessBlockConfiguration).
    let shut = restricts && written.as_ref().is_some_and(public::is_public);
    let statements = if !logs && (shut || (pays(&read, &bucket)? && !offers_to_pay(peek))) {
        vec![json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"})]
    } else if own
        || (logs && takes_logs(&bucket, &demand))
        || granted(&read, &bucket, (&demand, asked(peek, &demand)), account.map(canonical_id).as_deref())?
    {
        let own = json!({"Effect": "Allow", "Principal": "*", "Action": demand.action, "Resource": "*"});
        [public::listed(written.as_ref().and_then(|policy| policy.get("Statement"))), vec![&own]]
            .concat()
            .into_iter()
            .cloned()
            .collect()
    } else {
        return Ok(demand);
    };
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Ok(match Policy::parse(&policy) {
        Ok(policy) => demand.under(Arc::new(policy), ResourceRule::Grants),
        // What cannot be read grants nothing.
        Err(_) => demand,
    })
}

/// Whether those who ask pay for what they ask of a bucket that is another's.
fn pays(read: &impl Read, bucket: &Bucket) -> Result<bool, Fault> {
    let kept: Option<api::RequestPaymentConfiguration> =
        configurations::get(read, bucket, Kind::RequestPayment, "")?;
    Ok(kept.is_some_and(|kept| kept.payer == api::Payer::Requester))
}

/// Whether the caller says that it pays. S3 User Guide, "Using Requester Pays buckets": nobody who is not known can, and
/// who does not say so is answered 403.
fn offers_to_pay(peek: &Peek) -> bool {
    peek.caller().principal().is_some() && peek.hint("x-amz-request-payer") == Some("requester")
}

/// What an answer says of who paid for it.
///
/// # Errors
/// The store's.
pub fn charged(ctx: &Ctx, bucket: &Bucket) -> Result<Option<api::RequestCharged>, Fault> {
    match ctx.caller().principal() {
        Some(caller) if caller.account != bucket.owner && pays(&ctx.read(), bucket)? => {
            Ok(Some(api::RequestCharged::Requester))
        }
        _ => Ok(None),
    }
}

/// The actions by which an owner undoes a policy that shuts it out.
const OF_POLICIES: [&str; 3] = ["s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"];

/// What is asked of one's own bucket: as root of the account, whatever the bucket's policy says of that policy itself.
/// API Reference, PutBucketPolicy, GetBucketPolicy and DeleteBucketPolicy: the root principal of the owner's account can
/// do these even if the policy explicitly denies it.
fn unless_locked_out(caller: &Caller, mut demand: Demand) -> Demand {
    let is_root = caller.principal().is_some_and(|principal| principal.kind == PrincipalKind::Root);
    if is_root && OF_POLICIES.contains(&&*demand.action) {
        demand.head = None;
    }
    demand
}

/// Whether the bucket's list lets access logs in, where one is put.
fn takes_logs(bucket: &Bucket, demand: &Demand) -> bool {
    bucket.record.ownership != Some(Ownership::BucketOwnerEnforced)
        && demand.action == "s3:PutObject"
        && bucket.record.acl.as_ref().is_some_and(Acl::takes_logs)
}

/// What a list is asked for: whoever may put an object owns it, and so may put it with a list (Ceph's
/// `test_post_object_anonymous_request`, which is run on AWS, too).
fn asked<'d>(peek: &Peek, demand: &'d Demand) -> &'d str {
    let with_list = demand.action == "s3:PutObjectAcl" && MAKING.contains(&peek.operation());
    if with_list { "s3:PutObject" } else { &demand.action }
}

/// Whether a list lets the caller do what is asked: the object's, or the bucket's for what is asked of it.
fn granted(
    read: &impl Read,
    bucket: &Bucket,
    (demand, action): (&Demand, &str),
    caller: Option<&str>,
) -> Result<bool, S3Error> {
    if bucket.record.ownership == Some(Ownership::BucketOwnerEnforced) {
        return Ok(false);
    }
    let ignores = account_blocks::of_bucket(read, bucket)?.ignore_acls;
    let object = demand.resource.strip_prefix(bucket.arn().as_str()).and_then(|rest| rest.strip_prefix('/'));
    let key = object.filter(|_| action != "s3:PutObject");
    let Some(key) = key else {
        let list = bucket.record.acl.as_ref();
        return Ok(list.is_some_and(|list| list.grants(action, caller, ignores)));
    };
    let version = demand.context.iter().find(|(name, _)| name == "s3:VersionId");
    let found = match version.and_then(|(_, values)| values.first()) {
        Some(id) => objects::by_id(read, bucket, key, id)?,
        None => objects::newest(read, bucket, key)?,
    };
    let Some(object) = found.and_then(|version| version.object) else {
        // Whoever may list the bucket may know that there is nothing to read.
        let list = bucket.record.acl.as_ref().filter(|_| action == "s3:GetObject");
        return Ok(list.is_some_and(|list| list.grants("s3:ListBucket", caller, ignores)));
    };
    Ok(lists(&object, action, caller, ignores))
}

/// Whether an object's list lets a caller do something; where it has none, its writer alone may.
fn lists(object: &ObjectRecord, action: &str, caller: Option<&str>, ignores: bool) -> bool {
    let list = object.extras.as_ref().and_then(|extras| extras.acl.as_ref());
    match (list, object.writer()) {
        (Some(list), _) => list.grants(action, caller, ignores),
        (None, Some(writer)) => {
            caller == Some(writer) && Acl::private(writer).grants(action, caller, ignores)
        }
        (None, None) => false,
    }
}

/// Refuses what the list of an object does not grant where another account wrote it: neither policies of
/// the bucket nor those of its owner's account open it.
/// S3 User Guide, "Controlling ownership of objects": bucket policies are for objects of the bucket's owner.
///
/// # Errors
/// `AccessDenied`, or the store's.
pub fn of_writer(
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    object: &ObjectRecord,
    action: &'static str,
) -> Result<(), S3Error> {
    if object.writer().is_none() || bucket.record.ownership == Some(Ownership::BucketOwnerEnforced) {
        return Ok(());
    }
    let caller = match ctx.caller() {
        Caller::Principal(principal) => Some(canonical_id(principal.account)),
        Caller::Anonymous => None,
        Caller::Service { .. } => return Ok(()),
    };
    let ignores = account_blocks::of_bucket(&ctx.read(), bucket)?.ignore_acls;
    if lists(object, action, caller.as_deref(), ignores) {
        return Ok(());
    }
    let closed = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    let closed = json!({"Version": "2012-10-17", "Statement": [closed]}).to_string();
    let closed = Policy::parse(&closed).map_err(|_| S3Error::AccessDenied)?;
    let demand = policy::on_object(action, &bucket.name, key).under(Arc::new(closed), ResourceRule::Grants);
    Ok(ctx.permit(&demand)?)
}

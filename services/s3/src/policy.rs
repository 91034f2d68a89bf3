//! What the operations need permission for. The actions of S3 are not named like its operations: reading
//! an object's headers is `s3:GetObject`, all of an upload is `s3:PutObject`.
//! Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".

use crate::access;
use crate::condition_keys;
use crate::describe::wishes;
use crate::errors::S3Error;
use crate::lookup;
use crate::rules::{directory_buckets, headers};
use crate::sessions;
use crate::state::{access_points, buckets};
use model_s3 as api;
use model_s3control as control;
use names::Arn;
use service::{Ctx, Demand, Peek};
use std::future::{Ready, ready};
use std::sync::Arc;

type Demands = Ready<Result<Vec<Demand>, S3Error>>;

/// An input that names a bucket.
pub trait NamesBucket {
    /// The bucket.
    fn bucket(&self) -> &str;
}

/// An input that names a key.
pub trait NamesKey: NamesBucket {
    /// The key.
    fn key(&self) -> &str;
    /// The version, where the operation can name one.
    fn version(&self) -> Option<&str>;
}

macro_rules! names_bucket {
    ($($input:ident),* $(,)?) => {$(
        impl NamesBucket for api::$input {
            fn bucket(&self) -> &str {
                &self.bucket
            }
        }
    )*};
}

macro_rules! names_key {
    ($($input:ident $(. $version:ident)?),* $(,)?) => {$(
        names_bucket!($input);
        impl NamesKey for api::$input {
            fn key(&self) -> &str {
                &self.key
            }
            fn version(&self) -> Option<&str> {
                let version: Option<&str> = None;
                $(let version = version.or(self.$version.as_deref());)?
                version
            }
        }
    )*};
}

names_bucket!(
    CreateSessionInput,
    DeleteBucketAnalyticsConfigurationInput,
    DeleteBucketCorsInput,
    DeleteBucketEncryptionInput,
    DeleteBucketInput,
    DeleteBucketIntelligentTieringConfigurationInput,
    DeleteBucketInventoryConfigurationInput,
    DeleteBucketLifecycleInput,
    DeleteBucketMetricsConfigurationInput,
    DeleteBucketOwnershipControlsInput,
    DeleteBucketPolicyInput,
    DeleteBucketReplicationInput,
    DeleteBucketTaggingInput,
    DeleteBucketWebsiteInput,
    DeleteObjectsInput,
    DeletePublicAccessBlockInput,
    GetBucketAbacInput,
    GetBucketAccelerateConfigurationInput,
    GetBucketAclInput,
    GetBucketAnalyticsConfigurationInput,
    GetBucketCorsInput,
    GetBucketEncryptionInput,
    GetBucketIntelligentTieringConfigurationInput,
    GetBucketInventoryConfigurationInput,
    GetBucketLifecycleConfigurationInput,
    GetBucketLocationInput,
    GetBucketLoggingInput,
    GetBucketMetricsConfigurationInput,
    GetBucketNotificationConfigurationInput,
    GetBucketOwnershipControlsInput,
    GetBucketPolicyInput,
    GetBucketPolicyStatusInput,
    GetBucketReplicationInput,
    GetBucketRequestPaymentInput,
    GetBucketTaggingInput,
    GetBucketVersioningInput,
    GetBucketWebsiteInput,
    GetObjectLockConfigurationInput,
    GetPublicAccessBlockInput,
    HeadBucketInput,
    ListBucketAnalyticsConfigurationsInput,
    ListBucketIntelligentTieringConfigurationsInput,
    ListBucketInventoryConfigurationsInput,
    ListBucketMetricsConfigurationsInput,
    ListMultipartUploadsInput,
    ListObjectVersionsInput,
    ListObjectsInput,
    ListObjectsV2Input,
    PutBucketAbacInput,
    PutBucketAccelerateConfigurationInput,
    PutBucketAclInput,
    PutBucketAnalyticsConfigurationInput,
    PutBucketCorsInput,
    PutBucketEncryptionInput,
    PutBucketIntelligentTieringConfigurationInput,
    PutBucketInventoryConfigurationInput,
    PutBucketLifecycleConfigurationInput,
    PutBucketLoggingInput,
    PutBucketMetricsConfigurationInput,
    PutBucketNotificationConfigurationInput,
    PutBucketOwnershipControlsInput,
    PutBucketPolicyInput,
    PutBucketReplicationInput,
    PutBucketRequestPaymentInput,
    PutBucketTaggingInput,
    PutBucketVersioningInput,
    PutBucketWebsiteInput,
    PutObjectLockConfigurationInput,
    PutPublicAccessBlockInput,
    UpdateObjectEncryptionInput,
);

names_key!(
    AbortMultipartUploadInput,
    CompleteMultipartUploadInput,
    CopyObjectInput,
    CreateMultipartUploadInput,
    DeleteObjectInput.version_id,
    DeleteObjectTaggingInput.version_id,
    GetObjectAclInput.version_id,
    GetObjectAttributesInput.version_id,
    GetObjectInput.version_id,
    GetObjectLegalHoldInput.version_id,
    GetObjectRetentionInput.version_id,
    GetObjectTaggingInput.version_id,
    GetObjectTorrentInput,
    HeadObjectInput.version_id,
    ListPartsInput,
    PutObjectAclInput.version_id,
    PutObjectInput,
    PutObjectLegalHoldInput.version_id,
    PutObjectRetentionInput.version_id,
    PutObjectTaggingInput.version_id,
    RenameObjectInput,
    RestoreObjectInput.version_id,
    SelectObjectContentInput,
    UploadPartCopyInput,
    UploadPartInput,
);

fn object_arn(bucket: &str, key: &str) -> Arn {
    Arn::partition_wide("s3", &[bucket, "/", key].concat())
}

/// An action on an object, judged by its bucket's head.
pub fn on_object(action: &'static str, bucket: &str, key: &str) -> Demand {
    Demand::new(action, &object_arn(bucket, key)).headed_by(&buckets::arn(bucket))
}

/// A condition key, where the request has it.
fn given(demand: Demand, key: &'static str, value: Option<&str>) -> Demand {
    match value {
        Some(value) => demand.when(key, [value.to_owned()]),
        None => demand,
    }
}

/// Demands, with what the bucket and its objects say of the caller beside policies.
fn judged(peek: &Peek, demands: Vec<Demand>) -> Demands {
    let behind = demands.into_iter().map(|demand| through(peek, demand));
    let demands: Result<Vec<Vec<Demand>>, S3Error> = behind.collect();
    ready(demands.and_then(|demands| {
        demands.into_iter().flatten().map(|demand| access::opened(peek, demand)).collect()
    }))
}

/// What is asked of a bucket through an access point: both must let it happen, the access point and the bucket
/// behind it. S3 User Guide, "Configuring IAM policies for using access points".
fn through(peek: &Peek, demand: Demand) -> Result<Vec<Demand>, S3Error> {
    let Some(head) = demand.head.clone() else { return Ok(vec![demand]) };
    if directory_buckets::is_named_so(head.resource()) {
        return sessions::demands(peek, head.resource(), &demand.action);
    }
    sessions::only_of_directory_buckets(peek)?;
    let Some(point) = access_points::in_place_of(&peek.read(), head.resource())? else {
        return Ok(vec![demand]);
    };
    let rest = demand.resource.strip_prefix(head.as_str()).unwrap_or_default().to_owned();
    let place = point.arn();
    let said = |demand: Demand| {
        demand
            .when("s3:DataAccessPointArn", [place.to_string()])
            .when("s3:DataAccessPointAccount", [point.account.to_string()])
            .when("s3:AccessPointNetworkOrigin", [point.record.network_origin().to_owned()])
    };
    let behind = buckets::arn(&point.record.bucket);
    let object = if rest.is_empty() { String::new() } else { format!("/object{rest}") };
    let mut of_bucket = demand.clone();
    of_bucket.resource = format!("{behind}{rest}");
    of_bucket.head = Some(behind);
    let mut of_point = demand.clone();
    of_point.resource = format!("{place}{object}");
    of_point.head = Some(place.clone());
    Ok(vec![said(of_point), said(of_bucket)])
}

/// An input that names an access point.
pub trait NamesAccessPoint {
    /// Its name.
    fn access_point(&self) -> &str;
}

macro_rules! names_access_point {
    ($($input:ident),* $(,)?) => {$(
        impl NamesAccessPoint for control::$input {
            fn access_point(&self) -> &str {
                &self.name
            }
        }
    )*};
}

names_access_point!(
    CreateAccessPointInput,
    DeleteAccessPointInput,
    DeleteAccessPointPolicyInput,
    GetAccessPointInput,
    GetAccessPointPolicyInput,
    GetAccessPointPolicyStatusInput,
    PutAccessPointPolicyInput,
);

/// An action on the access point that the input names.
pub fn access_point<I: NamesAccessPoint>(action: &'static str) -> impl Fn(Peek, Arc<I>) -> Demands + Clone {
    move |peek, input| {
        let arn = peek.arn("s3", &format!("accesspoint/{}", input.access_point()));
        ready(Ok(vec![Demand::new(action, &arn)]))
    }
}

/// An input that names a resource by its ARN.
pub trait NamesArn {
    /// The ARN.
    fn arn(&self) -> &str;
}

macro_rules! names_arn {
    ($($input:ident),* $(,)?) => {$(
        impl NamesArn for control::$input {
            fn arn(&self) -> &str {
                &self.resource_arn
            }
        }
    )*};
}

names_arn!(ListTagsForResourceInput, TagResourceInput, UntagResourceInput);

/// An action on the resource that the input names; what is no ARN is judged as everything.
pub fn tagged<I: NamesArn>(action: &'static str) -> impl Fn(Peek, Arc<I>) -> Demands + Clone {
    move |_, input| {
        let demand = match input.arn().parse::<Arn>() {
            Ok(arn) if arn.service() == "s3express" => {
                Demand::new(action.replacen("s3:", "s3express:", 1), &arn)
            }
            Ok(arn) => Demand::new(action, &arn),
            Err(_) => Demand::everywhere(action),
        };
        ready(Ok(vec![demand]))
    }
}

/// What an input that makes an object needs beside `s3:PutObject`.
macro_rules! beside {
    ($input:expr) => {
        [
            ($input.tagging.is_some(), "s3:PutObjectTagging"),
            ($input.acl.is_some(), "s3:PutObjectAcl"),
            ($input.object_lock_mode.is_some(), "s3:PutObjectRetention"),
            ($input.object_lock_legal_hold_status.is_some(), "s3:PutObjectLegalHold"),
        ]
        .into_iter()
        .filter(|(asked, _)| *asked)
        .map(|(_, action)| {
            condition_keys::made(on_object(action, &$input.bucket, &$input.key), &wishes!($input))
        })
    };
}

/// An action on the bucket that the input names.
pub fn bucket<I: NamesBucket>(action: &'static str) -> impl Fn(Peek, Arc<I>) -> Demands + Clone {
    move |peek, input| judged(&peek, vec![Demand::new(action, &buckets::arn(input.bucket()))])
}

/// An action on the object that the input names.
pub fn object<I: NamesKey>(action: &'static str) -> impl Fn(Peek, Arc<I>) -> Demands + Clone {
    move |peek, input| judged(&peek, vec![on_object(action, input.bucket(), input.key())])
}

/// An action on the object that the input names, or another action where it names a version.
pub fn version<I: NamesKey + Send + Sync + 'static>(
    newest: &'static str,
    named: &'static str,
) -> impl Fn(Peek, Arc<I>) -> Demands + Clone {
    move |peek, input| {
        let demand = on_version((newest, named), input.as_ref());
        judged(&peek, vec![condition_keys::existing(demand, &peek, &input)])
    }
}

/// Giving tags to an object.
pub fn put_tagging(peek: Peek, input: Arc<api::PutObjectTaggingInput>) -> Demands {
    let demand = on_version(("s3:PutObjectTagging", "s3:PutObjectVersionTagging"), input.as_ref());
    let tags = input.tagging.tag_set.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let demand = condition_keys::tagged(demand, tags);
    judged(&peek, vec![condition_keys::existing(demand, &peek, &input)])
}

/// An action on the newest version, or another on a named one.
fn on_version<I: NamesKey>((newest, named): (&'static str, &'static str), input: &I) -> Demand {
    let action = if input.version().is_some() { named } else { newest };
    given(on_object(action, input.bucket(), input.key()), "s3:VersionId", input.version())
}

/// The permission to pass by governance, where a request says that it does.
fn bypassing(asked: Option<bool>, bucket: &str, key: &str) -> Option<Demand> {
    (asked == Some(true)).then(|| on_object("s3:BypassGovernanceRetention", bucket, key))
}

/// Removing an object or a version.
pub fn delete_object(peek: Peek, input: Arc<api::DeleteObjectInput>) -> Demands {
    let mut demands = vec![on_version(("s3:DeleteObject", "s3:DeleteObjectVersion"), input.as_ref())];
    demands.extend(bypassing(input.bypass_governance_retention, &input.bucket, &input.key));
    judged(&peek, demands)
}

/// Changing until when a version is locked.
pub fn put_retention(peek: Peek, input: Arc<api::PutObjectRetentionInput>) -> Demands {
    let mut demands = vec![on_object("s3:PutObjectRetention", &input.bucket, &input.key)];
    demands.extend(bypassing(input.bypass_governance_retention, &input.bucket, &input.key));
    judged(&peek, demands)
}

/// Changing how an object is encrypted: as putting it.
pub fn update_encryption(peek: Peek, input: Arc<api::UpdateObjectEncryptionInput>) -> Demands {
    let actions = ["s3:UpdateObjectEncryption", "s3:PutObject"];
    judged(&peek, actions.map(|action| on_object(action, &input.bucket, &input.key)).to_vec())
}

/// Making a bucket: whoever has the name already is not asked.
pub fn create_bucket(peek: Peek, input: Arc<api::CreateBucketInput>) -> Demands {
    if directory_buckets::is_named_so(&input.bucket) {
        return ready(Ok(vec![sessions::creating(&peek, &input.bucket)]));
    }
    let location = input.create_bucket_configuration.as_ref();
    let location = location.and_then(|configuration| configuration.location_constraint.as_ref());
    let demand = Demand::new("s3:CreateBucket", &buckets::arn(&input.bucket));
    let mut demand = given(demand, "s3:LocationConstraint", location.map(|location| location.as_str()));
    demand.head = None;
    ready(Ok(vec![demand]))
}

/// Reading the keys of a bucket, a page at a time.
pub fn list_objects(peek: Peek, input: Arc<api::ListObjectsInput>) -> Demands {
    let names = (input.prefix.as_ref(), input.delimiter.as_ref());
    list(&peek, "s3:ListBucket", &input.bucket, names, input.max_keys)
}

/// Reading the keys of a bucket, a page at a time.
pub fn list_objects_v2(peek: Peek, input: Arc<api::ListObjectsV2Input>) -> Demands {
    let names = (input.prefix.as_ref(), input.delimiter.as_ref());
    list(&peek, "s3:ListBucket", &input.bucket, names, input.max_keys)
}

/// Reading the versions in a bucket.
pub fn list_versions(peek: Peek, input: Arc<api::ListObjectVersionsInput>) -> Demands {
    let names = (input.prefix.as_ref(), input.delimiter.as_ref());
    list(&peek, "s3:ListBucketVersions", &input.bucket, names, input.max_keys)
}

fn list(
    peek: &Peek,
    action: &'static str,
    bucket: &str,
    (prefix, delimiter): (Option<&String>, Option<&String>),
    limit: Option<i32>,
) -> Demands {
    let demand = Demand::new(action, &buckets::arn(bucket));
    let demand = given(demand, "s3:prefix", prefix.map(String::as_str));
    let demand = given(demand, "s3:delimiter", delimiter.map(String::as_str));
    judged(peek, vec![given(demand, "s3:max-keys", limit.map(|limit| limit.to_string()).as_deref())])
}

/// Putting an object.
pub fn put_object(peek: Peek, input: Arc<api::PutObjectInput>) -> Demands {
    let demand = on_object("s3:PutObject", &input.bucket, &input.key);
    let mut demands = vec![condition_keys::made(demand, &wishes!(input))];
    demands.extend(beside!(input));
    judged(&peek, demands)
}

/// Beginning an upload: as putting the object.
pub fn begin_upload(peek: Peek, input: Arc<api::CreateMultipartUploadInput>) -> Demands {
    let demand = on_object("s3:PutObject", &input.bucket, &input.key);
    let mut demands = vec![condition_keys::made(demand, &wishes!(input))];
    demands.extend(beside!(input));
    judged(&peek, demands)
}

/// An input that names an upload.
pub trait NamesUpload: NamesKey {
    /// Its id.
    fn upload_id(&self) -> &str;
}

macro_rules! names_upload {
    ($($input:ident),* $(,)?) => {$(
        impl NamesUpload for api::$input {
            fn upload_id(&self) -> &str {
                &self.upload_id
            }
        }
    )*};
}

names_upload!(AbortMultipartUploadInput, ListPartsInput);

/// An action on an upload: whoever began it, and that user's account, may give it up and list its parts. User Guide,
/// "Uploading and copying objects using multipart upload", permissions of the API.
pub fn upload<I: NamesUpload>(action: &'static str) -> impl Fn(Peek, Arc<I>) -> Demands + Clone {
    move |peek, input| {
        let own = began(&peek, input.as_ref());
        let behind = through(&peek, on_object(action, input.bucket(), input.key()));
        let demands = own.and_then(|own| {
            behind?.into_iter().map(|demand| access::opened_to(&peek, demand, own)).collect()
        });
        ready(demands)
    }
}

/// Whether the caller's account began an upload.
fn began(peek: &Peek, input: &impl NamesUpload) -> Result<bool, S3Error> {
    let Some(caller) = peek.caller().principal() else { return Ok(false) };
    let read = peek.read();
    let upload = match lookup::reached(&read, input.bucket(), None) {
        Ok(bucket) => lookup::upload(&read, &bucket, input.key(), input.upload_id()),
        Err(absent) => Err(absent),
    };
    match upload {
        Ok(upload) => {
            let initiator = upload.record.initiator.1.parse::<Arn>().ok();
            Ok(initiator.and_then(|arn| arn.account()) == Some(caller.account))
        }
        Err(fault @ S3Error::Store(_)) => Err(fault),
        Err(_) => Ok(false),
    }
}

/// Reading the source of a copy. A malformed one is refused by the operation, and read by nobody.
fn read_source(header: &str) -> Vec<Demand> {
    let Ok(source) = headers::copy_source(header) else { return Vec::new() };
    let action = if source.version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
    vec![on_object(action, &source.bucket, &source.key)]
}

/// Copying an object: reading one, putting the other.
pub fn copy_object(peek: Peek, input: Arc<api::CopyObjectInput>) -> Demands {
    let mut demands = read_source(&input.copy_source);
    let put = on_object("s3:PutObject", &input.bucket, &input.key);
    let put = condition_keys::made(put, &wishes!(input));
    let put = given(put, "s3:x-amz-copy-source", Some(&input.copy_source));
    let directive = input.metadata_directive.as_ref().map(|directive| directive.as_str());
    demands.push(given(put, "s3:x-amz-metadata-directive", directive));
    demands.extend(beside!(input));
    judged(&peek, demands)
}

/// Copying into a part: reading one object, putting the other.
pub fn copy_part(peek: Peek, input: Arc<api::UploadPartCopyInput>) -> Demands {
    let mut demands = read_source(&input.copy_source);
    demands.push(on_object("s3:PutObject", &input.bucket, &input.key));
    judged(&peek, demands)
}

/// Deleting many objects: each is judged by itself when it is its turn. Of a bucket that is not there, all
/// must be allowed before that is told.
pub fn delete_objects(peek: Peek, input: Arc<api::DeleteObjectsInput>) -> Demands {
    let absent = match lookup::reached(&peek.read(), &input.bucket, None) {
        Ok(_) => false,
        Err(S3Error::NoSuchBucket { .. }) => true,
        Err(fault) => return ready(Err(fault)),
    };
    let objects = input.delete.objects.iter().filter(|_| absent);
    judged(&peek, objects.flat_map(|object| of_one_object(&input, object)).collect())
}

/// What deleting one of many objects needs.
fn of_one_object<'a>(
    input: &'a api::DeleteObjectsInput,
    object: &'a api::ObjectIdentifier,
) -> impl Iterator<Item = Demand> + use<'a> {
    let action = if object.version_id.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
    let demand = on_object(action, &input.bucket, &object.key);
    let demand = given(demand, "s3:VersionId", object.version_id.as_deref());
    let bypass = bypassing(input.bypass_governance_retention, &input.bucket, &object.key);
    std::iter::once(demand).chain(bypass)
}

/// Whether the caller may delete one of many objects.
///
/// # Errors
/// `AccessDenied`, or the store's.
pub fn may_delete(
    ctx: &Ctx,
    input: &api::DeleteObjectsInput,
    object: &api::ObjectIdentifier,
) -> Result<(), S3Error> {
    let peek = Peek::new(ctx.clone());
    for demand in of_one_object(input, object) {
        for demand in through(&peek, demand)? {
            ctx.permit(&access::opened(&peek, demand)?)?;
        }
    }
    Ok(())
}

/// What a caller is told of a key that is not there: whoever may not list the bucket is not to know.
/// S3 API Reference, GetObject: without `s3:ListBucket` a key that does not exist is answered with 403.
pub fn unless_hidden(ctx: &Ctx, bucket: &str, error: S3Error) -> S3Error {
    if !matches!(error, S3Error::NoSuchKey { .. } | S3Error::Marked { .. }) {
        return error;
    }
    let demand = Demand::new("s3:ListBucket", &buckets::arn(bucket));
    let peek = Peek::new(ctx.clone());
    let permitted = through(&peek, demand).and_then(|demands| {
        demands.into_iter().try_for_each(|demand| Ok(ctx.permit(&access::opened(&peek, demand)?)?))
    });
    permitted.err().unwrap_or(error)
}

/// Reading an object's attributes: reading it, and each part of it that has an action of its own.
pub fn attributes(peek: Peek, input: Arc<api::GetObjectAttributesInput>) -> Demands {
    let actions = if input.version_id.is_some() {
        ["s3:GetObjectVersion", "s3:GetObjectVersionAttributes"]
    } else {
        ["s3:GetObject", "s3:GetObjectAttributes"]
    };
    judged(&peek, actions.map(|action| on_object(action, &input.bucket, &input.key)).to_vec())
}

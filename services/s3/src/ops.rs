//! The operations of S3 that are served, one line each with the permission it needs.

mod access_points;
mod account;
mod acls;
mod append_object;
mod bucket_configurations;
mod bucket_cors;
mod bucket_policy;
mod bucket_settings;
mod bucket_tagging;
mod buckets;
mod complete_upload;
mod copy_object;
mod create_session;
mod delete_object;
mod directory_buckets;
mod get_object;
mod lifecycle;
mod list_objects;
mod list_parts;
mod list_versions;
mod notifications;
mod object_attributes;
mod object_encryption;
mod object_lock;
mod object_tagging;
mod put_object;
mod rename_object;
mod replication;
mod resource_tags;
mod restore_object;
mod select;
mod torrent;
mod upload_part;
mod uploads;

use crate::errors::S3Error;
use crate::page::Paged;
use crate::policy::{self, NamesBucket};
use crate::rules::directory_buckets::is_named_so;
use model_s3::operations::*;
use model_s3control::operations as control;
use schema::OperationModel;
use service::{Ctx, Operation, Ungated};
use std::sync::Arc;

/// An operation that directory buckets do not have: they refuse it, however permissions are judged.
fn elsewhere<M, F, R>(handler: F) -> Ungated<M>
where
    M: OperationModel,
    M::Input: NamesBucket,
    F: Fn(Ctx, Arc<M::Input>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<M::Output, S3Error>> + Send + 'static,
{
    Operation::new::<M, _, _, _>(move |ctx, input: Arc<M::Input>| {
        let served = !is_named_so(input.bucket());
        let running = served.then(|| handler(ctx, input));
        async move {
            match running {
                Some(running) => running.await,
                None => Err(S3Error::MethodNotAllowed),
            }
        }
    })
}

/// All of them.
pub fn all() -> Vec<Operation> {
    [
        of_buckets(),
        of_settings(),
        of_configurations(),
        of_objects(),
        of_object_settings(),
        of_uploads(),
        of_control(),
    ]
    .concat()
}

#[rustfmt::skip]
fn of_buckets() -> Vec<Operation> {
    vec![
        Operation::new::<CreateBucket, _, _, _>(buckets::create).acts_on(policy::create_bucket),
        Operation::new::<CreateSession, _, _, _>(create_session::create).acts_on(create_session::demands),
        Operation::new::<ListDirectoryBuckets, _, _, _>(directory_buckets::list).as_action("s3express:ListAllMyDirectoryBuckets").acts_on_everything(),
        Operation::new::<DeleteBucket, _, _, _>(buckets::delete).acts_on(policy::bucket("s3:DeleteBucket")),
        elsewhere::<GetBucketLocation, _, _>(buckets::location_of).acts_on(policy::bucket("s3:GetBucketLocation")),
        Operation::new::<HeadBucket, _, _, _>(buckets::head).acts_on(policy::bucket("s3:ListBucket")),
        Operation::new::<ListBuckets, _, _, _>(buckets::list).as_action("s3:ListAllMyBuckets").acts_on_everything(),
        elsewhere::<ListObjectVersions, _, _>(list_versions::list_versions).acts_on(policy::list_versions),
        elsewhere::<Paged<ListObjects>, _, _>(list_objects::list_objects).acts_on(policy::list_objects),
        Operation::new::<Paged<ListObjectsV2>, _, _, _>(list_objects::list_objects_v2).acts_on(policy::list_objects_v2),
    ]
}

#[rustfmt::skip]
fn of_settings() -> Vec<Operation> {
    vec![
        elsewhere::<DeleteBucketCors, _, _>(bucket_cors::delete).acts_on(policy::bucket("s3:PutBucketCORS")),
        Operation::new::<DeleteBucketEncryption, _, _, _>(bucket_settings::delete_encryption).acts_on(policy::bucket("s3:PutEncryptionConfiguration")),
        elsewhere::<DeleteBucketOwnershipControls, _, _>(bucket_settings::delete_ownership).acts_on(policy::bucket("s3:PutBucketOwnershipControls")),
        Operation::new::<DeleteBucketPolicy, _, _, _>(bucket_policy::delete).acts_on(policy::bucket("s3:DeleteBucketPolicy")),
        elsewhere::<DeleteBucketTagging, _, _>(bucket_tagging::delete).acts_on(policy::bucket("s3:PutBucketTagging")),
        elsewhere::<DeletePublicAccessBlock, _, _>(bucket_settings::delete_public_access).acts_on(policy::bucket("s3:PutBucketPublicAccessBlock")),
        elsewhere::<GetBucketAcl, _, _>(acls::get_bucket).acts_on(policy::bucket("s3:GetBucketAcl")),
        elsewhere::<GetBucketCors, _, _>(bucket_cors::get).acts_on(policy::bucket("s3:GetBucketCORS")),
        Operation::new::<GetBucketEncryption, _, _, _>(bucket_settings::get_encryption).acts_on(policy::bucket("s3:GetEncryptionConfiguration")),
        elsewhere::<GetBucketNotificationConfiguration, _, _>(notifications::get).acts_on(policy::bucket("s3:GetBucketNotification")),
        elsewhere::<GetBucketOwnershipControls, _, _>(bucket_settings::get_ownership).acts_on(policy::bucket("s3:GetBucketOwnershipControls")),
        Operation::new::<GetBucketPolicy, _, _, _>(bucket_policy::get).acts_on(policy::bucket("s3:GetBucketPolicy")),
        elsewhere::<GetBucketPolicyStatus, _, _>(bucket_policy::status).acts_on(policy::bucket("s3:GetBucketPolicyStatus")),
        elsewhere::<GetBucketTagging, _, _>(bucket_tagging::get).acts_on(policy::bucket("s3:GetBucketTagging")),
        elsewhere::<GetBucketVersioning, _, _>(bucket_settings::get_versioning).acts_on(policy::bucket("s3:GetBucketVersioning")),
        elsewhere::<GetPublicAccessBlock, _, _>(bucket_settings::get_public_access).acts_on(policy::bucket("s3:GetBucketPublicAccessBlock")),
        elsewhere::<PutBucketCors, _, _>(bucket_cors::put).acts_on(policy::bucket("s3:PutBucketCORS")),
        Operation::new::<PutBucketEncryption, _, _, _>(bucket_settings::put_encryption).acts_on(policy::bucket("s3:PutEncryptionConfiguration")),
        elsewhere::<PutBucketNotificationConfiguration, _, _>(notifications::put).acts_on(policy::bucket("s3:PutBucketNotification")),
        elsewhere::<PutBucketOwnershipControls, _, _>(bucket_settings::put_ownership).acts_on(policy::bucket("s3:PutBucketOwnershipControls")),
        Operation::new::<PutBucketPolicy, _, _, _>(bucket_policy::put).acts_on(policy::bucket("s3:PutBucketPolicy")),
        elsewhere::<PutBucketTagging, _, _>(bucket_tagging::put).acts_on(policy::bucket("s3:PutBucketTagging")),
        elsewhere::<PutBucketVersioning, _, _>(bucket_settings::put_versioning).acts_on(policy::bucket("s3:PutBucketVersioning")),
        elsewhere::<PutPublicAccessBlock, _, _>(bucket_settings::put_public_access).acts_on(policy::bucket("s3:PutBucketPublicAccessBlock")),
    ]
}

#[rustfmt::skip]
fn of_configurations() -> Vec<Operation> {
    vec![
        elsewhere::<DeleteBucketAnalyticsConfiguration, _, _>(bucket_configurations::analytics::delete).acts_on(policy::bucket("s3:PutAnalyticsConfiguration")),
        elsewhere::<DeleteBucketIntelligentTieringConfiguration, _, _>(bucket_configurations::tiering::delete).acts_on(policy::bucket("s3:PutIntelligentTieringConfiguration")),
        Operation::new::<DeleteBucketInventoryConfiguration, _, _, _>(bucket_configurations::inventory::delete).acts_on(policy::bucket("s3:PutInventoryConfiguration")),
        Operation::new::<DeleteBucketLifecycle, _, _, _>(lifecycle::delete).acts_on(policy::bucket("s3:PutLifecycleConfiguration")),
        Operation::new::<DeleteBucketMetricsConfiguration, _, _, _>(bucket_configurations::metrics::delete).acts_on(policy::bucket("s3:PutMetricsConfiguration")),
        elsewhere::<DeleteBucketReplication, _, _>(replication::delete).acts_on(policy::bucket("s3:PutReplicationConfiguration")),
        elsewhere::<DeleteBucketWebsite, _, _>(bucket_configurations::delete_website).acts_on(policy::bucket("s3:DeleteBucketWebsite")),
        elsewhere::<GetBucketAbac, _, _>(bucket_configurations::get_abac).acts_on(policy::bucket("s3:GetBucketAbac")),
        elsewhere::<GetBucketAccelerateConfiguration, _, _>(bucket_configurations::get_accelerate).acts_on(policy::bucket("s3:GetAccelerateConfiguration")),
        elsewhere::<GetBucketAnalyticsConfiguration, _, _>(bucket_configurations::analytics::get).acts_on(policy::bucket("s3:GetAnalyticsConfiguration")),
        elsewhere::<GetBucketIntelligentTieringConfiguration, _, _>(bucket_configurations::tiering::get).acts_on(policy::bucket("s3:GetIntelligentTieringConfiguration")),
        Operation::new::<GetBucketInventoryConfiguration, _, _, _>(bucket_configurations::inventory::get).acts_on(policy::bucket("s3:GetInventoryConfiguration")),
        Operation::new::<GetBucketLifecycleConfiguration, _, _, _>(lifecycle::get).acts_on(policy::bucket("s3:GetLifecycleConfiguration")),
        elsewhere::<GetBucketLogging, _, _>(bucket_configurations::get_logging).acts_on(policy::bucket("s3:GetBucketLogging")),
        Operation::new::<GetBucketMetricsConfiguration, _, _, _>(bucket_configurations::metrics::get).acts_on(policy::bucket("s3:GetMetricsConfiguration")),
        elsewhere::<GetBucketReplication, _, _>(replication::get).acts_on(policy::bucket("s3:GetReplicationConfiguration")),
        elsewhere::<GetBucketRequestPayment, _, _>(bucket_configurations::get_request_payment).acts_on(policy::bucket("s3:GetBucketRequestPayment")),
        elsewhere::<GetBucketWebsite, _, _>(bucket_configurations::get_website).acts_on(policy::bucket("s3:GetBucketWebsite")),
        elsewhere::<GetObjectLockConfiguration, _, _>(object_lock::get_configuration).acts_on(policy::bucket("s3:GetBucketObjectLockConfiguration")),
        elsewhere::<ListBucketAnalyticsConfigurations, _, _>(bucket_configurations::analytics::list).acts_on(policy::bucket("s3:GetAnalyticsConfiguration")),
        elsewhere::<ListBucketIntelligentTieringConfigurations, _, _>(bucket_configurations::tiering::list).acts_on(policy::bucket("s3:GetIntelligentTieringConfiguration")),
        Operation::new::<ListBucketInventoryConfigurations, _, _, _>(bucket_configurations::inventory::list).acts_on(policy::bucket("s3:GetInventoryConfiguration")),
        Operation::new::<ListBucketMetricsConfigurations, _, _, _>(bucket_configurations::metrics::list).acts_on(policy::bucket("s3:GetMetricsConfiguration")),
        elsewhere::<PutBucketAbac, _, _>(bucket_configurations::put_abac).acts_on(policy::bucket("s3:PutBucketAbac")),
        elsewhere::<PutBucketAccelerateConfiguration, _, _>(bucket_configurations::put_accelerate).acts_on(policy::bucket("s3:PutAccelerateConfiguration")),
        elsewhere::<PutBucketAcl, _, _>(acls::put_bucket).acts_on(policy::bucket("s3:PutBucketAcl")),
        elsewhere::<PutBucketAnalyticsConfiguration, _, _>(bucket_configurations::analytics::put).acts_on(policy::bucket("s3:PutAnalyticsConfiguration")),
        elsewhere::<PutBucketIntelligentTieringConfiguration, _, _>(bucket_configurations::tiering::put).acts_on(policy::bucket("s3:PutIntelligentTieringConfiguration")),
        Operation::new::<PutBucketInventoryConfiguration, _, _, _>(bucket_configurations::inventory::put).acts_on(policy::bucket("s3:PutInventoryConfiguration")),
        Operation::new::<PutBucketLifecycleConfiguration, _, _, _>(lifecycle::put).acts_on(policy::bucket("s3:PutLifecycleConfiguration")),
        elsewhere::<PutBucketLogging, _, _>(bucket_configurations::put_logging).acts_on(policy::bucket("s3:PutBucketLogging")),
        Operation::new::<PutBucketMetricsConfiguration, _, _, _>(bucket_configurations::metrics::put).acts_on(policy::bucket("s3:PutMetricsConfiguration")),
        elsewhere::<PutBucketReplication, _, _>(replication::put).passes_role("s3.amazonaws.com", |input| Some(&input.replication_configuration.role)).acts_on(policy::bucket("s3:PutReplicationConfiguration")),
        elsewhere::<PutBucketRequestPayment, _, _>(bucket_configurations::put_request_payment).acts_on(policy::bucket("s3:PutBucketRequestPayment")),
        elsewhere::<PutBucketWebsite, _, _>(bucket_configurations::put_website).acts_on(policy::bucket("s3:PutBucketWebsite")),
        elsewhere::<PutObjectLockConfiguration, _, _>(object_lock::put_configuration).acts_on(policy::bucket("s3:PutBucketObjectLockConfiguration")),
    ]
}

#[rustfmt::skip]
fn of_object_settings() -> Vec<Operation> {
    vec![
        elsewhere::<GetObjectAcl, _, _>(acls::get_object).acts_on(policy::version("s3:GetObjectAcl", "s3:GetObjectVersionAcl")),
        elsewhere::<GetObjectLegalHold, _, _>(object_lock::get_legal_hold).acts_on(policy::object("s3:GetObjectLegalHold")),
        elsewhere::<GetObjectRetention, _, _>(object_lock::get_retention).acts_on(policy::object("s3:GetObjectRetention")),
        elsewhere::<GetObjectTorrent, _, _>(torrent::get).acts_on(policy::object("s3:GetObjectTorrent")),
        elsewhere::<PutObjectAcl, _, _>(acls::put_object).acts_on(policy::version("s3:PutObjectAcl", "s3:PutObjectVersionAcl")),
        elsewhere::<PutObjectLegalHold, _, _>(object_lock::put_legal_hold).acts_on(policy::object("s3:PutObjectLegalHold")),
        elsewhere::<PutObjectRetention, _, _>(object_lock::put_retention).acts_on(policy::put_retention),
        elsewhere::<RestoreObject, _, _>(restore_object::restore).acts_on(policy::object("s3:RestoreObject")),
        elsewhere::<UpdateObjectEncryption, _, _>(object_encryption::update).acts_on(policy::update_encryption),
        elsewhere::<SelectObjectContent, _, _>(select::select).acts_on(policy::object("s3:GetObject")),
    ]
}

#[rustfmt::skip]
fn of_objects() -> Vec<Operation> {
    vec![
        Operation::new::<CopyObject, _, _, _>(copy_object::copy_object).acts_on(policy::copy_object),
        Operation::new::<DeleteObject, _, _, _>(delete_object::delete_object).acts_on(policy::delete_object),
        Operation::new::<DeleteObjects, _, _, _>(delete_object::delete_objects).acts_on(policy::delete_objects),
        elsewhere::<DeleteObjectTagging, _, _>(object_tagging::delete).acts_on(policy::version("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging")),
        Operation::new::<GetObject, _, _, _>(get_object::get_object).acts_on(policy::version("s3:GetObject", "s3:GetObjectVersion")),
        Operation::new::<GetObjectAttributes, _, _, _>(object_attributes::get).acts_on(policy::attributes),
        elsewhere::<GetObjectTagging, _, _>(object_tagging::get).acts_on(policy::version("s3:GetObjectTagging", "s3:GetObjectVersionTagging")),
        Operation::new::<HeadObject, _, _, _>(get_object::head_object).acts_on(policy::version("s3:GetObject", "s3:GetObjectVersion")),
        Operation::new::<PutObject, _, _, _>(put_object::put_object).acts_on(policy::put_object),
        Operation::new::<RenameObject, _, _, _>(rename_object::rename_object).acts_on(policy::object("s3:RenameObject")),
        elsewhere::<PutObjectTagging, _, _>(object_tagging::put).acts_on(policy::put_tagging),
    ]
}

#[rustfmt::skip]
fn of_uploads() -> Vec<Operation> {
    vec![
        Operation::new::<AbortMultipartUpload, _, _, _>(uploads::abort).acts_on(policy::upload("s3:AbortMultipartUpload")),
        Operation::new::<CompleteMultipartUpload, _, _, _>(complete_upload::complete).acts_on(policy::object("s3:PutObject")),
        Operation::new::<CreateMultipartUpload, _, _, _>(uploads::create).acts_on(policy::begin_upload),
        Operation::new::<ListMultipartUploads, _, _, _>(uploads::list).acts_on(policy::bucket("s3:ListBucketMultipartUploads")),
        Operation::new::<ListParts, _, _, _>(list_parts::list_parts).acts_on(policy::upload("s3:ListMultipartUploadParts")),
        Operation::new::<UploadPart, _, _, _>(upload_part::upload_part).acts_on(policy::object("s3:PutObject")),
        Operation::new::<UploadPartCopy, _, _, _>(upload_part::upload_part_copy).acts_on(policy::copy_part),
    ]
}

/// The operations of S3 Control, which are of whole accounts and of access points.
#[rustfmt::skip]
fn of_control() -> Vec<Operation> {
    vec![
        Operation::new::<control::CreateAccessPoint, _, _, _>(access_points::create).acts_on(policy::access_point("s3:CreateAccessPoint")),
        Operation::new::<control::DeleteAccessPoint, _, _, _>(access_points::delete).acts_on(policy::access_point("s3:DeleteAccessPoint")),
        Operation::new::<control::DeleteAccessPointPolicy, _, _, _>(access_points::delete_policy).acts_on(policy::access_point("s3:DeleteAccessPointPolicy")),
        Operation::new::<control::DeletePublicAccessBlock, _, _, _>(account::delete).as_action("s3:PutAccountPublicAccessBlock").acts_on_everything(),
        Operation::new::<control::GetAccessPoint, _, _, _>(access_points::get).acts_on(policy::access_point("s3:GetAccessPoint")),
        Operation::new::<control::GetAccessPointPolicy, _, _, _>(access_points::get_policy).acts_on(policy::access_point("s3:GetAccessPointPolicy")),
        Operation::new::<control::GetAccessPointPolicyStatus, _, _, _>(access_points::policy_status).acts_on(policy::access_point("s3:GetAccessPointPolicyStatus")),
        Operation::new::<control::GetPublicAccessBlock, _, _, _>(account::get).as_action("s3:GetAccountPublicAccessBlock").acts_on_everything(),
        Operation::new::<control::ListAccessPoints, _, _, _>(access_points::list).as_action("s3:ListAccessPoints").acts_on_everything(),
        Operation::new::<control::ListTagsForResource, _, _, _>(resource_tags::list).acts_on(policy::tagged("s3:ListTagsForResource")),
        Operation::new::<control::PutAccessPointPolicy, _, _, _>(access_points::put_policy).acts_on(policy::access_point("s3:PutAccessPointPolicy")),
        Operation::new::<control::PutPublicAccessBlock, _, _, _>(account::put).as_action("s3:PutAccountPublicAccessBlock").acts_on_everything(),
        Operation::new::<control::TagResource, _, _, _>(resource_tags::tag).acts_on(policy::tagged("s3:TagResource")),
        Operation::new::<control::UntagResource, _, _, _>(resource_tags::untag).acts_on(policy::tagged("s3:UntagResource")),
    ]
}

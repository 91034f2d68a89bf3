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
use crate::rules::directory_buckets::{is_named_so, serves};
use model_s3::operations::*;
use model_s3control::operations as control;
use schema::OperationModel;
use service::{Ctx, Operation, Ungated};
use std::sync::Arc;

/// An operation on a bucket. Directory buckets refuse those that they do not have, however permissions are judged.
fn of_bucket<M, F, R>(handler: F) -> Ungated<M>
where
    M: OperationModel,
    M::Input: NamesBucket,
    F: Fn(Ctx, Arc<M::Input>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<M::Output, S3Error>> + Send + 'static,
{
    let everywhere = serves(M::SHAPE.name);
    Operation::new::<M, _, _, _>(move |ctx, input: Arc<M::Input>| {
        let served = everywhere || !is_named_so(input.bucket());
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
        of_bucket::<CreateSession, _, _>(create_session::create).acts_on(create_session::demands),
        Operation::new::<ListDirectoryBuckets, _, _, _>(directory_buckets::list).as_action("s3express:ListAllMyDirectoryBuckets").acts_on_everything(),
        of_bucket::<DeleteBucket, _, _>(buckets::delete).acts_on(policy::bucket("s3:DeleteBucket")),
        of_bucket::<GetBucketLocation, _, _>(buckets::location_of).acts_on(policy::bucket("s3:GetBucketLocation")),
        of_bucket::<HeadBucket, _, _>(buckets::head).acts_on(policy::bucket("s3:ListBucket")),
        Operation::new::<ListBuckets, _, _, _>(buckets::list).as_action("s3:ListAllMyBuckets").acts_on_everything(),
        of_bucket::<ListObjectVersions, _, _>(list_versions::list_versions).acts_on(policy::list_versions),
        of_bucket::<Paged<ListObjects>, _, _>(list_objects::list_objects).acts_on(policy::list_objects),
        of_bucket::<Paged<ListObjectsV2>, _, _>(list_objects::list_objects_v2).acts_on(policy::list_objects_v2),
    ]
}

#[rustfmt::skip]
fn of_settings() -> Vec<Operation> {
    vec![
        of_bucket::<DeleteBucketCors, _, _>(bucket_cors::delete).acts_on(policy::bucket("s3:PutBucketCORS")),
        of_bucket::<DeleteBucketEncryption, _, _>(bucket_settings::delete_encryption).acts_on(policy::bucket("s3:PutEncryptionConfiguration")),
        of_bucket::<DeleteBucketOwnershipControls, _, _>(bucket_settings::delete_ownership).acts_on(policy::bucket("s3:PutBucketOwnershipControls")),
        of_bucket::<DeleteBucketPolicy, _, _>(bucket_policy::delete).acts_on(policy::bucket("s3:DeleteBucketPolicy")),
        of_bucket::<DeleteBucketTagging, _, _>(bucket_tagging::delete).acts_on(policy::bucket("s3:PutBucketTagging")),
        of_bucket::<DeletePublicAccessBlock, _, _>(bucket_settings::delete_public_access).acts_on(policy::bucket("s3:PutBucketPublicAccessBlock")),
        of_bucket::<GetBucketAcl, _, _>(acls::get_bucket).acts_on(policy::bucket("s3:GetBucketAcl")),
        of_bucket::<GetBucketCors, _, _>(bucket_cors::get).acts_on(policy::bucket("s3:GetBucketCORS")),
        of_bucket::<GetBucketEncryption, _, _>(bucket_settings::get_encryption).acts_on(policy::bucket("s3:GetEncryptionConfiguration")),
        of_bucket::<GetBucketNotificationConfiguration, _, _>(notifications::get).acts_on(policy::bucket("s3:GetBucketNotification")),
        of_bucket::<GetBucketOwnershipControls, _, _>(bucket_settings::get_ownership).acts_on(policy::bucket("s3:GetBucketOwnershipControls")),
        of_bucket::<GetBucketPolicy, _, _>(bucket_policy::get).acts_on(policy::bucket("s3:GetBucketPolicy")),
        of_bucket::<GetBucketPolicyStatus, _, _>(bucket_policy::status).acts_on(policy::bucket("s3:GetBucketPolicyStatus")),
        of_bucket::<GetBucketTagging, _, _>(bucket_tagging::get).acts_on(policy::bucket("s3:GetBucketTagging")),
        of_bucket::<GetBucketVersioning, _, _>(bucket_settings::get_versioning).acts_on(policy::bucket("s3:GetBucketVersioning")),
        of_bucket::<GetPublicAccessBlock, _, _>(bucket_settings::get_public_access).acts_on(policy::bucket("s3:GetBucketPublicAccessBlock")),
        of_bucket::<PutBucketCors, _, _>(bucket_cors::put).acts_on(policy::bucket("s3:PutBucketCORS")),
        of_bucket::<PutBucketEncryption, _, _>(bucket_settings::put_encryption).acts_on(policy::bucket("s3:PutEncryptionConfiguration")),
        of_bucket::<PutBucketNotificationConfiguration, _, _>(notifications::put).acts_on(policy::bucket("s3:PutBucketNotification")),
        of_bucket::<PutBucketOwnershipControls, _, _>(bucket_settings::put_ownership).acts_on(policy::bucket("s3:PutBucketOwnershipControls")),
        of_bucket::<PutBucketPolicy, _, _>(bucket_policy::put).acts_on(policy::bucket("s3:PutBucketPolicy")),
        of_bucket::<PutBucketTagging, _, _>(bucket_tagging::put).acts_on(policy::bucket("s3:PutBucketTagging")),
        of_bucket::<PutBucketVersioning, _, _>(bucket_settings::put_versioning).acts_on(policy::bucket("s3:PutBucketVersioning")),
        of_bucket::<PutPublicAccessBlock, _, _>(bucket_settings::put_public_access).acts_on(policy::bucket("s3:PutBucketPublicAccessBlock")),
    ]
}

#[rustfmt::skip]
fn of_configurations() -> Vec<Operation> {
    vec![
        of_bucket::<DeleteBucketAnalyticsConfiguration, _, _>(bucket_configurations::analytics::delete).acts_on(policy::bucket("s3:PutAnalyticsConfiguration")),
        of_bucket::<DeleteBucketIntelligentTieringConfiguration, _, _>(bucket_configurations::tiering::delete).acts_on(policy::bucket("s3:PutIntelligentTieringConfiguration")),
        of_bucket::<DeleteBucketInventoryConfiguration, _, _>(bucket_configurations::inventory::delete).acts_on(policy::bucket("s3:PutInventoryConfiguration")),
        of_bucket::<DeleteBucketLifecycle, _, _>(lifecycle::delete).acts_on(policy::bucket("s3:PutLifecycleConfiguration")),
        of_bucket::<DeleteBucketMetricsConfiguration, _, _>(bucket_configurations::metrics::delete).acts_on(policy::bucket("s3:PutMetricsConfiguration")),
        of_bucket::<DeleteBucketReplication, _, _>(replication::delete).acts_on(policy::bucket("s3:PutReplicationConfiguration")),
        of_bucket::<DeleteBucketWebsite, _, _>(bucket_configurations::delete_website).acts_on(policy::bucket("s3:DeleteBucketWebsite")),
        of_bucket::<GetBucketAbac, _, _>(bucket_configurations::get_abac).acts_on(policy::bucket("s3:GetBucketAbac")),
        of_bucket::<GetBucketAccelerateConfiguration, _, _>(bucket_configurations::get_accelerate).acts_on(policy::bucket("s3:GetAccelerateConfiguration")),
        of_bucket::<GetBucketAnalyticsConfiguration, _, _>(bucket_configurations::analytics::get).acts_on(policy::bucket("s3:GetAnalyticsConfiguration")),
        of_bucket::<GetBucketIntelligentTieringConfiguration, _, _>(bucket_configurations::tiering::get).acts_on(policy::bucket("s3:GetIntelligentTieringConfiguration")),
        of_bucket::<GetBucketInventoryConfiguration, _, _>(bucket_configurations::inventory::get).acts_on(policy::bucket("s3:GetInventoryConfiguration")),
        of_bucket::<GetBucketLifecycleConfiguration, _, _>(lifecycle::get).acts_on(policy::bucket("s3:GetLifecycleConfiguration")),
        of_bucket::<GetBucketLogging, _, _>(bucket_configurations::get_logging).acts_on(policy::bucket("s3:GetBucketLogging")),
        of_bucket::<GetBucketMetricsConfiguration, _, _>(bucket_configurations::metrics::get).acts_on(policy::bucket("s3:GetMetricsConfiguration")),
        of_bucket::<GetBucketReplication, _, _>(replication::get).acts_on(policy::bucket("s3:GetReplicationConfiguration")),
        of_bucket::<GetBucketRequestPayment, _, _>(bucket_configurations::get_request_payment).acts_on(policy::bucket("s3:GetBucketRequestPayment")),
        of_bucket::<GetBucketWebsite, _, _>(bucket_configurations::get_website).acts_on(policy::bucket("s3:GetBucketWebsite")),
        of_bucket::<GetObjectLockConfiguration, _, _>(object_lock::get_configuration).acts_on(policy::bucket("s3:GetBucketObjectLockConfiguration")),
        of_bucket::<ListBucketAnalyticsConfigurations, _, _>(bucket_configurations::analytics::list).acts_on(policy::bucket("s3:GetAnalyticsConfiguration")),
        of_bucket::<ListBucketIntelligentTieringConfigurations, _, _>(bucket_configurations::tiering::list).acts_on(policy::bucket("s3:GetIntelligentTieringConfiguration")),
        of_bucket::<ListBucketInventoryConfigurations, _, _>(bucket_configurations::inventory::list).acts_on(policy::bucket("s3:GetInventoryConfiguration")),
        of_bucket::<ListBucketMetricsConfigurations, _, _>(bucket_configurations::metrics::list).acts_on(policy::bucket("s3:GetMetricsConfiguration")),
        of_bucket::<PutBucketAbac, _, _>(bucket_configurations::put_abac).acts_on(policy::bucket("s3:PutBucketAbac")),
        of_bucket::<PutBucketAccelerateConfiguration, _, _>(bucket_configurations::put_accelerate).acts_on(policy::bucket("s3:PutAccelerateConfiguration")),
        of_bucket::<PutBucketAcl, _, _>(acls::put_bucket).acts_on(policy::bucket("s3:PutBucketAcl")),
        of_bucket::<PutBucketAnalyticsConfiguration, _, _>(bucket_configurations::analytics::put).acts_on(policy::bucket("s3:PutAnalyticsConfiguration")),
        of_bucket::<PutBucketIntelligentTieringConfiguration, _, _>(bucket_configurations::tiering::put).acts_on(policy::bucket("s3:PutIntelligentTieringConfiguration")),
        of_bucket::<PutBucketInventoryConfiguration, _, _>(bucket_configurations::inventory::put).acts_on(policy::bucket("s3:PutInventoryConfiguration")),
        of_bucket::<PutBucketLifecycleConfiguration, _, _>(lifecycle::put).acts_on(policy::bucket("s3:PutLifecycleConfiguration")),
        of_bucket::<PutBucketLogging, _, _>(bucket_configurations::put_logging).acts_on(policy::bucket("s3:PutBucketLogging")),
        of_bucket::<PutBucketMetricsConfiguration, _, _>(bucket_configurations::metrics::put).acts_on(policy::bucket("s3:PutMetricsConfiguration")),
        of_bucket::<PutBucketReplication, _, _>(replication::put).passes_role("s3.amazonaws.com", |input| Some(&input.replication_configuration.role)).acts_on(policy::bucket("s3:PutReplicationConfiguration")),
        of_bucket::<PutBucketRequestPayment, _, _>(bucket_configurations::put_request_payment).acts_on(policy::bucket("s3:PutBucketRequestPayment")),
        of_bucket::<PutBucketWebsite, _, _>(bucket_configurations::put_website).acts_on(policy::bucket("s3:PutBucketWebsite")),
        of_bucket::<PutObjectLockConfiguration, _, _>(object_lock::put_configuration).acts_on(policy::bucket("s3:PutBucketObjectLockConfiguration")),
    ]
}

#[rustfmt::skip]
fn of_object_settings() -> Vec<Operation> {
    vec![
        of_bucket::<GetObjectAcl, _, _>(acls::get_object).acts_on(policy::version("s3:GetObjectAcl", "s3:GetObjectVersionAcl")),
        of_bucket::<GetObjectLegalHold, _, _>(object_lock::get_legal_hold).acts_on(policy::object("s3:GetObjectLegalHold")),
        of_bucket::<GetObjectRetention, _, _>(object_lock::get_retention).acts_on(policy::object("s3:GetObjectRetention")),
        of_bucket::<GetObjectTorrent, _, _>(torrent::get).acts_on(policy::object("s3:GetObjectTorrent")),
        of_bucket::<PutObjectAcl, _, _>(acls::put_object).acts_on(policy::version("s3:PutObjectAcl", "s3:PutObjectVersionAcl")),
        of_bucket::<PutObjectLegalHold, _, _>(object_lock::put_legal_hold).acts_on(policy::object("s3:PutObjectLegalHold")),
        of_bucket::<PutObjectRetention, _, _>(object_lock::put_retention).acts_on(policy::put_retention),
        of_bucket::<RestoreObject, _, _>(restore_object::restore).acts_on(policy::object("s3:RestoreObject")),
        of_bucket::<UpdateObjectEncryption, _, _>(object_encryption::update).acts_on(policy::update_encryption),
        of_bucket::<SelectObjectContent, _, _>(select::select).acts_on(policy::object("s3:GetObject")),
    ]
}

#[rustfmt::skip]
fn of_objects() -> Vec<Operation> {
    vec![
        of_bucket::<CopyObject, _, _>(copy_object::copy_object).acts_on(policy::copy_object),
        of_bucket::<DeleteObject, _, _>(delete_object::delete_object).acts_on(policy::delete_object),
        of_bucket::<DeleteObjects, _, _>(delete_object::delete_objects).acts_on(policy::delete_objects),
        of_bucket::<DeleteObjectTagging, _, _>(object_tagging::delete).acts_on(policy::version("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging")),
        of_bucket::<GetObject, _, _>(get_object::get_object).acts_on(policy::version("s3:GetObject", "s3:GetObjectVersion")),
        of_bucket::<GetObjectAttributes, _, _>(object_attributes::get).acts_on(policy::attributes),
        of_bucket::<GetObjectTagging, _, _>(object_tagging::get).acts_on(policy::version("s3:GetObjectTagging", "s3:GetObjectVersionTagging")),
        of_bucket::<HeadObject, _, _>(get_object::head_object).acts_on(policy::version("s3:GetObject", "s3:GetObjectVersion")),
        of_bucket::<PutObject, _, _>(put_object::put_object).acts_on(policy::put_object),
        of_bucket::<RenameObject, _, _>(rename_object::rename_object).acts_on(policy::object("s3:RenameObject")),
        of_bucket::<PutObjectTagging, _, _>(object_tagging::put).acts_on(policy::put_tagging),
    ]
}

#[rustfmt::skip]
fn of_uploads() -> Vec<Operation> {
    vec![
        of_bucket::<AbortMultipartUpload, _, _>(uploads::abort).acts_on(policy::upload("s3:AbortMultipartUpload")),
        of_bucket::<CompleteMultipartUpload, _, _>(complete_upload::complete).acts_on(policy::object("s3:PutObject")),
        of_bucket::<CreateMultipartUpload, _, _>(uploads::create).acts_on(policy::begin_upload),
        of_bucket::<ListMultipartUploads, _, _>(uploads::list).acts_on(policy::bucket("s3:ListBucketMultipartUploads")),
        of_bucket::<ListParts, _, _>(list_parts::list_parts).acts_on(policy::upload("s3:ListMultipartUploadParts")),
        of_bucket::<UploadPart, _, _>(upload_part::upload_part).acts_on(policy::object("s3:PutObject")),
        of_bucket::<UploadPartCopy, _, _>(upload_part::upload_part_copy).acts_on(policy::copy_part),
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

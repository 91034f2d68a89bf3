//! The operations of S3 that are served, one line each with the permission it needs.

mod bucket_cors;
mod bucket_defaults;
mod bucket_policy;
mod bucket_settings;
mod bucket_tagging;
mod buckets;
mod complete_upload;
mod copy_object;
mod delete_object;
mod get_object;
mod list_objects;
mod list_parts;
mod list_versions;
mod notifications;
mod object_attributes;
mod object_tagging;
mod put_object;
mod upload_part;
mod uploads;

use crate::policy;
use model_s3::operations::*;
use service::Operation;

/// All of them.
pub fn all() -> Vec<Operation> {
    [of_buckets(), of_settings(), of_objects(), of_uploads()].concat()
}

#[rustfmt::skip]
fn of_buckets() -> Vec<Operation> {
    vec![
        Operation::new::<CreateBucket, _, _, _>(buckets::create).acts_on(policy::create_bucket),
        Operation::new::<DeleteBucket, _, _, _>(buckets::delete).acts_on(policy::bucket("s3:DeleteBucket")),
        Operation::new::<GetBucketLocation, _, _, _>(buckets::location_of).acts_on(policy::bucket("s3:GetBucketLocation")),
        Operation::new::<HeadBucket, _, _, _>(buckets::head).acts_on(policy::bucket("s3:ListBucket")),
        Operation::new::<ListBuckets, _, _, _>(buckets::list).as_action("s3:ListAllMyBuckets").acts_on_everything(),
        Operation::new::<ListObjectVersions, _, _, _>(list_versions::list_versions).acts_on(policy::list_versions),
        Operation::new::<ListObjects, _, _, _>(list_objects::list_objects).acts_on(policy::list_objects),
        Operation::new::<ListObjectsV2, _, _, _>(list_objects::list_objects_v2).acts_on(policy::list_objects_v2),
    ]
}

#[rustfmt::skip]
fn of_settings() -> Vec<Operation> {
    vec![
        Operation::new::<DeleteBucketCors, _, _, _>(bucket_cors::delete).acts_on(policy::bucket("s3:PutBucketCORS")),
        Operation::new::<DeleteBucketEncryption, _, _, _>(bucket_settings::delete_encryption).acts_on(policy::bucket("s3:PutEncryptionConfiguration")),
        Operation::new::<DeleteBucketOwnershipControls, _, _, _>(bucket_settings::delete_ownership).acts_on(policy::bucket("s3:PutBucketOwnershipControls")),
        Operation::new::<DeleteBucketPolicy, _, _, _>(bucket_policy::delete).acts_on(policy::bucket("s3:DeleteBucketPolicy")),
        Operation::new::<DeleteBucketTagging, _, _, _>(bucket_tagging::delete).acts_on(policy::bucket("s3:PutBucketTagging")),
        Operation::new::<DeletePublicAccessBlock, _, _, _>(bucket_settings::delete_public_access).acts_on(policy::bucket("s3:PutBucketPublicAccessBlock")),
        Operation::new::<GetBucketAccelerateConfiguration, _, _, _>(bucket_defaults::get_accelerate).acts_on(policy::bucket("s3:GetAccelerateConfiguration")),
        Operation::new::<GetBucketAcl, _, _, _>(bucket_defaults::get_acl).acts_on(policy::bucket("s3:GetBucketAcl")),
        Operation::new::<GetBucketCors, _, _, _>(bucket_cors::get).acts_on(policy::bucket("s3:GetBucketCORS")),
        Operation::new::<GetBucketEncryption, _, _, _>(bucket_settings::get_encryption).acts_on(policy::bucket("s3:GetEncryptionConfiguration")),
        Operation::new::<GetBucketLifecycleConfiguration, _, _, _>(bucket_defaults::get_lifecycle).acts_on(policy::bucket("s3:GetLifecycleConfiguration")),
        Operation::new::<GetBucketLogging, _, _, _>(bucket_defaults::get_logging).acts_on(policy::bucket("s3:GetBucketLogging")),
        Operation::new::<GetBucketNotificationConfiguration, _, _, _>(notifications::get).acts_on(policy::bucket("s3:GetBucketNotification")),
        Operation::new::<GetBucketOwnershipControls, _, _, _>(bucket_settings::get_ownership).acts_on(policy::bucket("s3:GetBucketOwnershipControls")),
        Operation::new::<GetBucketPolicy, _, _, _>(bucket_policy::get).acts_on(policy::bucket("s3:GetBucketPolicy")),
        Operation::new::<GetBucketPolicyStatus, _, _, _>(bucket_policy::status).acts_on(policy::bucket("s3:GetBucketPolicyStatus")),
        Operation::new::<GetBucketReplication, _, _, _>(bucket_defaults::get_replication).acts_on(policy::bucket("s3:GetReplicationConfiguration")),
        Operation::new::<GetBucketRequestPayment, _, _, _>(bucket_defaults::get_request_payment).acts_on(policy::bucket("s3:GetBucketRequestPayment")),
        Operation::new::<GetBucketTagging, _, _, _>(bucket_tagging::get).acts_on(policy::bucket("s3:GetBucketTagging")),
        Operation::new::<GetBucketVersioning, _, _, _>(bucket_settings::get_versioning).acts_on(policy::bucket("s3:GetBucketVersioning")),
        Operation::new::<GetBucketWebsite, _, _, _>(bucket_defaults::get_website).acts_on(policy::bucket("s3:GetBucketWebsite")),
        Operation::new::<GetObjectLockConfiguration, _, _, _>(bucket_defaults::get_object_lock).acts_on(policy::bucket("s3:GetBucketObjectLockConfiguration")),
        Operation::new::<GetPublicAccessBlock, _, _, _>(bucket_settings::get_public_access).acts_on(policy::bucket("s3:GetBucketPublicAccessBlock")),
        Operation::new::<PutBucketCors, _, _, _>(bucket_cors::put).acts_on(policy::bucket("s3:PutBucketCORS")),
        Operation::new::<PutBucketEncryption, _, _, _>(bucket_settings::put_encryption).acts_on(policy::bucket("s3:PutEncryptionConfiguration")),
        Operation::new::<PutBucketNotificationConfiguration, _, _, _>(notifications::put).acts_on(policy::bucket("s3:PutBucketNotification")),
        Operation::new::<PutBucketOwnershipControls, _, _, _>(bucket_settings::put_ownership).acts_on(policy::bucket("s3:PutBucketOwnershipControls")),
        Operation::new::<PutBucketPolicy, _, _, _>(bucket_policy::put).acts_on(policy::bucket("s3:PutBucketPolicy")),
        Operation::new::<PutBucketTagging, _, _, _>(bucket_tagging::put).acts_on(policy::bucket("s3:PutBucketTagging")),
        Operation::new::<PutBucketVersioning, _, _, _>(bucket_settings::put_versioning).acts_on(policy::bucket("s3:PutBucketVersioning")),
        Operation::new::<PutPublicAccessBlock, _, _, _>(bucket_settings::put_public_access).acts_on(policy::bucket("s3:PutBucketPublicAccessBlock")),
    ]
}

#[rustfmt::skip]
fn of_objects() -> Vec<Operation> {
    vec![
        Operation::new::<CopyObject, _, _, _>(copy_object::copy_object).acts_on(policy::copy_object),
        Operation::new::<DeleteObject, _, _, _>(delete_object::delete_object).acts_on(policy::version("s3:DeleteObject", "s3:DeleteObjectVersion")),
        Operation::new::<DeleteObjects, _, _, _>(delete_object::delete_objects).acts_on(policy::delete_objects),
        Operation::new::<DeleteObjectTagging, _, _, _>(object_tagging::delete).acts_on(policy::version("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging")),
        Operation::new::<GetObject, _, _, _>(get_object::get_object).acts_on(policy::version("s3:GetObject", "s3:GetObjectVersion")),
        Operation::new::<GetObjectAttributes, _, _, _>(object_attributes::get).acts_on(policy::attributes),
        Operation::new::<GetObjectTagging, _, _, _>(object_tagging::get).acts_on(policy::version("s3:GetObjectTagging", "s3:GetObjectVersionTagging")),
        Operation::new::<HeadObject, _, _, _>(get_object::head_object).acts_on(policy::version("s3:GetObject", "s3:GetObjectVersion")),
        Operation::new::<PutObject, _, _, _>(put_object::put_object).acts_on(policy::put_object),
        Operation::new::<PutObjectTagging, _, _, _>(object_tagging::put).acts_on(policy::version("s3:PutObjectTagging", "s3:PutObjectVersionTagging")),
    ]
}

#[rustfmt::skip]
fn of_uploads() -> Vec<Operation> {
    vec![
        Operation::new::<AbortMultipartUpload, _, _, _>(uploads::abort).acts_on(policy::object("s3:AbortMultipartUpload")),
        Operation::new::<CompleteMultipartUpload, _, _, _>(complete_upload::complete).acts_on(policy::object("s3:PutObject")),
        Operation::new::<CreateMultipartUpload, _, _, _>(uploads::create).acts_on(policy::begin_upload),
        Operation::new::<ListMultipartUploads, _, _, _>(uploads::list).acts_on(policy::bucket("s3:ListBucketMultipartUploads")),
        Operation::new::<ListParts, _, _, _>(list_parts::list_parts).acts_on(policy::object("s3:ListMultipartUploadParts")),
        Operation::new::<UploadPart, _, _, _>(upload_part::upload_part).acts_on(policy::object("s3:PutObject")),
        Operation::new::<UploadPartCopy, _, _, _>(upload_part::upload_part_copy).acts_on(policy::copy_part),
    ]
}

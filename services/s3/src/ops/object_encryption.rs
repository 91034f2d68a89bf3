//! UpdateObjectEncryption: another key, or SSE-KMS instead of SSE-S3, without the bytes being moved. All else that is known
//! of the object stays, also when it was changed.
//! Messages: API Reference, UpdateObjectEncryption, "Errors".

use crate::errors::S3Error;
use crate::lookup;
use crate::policy::unless_hidden;
use crate::rules::locks;
use crate::state::buckets::Bucket;
use crate::state::{Encryption, ObjectRecord, objects};
use model_s3 as api;
use names::{Arn, Timestamp};
use service::Ctx;
use std::sync::Arc;
use store::Tx;

const NO_TYPE: &str = "Requests that modify an object encryption configuration require a valid new encryption type. Valid \
                       values are SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then \
                       try again.";
const NO_KEY: &str = "Requests that modify an object's encryption type to SSE-KMS require an Amazon Web Services KMS key \
                      Amazon Resource Name (ARN). Modify the request to specify a KMS key ARN, and then try again.";
const NO_ARN: &str = "Requests that modify an object's encryption type to SSE-KMS require a valid Amazon Web Services KMS \
                      key Amazon Resource Name (ARN). Confirm that you have a correctly formatted KMS key ARN in your \
                      request, and then try again.";
const OTHER_SOURCE: &str = "The UpdateObjectEncryption operation doesn't support source objects with the encryption type \
                            DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.";
const OTHER_ACCOUNT: &str = "The Amazon Web Services KMS key in the request must be owned by the same account as the \
                             bucket. Modify the request to specify a KMS key from the same account, and then try again.";
const LOCKED: &str = "The encryption type for the specified object can’t be updated because that object is protected by S3 \
                      Object Lock. If the object has a governance-mode retention period or a legal hold, you must first \
                      remove the Object Lock status on the object before you issue your UpdateObjectEncryption request. You \
                      can't use the UpdateObjectEncryption operation with objects that have an Object Lock compliance mode \
                      retention period applied to them.";

fn invalid(message: &str) -> S3Error {
    S3Error::InvalidRequest { message: message.to_owned() }
}

/// The encryption that a request asks for.
fn asked(input: &api::UpdateObjectEncryptionInput) -> Result<(Encryption, Arn), S3Error> {
    let api::ObjectEncryption::SSEKMS(kms) = &input.object_encryption else { return Err(invalid(NO_TYPE)) };
    if kms.kms_key_arn.is_empty() {
        return Err(invalid(NO_KEY));
    }
    let key: Option<Arn> = kms.kms_key_arn.parse().ok();
    let key = key.filter(|arn| arn.service() == "kms" && arn.account().is_some() && arn.region().is_some());
    let is_key = |arn: &Arn| arn.resource().strip_prefix("key/").is_some_and(|id| !id.is_empty());
    let key = key.filter(is_key).ok_or_else(|| invalid(NO_ARN))?;
    let bucket_key = kms.bucket_key_enabled == Some(true);
    let encryption =
        Encryption { algorithm: "aws:kms".to_owned(), kms_key: Some(key.to_string()), bucket_key };
    Ok((encryption, key))
}

/// What keeps an object's encryption as it is.
fn check(bucket: &Bucket, object: &ObjectRecord, key: &Arn, now: Timestamp) -> Result<(), S3Error> {
    let known = matches!(object.description.encryption.algorithm.as_str(), "AES256" | "aws:kms");
    if object.customer().is_some() || !known {
        return Err(invalid(OTHER_SOURCE));
    }
    if key.account() != Some(bucket.owner) {
        return Err(S3Error::Forbidden { message: OTHER_ACCOUNT });
    }
    let extras = object.extras();
    if !locks::may_remove(extras.retention, extras.legal_hold == Some(true), now, false) {
        return Err(S3Error::Forbidden { message: LOCKED });
    }
    Ok(())
}

/// UpdateObjectEncryption.
pub async fn update(
    ctx: Ctx,
    input: Arc<api::UpdateObjectEncryptionInput>,
) -> Result<api::UpdateObjectEncryptionOutput, S3Error> {
    let (encryption, key) = asked(&input)?;
    let (now, named) = (ctx.now(), input.bucket.clone());
    let updated = ctx
        .commit(move |tx: &mut Tx| {
            let bucket = lookup::reached(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
            let place = (input.key.as_str(), input.version_id.as_deref());
            let mut found = lookup::object(tx, &bucket, place, "PUT")?;
            check(&bucket, &found.object, &key, now)?;
            found.object.description.encryption = encryption.clone();
            found.version.object = Some(found.object);
            Ok(objects::rewrite(tx, &bucket, &input.key, found.version)?)
        })
        .await;
    updated.map_err(|error| unless_hidden(&ctx, &named, error))?;
    Ok(api::UpdateObjectEncryptionOutput::default())
}

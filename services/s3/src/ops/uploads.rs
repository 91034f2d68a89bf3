//! Uploads in parts: begin, give up, list.

use super::list_objects::{encoder, page_limit, prefixes};
use crate::describe::wishes;
use crate::errors::S3Error;
use crate::expiry;
use crate::lookup;
use crate::rules::listing::{self, Query};
use crate::rules::multipart::{number_of, opaque_id};
use crate::sealing::show_customer;
use crate::state::buckets::Bucket;
use crate::state::uploads::{self, Upload};
use crate::state::{UploadChecksum, UploadRecord, objects, whole_seconds};
use crate::views::{self, show_encryption};
use model_s3 as api;
use names::Arn;
use service::Ctx;
use service::checksum::Algorithm;
use std::sync::Arc;
use store::Tx;

/// CreateMultipartUpload.
pub async fn create(
    ctx: Ctx,
    input: Arc<api::CreateMultipartUploadInput>,
) -> Result<api::CreateMultipartUploadOutput, S3Error> {
    lookup::check_key(&input.key)?;
    let bucket = lookup::reached(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
    let wishes = wishes!(input);
    let customer = wishes.customer()?;
    let salted = customer.as_ref().map(|customer| (customer, ctx.host().entropy.bytes()));
    let initiator = match ctx.caller().principal() {
        Some(principal) => (principal.id.clone(), principal.arn.to_string()),
        None => (ctx.caller().name(), ctx.caller().name()),
    };
    let record = UploadRecord {
        id: String::new(),
        initiated: whole_seconds(ctx.now()),
        initiator,
        description: wishes.describe(&bucket, &ctx)?,
        tags: wishes.tags()?,
        checksum: checksum(&input)?,
        extras: wishes.extras(&bucket, &ctx, salted)?.map(|extras| *extras).unwrap_or_default(),
        overtaken: false,
    };
    let mut output = api::CreateMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        checksum_algorithm: record
            .checksum
            .map(|checksum| api::ChecksumAlgorithm::from(checksum.algorithm.name())),
        checksum_type: record.checksum.map(checksum_type),
        ..Default::default()
    };
    show_encryption!(output, &record.description.encryption);
    show_customer!(output, record.extras.customer.as_ref());
    if let Some((due, rule)) = expiry::of_upload(&ctx.read(), &bucket, &input.key, record.initiated)? {
        output.abort_date = Some(due);
        output.abort_rule_id = Some(rule);
    }
    let random = ctx.host().entropy.bytes();
    let id = ctx
        .commit(move |tx: &mut Tx| {
            let bucket = lookup::reached(tx, &input.bucket, None)?;
            let incarnation = tx.fresh_incarnation()?;
            let id = opaque_id(incarnation.0, random);
            let record = UploadRecord { id: id.clone(), ..record.clone() };
            uploads::put(tx, &bucket, &input.key, &Upload { incarnation, record })?;
            Ok::<_, S3Error>(id)
        })
        .await?;
    output.upload_id = Some(id);
    Ok(output)
}

const UNSUPPORTED_CHECKSUM: &str = "Checksum algorithm provided is unsupported. Please try again with any of the valid \
                                    types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";

/// The type of an upload's checksum.
pub fn checksum_type(checksum: UploadChecksum) -> api::ChecksumType {
    if checksum.composite { api::ChecksumType::Composite } else { api::ChecksumType::FullObject }
}

/// The checksum that an upload asks for: CRC64NVME is of the whole only, the SHAs are of parts only.
fn checksum(input: &api::CreateMultipartUploadInput) -> Result<Option<UploadChecksum>, S3Error> {
    let Some(named) = &input.checksum_algorithm else {
        return match &input.checksum_type {
            None => Ok(None),
            Some(_) => Err(S3Error::InvalidRequest {
                message: "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.".to_owned(),
            }),
        };
    };
    let algorithm = Algorithm::of_name(named.as_str())
        .ok_or_else(|| S3Error::InvalidRequest { message: UNSUPPORTED_CHECKSUM.to_owned() })?;
    let refused = |kind: &str| S3Error::InvalidRequest {
        message: format!(
            "The {kind} checksum type cannot be used with the {} checksum algorithm.",
            algorithm.name().to_ascii_lowercase()
        ),
    };
    let composite = match &input.checksum_type {
        None => algorithm != Algorithm::Crc64Nvme,
        Some(api::ChecksumType::Composite) if algorithm == Algorithm::Crc64Nvme => {
            return Err(refused("COMPOSITE"));
        }
        Some(api::ChecksumType::Composite) => true,
        Some(api::ChecksumType::FullObject) if algorithm.joins() => false,
        Some(api::ChecksumType::FullObject) => return Err(refused("FULL_OBJECT")),
        Some(api::ChecksumType::Other(_)) => {
            return Err(S3Error::InvalidRequest {
                message: "Value for x-amz-checksum-type header is invalid.".to_owned(),
            });
        }
    };
    Ok(Some(UploadChecksum { algorithm, composite }))
}

/// AbortMultipartUpload: the parts are taken apart by a worker. Of an upload that was completed of late nothing is left
/// to abort, which is no error, even where its object is gone (boto3's `test_s3_multipart`, which runs on AWS).
pub async fn abort(
    ctx: Ctx,
    input: Arc<api::AbortMultipartUploadInput>,
) -> Result<api::AbortMultipartUploadOutput, S3Error> {
    let (begun, now) = (input.if_match_initiated_time, ctx.now());
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::reached(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        if begun.is_some() && !bucket.is_directory() {
            return Err(S3Error::NotImplemented { header: "x-amz-if-match-initiated-time" });
        }
        let upload = match lookup::upload(tx, &bucket, &input.key, &input.upload_id) {
            Ok(upload) => upload,
            Err(absent) => {
                // On this condition, what is not there is given up (API Reference, AbortMultipartUpload).
                let completed = begun.is_some()
                    || uploads::was_completed(tx, &bucket, (&input.key, &input.upload_id), now)?;
                return completed.then(api::AbortMultipartUploadOutput::default).ok_or(absent);
            }
        };
        if begun.is_some_and(|begun| begun.seconds() != upload.record.initiated.seconds()) {
            let condition = "x-amz-if-match-initiated-time".to_owned();
            return Err(S3Error::PreconditionFailed { condition });
        }
        uploads::end(tx, &bucket, &input.key, upload.incarnation)?;
        objects::doom(tx, &bucket, upload.incarnation)?;
        Ok(api::AbortMultipartUploadOutput::default())
    })
    .await
}

/// ListMultipartUploads: by key, those of one key in the order they were begun.
pub async fn list(
    ctx: Ctx,
    input: Arc<api::ListMultipartUploadsInput>,
) -> Result<api::ListMultipartUploadsOutput, S3Error> {
    let limit = page_limit(input.max_uploads, "max-uploads")?;
    let encode = encoder(input.encoding_type.as_ref())?;
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let after = input.key_marker.as_deref().unwrap_or("");
    // An upload's id without a key is ignored, as the API Reference says.
    let behind = match input.upload_id_marker.as_deref().filter(|id| !id.is_empty() && !after.is_empty()) {
        None => None,
        Some(id) => Some(number_of(id).ok_or_else(|| S3Error::InvalidArgument {
            message: "Invalid uploadId marker",
            name: "upload-id-marker",
            value: id.to_owned(),
        })?),
    };
    let prefix = input.prefix.as_deref().unwrap_or("");
    let query = Query { prefix, delimiter, after, within_after: behind.is_some(), limit };
    let open = |from: listing::From<'_>| uploads::scan(&read, &bucket, prefix, from);
    let wanted = |key: &str, upload: &Upload| {
        key != after || behind.is_none_or(|behind| upload.incarnation.0 > behind)
    };
    let page = listing::page(query, open, wanted)?;
    // Where the page ends is told whether or not more follows, unless it ends with a common prefix; where more
    // follows that, it is told nonetheless, since nobody could go on (LocalStack's
    // test_list_multiparts_with_prefix_and_delimiter, recorded of AWS).
    let told =
        page.last.as_deref().filter(|last| page.truncated || !page.prefixes.iter().any(|it| it == last));
    let end = told.map(|last| {
        let upload = page.rows.last().filter(|(key, _)| key == last);
        (last, upload.map_or("", |(_, upload)| upload.record.id.as_str()))
    });
    Ok(api::ListMultipartUploadsOutput {
        bucket: Some(input.bucket.clone()),
        key_marker: Some(encode(after)),
        upload_id_marker: Some(
            input.upload_id_marker.clone().filter(|_| !after.is_empty()).unwrap_or_default(),
        ),
        next_key_marker: Some(end.map_or_else(String::new, |(key, _)| encode(key))),
        prefix: input.prefix.as_deref().filter(|prefix| !prefix.is_empty()).map(encode),
        delimiter: delimiter.map(encode),
        next_upload_id_marker: Some(end.map_or_else(String::new, |(_, id)| id.to_owned())),
        max_uploads: i32::try_from(limit).ok(),
        is_truncated: Some(page.truncated),
        common_prefixes: prefixes(&page.prefixes, encode),
        encoding_type: input.encoding_type.clone(),
        request_charged: None,
        uploads: Some(
            page.rows.iter().map(|(key, upload)| shown(encode(key), &upload.record, &bucket)).collect(),
        ),
    })
}

fn shown(key: String, record: &UploadRecord, bucket: &Bucket) -> api::MultipartUpload {
    api::MultipartUpload {
        upload_id: Some(record.id.clone()),
        key: Some(key),
        initiated: Some(record.initiated),
        storage_class: Some(api::StorageClass::from(record.description.storage_class.as_str())),
        owner: Some(views::owner_of(record.extras.writer.as_deref(), bucket)),
        initiator: Some(initiator(record, bucket)),
        checksum_algorithm: record
            .checksum
            .map(|checksum| api::ChecksumAlgorithm::from(checksum.algorithm.name())),
        checksum_type: record.checksum.map(checksum_type),
    }
}

/// Who began an upload: an account by its canonical id, as owners are told, and in directory buckets by its number;
/// a user by ARN (API Reference, Initiator) and name, which directory buckets do not have (recorded of AWS in 2026-02 by
/// LocalStack's test_multipart_and_list_parts: initiators still have one, owners do not).
pub fn initiator(record: &UploadRecord, bucket: &Bucket) -> api::Initiator {
    let arn = &record.initiator.1;
    let account =
        arn.parse::<Arn>().ok().filter(|arn| arn.resource() == "root").and_then(|arn| arn.account());
    if let Some(account) = account {
        // An account has no name here but its number.
        let number = account.to_string();
        return if bucket.is_directory() {
            api::Initiator { id: Some(number), display_name: None }
        } else {
            api::Initiator { id: Some(views::canonical_id(account)), display_name: Some(number) }
        };
    }
    let name = arn.rsplit(['/', ':']).next().filter(|_| !bucket.is_directory());
    api::Initiator { id: Some(arn.clone()), display_name: name.map(str::to_owned) }
}

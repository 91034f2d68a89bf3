//! UploadPart and UploadPartCopy: content taken in under a number of an upload, over what was there.

use crate::checksums::{self, DEFAULT, checksum_members, show_checksum};
use crate::errors::S3Error;
use crate::in_directory;
use crate::intake::{self, Expected, Intake, Taken};
use crate::lookup;
use crate::rules::conditions::{Conditions, since};
use crate::rules::multipart::{MAX_PUT_BYTES, part_number};
use crate::rules::ranges::{self, CopyRangeFault};
use crate::sealing::{self, Customer, customer_members, show_customer};
use crate::source::Source;
use crate::state::buckets::Bucket;
use crate::state::uploads::{self, Upload};
use crate::state::{PartRecord, whole_seconds};
use crate::views::{self, show_encryption};
use model_s3 as api;
use names::Timestamp;
use service::{Ctx, hex};
use std::ops::Range;
use std::sync::Arc;
use store::Tx;

/// Which part of which upload.
#[derive(Debug, Clone)]
struct Place {
    bucket: String,
    expected_owner: Option<String>,
    key: String,
    upload_id: String,
    number: u16,
}

fn number(given: i32) -> Result<u16, S3Error> {
    part_number(given).ok_or_else(|| S3Error::InvalidArgument {
        message: "Part number must be an integer between 1 and 10000, inclusive",
        name: "partNumber",
        value: given.to_string(),
    })
}

/// Writes a part that was taken in; nothing is kept where the upload is gone.
async fn keep(
    ctx: &Ctx,
    place: Place,
    (taken, tag): (&Taken, [u8; 16]),
    modified: Timestamp,
) -> Result<(), S3Error> {
    let part = PartRecord {
        md5: tag,
        modified: whole_seconds(modified),
        checksum: taken.checksum.clone(),
        body: taken.body.clone(),
        nonce: Some(taken.nonce),
    };
    let kept = ctx
        .commit(move |tx: &mut Tx| {
            let bucket = lookup::reached(tx, &place.bucket, place.expected_owner.as_deref())?;
            let upload = lookup::upload(tx, &bucket, &place.key, &place.upload_id)?;
            Ok::<_, S3Error>(uploads::put_part(tx, &bucket.scope, upload.incarnation, place.number, &part)?)
        })
        .await;
    if kept.is_err() {
        intake::abandon(ctx, &taken.body).await;
    }
    kept
}

/// UploadPart.
pub async fn upload_part(
    ctx: Ctx,
    input: Arc<api::UploadPartInput>,
) -> Result<api::UploadPartOutput, S3Error> {
    sealing::not_asked_for(input.server_side_encryption.as_ref())?;
    let place = Place {
        number: number(input.part_number)?,
        bucket: input.bucket.clone(),
        expected_owner: input.expected_bucket_owner.clone(),
        key: input.key.clone(),
        upload_id: input.upload_id.clone(),
    };
    let (bucket, upload) = found(&ctx, &place)?;
    let customer = Customer::of_part(customer_members!(input))?;
    sealing::check_part(upload.record.extras.customer.as_ref(), customer.as_ref())?;
    let named = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str());
    let given = checksums::given(checksum_members!(input), named)?;
    let declared = upload.record.checksum.map(|checksum| checksum.algorithm);
    if let (Some(declared), Some(given)) = (declared, given.algorithm)
        && declared != given
    {
        return Err(S3Error::InvalidRequest {
            message: format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                declared.name().to_ascii_lowercase(),
                given.name().to_ascii_lowercase()
            ),
        });
    }
    let shown = declared.or(given.algorithm);
    let expected = Expected {
        md5: intake::content_md5(in_directory::content_md5(&bucket, input.content_md5.as_deref())?)?,
        checksum: given,
        kept: Some(declared.unwrap_or(DEFAULT)),
        limit: MAX_PUT_BYTES,
        customer,
    };
    let taken = intake::take(&ctx, input.body.as_ref(), &expected).await?;
    let tag = in_directory::tag(&ctx, &bucket, taken.md5);
    keep(&ctx, place, (&taken, tag), ctx.now()).await?;
    let mut output = api::UploadPartOutput { e_tag: Some(views::quoted(&hex(&tag))), ..Default::default() };
    if let Some(algorithm) = shown {
        let value = taken.second.as_ref().unwrap_or(&taken.checksum);
        show_checksum!(output, algorithm, crate::rules::multipart::base64(value));
    }
    show_encryption!(output, &upload.record.description.encryption);
    show_customer!(output, upload.record.extras.customer.as_ref());
    Ok(output)
}

fn found(ctx: &Ctx, place: &Place) -> Result<(Bucket, Upload), S3Error> {
    let read = ctx.read();
    let bucket = lookup::reached(&read, &place.bucket, place.expected_owner.as_deref())?;
    let upload = lookup::upload(&read, &bucket, &place.key, &place.upload_id)?;
    Ok((bucket, upload))
}

/// UploadPartCopy: a part out of an object that is there.
pub async fn upload_part_copy(
    ctx: Ctx,
    input: Arc<api::UploadPartCopyInput>,
) -> Result<api::UploadPartCopyOutput, S3Error> {
    let place = Place {
        number: number(input.part_number)?,
        bucket: input.bucket.clone(),
        expected_owner: input.expected_bucket_owner.clone(),
        key: input.key.clone(),
        upload_id: input.upload_id.clone(),
    };
    let (bucket, upload) = found(&ctx, &place)?;
    // What is said of the source is looked at first (test_both_invalid_algo_unique_values of dyus/meeseeks-s3, recorded
    // on AWS in 2026).
    let source_key = Customer::of_source(customer_members!(source input))?;
    let customer = Customer::of_part(customer_members!(input))?;
    sealing::check_part(upload.record.extras.customer.as_ref(), customer.as_ref())?;
    let conditions = Conditions {
        matches: input.copy_source_if_match.as_deref(),
        none_match: input.copy_source_if_none_match.as_deref(),
        modified_since: Conditions::not_ahead(
            since(input.copy_source_if_modified_since.as_deref()),
            ctx.now(),
        ),
        unmodified_since: since(input.copy_source_if_unmodified_since.as_deref()),
    };
    let expected_owner = input.expected_source_bucket_owner.as_deref();
    let source = Source::find(&ctx, &input.copy_source, expected_owner, &conditions, source_key)?;
    let range = copied(input.copy_source_range.as_deref(), source.found.object.size)?;
    let declared = upload.record.checksum.map(|checksum| checksum.algorithm);
    let intake = Intake::begin(ctx.host(), customer.as_ref(), declared.unwrap_or(DEFAULT), None);
    let taken = source.pour(&ctx, range, intake).await?;
    let now = ctx.now();
    let tag = in_directory::tag(&ctx, &bucket, taken.md5);
    keep(&ctx, place, (&taken, tag), now).await?;
    let mut result = api::CopyPartResult {
        e_tag: Some(views::quoted(&hex(&tag))),
        last_modified: Some(whole_seconds(now)),
        ..Default::default()
    };
    if let Some(algorithm) = declared {
        show_checksum!(result, algorithm, crate::rules::multipart::base64(&taken.checksum));
    }
    let mut output = api::UploadPartCopyOutput {
        copy_source_version_id: source.found.version.id.clone(),
        copy_part_result: Some(result),
        ..Default::default()
    };
    show_encryption!(output, &upload.record.description.encryption);
    show_customer!(output, upload.record.extras.customer.as_ref());
    Ok(output)
}

fn copied(header: Option<&str>, size: u64) -> Result<Range<u64>, S3Error> {
    let range = match header {
        None => 0..size,
        Some(header) => match ranges::copied(header, size) {
            Ok(range) => range.first..range.last + 1,
            Err(fault) => return Err(refused_range(fault, header, size)),
        },
    };
    let length = range.end - range.start;
    if length > MAX_PUT_BYTES {
        return Err(S3Error::InvalidRequest {
            message: format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_PUT_BYTES}"
            ),
        });
    }
    Ok(range)
}

fn refused_range(fault: CopyRangeFault, header: &str, size: u64) -> S3Error {
    match fault {
        CopyRangeFault::Malformed => S3Error::InvalidArgument {
            message: "The x-amz-copy-source-range value must be of the form bytes=first-last where first and \
                      last are the zero-based offsets of the first and last bytes to copy",
            name: "x-amz-copy-source-range",
            value: header.to_owned(),
        },
        CopyRangeFault::Outside => S3Error::InvalidRequest {
            message: "The specified copy range is invalid for the source object size".to_owned(),
        },
        CopyRangeFault::Beyond => {
            let message = "Range specified is not valid for source object of size: ";
            S3Error::InvalidRangeOfSource { message: format!("{message}{size}"), asked: header.to_owned() }
        }
    }
}

//! PutObject with a write offset: content behind what an object of a directory bucket has. What is there stays where it
//! is: an object that is appended to is made of parts, of which each append is one. The commit that adds the part makes
//! the object longer, so an append is there whole or not at all.

use super::put_object::put_whole;
use crate::checksums::{self, Given, checksum_members, show_object_checksum};
use crate::describe::wishes;
use crate::errors::S3Error;
use crate::in_directory;
use crate::intake::{self, Expected, Taken};
use crate::lookup;
use crate::rules::directory_buckets::Fault;
use crate::rules::multipart::{MAX_OBJECT_BYTES, MAX_PART_NUMBER, MAX_PUT_BYTES};
use crate::state::buckets::Bucket;
use crate::state::{
    ChecksumRecord, Content, ObjectRecord, PartRecord, Version, objects, uploads, whole_seconds,
};
use crate::views::{self, show_encryption};
use crate::write::{self, WriteConditions};
use model_s3 as api;

use service::checksum::Algorithm;
use service::{Ctx, hex};
use std::sync::Arc;
use store::{BlobRef, Incarnation, Tx};

type Input = api::PutObjectInput;

/// Appends, or puts a first object where the offset is zero and there is none.
///
/// # Errors
/// Where the offset is not where the object ends, or the request contradicts the object.
pub async fn append(ctx: Ctx, input: Arc<Input>, offset: i64) -> Result<api::PutObjectOutput, S3Error> {
    lookup::check_key(&input.key)?;
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    if !bucket.is_directory() {
        return Err(S3Error::NotImplemented { header: "x-amz-write-offset-bytes" });
    }
    if input.body.as_ref().is_none_or(|body| body.length == Some(0)) {
        return Err(S3Error::InDirectory(Fault::NothingToAppend));
    }
    let present = objects::newest(&read, &bucket, &input.key)?.and_then(|version| version.object);
    let Some(present) = present else {
        return if offset == 0 { first(ctx, input).await } else { Err(elsewhere()) };
    };
    check_offset(&present, offset)?;
    check_request(&ctx, &bucket, &input, &present)?;
    let Given { algorithm: given, value } = given(&input)?;
    let kept = kept_algorithm(&present, given)?;
    let expected = Expected {
        md5: intake::content_md5(in_directory::content_md5(&bucket, input.content_md5.as_deref())?)?,
        checksum: Given { algorithm: given, value },
        kept: Some(kept),
        limit: MAX_PUT_BYTES,
        customer: None,
    };
    let taken = intake::take(&ctx, input.body.as_ref(), &expected).await?;
    let body = taken.body.clone();
    let committed = commit(&ctx, &input, offset, taken).await;
    if committed.is_err() {
        intake::abandon(&ctx, &body).await;
    }
    committed.map(|object| shown(&object))
}

fn elsewhere() -> S3Error {
    S3Error::InDirectory(Fault::WriteOffset)
}

fn check_offset(object: &ObjectRecord, offset: i64) -> Result<(), S3Error> {
    if u64::try_from(offset) == Ok(object.size) { Ok(()) } else { Err(elsewhere()) }
}

/// The first of an object: whole, and only where there still is none.
async fn first(ctx: Ctx, input: Arc<Input>) -> Result<api::PutObjectOutput, S3Error> {
    if input.if_match.is_some() {
        return Err(S3Error::no_key(&input.key));
    }
    let conditional = input.if_none_match.is_some();
    put_whole(ctx, input, true).await.map_err(|error| match error {
        S3Error::PreconditionFailed { .. } if !conditional => elsewhere(),
        error => error,
    })
}

/// What an append may say of the object: nothing that is not so.
fn check_request(ctx: &Ctx, bucket: &Bucket, input: &Input, present: &ObjectRecord) -> Result<(), S3Error> {
    let wishes = wishes!(input);
    if input.metadata.as_ref().is_some_and(|metadata| !metadata.is_empty()) {
        return Err(S3Error::InDirectory(Fault::MetadataOnAppend));
    }
    let asked = wishes.describe(bucket, ctx)?.encryption;
    let told = wishes.encryption.is_some() || wishes.kms_key.is_some();
    let kept = &present.description.encryption;
    if told && (&asked.algorithm, &asked.kms_key) != (&kept.algorithm, &kept.kms_key) {
        return Err(S3Error::InDirectory(Fault::OtherEncryption));
    }
    Ok(())
}

fn given(input: &Input) -> Result<Given, S3Error> {
    let named = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str());
    checksums::given(checksum_members!(input), named)
}

/// The algorithm of the object's checksum, which an append goes on with.
fn kept_algorithm(present: &ObjectRecord, given: Option<Algorithm>) -> Result<Algorithm, S3Error> {
    let kept = present.checksum.as_ref().map_or(checksums::DEFAULT, |kept| kept.algorithm);
    match given {
        Some(given) if given != kept => Err(S3Error::InvalidRequest {
            message: format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}.",
                kept.name().to_ascii_lowercase(),
                given.name().to_ascii_lowercase()
            ),
        }),
        _ => Ok(kept),
    }
}

/// Adds the part and makes the object longer.
async fn commit(ctx: &Ctx, input: &Arc<Input>, offset: i64, taken: Taken) -> Result<ObjectRecord, S3Error> {
    if taken.size == 0 {
        return Err(S3Error::InDirectory(Fault::NothingToAppend));
    }
    let (input, now, etag) = (input.clone(), ctx.now(), hex(&ctx.host().entropy.bytes::<16>()));
    let conditions =
        WriteConditions { matches: input.if_match.clone(), none_match: input.if_none_match.clone() };
    let part = PartRecord {
        md5: ctx.host().entropy.bytes(),
        modified: whole_seconds(now),
        checksum: taken.checksum,
        body: taken.body,
        nonce: Some(taken.nonce),
    };
    let algorithm = taken.algorithm;
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::reached(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        write::check(tx, &bucket, &input.key, &conditions)?;
        let version = objects::newest(tx, &bucket, &input.key)?.ok_or_else(elsewhere)?;
        let object = version.object.as_deref().ok_or_else(elsewhere)?;
        check_offset(object, offset)?;
        // Another object of the same size may have come since.
        kept_algorithm(object, Some(algorithm))?;
        let longer = lengthened(tx, &bucket, (&version, object), &part, &etag)?;
        let number = tx.fresh_incarnation()?.0;
        let version = Version {
            number,
            modified: whole_seconds(now),
            object: Some(Box::new(longer.clone())),
            ..version
        };
        objects::go_on(tx, &bucket, &input.key, version)?;
        Ok(longer)
    })
    .await
}

/// The object with one part more.
fn lengthened(
    tx: &mut Tx,
    bucket: &Bucket,
    (version, object): (&Version, &ObjectRecord),
    part: &PartRecord,
    etag: &str,
) -> Result<ObjectRecord, S3Error> {
    let size = object.size + part.body.length();
    if size > MAX_OBJECT_BYTES {
        return Err(S3Error::EntityTooLarge { size, limit: MAX_OBJECT_BYTES });
    }
    let (upload, count) = in_parts(tx, bucket, version, object)?;
    if count >= MAX_PART_NUMBER {
        return Err(S3Error::InDirectory(Fault::TooManyParts));
    }
    let count = count + 1;
    uploads::put_part(tx, &bucket.scope, upload, count, part)?;
    let checksum = match &object.checksum {
        Some(kept) => Some(summed(tx, bucket, (upload, count), (kept, object.size), part)?),
        None => None,
    };
    Ok(ObjectRecord {
        size,
        etag: etag.to_owned(),
        content: Content::Parts { upload, count },
        checksum,
        nonce: None,
        ..object.clone()
    })
}

/// The parts of an object; one that was put whole becomes its first.
fn in_parts(
    tx: &mut Tx,
    bucket: &Bucket,
    version: &Version,
    object: &ObjectRecord,
) -> Result<(Incarnation, u16), S3Error> {
    let body = match &object.content {
        Content::Parts { upload, count } => return Ok((*upload, *count)),
        Content::Row => BlobRef::Inline(objects::take_body(tx, bucket, version.number)?),
        Content::Blob(blob) => blob.clone(),
    };
    let upload = tx.fresh_incarnation()?;
    if object.size == 0 {
        return Ok((upload, 0));
    }
    let checksum = object.checksum.as_ref().map(|kept| kept.value.clone()).unwrap_or_default();
    let md5 = first_bytes(&object.etag);
    let first =
        PartRecord { md5, modified: version.modified, checksum, body: body.clone(), nonce: object.nonce };
    uploads::put_part(tx, &bucket.scope, upload, 1, &first)?;
    // The part keeps the bytes now, and the version no longer.
    tx.discard_blob(&body)?;
    Ok((upload, 1))
}

/// A tag as the bytes that its digits tell; what is no digit is nought.
fn first_bytes(etag: &str) -> [u8; 16] {
    std::array::from_fn(|at| {
        etag.get(2 * at..2 * at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0)
    })
}

/// The checksum of the longer object: joined, or made of those of all parts.
fn summed(
    tx: &Tx,
    bucket: &Bucket,
    (upload, count): (Incarnation, u16),
    (kept, size): (&ChecksumRecord, u64),
    part: &PartRecord,
) -> Result<ChecksumRecord, S3Error> {
    let algorithm = kept.algorithm;
    if kept.composite.is_none()
        && let Some(value) = algorithm.join([(&*kept.value, size), (&*part.checksum, part.body.length())])
    {
        return Ok(ChecksumRecord { algorithm, value, composite: None });
    }
    let mut all = Vec::new();
    for row in uploads::parts(tx, &bucket.scope, upload, 0) {
        all.extend_from_slice(&row?.1.checksum);
    }
    Ok(ChecksumRecord { algorithm, value: algorithm.of(&all), composite: Some(count) })
}

fn shown(object: &ObjectRecord) -> api::PutObjectOutput {
    let mut output = api::PutObjectOutput {
        e_tag: Some(views::quoted(&object.etag)),
        size: Some(views::signed(object.size)),
        ..Default::default()
    };
    show_object_checksum!(output, &object.checksum);
    show_encryption!(output, &object.description.encryption);
    output
}

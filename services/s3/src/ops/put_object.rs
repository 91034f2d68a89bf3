//! PutObject: the content is taken in and made durable first, then one commit makes it the newest version
//! of its key and tells who listens. A refused write leaves nothing.

use super::append_object;
use crate::access;
use crate::checksums::{self, checksum_members, show_object_checksum};
use crate::describe::wishes;
use crate::errors::S3Error;
use crate::expiry;
use crate::in_directory;
use crate::intake::{self, Expected};
use crate::lookup;
use crate::notify::Origin;
use crate::rules::multipart::MAX_PUT_BYTES;
use crate::rules::notifications::Happening;
use crate::sealing::show_customer;
use crate::state::{ChecksumRecord, ObjectRecord};
use crate::views::{self, show_encryption};
use crate::write::{self, NewVersion, WriteConditions};
use model_s3 as api;
use service::{Ctx, hex};
use std::sync::Arc;
use store::Tx;

/// PutObject.
pub async fn put_object(ctx: Ctx, input: Arc<api::PutObjectInput>) -> Result<api::PutObjectOutput, S3Error> {
    match input.write_offset_bytes {
        Some(offset) => append_object::append(ctx, input, offset).await,
        None => put_whole(ctx, input, false).await,
    }
}

/// Puts an object whose content is all in the request; where that is asked for, only if there is none.
///
/// # Errors
/// Where it is refused.
pub async fn put_whole(
    ctx: Ctx,
    input: Arc<api::PutObjectInput>,
    only_new: bool,
) -> Result<api::PutObjectOutput, S3Error> {
    lookup::check_key(&input.key)?;
    let bucket = lookup::reached(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
    let wishes = wishes!(input);
    let (description, tags) = (wishes.describe(&bucket, &ctx)?, wishes.tags()?);
    let customer = wishes.customer()?;
    let salted = customer.as_ref().map(|customer| (customer, ctx.host().entropy.bytes()));
    let extras = wishes.extras(&bucket, &ctx, salted)?;
    let named = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str());
    let expected = Expected {
        md5: intake::content_md5(in_directory::content_md5(&bucket, input.content_md5.as_deref())?)?,
        checksum: checksums::given(checksum_members!(input), named)?,
        kept: None,
        limit: MAX_PUT_BYTES,
        customer,
    };
    if wishes.locks() && expected.md5.is_none() && expected.checksum.algorithm.is_none() {
        return Err(S3Error::InvalidRequest {
            message: "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock \
                      parameters"
                .to_owned(),
        });
    }
    let charged = access::charged(&ctx, &bucket)?;
    let taken = intake::take(&ctx, input.body.as_ref(), &expected).await;
    let taken = taken.map_err(|error| told(error, expected.md5))?;
    let (content, small) = write::placed(&taken.body);
    let checksum = ChecksumRecord { algorithm: taken.algorithm, value: taken.checksum, composite: None };
    let object = ObjectRecord {
        size: taken.size,
        etag: hex(&in_directory::tag(&ctx, &bucket, taken.md5)),
        content,
        checksum: Some(checksum),
        description,
        tags,
        nonce: Some(taken.nonce),
        extras,
    };
    let new = NewVersion { object, small, random: ctx.host().entropy.bytes() };
    let mut output = api::PutObjectOutput { request_charged: charged, ..shown(&new.object) };
    output.size = only_new.then(|| views::signed(taken.size));
    let none_match = if only_new { Some("*".to_owned()) } else { input.if_none_match.clone() };
    let conditions = WriteConditions { matches: input.if_match.clone(), none_match };
    let (origin, expected_owner) = (Origin::of(&ctx), input.expected_bucket_owner.clone());
    let committed = ctx
        .commit(move |tx: &mut Tx| {
            let bucket = lookup::reached(tx, &input.bucket, expected_owner.as_deref())?;
            write::check(tx, &bucket, &input.key, &conditions)?;
            let version = write::commit(tx, &origin, &bucket, &input.key, &new, Happening::Put)?;
            let expiration = expiry::of_version(tx, &bucket, &input.key, (&version, &new.object))?;
            // Of a bucket whose versions are suspended, the answer names none (recorded of AWS).
            Ok((version.id.clone(), expiration))
        })
        .await;
    match committed {
        Ok((version_id, expiration)) => {
            output.version_id = version_id;
            output.expiration = expiration;
            Ok(output)
        }
        Err(error) => {
            intake::abandon(&ctx, &taken.body).await;
            Err(error)
        }
    }
}

/// The digest that an object was announced with is told in other digits than that of a part (recorded of AWS by
/// LocalStack's test_s3_invalid_content_md5).
fn told(error: S3Error, md5: Option<[u8; 16]>) -> S3Error {
    match (error, md5) {
        (S3Error::BadDigest { calculated, .. }, Some(given)) => {
            S3Error::BadDigest { expected: hex(&given), calculated }
        }
        (error, _) => error,
    }
}

fn shown(object: &ObjectRecord) -> api::PutObjectOutput {
    let mut output = api::PutObjectOutput { e_tag: Some(views::quoted(&object.etag)), ..Default::default() };
    show_object_checksum!(output, &object.checksum);
    show_encryption!(output, &object.description.encryption);
    show_customer!(output, object.customer());
    output
}

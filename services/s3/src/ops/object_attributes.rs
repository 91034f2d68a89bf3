//! GetObjectAttributes: size, tag, checksum, class and parts of an object, those that are asked for.

use crate::checksums::{show_checksum, show_object_checksum};
use crate::errors::S3Error;
use crate::lookup;
use crate::policy::unless_hidden;
use crate::rules::multipart::base64;
use crate::sealing::{self, Customer, customer_members};
use crate::state::buckets::Bucket;
use crate::state::{ChecksumRecord, Content, ObjectRecord, uploads};
use crate::views;
use model_s3 as api;
use service::Ctx;
use std::sync::Arc;
use store::{Incarnation, Read};

/// GetObjectAttributes.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetObjectAttributesInput>,
) -> Result<api::GetObjectAttributesOutput, S3Error> {
    let asked = input.object_attributes.as_deref().unwrap_or_default();
    if asked.is_empty() {
        // So AWS is known by scality/cloudserver's and versitygw's tests.
        let message = "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing \
                       or empty";
        return Err(S3Error::InvalidRequest { message: message.to_owned() });
    }
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let found = lookup::object(&read, &bucket, (&input.key, input.version_id.as_deref()), "GET")
        .map_err(|error| unless_hidden(&ctx, &input.bucket, error))?;
    let object = &found.object;
    // API Reference, GetObjectAttributes: who reads of an object under a customer's key brings that key.
    sealing::check(object, Customer::reading(customer_members!(input))?.as_ref())?;
    let wants = |attribute: &api::ObjectAttributes| asked.contains(attribute);
    if asked.iter().any(|one| matches!(one, api::ObjectAttributes::Other(_))) {
        return Err(S3Error::InvalidArgument {
            message: "Invalid attribute name specified.",
            name: "x-amz-object-attributes",
            value: String::new(),
        });
    }
    let mut output = api::GetObjectAttributesOutput {
        last_modified: Some(found.version.modified),
        version_id: views::version_id(&bucket, &found.version),
        ..Default::default()
    };
    if wants(&api::ObjectAttributes::ETag) {
        output.e_tag = Some(object.etag.clone());
    }
    if wants(&api::ObjectAttributes::Checksum) {
        let mut checksum = api::Checksum::default();
        show_object_checksum!(checksum, &object.checksum);
        // Here the number of parts is no part of the checksum (moto's test_copy_key_with_args__using_multipart,
        // run on AWS).
        if let Some(kept) = object.checksum.as_ref().filter(|kept| kept.composite.is_some()) {
            show_checksum!(checksum, kept.algorithm, base64(&kept.value));
        }
        output.checksum = Some(checksum);
    }
    if wants(&api::ObjectAttributes::StorageClass) {
        output.storage_class = Some(api::StorageClass::from(object.description.storage_class.as_str()));
    }
    if wants(&api::ObjectAttributes::ObjectSize) {
        output.object_size = Some(views::signed(object.size));
    }
    if wants(&api::ObjectAttributes::ObjectParts)
        && let Content::Parts { upload, count } = object.content
    {
        output.object_parts = Some(parts(&read, &bucket, &input, object, (upload, count))?);
    }
    Ok(output)
}

/// The parts of an object; each by itself only where the object's checksum is made of theirs.
fn parts(
    read: &impl Read,
    bucket: &Bucket,
    input: &api::GetObjectAttributesInput,
    object: &ObjectRecord,
    (upload, count): (Incarnation, u16),
) -> Result<api::GetObjectAttributesParts, S3Error> {
    let mut shown =
        api::GetObjectAttributesParts { total_parts_count: Some(i32::from(count)), ..Default::default() };
    let Some(ChecksumRecord { algorithm, composite: Some(_), .. }) = object.checksum else {
        return Ok(shown);
    };
    let limit = super::list_objects::page_limit(input.max_parts, "max-parts")?;
    let marker = input.part_number_marker.unwrap_or(0).max(0);
    let above = u16::try_from(marker).unwrap_or(u16::MAX);
    let mut rows: Vec<_> =
        uploads::parts(read, &bucket.scope, upload, above).take(limit + 1).collect::<Result<_, _>>()?;
    shown.is_truncated = Some(rows.len() > limit);
    rows.truncate(limit);
    shown.max_parts = i32::try_from(limit).ok();
    shown.part_number_marker = Some(marker);
    shown.next_part_number_marker = Some(rows.last().map_or(0, |(number, _)| i32::from(*number)));
    let listed = rows.into_iter().map(|(number, part)| {
        let mut one = api::ObjectPart {
            part_number: Some(i32::from(number)),
            size: Some(views::signed(part.body.length())),
            ..Default::default()
        };
        show_checksum!(one, algorithm, base64(&part.checksum));
        one
    });
    shown.parts = Some(listed.collect());
    Ok(shown)
}

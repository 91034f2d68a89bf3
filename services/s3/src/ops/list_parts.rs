//! ListParts: the parts that an upload has so far.

use super::list_objects::{page_limit, whole_number};
use super::uploads::{checksum_type, initiator};
use crate::checksums::show_checksum;
use crate::errors::S3Error;
use crate::expiry;
use crate::lookup;
use crate::rules::multipart::base64;
use crate::state::uploads;
use crate::views;
use model_s3 as api;
use service::{Ctx, hex};
use std::sync::Arc;

/// ListParts.
pub async fn list_parts(ctx: Ctx, input: Arc<api::ListPartsInput>) -> Result<api::ListPartsOutput, S3Error> {
    let limit = page_limit(input.max_parts, "max-parts")?;
    let marker = input.part_number_marker.unwrap_or(0);
    let above = whole_number(marker, "part-number-marker")?;
    let above = u16::try_from(above).unwrap_or(u16::MAX);
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let upload = lookup::upload(&read, &bucket, &input.key, &input.upload_id)?;
    let record = &upload.record;
    let mut rows: Vec<_> = uploads::parts(&read, &bucket.scope, upload.incarnation, above)
        .take(limit + 1)
        .collect::<Result<_, _>>()?;
    let truncated = rows.len() > limit;
    rows.truncate(limit);
    let parts = rows.iter().map(|(number, part)| {
        let mut shown = api::Part {
            part_number: Some(i32::from(*number)),
            last_modified: Some(part.modified),
            e_tag: Some(views::quoted(&hex(&part.md5))),
            size: Some(views::signed(part.body.length())),
            ..Default::default()
        };
        if let Some(checksum) = record.checksum {
            show_checksum!(shown, checksum.algorithm, base64(&part.checksum));
        }
        shown
    });
    let abortion = expiry::of_upload(&read, &bucket, &input.key, record.initiated)?;
    Ok(api::ListPartsOutput {
        abort_date: abortion.as_ref().map(|(due, _)| *due),
        abort_rule_id: abortion.map(|(_, rule)| rule),
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        upload_id: Some(input.upload_id.clone()),
        part_number_marker: Some(marker),
        next_part_number_marker: Some(rows.last().map_or(0, |(number, _)| i32::from(*number))),
        max_parts: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        parts: Some(parts.collect()),
        initiator: Some(initiator(record, &bucket)),
        owner: Some(views::owner_of(record.extras.writer.as_deref(), &bucket)),
        storage_class: Some(api::StorageClass::from(record.description.storage_class.as_str())),
        request_charged: None,
        checksum_algorithm: record
            .checksum
            .map(|checksum| api::ChecksumAlgorithm::from(checksum.algorithm.name())),
        checksum_type: record.checksum.map(checksum_type),
    })
}

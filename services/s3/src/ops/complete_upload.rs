//! CompleteMultipartUpload: the named parts become one object without being copied. Completing again
//! what was completed answers the same.

use crate::checksums::{self, DEFAULT, checksum_members, show_object_checksum};
use crate::errors::S3Error;
use crate::in_directory;
use crate::lookup;
use crate::notify::Origin;
use crate::ops::uploads::checksum_type;
use crate::rules::multipart::{self, Named, Uploaded, base64, number_of};
use crate::rules::notifications::Happening;
use crate::sealing;
use crate::state::buckets::Bucket;
use crate::state::uploads::{self, Upload};
use crate::state::{
    ChecksumRecord, Content, Extras, ObjectRecord, PartRecord, UploadChecksum, Version, objects,
};
use crate::views::{self, show_encryption};
use crate::write::{self, NewVersion, WriteConditions};
use model_s3 as api;
use service::Ctx;
use service::checksum::Algorithm;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Incarnation, Read, Tx};

type Input = api::CompleteMultipartUploadInput;

/// CompleteMultipartUpload.
pub async fn complete(ctx: Ctx, input: Arc<Input>) -> Result<api::CompleteMultipartUploadOutput, S3Error> {
    sealing::not_asked_for(input.server_side_encryption.as_ref())?;
    let origin = Origin::of(&ctx);
    let random = ctx.host().entropy.bytes();
    let location = format!(
        "{}/{}/{}",
        ctx.request().origin,
        input.bucket,
        crate::rules::listing::url_encoded(&input.key)
    );
    let committing = input.clone();
    let (bucket, version) = ctx
        .commit(move |tx: &mut Tx| {
            let input = &*committing;
            let bucket = lookup::reached(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
            let upload = match lookup::upload(tx, &bucket, &input.key, &input.upload_id) {
                Ok(upload) => upload,
                Err(absent) => {
                    let version = completed_before(tx, &bucket, &input.key, &input.upload_id)?;
                    return version.map(|version| (bucket, version)).ok_or(absent);
                }
            };
            let conditions =
                WriteConditions { matches: input.if_match.clone(), none_match: input.if_none_match.clone() };
            write::check(tx, &bucket, &input.key, &conditions)?;
            overtaken(tx, &bucket, input, &upload)?;
            // An upload has up to ten thousand parts, and those that are not named go.
            tx.allow_large();
            let object = assemble(tx, &bucket, &upload, input)?;
            uploads::complete(tx, &bucket, &input.key, upload.incarnation, origin.at)?;
            let new = NewVersion { object, small: None, random };
            let version = write::commit(tx, &origin, &bucket, &input.key, &new, Happening::Completed)?;
            Ok((bucket, version))
        })
        .await?;
    Ok(shown(&input, &bucket, &version, location))
}

/// A conditional upload is for what there was when it began: whatever was written or deleted under its key
/// since is in its way, even where the condition holds again (recorded of AWS, 2025).
fn overtaken(read: &impl Read, bucket: &Bucket, input: &Input, upload: &Upload) -> Result<(), S3Error> {
    let condition = match (&input.if_match, &input.if_none_match) {
        (None, None) => return Ok(()),
        (Some(_), _) => "If-Match",
        (None, Some(_)) => "If-None-Match",
    };
    let newest = objects::newest(read, bucket, &input.key)?;
    let written = newest.is_some_and(|version| version.number > upload.incarnation.0);
    if written || upload.record.overtaken {
        return Err(S3Error::ConditionalConflict { condition, key: input.key.clone() });
    }
    Ok(())
}

/// The object that this upload became, if it is still the newest of its key.
///
/// # Errors
/// The store's.
fn completed_before(
    read: &impl Read,
    bucket: &Bucket,
    key: &str,
    upload_id: &str,
) -> Result<Option<Version>, S3Error> {
    let number = number_of(upload_id).map(Incarnation);
    Ok(objects::newest(read, bucket, key)?.filter(|version| {
        let content = version.object.as_deref().map(|object| &object.content);
        matches!(content, Some(Content::Parts { upload, .. }) if Some(*upload) == number)
    }))
}

/// Makes the object of the named parts; the others are given up.
fn assemble(tx: &mut Tx, bucket: &Bucket, upload: &Upload, input: &Input) -> Result<ObjectRecord, S3Error> {
    let Some(given) = &input.multipart_upload else {
        return Err(S3Error::InvalidRequest { message: "You must specify at least one part".to_owned() });
    };
    let given = given.parts.as_deref().unwrap_or_default();
    // versitygw's issue 2111, whose authors asked AWS.
    if given.iter().any(|part| part.part_number.is_none() || part.e_tag.is_none()) {
        return Err(S3Error::MalformedXml);
    }
    let named: Vec<Named<'_>> = given
        .iter()
        .map(|part| Named {
            number: part.part_number.unwrap_or(0),
            etag: part.e_tag.as_deref().unwrap_or(""),
        })
        .collect();
    let refused = |fault| refused(fault, &named, &input.upload_id);
    let numbers = multipart::ordered(&named).map_err(refused)?;
    if bucket.is_directory() && !in_directory::is_gapless(&numbers) {
        return Err(refused(multipart::Fault::Order));
    }
    let mut present: BTreeMap<u16, PartRecord> =
        uploads::parts(tx, &bucket.scope, upload.incarnation, 0).collect::<Result<_, _>>()?;
    let chosen: Vec<Option<PartRecord>> = numbers.iter().map(|number| present.remove(number)).collect();
    let sizes: Vec<Option<Uploaded>> = chosen
        .iter()
        .map(|part| part.as_ref().map(|part| Uploaded { size: part.body.length(), md5: part.md5 }))
        .collect();
    let size = multipart::checked(&named, &sizes).map_err(refused)?;
    if let Some(announced) = &input.mpu_object_size {
        check_announced(announced, size)?;
    }
    let chosen: Vec<PartRecord> = chosen.into_iter().flatten().collect();
    let declared = upload.record.checksum.is_some();
    let checksum = checksum(upload.record.checksum, given, &chosen, input)?;
    for number in present.into_keys() {
        uploads::remove_part(tx, &bucket.scope, upload.incarnation, number)?;
    }
    Ok(ObjectRecord {
        size,
        etag: multipart::etag(chosen.iter().map(|part| part.md5)),
        content: Content::Parts {
            upload: upload.incarnation,
            count: u16::try_from(chosen.len()).unwrap_or(u16::MAX),
        },
        // Of an object under a customer's key, whose upload asked for none, none is kept (recorded of AWS by
        // LocalStack's test_multipart_upload_sse_c).
        checksum: Some(checksum).filter(|_| declared || upload.record.extras.customer.is_none()),
        description: upload.record.description.clone(),
        tags: upload.record.tags.clone(),
        nonce: None,
        extras: (upload.record.extras != Extras::default()).then(|| Box::new(upload.record.extras.clone())),
    })
}

/// Holds the size that a request announces against the size of the whole. Texts: an answer of AWS in versitygw's issue
/// 1398, and their test CompleteMultipartUpload_mpu_object_size.
fn check_announced(announced: &str, size: u64) -> Result<(), S3Error> {
    let message = match announced.trim().parse::<i64>() {
        Ok(given) if given == views::signed(size) => return Ok(()),
        Ok(given) if given < 0 => {
            format!("Value for x-amz-mp-object-size header is less than zero: '{given}'")
        }
        Ok(given) => format!(
            "The provided 'x-amz-mp-object-size' header value {given} does not match what was computed: {size}"
        ),
        Err(_) => format!("Value for x-amz-mp-object-size header is invalid: '{announced}'"),
    };
    Err(S3Error::InvalidRequest { message })
}

fn refused(fault: multipart::Fault, named: &[Named<'_>], upload_id: &str) -> S3Error {
    let etag = match &fault {
        multipart::Fault::Part(number) => {
            named.iter().find(|part| part.number == *number).map(|part| part.etag)
        }
        _ => None,
    };
    let etag = etag.unwrap_or("").trim_matches('"').to_owned();
    S3Error::Multipart { fault, upload_id: upload_id.to_owned(), etag }
}

/// The checksum of the whole: of the parts' checksums, or joined from them.
fn checksum(
    declared: Option<UploadChecksum>,
    given: &[api::CompletedPart],
    chosen: &[PartRecord],
    input: &Input,
) -> Result<ChecksumRecord, S3Error> {
    check_type(declared, input)?;
    check_parts(declared, given, chosen, &input.upload_id)?;
    let UploadChecksum { algorithm, composite } =
        declared.unwrap_or(UploadChecksum { algorithm: DEFAULT, composite: false });
    let kept = if composite {
        let joined: Vec<u8> = chosen.iter().flat_map(|part| part.checksum.iter().copied()).collect();
        let composite = u16::try_from(chosen.len()).ok();
        ChecksumRecord { algorithm, value: algorithm.of(&joined), composite }
    } else {
        let parts = chosen.iter().map(|part| (part.checksum.as_slice(), part.body.length()));
        let value = algorithm.join(parts).unwrap_or_default();
        ChecksumRecord { algorithm, value, composite: None }
    };
    // Without a checksum of its own, an upload ignores what is said of the whole.
    if declared.is_some() {
        check_whole(&kept, input)?;
    }
    Ok(kept)
}

/// A request that names a type of checksum names the upload's.
fn check_type(declared: Option<UploadChecksum>, input: &Input) -> Result<(), S3Error> {
    let Some(asked) = &input.checksum_type else { return Ok(()) };
    let declared = declared.map(checksum_type);
    if declared.as_ref() == Some(asked) {
        return Ok(());
    }
    let mode = declared.as_ref().map_or("null", |declared| declared.as_str());
    Err(S3Error::InvalidRequest {
        message: format!(
            "The upload was created using the {mode} checksum mode. The complete request must use the same checksum \
             mode."
        ),
    })
}

/// What the request says of the whole's checksum: of its algorithm, and of its type, which goes without
/// saying only where it is the algorithm's usual one.
fn check_whole(kept: &ChecksumRecord, input: &Input) -> Result<(), S3Error> {
    let members = checksum_members!(input);
    let Some((name, given)) = members.into_iter().find_map(|(name, value)| value.map(|value| (name, value)))
    else {
        return Ok(());
    };
    let usual = (Algorithm::of_name(name) == Some(Algorithm::Crc64Nvme)) == kept.composite.is_none();
    let same = Algorithm::of_name(name) == Some(kept.algorithm) && given == checksums::text(kept);
    if same && (usual || input.checksum_type.is_some()) {
        return Ok(());
    }
    Err(S3Error::BadChecksum { algorithm: kept.algorithm.name().to_ascii_lowercase().into() })
}

/// The checksums that the request gives of its parts, which a composite checksum needs of each.
fn check_parts(
    declared: Option<UploadChecksum>,
    given: &[api::CompletedPart],
    chosen: &[PartRecord],
    upload_id: &str,
) -> Result<(), S3Error> {
    for (part, stored) in given.iter().zip(chosen) {
        let members = checksum_members!(part);
        let told = members.into_iter().find_map(|(name, value)| value.map(|value| (name, value)));
        let number = part.part_number.unwrap_or(0);
        let unknown = || {
            let etag = part.e_tag.as_deref().unwrap_or_default().trim_matches('"').to_owned();
            let (fault, upload_id) = (multipart::Fault::Part(number), upload_id.to_owned());
            S3Error::Multipart { fault, upload_id, etag }
        };
        match (told, declared) {
            (None, Some(UploadChecksum { algorithm, composite: true })) => {
                return Err(S3Error::InvalidRequest {
                    message: format!(
                        "The upload was created using a {} checksum. The complete request must include the \
                         checksum for each part. It was missing for part {number} in the request.",
                        algorithm.name().to_ascii_lowercase()
                    ),
                });
            }
            (None, _) => {}
            (Some(_), None) => return Err(unknown()),
            (Some((name, _)), Some(declared)) if Algorithm::of_name(name) != Some(declared.algorithm) => {
                return Err(S3Error::BadPartChecksum { algorithm: name, number });
            }
            (Some((_, value)), Some(_)) if value != base64(&stored.checksum) => return Err(unknown()),
            (Some(_), Some(_)) => {}
        }
    }
    Ok(())
}

fn shown(
    input: &Input,
    bucket: &Bucket,
    version: &Version,
    location: String,
) -> api::CompleteMultipartUploadOutput {
    let mut output = api::CompleteMultipartUploadOutput {
        location: Some(location),
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        version_id: views::version_id(bucket, version),
        ..Default::default()
    };
    if let Some(object) = version.object.as_deref() {
        output.e_tag = Some(views::quoted(&object.etag));
        show_object_checksum!(output, &object.checksum);
        show_encryption!(output, &object.description.encryption);
        if object.customer().is_some() {
            output.server_side_encryption = None;
        }
    }
    output
}

//! CompleteMultipartUpload: the named parts become one object without being copied. Completing again
//! what was completed answers the same.

use crate::checksums::{self, DEFAULT, checksum_members, show_object_checksum};
use crate::errors::S3Error;
use crate::lookup;
use crate::notify::Origin;
use crate::rules::multipart::{self, Named, Uploaded, base64, number_of};
use crate::rules::notifications::Happening;
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
            let bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
            let upload = match lookup::upload(tx, &bucket, &input.key, &input.upload_id) {
                Ok(upload) => upload,
                Err(absent) => return completed_before(tx, bucket, input, absent),
            };
            let conditions =
                WriteConditions { matches: input.if_match.clone(), none_match: input.if_none_match.clone() };
            write::check(tx, &bucket, &input.key, &conditions)?;
            // An upload has up to ten thousand parts, and those that are not named go.
            tx.allow_large();
            let object = assemble(tx, &bucket, &upload, input)?;
            uploads::end(tx, &bucket, &input.key, upload.incarnation)?;
            let new = NewVersion { object, small: None, random };
            let version = write::commit(tx, &origin, &bucket, &input.key, &new, Happening::Completed)?;
            Ok((bucket, version))
        })
        .await?;
    Ok(shown(&input, &bucket, &version, location))
}

/// The object that this upload became, if it is still the newest of its key.
fn completed_before(
    read: &impl Read,
    bucket: Bucket,
    input: &Input,
    absent: S3Error,
) -> Result<(Bucket, Version), S3Error> {
    let number = number_of(&input.upload_id).map(Incarnation);
    let newest = objects::newest(read, &bucket, &input.key)?;
    let same = newest.filter(|version| {
        let content = version.object.as_deref().map(|object| &object.content);
        matches!(content, Some(Content::Parts { upload, .. }) if Some(*upload) == number)
    });
    same.map(|version| (bucket, version)).ok_or(absent)
}

/// Makes the object of the named parts; the others are given up.
fn assemble(tx: &mut Tx, bucket: &Bucket, upload: &Upload, input: &Input) -> Result<ObjectRecord, S3Error> {
    let given =
        input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_deref()).unwrap_or_default();
    let named: Vec<Named<'_>> = given
        .iter()
        .map(|part| Named {
            number: part.part_number.unwrap_or(0),
            etag: part.e_tag.as_deref().unwrap_or(""),
        })
        .collect();
    let refused = |fault| refused(fault, &named, &input.upload_id);
    let numbers = multipart::ordered(&named).map_err(refused)?;
    let mut present: BTreeMap<u16, PartRecord> =
        uploads::parts(tx, &bucket.scope, upload.incarnation, 0).collect::<Result<_, _>>()?;
    let chosen: Vec<Option<PartRecord>> = numbers.iter().map(|number| present.remove(number)).collect();
    let sizes: Vec<Option<Uploaded>> = chosen
        .iter()
        .map(|part| part.as_ref().map(|part| Uploaded { size: part.body.length(), md5: part.md5 }))
        .collect();
    let size = multipart::checked(&named, &sizes).map_err(refused)?;
    if let Some(announced) = input.mpu_object_size.filter(|announced| *announced != views::signed(size)) {
        return Err(S3Error::InvalidRequest {
            message: format!(
                "The provided 'x-amz-mp-object-size' header value {announced} does not match what was computed: {size}"
            ),
        });
    }
    let chosen: Vec<PartRecord> = chosen.into_iter().flatten().collect();
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
        checksum: Some(checksum),
        description: upload.record.description.clone(),
        tags: upload.record.tags.clone(),
        nonce: None,
        extras: (upload.record.extras != Extras::default()).then(|| Box::new(upload.record.extras.clone())),
    })
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
    if let Some(declared) = declared {
        check_parts(declared, given, chosen)?;
    }
    let declared = declared.unwrap_or(UploadChecksum { algorithm: DEFAULT, composite: false });
    let algorithm = declared.algorithm;
    let (value, composite) = if declared.composite {
        let joined: Vec<u8> = chosen.iter().flat_map(|part| part.checksum.iter().copied()).collect();
        (algorithm.of(&joined), u16::try_from(chosen.len()).ok())
    } else {
        let parts = chosen.iter().map(|part| (part.checksum.as_slice(), part.body.length()));
        (algorithm.join(parts).unwrap_or_default(), None)
    };
    if !declared.composite {
        let wanted = checksums::given(checksum_members!(input), None)?;
        if wanted.algorithm == Some(algorithm) && wanted.value.is_some_and(|wanted| wanted != value) {
            return Err(S3Error::BadChecksum { algorithm: algorithm.name() });
        }
    }
    Ok(ChecksumRecord { algorithm, value, composite })
}

/// The checksums that the request gives of its parts, which a composite checksum needs of each.
fn check_parts(
    declared: UploadChecksum,
    given: &[api::CompletedPart],
    chosen: &[PartRecord],
) -> Result<(), S3Error> {
    let algorithm = declared.algorithm;
    for (part, stored) in given.iter().zip(chosen) {
        let members = checksum_members!(part);
        let of_algorithm = |name: &str| Algorithm::of_name(name) == Some(algorithm);
        let value = members.iter().find(|(name, _)| of_algorithm(name)).and_then(|(_, value)| *value);
        let number = part.part_number.unwrap_or(0);
        match value {
            Some(value) if value == base64(&stored.checksum) => {}
            Some(_) => {
                let fault = multipart::Fault::Part(number);
                let etag = part.e_tag.clone().unwrap_or_default();
                return Err(S3Error::Multipart { fault, upload_id: String::new(), etag });
            }
            None if declared.composite => {
                return Err(S3Error::InvalidRequest {
                    message: format!(
                        "The upload was created using a {} checksum. The complete request must include the \
                         checksum for each part. It was missing for part {number} in the request.",
                        algorithm.name().to_ascii_lowercase()
                    ),
                });
            }
            None => {}
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

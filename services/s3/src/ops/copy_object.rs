//! CopyObject: a new object out of one that is there. Where the content and its checksum stay the same
//! the bytes are shared and not copied.

use crate::checksums::{DEFAULT, show_object_checksum};
use crate::describe::{Wishes, wishes};
use crate::errors::S3Error;
use crate::in_directory;
use crate::intake::{self, Intake};
use crate::lookup;
use crate::notify::Origin;
use crate::rules::conditions::{Conditions, since};
use crate::rules::multipart::MAX_PUT_BYTES;
use crate::rules::notifications::Happening;
use crate::sealing::{Customer, customer_members, show_customer};
use crate::source::Source;
use crate::state::buckets::Bucket;
use crate::state::{ChecksumRecord, Content, Description, ObjectRecord, objects, whole_seconds};
use crate::views::{self, show_encryption};
use crate::write::{self, NewVersion, WriteConditions};
use model_s3 as api;
use names::Tags;
use service::checksum::Algorithm;
use service::{Ctx, hex};
use std::sync::Arc;
use store::{BlobRef, Tx};

type Input = api::CopyObjectInput;

/// CopyObject.
pub async fn copy_object(ctx: Ctx, input: Arc<Input>) -> Result<api::CopyObjectOutput, S3Error> {
    lookup::check_key(&input.key)?;
    let bucket = lookup::reached(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
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
    let source_key = Customer::of_source(customer_members!(source input))?;
    let source = Source::find(&ctx, &input.copy_source, expected_owner, &conditions, source_key);
    let source = source.map_err(|error| match error {
        // versioning_mix.md of dyus/meeseeks-s3, recorded on AWS in 2026: UploadPartCopy says what is wrong.
        S3Error::NoVersionId { id, .. } if !id.is_empty() => {
            S3Error::InvalidRequest { message: "Invalid Request".to_owned() }
        }
        error => error,
    })?;
    check_source(&input, &bucket, &source)?;
    let (description, tags) = described(&ctx, &input, &source, &bucket)?;
    let wishes: Wishes<'_> = wishes!(input);
    let customer = wishes.customer()?;
    let salted = customer.as_ref().map(|customer| (customer, ctx.host().entropy.bytes()));
    let extras = wishes.extras(&bucket, &ctx, salted)?;
    let copied = content(&ctx, &input, (&source, &bucket), customer.as_ref()).await?;
    let mut object = ObjectRecord { description, tags, extras, ..copied.object };
    if bucket.is_directory() {
        object.etag = hex(&in_directory::tag(&ctx, &bucket, [0; 16]));
        in_directory::check_tags(&object.tags)?;
    }
    let mut output = api::CopyObjectOutput {
        copy_source_version_id: source.found.version.id.clone(),
        ..Default::default()
    };
    show_encryption!(output, &object.description.encryption);
    show_customer!(output, object.customer());
    let mut result = api::CopyObjectResult { e_tag: Some(views::quoted(&object.etag)), ..Default::default() };
    show_object_checksum!(result, &object.checksum);
    let new = NewVersion { object, small: copied.small, random: ctx.host().entropy.bytes() };
    let origin = Origin::of(&ctx);
    result.last_modified = Some(whole_seconds(origin.at));
    let conditions =
        WriteConditions { matches: input.if_match.clone(), none_match: input.if_none_match.clone() };
    let committed = ctx
        .commit(move |tx: &mut Tx| {
            let bucket = lookup::reached(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
            write::check(tx, &bucket, &input.key, &conditions)?;
            still_there(tx, &source, &new)?;
            let version = write::commit(tx, &origin, &bucket, &input.key, &new, Happening::Copy)?;
            Ok(views::version_id(&bucket, &version))
        })
        .await;
    match committed {
        Ok(version_id) => {
            output.version_id = version_id;
            output.copy_object_result = Some(result);
            Ok(output)
        }
        Err(error) => {
            if let Some(body) = copied.fresh {
                intake::abandon(&ctx, &body).await;
            }
            Err(error)
        }
    }
}

/// Bytes that are shared must not have been given up since they were found.
fn still_there(tx: &Tx, source: &Source, new: &NewVersion) -> Result<(), S3Error> {
    let version = &source.found.version;
    let shared =
        matches!(&new.object.content, Content::Blob(_)) && new.object.content == source.found.object.content;
    if !shared {
        return Ok(());
    }
    let key = &source.key;
    let present = objects::by_id(tx, &source.bucket, key, version.shown_id())?;
    if present.is_some_and(|present| present.number == version.number) {
        Ok(())
    } else {
        Err(S3Error::no_key(key))
    }
}

/// What cannot be a source.
fn check_source(input: &Input, bucket: &Bucket, source: &Source) -> Result<(), S3Error> {
    if source.found.object.size > MAX_PUT_BYTES {
        return Err(S3Error::InvalidRequest {
            message: format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_PUT_BYTES}"
            ),
        });
    }
    let replaces = !matches!(input.metadata_directive, None | Some(api::MetadataDirective::Copy));
    let changes = replaces
        || input.storage_class.is_some()
        || input.website_redirect_location.is_some()
        || input.server_side_encryption.is_some()
        || input.sse_customer_algorithm.is_some()
        || input.copy_source_sse_customer_algorithm.is_some()
        || bucket.record.encryption.is_some()
        || !matches!(input.tagging_directive, None | Some(api::TaggingDirective::Copy));
    let itself = source.bucket.incarnation() == bucket.incarnation() && source.key == input.key;
    if itself && !changes && !source.named_version {
        return Err(S3Error::InvalidRequest {
            message: "This copy request is illegal because it is trying to copy an object to itself without \
                      changing the object's metadata, storage class, website redirect location or encryption \
                      attributes."
                .to_owned(),
        });
    }
    Ok(())
}

/// The description and tags of the copy: the source's, or new ones where the directive says so.
fn described(
    ctx: &Ctx,
    input: &Input,
    source: &Source,
    bucket: &Bucket,
) -> Result<(Description, Tags), S3Error> {
    let wishes: Wishes<'_> = wishes!(input);
    let new = wishes.describe(bucket, ctx)?;
    let old = source.found.object.description.clone();
    let description = match &input.metadata_directive {
        None | Some(api::MetadataDirective::Copy) => Description {
            storage_class: new.storage_class,
            encryption: new.encryption,
            website_redirect: new.website_redirect,
            ..old
        },
        Some(api::MetadataDirective::Replace) => new,
        Some(api::MetadataDirective::Other(other)) => {
            return Err(S3Error::InvalidArgument {
                message: "Unknown metadata directive.",
                name: "x-amz-metadata-directive",
                value: other.clone(),
            });
        }
    };
    let tags = match &input.tagging_directive {
        None | Some(api::TaggingDirective::Copy) => source.found.object.tags.clone(),
        Some(api::TaggingDirective::Replace) => wishes.tags()?,
        Some(api::TaggingDirective::Other(other)) => {
            return Err(S3Error::InvalidArgument {
                message: "Unknown tagging directive.",
                name: "x-amz-tagging-directive",
                value: other.clone(),
            });
        }
    };
    Ok((description, tags))
}

/// The content of a copy.
struct Copied {
    object: ObjectRecord,
    small: Option<bytes::Bytes>,
    /// Bytes that were written for it.
    fresh: Option<BlobRef>,
}

/// The content of the copy: shared where it is one blob whose checksum stays, else read and taken in.
async fn content(
    ctx: &Ctx,
    input: &Input,
    (source, bucket): (&Source, &Bucket),
    customer: Option<&Customer>,
) -> Result<Copied, S3Error> {
    // The tag of an object in a directory bucket does not tell the MD5, which elsewhere is the copy's.
    let tagged_alike = bucket.is_directory() || !source.bucket.is_directory();
    let old = &source.found.object;
    let asked = match &input.checksum_algorithm {
        None => None,
        Some(named) => Some(
            Algorithm::of_name(named.as_str())
                .ok_or(S3Error::NotImplemented { header: "x-amz-checksum-algorithm" })?,
        ),
    };
    let kept = old.checksum.as_ref().filter(|checksum| checksum.composite.is_none());
    let algorithm = asked.or(old.checksum.as_ref().map(|checksum| checksum.algorithm)).unwrap_or(DEFAULT);
    let own_keys = customer.is_some() || source.customer.is_some();
    if matches!(old.content, Content::Blob(_))
        && !own_keys
        && tagged_alike
        && kept.is_some_and(|checksum| checksum.algorithm == algorithm)
    {
        return Ok(Copied { object: (**old).clone(), small: None, fresh: None });
    }
    let intake = Intake::begin(ctx.host(), customer, algorithm, None);
    let taken = source.pour(ctx, 0..old.size, intake).await?;
    let (content, small) = write::placed(&taken.body);
    let checksum = ChecksumRecord { algorithm, value: taken.checksum, composite: None };
    let object = ObjectRecord {
        etag: hex(&taken.md5),
        content,
        checksum: Some(checksum),
        nonce: Some(taken.nonce),
        ..(**old).clone()
    };
    Ok(Copied { object, small, fresh: Some(taken.body) })
}

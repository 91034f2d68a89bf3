//! RenameObject: an object of a directory bucket under another key, in one commit and without its bytes being touched.
//! All that is known of it stays, also when it was changed. What was there under the new key is gone.
//! S3 User Guide, "Renaming objects in directory buckets".

use crate::errors::S3Error;
use crate::lookup;
use crate::rules::conditions::{Conditions, State};
use crate::rules::directory_buckets::{Fault, rename_source};
use crate::state::buckets::Bucket;
use crate::state::{Version, objects, uploads};
use model_s3 as api;
use names::Timestamp;
use percent_encoding::percent_decode_str;
use service::{Ctx, Once, once};
use std::sync::Arc;
use store::Tx;

/// How long a token is known, in milliseconds.
const KNOWN_MS: i64 = 15 * 60 * 1000;

type Input = api::RenameObjectInput;

/// RenameObject.
pub async fn rename_object(ctx: Ctx, input: Arc<Input>) -> Result<api::RenameObjectOutput, S3Error> {
    lookup::check_key(&input.key)?;
    let bucket = lookup::bucket(&ctx.read(), &input.bucket, None)?;
    if !bucket.is_directory() {
        return Err(S3Error::MethodNotAllowed);
    }
    let decoded = percent_decode_str(&input.rename_source).decode_utf8().map_err(|_| source_fault(&input))?;
    let source = rename_source(&decoded, &input.bucket);
    lookup::check_key(&source).map_err(|_| source_fault(&input))?;
    if source.ends_with('/') || input.key.ends_with('/') {
        return Err(S3Error::InDirectory(Fault::FolderRenamed));
    }
    if source == input.key {
        return Err(S3Error::InDirectory(Fault::SameName));
    }
    let now = ctx.now();
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::bucket(tx, &input.bucket, None)?;
        let Some(token) = input.client_token.as_deref().filter(|token| !token.is_empty()) else {
            return rename(tx, &bucket, &source, &input, now);
        };
        let purpose = format!("s3:RenameObject {}", bucket.incarnation().0);
        let asked = format!("{:?}", api::RenameObjectInput { client_token: None, ..(*input).clone() });
        let place = (&bucket.scope, purpose.as_str(), token);
        let until = now.plus_millis(KNOWN_MS);
        let done = once(tx, place, asked.as_bytes(), (now, until), |tx| {
            rename(tx, &bucket, &source, &input, now).map(|()| Vec::new())
        })?;
        match done {
            Once::Done(_) | Once::Repeated(_) => Ok(()),
            Once::Mismatch => Err(S3Error::InDirectory(Fault::OtherRequest)),
        }
    })
    .await?;
    Ok(api::RenameObjectOutput::default())
}

fn source_fault(input: &Input) -> S3Error {
    S3Error::InvalidArgument {
        message: "Invalid rename source object key",
        name: "x-amz-rename-source",
        value: input.rename_source.clone(),
    }
}

fn rename(tx: &mut Tx, bucket: &Bucket, source: &str, input: &Input, now: Timestamp) -> Result<(), S3Error> {
    let moved = objects::newest(tx, bucket, source)?.ok_or_else(|| S3Error::no_key(source))?;
    let of_source = Conditions {
        matches: input.source_if_match.as_deref(),
        none_match: input.source_if_none_match.as_deref(),
        modified_since: Conditions::not_ahead(input.source_if_modified_since, now),
        unmodified_since: input.source_if_unmodified_since,
    };
    check(Some(&moved), &of_source, "x-amz-rename-source-")?;
    let replaced = objects::newest(tx, bucket, &input.key)?;
    let of_destination = Conditions {
        matches: input.destination_if_match.as_deref(),
        none_match: input.destination_if_none_match.as_deref(),
        modified_since: Conditions::not_ahead(input.destination_if_modified_since, now),
        unmodified_since: input.destination_if_unmodified_since,
    };
    check(replaced.as_ref(), &of_destination, "")?;
    // Uploads to either key that are on the condition of what was there find that something happened to it.
    uploads::overtake(tx, bucket, source)?;
    uploads::overtake(tx, bucket, &input.key)?;
    objects::rename(tx, bucket, source, &input.key)?;
    Ok(())
}

/// Holds conditions against an object, or against there being none: then those fail that need one.
fn check(version: Option<&Version>, conditions: &Conditions<'_>, prefix: &str) -> Result<(), S3Error> {
    let broken = match version.and_then(|version| Some((version, version.object.as_deref()?))) {
        Some((version, object)) => conditions
            .check(State { etag: &object.etag, modified: version.modified })
            .err()
            .map(|it| it.header()),
        None if conditions.matches.is_some() => Some("If-Match"),
        None if conditions.modified_since.is_some() => Some("If-Modified-Since"),
        None => None,
    };
    match broken {
        Some(header) => Err(S3Error::PreconditionFailed { condition: format!("{prefix}{header}") }),
        None => Ok(()),
    }
}

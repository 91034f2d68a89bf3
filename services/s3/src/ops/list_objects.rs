//! ListObjects and ListObjectsV2: the newest versions of keys, page by page.

use crate::errors::S3Error;
use crate::in_directory;
use crate::lookup;
use crate::page::{Entries, Listing};
use crate::rules::listing::{self, MAX_PAGE, Page, Query, url_encoded};
use crate::state::buckets::Bucket;
use crate::state::listed::Listed;
use crate::state::{Ownership, objects};
use crate::views;
use model_s3 as api;
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Read, Snapshot};

/// A number that a listing is asked with: not below zero.
///
/// # Errors
/// Where it is.
pub fn whole_number(asked: i32, name: &'static str) -> Result<usize, S3Error> {
    usize::try_from(asked).map_err(|_| S3Error::NegativeArgument { name, value: asked })
}

/// The size of a page that is asked for.
///
/// # Errors
/// Where it is negative.
pub fn page_limit(asked: Option<i32>, name: &'static str) -> Result<usize, S3Error> {
    Ok(whole_number(asked.unwrap_or(1000), name)?.min(MAX_PAGE))
}

/// Keys as they are answered: as they are, or encoded.
///
/// # Errors
/// Where the encoding is unknown.
pub fn encoder(encoding: Option<&api::EncodingType>) -> Result<fn(&str) -> String, S3Error> {
    match encoding {
        None => Ok(str::to_owned),
        Some(api::EncodingType::Url) => Ok(url_encoded),
        Some(api::EncodingType::Other(other)) => Err(S3Error::InvalidArgument {
            message: "Invalid Encoding Method specified in Request",
            name: "encoding-type",
            value: other.clone(),
        }),
    }
}

/// Common prefixes as they are answered.
pub fn prefixes(found: &[String], encode: fn(&str) -> String) -> Option<Vec<api::CommonPrefix>> {
    let shown = found.iter().map(|prefix| api::CommonPrefix { prefix: Some(encode(prefix)) });
    (!found.is_empty()).then(|| shown.collect())
}

fn read_page(read: &impl Read, bucket: &Bucket, query: Query<'_>) -> Result<Page<Listed>, Fault> {
    let open = |from: listing::From<'_>| objects::listed(read, bucket, query.prefix, from);
    listing::page(query, open, |_, version: &Listed| version.object.is_some())
}

/// Who owns the objects of a page, where that is answered.
enum Owners<'r> {
    Untold,
    /// All are the bucket's owner's.
    One(Arc<api::Owner>),
    /// Each is its writer's: told by the whole row.
    Each(&'r Snapshot, &'r Bucket),
}

impl<'r> Owners<'r> {
    fn of(read: &'r Snapshot, bucket: &'r Bucket) -> Self {
        match bucket.record.ownership {
            Some(Ownership::BucketOwnerEnforced) => Owners::One(Arc::new(views::owner(bucket.owner))),
            _ => Owners::Each(read, bucket),
        }
    }

    fn owner(&self, key: &str) -> Result<Option<Arc<api::Owner>>, Fault> {
        Ok(match self {
            Owners::Untold => None,
            Owners::One(owner) => Some(owner.clone()),
            Owners::Each(read, bucket) => {
                let newest = objects::newest(*read, bucket, key)?;
                let writer = newest.as_ref().and_then(|version| version.object.as_ref()?.writer());
                Some(Arc::new(views::owner_of(writer, bucket)))
            }
        })
    }
}

fn contents(
    page: Page<Listed>,
    owners: &Owners<'_>,
    encode: Option<fn(&str) -> String>,
) -> Result<Entries, Fault> {
    let mut shown = Entries::with_capacity(page.rows.len());
    for (key, version) in page.rows {
        let Some(object) = version.object else { continue };
        let owner = owners.owner(&key)?;
        let key = match encode {
            Some(encode) => encode(&key),
            None => key,
        };
        shown.add(key, version.modified, object, owner);
    }
    Ok(shown)
}

/// ListObjects: pages begin behind a marker, which is a key or a common prefix.
pub async fn list_objects(
    ctx: Ctx,
    input: Arc<api::ListObjectsInput>,
) -> Result<Listing<api::ListObjectsOutput>, S3Error> {
    let limit = page_limit(input.max_keys, "maxKeys")?;
    let encode = encoder(input.encoding_type.as_ref())?;
    let encoded = input.encoding_type.as_ref().map(|_| encode);
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or(""),
        delimiter,
        after: input.marker.as_deref().unwrap_or(""),
        within_after: false,
        limit,
    };
    let page = read_page(&read, &bucket, query)?;
    let next = page.last.as_deref().filter(|_| page.truncated && delimiter.is_some());
    let head = api::ListObjectsOutput {
        is_truncated: Some(page.truncated),
        marker: Some(encode(query.after)),
        next_marker: next.map(encode),
        name: Some(input.bucket.clone()),
        prefix: Some(encode(query.prefix)),
        delimiter: delimiter.map(encode),
        max_keys: i32::try_from(limit).ok(),
        common_prefixes: prefixes(&page.prefixes, encode),
        encoding_type: input.encoding_type.clone(),
        contents: None,
        request_charged: None,
        bucket_region: Some(bucket.record.region.to_string()),
    };
    Ok(Listing::new(head, contents(page, &Owners::of(&read, &bucket), encoded)?))
}

/// ListObjectsV2: pages begin behind what a token stands for, or behind a key.
pub async fn list_objects_v2(
    ctx: Ctx,
    input: Arc<api::ListObjectsV2Input>,
) -> Result<Listing<api::ListObjectsV2Output>, S3Error> {
    let limit = page_limit(input.max_keys, "maxKeys")?;
    let encode = encoder(input.encoding_type.as_ref())?;
    let encoded = input.encoding_type.as_ref().map(|_| encode);
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let position = match &input.continuation_token {
        None => None,
        Some(token) => Some(position(&ctx, &input.bucket, token)?),
    };
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let query = Query {
        prefix: input.prefix.as_deref().unwrap_or(""),
        delimiter,
        after: position.as_deref().or(input.start_after.as_deref()).unwrap_or(""),
        within_after: false,
        limit,
    };
    let mut page = read_page(&read, &bucket, query)?;
    if bucket.is_directory() {
        in_directory::check_listing(query, input.start_after.is_some())?;
        page = in_directory::with_uploads(&read, &bucket, query, page)?;
    }
    let last = page.last.as_deref().filter(|_| page.truncated);
    let next_continuation_token = last.map(|last| ctx.page_token(&input.bucket, last.as_bytes()));
    let owners = if input.fetch_owner == Some(true) { Owners::of(&read, &bucket) } else { Owners::Untold };
    let head = api::ListObjectsV2Output {
        is_truncated: Some(page.truncated),
        name: Some(input.bucket.clone()),
        prefix: Some(encode(query.prefix)),
        delimiter: delimiter.map(encode),
        max_keys: i32::try_from(limit).ok(),
        common_prefixes: prefixes(&page.prefixes, encode),
        encoding_type: input.encoding_type.clone(),
        key_count: i32::try_from(page.rows.len() + page.prefixes.len()).ok(),
        continuation_token: input.continuation_token.clone(),
        next_continuation_token,
        // A token takes its place, and it is not answered then.
        start_after: input.start_after.as_deref().filter(|_| input.continuation_token.is_none()).map(encode),
        contents: None,
        request_charged: None,
        bucket_region: Some(bucket.record.region.to_string()),
    };
    Ok(Listing::new(head, contents(page, &owners, encoded)?))
}

fn position(ctx: &Ctx, bucket: &str, token: &str) -> Result<String, S3Error> {
    let position = ctx.page_position(bucket, token).and_then(|position| String::from_utf8(position).ok());
    position.ok_or_else(|| S3Error::UntoldArgument {
        message: "The continuation token provided is incorrect".into(),
        name: "continuation-token",
    })
}

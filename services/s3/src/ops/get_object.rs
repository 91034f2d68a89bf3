//! GetObject and HeadObject: the same decisions, with the content or without.

use crate::access;
use crate::checksums::{show_checksum, show_object_checksum};
use crate::errors::S3Error;
use crate::expiry;
use crate::lookup::{self, Found};
use crate::outflow::Outflow;
use crate::policy::unless_hidden;
use crate::rules::conditions::{Conditions, State, heeds_range, since};
use crate::rules::multipart::{base64, part_number};
use crate::rules::ranges::{self, Asked, ByteRange};
use crate::sealing::{self, Customer, customer_members, show_customer};
use crate::state::buckets::Bucket;
use crate::state::{ChecksumRecord, Content, ObjectRecord, uploads};
use crate::views::{self, show_object};
use model_s3 as api;
use ports::Caller;
use service::Ctx;
use std::sync::Arc;
use store::Read;

/// What of an object is answered.
#[derive(Debug, Clone, Default)]
struct Selected {
    /// The bytes; `None` for all of them.
    range: Option<ByteRange>,
    /// How many parts the object has, where a part was asked for.
    parts: Option<u16>,
    /// The checksum of that part, where the object's is made of those of its parts.
    checksum: Option<Vec<u8>>,
}

impl Selected {
    fn bytes(range: Option<ByteRange>) -> Self {
        Selected { range, ..Selected::default() }
    }

    /// The checksum of what is answered: the object's for all of it, a part's for that part, none for any
    /// other range.
    fn checksum_of(&self, object: &ObjectRecord) -> Option<ChecksumRecord> {
        let kept = object.checksum.as_ref()?;
        match (&self.checksum, self.range) {
            (Some(value), _) => Some(ChecksumRecord { value: value.clone(), ..kept.clone() }),
            (None, Some(range)) if range.length() != object.size => None,
            (None, _) => Some(kept.clone()),
        }
    }
}

/// Chooses what of an object is answered.
fn selected(
    read: &impl Read,
    bucket: &Bucket,
    found: &Found,
    range: Option<&str>,
    part: Option<i32>,
) -> Result<Selected, S3Error> {
    let size = found.object.size;
    match (range, part) {
        (Some(_), Some(_)) => Err(S3Error::InvalidRequest {
            message: "Cannot specify both Range header and partNumber query parameter".to_owned(),
        }),
        (None, Some(part)) => part_of(read, bucket, found, part),
        (None, None) => Ok(Selected::bytes(None)),
        (Some(header), None) => match ranges::asked(header, size) {
            Asked::Whole => Ok(Selected::bytes(None)),
            Asked::Part(range) => Ok(Selected::bytes(Some(range))),
            Asked::Unsatisfiable => Err(S3Error::InvalidRange { asked: header.to_owned(), size }),
        },
    }
}

/// The bytes of a part; an object that was put whole is its own first part.
fn part_of(read: &impl Read, bucket: &Bucket, found: &Found, part: i32) -> Result<Selected, S3Error> {
    let size = found.object.size;
    let number = part_number(part).ok_or_else(|| S3Error::InvalidArgument {
        message: "Part number must be an integer between 1 and 10000, inclusive",
        name: "partNumber",
        value: part.to_string(),
    })?;
    let Content::Parts { upload, count } = found.object.content else {
        let whole = (size > 0).then(|| ByteRange { first: 0, last: size - 1 });
        return if number == 1 {
            Ok(Selected::bytes(whole))
        } else {
            Err(S3Error::InvalidPartNumber { asked: part, count: 1 })
        };
    };
    let mut begin = 0;
    // Parts are counted by their place in the object, whatever number they were uploaded under.
    for (place, row) in (1..=count).zip(uploads::parts(read, &bucket.scope, upload, 0)) {
        let part = row?.1;
        let length = part.body.length();
        if place == number && length > 0 {
            let range = ByteRange { first: begin, last: begin + length - 1 };
            let composite = found.object.checksum.as_ref().is_some_and(|kept| kept.composite.is_some());
            let checksum = composite.then_some(part.checksum);
            return Ok(Selected { range: Some(range), parts: Some(count), checksum });
        }
        begin += length;
    }
    Err(S3Error::InvalidPartNumber { asked: part, count: count.into() })
}

fn state(found: &Found) -> State<'_> {
    State { etag: &found.object.etag, modified: found.version.modified }
}

fn checked(found: &Found, conditions: &Conditions<'_>) -> Result<(), S3Error> {
    let state = state(found);
    conditions.check(state).map_err(|broken| S3Error::broken(broken, state.etag, state.modified))
}

macro_rules! conditions {
    ($ctx:expr, $input:expr) => {
        Conditions {
            matches: $input.if_match.as_deref(),
            none_match: $input.if_none_match.as_deref(),
            modified_since: Conditions::not_ahead(since($input.if_modified_since.as_deref()), $ctx.now()),
            unmodified_since: since($input.if_unmodified_since.as_deref()),
        }
    };
}

macro_rules! answered {
    ($output:ident, $input:expr, $bucket:expr, $found:expr, $selected:expr) => {{
        let (input, found, selected): (_, &Found, &Selected) = ($input, $found, &$selected);
        let size = found.object.size;
        let mut output = api::$output::default();
        show_object!(output, $bucket, &found.version, &found.object);
        show_customer!(output, found.object.customer());
        output.content_length = Some(views::signed(selected.range.map_or(size, ByteRange::length)));
        output.content_range = selected.range.map(|range| range.content_range(size));
        output.parts_count = selected.parts.map(i32::from);
        if input.checksum_mode.as_ref().is_some_and(|mode| mode.as_str().eq_ignore_ascii_case("ENABLED")) {
            show_object_checksum!(output, &selected.checksum_of(&found.object));
            if let (Some(kept), Some(value)) = (&found.object.checksum, &selected.checksum) {
                show_checksum!(output, kept.algorithm, base64(value));
            }
        }
        let instead = |given: &Option<String>, kept: &mut Option<String>| {
            if given.is_some() {
                kept.clone_from(given);
            }
        };
        instead(&input.response_cache_control, &mut output.cache_control);
        instead(&input.response_content_disposition, &mut output.content_disposition);
        instead(&input.response_content_encoding, &mut output.content_encoding);
        instead(&input.response_content_language, &mut output.content_language);
        instead(&input.response_content_type, &mut output.content_type);
        instead(&input.response_expires.map(|moment| moment.http_date()), &mut output.expires);
        output
    }};
}

/// Whether a request says which headers its answer is to have.
fn overrides(input: &api::GetObjectInput) -> bool {
    let texts = [
        &input.response_cache_control,
        &input.response_content_disposition,
        &input.response_content_encoding,
        &input.response_content_language,
        &input.response_content_type,
    ];
    input.response_expires.is_some() || texts.into_iter().any(Option::is_some)
}

/// GetObject.
pub async fn get_object(ctx: Ctx, input: Arc<api::GetObjectInput>) -> Result<api::GetObjectOutput, S3Error> {
    if matches!(ctx.caller(), Caller::Anonymous) && overrides(&input) {
        // GetObject, API reference: such parameters need a signed request.
        let message = "Request specific response headers cannot be used for anonymous GET requests.";
        return Err(S3Error::InvalidRequest { message: message.to_owned() });
    }
    sealing::not_asked_for(input.server_side_encryption.as_ref())?;
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let found = lookup::object(&read, &bucket, (&input.key, input.version_id.as_deref()), "GET")
        .map_err(|error| unless_hidden(&ctx, &input.bucket, error))?;
    access::of_writer(&ctx, &bucket, &input.key, &found.object, "s3:GetObject")?;
    checked(&found, &conditions!(ctx, input))?;
    if lookup::is_out_of_reach(&found.object, ctx.now()) {
        let storage_class = found.object.description.storage_class.clone();
        return Err(S3Error::InvalidObjectState { storage_class });
    }
    let customer = Customer::reading(customer_members!(input))?;
    let range = input.range.as_deref().filter(|_| heeds_range(input.if_range.as_deref(), state(&found)));
    let selected = selected(&read, &bucket, &found, range, input.part_number)?;
    let bytes = selected.range.map_or(0..found.object.size, |range| range.first..range.last + 1);
    let length = bytes.end - bytes.start;
    let place = (&bucket, &found.version, &*found.object);
    let outflow = Outflow::open(ctx.host(), &read, place, customer, bytes).await?;
    let mut output = answered!(GetObjectOutput, &input, &bucket, &found, selected);
    output.request_charged = access::charged(&ctx, &bucket)?;
    // Of a version that is named, nothing is said, be it the newest (recorded of AWS by LocalStack's
    // test_bucket_lifecycle_configuration_object_expiry_versioned).
    if input.version_id.is_none() {
        output.expiration = expiry::of_version(&read, &bucket, &input.key, (&found.version, &found.object))?;
    }
    output.body = Some(outflow.into_body(length).await?);
    Ok(output)
}

/// HeadObject.
pub async fn head_object(
    ctx: Ctx,
    input: Arc<api::HeadObjectInput>,
) -> Result<api::HeadObjectOutput, S3Error> {
    sealing::not_asked_for(input.server_side_encryption.as_ref())?;
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let found = lookup::object(&read, &bucket, (&input.key, input.version_id.as_deref()), "HEAD")
        .map_err(|error| unless_hidden(&ctx, &input.bucket, error))?;
    access::of_writer(&ctx, &bucket, &input.key, &found.object, "s3:GetObject")?;
    checked(&found, &conditions!(ctx, input))?;
    sealing::check(&found.object, Customer::reading(customer_members!(input))?.as_ref())?;
    let range = input.range.as_deref().filter(|_| heeds_range(input.if_range.as_deref(), state(&found)));
    let selected = selected(&read, &bucket, &found, range, input.part_number)?;
    let mut output = answered!(HeadObjectOutput, &input, &bucket, &found, selected);
    output.request_charged = access::charged(&ctx, &bucket)?;
    if input.version_id.is_none() {
        output.expiration = expiry::of_version(&read, &bucket, &input.key, (&found.version, &found.object))?;
    }
    Ok(output)
}

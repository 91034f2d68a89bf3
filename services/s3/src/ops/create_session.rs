//! CreateSession: credentials for five minutes with one directory bucket. They are kept nowhere: their token says what
//! they are good for.

use crate::errors::S3Error;
use crate::rules::directory_buckets as directory;
use crate::rules::kms::key_arn;
use crate::sessions::{self, Session};
use crate::state::Encryption;
use crate::state::buckets::{self, Bucket};
use crate::views::show_encryption;
use ::names::Region;
use model_s3 as api;
use service::{Ctx, Demand, Loan, Peek};
use std::future::{Ready, ready};
use std::sync::Arc;

/// How long a session lasts, in milliseconds.
const LASTS_MS: i64 = 5 * 60 * 1000;

/// What beginning a session needs. Where the request names no mode, the operation asks itself for the most that
/// the caller may have.
pub fn demands(peek: Peek, input: Arc<api::CreateSessionInput>) -> Ready<Result<Vec<Demand>, S3Error>> {
    // Whoever has a session cannot go on with it for ever.
    if let Err(refused) = sessions::only_of_directory_buckets(&peek) {
        return ready(Err(refused));
    }
    let writes = input.session_mode.as_ref().map(|mode| *mode != api::SessionMode::ReadOnly);
    let demands = writes.into_iter().map(|writes| sessions::beginning(&peek, &input.bucket, writes));
    ready(demands.collect())
}

/// Whether the session writes: as asked for, or else if the caller may.
fn writes(ctx: &Ctx, input: &api::CreateSessionInput) -> Result<bool, S3Error> {
    match &input.session_mode {
        Some(api::SessionMode::ReadWrite) => Ok(true),
        Some(api::SessionMode::ReadOnly) => Ok(false),
        Some(api::SessionMode::Other(other)) => Err(S3Error::InvalidArgument {
            message: "The session mode is not valid.",
            name: "x-amz-create-session-mode",
            value: other.clone(),
        }),
        None => {
            let peek = Peek::new(ctx.clone());
            if ctx.permit(&sessions::beginning(&peek, &input.bucket, true)?).is_ok() {
                return Ok(true);
            }
            ctx.permit(&sessions::beginning(&peek, &input.bucket, false)?)?;
            Ok(false)
        }
    }
}

/// How what is put in the session is encrypted, where the request says so.
fn encryption(
    ctx: &Ctx,
    input: &api::CreateSessionInput,
    region: &Region,
) -> Result<Option<Encryption>, S3Error> {
    let key = input.ssekms_key_id.as_deref();
    match (input.server_side_encryption.as_ref().map(|algorithm| algorithm.as_str()), key) {
        (None, None) => Ok(None),
        (Some("AES256"), None) => Ok(Some(Encryption::default())),
        (Some("aws:kms"), Some(key)) => {
            let kms_key = Some(key_arn(Some(key), region, ctx.account()).map_err(S3Error::Key)?);
            Ok(Some(Encryption { algorithm: "aws:kms".to_owned(), kms_key, bucket_key: true }))
        }
        (Some("aws:kms"), None) => Err(S3Error::InvalidArgument {
            message: "The header x-amz-server-side-encryption-aws-kms-key-id is required for aws:kms.",
            name: "x-amz-server-side-encryption-aws-kms-key-id",
            value: String::new(),
        }),
        (given, _) => Err(S3Error::InvalidArgument {
            message: "The encryption method specified is not supported",
            name: "x-amz-server-side-encryption",
            value: given.unwrap_or_default().to_owned(),
        }),
    }
}

/// CreateSession. SDKs that are given an endpoint of their own begin a session before they make a bucket, too: so the
/// name alone is looked at, and what is done with a bucket that is not there fails by itself.
pub async fn create(
    ctx: Ctx,
    input: Arc<api::CreateSessionInput>,
) -> Result<api::CreateSessionOutput, S3Error> {
    if !directory::is_named_so(&input.bucket) {
        return Err(S3Error::MethodNotAllowed);
    }
    if !directory::is_name(&input.bucket) {
        return Err(S3Error::no_bucket(&input.bucket));
    }
    let holder = ctx.caller().principal().map(|principal| principal.access_key.clone());
    let holder = holder.filter(|key| !key.is_empty()).ok_or(S3Error::AccessDenied)?;
    let present: Option<Bucket> = buckets::find(&ctx.read(), &input.bucket)?;
    let region = present.as_ref().map_or(ctx.region(), |bucket| &bucket.record.region);
    let asked = encryption(&ctx, &input, region)?;
    let usual = present.as_ref().map_or_else(Encryption::default, |bucket| bucket.record.encryption());
    let shown = asked.clone().unwrap_or(usual);
    let writes = writes(&ctx, &input)?;
    let session = Session { bucket: input.bucket.clone(), writes, encryption: asked };
    // The answer says it in whole seconds.
    let expires = crate::state::whole_seconds(ctx.now().plus_millis(LASTS_MS));
    let loan = Loan { holder, expires, purpose: session.purpose() };
    let lent = loan.lend(&ctx.host().seal, &ctx.host().entropy).ok_or(S3Error::AccessDenied)?;
    let mut output = api::CreateSessionOutput {
        credentials: api::SessionCredentials {
            access_key_id: lent.access_key,
            secret_access_key: lent.secret,
            session_token: lent.token,
            expiration: expires,
        },
        ..Default::default()
    };
    show_encryption!(output, &shown);
    Ok(output)
}

//! GetObjectTorrent: S3 has given up BitTorrent and answers that the method is not allowed.

use crate::errors::S3Error;
use crate::lookup;
use model_s3 as api;
use service::Ctx;
use std::sync::Arc;

/// GetObjectTorrent.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetObjectTorrentInput>,
) -> Result<api::GetObjectTorrentOutput, S3Error> {
    lookup::bucket(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
    Err(S3Error::MethodNotAllowed)
}

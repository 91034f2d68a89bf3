//! What is set for all buckets of an account: the block of public access. It adds to what each bucket says.

use crate::errors::S3Error;
use crate::state::{PublicAccessBlock, account_blocks};
use model_s3control as api;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// Refuses requests for another account than the caller's.
///
/// # Errors
/// `AccessDenied`.
pub fn own(ctx: &Ctx, account: &str) -> Result<(), S3Error> {
    if account == ctx.account().to_string() { Ok(()) } else { Err(S3Error::AccessDenied) }
}

/// A block as answers show it.
pub fn shown(block: PublicAccessBlock) -> api::PublicAccessBlockConfiguration {
    api::PublicAccessBlockConfiguration {
        block_public_acls: Some(block.block_acls),
        ignore_public_acls: Some(block.ignore_acls),
        block_public_policy: Some(block.block_policy),
        restrict_public_buckets: Some(block.restrict),
    }
}

/// PutPublicAccessBlock of the account; what is left out is off.
pub async fn put(ctx: Ctx, input: Arc<api::PutPublicAccessBlockInput>) -> Result<Unit, S3Error> {
    own(&ctx, &input.account_id)?;
    let given = &input.public_access_block_configuration;
    if *given == api::PublicAccessBlockConfiguration::default() {
        return Err(S3Error::InvalidRequest {
            message: "Must specify at least one configuration.".to_owned(),
        });
    }
    let block = PublicAccessBlock {
        block_acls: given.block_public_acls == Some(true),
        ignore_acls: given.ignore_public_acls == Some(true),
        block_policy: given.block_public_policy == Some(true),
        restrict: given.restrict_public_buckets == Some(true),
    };
    set(&ctx, Some(block)).await
}

async fn set(ctx: &Ctx, block: Option<PublicAccessBlock>) -> Result<Unit, S3Error> {
    let account = ctx.account();
    ctx.commit(move |tx: &mut Tx| {
        account_blocks::put(tx, account, block)?;
        Ok(Unit)
    })
    .await
}

/// GetPublicAccessBlock of the account.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetPublicAccessBlockInput>,
) -> Result<api::GetPublicAccessBlockOutput, S3Error> {
    own(&ctx, &input.account_id)?;
    let block = account_blocks::get(&ctx.read(), ctx.account())?;
    let block = block.ok_or_else(|| S3Error::NoAccountBlock { account: input.account_id.clone() })?;
    Ok(api::GetPublicAccessBlockOutput { public_access_block_configuration: Some(shown(block)) })
}

/// DeletePublicAccessBlock of the account.
pub async fn delete(ctx: Ctx, input: Arc<api::DeletePublicAccessBlockInput>) -> Result<Unit, S3Error> {
    own(&ctx, &input.account_id)?;
    set(&ctx, None).await
}

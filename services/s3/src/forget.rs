//! What an account has outside of its own scopes: names of buckets, and the bytes of its objects.

use crate::state::{access_points, buckets, objects, uploads};
use names::AccountId;
use service::Ctx;
use store::Fault;

/// Removes the buckets of an account that is being emptied with all that is in them.
pub async fn forget(ctx: Ctx, account: AccountId) -> Result<usize, Fault> {
    let mut removed = access_points::forget(&ctx.host().store, account).await?;
    loop {
        let first = buckets::of_account(&ctx.read(), account, "", "").next().transpose()?;
        let Some(bucket) = first else { break };
        loop {
            let of = bucket.clone();
            match ctx.commit(move |tx| objects::clear_some(tx, &of)).await? {
                0 => break,
                versions => removed += versions,
            }
        }
        ctx.commit(move |tx| buckets::remove(tx, &bucket)).await?;
        removed += 1;
    }
    // The rows of parts go with the account's; their bytes are to be given up before.
    loop {
        let doomed = uploads::doomed(&ctx.read())?;
        if doomed.is_empty() {
            return Ok(removed);
        }
        for (incarnation, record) in doomed {
            ctx.commit(move |tx| uploads::take_apart(tx, incarnation, &record)).await?;
        }
    }
}

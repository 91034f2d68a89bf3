//! What an account has outside of its own scopes: entries of its access keys, and its alias.

use crate::state::{ALIASES, HOLDERS};
use names::AccountId;
use service::Ctx;
use store::Fault;

/// Frees the keys and the alias of an account that is being emptied.
pub async fn forget(ctx: Ctx, account: AccountId) -> Result<usize, Fault> {
    let store = &ctx.host().store;
    let keys = store.remove_where(&HOLDERS, move |_, _, holder| holder.account == account).await?;
    Ok(keys + store.remove_where(&ALIASES, move |_, _, alias| alias.account == account).await?)
}

//! The first identity of a region on a host of its own.

use crate::errors::IamError;
use crate::ops::access_keys;
use crate::policy::Subject;
use crate::rules::ids::{self, Lasting};
use crate::rules::names::{Kind, key_of};
use crate::state::{self, AccessKey, Identity, Usage};
use names::{AccountId, Scope, Tags};
use schema::ApiError;
use service::Host;
use std::sync::Arc;

const NAME: &str = "administrator";
const POLICY: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// Makes the user `administrator` of the default account, who may do everything, and answers its one
/// access key: id and secret. `None` where there is such a user already, so the key is shown once.
///
/// # Errors
/// If the store cannot be written.
pub async fn administrator(host: &Arc<Host>) -> Result<Option<(String, String)>, ApiError> {
    let (account, now) = (AccountId::DEFAULT, host.clock.now());
    let (scope, key) = (Scope::Account(account), key_of(NAME));
    let unique = host.entropy.base32(Kind::User.id_prefix(), 17);
    let access_key = ids::access_key(Lasting::Always, account, host.entropy.bytes());
    let row = AccessKey { secret: host.entropy.secret_key(), active: true, created: now };
    let made = (access_key.clone(), row.secret.clone());
    let fresh = host.store.commit(move |tx| {
        if state::identity(tx, &scope, Kind::User, NAME)?.is_some() {
            return Ok::<_, IamError>(false);
        }
        let user = Identity {
            incarnation: tx.fresh_incarnation()?,
            name: NAME.to_owned(),
            path: "/".to_owned(),
            id: unique.clone(),
            created: now,
            boundary: None,
            tags: Tags::new(),
        };
        state::count_one_more(tx, &scope, Kind::User)?;
        state::save_identity(tx, account, Kind::User, &user)?;
        tx.put(&state::ATTACHED, &scope, &(user.incarnation, POLICY.to_owned()), &())?;
        let used = (POLICY.to_owned(), Usage::Permissions as u8, Kind::User as u8, key.clone());
        tx.put(&state::USES, &scope, &used, &())?;
        access_keys::save(tx, &scope, &Subject::User(NAME.to_owned()), &access_key, &row)?;
        Ok(true)
    });
    Ok(fresh.await?.then_some(made))
}

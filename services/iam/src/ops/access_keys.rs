//! Access keys of users, and of the root.

use crate::answers::moment;
use crate::errors::{IamError, Missing};
use crate::ops::users;
use crate::pages::Paging;
use crate::policy::{Subject, subject};
use crate::rules::ids::{self, Lasting};
use crate::rules::names::key_of;
use crate::rules::quotas;
use crate::state::{self, AccessKey, Holder, Place, ROOT};
use model_iam as model;
use model_iam::StatusType;
use names::Scope;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::{Incarnation, Read, Span, Tx};

/// Whose keys: what they are kept under, where, and the user's name.
struct Owner {
    incarnation: Incarnation,
    place: Place,
    name: Option<String>,
}

fn owner(read: &impl Read, scope: &Scope, of: &Subject) -> Result<Owner, IamError> {
    match of {
        Subject::Root => Ok(Owner { incarnation: ROOT, place: Place::Root, name: None }),
        Subject::User(name) => {
            let user = users::existing(read, scope, name)?;
            let (key, incarnation) = (key_of(&user.name), user.incarnation);
            Ok(Owner { incarnation, place: Place::User { key, incarnation }, name: Some(user.name) })
        }
    }
}

/// Writes a key of a user or of the root that has less than two.
pub fn save(
    tx: &mut Tx,
    scope: &Scope,
    of: &Subject,
    id: &str,
    key: &AccessKey,
) -> Result<Option<String>, IamError> {
    let owner = owner(tx, scope, of)?;
    quotas::ACCESS_KEYS.admits(state::count(tx, &state::KEYS, scope, owner.incarnation)?)?;
    tx.put(&state::KEYS, scope, &(owner.incarnation, id.to_owned()), key)?;
    let account = scope.account().unwrap_or(names::AccountId::DEFAULT);
    let holder = Holder { account, place: owner.place };
    tx.put(&state::HOLDERS, &Scope::Partition, &id.to_owned(), &holder)?;
    Ok(owner.name)
}

/// Makes an access key. Its secret is answered this once.
pub async fn create_access_key(
    ctx: Ctx,
    input: Arc<model::CreateAccessKeyInput>,
) -> Result<model::CreateAccessKeyOutput, IamError> {
    let of = subject(ctx.caller(), input.user_name.as_deref())?;
    let entropy = &ctx.host().entropy;
    let id = ids::access_key(Lasting::Always, ctx.account(), entropy.bytes());
    let key = AccessKey { secret: entropy.secret_key(), active: true, created: ctx.now() };
    let (scope, row) = (ctx.account_scope(), (id.clone(), key.clone()));
    let user_name = ctx.commit(move |tx| save(tx, &scope, &of, &row.0, &row.1)).await?;
    Ok(model::CreateAccessKeyOutput {
        access_key: model::AccessKey {
            user_name: user_name.unwrap_or_default(),
            access_key_id: id,
            status: StatusType::Active,
            secret_access_key: key.secret,
            create_date: Some(moment(key.created)),
        },
    })
}

/// Answers a page of a user's keys, without their secrets.
pub async fn list_access_keys(
    ctx: Ctx,
    input: Arc<model::ListAccessKeysInput>,
) -> Result<model::ListAccessKeysOutput, IamError> {
    let of = subject(ctx.caller(), input.user_name.as_deref())?;
    let filter = input.user_name.as_deref().unwrap_or_default();
    let paging = Paging::begin(&ctx, filter, input.marker.as_deref(), input.max_items)?;
    let (read, scope) = (ctx.read(), ctx.account_scope());
    let owner = owner(&read, &scope, &of)?;
    let all = Span::of(&owner.incarnation);
    let span = match &paging.after {
        Some(after) => all.after(&(owner.incarnation, after.clone())),
        None => all,
    };
    let rows = read.scan(&state::KEYS, &scope, span).map(|row| {
        row.map(|((_, id), key)| {
            let metadata = model::AccessKeyMetadata {
                user_name: owner.name.clone(),
                access_key_id: Some(id.clone()),
                status: Some(if key.active { StatusType::Active } else { StatusType::Inactive }),
                create_date: Some(moment(key.created)),
            };
            (id, metadata)
        })
    });
    let page = paging.cut(rows)?;
    Ok(model::ListAccessKeysOutput {
        access_key_metadata: page.items,
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// A key of a user, or of the root, that must be there.
fn existing(
    read: &impl Read,
    scope: &Scope,
    of: &Subject,
    id: &str,
) -> Result<(Incarnation, AccessKey), IamError> {
    let owner = owner(read, scope, of)?;
    let key = read.get(&state::KEYS, scope, &(owner.incarnation, id.to_owned()))?;
    let missing = IamError::NoSuchEntity(Missing::AccessKey(id.to_owned()));
    Ok((owner.incarnation, key.ok_or(missing)?))
}

/// Lets a key be used, or not.
pub async fn update_access_key(ctx: Ctx, input: Arc<model::UpdateAccessKeyInput>) -> Result<Unit, IamError> {
    let of = subject(ctx.caller(), input.user_name.as_deref())?;
    let active = match &input.status {
        StatusType::Active => true,
        StatusType::Inactive => false,
        StatusType::Expired | StatusType::Other(_) => {
            let message = format!("{} is not a status that a key can be given.", input.status);
            return Err(IamError::InvalidInput(message));
        }
    };
    let scope = ctx.account_scope();
    ctx.commit(move |tx| {
        let (incarnation, key) = existing(tx, &scope, &of, &input.access_key_id)?;
        let key = AccessKey { active, ..key };
        Ok(tx.put(&state::KEYS, &scope, &(incarnation, input.access_key_id.clone()), &key)?)
    })
    .await
    .map(|()| Unit)
}

/// Removes a key.
pub async fn delete_access_key(ctx: Ctx, input: Arc<model::DeleteAccessKeyInput>) -> Result<Unit, IamError> {
    let of = subject(ctx.caller(), input.user_name.as_deref())?;
    let scope = ctx.account_scope();
    ctx.commit(move |tx| {
        let (incarnation, _) = existing(tx, &scope, &of, &input.access_key_id)?;
        tx.delete(&state::KEYS, &scope, &(incarnation, input.access_key_id.clone()))?;
        Ok(tx.delete(&state::HOLDERS, &Scope::Partition, &input.access_key_id)?)
    })
    .await
    .map(|()| Unit)
}

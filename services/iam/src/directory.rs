//! Looking up keys, identities and permissions in memory, reading the store only for what was not asked
//! since its account last changed.

use crate::permissions;
use crate::rules::names::{Kind, key_of, name_in, session_arn};
use crate::state::{self, Place, SessionOf};
use crate::views::{Account, Accounts, Held, Keys, KnownIdentity};
use names::{AccountId, Arn, Scope, Tags};
use policy::IdentityPolicies;
use ports::{Credential, Principal, PrincipalKind};
use service::Host;
use std::sync::Arc;
use store::{Fault, Snapshot, Store, ViewHandle};

/// The identities of the region, in memory. Holds the store and its views, not the host that holds it.
#[derive(Clone)]
pub struct Directory {
    keys: ViewHandle<Keys>,
    accounts: ViewHandle<Accounts>,
    store: Store,
}

impl Directory {
    /// The directory of a host.
    pub fn of(host: &Host) -> Self {
        Directory {
            keys: host.view::<Keys>().clone(),
            accounts: host.view::<Accounts>().clone(),
            store: host.store.clone(),
        }
    }

    /// What an account's cache has, or what is made from a state read after the cache was seen to lack it.
    fn cached<T: Clone>(
        &self,
        account: AccountId,
        look: impl Fn(&Account) -> Option<T>,
        make: impl FnOnce(&Snapshot) -> Result<T, Fault>,
        keep: impl FnOnce(&mut Account, T),
    ) -> Result<T, Fault> {
        let (found, generation) = self.accounts.with(&account, |cache| (look(cache), cache.generation))?;
        if let Some(found) = found {
            return Ok(found);
        }
        let made = make(&self.store.read())?;
        let kept = made.clone();
        self.accounts.with(&account, |cache| {
            if cache.generation == generation {
                cache.bound();
                keep(cache, kept);
            }
        })?;
        Ok(made)
    }

    /// A user or a role.
    pub fn identity(
        &self,
        account: AccountId,
        kind: Kind,
        name: &str,
    ) -> Result<Option<Arc<KnownIdentity>>, Fault> {
        let key = (kind as u8, key_of(name));
        self.cached(
            account,
            |cache| cache.identities.get(&key).cloned(),
            |read| {
                let scope = Scope::Account(account);
                let known = match kind {
                    Kind::Role => state::role(read, &scope, name)?
                        .map(|(identity, role)| KnownIdentity { identity, role: Some(role) }),
                    _ => state::identity(read, &scope, kind, name)?
                        .map(|identity| KnownIdentity { identity, role: None }),
                };
                Ok(known.map(Arc::new))
            },
            |cache, known| drop(cache.identities.insert(key.clone(), known)),
        )
    }

    /// What stands behind an access key.
    pub fn credential(&self, access_key: &str) -> Result<Option<Credential>, Fault> {
        let id = access_key.to_owned();
        let (held, made) = self.keys.with(&id, |slice| (slice.held.clone(), slice.made.clone()))?;
        let Some(holder) = &held.holder else { return Ok(None) };
        let Some(lives) = self.holder_of(holder.account, &held)? else { return Ok(None) };
        if let Some((of, credential)) = made
            && same(of.as_ref(), lives.as_ref())
        {
            return Ok(Some(credential));
        }
        let Some(credential) = credential(holder.account, access_key, &held, lives.as_deref()) else {
            return Ok(None);
        };
        self.keys.with(&id, |slice| {
            if Arc::ptr_eq(&slice.held, &held) {
                slice.made = Some((lives, credential.clone()));
            }
        })?;
        Ok(Some(credential))
    }

    /// The identity behind a key: `Some(None)` for the root, `None` if it is not there any more.
    #[expect(clippy::option_option, reason = "the root is somebody without a record")]
    fn holder_of(
        &self,
        account: AccountId,
        held: &Held,
    ) -> Result<Option<Option<Arc<KnownIdentity>>>, Fault> {
        let (kind, key, id) = match (&held.holder, &held.session) {
            (Some(state::Holder { place: Place::Root, .. }), _) => return Ok(Some(None)),
            (Some(state::Holder { place: Place::User { key, .. }, .. }), _) => (Kind::User, key, None),
            (Some(state::Holder { place: Place::Session, .. }), Some(session)) => match &session.of {
                SessionOf::Root => return Ok(Some(None)),
                SessionOf::User { key, id } => (Kind::User, key, Some(id)),
                SessionOf::Role { key, id, .. } => (Kind::Role, key, Some(id)),
            },
            _ => return Ok(None),
        };
        let known = self.identity(account, kind, key)?;
        Ok(known.filter(|known| id.is_none_or(|id| *id == known.identity.id)).map(Some))
    }

    /// All policies that bear on a principal. One whose identity has gone has none.
    pub fn policies(&self, principal: &Principal) -> Result<Arc<IdentityPolicies>, Fault> {
        let kind = match principal.kind {
            PrincipalKind::Root => return Ok(Arc::default()),
            PrincipalKind::User | PrincipalKind::UserSession => Kind::User,
            PrincipalKind::RoleSession => Kind::Role,
        };
        let Some(name) = name_in(&principal.policy_arn, kind) else { return Ok(Arc::default()) };
        let (id, policies) = self.permissions(principal.account, kind, name)?;
        let asked = principal.id.split(':').next().unwrap_or_default();
        if id != asked {
            return Ok(Arc::default());
        }
        match principal.kind {
            PrincipalKind::UserSession => {
                self.limited(principal, policies, |_| Ok(Some(permissions::of_token_session())))
            }
            PrincipalKind::RoleSession if !principal.access_key.is_empty() => {
                let held = self.keys.with(&principal.access_key, |slice| slice.held.clone())?;
                let passed = held.session.as_ref().filter(|session| !session.policies.is_empty());
                match passed {
                    None => Ok(policies),
                    Some(session) => self.limited(principal, policies, |read| {
                        permissions::of_session(read, principal.account, &session.policies).map(Some)
                    }),
                }
            }
            _ => Ok(policies),
        }
    }

    fn permissions(
        &self,
        account: AccountId,
        kind: Kind,
        name: &str,
    ) -> Result<(String, Arc<IdentityPolicies>), Fault> {
        let key = (kind as u8, key_of(name));
        self.cached(
            account,
            |cache| cache.permissions.get(&key).cloned(),
            |read| match state::identity(read, &Scope::Account(account), kind, name)? {
                None => Ok((String::new(), Arc::default())),
                Some(identity) => {
                    let policies = permissions::of_identity(read, account, kind, &identity)?;
                    Ok((identity.id, Arc::new(policies)))
                }
            },
            |cache, made| drop(cache.permissions.insert(key.clone(), made)),
        )
    }

    /// The policies of an identity with those of a session.
    fn limited(
        &self,
        principal: &Principal,
        policies: Arc<IdentityPolicies>,
        session: impl FnOnce(&Snapshot) -> Result<Option<Vec<policy::Attached>>, Fault>,
    ) -> Result<Arc<IdentityPolicies>, Fault> {
        let key = &principal.access_key;
        self.cached(
            principal.account,
            |cache| cache.sessions.get(key).cloned(),
            |read| {
                let session = session(read)?;
                Ok(Arc::new(IdentityPolicies { session, ..(*policies).clone() }))
            },
            |cache, made| drop(cache.sessions.insert(key.clone(), made)),
        )
    }
}

fn same(one: Option<&Arc<KnownIdentity>>, other: Option<&Arc<KnownIdentity>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

fn credential(
    account: AccountId,
    access_key: &str,
    held: &Held,
    known: Option<&KnownIdentity>,
) -> Option<Credential> {
    let principal = Arc::new(principal(account, access_key, held, known));
    match (&held.key, &held.session) {
        (Some(key), _) => Some(Credential {
            secret: key.secret.as_str().into(),
            token: None,
            expires: None,
            active: key.active,
            principal,
        }),
        (None, Some(session)) => Some(Credential {
            secret: session.secret.as_str().into(),
            token: Some(session.token.as_str().into()),
            expires: Some(session.expires),
            active: true,
            principal,
        }),
        (None, None) => None,
    }
}

/// Whom a key stands for.
pub fn principal(
    account: AccountId,
    access_key: &str,
    held: &Held,
    known: Option<&KnownIdentity>,
) -> Principal {
    let issued = held.session.as_ref().map(|session| session.issued);
    let access_key = access_key.to_owned();
    let Some(KnownIdentity { identity, .. }) = known else {
        return Principal { access_key, issued, ..Principal::root(account) };
    };
    match held.session.as_ref().map(|session| (session, &session.of)) {
        Some((session, SessionOf::Role { name, .. })) => Principal {
            kind: PrincipalKind::RoleSession,
            arn: session_arn(account, &identity.name, name),
            policy_arn: identity.arn(Kind::Role, account),
            account,
            id: format!("{}:{name}", identity.id),
            user_name: None,
            tags: over(&identity.tags, &session.tags),
            access_key,
            issued,
        },
        session => {
            let arn: Arn = identity.arn(Kind::User, account);
            let kind = if session.is_some() { PrincipalKind::UserSession } else { PrincipalKind::User };
            Principal {
                kind,
                policy_arn: arn.clone(),
                arn,
                account,
                id: identity.id.clone(),
                user_name: Some(identity.name.clone()),
                tags: identity.tags.clone(),
                access_key,
                issued,
            }
        }
    }
}

/// The tags of a role with those of a session over them.
fn over(role: &Tags, session: &Tags) -> Tags {
    role.iter().chain(session.iter()).collect()
}

//! The region's identities, as the pipeline and other rooms ask for them.

use crate::directory::Directory;
use crate::errors::IamError;
use crate::rules::ids;
use crate::rules::names::{Kind, key_of, name_in, session_arn};
use crate::sessions::{self, Drawn, Wanted};
use crate::state::SessionOf;
use crate::views::KnownIdentity;
use names::{AccountId, Arn, Timestamp};
use policy::{
    Context, IdentityPolicies, Policies, Policy, Request, ResourcePolicy, ResourceRule,
    access_denied_message, evaluate,
};
use ports::{BoxFuture, Credential, Credentials, Principal, PrincipalKind, Session, SessionRequest};
use schema::ApiError;
use service::{Clock, Entropy, Host};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::Store;

/// Sessions of services last an hour.
const SERVICE_SECONDS: i32 = 3600;
/// How long before its end a session is replaced, in milliseconds.
const RENEWED_MS: i64 = 10 * 60 * 1000;
/// Sessions of services kept at once.
const MAX_KEPT: usize = 4096;

/// Who takes on which role for what.
type Purpose = (Arn, &'static str, String, Option<Arn>);

/// A session with the role as it was when it was made.
struct Kept {
    role: Arc<KnownIdentity>,
    session: Session,
}

/// The identities of the region.
pub struct Identities {
    directory: Directory,
    store: Store,
    clock: Clock,
    entropy: Entropy,
    kept: Mutex<HashMap<Purpose, Kept>>,
}

/// The port of a host.
pub fn provide(host: &Arc<Host>) -> Arc<dyn Credentials> {
    Arc::new(Identities {
        directory: Directory::of(host),
        store: host.store.clone(),
        clock: host.clock.clone(),
        entropy: host.entropy.clone(),
        kept: Mutex::default(),
    })
}

impl Credentials for Identities {
    fn find(&self, access_key: &str) -> Result<Option<Credential>, ApiError> {
        if !ids::is_access_key(access_key) {
            return Ok(None);
        }
        self.directory.credential(access_key).map_err(|fault| IamError::from(fault).into())
    }

    fn policies(&self, principal: &Principal) -> Result<Arc<IdentityPolicies>, ApiError> {
        self.directory.policies(principal).map_err(|fault| IamError::from(fault).into())
    }

    fn session(&self, request: SessionRequest) -> BoxFuture<'_, Result<Session, ApiError>> {
        Box::pin(async move { self.session_for(request).await.map_err(Into::into) })
    }
}

impl Identities {
    async fn session_for(&self, request: SessionRequest) -> Result<Session, IamError> {
        let now = self.clock.now();
        let (account, role) = self.role(&request)?;
        let purpose: Purpose =
            (request.role.clone(), request.service, request.session_name.clone(), request.source_arn.clone());
        if let Some(session) = self.kept(&purpose, &role, now) {
            return Ok(session);
        }
        trusts(account, &role, &request, now)?;

        let (id, name) = (role.identity.id.clone(), request.session_name);
        let of = SessionOf::Role { key: key_of(&role.identity.name), id, name: name.clone() };
        let wanted = Wanted::plain(of, account, SERVICE_SECONDS);
        let drawn = Drawn::of(&self.entropy, account);
        let access_key = drawn.access_key.clone();
        let made = self.store.commit(move |tx| sessions::write(tx, &drawn, now, &wanted)).await?;

        let principal = Principal {
            kind: PrincipalKind::RoleSession,
            arn: session_arn(account, &role.identity.name, &name),
            policy_arn: role.identity.arn(Kind::Role, account),
            account,
            id: format!("{}:{name}", role.identity.id),
            user_name: None,
            tags: role.identity.tags.clone(),
            access_key: access_key.clone(),
            issued: Some(now),
        };
        let session = Session {
            access_key,
            secret: made.secret.into(),
            token: made.token.into(),
            expires: made.expires,
            principal: Arc::new(principal),
        };
        self.keep(purpose, Kept { role, session: session.clone() }, now);
        Ok(session)
    }

    fn role(&self, request: &SessionRequest) -> Result<(AccountId, Arc<KnownIdentity>), IamError> {
        let refused = || not_trusted(request);
        let account = request.role.account().ok_or_else(refused)?;
        let name = name_in(&request.role, Kind::Role).ok_or_else(refused)?;
        let role = self.directory.identity(account, Kind::Role, name)?.ok_or_else(refused)?;
        if role.identity.arn(Kind::Role, account) != request.role {
            return Err(refused());
        }
        Ok((account, role))
    }

    fn kept(&self, purpose: &Purpose, role: &KnownIdentity, now: Timestamp) -> Option<Session> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(purpose)?;
        let holds = *found.role == *role && found.session.expires > now.plus_millis(RENEWED_MS);
        if holds {
            return Some(found.session.clone());
        }
        kept.remove(purpose);
        None
    }

    fn keep(&self, purpose: Purpose, session: Kept, now: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, one| one.session.expires > now);
        }
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(purpose, session);
    }
}

fn not_trusted(request: &SessionRequest) -> IamError {
    IamError::NotAuthorized {
        principal: request.service.to_owned(),
        action: "sts:AssumeRole",
        resource: request.role.to_string(),
    }
}

/// Refuses a service that the role's trust policy does not let take it on.
fn trusts(
    account: AccountId,
    role: &KnownIdentity,
    asked: &SessionRequest,
    now: Timestamp,
) -> Result<(), IamError> {
    let trust = role.role.as_ref().map(|role| role.trust.as_str()).unwrap_or_default();
    let trust = Policy::parse(trust)?;
    let mut context = Context::new();
    context.set("aws:SourceAccount", asked.source_account.to_string());
    context.set("sts:RoleSessionName", asked.session_name.as_str());
    if let Some(source) = &asked.source_arn {
        context.set("aws:SourceArn", source.as_str());
    }
    let principal = policy::Principal::service(asked.service);
    let request = Request {
        principal: &principal,
        action: "sts:AssumeRole",
        resource: asked.role.as_str(),
        resource_account: account,
        context: &context,
        now,
    };
    let name = asked.role.as_str();
    let resource = Some(ResourcePolicy { name, policy: &trust, rule: ResourceRule::Trust });
    let identity = IdentityPolicies::default();
    let decision = evaluate(&request, &Policies { identity: &identity, resource });
    if decision.is_allowed() {
        return Ok(());
    }
    let message = access_denied_message(asked.service, request.action, name, decision.outcome);
    Err(IamError::NotTrusted(message))
}

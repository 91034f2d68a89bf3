//! Sessions of roles where permissions are not enforced: a role that is absent or does not trust the service
//! is recorded and taken on all the same, under its own name and without any policy. Such a session lives
//! in memory; it ends with the region, as does whatever runs on it.

use crate::pipeline::Pipeline;
use names::{AccountId, Arn, Tags};
use policy::IdentityPolicies;
use ports::{BoxFuture, Credential, Credentials, Principal, PrincipalKind, Session, SessionRequest};
use schema::ApiError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Sessions kept at once; beyond them the one that ends first goes.
const MAX_KEPT: usize = 4096;
/// How long a session lasts, in milliseconds.
const LASTS_MS: i64 = 60 * 60 * 1000;
/// How long before its end it is replaced, in milliseconds.
const RENEWED_MS: i64 = 10 * 60 * 1000;

/// Identities that refuse no session.
pub struct Lenient {
    identities: Arc<dyn Credentials>,
    pipeline: Weak<Pipeline>,
    kept: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    purpose: (Arn, String),
    session: Session,
}

impl Lenient {
    /// Identities behind which nobody enforces permissions.
    pub fn new(identities: Arc<dyn Credentials>, pipeline: Weak<Pipeline>) -> Self {
        Lenient { identities, pipeline, kept: Mutex::default() }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session of a role that refuses.
    fn unbacked(&self, request: &SessionRequest, pipeline: &Pipeline, why: &ApiError) -> Session {
        let now = pipeline.host.clock.now();
        let purpose = (request.role.clone(), request.session_name.clone());
        let mut kept = self.kept();
        let fresh = |known: &&Kept| {
            known.purpose == purpose && known.session.expires.millis() - now.millis() > RENEWED_MS
        };
        if let Some(known) = kept.values().find(fresh) {
            return known.session.clone();
        }
        let alike = format!("{} session of {}", request.service, request.role);
        pipeline.refusals.record(&alike, &request.session_name, &why.message);

        let entropy = &pipeline.host.entropy;
        let access_key = entropy.base32("ASIA", 16);
        let principal = principal(request, &access_key, entropy.base32("AROA", 17));
        let session = Session {
            access_key: access_key.clone(),
            secret: entropy.secret_key().into(),
            token: entropy.hex(64).into(),
            expires: now.plus_millis(LASTS_MS),
            principal: Arc::new(Principal { issued: Some(now), ..principal }),
        };
        kept.retain(|_, known| known.session.expires > now);
        if kept.len() >= MAX_KEPT
            && let Some(first) = kept.values().min_by_key(|known| known.session.expires)
        {
            let first = first.session.access_key.clone();
            kept.remove(&first);
        }
        kept.insert(access_key, Kept { purpose, session: session.clone() });
        session
    }
}

fn principal(request: &SessionRequest, access_key: &str, id: String) -> Principal {
    let account: AccountId = request.role.account().unwrap_or(request.source_account);
    let name = request.role.resource().rsplit('/').next().unwrap_or_default();
    let session = &request.session_name;
    Principal {
        kind: PrincipalKind::RoleSession,
        arn: Arn::global("sts", account, &format!("assumed-role/{name}/{session}")),
        policy_arn: request.role.clone(),
        account,
        id: format!("{id}:{session}"),
        user_name: None,
        tags: Tags::new(),
        access_key: access_key.to_owned(),
        issued: None,
    }
}

impl Credentials for Lenient {
    fn find(&self, access_key: &str) -> Result<Option<Credential>, ApiError> {
        let unbacked = self.kept().get(access_key).map(|known| Credential {
            secret: known.session.secret.clone(),
            token: Some(known.session.token.clone()),
            expires: Some(known.session.expires),
            active: true,
            principal: known.session.principal.clone(),
        });
        if unbacked.is_some() { Ok(unbacked) } else { self.identities.find(access_key) }
    }

    fn policies(&self, principal: &Principal) -> Result<Arc<IdentityPolicies>, ApiError> {
        self.identities.policies(principal)
    }

    fn session(&self, request: SessionRequest) -> BoxFuture<'_, Result<Session, ApiError>> {
        Box::pin(async move {
            match (self.identities.session(request.clone()).await, self.pipeline.upgrade()) {
                (Err(error), Some(pipeline)) if error.status < 500 => {
                    Ok(self.unbacked(&request, &pipeline, &error))
                }
                (answer, _) => answer,
            }
        })
    }
}

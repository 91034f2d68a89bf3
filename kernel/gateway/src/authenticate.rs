//! Who calls: the table of credentials of the three modes.
//!
//! A wrong signature is a matter of permission: `warn` records it and lets it through. Expiry of a
//! presigned URL is not: it is checked in every mode but `off`.

use crate::config::{IamMode, Profile};
use crate::form::SignedForm;
use names::{AccountId, Region, Timestamp};
use ports::{Caller, Credential as Held, Credentials, Principal};
use schema::ApiError;
use service::{Loan, Seal};
use signature::{
    AuthError, ChunkChain, Credential, KeyCache, PayloadHash, Presented, RequestHead, brings_lent_token,
    verify, verify_form,
};
use std::net::IpAddr;
use std::sync::Arc;

/// The secret of the well-known keys.
const WELL_KNOWN_SECRET: &str = "test";

/// Who calls, and what must hold of the body.
#[derive(Clone)]
pub struct Identity {
    /// On whose behalf the request is.
    pub caller: Caller,
    /// The region of the credential's scope; the default one where there is none.
    pub region: Region,
    /// In mode `warn`: why `enforce` would refuse it.
    pub would_refuse: Option<AuthError>,
    /// What the request declares of its body.
    pub payload: Option<PayloadHash>,
    /// The chain that the body's chunks are signed by, where the request's signature holds.
    pub chain: Option<ChunkChain>,
    /// What the credentials are for, where a room lent them.
    pub lent: Option<String>,
}

/// A refusal, not yet in a protocol's words.
#[derive(Debug)]
pub enum Refused {
    /// The credentials are refused.
    Credentials(AuthError),
    /// The identities cannot be read.
    Failed(ApiError),
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        Refused::Credentials(error)
    }
}

/// Checks credentials.
pub struct Authenticator {
    /// How permissions are treated.
    pub mode: IamMode,
    /// Where the region stands.
    pub profile: Profile,
    keys: KeyCache,
}

/// What is looked at to tell who calls.
pub struct Evidence<'a> {
    /// The request's head.
    pub head: RequestHead<'a>,
    /// The body, where it has been read already.
    pub body: Option<&'a [u8]>,
    /// Where the request came from.
    pub source: IpAddr,
    /// The machine's time: freshness of the signature.
    pub host_time: Timestamp,
    /// Virtual time: expiry of sessions.
    pub now: Timestamp,
    /// What tells credentials that a room lent.
    pub seal: &'a Seal,
}

impl Evidence<'_> {
    /// What stands behind credentials that a room lent.
    fn loan(&self, presented: Option<&Presented>) -> Option<Loan> {
        let presented = presented?;
        Loan::find(self.seal, presented.credential.access_key(), presented.lent_token.as_deref()?)
    }
}

fn root(account: AccountId, access_key: &str) -> Arc<Principal> {
    Arc::new(Principal { access_key: access_key.to_owned(), ..Principal::root(account) })
}

fn well_known(access_key: &str) -> Option<AccountId> {
    match access_key.as_bytes() {
        b"test" => Some(AccountId::DEFAULT),
        [digit, ..] if digit.is_ascii_digit() => access_key.parse().ok(),
        _ => None,
    }
}

/// The region that a scope names; the default one where it names none.
pub(crate) fn region_named(text: Option<&str>) -> Region {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

impl Authenticator {
    /// An authenticator with an empty cache of derived keys.
    pub fn new(mode: IamMode, profile: Profile) -> Self {
        Authenticator { mode, profile, keys: KeyCache::new() }
    }

    /// Tells who calls.
    ///
    /// # Errors
    /// Where the mode refuses the credentials.
    pub fn identify(
        &self,
        evidence: &Evidence<'_>,
        identities: &dyn Credentials,
    ) -> Result<Identity, Refused> {
        match self.mode {
            IamMode::Off => Ok(self.lenient(evidence, identities, None)?),
            IamMode::Enforce => self.strict(evidence, identities),
            IamMode::Warn => match self.strict(evidence, identities) {
                Ok(Identity { caller: Caller::Anonymous, .. }) => {
                    Ok(self.lenient(evidence, identities, Some(AuthError::MissingAuthenticationToken))?)
                }
                Ok(identity) => Ok(identity),
                Err(Refused::Credentials(error)) if is_permission(&error) => {
                    old_url_lives(evidence)?;
                    Ok(self.lenient(evidence, identities, Some(error))?)
                }
                Err(refused) => Err(refused),
            },
        }
    }

    /// Tells who sent a form; `None` for one that nobody signed.
    ///
    /// # Errors
    /// Where the mode refuses the credentials.
    pub fn identify_form(
        &self,
        form: Option<&SignedForm<'_>>,
        evidence: &Evidence<'_>,
        identities: &dyn Credentials,
    ) -> Result<Identity, Refused> {
        let scope = form.and_then(|form| form.credential.as_ref());
        let region = region_named(scope.map(Credential::region));
        let identity =
            |caller| Identity { caller, region, would_refuse: None, payload: None, chain: None, lent: None };
        let strict = match form {
            None => Err(AuthError::MissingAuthenticationToken.into()),
            Some(form) => self.holder_of_form(form, evidence, identities),
        };
        let key = form.map_or("", |form| &form.access_key);
        match strict {
            Ok(held) => Ok(identity(Caller::Principal(held.principal))),
            Err(Refused::Credentials(_)) if form.is_none() && self.mode == IamMode::Enforce => {
                Ok(identity(Caller::Anonymous))
            }
            Err(Refused::Credentials(error)) if self.mode != IamMode::Enforce => {
                let caller = Caller::Principal(said_to_be(key, identities)?);
                let would_refuse = (self.mode == IamMode::Warn).then_some(error);
                Ok(Identity { would_refuse, ..identity(caller) })
            }
            Err(refused) => Err(refused),
        }
    }

    fn holder_of_form(
        &self,
        form: &SignedForm<'_>,
        evidence: &Evidence<'_>,
        identities: &dyn Credentials,
    ) -> Result<Held, Refused> {
        let credential = form.credential.as_ref().ok_or(AuthError::OldVersion)?;
        let held = self.holder((&form.access_key, form.token), evidence, identities)?;
        verify_form(form.policy, credential, form.signature, &held.secret, &self.keys)?;
        Ok(held)
    }

    /// Takes the word of whoever calls.
    fn lenient(
        &self,
        evidence: &Evidence<'_>,
        identities: &dyn Credentials,
        would_refuse: Option<AuthError>,
    ) -> Result<Identity, Refused> {
        let seen = Credential::glimpse(&evidence.head).unwrap_or_default();
        // What is wrong with what is presented was told before, or is not looked at.
        let presented = brings_lent_token(&evidence.head)
            .then(|| Presented::find(&evidence.head, evidence.host_time).ok().flatten())
            .flatten();
        let loan = evidence.loan(presented.as_ref());
        let key = loan.as_ref().map_or(&seen.access_key, |loan| &loan.holder);
        let (principal, region) = (said_to_be(key, identities)?, region_named(Some(&seen.region)));
        let declared = evidence.head.headers.get("x-amz-content-sha256");
        let payload = declared.and_then(|value| value.to_str().ok()).and_then(PayloadHash::parse);
        let payload =
            if self.mode == IamMode::Off { payload.filter(PayloadHash::is_chunked) } else { payload };
        let (caller, lent) = (Caller::Principal(principal), loan.map(|loan| loan.purpose));
        Ok(Identity { caller, region, would_refuse, payload, chain: None, lent })
    }

    fn strict(&self, evidence: &Evidence<'_>, identities: &dyn Credentials) -> Result<Identity, Refused> {
        let Some(presented) = Presented::find(&evidence.head, evidence.host_time)? else {
            return Ok(Identity {
                caller: Caller::Anonymous,
                region: region_named(Credential::glimpse(&evidence.head).map(|seen| seen.region).as_deref()),
                would_refuse: None,
                payload: None,
                chain: None,
                lent: None,
            });
        };
        let declared = PayloadHash::declared(&evidence.head, &presented)?;
        let payload = match (declared, evidence.body) {
            (Some(payload), _) => payload,
            (None, Some(body)) => PayloadHash::of_body(body),
            (None, None) => return Err(AuthError::PayloadHashMissing.into()),
        };
        let loan = evidence.loan(Some(&presented));
        let held = match &loan {
            Some(loan) => self.borrower(&presented, loan, evidence, identities),
            None => {
                let key = (presented.credential.access_key(), presented.session_token.as_deref());
                self.holder(key, evidence, identities)
            }
        };
        let checked = self.signed_by(&presented, evidence, &payload, held.as_ref().ok());
        // Expiry is told before an unknown key, since no mode lets it pass.
        if let Err(error) = checked
            && (held.is_ok() || !is_permission(&error))
        {
            return Err(error.into());
        }
        let held = held?;
        let chain = payload.is_chunked().then(|| ChunkChain::start(&presented, &held.secret, &self.keys));
        let caller = Caller::Principal(held.principal);
        let region = region_named(Some(presented.credential.region()));
        let lent = loan.map(|loan| loan.purpose);
        Ok(Identity { caller, region, would_refuse: None, payload: declared, chain, lent })
    }

    fn signed_by(
        &self,
        presented: &Presented,
        evidence: &Evidence<'_>,
        payload: &PayloadHash,
        held: Option<&Held>,
    ) -> Result<(), AuthError> {
        let secret = held.map_or("", |held| &held.secret);
        verify(presented, &evidence.head, payload, secret, evidence.host_time, &self.keys)
    }

    /// What stands behind the presented key, as `enforce` sees it.
    fn holder(
        &self,
        (key, token): (&str, Option<&str>),
        evidence: &Evidence<'_>,
        identities: &dyn Credentials,
    ) -> Result<Held, Refused> {
        let unknown = || AuthError::InvalidClientTokenId(key.to_owned());
        if let Some(account) = well_known(key) {
            let local = evidence.source.to_canonical().is_loopback();
            if self.profile == Profile::Host || !local {
                return Err(unknown().into());
            }
            let principal = root(account, key);
            return Ok(Held {
                secret: WELL_KNOWN_SECRET.into(),
                token: None,
                expires: None,
                active: true,
                principal,
            });
        }
        let held =
            identities.find(key).map_err(Refused::Failed)?.filter(|held| held.active).ok_or_else(unknown)?;
        if held.token.as_deref() != token {
            return Err(AuthError::InvalidToken.into());
        }
        if held.expires.is_some_and(|expires| expires <= evidence.now) {
            return Err(AuthError::ExpiredToken.into());
        }
        Ok(held)
    }

    /// Who was lent what is presented: whoever holds the access key that it was lent to, for as long as that is held.
    fn borrower(
        &self,
        presented: &Presented,
        loan: &Loan,
        evidence: &Evidence<'_>,
        identities: &dyn Credentials,
    ) -> Result<Held, Refused> {
        let key = presented.credential.access_key();
        let holder = match well_known(&loan.holder) {
            Some(_) => self.holder((&loan.holder, None), evidence, identities)?,
            None => {
                let held = identities.find(&loan.holder).map_err(Refused::Failed)?;
                let unknown = || AuthError::InvalidClientTokenId(key.to_owned());
                held.filter(|held| held.active).ok_or_else(unknown)?
            }
        };
        let ends = holder.expires.map_or(loan.expires, |expires| expires.min(loan.expires));
        if ends <= evidence.now {
            return Err(AuthError::ExpiredToken.into());
        }
        let secret = Loan::secret(evidence.seal, key).into();
        Ok(Held { secret, token: None, expires: Some(ends), ..holder })
    }
}

/// Whom a key stands for, by its word alone.
fn said_to_be(key: &str, identities: &dyn Credentials) -> Result<Arc<Principal>, Refused> {
    Ok(match well_known(key) {
        Some(account) => root(account, key),
        None => match identities.find(key).map_err(Refused::Failed)? {
            Some(held) => held.principal,
            None => root(AccountId::DEFAULT, key),
        },
    })
}

/// Refuses a presigned URL of Signature Version 2 past its end. SDKs still make such URLs by default, so
/// `warn` lets them through like any other signature that it cannot confirm.
fn old_url_lives(evidence: &Evidence<'_>) -> Result<(), AuthError> {
    match Presented::old_expiry(&evidence.head) {
        Some(expires) if expires < evidence.host_time => {
            Err(AuthError::OldVersionExpired { expires, now: evidence.host_time })
        }
        _ => Ok(()),
    }
}

/// Whether `warn` lets it through.
fn is_permission(error: &AuthError) -> bool {
    !matches!(
        error,
        AuthError::PresignExpired { .. }
            | AuthError::OldVersionExpired { .. }
            | AuthError::PresignNotYet { .. }
            | AuthError::PayloadMismatch { .. }
    )
}

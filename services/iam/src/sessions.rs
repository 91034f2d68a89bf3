//! Making temporary credentials, and removing those that have ended.

use crate::errors::IamError;
use crate::rules::ids::{self, Lasting};
use crate::state::{self, Holder, Place, Session, SessionOf, SessionPolicy};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use names::{AccountId, Scope, Tags, Timestamp};
use schema::ApiError;
use service::{Entropy, TimerHandler};
use store::{Fault, Timer, Tx};

/// The timer that removes a session.
const END: &str = "iam/session-end";
/// How long ended credentials are told from unknown ones, in milliseconds.
const REMEMBERED_MS: i64 = 24 * 3600 * 1000;
/// Random bytes of a session token.
const TOKEN_BYTES: usize = 192;

/// What a session is made with.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// On whose behalf.
    pub of: SessionOf,
    /// In which account.
    pub account: AccountId,
    /// How long, in seconds.
    pub seconds: i32,
    /// Its tags.
    pub tags: Tags,
    /// Keys of those that further sessions keep.
    pub transitive: Vec<String>,
    /// Who took it on.
    pub source_identity: Option<String>,
    /// The policies that limit it.
    pub policies: Vec<SessionPolicy>,
}

impl Wanted {
    /// A session without policies and tags.
    pub fn plain(of: SessionOf, account: AccountId, seconds: i32) -> Self {
        Wanted {
            of,
            account,
            seconds,
            tags: Tags::new(),
            transitive: Vec::new(),
            source_identity: None,
            policies: Vec::new(),
        }
    }
}

/// What is random in credentials: drawn before the commit that makes them.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The access key.
    pub access_key: String,
    secret: String,
    token: String,
}

impl Drawn {
    /// Draws credentials of an account.
    pub fn of(entropy: &Entropy, account: AccountId) -> Self {
        Drawn {
            access_key: ids::access_key(Lasting::ForASession, account, entropy.bytes()),
            secret: entropy.secret_key(),
            token: STANDARD.encode(entropy.bytes::<TOKEN_BYTES>()),
        }
    }
}

/// Writes credentials with the timer that removes them.
///
/// # Errors
/// The store's.
pub fn write(tx: &mut Tx, drawn: &Drawn, now: Timestamp, wanted: &Wanted) -> Result<Session, Fault> {
    let (account, scope) = (wanted.account, Scope::Account(wanted.account));
    let session = Session {
        of: wanted.of.clone(),
        secret: drawn.secret.clone(),
        token: drawn.token.clone(),
        issued: now,
        // Moments are answered in whole seconds.
        expires: Timestamp::from_seconds(now.seconds() + i64::from(wanted.seconds)),
        tags: wanted.tags.clone(),
        transitive: wanted.transitive.clone(),
        source_identity: wanted.source_identity.clone(),
        policies: wanted.policies.clone(),
    };
    let key = &drawn.access_key;
    tx.put(&state::HOLDERS, &Scope::Partition, key, &Holder { account, place: Place::Session })?;
    tx.put(&state::SESSIONS, &scope, key, &session)?;
    let due = session.expires.plus_millis(REMEMBERED_MS);
    let key = Bytes::from(key.clone());
    tx.schedule(&Timer { kind: END.to_owned(), due, scope, key, payload: Bytes::new() })?;
    Ok(session)
}

/// Removes a session when its timer is due.
pub const SWEEP: TimerHandler = TimerHandler { kind: END, fire: remove };

fn remove(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    let key = String::from_utf8_lossy(&timer.key).into_owned();
    let gone = tx
        .delete(&state::SESSIONS, &timer.scope, &key)
        .and_then(|()| tx.delete(&state::HOLDERS, &Scope::Partition, &key));
    gone.map_err(|fault| IamError::from(fault).into())
}

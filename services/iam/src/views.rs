//! Identities in memory, so that who calls and what they may is told without reading the store.
//!
//! Keys are one slice each, fed by their rows. What an account's identities are and may is a cache that
//! any change of them empties: changes are rare, and a change of one group bears on many.

use crate::state::{self, AccessKey, Holder, Session};
use names::{AccountId, Scope};
use policy::IdentityPolicies;
use ports::Credential;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{Change, Fault, Read, Snapshot, Table, TableId, View};

/// Access keys, each a slice. Keys that nobody holds are slices too, thrown away when too many.
pub struct Keys;

/// What the rows say of an access key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Who holds it.
    pub holder: Option<Holder>,
    /// Its row, where it lasts.
    pub key: Option<AccessKey>,
    /// Its row, where it is temporary.
    pub session: Option<Session>,
}

/// An access key with what was made of it last.
pub struct KeySlice {
    /// What the rows say.
    pub held: Arc<Held>,
    /// The credential made for an identity as it then was.
    pub made: Option<(Option<Arc<KnownIdentity>>, Credential)>,
}

impl View for Keys {
    type Key = String;
    type Slice = KeySlice;

    fn name(&self) -> &'static str {
        "iam-keys"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![state::HOLDERS.id(), state::KEYS.id(), state::SESSIONS.id()]
    }

    fn capacity(&self) -> usize {
        16_384
    }

    fn slice_of(&self, change: &Change) -> Option<String> {
        if let Some((_, id, _)) = change.of(&state::HOLDERS) {
            return Some(id);
        }
        if let Some((_, (_, id), _)) = change.of(&state::KEYS) {
            return Some(id);
        }
        change.of(&state::SESSIONS).map(|(_, id, _)| id)
    }

    fn load(&self, id: &String, read: &Snapshot) -> Result<KeySlice, Fault> {
        let mut held = Held { holder: read.get(&state::HOLDERS, &Scope::Partition, id)?, ..Held::default() };
        if let Some(Holder { account, place }) = &held.holder {
            let scope = Scope::Account(*account);
            let of_key = |incarnation| read.get(&state::KEYS, &scope, &(incarnation, id.clone()));
            match place {
                state::Place::Root => held.key = of_key(state::ROOT)?,
                state::Place::User { incarnation, .. } => held.key = of_key(*incarnation)?,
                state::Place::Session => held.session = read.get(&state::SESSIONS, &scope, id)?,
            }
        }
        Ok(KeySlice { held: Arc::new(held), made: None })
    }

    fn apply(&self, slice: &mut KeySlice, change: &Change) {
        slice.made = None;
        let held = Arc::make_mut(&mut slice.held);
        if let Some((.., holder)) = change.of(&state::HOLDERS) {
            held.holder = holder;
        } else if let Some((.., key)) = change.of(&state::KEYS) {
            held.key = key;
        } else if let Some((.., session)) = change.of(&state::SESSIONS) {
            held.session = session;
        }
    }
}

/// A user or a role as it is known to those who ask often.
#[derive(Debug, PartialEq)]
pub struct KnownIdentity {
    /// The user or role.
    pub identity: state::Identity,
    /// What only roles have.
    pub role: Option<state::RoleDetail>,
}

/// The identities of an account that were asked for.
pub struct Account {
    /// Another number after each change, so that nothing read before it is kept after it.
    pub generation: u64,
    /// Users and roles, by kind and key; absent ones too.
    pub identities: HashMap<(u8, String), Option<Arc<KnownIdentity>>>,
    /// What identities may, by kind and key, with the id of the identity they belong to.
    pub permissions: HashMap<(u8, String), (String, Arc<IdentityPolicies>)>,
    /// What sessions with policies of their own may, by access key.
    pub sessions: HashMap<String, Arc<IdentityPolicies>>,
}

/// How many entries a cache of an account holds before it is emptied.
const MAX_CACHED: usize = 10_000;

impl Account {
    fn empty(generation: u64) -> Self {
        Account {
            generation,
            identities: HashMap::new(),
            permissions: HashMap::new(),
            sessions: HashMap::new(),
        }
    }

    /// Empties what has grown beyond its bound.
    pub fn bound(&mut self) {
        let most = self.identities.len().max(self.permissions.len()).max(self.sessions.len());
        if most >= MAX_CACHED {
            *self = Self::empty(self.generation);
        }
    }
}

/// Accounts, each a slice.
#[derive(Default)]
pub struct Accounts {
    generations: AtomicU64,
}

impl Accounts {
    fn next(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }
}

fn account_in<K: store::Key, V: store::Value>(change: &Change, table: &Table<K, V>) -> Option<AccountId> {
    change.of(table).and_then(|(scope, ..)| scope.account())
}

impl View for Accounts {
    type Key = AccountId;
    type Slice = Account;

    fn name(&self) -> &'static str {
        "iam-accounts"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![
            state::IDENTITIES.id(),
            state::ROLES.id(),
            state::INLINE.id(),
            state::ATTACHED.id(),
            state::MEMBERSHIPS.id(),
            state::POLICIES.id(),
            state::VERSIONS.id(),
        ]
    }

    fn slice_of(&self, change: &Change) -> Option<AccountId> {
        account_in(change, &state::IDENTITIES)
            .or_else(|| account_in(change, &state::ROLES))
            .or_else(|| account_in(change, &state::INLINE))
            .or_else(|| account_in(change, &state::ATTACHED))
            .or_else(|| account_in(change, &state::MEMBERSHIPS))
            .or_else(|| account_in(change, &state::POLICIES))
            .or_else(|| account_in(change, &state::VERSIONS))
    }

    fn load(&self, _account: &AccountId, _read: &Snapshot) -> Result<Account, Fault> {
        Ok(Account::empty(self.next()))
    }

    fn apply(&self, slice: &mut Account, _change: &Change) {
        *slice = Account::empty(self.next());
    }
}

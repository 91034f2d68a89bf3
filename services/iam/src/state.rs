//! Tables and records. This is the only file that names tables.
//!
//! Names of IAM are unique without regard to case, so identities, policies and profiles are keyed by
//! their name in lower case and keep it as it was given. What an identity contains is keyed by its
//! incarnation. Access keys are found across accounts by an index entry, which leads to the account.

use crate::rules::names::{Kind, key_of};
use names::{AccountId, Arn, Scope, Tags, Timestamp};
use serde::{Deserialize, Serialize};
use service::{Head, Heads};
use store::{Class, Fault, Incarnation, Read, Span, Table, Tx, record};

/// Users, groups and roles, by kind and key.
pub static IDENTITIES: Table<(u8, String), Identity> = Table::new("iam/identities", Class::Records).large();
/// How many resources of a kind there are.
pub static COUNTS: Table<u8, u64> = Table::new("iam/counts", Class::Records);
/// What only roles have.
pub static ROLES: Table<Incarnation, RoleDetail> = Table::of_incarnation("iam/roles", Class::Records).large();
/// Inline policies of an identity, by name.
pub static INLINE: Table<(Incarnation, String), InlinePolicy> =
    Table::of_incarnation("iam/inline-policies", Class::Records).large();
/// ARNs of the managed policies attached to an identity.
pub static ATTACHED: Table<(Incarnation, String), ()> =
    Table::of_incarnation("iam/attached-policies", Class::Records);
/// Which identities use a managed policy: its ARN, as what, the identity's kind and key.
pub static USES: Table<(String, u8, u8, String), ()> = Table::new("iam/policy-uses", Class::Records);
/// Keys of the users of a group.
pub static MEMBERS: Table<(Incarnation, String), ()> =
    Table::of_incarnation("iam/group-members", Class::Records);
/// Keys of the groups of a user.
pub static MEMBERSHIPS: Table<(Incarnation, String), ()> =
    Table::of_incarnation("iam/memberships", Class::Records);
/// Managed policies of the account.
pub static POLICIES: Table<String, ManagedPolicy> = Table::new("iam/policies", Class::Records).large();
/// Their versions, by number.
pub static VERSIONS: Table<(Incarnation, u32), PolicyVersion> =
    Table::of_incarnation("iam/policy-versions", Class::Records).large();
/// Instance profiles.
pub static PROFILES: Table<String, InstanceProfile> =
    Table::new("iam/instance-profiles", Class::Records).large();
/// Keys of the instance profiles that hold a role.
pub static ROLE_PROFILES: Table<(Incarnation, String), ()> =
    Table::of_incarnation("iam/role-profiles", Class::Records);
/// Access keys of a user, or of the root.
pub static KEYS: Table<(Incarnation, String), AccessKey> =
    Table::of_incarnation("iam/access-keys", Class::Records);
/// Who holds an access key, in the whole partition.
pub static HOLDERS: Table<String, Holder> = Table::new("iam/key-holders", Class::Records);
/// Temporary credentials, by access key.
pub static SESSIONS: Table<String, Session> = Table::new("iam/sessions", Class::Records).large();
/// Removals of services' roles, by task.
pub static DELETIONS: Table<String, DeletionTask> = Table::new("iam/deletion-tasks", Class::Records);
/// The account's alias.
pub static ALIAS: Table<(), Alias> = Table::new("iam/account-alias", Class::Records);
/// Which account an alias belongs to, in the whole partition.
pub static ALIASES: Table<String, AliasOwner> = Table::new("iam/aliases", Class::Records);

/// The root of an account owns access keys like a user, under a number that no identity gets.
pub const ROOT: Incarnation = Incarnation(0);

/// A user, a group or a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What its contents are keyed by.
    pub incarnation: Incarnation,
    /// Its name as it was given.
    pub name: String,
    /// `/`, or folders between slashes.
    pub path: String,
    /// `AIDA…`, `AGPA…`, `AROA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Its tags; its head has them too.
    pub tags: Tags,
}
record!(Identity, 1);

/// What only a role has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDetail {
    /// Its trust policy as it was given.
    pub trust: String,
    /// What it is for.
    pub description: Option<String>,
    /// Longest session of AssumeRole, in seconds.
    pub max_session_seconds: i32,
    /// The service that alone may change it: `autoscaling.amazonaws.com`.
    pub linked_to: Option<String>,
}
record!(RoleDetail, 1);

/// An inline policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlinePolicy {
    /// The document as it was given.
    pub document: String,
}
record!(InlinePolicy, 1);

/// A managed policy of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// What its versions are keyed by.
    pub incarnation: Incarnation,
    /// Its name as it was given.
    pub name: String,
    /// Its path.
    pub path: String,
    /// `ANPA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// When its versions last changed.
    pub updated: Timestamp,
    /// The version that holds.
    pub default_version: u32,
    /// The number of the newest version there ever was.
    pub last_version: u32,
    /// What it is for.
    pub description: Option<String>,
    /// Its tags; its head has them too.
    pub tags: Tags,
}
record!(ManagedPolicy, 1);

/// A version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The document as it was given.
    pub document: String,
    /// When it was made.
    pub created: Timestamp,
}
record!(PolicyVersion, 1);

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// The number of its life.
    pub incarnation: Incarnation,
    /// Its name as it was given.
    pub name: String,
    /// Its path.
    pub path: String,
    /// `AIPA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// The key of its role.
    pub role: Option<String>,
    /// Its tags; its head has them too.
    pub tags: Tags,
}
record!(InstanceProfile, 1);

/// An access key of a user, or of the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its secret.
    pub secret: String,
    /// An inactive key is refused.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
}
record!(AccessKey, 1);

/// Who holds an access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// In this account.
    pub account: AccountId,
    /// What leads to the key's row.
    pub place: Place,
}
record!(Holder, 1);

/// Where the row of an access key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// With the account's root.
    Root,
    /// With a user.
    User {
        /// The user's key.
        key: String,
        /// The user's life.
        incarnation: Incarnation,
    },
    /// It is temporary.
    Session,
}

/// Temporary credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// On whose behalf.
    pub of: SessionOf,
    /// Its secret key.
    pub secret: String,
    /// Its token.
    pub token: String,
    /// When it was made.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Its tags, over those of the role.
    pub tags: Tags,
    /// Keys of the tags that sessions made from this one keep.
    pub transitive: Vec<String>,
    /// Who took it on first, as they said.
    pub source_identity: Option<String>,
    /// The policies passed when it was made; empty where none were.
    pub policies: Vec<SessionPolicy>,
}
record!(Session, 1);

/// On whose behalf temporary credentials act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionOf {
    /// The account's root.
    Root,
    /// A user, while it has this id.
    User {
        /// The user's key.
        key: String,
        /// The user's id.
        id: String,
    },
    /// A role, while it has this id.
    Role {
        /// The role's key.
        key: String,
        /// The role's id.
        id: String,
        /// The session's name.
        name: String,
    },
}

/// A policy that limits a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionPolicy {
    /// Given as a document.
    Inline(String),
    /// Given as the ARN of a managed policy.
    Managed(String),
}

/// The removal of a service's role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionTask {
    /// The role that went.
    pub role: Arn,
}
record!(DeletionTask, 1);

/// The alias of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The alias.
    pub name: String,
}
record!(Alias, 1);

/// The account of an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasOwner {
    /// The account.
    pub account: AccountId,
}
record!(AliasOwner, 1);

/// As what an identity uses a managed policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// It gives permissions.
    Permissions = 0,
    /// It limits them.
    Boundary = 1,
}

impl Identity {
    /// Its ARN.
    pub fn arn(&self, kind: Kind, account: AccountId) -> Arn {
        kind.arn(account, &self.path, &self.name)
    }
}

impl ManagedPolicy {
    /// Its ARN.
    pub fn arn(&self, account: AccountId) -> Arn {
        Kind::Policy.arn(account, &self.path, &self.name)
    }
}

impl InstanceProfile {
    /// Its ARN.
    pub fn arn(&self, account: AccountId) -> Arn {
        Kind::InstanceProfile.arn(account, &self.path, &self.name)
    }
}

/// An identity by its name.
pub fn identity(read: &impl Read, scope: &Scope, kind: Kind, name: &str) -> Result<Option<Identity>, Fault> {
    read.get(&IDENTITIES, scope, &(kind as u8, key_of(name)))
}

/// A role with what only roles have.
pub fn role(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<(Identity, RoleDetail)>, Fault> {
    let Some(identity) = identity(read, scope, Kind::Role, name)? else { return Ok(None) };
    let detail = read.get(&ROLES, scope, &identity.incarnation)?;
    Ok(detail.map(|detail| (identity, detail)))
}

/// A managed policy of the account by its ARN.
pub fn policy(read: &impl Read, account: AccountId, arn: &Arn) -> Result<Option<ManagedPolicy>, Fault> {
    let name = arn.resource().rsplit('/').next().unwrap_or_default();
    let found = read.get(&POLICIES, &Scope::Account(account), &key_of(name))?;
    Ok(found.filter(|policy| policy.arn(account) == *arn))
}

/// Which identities use a managed policy in an account: as what, kind and key.
pub fn uses(read: &impl Read, scope: &Scope, arn: &str) -> Result<Vec<(u8, u8, String)>, Fault> {
    let rows = read.scan(&USES, scope, Span::of(&arn.to_owned()));
    rows.map(|row| row.map(|((_, usage, kind, key), ())| (usage, kind, key))).collect()
}

/// Moves the uses of policies from an identity's old key to its new one.
pub fn move_uses(
    tx: &mut Tx,
    scope: &Scope,
    (kind, identity): (Kind, &Identity),
    (old, new): (&str, &str),
) -> Result<(), Fault> {
    let attached = names_of(tx, &ATTACHED, scope, identity.incarnation)?;
    let uses = attached.into_iter().map(|arn| (arn, Usage::Permissions));
    for (arn, usage) in uses.chain(identity.boundary.clone().map(|arn| (arn, Usage::Boundary))) {
        let use_of = |key: &str| (arn.clone(), usage as u8, kind as u8, key.to_owned());
        tx.delete(&USES, scope, &use_of(old))?;
        tx.put(&USES, scope, &use_of(new), &())?;
    }
    Ok(())
}

/// How many resources of a kind an account has.
pub fn present(read: &impl Read, scope: &Scope, kind: Kind) -> Result<usize, Fault> {
    let count = read.get(&COUNTS, scope, &(kind as u8))?.unwrap_or(0);
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Counts a resource that is made.
pub fn count_one_more(tx: &mut Tx, scope: &Scope, kind: Kind) -> Result<(), Fault> {
    tx.counter(&COUNTS, scope, &(kind as u8)).map(drop)
}

/// Counts a resource that goes.
pub fn count_one_less(tx: &mut Tx, scope: &Scope, kind: Kind) -> Result<(), Fault> {
    let count = tx.get(&COUNTS, scope, &(kind as u8))?.unwrap_or(0);
    tx.put(&COUNTS, scope, &(kind as u8), &count.saturating_sub(1))
}

/// How many rows of a table belong to an incarnation.
pub fn count<V: store::Value>(
    read: &impl Read,
    table: &Table<(Incarnation, String), V>,
    scope: &Scope,
    incarnation: Incarnation,
) -> Result<usize, Fault> {
    read.scan(table, scope, Span::of(&incarnation)).try_fold(0, |sum, row| row.map(|_| sum + 1))
}

/// The second parts of the keys of an incarnation's rows.
pub fn names_of<V: store::Value>(
    read: &impl Read,
    table: &Table<(Incarnation, String), V>,
    scope: &Scope,
    incarnation: Incarnation,
) -> Result<Vec<String>, Fault> {
    read.scan(table, scope, Span::of(&incarnation)).map(|row| row.map(|((_, name), _)| name)).collect()
}

/// Writes an identity and its head.
pub fn save_identity(tx: &mut Tx, account: AccountId, kind: Kind, identity: &Identity) -> Result<(), Fault> {
    let key = (kind as u8, key_of(&identity.name));
    tx.put(&IDENTITIES, &Scope::Account(account), &key, identity)?;
    let head = head(kind, account, identity.incarnation, identity.created, &identity.tags);
    tx.put_head(&identity.arn(kind, account), &head)
}

/// Removes an identity with its head and all it contains.
pub fn remove_identity(
    tx: &mut Tx,
    account: AccountId,
    kind: Kind,
    identity: &Identity,
) -> Result<(), Fault> {
    let scope = Scope::Account(account);
    tx.delete(&IDENTITIES, &scope, &(kind as u8, key_of(&identity.name)))?;
    count_one_less(tx, &scope, kind)?;
    tx.discard(&scope, identity.incarnation)?;
    tx.remove_head(&identity.arn(kind, account))
}

/// Writes a managed policy and its head.
pub fn save_policy(tx: &mut Tx, account: AccountId, policy: &ManagedPolicy) -> Result<(), Fault> {
    tx.put(&POLICIES, &Scope::Account(account), &key_of(&policy.name), policy)?;
    let head = head(Kind::Policy, account, policy.incarnation, policy.created, &policy.tags);
    tx.put_head(&policy.arn(account), &head)
}

/// Writes an instance profile and its head.
pub fn save_profile(tx: &mut Tx, account: AccountId, profile: &InstanceProfile) -> Result<(), Fault> {
    tx.put(&PROFILES, &Scope::Account(account), &key_of(&profile.name), profile)?;
    let head = head(Kind::InstanceProfile, account, profile.incarnation, profile.created, &profile.tags);
    tx.put_head(&profile.arn(account), &head)
}

fn head(kind: Kind, owner: AccountId, incarnation: Incarnation, created: Timestamp, tags: &Tags) -> Head {
    let kind = kind.resource_type().to_owned();
    // Trust policies are judged by AssumeRole's own demand, so no head of IAM has a policy.
    Head { incarnation, owner, kind, created, tags: tags.clone(), policy: None }
}

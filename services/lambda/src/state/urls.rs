//! Function URLs, and which function a host's label stands for.

use super::{Function, Incarnation};
use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Read, Span, Table, Tx, record};

/// The URL of a function or an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionUrl {
    /// The label of its host.
    pub label: String,
    /// The alias, or empty for the function itself.
    pub qualifier: String,
    /// Callers need permission: `AWS_IAM`, and else `NONE`.
    pub signed: bool,
    /// Answers are sent as they are made.
    pub streams: bool,
    /// Which web pages may use it.
    pub cors: Option<UrlCors>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub modified: Timestamp,
}
record!(FunctionUrl, 1);

/// Which web pages may use a URL; `None` is what its owner does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlCors {
    /// Cookies may be sent.
    pub credentials: Option<bool>,
    /// Headers that requests may have.
    pub headers: Option<Vec<String>>,
    /// Methods.
    pub methods: Option<Vec<String>>,
    /// Pages.
    pub origins: Option<Vec<String>>,
    /// Headers that pages may read.
    pub exposes: Option<Vec<String>>,
    /// How long a page may keep this, in seconds.
    pub max_age: Option<i32>,
}

/// What a label stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlOwner {
    /// Where the function is.
    pub scope: Scope,
    /// The function's name.
    pub function: String,
    /// The alias, or empty.
    pub qualifier: String,
}
record!(UrlOwner, 1);

static URLS: Table<(Incarnation, String), FunctionUrl> = Table::of_incarnation("lambda/urls", Class::Records);
static LABELS: Table<String, UrlOwner> = Table::new("lambda/url-labels", Class::Records);

/// The URL of a function or alias.
pub fn url(
    read: &impl Read,
    scope: &Scope,
    function: &Function,
    qualifier: &str,
) -> Result<Option<FunctionUrl>, Fault> {
    read.get(&URLS, scope, &(function.incarnation, qualifier.to_owned()))
}

/// The URLs of a function and its aliases.
pub fn urls(read: &impl Read, scope: &Scope, function: &Function) -> Result<Vec<FunctionUrl>, Fault> {
    let rows = read.scan(&URLS, scope, Span::of(&function.incarnation));
    rows.map(|row| row.map(|(_, url)| url)).collect()
}

/// What a label stands for.
pub fn owner(read: &impl Read, label: &str) -> Result<Option<UrlOwner>, Fault> {
    read.get(&LABELS, &Scope::Partition, &label.to_owned())
}

/// Writes a URL.
pub fn put(tx: &mut Tx, scope: &Scope, function: &Function, url: &FunctionUrl) -> Result<(), Fault> {
    let owner = UrlOwner {
        scope: scope.clone(),
        function: function.latest.name.clone(),
        qualifier: url.qualifier.clone(),
    };
    tx.put(&LABELS, &Scope::Partition, &url.label, &owner)?;
    tx.put(&URLS, scope, &(function.incarnation, url.qualifier.clone()), url)
}

/// Removes a URL; says whether there was one.
pub fn remove(tx: &mut Tx, scope: &Scope, function: &Function, qualifier: &str) -> Result<bool, Fault> {
    let Some(url) = url(tx, scope, function, qualifier)? else { return Ok(false) };
    tx.delete(&LABELS, &Scope::Partition, &url.label)?;
    tx.delete(&URLS, scope, &(function.incarnation, qualifier.to_owned()))?;
    Ok(true)
}

/// Removes the URLs of a function and its aliases.
pub fn remove_all(tx: &mut Tx, scope: &Scope, function: &Function) -> Result<(), Fault> {
    let all = urls(tx, scope, function)?;
    all.iter().try_for_each(|url| remove(tx, scope, function, &url.qualifier).map(drop))
}

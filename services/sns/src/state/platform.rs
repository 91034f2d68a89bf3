//! Applications of mobile platforms, and the endpoints that devices have in them.

use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Class, Fault, Read, Span, Table, Tx, record};

/// An application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// `GCM/name`: what its ARN ends with.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its attributes as they were set.
    pub attributes: BTreeMap<String, String>,
}
record!(Application, 1);

/// A device's endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The application: `GCM/name`.
    pub application: String,
    /// The last part of its ARN.
    pub id: String,
    /// Its attributes: `Enabled`, `Token`, `CustomUserData`.
    pub attributes: BTreeMap<String, String>,
}
record!(Endpoint, 1);

impl Endpoint {
    /// Whether messages may go to it.
    pub fn is_enabled(&self) -> bool {
        self.attributes.get("Enabled").is_none_or(|enabled| enabled.eq_ignore_ascii_case("true"))
    }
}

static APPLICATIONS: Table<String, Application> = Table::new("sns/applications", Class::Records);
static ENDPOINTS: Table<(String, String), Endpoint> = Table::new("sns/endpoints", Class::Records);

fn arn(scope: &Scope, resource: &str) -> Arn {
    let account = scope.account().unwrap_or(AccountId::DEFAULT);
    Arn::regional("sns", scope.region().unwrap_or(&Region::default()), account, resource)
}

/// The ARN of an application.
pub fn application_arn(scope: &Scope, name: &str) -> Arn {
    arn(scope, &format!("app/{name}"))
}

/// The ARN of an endpoint.
pub fn endpoint_arn(scope: &Scope, application: &str, id: &str) -> Arn {
    arn(scope, &format!("endpoint/{application}/{id}"))
}

/// The platform of an application's name: `GCM` of `GCM/name`.
pub fn kind(application: &str) -> &str {
    application.split('/').next().unwrap_or_default()
}

/// Where the application of an ARN lives, and its name.
pub fn application_place(arn: &Arn) -> Option<(Scope, String)> {
    let name = arn.resource().strip_prefix("app/").filter(|_| arn.service() == "sns")?;
    let fine = name.split_once('/').is_some_and(|(kind, name)| !kind.is_empty() && !name.contains('/'));
    fine.then_some((Scope::Regional(arn.account()?, arn.region()?), name.to_owned()))
}

/// Where the endpoint of an ARN lives, its application and its id.
pub fn endpoint_place(arn: &Arn) -> Option<(Scope, String, String)> {
    let rest = arn.resource().strip_prefix("endpoint/").filter(|_| arn.service() == "sns")?;
    let (application, id) = rest.rsplit_once('/')?;
    application.contains('/').then_some((
        Scope::Regional(arn.account()?, arn.region()?),
        application.to_owned(),
        id.to_owned(),
    ))
}

/// An application.
pub fn application(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Application>, Fault> {
    read.get(&APPLICATIONS, scope, &name.to_owned())
}

/// The applications of a scope, in order of their names, after one of them.
pub fn applications(
    read: &impl Read,
    scope: &Scope,
    after: Option<&str>,
) -> impl Iterator<Item = Result<Application, Fault>> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(&after.to_owned()));
    read.scan(&APPLICATIONS, scope, span).map(|row| row.map(|(_, application)| application))
}

/// Writes an application.
pub fn put_application(tx: &mut Tx, scope: &Scope, application: &Application) -> Result<(), Fault> {
    tx.put(&APPLICATIONS, scope, &application.name, application)
}

/// Removes an application. Its endpoints stay, as they do on AWS, and can no longer be reached.
pub fn remove_application(tx: &mut Tx, scope: &Scope, name: &str) -> Result<(), Fault> {
    tx.delete(&APPLICATIONS, scope, &name.to_owned())
}

/// An endpoint.
pub fn endpoint(
    read: &impl Read,
    scope: &Scope,
    application: &str,
    id: &str,
) -> Result<Option<Endpoint>, Fault> {
    read.get(&ENDPOINTS, scope, &(application.to_owned(), id.to_owned()))
}

/// The endpoints of an application, after one of them.
pub fn endpoints(
    read: &impl Read,
    scope: &Scope,
    application: &str,
    after: Option<&str>,
) -> impl Iterator<Item = Result<Endpoint, Fault>> {
    let application = application.to_owned();
    let span = Span::of(&application);
    let span = match after {
        Some(after) => span.after(&(application, after.to_owned())),
        None => span,
    };
    read.scan(&ENDPOINTS, scope, span).map(|row| row.map(|(_, endpoint)| endpoint))
}

/// Writes an endpoint.
pub fn put_endpoint(tx: &mut Tx, scope: &Scope, endpoint: &Endpoint) -> Result<(), Fault> {
    tx.put(&ENDPOINTS, scope, &(endpoint.application.clone(), endpoint.id.clone()), endpoint)
}

/// Removes an endpoint.
pub fn remove_endpoint(tx: &mut Tx, scope: &Scope, application: &str, id: &str) -> Result<(), Fault> {
    tx.delete(&ENDPOINTS, scope, &(application.to_owned(), id.to_owned()))
}

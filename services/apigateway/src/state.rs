//! The tables of the room: APIs by id, their parts by the API's incarnation, and for each stage one row
//! with all that a request to it needs.

mod older;

use crate::rules::cors::Cors;
use crate::rules::events::Format;
use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Class, Fault, Incarnation, Read, Record, Span, Table, Tx, record};

/// An API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Api {
    /// The number its parts are keyed by.
    pub incarnation: Incarnation,
    /// Its id, the first label of its host.
    pub id: String,
    /// Its name, which need not be unique.
    pub name: String,
    /// What its owner says of it.
    pub description: Option<String>,
    /// Its owner's name for this version.
    pub version: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Who may call it from a web page.
    pub cors: Option<Cors>,
    /// Its host answers nothing.
    pub endpoint_disabled: bool,
    /// Its host is said to have addresses of both kinds.
    pub dualstack: bool,
}
record!(Api, 1);

/// How requests to an integration over HTTP, and its answers, are changed: mappings to their values.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HttpProxy {
    /// Of every request.
    pub request: BTreeMap<String, String>,
    /// Of answers, by their status.
    pub answers: BTreeMap<String, BTreeMap<String, String>>,
}

/// How a function, or a host over HTTP, is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// Its id.
    pub id: String,
    /// What leads to the function or the host.
    pub uri: String,
    /// The form of the event.
    pub format: Format,
    /// How long an answer may take.
    pub timeout_ms: u32,
    /// What its owner says of it.
    pub description: Option<String>,
    /// The method that is named for it, which may be `ANY`; functions are asked by none.
    pub method: Option<String>,
    /// The role as which the function is asked.
    pub credentials: Option<Arn>,
    /// It was made with the API.
    pub managed: bool,
    /// What is asked is a host over HTTP.
    pub http: Option<HttpProxy>,
}

/// What a request has to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authorization {
    /// Nothing.
    Open,
    /// What satisfies this authorizer.
    Custom(String),
    /// A token that satisfies this authorizer, with one of these scopes where there are any.
    Jwt(String, Vec<String>),
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Its id.
    pub id: String,
    /// `GET /pets/{id}`
    pub key: String,
    /// The integration it leads to.
    pub integration: Option<String>,
    /// What a request has to show.
    pub authorization: Authorization,
    /// Its owner's name for it.
    pub operation_name: Option<String>,
    /// It was made with the API.
    pub managed: bool,
}
record!(Route, 1);

/// Whose tokens an authorizer lets in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Issuer {
    /// The issuer: a URL.
    pub url: String,
    /// For whom its tokens are.
    pub audience: Vec<String>,
}

/// A function, or an issuer of tokens, that decides whom to let in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Authorizer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What leads to the function.
    pub uri: String,
    /// The form of the event.
    pub format: Format,
    /// It answers yes or no rather than a policy.
    pub simple: bool,
    /// What identifies a caller.
    pub identity_sources: Vec<String>,
    /// How long an answer is remembered.
    pub ttl_s: u32,
    /// The role as which the function is asked.
    pub credentials: Option<Arn>,
    /// Tokens of an issuer are looked at, and no function is asked.
    pub issuer: Option<Issuer>,
}

/// What is set for the routes of a stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Metrics of each route are wanted.
    pub detailed_metrics: Option<bool>,
    /// Requests at once.
    pub burst: Option<i32>,
    /// Requests a second.
    pub rate: Option<f64>,
}

/// Where lines about requests go, and what they say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLog {
    /// A log group.
    pub destination: Arn,
    /// The line, with `$context.` variables.
    pub format: String,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What its owner says of it.
    pub description: Option<String>,
    /// Every change of the API is deployed to it.
    pub auto_deploy: bool,
    /// What it serves.
    pub deployment: Option<String>,
    /// Its variables.
    pub variables: BTreeMap<String, String>,
    /// What holds for all routes.
    pub defaults: Settings,
    /// What holds for one route, by its key.
    pub of_routes: BTreeMap<String, Settings>,
    /// Lines about its requests.
    pub access_log: Option<AccessLog>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// It was made with the API.
    pub managed: bool,
}
record!(Stage, 1);

/// A deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// What its owner says of it.
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// A change of the API made it.
    pub auto: bool,
}
record!(Deployment, 1);

/// The API as it was when it was deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Who may call it from a web page.
    pub cors: Option<Cors>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its integrations.
    pub integrations: Vec<Integration>,
    /// Its authorizers.
    pub authorizers: Vec<Authorizer>,
}

/// All that a request to a stage needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// The stage.
    pub stage: Stage,
    /// What is deployed to it.
    pub content: Content,
}

/// Where the API of a host lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    account: AccountId,
    region: Region,
}
record!(Place, 1);

/// The scope of every API by its id, which is unique in the partition.
static PLACES: Table<String, Place> = Table::new("apigateway/places", Class::Records);
static APIS: Table<String, Api> = Table::new("apigateway/apis", Class::Records);

type PartKey = (Incarnation, String);
static INTEGRATIONS: Table<PartKey, Integration> =
    Table::of_incarnation("apigateway/integrations", Class::Records);
static ROUTES: Table<PartKey, Route> = Table::of_incarnation("apigateway/routes", Class::Records);
static AUTHORIZERS: Table<PartKey, Authorizer> =
    Table::of_incarnation("apigateway/authorizers", Class::Records);
static STAGES: Table<PartKey, Stage> = Table::of_incarnation("apigateway/stages", Class::Records);
static DEPLOYMENTS: Table<PartKey, Deployment> =
    Table::of_incarnation("apigateway/deployments", Class::Records);
static CONTENTS: Table<PartKey, Content> =
    Table::of_incarnation("apigateway/contents", Class::Records).large();
/// By the stage's name; the view of what is served is made of these.
pub static SERVED: Table<PartKey, Served> =
    Table::of_incarnation("apigateway/served", Class::Records).large();

/// A part of an API with an id of its own.
pub trait Part: Record + Clone + Send + Sync + 'static {
    /// What it is, in messages.
    const KIND: &'static str;

    /// Its id.
    fn id(&self) -> &str;

    /// The table it is in.
    fn table() -> &'static Table<PartKey, Self>;
}

macro_rules! parts {
    ($($part:ident $kind:literal $id:ident $table:ident;)*) => {$(
        impl Part for $part {
            const KIND: &'static str = $kind;

            fn id(&self) -> &str {
                &self.$id
            }

            fn table() -> &'static Table<PartKey, Self> {
                &$table
            }
        }
    )*};
}
parts!(
    Integration "Integration" id INTEGRATIONS;
    Route "Route" id ROUTES;
    Authorizer "Authorizer" id AUTHORIZERS;
    Stage "Stage" name STAGES;
    Deployment "Deployment" id DEPLOYMENTS;
);

/// The scope of the API of an id.
pub fn scope_of(read: &impl Read, id: &str) -> Result<Option<Scope>, Fault> {
    let place = read.get(&PLACES, &Scope::Partition, &id.to_owned())?;
    Ok(place.map(|place| Scope::Regional(place.account, place.region)))
}

/// An API by its id.
pub fn api(read: &impl Read, scope: &Scope, id: &str) -> Result<Option<Api>, Fault> {
    read.get(&APIS, scope, &id.to_owned())
}

/// The APIs in the order of their ids, after one of them.
pub fn apis(
    read: &impl Read,
    scope: &Scope,
    after: Option<String>,
) -> impl Iterator<Item = Result<Api, Fault>> {
    let span = match after {
        Some(after) => Span::all().after(&after),
        None => Span::all(),
    };
    read.scan(&APIS, scope, span).map(|row| row.map(|(_, api)| api))
}

/// Adds an API; says whether its id was free.
pub fn add_api(tx: &mut Tx, scope: &Scope, api: &Api) -> Result<bool, Fault> {
    let (Some(account), Some(region)) = (scope.account(), scope.region()) else { return Ok(false) };
    let place = Place { account, region: region.clone() };
    let free = tx.insert_absent(&PLACES, &Scope::Partition, &api.id, &place)?;
    if free {
        put_api(tx, scope, api)?;
    }
    Ok(free)
}

/// Writes an API.
pub fn put_api(tx: &mut Tx, scope: &Scope, api: &Api) -> Result<(), Fault> {
    tx.put(&APIS, scope, &api.id, api)
}

/// Removes an API with all its parts.
pub fn remove_api(tx: &mut Tx, scope: &Scope, api: &Api) -> Result<(), Fault> {
    tx.delete(&PLACES, &Scope::Partition, &api.id)?;
    tx.delete(&APIS, scope, &api.id)?;
    tx.discard(scope, api.incarnation)
}

/// Frees the ids of the APIs of an account that is being emptied.
pub async fn forget(ctx: service::Ctx, account: AccountId) -> Result<usize, Fault> {
    ctx.host().store.remove_where(&PLACES, move |_, _, place| place.account == account).await
}

/// A part of an API by its id.
pub fn part<P: Part>(read: &impl Read, scope: &Scope, api: &Api, id: &str) -> Result<Option<P>, Fault> {
    read.get(P::table(), scope, &(api.incarnation, id.to_owned()))
}

/// The parts of an API in the order of their ids, after one of them.
pub fn parts<P: Part>(
    read: &impl Read,
    scope: &Scope,
    api: &Api,
    after: Option<String>,
) -> impl Iterator<Item = Result<P, Fault>> {
    let span = Span::of(&api.incarnation);
    let span = match after {
        Some(after) => span.after(&(api.incarnation, after)),
        None => span,
    };
    read.scan(P::table(), scope, span).map(|row| row.map(|(_, part)| part))
}

/// All parts of a kind; every kind is bounded.
pub fn all_parts<P: Part>(read: &impl Read, scope: &Scope, api: &Api) -> Result<Vec<P>, Fault> {
    parts(read, scope, api, None).collect()
}

/// Writes a part of an API.
pub fn put_part<P: Part>(tx: &mut Tx, scope: &Scope, api: &Api, part: &P) -> Result<(), Fault> {
    tx.put(P::table(), scope, &(api.incarnation, part.id().to_owned()), part)
}

/// Removes a part of an API.
pub fn remove_part<P: Part>(tx: &mut Tx, scope: &Scope, api: &Api, part: &P) -> Result<(), Fault> {
    tx.delete(P::table(), scope, &(api.incarnation, part.id().to_owned()))
}

/// What a deployment holds.
pub fn content(read: &impl Read, scope: &Scope, api: &Api, deployment: &str) -> Result<Content, Fault> {
    let content = read.get(&CONTENTS, scope, &(api.incarnation, deployment.to_owned()))?;
    Ok(content.unwrap_or_default())
}

/// Keeps what a deployment holds.
pub fn put_content(
    tx: &mut Tx,
    scope: &Scope,
    api: &Api,
    (deployment, content): (&str, &Content),
) -> Result<(), Fault> {
    tx.put(&CONTENTS, scope, &(api.incarnation, deployment.to_owned()), content)
}

/// Forgets what a deployment held.
pub fn remove_content(tx: &mut Tx, scope: &Scope, api: &Api, deployment: &str) -> Result<(), Fault> {
    tx.delete(&CONTENTS, scope, &(api.incarnation, deployment.to_owned()))
}

/// Serves a stage as it is now.
pub fn serve(tx: &mut Tx, scope: &Scope, api: &Api, served: &Served) -> Result<(), Fault> {
    tx.put(&SERVED, scope, &(api.incarnation, served.stage.name.clone()), served)
}

/// Serves a stage no longer.
pub fn stop_serving(tx: &mut Tx, scope: &Scope, api: &Api, stage: &str) -> Result<(), Fault> {
    tx.delete(&SERVED, scope, &(api.incarnation, stage.to_owned()))
}

/// The stages that are served.
pub fn served(
    read: &impl Read,
    scope: &Scope,
    api: Incarnation,
) -> impl Iterator<Item = Result<Served, Fault>> {
    read.scan(&SERVED, scope, Span::of(&api)).map(|row| row.map(|(_, served)| served))
}

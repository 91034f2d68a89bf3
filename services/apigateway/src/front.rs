//! The hosts of APIs: `{api}.execute-api.{region}.…`, or `/_aws/execute-api/{api}/…` for clients that cannot
//! resolve such names. A request goes from its host to an API, from its path to a stage and a route, and
//! from there to a function.

use crate::access_log;
use crate::authorize;
use crate::describe::host_and_port;
use crate::invoke::{self, Question, Unanswered};
use crate::proxy;
use crate::rules::events::{Asked, Authorized};
use crate::rules::headers::{self, Added};
use crate::rules::replies::{self, message};
use crate::rules::route_keys::{self, RouteKey};
use crate::rules::stages;
use crate::rules::urls::decoded;
use crate::state::{self, Api};
use crate::throttle::Throttle;
use crate::views::{ServedStage, Serving, Stages};
use bytes::Bytes;
use names::{AccountId, Arn, Region, Scope};
use service::{BoxFuture, Ctx, Front, FrontReply, FrontRequest, Log};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Fault;

/// The longest body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The hosts of APIs.
pub struct ExecuteApi;

impl Front for ExecuteApi {
    fn name(&self) -> &'static str {
        "execute-api"
    }

    fn max_body(&self) -> usize {
        MAX_BODY_BYTES
    }

    fn serve(&self, ctx: Ctx, request: FrontRequest) -> BoxFuture<'_, FrontReply> {
        Box::pin(async move {
            let mut reply = match find(&ctx, &request) {
                Ok(Some(found)) => answer(&ctx, request, found).await,
                Ok(None) => message(404, "Not Found"),
                Err(fault) => {
                    Log::error(ctx.request_id(), &format!("an API could not be read: {fault}"));
                    message(503, "Service Unavailable")
                }
            };
            reply.headers.push(("apigw-requestid".to_owned(), ctx.request_id().to_owned()));
            reply
        })
    }
}

/// The API and the stage of a request.
struct Found {
    account: AccountId,
    region: Region,
    api: Api,
    stage: Arc<ServedStage>,
    /// The path as routes see it.
    path: String,
}

fn find(ctx: &Ctx, request: &FrontRequest) -> Result<Option<Found>, Fault> {
    let read = ctx.read();
    // Clients may write ids in capitals, as host names have no case.
    let id = request.label.to_ascii_lowercase();
    let Some(scope) = state::scope_of(&read, &id)? else { return Ok(None) };
    let Some(api) = state::api(&read, &scope, &id)?.filter(|api| !api.endpoint_disabled) else {
        return Ok(None);
    };
    let Scope::Regional(account, region) = &scope else { return Ok(None) };
    let key = (scope.clone(), api.incarnation);
    let chosen = ctx.view::<Stages>().with(&key, |served| {
        let (name, path) = stages::of_path(&request.path, |name| served.contains_key(name))?;
        Some((served.get(name)?.clone(), path.to_owned()))
    })?;
    Ok(chosen.map(|(stage, path)| Found { account: *account, region: region.clone(), api, stage, path }))
}

/// The steps in their order.
async fn answer(ctx: &Ctx, request: FrontRequest, found: Found) -> FrontReply {
    let origin = header(&request, "origin");
    if let Some(reply) = preflight(&request, &found, origin.as_deref()) {
        return reply;
    }
    let route = found.stage.route(&request.method, &found.path);
    let (route, parameters) = route.map_or((None, BTreeMap::new()), |(route, found)| (Some(route), found));
    let key = route.as_ref().map_or(route_keys::DEFAULT, |route| &route.route.key).to_owned();
    let mut asked = asked(ctx, request, &found, (key, parameters));
    let mut reply = match route {
        Some(route) => routed(ctx, &found, &route, &mut asked).await,
        None => message(404, "Not Found"),
    };
    if let Some(cors) = &found.stage.cors {
        cors.apply(origin.as_deref(), &mut reply);
    }
    if let Some(log) = &found.stage.stage.access_log {
        access_log::write(ctx, log, &asked, &reply).await;
    }
    reply
}

fn header(request: &FrontRequest, name: &str) -> Option<String> {
    request.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
}

/// The answer to a preflight, whatever routes there are.
fn preflight(request: &FrontRequest, found: &Found, origin: Option<&str>) -> Option<FrontReply> {
    let cors = found.stage.cors.as_ref()?;
    let asks = request.method == "OPTIONS" && header(request, "access-control-request-method").is_some();
    let headers = cors.preflight(origin.filter(|_| asks)?);
    Some(FrontReply { status: 204, headers, body: Bytes::new().into() })
}

/// All that is known of the request.
fn asked(
    ctx: &Ctx,
    request: FrontRequest,
    found: &Found,
    (route_key, path_parameters): (String, BTreeMap<String, String>),
) -> Asked {
    let origin = &ctx.request().origin;
    let scheme = if origin.starts_with("https:") { "https" } else { "http" };
    let at = ctx.now();
    let trace = ctx.host().entropy.hex(24);
    let added = Added { scheme, port: host_and_port(origin).1, at, trace: &trace };
    let headers = headers::forwarded(&request, &added);
    let own_host = format!("{}.execute-api.", found.api.id);
    let domain_name = if request.host.to_ascii_lowercase().starts_with(&own_host) {
        request.host
    } else {
        format!("{own_host}{}", request.host)
    };
    Asked {
        account: found.account.to_string(),
        api_id: found.api.id.clone(),
        stage: found.stage.stage.name.clone(),
        stage_variables: found.stage.stage.variables.clone(),
        route_key,
        path_parameters,
        method: request.method,
        path: decoded(&request.path),
        query: request.query,
        headers,
        body: request.body,
        source_ip: request.source.to_string(),
        domain_prefix: found.api.id.clone(),
        domain_name,
        request_id: ctx.request_id().to_owned(),
        at,
        authorized: None,
    }
}

/// The ARN of a route for a method: `…:execute-api:us-east-1:000000000000:a1b2c3d4e5/dev/GET/pets/{id}`.
fn route_arn(found: &Found, asked: &Asked) -> Arn {
    let stage = &found.stage.stage.name;
    let resource = match RouteKey::resource(&asked.route_key) {
        route_keys::DEFAULT => format!("{}/{stage}/{}", found.api.id, route_keys::DEFAULT),
        path => format!("{}/{stage}/{}{path}", found.api.id, asked.method),
    };
    Arn::regional("execute-api", &found.region, found.account, &resource)
}

async fn routed(ctx: &Ctx, found: &Found, serving: &Serving, asked: &mut Asked) -> FrontReply {
    let stage = &found.stage.stage;
    let throttle = ctx.part::<Throttle>();
    if !throttle.lets_in(&found.api.id, stage, &serving.route.key, ctx.host_time()) {
        return message(429, "Too Many Requests");
    }
    let arn = route_arn(found, asked);
    match (&serving.route.authorization, &serving.authorizer) {
        (state::Authorization::Open, _) => {}
        (state::Authorization::Custom(_), Some(authorizer)) => {
            match authorize::check(ctx, authorizer, asked, (found.account, &arn)).await {
                Ok(context) => asked.authorized = Some(Authorized::Lambda(context)),
                Err(refusal) => return refusal,
            }
        }
        (state::Authorization::Jwt(_, scopes), Some(authorizer)) => {
            match authorize::check_token(ctx, authorizer, asked, scopes).await {
                Ok(context) => asked.authorized = Some(Authorized::Jwt(context)),
                Err(refusal) => return refusal,
            }
        }
        // Without its authorizer a route lets nobody in.
        (state::Authorization::Custom(_) | state::Authorization::Jwt(..), None) => {
            return message(500, "Internal Server Error");
        }
    }
    match integrated(ctx, found, serving, asked, arn).await {
        Ok(reply) => reply,
        Err(Unanswered::Unavailable) => message(503, "Service Unavailable"),
        Err(Unanswered::Refused) => message(500, "Internal Server Error"),
        Err(Unanswered::TooLarge) => message(413, "Request Entity Too Large"),
    }
}

async fn integrated(
    ctx: &Ctx,
    found: &Found,
    serving: &Serving,
    asked: &Asked,
    source: Arn,
) -> Result<FrontReply, Unanswered> {
    let integration = serving.integration.as_ref().ok_or(Unanswered::Refused)?;
    if let Some(http) = &integration.http {
        return proxy::forward(ctx, integration, http, (asked, &found.path)).await;
    }
    let question = Question {
        function: invoke::function(&integration.uri, &asked.stage_variables)?,
        event: asked.event(integration.format).map_err(|_| Unanswered::Refused)?,
        source,
        account: found.account,
        credentials: integration.credentials.clone(),
        timeout_ms: integration.timeout_ms,
    };
    let reply = invoke::ask(ctx, question).await?;
    let mapped = match reply.function_error {
        None => replies::of_result(integration.format, &reply.payload),
        Some(_) => None,
    };
    mapped.ok_or(Unanswered::Refused)
}

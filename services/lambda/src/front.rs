//! The hosts of function URLs: `{label}.lambda-url.{region}.…`, or `/_aws/lambda-url/{label}/…` for clients
//! that cannot resolve such names. A request becomes an invocation, whose result or stream is the answer.
//!
//! The same front hands out packages by links that GetFunction and GetLayerVersion tell: `code/{seal}`.

use crate::compute::{Begun, Outcome, Part};
use crate::download;
use crate::errors::{LambdaError, Limit};
use crate::invoke::{self, Extras, MAX_SYNCHRONOUS};
use crate::rules::names::Named;
use crate::rules::url_cors;
use crate::rules::urls::{self as rules, Known, message};
use crate::state::urls::{self, FunctionUrl};
use crate::state::{self};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use names::Arn;
use ports::Caller;
use schema::{ApiError, Body};
use serde_json::{Value, json};
use service::{BoxFuture, Ctx, Demand, Front, FrontReply, FrontRequest, Log, Needs};
use tokio::sync::mpsc;

/// What begins a stream that says its own status and headers.
const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";
/// What ends that beginning.
const PRELUDE_END: [u8; 8] = [0; 8];
const MAX_PRELUDE: usize = 64 * 1024;
const FORBIDDEN: &str = "Forbidden. For troubleshooting Function URL authorization issues, see: \
                         https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";

/// The hosts of function URLs.
pub struct FunctionUrls;

/// The function of a URL.
struct Found {
    named: Named,
    url: FunctionUrl,
}

impl Found {
    fn arn(&self) -> Arn {
        state::arn(&self.named.scope, &self.named.name, self.named.qualifier.as_deref())
    }
}

impl Front for FunctionUrls {
    fn name(&self) -> &'static str {
        "lambda-url"
    }

    fn max_body(&self) -> usize {
        MAX_SYNCHRONOUS
    }

    fn needs(&self, ctx: &Ctx, request: &FrontRequest) -> Result<Option<Needs>, ApiError> {
        let Some(found) = find(ctx, request).map_err(ApiError::from)? else { return Ok(None) };
        if found.url.cors.is_some() && url_cors::is_preflight(request) {
            return Ok(None);
        }
        let (kind, caller) = match found.url.signed {
            true => ("AWS_IAM", ctx.caller().clone()),
            // Whoever signs it: it is anybody's.
            false => ("NONE", Caller::Anonymous),
        };
        // "function URLs will require both lambda:InvokeFunctionUrl and lambda:InvokeFunction permissions" —
        // Lambda developer guide, "Control access to Lambda function URLs" (October 2025).
        let by_url = Demand::new("lambda:InvokeFunctionUrl", &found.arn())
            .when("lambda:FunctionUrlAuthType", [kind.to_owned()]);
        let invoking = Demand::new("lambda:InvokeFunction", &found.arn())
            .when("lambda:InvokedViaFunctionUrl", ["true".to_owned()]);
        Ok(Some(Needs { caller, demands: vec![by_url, invoking] }))
    }

    fn refuse(&self) -> FrontReply {
        forbidden(Some(FORBIDDEN))
    }

    fn serve(&self, ctx: Ctx, request: FrontRequest) -> BoxFuture<'_, FrontReply> {
        Box::pin(async move {
            if request.label == download::LABEL {
                return download::serve(&ctx, &request).await;
            }
            let mut reply = match find(&ctx, &request) {
                Ok(Some(found)) => answer(&ctx, &request, &found).await,
                Ok(None) => forbidden(None),
                Err(error) => refused(&ctx, error),
            };
            reply.headers.push(("x-amzn-requestid".to_owned(), ctx.request_id().to_owned()));
            reply
        })
    }
}

/// Nobody learns which URLs there are: one that there is not is forbidden too, without a word (LocalStack's
/// test_lambda_url_non_existing_url and test_lambda_url_persists_after_alias_delete, recorded on AWS).
fn forbidden(text: Option<&str>) -> FrontReply {
    let mut reply = message(403, text);
    reply.headers.push(("x-amzn-ErrorType".to_owned(), "AccessDeniedException".to_owned()));
    reply
}

fn find(ctx: &Ctx, request: &FrontRequest) -> Result<Option<Found>, LambdaError> {
    let read = ctx.read();
    // Host names have no case.
    let Some(owner) = urls::owner(&read, &request.label.to_ascii_lowercase())? else { return Ok(None) };
    let Some(function) = state::function(&read, &owner.scope, &owner.function)? else { return Ok(None) };
    let Some(url) = urls::url(&read, &owner.scope, &function, &owner.qualifier)? else { return Ok(None) };
    let qualifier = Some(owner.qualifier).filter(|qualifier| !qualifier.is_empty());
    Ok(Some(Found { named: Named { scope: owner.scope, name: owner.function, qualifier }, url }))
}

fn refused(ctx: &Ctx, error: LambdaError) -> FrontReply {
    match error {
        LambdaError::Throttled(limit) => {
            let mut reply = message(429, Some("Rate Exceeded."));
            let reason = match limit {
                Limit::Account => "ConcurrentInvocationLimitExceeded",
                Limit::Reserved => "ReservedFunctionConcurrentInvocationLimitExceeded",
            };
            let body = json!({"Reason": reason, "Type": "User", "message": "Rate Exceeded."});
            reply.body = Bytes::from(body.to_string()).into();
            reply
        }
        LambdaError::FunctionNotFound(_) => message(404, Some("Not Found")),
        error => {
            Log::warn(ctx.request_id(), &format!("a function URL: {}", ApiError::from(error).message));
            rules::failed()
        }
    }
}

async fn answer(ctx: &Ctx, request: &FrontRequest, found: &Found) -> FrontReply {
    let origin = url_cors::origin(request);
    if let (Some(cors), Some(origin)) = (&found.url.cors, origin)
        && url_cors::is_preflight(request)
    {
        let headers = url_cors::preflight(cors, origin);
        return FrontReply { status: 200, headers, body: Bytes::new().into() };
    }
    let mut reply = invoked(ctx, request, found).await.unwrap_or_else(|error| refused(ctx, error));
    if let (Some(cors), Some(origin)) = (&found.url.cors, origin) {
        url_cors::apply(cors, origin, &mut reply);
    }
    reply
}

/// Who signed a request, as events tell it.
fn authorizer(ctx: &Ctx) -> Option<Value> {
    let Caller::Principal(principal) = ctx.caller() else { return None };
    Some(json!({"iam": {
        "accessKey": principal.access_key,
        "accountId": principal.account.to_string(),
        "callerId": principal.id,
        "cognitoIdentity": null,
        "principalOrgId": null,
        "userArn": principal.arn.as_str(),
        "userId": principal.id,
    }}))
}

fn known<'a>(ctx: &'a Ctx, request: &FrontRequest, found: &'a Found) -> Known<'a> {
    let label = found.url.label.as_str();
    let own = format!("{label}.lambda-url.");
    let named = request.host.to_ascii_lowercase().starts_with(&own);
    let region = found.named.scope.region().map(|region| region.as_str()).unwrap_or_default();
    let authorizer = authorizer(ctx).filter(|_| found.url.signed);
    Known {
        account: match &authorizer {
            Some(_) => ctx.caller().account().to_string(),
            None => "anonymous".to_owned(),
        },
        authorizer,
        label,
        domain: if named { request.host.clone() } else { format!("{own}{region}.{}", request.host) },
        request_id: ctx.request_id(),
        at: ctx.now(),
        scheme: if ctx.request().origin.starts_with("https:") { "https" } else { "http" },
    }
}

async fn invoked(ctx: &Ctx, request: &FrontRequest, found: &Found) -> Result<FrontReply, LambdaError> {
    let event = Bytes::from(rules::event(request, &known(ctx, request, found)).to_string());
    if event.len() > MAX_SYNCHRONOUS {
        return Ok(message(413, Some("Request Too Long")));
    }
    let trace = ctx.trace().map(str::to_owned);
    let extras = Extras { request_id: ctx.request_id().to_owned(), trace, ..Extras::default() };
    let ctx = invoke::within(ctx, &found.named.scope);
    if !found.url.streams {
        return Ok(whole(&invoke::run(&ctx, &found.named, event, extras).await?));
    }
    let version = invoke::look(&ctx, &found.named)?;
    match invoke::run_streamed(&ctx, &found.named, version, event, extras).await?.1 {
        Begun::Whole(outcome) if outcome.failed => Ok(rules::failed()),
        Begun::Whole(outcome) => {
            let headers = vec![("content-type".to_owned(), "application/octet-stream".to_owned())];
            Ok(FrontReply { status: 200, headers, body: outcome.payload.into() })
        }
        Begun::Streams { content_type, parts, end } => {
            // How it ended is in the function's log: what was sent cannot be taken back.
            drop(end);
            Ok(streamed(content_type, parts).await)
        }
    }
}

fn whole(outcome: &Outcome) -> FrontReply {
    let reply = if outcome.failed { None } else { rules::reply(&outcome.payload) };
    reply.unwrap_or_else(rules::failed)
}

async fn streamed(content_type: Option<String>, mut parts: mpsc::Receiver<Part>) -> FrontReply {
    let kind = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    if kind != WITH_PRELUDE {
        let headers = vec![("content-type".to_owned(), kind)];
        return FrontReply { status: 200, headers, body: rest(Bytes::new(), parts) };
    }
    let mut seen = BytesMut::new();
    let at = loop {
        if let Some(at) = seen.windows(PRELUDE_END.len()).position(|end| end == PRELUDE_END) {
            break at;
        }
        match parts.recv().await {
            Some(Part::Data(more)) if seen.len() < MAX_PRELUDE => seen.extend_from_slice(&more),
            Some(Part::Head(_)) => {}
            Some(Part::Data(_)) | None => return rules::failed(),
        }
    };
    let beginning = seen.split_to(at);
    let document = serde_json::from_slice(&beginning).ok();
    let Some((status, headers)) = document.as_ref().and_then(rules::prelude) else {
        return rules::failed();
    };
    let _ = seen.split_to(PRELUDE_END.len());
    FrontReply { status, headers, body: rest(seen.freeze(), parts) }
}

/// What is there of a stream, and what comes.
fn rest(first: Bytes, parts: mpsc::Receiver<Part>) -> service::FrontBody {
    let chunks = stream::unfold((first, parts), |(first, mut parts)| async move {
        if !first.is_empty() {
            return Some((Ok(first), (Bytes::new(), parts)));
        }
        loop {
            match parts.recv().await? {
                Part::Data(bytes) => return Some((Ok(bytes), (Bytes::new(), parts))),
                Part::Head(_) => {}
            }
        }
    });
    service::FrontBody::Stream(Body::stream(None, chunks))
}

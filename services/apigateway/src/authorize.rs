//! Asking a route's authorizer, and remembering what it said for as long as its owner wants.

use crate::invoke::{self, Question};
use crate::issuers;
use crate::rules::authorizers::{self, Verdict};
use crate::rules::events::Asked;
use crate::rules::jwt::Token;
use crate::rules::replies::message;
use crate::state::Authorizer;
use names::{AccountId, Arn, Timestamp};
use serde_json::{Map, Value};
use service::{Ctx, FrontReply};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long an authorizer may take.
const TIMEOUT_MS: u32 = 10_000;
/// Verdicts that are remembered; beyond them all are asked for anew.
const MOST: usize = 10_000;

/// What an authorizer was asked about: itself as it is now, the API's stage and route, and the identities.
type Matter = (Authorizer, String, Vec<String>);

/// Verdicts until when they hold, in the region's time.
#[derive(Default)]
pub struct Remembered(Mutex<HashMap<Matter, (Timestamp, Verdict)>>);

impl Remembered {
    fn recall(&self, matter: &Matter, now: Timestamp) -> Option<Verdict> {
        let verdicts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.get(matter).filter(|(until, _)| *until > now).map(|(_, verdict)| verdict.clone())
    }

    fn keep(&self, matter: Matter, until: Timestamp, verdict: Verdict) {
        let mut verdicts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() >= MOST {
            verdicts.clear();
        }
        verdicts.insert(matter, (until, verdict));
    }
}

/// What the integration is told of the caller; or the answer that refuses it.
pub async fn check(
    ctx: &Ctx,
    authorizer: &Authorizer,
    asked: &Asked,
    (account, route): (AccountId, &Arn),
) -> Result<Map<String, Value>, FrontReply> {
    let Some(identities) = authorizers::identities(&authorizer.identity_sources, asked) else {
        return Err(message(401, "Unauthorized"));
    };
    let now = ctx.now();
    // The same identities may be let in on one route and not on another.
    let matter = (authorizer.clone(), route.to_string(), identities);
    let remembered = ctx.part::<Remembered>().clone();
    let verdict = match remembered.recall(&matter, now).filter(|_| authorizer.ttl_s > 0) {
        Some(verdict) => verdict,
        None => {
            let verdict = decide(ctx, authorizer, asked, (account, route), &matter.2).await;
            let verdict = verdict.ok_or_else(|| message(500, "Internal Server Error"))?;
            if authorizer.ttl_s > 0 {
                let until = now.plus_millis(i64::from(authorizer.ttl_s) * 1000);
                remembered.keep(matter, until, verdict.clone());
            }
            verdict
        }
    };
    if verdict.allowed { Ok(verdict.context) } else { Err(message(403, "Forbidden")) }
}

/// What the integration is told of a token and its owner; or the answer that refuses it.
pub async fn check_token(
    ctx: &Ctx,
    authorizer: &Authorizer,
    asked: &Asked,
    scopes: &[String],
) -> Result<Map<String, Value>, FrontReply> {
    let identities = authorizers::identities(&authorizer.identity_sources, asked);
    let Some(text) = identities.and_then(|found| found.into_iter().next()) else {
        return Err(unauthorized("Bearer".to_owned()));
    };
    let text = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).unwrap_or(&text).trim();
    let invalid = |why: &str| {
        unauthorized(format!("Bearer scope=\"\" error=\"invalid_token\" error_description=\"{why}\""))
    };
    let issuer = authorizer.issuer.as_ref().ok_or_else(|| message(500, "Internal Server Error"))?;
    let token = Token::parse(text).ok_or_else(|| invalid("the token cannot be read"))?;
    if let Some(fault) = token.fault(&issuer.url, &issuer.audience, ctx.host_time()) {
        return Err(invalid(fault));
    }
    if !issuers::has_signed(ctx, &issuer.url, &token).await {
        return Err(invalid("the signature is not of a key of the issuer"));
    }
    let context = token.context(scopes);
    if !scopes.is_empty() && context.get("scopes").is_none_or(Value::is_null) {
        return Err(message(403, "Forbidden"));
    }
    Ok(context)
}

fn unauthorized(challenge: String) -> FrontReply {
    let mut reply = message(401, "Unauthorized");
    reply.headers.push(("www-authenticate".to_owned(), challenge));
    reply
}

async fn decide(
    ctx: &Ctx,
    authorizer: &Authorizer,
    asked: &Asked,
    (account, route): (AccountId, &Arn),
    identities: &[String],
) -> Option<Verdict> {
    let source = source(route, asked, &authorizer.id)?;
    let question = Question {
        function: invoke::function(&authorizer.uri, &asked.stage_variables).ok()?,
        event: asked.authorizer_event(authorizer.format, route.as_str(), identities).ok()?,
        source,
        account,
        credentials: authorizer.credentials.clone(),
        timeout_ms: TIMEOUT_MS,
    };
    let reply = invoke::ask(ctx, question).await.ok()?;
    if reply.function_error.is_some() {
        return None;
    }
    authorizers::verdict(authorizer.simple, &reply.payload, route.as_str(), account, ctx.now())
}

/// An authorizer's function is asked for the authorizer: `…:a1b2c3d4e5/authorizers/f6g7h8i`.
fn source(route: &Arn, asked: &Asked, authorizer: &str) -> Option<Arn> {
    let region = route.region()?;
    let resource = format!("{}/authorizers/{authorizer}", asked.api_id);
    Some(Arn::regional("execute-api", &region, route.account()?, &resource))
}

//! The keys of the issuers of tokens: asked for over HTTP or TLS as OpenID Connect Discovery says, remembered
//! for two hours, and asked for anew, once a minute at most, when a token names a key that is not there.

use crate::rules::jwt::{Keys, Token};
use bytes::Bytes;
use names::Timestamp;
use outbound::{Failure, Outbound, Request};
use serde::Deserialize;
use service::{Ctx, Log};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an issuer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer of an issuer.
const MAX_BYTES: usize = 512 * 1024;
/// How long keys are remembered, and asked for again at the earliest.
const FRESH_MS: i64 = 2 * 60 * 60 * 1000;
const RETRY_MS: i64 = 60 * 1000;
/// Issuers that are remembered; beyond them all are asked anew.
const MOST: usize = 1000;

#[derive(Clone)]
struct Known {
    keys: Option<Arc<Keys>>,
    asked: Timestamp,
}

/// The issuers, in the machine's time.
#[derive(Default)]
pub struct Issuers(Mutex<HashMap<String, Known>>);

#[derive(Deserialize)]
struct Discovery {
    jwks_uri: String,
}

impl Issuers {
    fn known(&self, issuer: &str) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(issuer).cloned()
    }

    fn keep(&self, issuer: &str, known: Known) {
        let mut issuers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if issuers.len() >= MOST {
            issuers.clear();
        }
        issuers.insert(issuer.to_owned(), known);
    }
}

/// Whether an issuer has signed a token.
pub async fn has_signed(ctx: &Ctx, issuer: &str, token: &Token<'_>) -> bool {
    let (issuers, now) = (ctx.part::<Issuers>().clone(), ctx.host_time());
    let known = issuers.known(issuer);
    let age = known.as_ref().map_or(i64::MAX, |known| now.millis().saturating_sub(known.asked.millis()));
    let present = known.and_then(|known| known.keys).filter(|_| age < FRESH_MS);
    let has_key = present.as_ref().is_some_and(|keys| keys.of(token).is_some());
    let keys = if has_key || age < RETRY_MS {
        present
    } else {
        let keys = ask(ctx, issuer).await.map(Arc::new);
        issuers.keep(issuer, Known { keys: keys.clone(), asked: now });
        keys
    };
    keys.as_ref().and_then(|keys| keys.of(token)).is_some_and(|key| token.is_signed_by(key))
}

async fn ask(ctx: &Ctx, issuer: &str) -> Option<Keys> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let discovery: Discovery = serde_json::from_slice(&fetched(ctx, url).await?).ok()?;
    Keys::parse(&fetched(ctx, discovery.jwks_uri).await?)
}

async fn fetched(ctx: &Ctx, url: String) -> Option<Bytes> {
    let headers = vec![("accept".to_owned(), "application/json".to_owned())];
    let request = Request { method: "GET".to_owned(), url: url.clone(), headers, body: Bytes::new() };
    let outbound = ctx.part::<Outbound>();
    let answer = tokio::select! {
        answer = outbound.send(&ctx.host().settings.data_dir, request, Some(MAX_BYTES)) => answer,
        () = ctx.host().clock.rest(PATIENCE) => Err(Failure::Unreachable("it takes too long".to_owned())),
    };
    let why = match answer {
        Ok(answer) if answer.status == 200 => return Some(answer.body),
        Ok(answer) => format!("it answered {}", answer.status),
        Err(failure) => failure.to_string(),
    };
    Log::warn(ctx.request_id(), &format!("the keys of an issuer could not be read from {url}: {why}"));
    None
}

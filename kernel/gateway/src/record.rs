//! What is kept of a request, on every outcome: counts, the fact for whoever listens, a line in the log
//! for faults of the region and for what `enforce` would refuse.

use crate::authenticate::Identity;
use crate::pipeline::Pipeline;
use names::{AccountId, Region};
use ports::{Caller, Outcome, RequestFact};
use schema::ApiError;
use service::{Ctx, Log};
use std::time::Instant;
use wire::Route;

/// A request from its beginning to its end.
pub struct Trace {
    /// Its id.
    pub id: String,
    began: Instant,
    service: &'static str,
    operation: &'static str,
    cause: Option<String>,
    caller: Caller,
    account: AccountId,
    region: Region,
    would_refuse: Option<String>,
}

impl Trace {
    /// A request from outside begins.
    pub fn begin(pipeline: &Pipeline, route: &Route, id: &str) -> Self {
        Trace {
            id: id.to_owned(),
            began: pipeline.host.clock.instant(),
            service: route.service.name,
            operation: route.operation.name(),
            cause: None,
            caller: Caller::Anonymous,
            account: AccountId::DEFAULT,
            region: Region::default(),
            would_refuse: None,
        }
    }

    /// A call between rooms begins.
    pub fn call(pipeline: &Pipeline, ctx: &Ctx, service: &'static str, cause: String) -> Self {
        Trace {
            id: ctx.request_id().to_owned(),
            began: pipeline.host.clock.instant(),
            service,
            operation: ctx.request().operation,
            cause: Some(cause).filter(|cause| !cause.is_empty()),
            caller: ctx.caller().clone(),
            account: ctx.account(),
            region: ctx.region().clone(),
            would_refuse: None,
        }
    }

    /// It is known who calls.
    pub fn identified(&mut self, identity: &Identity) {
        self.caller = identity.caller.clone();
        self.account = identity.caller.account();
        self.would_refuse = identity.would_refuse.as_ref().map(ToString::to_string);
    }

    /// It is known whether it is allowed; in mode `warn`, why it would not be.
    pub fn authorized(&mut self, would_refuse: Option<String>) {
        self.would_refuse = self.would_refuse.take().or(would_refuse);
    }

    /// It has ended.
    pub fn end(self, pipeline: &Pipeline, error: Option<&ApiError>) {
        let fault = error.is_some_and(|error| error.status >= 500 && error.status != 501);
        if let Some(served) = pipeline.rooms.named(self.service, self.operation) {
            served.room.count(fault);
        }
        if let Some(error) = error.filter(|_| fault) {
            Log::error(&self.id, &format!("{}.{}: {error}", self.service, self.operation));
        }
        if let Some(why) = &self.would_refuse {
            pipeline.refusals.record(&self.alike(), &self.id, why);
        }
        if !pipeline.host.facts.wanted() {
            return;
        }
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        pipeline.host.facts.request(RequestFact {
            request_id: self.id,
            cause: self.cause,
            service: self.service,
            operation: self.operation,
            caller: self.caller.name(),
            account: self.account,
            region: self.region,
            at: pipeline.host.clock.now(),
            micros,
            outcome: error.map_or(Outcome::Success, |error| Outcome::Error(error.code.to_string())),
            would_refuse: self.would_refuse,
        });
    }

    /// What is alike in all requests that are refused for one reason.
    pub fn alike(&self) -> String {
        format!("{} {}:{}", self.caller.name(), self.service, self.operation)
    }
}

/// What `enforce` would refuse, said once for each caller and operation.
#[derive(Default)]
pub struct Refusals(std::sync::Mutex<std::collections::BTreeMap<String, u64>>);

/// Kinds of refusals remembered; beyond them they are counted only.
const MAX_KINDS: usize = 1000;

impl Refusals {
    /// Counts a refusal; the first of a kind is said in the log.
    pub fn record(&self, alike: &str, id: &str, why: &str) {
        let mut kinds = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = kinds.get_mut(alike) {
            *count += 1;
        } else if kinds.len() < MAX_KINDS {
            kinds.insert(alike.to_owned(), 1);
            drop(kinds);
            Log::warn(id, &format!("--iam enforce would refuse this: {why}"));
        }
    }

    /// How often each caller and operation would have been refused.
    pub fn all(&self) -> Vec<(String, u64)> {
        let kinds = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kinds.iter().map(|(kind, count)| (kind.clone(), *count)).collect()
    }
}

//! What is kept of a request, on every outcome: counts, an entry among the recent ones, the fact for whoever
//! listens, a line in the log for faults of the region and for what is or would be refused.

use crate::authenticate::Identity;
use crate::authorize::Judged;
use crate::judge::Denial;
use crate::pipeline::Pipeline;
use crate::recent::Seen;
use crate::rooms::Room;
use crate::witnessed::Known;
use names::{AccountId, Region};
use ports::{Caller, Outcome, RequestFact};
use schema::ApiError;
use service::{Ctx, Log, Witness};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;
use wire::Route;

/// A request from its beginning to its end.
pub struct Trace {
    /// Its id.
    pub id: String,
    began: Instant,
    room: Option<Arc<Room>>,
    service: &'static str,
    operation: Cow<'static, str>,
    cause: Option<String>,
    caller: Caller,
    account: AccountId,
    region: Region,
    resource: Option<String>,
    would_refuse: Option<String>,
    denial: Option<Box<Denial>>,
}

impl Trace {
    /// A request from outside begins.
    pub fn begin(pipeline: &Pipeline, route: &Route, id: &str) -> Self {
        let operation = Cow::Borrowed(route.operation.name());
        let served = route.operation.served().and_then(|shape| pipeline.rooms.operation(shape));
        let room = served.map(|served| served.room.clone());
        Trace { room, ..Trace::of(pipeline, route.service.name, operation, id) }
    }

    /// A request begins that is no operation of an API.
    pub fn of(pipeline: &Pipeline, service: &'static str, operation: Cow<'static, str>, id: &str) -> Self {
        Trace {
            id: id.to_owned(),
            began: pipeline.host.clock.instant(),
            room: None,
            service,
            operation,
            cause: None,
            caller: Caller::Anonymous,
            account: AccountId::DEFAULT,
            region: Region::default(),
            resource: None,
            would_refuse: None,
            denial: None,
        }
    }

    /// A call between rooms begins.
    pub fn call(pipeline: &Pipeline, ctx: &Ctx, service: &'static str, cause: String) -> Self {
        let trace = Trace::of(pipeline, service, Cow::Borrowed(ctx.request().operation), ctx.request_id());
        Trace {
            room: pipeline.rooms.room(ctx.request().room).cloned(),
            cause: Some(cause).filter(|cause| !cause.is_empty()),
            caller: ctx.caller().clone(),
            account: ctx.account(),
            region: ctx.region().clone(),
            ..trace
        }
    }

    /// It is known who calls, and where.
    pub fn identified(&mut self, identity: &Identity, region: &Region) {
        self.caller = identity.caller.clone();
        self.account = identity.caller.account();
        self.region = region.clone();
        self.would_refuse = identity.would_refuse.as_ref().map(ToString::to_string);
    }

    /// It is known whether it is allowed.
    ///
    /// # Errors
    /// What is answered where it is not, and that is enforced.
    pub fn judged(&mut self, judged: Judged, enforced: bool) -> Result<(), ApiError> {
        self.resource = judged.resource;
        let Some(denial) = judged.denial else { return Ok(()) };
        let answer = enforced.then(|| denial.error.clone_plain());
        if !enforced && self.would_refuse.is_none() {
            self.would_refuse = Some(denial.error.message.clone());
        }
        self.denial = Some(Box::new(denial));
        answer.map_or(Ok(()), Err)
    }

    /// What looks on at the requests of its room, with what it wants to know.
    pub fn witness(&self) -> Option<(&dyn Witness, Known<'_>)> {
        let witness = self.room.as_ref()?.witness.as_deref()?;
        Some((witness, Known { id: &self.id, caller: &self.caller, micros: self.micros() }))
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// It has ended, with this status.
    pub fn end(self, pipeline: &Pipeline, status: u16, error: Option<&ApiError>) {
        let fault = error.is_some_and(|error| error.status >= 500 && error.status != 501);
        if let Some(room) = &self.room {
            room.count(fault);
        }
        if let Some(error) = error.filter(|_| fault) {
            Log::error(&self.id, &format!("{}.{}: {error}", self.service, self.operation));
        }
        match (&self.would_refuse, &self.denial) {
            (Some(why), _) => pipeline.refusals.record(&self.alike(), &self.id, why),
            (None, Some(denial)) => {
                Log::info(&self.id, &format!("refused {}: {}", denial.action, denial.verdict));
            }
            (None, None) => {}
        }
        let micros = self.micros();
        if pipeline.host.facts.wanted() {
            pipeline.host.facts.request(self.fact(pipeline, micros, error));
        }
        let seen = Seen {
            number: 0,
            id: self.id,
            at: pipeline.host.clock.host(),
            service: self.service,
            operation: self.operation,
            caller: self.caller,
            account: self.account,
            region: self.region,
            status,
            error: error.map(|error| (error.code.clone(), error.message.clone())),
            micros,
            cause: self.cause,
            resource: self.resource,
            would_refuse: self.would_refuse,
            denial: self.denial,
        };
        pipeline.recent.push(seen);
    }

    fn fact(&self, pipeline: &Pipeline, micros: u64, error: Option<&ApiError>) -> RequestFact {
        RequestFact {
            request_id: self.id.clone(),
            cause: self.cause.clone(),
            service: self.service,
            operation: match &self.operation {
                Cow::Borrowed(operation) => operation,
                // Of what is no operation, only its being one of a front is told.
                Cow::Owned(_) => "",
            },
            caller: self.caller.name(),
            account: self.account,
            region: self.region.clone(),
            at: pipeline.host.clock.now(),
            micros,
            outcome: error.map_or(Outcome::Success, |error| Outcome::Error(error.code.to_string())),
            would_refuse: self.would_refuse.clone(),
        }
    }

    /// What is alike in all requests that are refused for one reason.
    fn alike(&self) -> String {
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

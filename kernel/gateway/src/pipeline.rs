//! The way of a request, step by step. Everything that concerns all operations happens here: who calls,
//! what was meant, whether it is allowed, what is recorded. A handler sees a typed input and answers a
//! typed output.

use crate::authenticate::{Authenticator, Evidence, Identity, Refused, region_named};
use crate::authorize::Authorizer;
use crate::body;
use crate::config::EdgeConfig;
use crate::limits::Limits as Bounds;
use crate::load::Load;
use crate::message::{Incoming, Outgoing};
use crate::outlive::Outliving;
use crate::recent::Recent;
use crate::record::{Refusals, Trace};
use crate::region::SECRETS_TABLE;
use crate::rooms::{RoomState, Rooms, Served};
use crate::settle::Settler;
use crate::{between, control, cors, digests, endpoint, form, front, guard, hoisted, witnessed, words};
use bytes::Bytes;
use names::{AccountId, Region};
use ports::Caller;
use schema::{ApiError, Obj, Protocol, ServiceShape, Slot};
use service::{Ctx, Fidelity, Held, Host, Operation, Request};
use signature::{AuthError, Credential, Presented, RequestHead};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use wire::{AnswerForm, Coding, Head, Limits, Route, Routed, Router, Routing, Rules, Unroutable};

/// Longest body of a request that is held in memory, in bytes: a function's 50 MB package in Base64.
const MAX_BODY: usize = 72 * 1024 * 1024;

/// The longest body of a service's requests that is held in memory, in bytes.
fn longest(service: &ServiceShape) -> usize {
    if service.dialect.sums_bodies { endpoint::MAX_BODY } else { MAX_BODY }
}

/// Everything a request passes through.
pub struct Pipeline {
    /// What the region gives to its rooms.
    pub host: Arc<Host>,
    /// The rooms.
    pub rooms: Rooms,
    /// What the edge was started with.
    pub config: EdgeConfig,
    /// What `enforce` would refuse.
    pub refusals: Refusals,
    /// The requests that came last.
    pub recent: Recent,
    /// How often accounts may do operations.
    pub limits: Bounds,
    /// When the region was started.
    pub started: Instant,
    /// This start's id.
    pub session: String,
    pub(crate) authenticator: Authenticator,
    pub(crate) authorizer: Authorizer,
    pub(crate) router: Router,
    pub(crate) settler: OnceLock<Arc<Settler>>,
}

/// A request on its way to its operation.
struct Asked<'a> {
    incoming: &'a Incoming,
    route: Route,
    /// The body, where it had to be read to find the operation, with the bytes that it takes.
    body: Option<(Bytes, Held)>,
    /// Who calls, where that is known already.
    identity: Option<Identity>,
}

impl Pipeline {
    /// A pipeline over the rooms of a host.
    pub fn new(host: Arc<Host>, rooms: Rooms, config: EdgeConfig) -> Self {
        let bases = ["localhost", "localhost.localstack.cloud", "localhost.floci.io"].map(str::to_owned);
        let bases = bases.into_iter().chain(config.allowed_hosts.iter().filter(|host| *host != "*").cloned());
        let rules = Rules { bases: bases.collect(), marks: rooms.front_names().collect() };
        Pipeline {
            router: Router::new(rooms.services(), rules),
            authenticator: Authenticator::new(config.iam, config.profile),
            authorizer: Authorizer::new(config.iam),
            started: host.clock.instant(),
            session: host.entropy.uuid(),
            refusals: Refusals::default(),
            recent: Recent::default(),
            limits: Bounds::new(host.settings.fidelity == Fidelity::Aws),
            settler: OnceLock::new(),
            host,
            rooms,
            config,
        }
    }

    /// Answers a request, whatever it is.
    pub async fn serve(self: &Arc<Self>, incoming: Incoming) -> Outgoing {
        if let Some(why) = guard::refused_host(incoming.authority(), &self.config) {
            return Outgoing::text(403, "text/plain", why);
        }
        let id = self.host.entropy.uuid();
        // A user's own hosts decide themselves which pages may call them.
        if let Some(found) = front::find(self, &incoming) {
            return front::serve(self, &incoming, found, id).await;
        }
        let page = match cors::admit(self, &incoming, &id) {
            Ok(page) => page,
            Err(answer) => return *answer,
        };
        let answer = match control::serve(self, &incoming).await {
            Some(answer) => answer,
            None => self.answer(&incoming, id).await,
        };
        page.show(&incoming, answer)
    }

    /// The operation that a request with this method would mean, from its head.
    pub(crate) fn route(&self, incoming: &Incoming, method: &str) -> Result<Routing, Unroutable> {
        self.router.route(&Head { method, ..head_of(incoming) })
    }

    async fn answer(self: &Arc<Self>, incoming: &Incoming, id: String) -> Outgoing {
        if let Some(place) = form::place(self, incoming) {
            return self.uploaded(incoming, place, id).await;
        }
        if endpoint::has_long_head(incoming)
            && let Some(service) = endpoint::addressed(self, incoming)
        {
            let id = endpoint::request_id(service, id);
            let trace = Trace::of(self, service.name, incoming.summary().into(), &id);
            let answer = endpoint::bad_request(&id);
            trace.end(self, answer.status, None);
            return answer;
        }
        let head = head_of(incoming);
        let (route, body) = match self.router.route(&head) {
            Ok(Routing::Host(host)) => return front::serve(self, incoming, front::by_host(host), id).await,
            Ok(Routing::Operation(route)) => (Ok(route), None),
            Ok(Routing::NeedsBody) => {
                let unrouted = self.host.budgets.of("gateway");
                match body::whole(&incoming.body, MAX_BODY, &unrouted).await {
                    Ok(body) => (self.router.route_form(&head, &body.0), Some(body)),
                    Err(error) => (Err(Unroutable::of(AnswerForm::bare(Protocol::AwsQuery), error)), None),
                }
            }
            Err(unroutable) => (Err(unroutable), None),
        };
        match route {
            Ok(route) => self.operation(Asked { incoming, route, body, identity: None }, id).await,
            Err(unroutable) => self.unrouted(incoming, &unroutable, id).await,
        }
    }

    /// A request that means no operation, in the words of the service that it is for.
    async fn unrouted(&self, incoming: &Incoming, unroutable: &Unroutable, id: String) -> Outgoing {
        let Some(service) = endpoint::addressed(self, incoming) else {
            return self.unroutable(incoming, unroutable, &id);
        };
        let id = endpoint::request_id(service, id);
        let trace = Trace::of(self, service.name, incoming.summary().into(), &id);
        let answer = endpoint::unrouted(self, service, incoming, &id).await;
        trace.end(self, answer.status, (answer.status >= 400).then_some(&*unroutable.error));
        answer
    }

    /// A form that a browser uploads, by the operation that it stands for.
    async fn uploaded(self: &Arc<Self>, incoming: &Incoming, place: Route, id: String) -> Outgoing {
        match form::read(self, incoming, &place).await {
            Ok(form::Uploaded { request, route, identity, answer, held: _held }) => {
                let asked = Asked { incoming: &request, route, body: None, identity: Some(identity) };
                answer.shown(self.operation(asked, id).await)
            }
            Err(error) => self.unroutable(incoming, &Unroutable::of(place.form(), error), &id),
        }
    }

    fn unroutable(&self, incoming: &Incoming, unroutable: &Unroutable, id: &str) -> Outgoing {
        let service = unroutable.form.service.map_or("", |service| service.name);
        let trace = Trace::of(self, service, incoming.summary().into(), id);
        let reply = wire::encode_error(&unroutable.form, &unroutable.error, id);
        trace.end(self, reply.status, Some(&unroutable.error));
        reply.into()
    }

    async fn operation(self: &Arc<Self>, asked: Asked<'_>, id: String) -> Outgoing {
        let id = endpoint::request_id(asked.route.service, id);
        let mut trace = Trace::begin(self, &asked.route, &id);
        let result = self.run(&asked, &mut trace).await;
        let name = asked.route.operation.name();
        let mut reply = self.host.watchdog.run(asked.route.service.name, name, || match &result {
            Ok(output) => wire::encode_output(&asked.route, output.as_ref(), &id),
            Err(error) => wire::encode_error(&asked.route.form(), error, &id),
        });
        endpoint::finish(self, &mut reply, asked.route.service, asked.incoming).await;
        if let Some((witness, known)) = trace.witness() {
            let error = result.as_ref().err();
            witnessed::tell(self, witness, (asked.incoming, &asked.route), &known, (&reply, error));
        }
        trace.end(self, reply.status, result.as_ref().err());
        reply.into()
    }

    /// The steps in their order.
    async fn run(self: &Arc<Self>, asked: &Asked<'_>, trace: &mut Trace) -> Result<Box<dyn Obj>, ApiError> {
        let (route, incoming) = (&asked.route, asked.incoming);
        let served = self.open(route)?;
        let place = served.room.enter()?;
        let (whole, mut held) = self.whole(asked, &served).await?;
        let body = held.is_some().then_some(&whole[..]);
        let identity = match &asked.identity {
            Some(known) => known.clone(),
            None => self.identify(incoming, route, body)?,
        };
        if matches!(identity.caller, Caller::Anonymous) && route.service.dialect.sums_bodies {
            let missing = AuthError::MissingAuthenticationToken;
            return Err(words::credentials(&missing, route.service, route.protocol));
        }
        if identity.lent.is_some() && route.service.dialect.also_signed.is_none() {
            let unknown = AuthError::InvalidToken;
            return Err(words::credentials(&unknown, route.service, route.protocol));
        }
        let ctx = Ctx::new(self.host.clone(), self.request(incoming, &served, &identity, trace));
        trace.identified(&identity, ctx.region());
        let running = self
            .limits
            .admit(&served.operation, ctx.account(), self.host.clock.instant())
            .map_err(|_| words::throttled(route.service, served.operation.shape, route.protocol))?;

        digests::named(incoming.texts(), (route.service, served.operation.shape))?;
        let whole = self.inflated(incoming, &served, whole, held.as_mut()).await?;
        if held.is_some() && endpoint::says_nothing(route.service, &whole) {
            return Err(endpoint::unreadable());
        }
        if held.is_some() {
            digests::bounded(&whole, (route.service, served.operation.shape))?;
            digests::check(incoming.texts(), &whole, (route.service, served.operation.shape))?;
        }
        let mut input = self.host.watchdog.run(served.room.name, route.operation.name(), || {
            decode(route, incoming, &whole, &served.operation)
        })?;
        if held.is_none() {
            put_body(input.as_mut(), body::verified(incoming, &identity)?);
        }
        let input = served.operation.seal(input).ok_or_else(internal)?;
        let refused = |error| words::denied(error, route.protocol);
        let judged = self.authorizer.check(&ctx, &served.operation, input.clone()).await.map_err(refused)?;
        trace.judged(judged, self.authorizer.enforces()).map_err(refused)?;
        self.handle(served, ctx, input, Load::new(place, held, running)).await
    }

    /// The body, if it is held in memory, with the bytes that it takes.
    async fn whole(&self, asked: &Asked<'_>, served: &Served) -> Result<(Bytes, Option<Held>), ApiError> {
        if body::is_streamed(served.operation.shape) {
            return Ok((Bytes::new(), None));
        }
        let budget = &served.room.budget;
        let (whole, held) = match &asked.body {
            Some((whole, _)) => (whole.clone(), budget.hold(whole.len() as u64)?),
            None => body::whole(&asked.incoming.body, longest(asked.route.service), budget).await?,
        };
        Ok((whole, Some(held)))
    }

    /// The body as the protocol reads it, if it came compressed. An old front fails itself at what it cannot
    /// inflate; elsewhere an unknown coding is the operation's own matter.
    async fn inflated(
        &self,
        incoming: &Incoming,
        served: &Served,
        body: Bytes,
        held: Option<&mut Held>,
    ) -> Result<Bytes, ApiError> {
        let Some(name) = incoming.header(http::header::CONTENT_ENCODING) else { return Ok(body) };
        let Some(held) = held.filter(|_| body::is_text(served.operation.shape)) else { return Ok(body) };
        let service = served.operation.service;
        let Some(coding) = Coding::named(name) else {
            let is_plain = matches!(name.trim(), "" | "identity") || !service.dialect.sums_bodies;
            return if is_plain { Ok(body) } else { Err(internal()) };
        };
        let bound = longest(service);
        let inflating = self.host.compute.run(served.room.name, move || coding.inflate(&body, bound));
        let protocol = service.protocols.first().copied().unwrap_or(Protocol::RestJson1);
        let inflated = inflating.await.ok_or_else(internal)?.map_err(|malformed| {
            if service.dialect.sums_bodies { internal() } else { malformed.into_error(protocol) }
        })?;
        held.grow(inflated.len() as u64)?;
        Ok(inflated)
    }

    /// Empties the region. Requests that run meanwhile see it half empty.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn reset(&self) -> Result<usize, store::Fault> {
        self.host.store.erase(&[SECRETS_TABLE]).await
    }

    /// Empties one account. Its requests that run meanwhile see it half empty; others notice nothing.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub async fn reset_account(&self, account: AccountId) -> Result<usize, store::Fault> {
        let mut removed = 0;
        for (room, forget) in self.rooms.forgets() {
            let ctx = between::background(self, room, "ResetAccount", Region::default());
            removed += forget(ctx, account).await?;
        }
        removed += service::forget_heads(&self.host.store, account).await?;
        Ok(removed + self.host.store.erase_account(account).await?)
    }

    /// The operation, if it is served and its room is open.
    fn open(&self, route: &Route) -> Result<Served, ApiError> {
        let served = match route.operation {
            Routed::Served(shape) => self.rooms.operation(shape),
            Routed::Unserved(_) => None,
        };
        let served = served.ok_or_else(|| words::not_implemented(route.service, route.operation.name()))?;
        if served.room.state() == RoomState::Running {
            Ok(served.clone())
        } else {
            Err(served.room.unavailable())
        }
    }

    pub(crate) fn identify(
        &self,
        incoming: &Incoming,
        route: &Route,
        body: Option<&[u8]>,
    ) -> Result<Identity, ApiError> {
        let words = |error: &AuthError| words::credentials(error, route.service, route.protocol);
        let identity = self.identify_any(incoming, body).map_err(|refused| match refused {
            Refused::Credentials(error) => words(&error),
            Refused::Failed(error) => error,
        })?;
        // An object store has no other schemes; elsewhere they are the matter of whoever knows them.
        let stranger = matches!(identity.caller, Caller::Anonymous) && route.service.dialect.bare_errors;
        let other = stranger
            .then(|| self.evidence(incoming, body))
            .and_then(|asked| Presented::other_scheme(&asked.head));
        other.map_or(Ok(identity), |error| Err(words(&error)))
    }

    /// Who calls, for requests that are no operation of an API.
    pub(crate) fn identify_any(&self, incoming: &Incoming, body: Option<&[u8]>) -> Result<Identity, Refused> {
        let identities = &self.host.ports().credentials;
        self.authenticator.identify(&self.evidence(incoming, body), identities.as_ref())
    }

    /// Who sent a form.
    pub(crate) fn identify_form(
        &self,
        incoming: &Incoming,
        form: Option<&form::SignedForm<'_>>,
    ) -> Result<Identity, Refused> {
        let identities = &self.host.ports().credentials;
        self.authenticator.identify_form(form, &self.evidence(incoming, None), identities.as_ref())
    }

    fn evidence<'a>(&'a self, incoming: &'a Incoming, body: Option<&'a [u8]>) -> Evidence<'a> {
        Evidence {
            head: signature_head(incoming),
            body,
            source: incoming.source,
            host_time: self.host.clock.host(),
            now: self.host.clock.now(),
            seal: &self.host.seal,
        }
    }

    /// What is known of the request.
    fn request(&self, incoming: &Incoming, served: &Served, identity: &Identity, trace: &Trace) -> Request {
        Request {
            id: trace.id.clone(),
            account: identity.caller.account(),
            caller: identity.caller.clone(),
            region: identity.region.clone(),
            room: served.room.name,
            operation: served.operation.shape.name,
            origin: incoming.origin(),
            source: Some(incoming.source),
            deadline: None,
            depth: 0,
            hints: match &identity.lent {
                Some(purpose) => {
                    let lent = (Request::LENT.to_owned(), purpose.clone());
                    incoming.hints().into_iter().chain([lent]).collect()
                }
                None => incoming.hints(),
            },
            gone: incoming.gone.clone(),
        }
    }

    /// Runs the handler: its panic is its own 500, and a client that leaves does not cancel what was begun.
    pub(crate) async fn handle(
        &self,
        served: Served,
        ctx: Ctx,
        input: Arc<dyn std::any::Any + Send + Sync>,
        load: Load,
    ) -> Result<Box<dyn Obj>, ApiError> {
        let work = served.operation.handle(ctx, input);
        let work = self.host.watchdog.watch(served.room.name, served.operation.shape.name, work);
        Outliving::new(work, load).await.unwrap_or_else(|| Err(internal()))
    }

    /// Gives it what moves virtual time; once.
    pub(crate) fn moves_time_by(&self, settler: Arc<Settler>) {
        let _ = self.settler.set(settler);
    }
}

fn internal() -> ApiError {
    ApiError::new("InternalFailure", 500, "The request processing has failed because of an unknown error.")
}

pub(crate) fn head_of(incoming: &Incoming) -> Head<'_> {
    Head {
        method: incoming.method.as_str(),
        host: incoming.authority(),
        path: &incoming.path,
        query: &incoming.query,
        headers: &incoming.headers,
    }
}

fn signature_head(incoming: &Incoming) -> RequestHead<'_> {
    RequestHead {
        method: incoming.method.as_str(),
        path: &incoming.path,
        query: &incoming.query,
        headers: &incoming.headers,
    }
}

/// The region of the credential's scope; the default one where there is none.
pub(crate) fn region_of(incoming: &Incoming) -> Region {
    region_named(Credential::glimpse(&signature_head(incoming)).map(|seen| seen.region).as_deref())
}

/// The typed input of a request, with the model's constraints checked.
fn decode(
    route: &Route,
    incoming: &Incoming,
    body: &Bytes,
    operation: &Operation,
) -> Result<Box<dyn Obj>, ApiError> {
    let mut input = operation.new_input();
    let presigned = operation.service.dialect.bare_errors.then(|| hoisted::headers(incoming)).flatten();
    let mut head = head_of(incoming);
    if let Some(headers) = &presigned {
        head.headers = headers;
    }
    let mut violations = wire::decode(route, &head, body, input.as_mut(), Limits::STANDARD)
        .map_err(|malformed| endpoint::malformed(route, malformed))?;
    // Services with errors of the oldest form never had a validator in front: they word what is wrong.
    if !operation.service.dialect.bare_errors {
        wire::validate(input.as_ref(), &mut violations);
    }
    if violations.is_empty() { Ok(input) } else { Err(violations.into_error(&route.form())) }
}

/// Puts the body that is not held in memory into its member.
fn put_body(input: &mut dyn Obj, body: schema::Body) {
    if let Some((index, _)) = input.shape().payload()
        && let Some(Slot::Stream(slot)) = input.slot(index)
    {
        *slot = body;
    }
}

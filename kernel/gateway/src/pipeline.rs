//! The way of a request, step by step. Everything that concerns all operations happens here: who calls,
//! what was meant, whether it is allowed, what is recorded. A handler sees a typed input and answers a
//! typed output.

use crate::authenticate::{Authenticator, Evidence, Identity, Refused};
use crate::authorize::Authorizer;
use crate::body;
use crate::config::EdgeConfig;
use crate::message::{Incoming, Outgoing, read_whole};
use crate::record::{Refusals, Trace};
use crate::region::SECRETS_TABLE;
use crate::rooms::{RoomState, Rooms, Served};
use crate::{between, control, cors, front, guard, words};
use bytes::Bytes;
use names::{AccountId, Region};
use schema::{ApiError, Obj, Slot};
use service::{Ctx, Host, Operation, Request};
use signature::{Credential, RequestHead};
use std::sync::Arc;
use std::time::Instant;
use wire::{AnswerForm, Head, Limits, Route, Routed, Router, Routing, Rules, Unroutable};

/// Longest body of a request that is held in memory, in bytes: a function's 50 MB package in Base64.
const MAX_BODY: usize = 72 * 1024 * 1024;

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
    /// When the region was started.
    pub started: Instant,
    /// This start's id.
    pub session: String,
    pub(crate) authenticator: Authenticator,
    pub(crate) authorizer: Authorizer,
    pub(crate) router: Router,
}

/// A request on its way to its operation.
struct Asked<'a> {
    incoming: &'a Incoming,
    route: Route,
    /// The body, where it had to be read to find the operation.
    body: Option<Bytes>,
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
        let head = head_of(incoming);
        let (route, body) = match self.router.route(&head) {
            Ok(Routing::Host(host)) => return front::serve(self, incoming, front::by_host(host), id).await,
            Ok(Routing::Operation(route)) => (Ok(route), None),
            Ok(Routing::NeedsBody) => match read_whole(&incoming.body, MAX_BODY).await {
                Ok(body) => (self.router.route_form(&head, &body), Some(body)),
                Err(error) => {
                    let form = AnswerForm::bare(schema::Protocol::AwsQuery);
                    return wire::encode_error(&form, &words::body(&error), &id).into();
                }
            },
            Err(unroutable) => (Err(unroutable), None),
        };
        match route {
            Ok(route) => self.operation(Asked { incoming, route, body }, id).await,
            Err(unroutable) => wire::encode_error(&unroutable.form, &unroutable.error, &id).into(),
        }
    }

    async fn operation(self: &Arc<Self>, asked: Asked<'_>, id: String) -> Outgoing {
        let mut trace = Trace::begin(self, &asked.route, &id);
        let result = self.run(&asked, &mut trace).await;
        trace.end(self, result.as_ref().err());
        let mut reply = match result {
            Ok(output) => wire::encode_output(&asked.route, output.as_ref(), &id),
            Err(error) => wire::encode_error(&asked.route.form(), &error, &id),
        };
        let head = head_of(asked.incoming);
        wire::seal(&mut reply, &asked.route.service.dialect, head.header("accept-encoding"));
        reply.into()
    }

    /// The steps in their order.
    async fn run(self: &Arc<Self>, asked: &Asked<'_>, trace: &mut Trace) -> Result<Box<dyn Obj>, ApiError> {
        let served = self.open(&asked.route)?;
        let streamed = body::is_streamed(served.operation.shape);
        let whole = match &asked.body {
            Some(body) => body.clone(),
            None if streamed => Bytes::new(),
            None => body::whole(asked.incoming, MAX_BODY).await.map_err(|error| words::body(&error))?,
        };
        let identity = self.identify(asked.incoming, &asked.route, (!streamed).then_some(&whole[..]))?;
        trace.identified(&identity);
        let ctx = Ctx::new(self.host.clone(), self.request(asked.incoming, &served, &identity, trace));

        let mut input = decode(&asked.route, asked.incoming, &whole, &served.operation)?;
        if streamed {
            let body = body::verified(asked.incoming, &identity)?;
            put_body(input.as_mut(), body);
        }
        let input = served.operation.seal(input).ok_or_else(internal)?;
        let allowed = self.authorizer.check(&ctx, &served.operation, input.clone()).await;
        trace.authorized(allowed.map_err(|error| words::denied(error, asked.route.protocol))?);
        self.handle(served, ctx, input).await
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
        self.identify_any(incoming, body).map_err(|refused| match refused {
            Refused::Credentials(error) => words::credentials(&error, route.service, route.protocol),
            Refused::Failed(error) => error,
        })
    }

    /// Who calls, for requests that are no operation of an API.
    pub(crate) fn identify_any(&self, incoming: &Incoming, body: Option<&[u8]>) -> Result<Identity, Refused> {
        let identities = &self.host.ports().credentials;
        let evidence = Evidence {
            head: signature_head(incoming),
            body,
            source: incoming.source,
            host_time: self.host.clock.host(),
            now: self.host.clock.now(),
        };
        self.authenticator.identify(&evidence, identities.as_ref())
    }

    /// What is known of the request.
    fn request(&self, incoming: &Incoming, served: &Served, identity: &Identity, trace: &Trace) -> Request {
        Request {
            id: trace.id.clone(),
            account: identity.caller.account(),
            caller: identity.caller.clone(),
            region: region_of(incoming),
            room: served.room.name,
            operation: served.operation.shape.name,
            origin: incoming.origin(),
            source: Some(incoming.source),
            deadline: None,
            depth: 0,
            gone: incoming.gone.clone(),
        }
    }

    /// Runs the handler in a task of its own: its panic is its own 500, and a client that leaves does not
    /// cancel what was begun.
    pub(crate) async fn handle(
        &self,
        served: Served,
        ctx: Ctx,
        input: Arc<dyn std::any::Any + Send + Sync>,
    ) -> Result<Box<dyn Obj>, ApiError> {
        let work = served.operation.handle(ctx, input);
        match tokio::spawn(work).await {
            Ok(result) => result,
            Err(_) => Err(internal()),
        }
    }
}

fn internal() -> ApiError {
    ApiError::new("InternalFailure", 500, "The request processing has failed because of an unknown error.")
}

fn head_of(incoming: &Incoming) -> Head<'_> {
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
    let seen = Credential::glimpse(&signature_head(incoming));
    seen.and_then(|seen| seen.region.parse().ok()).unwrap_or_default()
}

/// The typed input of a request, with the model's constraints checked.
fn decode(
    route: &Route,
    incoming: &Incoming,
    body: &Bytes,
    operation: &Operation,
) -> Result<Box<dyn Obj>, ApiError> {
    let mut input = operation.new_input();
    let mut violations = wire::decode(route, &head_of(incoming), body, input.as_mut(), Limits::STANDARD)
        .map_err(|malformed| malformed.into_error(route.protocol))?;
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

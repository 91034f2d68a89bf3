//! The context of one piece of work: on whose behalf, where, when; and the way to everything else.

use crate::{Compute, Delivery, Demand, Door, HeadWithPolicy, HeadsView, Held, Host, Pace, Ports};
use names::{AccountId, Arn, Region, Scope, Timestamp};
use ports::{CallRequest, Caller, TargetReply, TargetRequest};
use schema::{ApiError, OperationModel};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use store::{Fault, Snapshot, Tx, View, ViewHandle};
use tokio::sync::watch;

/// What is known of one piece of work.
#[derive(Clone)]
pub struct Request {
    /// Its id, as the client sees it.
    pub id: String,
    /// On whose behalf.
    pub caller: Caller,
    /// The account it works in.
    pub account: AccountId,
    /// The region it works in.
    pub region: Region,
    /// The room that serves it, for shares and records.
    pub room: &'static str,
    /// The operation, or what a worker does.
    pub operation: &'static str,
    /// The URL by which the client reached the region: `http://localhost:4566`. Answers that hold URLs
    /// echo it.
    pub origin: String,
    /// The address the request came from; `None` inside the region.
    pub source: Option<std::net::IpAddr>,
    /// When the answer is of no more use, in host time.
    pub deadline: Option<Timestamp>,
    /// How many calls deep.
    pub depth: u8,
    /// What headers say beside the input, by their names: the trace that the request belongs to
    /// (`x-amzn-trace-id`), who pays for it (`x-amz-request-payer`, which a presigned URL may bear in its query), and what
    /// begins with `x-localstack-`. Empty inside the region.
    pub hints: Vec<(String, String)>,
    /// Becomes true when the client has gone away.
    pub gone: Option<watch::Receiver<bool>>,
}

impl Request {
    /// The hint that tells what lent credentials are for. No header has this name.
    pub const LENT: &'static str = "lent";
}

/// The context of one piece of work. Cheap to clone.
#[derive(Clone)]
pub struct Ctx {
    host: Arc<Host>,
    request: Arc<Request>,
}

impl Ctx {
    /// The context of a request in a region.
    pub fn new(host: Arc<Host>, request: Request) -> Self {
        Ctx { host, request: Arc::new(request) }
    }

    /// What the region gives to all rooms.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// What is known of this piece of work.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// On whose behalf.
    pub fn caller(&self) -> &Caller {
        &self.request.caller
    }

    /// The account it works in.
    pub fn account(&self) -> AccountId {
        self.request.account
    }

    /// The region it works in.
    pub fn region(&self) -> &Region {
        &self.request.region
    }

    /// Where resources of an account in a region live.
    pub fn scope(&self) -> Scope {
        Scope::Regional(self.request.account, self.request.region.clone())
    }

    /// Where resources of an account in no region live.
    pub fn account_scope(&self) -> Scope {
        Scope::Account(self.request.account)
    }

    /// The ARN of a resource of this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> Arn {
        Arn::regional(service, &self.request.region, self.request.account, resource)
    }

    /// The request's id.
    pub fn request_id(&self) -> &str {
        &self.request.id
    }

    /// What a header says beside the input.
    pub fn hint(&self, name: &str) -> Option<&str> {
        self.request.hints.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// What the credentials of the request are for, where a room lent them: in its words.
    pub fn lent(&self) -> Option<&str> {
        self.hint(Request::LENT)
    }

    /// The trace that the request belongs to: `X-Amzn-Trace-Id`.
    pub fn trace(&self) -> Option<&str> {
        self.hint("x-amzn-trace-id")
    }

    /// Virtual time: what state is stamped with.
    pub fn now(&self) -> Timestamp {
        self.host.clock.now()
    }

    /// The machine's time: deadlines, freshness, a client's wait.
    pub fn host_time(&self) -> Timestamp {
        self.host.clock.host()
    }

    /// A new UUID.
    pub fn uuid(&self) -> String {
        self.host.entropy.uuid()
    }

    /// Reads and writes in one commit. The closure may be run again and must have no effect but on `tx`.
    ///
    /// # Errors
    /// The closure's own, and the store's as `E`.
    pub async fn commit<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        self.host.store.commit(closure).await
    }

    /// The published state, to read from.
    pub fn read(&self) -> Snapshot {
        self.host.store.read()
    }

    /// A view by its type.
    pub fn view<V: View>(&self) -> &ViewHandle<V> {
        self.host.view()
    }

    /// A part of the room by its type.
    pub fn part<T: Any + Send + Sync>(&self) -> &Arc<T> {
        self.host.part()
    }

    /// The ports.
    pub fn ports(&self) -> &Ports {
        self.host.ports()
    }

    /// The head of a resource, with its policy parsed.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn head(&self, arn: &Arn) -> Result<Option<Arc<HeadWithPolicy>>, Fault> {
        self.host.view::<HeadsView>().with(arn, |head| head.clone())
    }

    /// Calls an operation of another room, on behalf of this caller.
    ///
    /// # Errors
    /// Those of the operation and of the pipeline before it.
    pub async fn call<M: OperationModel>(&self, input: M::Input) -> Result<M::Output, ApiError> {
        self.call_as::<M>(self.request.caller.clone(), input).await
    }

    /// Calls an operation of another room, on behalf of another caller.
    ///
    /// # Errors
    /// Those of the operation and of the pipeline before it.
    pub async fn call_as<M: OperationModel>(
        &self,
        caller: Caller,
        input: M::Input,
    ) -> Result<M::Output, ApiError> {
        let mut call = CallRequest::of::<M>(input, caller, self.request.region.clone());
        call.deadline = self.request.deadline;
        call.depth = self.request.depth.saturating_add(1);
        call.cause = self.request.id.clone();
        self.ports().calls.typed::<M>(call).await
    }

    /// Asks a resource for an answer.
    ///
    /// # Errors
    /// Where nobody answers for the ARN, the caller may not ask it, or it fails.
    pub async fn ask(&self, mut question: TargetRequest) -> Result<TargetReply, ApiError> {
        question.depth = self.request.depth.saturating_add(1);
        question.cause = self.request.id.clone();
        question.deadline = question.deadline.or(self.request.deadline);
        self.ports().targets.request(question).await
    }

    /// Whether the caller may do what an operation finds it needs only while it runs: one of many keys, or to
    /// know that something is absent. What is known before is a demand of the operation.
    ///
    /// # Errors
    /// `AccessDenied` where it may not and that is enforced.
    pub fn permit(&self, demand: &Demand) -> Result<(), ApiError> {
        self.ports().permits.permit(self, demand)
    }

    /// The way to a delivery's target within the commit that causes it; `None` where it goes through the outbox. Of
    /// the delivery nothing is looked at but where it comes from and goes to.
    pub fn door(&self, delivery: &Delivery) -> Option<Door> {
        Door::of(self.ports().receivers.as_ref(), delivery)
    }

    /// Runs pure work that may take long away from the network threads.
    ///
    /// # Errors
    /// `InternalFailure` if it panicked.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let pool: &Compute = &self.host.compute;
        pool.run(self.request.room, work)
            .await
            .ok_or_else(|| ApiError::new("InternalFailure", 500, "An internal error occurred."))
    }

    /// Takes bytes of the room's budget, for what it holds in memory beyond this request.
    ///
    /// # Errors
    /// `ServiceUnavailable` where that would pass the budget.
    pub fn hold(&self, bytes: u64) -> Result<Held, ApiError> {
        self.host.budgets.of(self.request.room).hold(bytes)
    }

    /// How long a transition takes here.
    pub fn pace(&self, pace: Pace) -> Duration {
        self.host.pace(pace)
    }

    /// Returns when the client has gone away; never for work inside the region.
    pub async fn gone(&self) {
        match self.request.gone.clone() {
            Some(mut gone) => {
                // The sender is dropped when the connection's task ends: then the client is gone too.
                let _ = gone.wait_for(|gone| *gone).await;
            }
            None => std::future::pending().await,
        }
    }

    /// Seals a position for the next page of this operation with these parameters.
    pub fn page_token(&self, filter: &str, position: &[u8]) -> String {
        self.host.seal.seal(&self.page_purpose(filter), position)
    }

    /// The position of a page token; `None` if it is forged or of another operation, scope or filter.
    pub fn page_position(&self, filter: &str, token: &str) -> Option<Vec<u8>> {
        self.host.seal.open(&self.page_purpose(filter), token)
    }

    fn page_purpose<'a>(&'a self, filter: &'a str) -> [&'a str; 4] {
        [self.request.room, self.request.operation, self.request.region.as_str(), filter]
    }
}

/// What an operation's demands may see: state and the caller, and no way to change anything.
#[derive(Clone)]
pub struct Peek(Ctx);

impl Peek {
    /// The read-only side of a context.
    pub fn new(ctx: Ctx) -> Self {
        Peek(ctx)
    }

    /// On whose behalf.
    pub fn caller(&self) -> &Caller {
        self.0.caller()
    }

    /// The account it works in.
    pub fn account(&self) -> AccountId {
        self.0.account()
    }

    /// What a header says beside the input.
    pub fn hint(&self, name: &str) -> Option<&str> {
        self.0.hint(name)
    }

    /// The region it works in.
    pub fn region(&self) -> &Region {
        self.0.region()
    }

    /// The operation's name.
    pub fn operation(&self) -> &'static str {
        self.0.request.operation
    }

    /// What the credentials of the request are for, where a room lent them: in its words.
    pub fn lent(&self) -> Option<&str> {
        self.0.lent()
    }

    /// Whether what is refused is not done.
    pub fn enforces(&self) -> bool {
        self.0.host().settings.enforces
    }

    /// Where resources of an account in a region live.
    pub fn scope(&self) -> Scope {
        self.0.scope()
    }

    /// The ARN of a resource of this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> Arn {
        self.0.arn(service, resource)
    }

    /// The published state.
    pub fn read(&self) -> Snapshot {
        self.0.read()
    }

    /// The head of a resource.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn head(&self, arn: &Arn) -> Result<Option<Arc<HeadWithPolicy>>, Fault> {
        self.0.head(arn)
    }

    /// A view by its type.
    pub fn view<V: View>(&self) -> &ViewHandle<V> {
        self.0.view()
    }

    /// A part of the room by its type.
    pub fn part<T: Any + Send + Sync>(&self) -> &Arc<T> {
        self.0.part()
    }

    /// The one demand of an operation on one resource of this account and region, under its own name:
    /// `{service}:{operation}`.
    pub fn demand(&self, service: &str, resource: &str) -> Vec<Demand> {
        let action = format!("{service}:{}", self.0.request.operation);
        vec![Demand::new(action, &self.arn(service, resource))]
    }
}

//! The poller of one queue: receives as the function's role, invokes, deletes what was processed. What was
//! not comes back by itself when its visibility timeout ends.

use crate::errors::LambdaError;
use crate::invoke::{self, Extras, MAX_SYNCHRONOUS};
use crate::pollers::places::{GROWTH, Places};
use crate::rules::batch;
use crate::rules::filter::Filter;
use crate::rules::lineage;
use crate::rules::names::{Named, session_name};
use crate::rules::sqs_event;
use crate::state::{self, Mapping};
use bytes::Bytes;
use model_sqs::operations::{ChangeMessageVisibilityBatch, DeleteMessageBatch, ReceiveMessage};
use model_sqs::{
    ChangeMessageVisibilityBatchInput, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchInput,
    DeleteMessageBatchRequestEntry, Message, ReceiveMessageInput,
};
use names::{AccountId, Arn};
use ports::{Caller, Principal, SessionRequest};
use schema::ApiError;
use serde_json::Value;
use service::{Ctx, Log};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// Messages of one receive.
const MOST_AT_ONCE: usize = 10;
/// Longest wait of one receive, in seconds: a poller that is to end does so after it.
const WAIT_S: i32 = 10;
/// Rest after the first failure; doubled for each further one up to `MAX_REST`.
const FIRST_REST: Duration = Duration::from_millis(500);
const MAX_REST: Duration = Duration::from_secs(30);
/// Between two looks whether the room, once refused, is open again.
const CLOSED_REST: Duration = Duration::from_millis(500);

/// On whose behalf a function's sources are read: its role, or its account where permissions are not
/// enforced and it has none.
///
/// # Errors
/// Where the role cannot be assumed.
pub async fn caller(
    ctx: &Ctx,
    role: &Arn,
    function: &str,
    account: AccountId,
) -> Result<Caller, LambdaError> {
    let request = SessionRequest {
        role: role.clone(),
        service: "lambda.amazonaws.com",
        session_name: session_name(function),
        source_arn: None,
        source_account: account,
    };
    match ctx.ports().credentials.session(request).await {
        Ok(session) => Ok(Caller::Principal(session.principal)),
        Err(error) if error.status >= 500 => Err(LambdaError::Other(error)),
        Err(_) if ctx.host().settings.enforces => Err(LambdaError::RoleNotAssumable),
        Err(_) => Ok(Caller::Principal(Arc::new(Principal::root(account)))),
    }
}

/// The URL of a queue.
pub fn url(ctx: &Ctx, queue: &Arn) -> String {
    format!("{}/{}/{}", ctx.host().settings.endpoint, queue.account_text(), queue.resource())
}

struct Poller {
    ctx: Ctx,
    mapping: Mapping,
    named: Named,
    url: String,
    filters: Vec<Filter>,
}

/// Polls until its mapping changes or goes.
pub async fn poll(ctx: Ctx, mapping: Mapping, mut stop: watch::Receiver<()>) {
    let mut places = Places::new(mapping.max_concurrency);
    let poller = Arc::new(Poller::new(ctx, mapping));
    let mut rest = FIRST_REST;
    loop {
        let place = tokio::select! {
            place = places.free() => place,
            () = poller.ctx.host().clock.rest(GROWTH), if places.may_grow() => {
                places.grow();
                continue;
            }
        };
        let Some(place) = place else { return };
        if stop.has_changed().is_err() {
            return;
        }
        if !poller.is_open() {
            drop(place);
            poller.ctx.host().clock.rest(CLOSED_REST).await;
            continue;
        }
        match poller.turn(place, &stop).await {
            Ok(came) => {
                rest = FIRST_REST;
                if !came {
                    places.shrink();
                }
            }
            Err(error) => {
                let why = ApiError::from(error);
                Log::warn("lambda", &format!("{} cannot be read: {why}", poller.mapping.source));
                tokio::select! {
                    () = poller.ctx.host().clock.rest(rest) => {}
                    _ = stop.changed() => return,
                }
                rest = (rest * 2).min(MAX_REST);
            }
        }
    }
}

impl Poller {
    fn new(ctx: Ctx, mapping: Mapping) -> Self {
        let named = Named {
            scope: mapping.scope.clone(),
            name: mapping.function.clone(),
            qualifier: mapping.qualifier.clone(),
        };
        let filters = mapping.filters.iter().filter_map(|text| Filter::parse(text)).collect();
        Poller { url: url(&ctx, &mapping.source), named, filters, mapping, ctx }
    }

    /// Who processes what came after this poller was stopped: one for what its mapping has become, so that the
    /// messages are received but once (LocalStack's test_sqs_event_source_mapping_update, recorded on AWS). None where
    /// the mapping is gone or disabled.
    fn successor(&self) -> Result<Option<Arc<Poller>>, LambdaError> {
        let mapping = state::mapping(&self.ctx.read(), &self.mapping.scope, &self.mapping.uuid)?;
        let same = mapping.filter(|mapping| mapping.enabled && mapping.source == self.mapping.source);
        Ok(same.map(|mapping| Arc::new(Poller::new(self.ctx.clone(), mapping))))
    }

    async fn caller(&self) -> Result<Caller, LambdaError> {
        let function = invoke::found(&self.ctx.read(), &self.named)?;
        let account = self.named.scope.account().unwrap_or(AccountId::DEFAULT);
        caller(&self.ctx, &function.latest.settings.role, &self.named.name, account).await
    }

    /// Whether functions are served at all.
    fn is_open(&self) -> bool {
        self.ctx.ports().calls.is_open("lambda")
    }

    /// Receives one batch and has it processed. Says whether anything came.
    async fn turn(
        self: &Arc<Self>,
        place: OwnedSemaphorePermit,
        stop: &watch::Receiver<()>,
    ) -> Result<bool, LambdaError> {
        let caller = self.caller().await?;
        let messages = self.gather(&caller).await?;
        if messages.is_empty() {
            return Ok(false);
        }
        let stopped = stop.has_changed().is_err();
        let poller = if stopped { self.successor()? } else { Some(self.clone()) };
        let Some(poller) = poller.filter(|_| self.is_open()) else {
            self.give_back(&messages).await?;
            return Ok(true);
        };
        let caller = if stopped { poller.caller().await? } else { caller };
        tokio::spawn(async move {
            if let Err(error) = poller.process(&caller, messages).await {
                let why = ApiError::from(error);
                Log::warn("lambda", &format!("messages of {} come back: {why}", poller.mapping.source));
            }
            drop(place);
        });
        Ok(true)
    }

    /// A batch: what is there, or what comes within the mapping's window.
    async fn gather(&self, caller: &Caller) -> Result<Vec<Message>, LambdaError> {
        let size = self.mapping.batch_size as usize;
        let mut messages = self.receive(caller, size, WAIT_S).await?;
        if messages.is_empty() || self.mapping.window_s == 0 {
            return Ok(messages);
        }
        let clock = &self.ctx.host().clock;
        let (begun, window) = (clock.instant(), Duration::from_secs(u64::from(self.mapping.window_s)));
        while messages.len() < size {
            let left = window.saturating_sub(clock.instant().duration_since(begun));
            let wait = i32::try_from(left.as_secs()).unwrap_or(WAIT_S).min(WAIT_S);
            if wait == 0 {
                clock.rest(left).await;
            }
            for message in self.receive(caller, size - messages.len(), wait).await? {
                // One that is seen again while the batch is gathered has another handle by then.
                match messages.iter_mut().find(|known| known.message_id == message.message_id) {
                    Some(known) => *known = message,
                    None => messages.push(message),
                }
            }
            if wait == 0 {
                break;
            }
        }
        Ok(messages)
    }

    async fn receive(&self, caller: &Caller, most: usize, wait: i32) -> Result<Vec<Message>, LambdaError> {
        let input = ReceiveMessageInput {
            queue_url: self.url.clone(),
            message_system_attribute_names: Some(vec!["All".to_owned()]),
            message_attribute_names: Some(vec!["All".to_owned()]),
            max_number_of_messages: i32::try_from(most.min(MOST_AT_ONCE)).ok(),
            wait_time_seconds: Some(wait),
            ..Default::default()
        };
        let received = self.ctx.call_as::<ReceiveMessage>(caller.clone(), input).await;
        Ok(received.map_err(LambdaError::Other)?.messages.unwrap_or_default())
    }

    async fn process(&self, caller: &Caller, messages: Vec<Message>) -> Result<(), LambdaError> {
        let (mut wanted, mut done) = (Vec::new(), Vec::new());
        for message in messages {
            let record = sqs_event::record(&message, &self.mapping.source);
            if self.wants(&record) { wanted.push((message, record)) } else { done.push(message) }
        }
        // What no filter wants is deleted unseen.
        self.delete(caller, &done).await?;
        let wanted = self.without_loops(wanted)?;
        for part in parts(wanted, self.mapping.batch_size as usize) {
            self.invoke(caller, part).await?;
        }
        Ok(())
    }

    /// Leaves out what is part of a loop: it comes back until the queue's dead letter takes it.
    fn without_loops(&self, wanted: Vec<(Message, Value)>) -> Result<Vec<(Message, Value)>, LambdaError> {
        let mut kept = Vec::with_capacity(wanted.len());
        for (message, record) in wanted {
            if invoke::is_loop(&self.ctx.read(), &self.named, trace(&message))? {
                let id = message.message_id.as_deref().unwrap_or_default();
                let name = &self.named.name;
                Log::warn("lambda", &format!("a loop of invocations is stopped before {name}: message {id}"));
            } else {
                kept.push((message, record));
            }
        }
        Ok(kept)
    }

    fn wants(&self, record: &Value) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        let seen = sqs_event::for_filters(record);
        self.filters.iter().any(|filter| filter.wants(&seen))
    }

    async fn invoke(&self, caller: &Caller, part: Vec<(Message, Value)>) -> Result<(), LambdaError> {
        let (messages, records): (Vec<Message>, Vec<Value>) = part.into_iter().unzip();
        let trace = lineage::common(messages.iter().map(trace));
        let extras = Extras { request_id: self.ctx.uuid(), trace, ..Extras::default() };
        let event = Bytes::from(sqs_event::event(&records));
        let outcome = invoke::run(&self.ctx, &self.named, event, extras).await?;
        if outcome.failed {
            return Ok(());
        }
        let failed = if self.mapping.reports_failures {
            let ids: Vec<&str> =
                messages.iter().map(|message| message.message_id.as_deref().unwrap_or_default()).collect();
            batch::failed(&outcome.payload, &ids)
        } else {
            Vec::new()
        };
        let done = messages.into_iter().enumerate().filter(|(place, _)| !failed.contains(place));
        self.delete(caller, &done.map(|(_, message)| message).collect::<Vec<_>>()).await
    }

    async fn delete(&self, caller: &Caller, messages: &[Message]) -> Result<(), LambdaError> {
        for part in messages.chunks(MOST_AT_ONCE) {
            let entries = part.iter().enumerate().map(|(place, message)| DeleteMessageBatchRequestEntry {
                id: place.to_string(),
                receipt_handle: message.receipt_handle.clone().unwrap_or_default(),
            });
            let input = DeleteMessageBatchInput { queue_url: self.url.clone(), entries: entries.collect() };
            let deleted = self.ctx.call_as::<DeleteMessageBatch>(caller.clone(), input).await;
            deleted.map_err(LambdaError::Other)?;
        }
        Ok(())
    }

    /// Lets others receive at once what came too late for this poller. It is not the function that does so:
    /// a role that reads a queue needs ReceiveMessage, DeleteMessage and GetQueueAttributes, and no more
    /// (Lambda Developer Guide, "Execution role permissions" of Amazon SQS).
    async fn give_back(&self, messages: &[Message]) -> Result<(), LambdaError> {
        let owner = self.mapping.source.account().unwrap_or(AccountId::DEFAULT);
        let caller = Caller::Principal(Arc::new(Principal::root(owner)));
        for part in messages.chunks(MOST_AT_ONCE) {
            let entries =
                part.iter().enumerate().map(|(place, message)| ChangeMessageVisibilityBatchRequestEntry {
                    id: place.to_string(),
                    receipt_handle: message.receipt_handle.clone().unwrap_or_default(),
                    visibility_timeout: Some(0),
                });
            let input =
                ChangeMessageVisibilityBatchInput { queue_url: self.url.clone(), entries: entries.collect() };
            let changed = self.ctx.call_as::<ChangeMessageVisibilityBatch>(caller.clone(), input).await;
            changed.map_err(LambdaError::Other)?;
        }
        Ok(())
    }
}

/// The tracing header of a message.
fn trace(message: &Message) -> Option<&str> {
    message.attributes.as_ref()?.get("AWSTraceHeader").map(String::as_str)
}

/// Batches of so many messages, whose events are no larger than an invocation may be.
fn parts(wanted: Vec<(Message, Value)>, most: usize) -> Vec<Vec<(Message, Value)>> {
    let (mut parts, mut size) = (Vec::<Vec<_>>::new(), 0);
    for one in wanted {
        let length = one.1.to_string().len() + 1;
        let is_full = parts.last().is_none_or(|part| part.len() >= most);
        if is_full || size + length > MAX_SYNCHRONOUS - 16 {
            parts.push(Vec::new());
            size = 0;
        }
        size += length;
        if let Some(part) = parts.last_mut() {
            part.push(one);
        }
    }
    parts
}

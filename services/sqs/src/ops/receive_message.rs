//! ReceiveMessage: takes what is visible, hides it for the visibility timeout, hands it out. With nothing
//! there it waits, without polling, until a message becomes visible, the wait is over or the client left.

use crate::errors::SqsError;
use crate::ops::{Place, found, place};
use crate::rules::attributes::{NAMES, allows_source};
use crate::rules::contents;
use crate::rules::handles::Receipt;
use crate::rules::names::check_id;
use crate::rules::{DEDUPLICATION_MS, MAX_IN_FLIGHT, MAX_VISIBILITY_S, MAX_WAIT_S};
use crate::state::recent::{self, Attempt};
use crate::state::{self, AttributeValue, Content, Message, Queue, Row, Standing, Turn};
use crate::views::{self, QueueKey, ReadyMessages};
use model_sqs::{
    MessageAttributeValue, MessageSystemAttributeName, ReceiveMessageInput, ReceiveMessageOutput,
};
use names::{Arn, Scope, Timestamp};
use service::Ctx;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::{Fault, Incarnation, Tx};

/// Headers that let a request ask for more than the API does, and how far they go here.
const OVERRIDE_COUNT: &str = "x-localstack-sqs-override-message-count";
const OVERRIDE_WAIT: &str = "x-localstack-sqs-override-wait-time-seconds";
const MAX_OVERRIDDEN_COUNT: usize = 100;
const MAX_OVERRIDDEN_WAIT_S: u64 = 900;

/// How often a receive looks again when it was offered nothing that it may hand out.
const LOOKS: usize = 16;

/// Bytes of dead letters that one commit moves, and one message more.
const MAX_BURIED_BYTES: usize = 4 * 1024 * 1024;

/// A message that was taken, as it stands now.
struct Taken {
    number: u64,
    row: Row,
    /// The message, where it is not in its row.
    long: Option<Message>,
}

impl Taken {
    /// The message of a row; `None` where it is not there.
    fn of(tx: &Tx, scope: &Scope, place: (Incarnation, u64), row: Row) -> Result<Option<Self>, Fault> {
        let long = match state::message(tx, scope, place, &row)? {
            None => return Ok(None),
            Some(Cow::Borrowed(_)) => None,
            Some(Cow::Owned(message)) => Some(message),
        };
        Ok(Some(Taken { number: place.1, row, long }))
    }
}

/// How the request wants to receive.
#[derive(Clone)]
struct Wish {
    /// By what a FIFO queue's receive is known, when it is repeated.
    attempt: Option<String>,
    limit: usize,
    visibility_ms: Option<i64>,
    wait: Option<Duration>,
}

fn bounded(name: &str, value: Option<i32>, least: i64, greatest: i64) -> Result<Option<i64>, SqsError> {
    match value.map(i64::from) {
        Some(value) if !(least..=greatest).contains(&value) => Err(SqsError::InvalidParameterValue(format!(
            "Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {greatest}, if \
             provided."
        ))),
        value => Ok(value),
    }
}

fn wish(input: &ReceiveMessageInput) -> Result<Wish, SqsError> {
    let limit = bounded("MaxNumberOfMessages", input.max_number_of_messages, 1, 10)?.unwrap_or(1);
    let visibility_s = bounded("VisibilityTimeout", input.visibility_timeout, 0, MAX_VISIBILITY_S)?;
    let wait_s = input.wait_time_seconds.map(i64::from);
    if let Some(wait_s) = wait_s.filter(|seconds| !(0..=MAX_WAIT_S).contains(seconds)) {
        return Err(SqsError::InvalidParameterValue(format!(
            "Value {wait_s} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= {MAX_WAIT_S}, if \
             provided."
        )));
    }
    if let Some(id) = &input.receive_request_attempt_id {
        check_id("ReceiveRequestAttemptId", id)?;
    }
    Ok(Wish {
        attempt: input.receive_request_attempt_id.clone(),
        limit: limit as usize,
        visibility_ms: visibility_s.map(|seconds| seconds * 1000),
        wait: wait_s.map(|seconds| Duration::from_secs(seconds.unsigned_abs())),
    })
}

/// The wish with what headers say that LocalStack's users know: more messages, or a longer wait, than the API lets
/// one ask for.
fn overridden(ctx: &Ctx, wish: Wish) -> Wish {
    let hint =
        |name: &str| ctx.hint(name).and_then(|text| text.parse::<u64>().ok()).filter(|number| *number > 0);
    let limit = hint(OVERRIDE_COUNT).map_or(wish.limit, |count| (count as usize).min(MAX_OVERRIDDEN_COUNT));
    let wait = hint(OVERRIDE_WAIT).map(|seconds| Duration::from_secs(seconds.min(MAX_OVERRIDDEN_WAIT_S)));
    Wish { limit, wait: wait.or(wish.wait), ..wish }
}

/// Refuses names that are neither of queues nor of messages: the older list takes both.
fn check_names(input: &ReceiveMessageInput) -> Result<(), SqsError> {
    let known = |name: &str| NAMES.contains(&name) || MessageSystemAttributeName::VALUES.contains(&name);
    let older = input.attribute_names.iter().flatten();
    let mut names = older.chain(input.message_system_attribute_names.iter().flatten());
    names.find(|name| !known(name)).map_or(Ok(()), |name| Err(SqsError::UnknownAttribute(name.clone())))
}

/// ReceiveMessage.
pub async fn receive_message(
    ctx: Ctx,
    input: Arc<ReceiveMessageInput>,
) -> Result<ReceiveMessageOutput, SqsError> {
    check_names(&input)?;
    let (place, wish) = (place(&ctx, &input.queue_url), overridden(&ctx, wish(&input)?));
    let queue = found(&ctx.read(), &place)?;
    let wish = Wish { attempt: wish.attempt.filter(|_| queue.attributes.fifo), ..wish };
    if wish.attempt.is_some() {
        let again = again(&ctx, &place, &queue, &wish).await?;
        if !again.is_empty() {
            return Ok(output(&ctx, &input, &place.0, &queue, again));
        }
    }
    let wait = wish.wait.unwrap_or_else(|| Duration::from_secs(queue.attributes.wait.unsigned_abs()));
    let key = (place.0.clone(), queue.incarnation);
    let over = ctx.host().clock.rest(wait);
    tokio::pin!(over);
    loop {
        // Watched before it is looked at, so that nothing that comes between is missed.
        let mut changed = ctx.view::<ReadyMessages>().watch(&key);
        let taken = take(&ctx, &place, &queue, &wish).await?;
        if !taken.is_empty() || wait.is_zero() {
            if taken.is_empty() {
                check_in_flight(&ctx, &key, &queue)?;
            }
            return Ok(output(&ctx, &input, &place.0, &queue, taken));
        }
        let now = ctx.now();
        let next = ctx.view::<ReadyMessages>().with(&key, |ready| ready.next_visible(now))?;
        tokio::select! {
            () = changed.changed() => {}
            () = until(&ctx, next) => {}
            () = &mut over => return Ok(ReceiveMessageOutput::default()),
            () = ctx.gone() => return Ok(ReceiveMessageOutput::default()),
        }
        // The queue may have been purged, changed or deleted meanwhile.
        if found(&ctx.read(), &place)?.incarnation != queue.incarnation {
            return Ok(ReceiveMessageOutput::default());
        }
    }
}

/// Says of a standard queue that it hands out nothing because too much is in flight; a FIFO queue keeps silent, and
/// so does a receive that waits (SQS developer guide, "Amazon SQS message quotas").
fn check_in_flight(ctx: &Ctx, key: &QueueKey, queue: &Queue) -> Result<(), SqsError> {
    let now = ctx.now();
    if !queue.attributes.fifo && ctx.view::<ReadyMessages>().with(key, |ready| ready.is_full(now))? {
        return Err(SqsError::OverLimit(format!(
            "The maximum number of in flight messages is reached. Reason: {MAX_IN_FLIGHT} messages are in flight."
        )));
    }
    Ok(())
}

async fn until(ctx: &Ctx, moment: Option<Timestamp>) {
    match moment {
        Some(moment) => ctx.host().clock.until(moment).await,
        None => std::future::pending().await,
    }
}

/// What an earlier receive of the same attempt id has handed out, where all of it is still in flight: hidden
/// anew, and not received once more.
async fn again(ctx: &Ctx, place: &Place, queue: &Queue, wish: &Wish) -> Result<Vec<Taken>, SqsError> {
    let (place, incarnation, now, wish) = (place.clone(), queue.incarnation, ctx.now(), wish.clone());
    ctx.commit(move |tx| {
        let queue = found(tx, &place)?;
        let id = wish.attempt.as_deref().unwrap_or_default();
        let known = recent::attempt(tx, &place.0, incarnation, id)?.filter(|known| known.until > now);
        let mut taken = Vec::new();
        for (number, receives) in known.iter().flat_map(|known| &known.handed) {
            let at = (incarnation, *number);
            let flying = |row: &Row| row.standing.receives == *receives && row.standing.visible_at > now;
            let Some(mut row) = state::row(tx, &place.0, at)?.filter(flying) else { return Ok(Vec::new()) };
            row.standing.visible_at = now.plus_millis(hidden_ms(&queue, &wish));
            let Some(one) = Taken::of(tx, &place.0, at, row)? else { return Ok(Vec::new()) };
            taken.push(one);
        }
        for one in &taken {
            state::put_row(tx, &place.0, (incarnation, one.number), &one.row)?;
        }
        Ok::<_, SqsError>(taken)
    })
    .await
}

fn hidden_ms(queue: &Queue, wish: &Wish) -> i64 {
    wish.visibility_ms.unwrap_or(queue.attributes.visibility_timeout * 1000)
}

/// Takes what can be handed out. Where all that was offered is dead letters or too old, it looks again.
async fn take(ctx: &Ctx, place: &Place, queue: &Queue, wish: &Wish) -> Result<Vec<Taken>, SqsError> {
    for _ in 0..LOOKS {
        match take_offered(ctx, place, queue, wish).await? {
            Some(taken) if taken.is_empty() => {}
            taken => return Ok(taken.unwrap_or_default()),
        }
    }
    Ok(Vec::new())
}

/// Takes what is offered: `None` where nothing is.
async fn take_offered(
    ctx: &Ctx,
    place: &Place,
    queue: &Queue,
    wish: &Wish,
) -> Result<Option<Vec<Taken>>, SqsError> {
    let (scope, incarnation, now) = (place.0.clone(), queue.incarnation, ctx.now());
    let view = ctx.view::<ReadyMessages>();
    let Some(claim) = views::take(view, &(scope.clone(), incarnation), now, wish.limit)? else {
        return Ok(None);
    };
    let (numbers, place, wish) = (claim.to_vec(), place.clone(), wish.clone());
    let (taken, left) = ctx
        .commit(move |tx| {
            let queue = found(tx, &place)?;
            if !queue.attributes.fifo {
                tx.relaxed();
            }
            tx.allow_large();
            let (mut taken, mut buried_bytes, mut left) = (Vec::with_capacity(numbers.len()), 0, false);
            let mut held: BTreeSet<String> = BTreeSet::new();
            for number in &numbers {
                if buried_bytes > MAX_BURIED_BYTES {
                    left = true;
                    break;
                }
                match receive(tx, (&scope, &queue), (incarnation, *number), &wish, now, &held)? {
                    Received::Taken(one) => taken.push(*one),
                    // What is behind it in its group waits, even if it was offered.
                    Received::Hidden(group) => held.extend(group),
                    Received::Gone(bytes) => buried_bytes += bytes,
                }
            }
            remember(tx, &scope, incarnation, &wish, &taken, now)?;
            Ok::<_, SqsError>((taken, left))
        })
        .await?;
    match left {
        // What was not looked at is offered again.
        true => drop(claim),
        false => drop(claim.settle()),
    }
    Ok(Some(taken))
}

/// Remembers what a receive with an attempt id hands out.
fn remember(
    tx: &mut Tx,
    scope: &Scope,
    incarnation: Incarnation,
    wish: &Wish,
    taken: &[Taken],
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(id) = wish.attempt.as_deref().filter(|_| !taken.is_empty()) else { return Ok(()) };
    let handed = taken.iter().map(|one| (one.number, one.row.standing.receives)).collect();
    let attempt = Attempt { handed, until: now.plus_millis(DEDUPLICATION_MS) };
    recent::put_attempt(tx, scope, incarnation, id, &attempt)
}

/// What became of a message that was offered.
enum Received {
    /// It is handed out.
    Taken(Box<Taken>),
    /// Somebody else was faster, and its group waits.
    Hidden(Option<String>),
    /// It is no longer there: deleted, too old, or too often received; so many bytes went to the dead letters.
    Gone(usize),
}

/// Receives one message.
fn receive(
    tx: &mut Tx,
    (scope, queue): (&Scope, &Queue),
    place: (Incarnation, u64),
    wish: &Wish,
    now: Timestamp,
    held: &BTreeSet<String>,
) -> Result<Received, Fault> {
    let Some(mut row) = state::row(tx, scope, place)? else { return Ok(Received::Gone(0)) };
    let standing = &mut row.standing;
    if standing.visible_at > now || standing.turn.group().is_some_and(|group| held.contains(group)) {
        return Ok(Received::Hidden(row.standing.turn.group().cloned()));
    }
    if standing.sent.plus_millis(queue.attributes.retention * 1000) <= now {
        state::remove(tx, scope, place, row.short.is_none())?;
        return Ok(Received::Gone(0));
    }
    let redrive = queue.attributes.redrive.as_ref();
    if let Some(redrive) = redrive.filter(|redrive| row.standing.receives >= redrive.max_receives)
        && let Some(bytes) = bury(tx, (scope, queue), &redrive.target, (place, &row), now)?
    {
        return Ok(Received::Gone(bytes));
    }
    let standing = &mut row.standing;
    standing.receives = standing.receives.saturating_add(1);
    standing.first_received.get_or_insert(now);
    standing.last_received = Some(now);
    standing.visible_at = now.plus_millis(hidden_ms(queue, wish));
    let Some(taken) = Taken::of(tx, scope, place, row)? else { return Ok(Received::Gone(0)) };
    state::put_row(tx, scope, place, &taken.row)?;
    Ok(Received::Taken(Box::new(taken)))
}

/// Moves a message to its dead-letter queue, in the commit that takes it out of this one, and tells its size; `None`
/// where there is no such queue, or it takes none from here.
fn bury(
    tx: &mut Tx,
    (scope, queue): (&Scope, &Queue),
    target: &Arn,
    (place, row): ((Incarnation, u64), &Row),
    now: Timestamp,
) -> Result<Option<usize>, Fault> {
    let (Some(account), Some(region)) = (target.account(), target.region()) else { return Ok(None) };
    let grave_scope = Scope::Regional(account, region);
    let source = state::arn(scope, &queue.name);
    let Some(grave) = state::queue(tx, &grave_scope, target.resource())? else { return Ok(None) };
    let takes = grave.attributes.fifo == queue.attributes.fifo
        && allows_source(grave.attributes.redrive_allow.as_deref(), &source);
    if !takes {
        return Ok(None);
    }
    let Some(message) = state::message(tx, scope, place, row)? else { return Ok(Some(0)) };
    let bytes = contents::size(&message.body, &message.attributes);
    // A standard queue's message keeps the time it was sent, and so its age; a FIFO queue's does not.
    let sent = if queue.attributes.fifo { now } else { message.sent };
    let number = state::number(tx, &grave_scope, &grave)?;
    // Its count goes on (LocalStack's test_dead_letter_queue_message_attributes, recorded on AWS).
    let received_before = message.received(&row.standing);
    let turn = Turn::of(&grave, message.group.as_deref());
    let buried = Message { dead_letter_source: Some(source), received_before, ..message.into_owned() };
    let standing =
        Standing { visible_at: now, receives: 0, first_received: None, sent, turn, last_received: None };
    state::add(tx, &grave_scope, (grave.incarnation, number), buried, standing)?;
    state::remove(tx, scope, place, row.short.is_none())?;
    Ok(Some(bytes))
}

fn output(
    ctx: &Ctx,
    input: &ReceiveMessageInput,
    scope: &Scope,
    queue: &Queue,
    taken: Vec<Taken>,
) -> ReceiveMessageOutput {
    let arn = state::arn(scope, &queue.name);
    let messages: Vec<_> =
        taken.into_iter().filter_map(|taken| shown(ctx, input, &arn, queue, taken)).collect();
    ReceiveMessageOutput { messages: Some(messages).filter(|messages| !messages.is_empty()) }
}

fn shown(
    ctx: &Ctx,
    input: &ReceiveMessageInput,
    arn: &Arn,
    queue: &Queue,
    taken: Taken,
) -> Option<model_sqs::Message> {
    let Taken { number, row: Row { standing, short }, long } = taken;
    let apart = short.is_none();
    let message = short.or(long)?;
    let receipt = Receipt { incarnation: queue.incarnation, number, receives: standing.receives, apart };
    let attributes: BTreeMap<String, AttributeValue> = wanted_attributes(input, &message);
    let md5_of_attributes = contents::md5_of_attributes(&attributes);
    let message_attributes: BTreeMap<_, _> =
        attributes.into_iter().map(|(name, value)| (name, shown_attribute(value))).collect();
    let system = system_attributes(input, queue, number, &message, &standing);
    Some(model_sqs::Message {
        md5_of_body: Some(contents::md5(&message.body)),
        message_id: Some(message.id),
        receipt_handle: Some(ctx.host().seal.seal(&["sqs", "receipt", arn.as_str()], &receipt.bytes())),
        body: Some(message.body),
        attributes: Some(system).filter(|system| !system.is_empty()),
        md5_of_message_attributes: md5_of_attributes,
        message_attributes: Some(message_attributes).filter(|attributes| !attributes.is_empty()),
    })
}

/// The message attributes that the request names: each, `All`, or by a prefix with `.*`.
fn wanted_attributes(input: &ReceiveMessageInput, message: &Message) -> BTreeMap<String, AttributeValue> {
    let names = input.message_attribute_names.as_deref().unwrap_or_default();
    let wanted = |attribute: &str| {
        names.iter().any(|name| match name.as_str() {
            "All" | ".*" | "*" => true,
            name => {
                name == attribute || name.strip_suffix(".*").is_some_and(|start| attribute.starts_with(start))
            }
        })
    };
    let attributes = message.attributes.iter().filter(|(name, _)| wanted(name));
    attributes.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn shown_attribute(value: AttributeValue) -> MessageAttributeValue {
    let (string_value, binary_value) = match value.content {
        Content::Text(text) => (Some(text), None),
        Content::Binary(bytes) => (None, Some(bytes.into())),
    };
    MessageAttributeValue { data_type: value.data_type, string_value, binary_value, ..Default::default() }
}

/// The system attributes that the request names, by either of its two lists.
fn system_attributes(
    input: &ReceiveMessageInput,
    queue: &Queue,
    number: u64,
    message: &Message,
    standing: &Standing,
) -> BTreeMap<String, String> {
    let older = input.attribute_names.iter().flatten().map(String::as_str);
    let newer = input.message_system_attribute_names.iter().flatten().map(String::as_str);
    let names: Vec<&str> = older.chain(newer).collect();
    let fifo = queue.attributes.fifo;
    let first = standing.first_received.map(|moment| moment.millis().to_string());
    let all = [
        ("SenderId", Some(message.sender.clone())),
        ("SentTimestamp", Some(message.sent.millis().to_string())),
        ("ApproximateReceiveCount", Some(message.received(standing).to_string())),
        ("ApproximateFirstReceiveTimestamp", first),
        ("SequenceNumber", fifo.then(|| super::send_message::sequence(number))),
        ("MessageDeduplicationId", message.deduplication_id.clone().filter(|_| fifo)),
        ("MessageGroupId", message.group.clone()),
        ("AWSTraceHeader", message.trace_header.clone()),
        ("DeadLetterQueueSourceArn", message.dead_letter_source.as_ref().map(Arn::to_string)),
    ];
    let wanted = |name: &str| names.contains(&"All") || names.contains(&name);
    let shown = all.into_iter().filter(|(name, _)| wanted(name));
    shown.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

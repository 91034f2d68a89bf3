//! SendMessage and SendMessageBatch: a batch is one commit, in which each entry succeeds or fails alone.

use crate::errors::SqsError;
use crate::ops::{found, place};
use crate::rules::contents::{self, check_body, check_size};
use crate::rules::names::{check_entry, check_id};
use crate::rules::{DEDUPLICATION_MS, MAX_DELAY_S, MAX_ENTRIES, MAX_MESSAGE_BYTES};
use crate::state::{self, AttributeValue, Duplicate, Message, Queue, Standing, Turn};
use model_sqs::{
    BatchResultErrorEntry, MessageAttributeValue, MessageSystemAttributeValue, SendMessageBatchInput,
    SendMessageBatchOutput, SendMessageBatchRequestEntry, SendMessageBatchResultEntry, SendMessageInput,
    SendMessageOutput,
};
use names::{Scope, Timestamp};
use schema::ApiError;
use service::Ctx;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Tx;

/// A message on its way into a queue.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The id it gets.
    pub id: String,
    /// Its body.
    pub body: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// `AWSTraceHeader`.
    pub trace_header: Option<String>,
    /// The trace that it belongs to without saying so: it stands for an absent `AWSTraceHeader`.
    pub trace: Option<String>,
    /// Who sends it.
    pub sender: String,
    /// How long it is hidden, in seconds; the queue's delay where it says nothing.
    pub delay_s: Option<i64>,
    /// Its group.
    pub group: Option<String>,
    /// Its deduplication id.
    pub deduplication_id: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The message's id: of the first one, where it is a duplicate.
    pub id: String,
    /// Its sequence number, in FIFO queues.
    pub sequence_number: Option<String>,
}

/// Twenty digits, as AWS writes sequence numbers.
pub fn sequence(number: u64) -> String {
    format!("{:020}", 18_849_496_460_467_696_128_u128 + u128::from(number))
}

/// Who sends: `SenderId`.
fn sender(ctx: &Ctx) -> String {
    ctx.caller().principal().map_or_else(|| ctx.caller().name(), |principal| principal.id.clone())
}

/// What a message alone and each entry of a batch say alike.
struct Asked<'a> {
    body: &'a str,
    attributes: Option<&'a BTreeMap<String, MessageAttributeValue>>,
    system: Option<&'a BTreeMap<String, MessageSystemAttributeValue>>,
    delay_s: Option<i32>,
    group: Option<&'a str>,
    deduplication_id: Option<&'a str>,
}

impl<'a> From<&'a SendMessageInput> for Asked<'a> {
    fn from(input: &'a SendMessageInput) -> Self {
        Asked {
            body: &input.message_body,
            attributes: input.message_attributes.as_ref(),
            system: input.message_system_attributes.as_ref(),
            delay_s: input.delay_seconds,
            group: input.message_group_id.as_deref(),
            deduplication_id: input.message_deduplication_id.as_deref(),
        }
    }
}

impl<'a> From<&'a SendMessageBatchRequestEntry> for Asked<'a> {
    fn from(entry: &'a SendMessageBatchRequestEntry) -> Self {
        Asked {
            body: &entry.message_body,
            attributes: entry.message_attributes.as_ref(),
            system: entry.message_system_attributes.as_ref(),
            delay_s: entry.delay_seconds,
            group: entry.message_group_id.as_deref(),
            deduplication_id: entry.message_deduplication_id.as_deref(),
        }
    }
}

fn outgoing(ctx: &Ctx, asked: Asked<'_>) -> Result<Outgoing, SqsError> {
    check_body(asked.body)?;
    Ok(Outgoing {
        id: ctx.uuid(),
        body: asked.body.to_owned(),
        attributes: contents::attributes(asked.attributes)?,
        trace_header: contents::trace_header(asked.system)?,
        trace: ctx.trace().map(str::to_owned),
        sender: sender(ctx),
        delay_s: asked.delay_s.map(i64::from),
        group: asked.group.map(str::to_owned),
        deduplication_id: asked.deduplication_id.map(str::to_owned),
    })
}

/// Refuses attributes with lists as values, which the model has and nobody takes, even when they are empty
/// (ruby-shoryuken/shoryuken, issue 769, an answer of SQS to attributes as they were received).
fn check_lists<'a>(
    operation: &str,
    attributes: impl Iterator<Item = &'a BTreeMap<String, MessageAttributeValue>>,
) -> Result<(), SqsError> {
    let is_list = |value: &MessageAttributeValue| {
        value.string_list_values.is_some() || value.binary_list_values.is_some()
    };
    if !attributes.flat_map(BTreeMap::values).any(is_list) {
        return Ok(());
    }
    Err(SqsError::UnsupportedOperation(format!(
        "Message attribute list values in {operation} operation are not supported."
    )))
}

/// SendMessage.
pub async fn one(ctx: Ctx, input: Arc<SendMessageInput>) -> Result<SendMessageOutput, SqsError> {
    let (place, now) = (place(&ctx, &input.queue_url), ctx.now());
    check_lists("SendMessage", input.message_attributes.iter())?;
    let outgoing = Arc::new(outgoing(&ctx, input.as_ref().into())?);
    let sending = outgoing.clone();
    let sent = ctx
        .commit(move |tx| {
            tx.allow_large();
            let queue = found(tx, &place)?;
            put(tx, &place.0, &queue, &sending, now)
        })
        .await?;
    Ok(SendMessageOutput {
        md5_of_message_body: Some(contents::md5(&outgoing.body)),
        md5_of_message_attributes: contents::md5_of_attributes(&outgoing.attributes),
        md5_of_message_system_attributes: contents::md5_of_trace_header(outgoing.trace_header.as_ref()),
        message_id: Some(sent.id),
        sequence_number: sent.sequence_number,
    })
}

/// Adds a message to a queue.
pub fn put(
    tx: &mut Tx,
    scope: &Scope,
    queue: &Queue,
    outgoing: &Outgoing,
    now: Timestamp,
) -> Result<Sent, SqsError> {
    check_size(contents::size(&outgoing.body, &outgoing.attributes), queue.attributes.maximum_message_size)?;
    let delay_s = delay(queue, outgoing)?;
    let deduplication_id = deduplication(queue, outgoing)?;
    let known_by = deduplication_id.as_deref().map(|id| known_by(queue, outgoing, id));
    // Ids of the whole queue hold on where each group has its own since (LocalStack's
    // test_fifo_change_to_high_throughput_after_creation, recorded on AWS).
    let ids =
        [known_by.as_deref(), deduplication_id.as_deref().filter(|id| known_by.as_deref() != Some(*id))];
    for id in ids.into_iter().flatten() {
        if let Some(known) = state::duplicate(tx, scope, queue, id, now)? {
            return Ok(Sent { id: known.id, sequence_number: Some(sequence(known.number)) });
        }
    }
    let number = state::number(tx, scope, queue)?;
    if let Some(id) = &known_by {
        let until = now.plus_millis(DEDUPLICATION_MS);
        state::remember(tx, scope, queue, id, &Duplicate { id: outgoing.id.clone(), number, until })?;
    }
    let message = Message {
        id: outgoing.id.clone(),
        body: outgoing.body.clone(),
        attributes: outgoing.attributes.clone(),
        trace_header: outgoing.trace_header.clone().or_else(|| outgoing.trace.clone()),
        sender: outgoing.sender.clone(),
        sent: now,
        group: outgoing.group.clone(),
        deduplication_id,
        dead_letter_source: None,
        received_before: 0,
    };
    let standing = Standing {
        visible_at: now.plus_millis(delay_s * 1000),
        receives: 0,
        first_received: None,
        sent: now,
        turn: Turn::of(queue, outgoing.group.as_deref()),
        last_received: None,
    };
    state::add(tx, scope, (queue.incarnation, number), message, standing)?;
    let sequence_number = queue.attributes.fifo.then(|| sequence(number));
    Ok(Sent { id: outgoing.id.clone(), sequence_number })
}

fn delay(queue: &Queue, outgoing: &Outgoing) -> Result<i64, SqsError> {
    let invalid = |value: i64, why: &str| {
        Err(SqsError::InvalidParameterValue(format!(
            "Value {value} for parameter DelaySeconds is invalid. Reason: {why}"
        )))
    };
    match outgoing.delay_s {
        None => Ok(queue.attributes.delay),
        Some(value) if !(0..=MAX_DELAY_S).contains(&value) => {
            invalid(value, "DelaySeconds must be >= 0 and <= 900.")
        }
        // A FIFO queue's delay is its own; nothing is as good as none.
        Some(0) if queue.attributes.fifo => Ok(queue.attributes.delay),
        Some(value) if queue.attributes.fifo => {
            invalid(value, "The request include parameter that is not valid for this queue type.")
        }
        Some(value) => Ok(value),
    }
}

/// What a deduplication id is remembered as: with its group, where each group has ids of its own.
fn known_by(queue: &Queue, outgoing: &Outgoing, id: &str) -> String {
    match &outgoing.group {
        Some(group) if queue.attributes.deduplicates_by_group() => format!("{group}\n{id}"),
        _ => id.to_owned(),
    }
}

/// The deduplication id of a message, given or by its content.
fn deduplication(queue: &Queue, outgoing: &Outgoing) -> Result<Option<String>, SqsError> {
    if let Some(group) =
        outgoing.group.as_deref().filter(|group| !(queue.attributes.fifo && group.is_empty()))
    {
        check_id("MessageGroupId", group)?;
    }
    if !queue.attributes.fifo {
        return match &outgoing.deduplication_id {
            None => Ok(None),
            Some(id) => Err(SqsError::InvalidParameterValue(format!(
                "Value {id} for parameter MessageDeduplicationId is invalid. Reason: The request includes a \
                 parameter that is not valid for this queue type."
            ))),
        };
    }
    if outgoing.group.as_deref().is_none_or(str::is_empty) {
        return Err(SqsError::MissingParameter("MessageGroupId".to_owned()));
    }
    match &outgoing.deduplication_id {
        Some(id) => check_id("MessageDeduplicationId", id).map(|()| Some(id.clone())),
        None if queue.attributes.content_deduplication => Ok(Some(content_id(&outgoing.body))),
        None => Err(SqsError::InvalidParameterValue(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
             explicitly"
                .to_owned(),
        )),
    }
}

/// The id of a content: the SHA-256 of the body alone, in hexadecimal.
fn content_id(body: &str) -> String {
    use sha2::{Digest, Sha256};
    service::hex(&Sha256::digest(body))
}

/// The entries of a batch as they are sent, or how they failed before the queue was asked.
type Prepared = Vec<Result<Outgoing, BatchResultErrorEntry>>;

/// SendMessageBatch.
pub async fn batch(ctx: Ctx, input: Arc<SendMessageBatchInput>) -> Result<SendMessageBatchOutput, SqsError> {
    let (place, now) = (place(&ctx, &input.queue_url), ctx.now());
    let queue = found(&ctx.read(), &place)?;
    check_batch("SendMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
    let attributes = input.entries.iter().filter_map(|entry| entry.message_attributes.as_ref());
    check_lists("SendMessageBatch", attributes)?;
    // Shared with the commit, which may hold it longer than its answer takes to come.
    let prepared: Arc<Prepared> = Arc::new(
        input
            .entries
            .iter()
            .map(|entry| outgoing(&ctx, entry.into()).map_err(|error| failed(&entry.id, error)))
            .collect(),
    );
    let total: usize =
        prepared.iter().flatten().map(|outgoing| contents::size(&outgoing.body, &outgoing.attributes)).sum();
    if total > MAX_MESSAGE_BYTES {
        return Err(SqsError::BatchRequestTooLong(total));
    }
    // A FIFO queue's message without its ids fails the whole batch, not its entry.
    for outgoing in prepared.iter().flatten().filter(|_| queue.attributes.fifo) {
        deduplication(&queue, outgoing).map_err(|error| match error {
            // A batch has another code for what its entries lack.
            SqsError::MissingParameter(name) => {
                SqsError::InvalidParameterValue(format!("The request must contain the parameter {name}."))
            }
            error => error,
        })?;
    }
    let sending = prepared.clone();
    let results: Vec<Result<Sent, SqsError>> = ctx
        .commit(move |tx| {
            tx.allow_large();
            let queue = found(tx, &place)?;
            let put = |outgoing: &Outgoing| match put(tx, &place.0, &queue, outgoing, now) {
                Err(SqsError::Store(fault)) => Err(SqsError::Store(fault)),
                result => Ok(result),
            };
            sending.iter().flatten().map(put).collect()
        })
        .await?;
    Ok(answer(&input.entries, &prepared, results))
}

/// Refuses a batch that is none.
pub fn check_batch<'a>(kind: &'static str, ids: impl Iterator<Item = &'a str>) -> Result<(), SqsError> {
    let ids: Vec<&str> = ids.collect();
    if ids.is_empty() {
        return Err(SqsError::EmptyBatchRequest(kind));
    }
    if ids.len() > MAX_ENTRIES {
        return Err(SqsError::TooManyEntries(ids.len()));
    }
    let mut seen = BTreeSet::new();
    for id in ids {
        check_entry(id)?;
        if !seen.insert(id) {
            return Err(SqsError::IdsNotDistinct(id.to_owned()));
        }
    }
    Ok(())
}

/// An entry that failed, with its error.
pub fn failed(id: &str, error: SqsError) -> BatchResultErrorEntry {
    let error = ApiError::from(match error {
        // In an entry it is told in other words than of a message alone.
        SqsError::MessageTooLong(limit) => SqsError::InvalidParameterValue(format!(
            "One or more parameters cannot be validated. Reason: Message must be shorter than {limit} bytes."
        )),
        error => error,
    });
    BatchResultErrorEntry {
        id: id.to_owned(),
        sender_fault: error.is_sender(),
        code: error.code.into_owned(),
        message: Some(error.message),
    }
}

/// `results` are those of the entries that could be prepared, in their order.
fn answer(
    entries: &[SendMessageBatchRequestEntry],
    prepared: &Prepared,
    results: Vec<Result<Sent, SqsError>>,
) -> SendMessageBatchOutput {
    let mut output = SendMessageBatchOutput::default();
    let mut results = results.into_iter();
    for (entry, prepared) in entries.iter().zip(prepared) {
        let outgoing = match prepared {
            Ok(outgoing) => outgoing,
            Err(error) => {
                output.failed.get_or_insert_default().push(error.clone());
                continue;
            }
        };
        match results.next() {
            Some(Ok(sent)) => output.successful.push(SendMessageBatchResultEntry {
                id: entry.id.clone(),
                message_id: sent.id,
                md5_of_message_body: contents::md5(&outgoing.body),
                md5_of_message_attributes: contents::md5_of_attributes(&outgoing.attributes),
                md5_of_message_system_attributes: contents::md5_of_trace_header(
                    outgoing.trace_header.as_ref(),
                ),
                sequence_number: sent.sequence_number,
            }),
            Some(Err(error)) => output.failed.get_or_insert_default().push(failed(&entry.id, error)),
            None => break,
        }
    }
    output
}

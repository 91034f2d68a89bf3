//! Publish: hands one message to every subscriber of a topic, to one device, or to one phone.

use crate::errors::SnsError;
use crate::hand_over;
use crate::ops::{found, topic_place};
use crate::rules::DEDUPLICATION_MS;
use crate::rules::envelope;
use crate::rules::names::{arn, is_phone};
use crate::rules::publication::{Asked, Draft, deduplication};
use crate::state::captured::{self, Captured, Kind};
use crate::state::{self, Duplicate, Message, Topic, platform, sms};
use model_sns::{PublishInput, PublishOutput};
use names::{Arn, Scope, Timestamp};
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Tx};

/// Longest text message, in bytes.
const MAX_SMS: usize = 1600;

/// Publish.
pub async fn publish(ctx: Ctx, input: Arc<PublishInput>) -> Result<PublishOutput, SnsError> {
    let given = [&input.topic_arn, &input.target_arn, &input.phone_number];
    if given.iter().filter(|target| target.is_some()).count() > 1 {
        return Err(SnsError::invalid(
            "TopicArn Reason: only one of TopicArn, TargetArn and PhoneNumber may be given",
        ));
    }
    let draft = |platform| {
        Draft::of(&Asked {
            message: &input.message,
            subject: input.subject.as_deref(),
            structure: input.message_structure.as_deref(),
            attributes: input.message_attributes.as_ref(),
            group: input.message_group_id.as_deref(),
            deduplication_id: input.message_deduplication_id.as_deref(),
            platform,
        })
    };
    if let Some(number) = &input.phone_number {
        return to_phone(&ctx, number, draft(None)?).await;
    }
    let Some(target) = input.topic_arn.as_deref().or(input.target_arn.as_deref()) else {
        return Err(SnsError::invalid("TopicArn or TargetArn Reason: no value for required parameter"));
    };
    let parameter = if input.topic_arn.is_some() { "TopicArn" } else { "TargetArn" };
    let target = arn(parameter, target)?;
    if let Some(place) = platform::endpoint_place(&target) {
        // Whether it takes messages is told before what is wrong with this one.
        check_device(&ctx, &place)?;
        let draft = draft(Some(platform::kind(&place.1)))?;
        return to_device(&ctx, &target, place, draft).await;
    }
    let place = topic_place(&ctx, parameter, target.as_str())?;
    let topic = found(&ctx.read(), &place)?;
    let message = message(&ctx, &target, &topic, draft(None)?)?;
    let sent = to_topic(&ctx, place.0, topic, message).await?;
    Ok(PublishOutput { message_id: Some(sent.0), sequence_number: sent.1.map(envelope::sequence) })
}

/// The message that a draft becomes in a topic.
pub fn message(ctx: &Ctx, arn: &Arn, topic: &Topic, draft: Draft) -> Result<Message, SnsError> {
    let deduplication_id = deduplication(topic, &draft)?;
    Ok(Message {
        id: ctx.uuid(),
        topic: arn.clone(),
        subject: draft.subject,
        text: draft.text,
        texts: draft.texts,
        attributes: draft.attributes,
        group: draft.group,
        deduplication_id,
        sequence: None,
        at: ctx.now(),
        origin: ctx.request().origin.clone(),
        cause: ctx.request_id().to_owned(),
        hops: 0,
        trace: ctx.trace().map(str::to_owned),
    })
}

/// Publishes to a topic; gives the message's id and place, those of the first where it is a duplicate.
pub async fn to_topic(
    ctx: &Ctx,
    scope: Scope,
    topic: Topic,
    message: Message,
) -> Result<(String, Option<u64>), SnsError> {
    let mut receivers = hand_over::receivers(ctx, (&scope, &topic), &message, None, None, usize::MAX)?;
    // What is to be fanned out is signed then.
    if receivers.are_few(&message) {
        receivers.ready(ctx, (&scope, &topic), &message, &Default::default()).await?;
    }
    let now = ctx.now();
    ctx.commit(move |tx| {
        let there = state::topic(tx, &scope, &topic.name)?;
        let there = there.filter(|there| there.incarnation == topic.incarnation);
        let topic = there.ok_or(SnsError::NotFound("Topic"))?;
        let place = match place_in_topic(tx, (&scope, &topic), &message, now)? {
            Placed::Repeats(known) => return Ok((known.id, Some(known.sequence))),
            Placed::At(place) => place,
        };
        match place {
            None => hand_over::publish(tx, (&scope, &topic), &message, &receivers, now)?,
            Some(_) => {
                let message = Message { sequence: place, ..message.clone() };
                hand_over::publish(tx, (&scope, &topic), &message, &receivers, now)?;
            }
        }
        Ok::<_, SnsError>((message.id.clone(), place))
    })
    .await
}

/// Where a message stands in its topic.
pub enum Placed {
    /// At this place, in a FIFO topic.
    At(Option<u64>),
    /// It repeats another one.
    Repeats(Duplicate),
}

/// Gives a message its place in a FIFO topic, or finds the one that it repeats.
pub fn place_in_topic(
    tx: &mut Tx,
    (scope, topic): (&Scope, &Topic),
    message: &Message,
    now: Timestamp,
) -> Result<Placed, Fault> {
    let Some(id) = message.deduplication_id.clone() else { return Ok(Placed::At(None)) };
    let grouped = topic.attributes.get("FifoThroughputScope").is_some_and(|scope| scope == "MessageGroup");
    let id = match &message.group {
        Some(group) if grouped => format!("{group}\n{id}"),
        _ => id,
    };
    if let Some(known) = state::duplicate(tx, scope, topic.incarnation, &id, now)? {
        return Ok(Placed::Repeats(known));
    }
    let sequence = state::sequence(tx, scope, topic.incarnation)?;
    let until = now.plus_millis(DEDUPLICATION_MS);
    let duplicate = Duplicate { id: message.id.clone(), sequence, until };
    state::remember(tx, scope, topic.incarnation, &id, &duplicate)?;
    Ok(Placed::At(Some(sequence)))
}

fn captured(ctx: &Ctx, kind: Kind, receiver: &str, draft: &Draft, text: &str) -> Captured {
    Captured {
        kind,
        receiver: receiver.to_owned(),
        topic: None,
        subscription: None,
        id: ctx.uuid(),
        subject: draft.subject.clone(),
        text: text.to_owned(),
        attributes: envelope::attributes(&draft.attributes).to_string(),
        structure: (!draft.texts.is_empty()).then(|| "json".to_owned()),
        at: ctx.now(),
    }
}

async fn capture(ctx: &Ctx, scope: Scope, captured: Captured) -> Result<PublishOutput, SnsError> {
    let message_id = Some(captured.id.clone());
    ctx.commit(move |tx| {
        tx.allow_large();
        Ok::<_, SnsError>(captured::add(tx, &scope, &captured)?)
    })
    .await?;
    Ok(PublishOutput { message_id, sequence_number: None })
}

async fn to_phone(ctx: &Ctx, number: &str, draft: Draft) -> Result<PublishOutput, SnsError> {
    if !is_phone(number) {
        return Err(SnsError::invalid(format!("PhoneNumber Reason: {number} is not valid to publish to")));
    }
    let text = draft.texts.get("sms").unwrap_or(&draft.text);
    if text.len() > MAX_SMS {
        return Err(SnsError::invalid(format!(
            "Message Reason: Message length must be less than {MAX_SMS} bytes"
        )));
    }
    let scope = ctx.scope();
    if sms::is_opted_out(&ctx.read(), &scope, number)? {
        return Err(SnsError::OptedOut(format!("The phone number {number} is opted out.")));
    }
    let sent = captured(ctx, Kind::Sms, number, &draft, text);
    capture(ctx, scope, sent).await
}

/// Where the endpoint of a device is: the scope, its application, its id.
type Device = (Scope, String, String);

/// Refuses a device that is not there, or takes no messages.
fn check_device(ctx: &Ctx, (scope, application, id): &Device) -> Result<(), SnsError> {
    let read = ctx.read();
    let endpoint = platform::endpoint(&read, scope, application, id)?;
    let held = platform::application(&read, scope, application)?;
    let (Some(endpoint), Some(held)) = (endpoint, held) else {
        return Err(SnsError::invalid("TargetArn Reason: No endpoint found for the target arn specified"));
    };
    if !endpoint.is_enabled() {
        return Err(SnsError::EndpointDisabled);
    }
    if held.attributes.get("Enabled").is_some_and(|enabled| enabled == "false") {
        return Err(SnsError::ApplicationDisabled);
    }
    Ok(())
}

async fn to_device(
    ctx: &Ctx,
    arn: &Arn,
    (scope, application, _): Device,
    draft: Draft,
) -> Result<PublishOutput, SnsError> {
    let text = draft.texts.get(platform::kind(&application)).unwrap_or(&draft.text);
    let sent = captured(ctx, Kind::Device, arn.as_str(), &draft, text);
    capture(ctx, scope, sent).await
}

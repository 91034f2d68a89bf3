//! Fanning out: messages with many subscribers are given to them chunk by chunk, each chunk in one commit
//! with how far it has come. The messages of a topic keep their order.

use crate::errors::SnsError;
use crate::hand_over::{self, CHUNK, Signatures};
use crate::state::{self, FanOut};
use crate::views::WaitingFanOuts;
use names::Scope;
use service::Ctx;
use store::Incarnation;

/// Fans out what waits; woken by each message that comes.
pub async fn round(ctx: Ctx) -> Result<(), SnsError> {
    loop {
        let first = ctx.view::<WaitingFanOuts>().with(&(), |places| {
            places.first_key_value().map(|((number, topic), scope)| (scope.clone(), (*topic, *number)))
        })?;
        let Some((scope, key)) = first else { return Ok(()) };
        let mut signatures = Signatures::default();
        while chunk(&ctx, &scope, key, &mut signatures).await? {}
    }
}

/// Gives a message to some of its subscribers; says whether there are more.
async fn chunk(
    ctx: &Ctx,
    scope: &Scope,
    key: (Incarnation, u64),
    signatures: &mut Signatures,
) -> Result<bool, SnsError> {
    let read = ctx.read();
    let Some(mut fan_out) = state::fan_out(&read, scope, key)? else { return Ok(false) };
    let topic = state::topic(&read, scope, &fan_out.topic)?.filter(|topic| topic.incarnation == key.0);
    let Some(topic) = topic else {
        // The topic has gone, and with it whom this was for.
        let scope = scope.clone();
        ctx.commit(move |tx| Ok::<_, SnsError>(state::put_fan_out(tx, &scope, key, None)?)).await?;
        return Ok(false);
    };
    drop(read);
    if fan_out.message.origin.is_empty() {
        fan_out.message.origin.clone_from(&ctx.host().settings.endpoint);
    }
    let (after, only) = (fan_out.after.as_deref(), fan_out.only.as_deref());
    let place = (scope, &topic);
    let mut receivers = hand_over::receivers(ctx, place, &fan_out.message, after, only, CHUNK)?;
    let more = receivers.cut(&fan_out.message) || receivers.len() == CHUNK;
    receivers.ready(ctx, place, &fan_out.message, signatures).await?;
    *signatures = receivers.signatures();
    let rest = more.then(|| FanOut { after: receivers.last().map(str::to_owned), ..fan_out.clone() });
    let (scope, message, now) = (scope.clone(), fan_out.message, ctx.now());
    ctx.commit(move |tx| {
        if state::is_to_fan_out(tx, &scope, key)? {
            receivers.give(tx, (&scope, &topic), &message, now)?;
            state::put_fan_out(tx, &scope, key, rest.as_ref())?;
        }
        Ok::<_, SnsError>(())
    })
    .await?;
    Ok(more)
}

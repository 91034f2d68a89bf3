//! Tells the room's witness, where it has one, of a request that was answered.

use crate::message::Incoming;
use crate::pipeline::Pipeline;
use ports::Caller;
use schema::ApiError;
use service::{Answered, Witness};
use wire::{Reply, ReplyBody, Route};

/// What is known of the request beside its message.
pub struct Known<'a> {
    /// Its id.
    pub id: &'a str,
    /// Who asked.
    pub caller: &'a Caller,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// Tells a witness.
pub fn tell(
    pipeline: &Pipeline,
    witness: &dyn Witness,
    (incoming, route): (&Incoming, &Route),
    known: &Known<'_>,
    (reply, error): (&Reply, Option<&ApiError>),
) {
    let sent = match &reply.body {
        ReplyBody::Bytes(bytes) => Some(bytes.len() as u64),
        ReplyBody::Stream(body) => body.length,
    };
    witness.answered(
        &pipeline.host,
        &Answered {
            id: known.id,
            caller: known.caller,
            operation: route.operation.name(),
            labels: &route.labels,
            method: incoming.method.as_str(),
            path: &incoming.path,
            query: &incoming.query,
            source: incoming.source,
            status: reply.status,
            error: error.map(|error| error.code.as_ref()),
            sent: sent.filter(|_| !route.head),
            micros: known.micros,
            asked: &|name| incoming.header(name),
            said: &|name| reply.headers.get(name).and_then(|value| value.to_str().ok()),
        },
    );
}

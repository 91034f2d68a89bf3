//! Log lines of functions and services: group and stream are made where they are absent.

use crate::append::{NewEvent, append};
use crate::errors::LogsError;
use crate::ops::{create_log_group, create_log_stream};
use crate::rules::{MAX_EVENT_BYTES, pieces};
use crate::state::{self, GroupClass};
use crate::watch::{self, Written};
use bytes::Bytes;
use names::{Scope, Timestamp};
use ports::{BoxFuture, LogSink, LogTarget};
use schema::ApiError;
use service::Host;
use std::sync::{Arc, Weak};

/// Bytes of messages, and events, that one commit takes.
const CHUNK_BYTES: usize = 1024 * 1024;
const CHUNK_EVENTS: usize = 10_000;

/// Held weakly: the host holds the port.
struct Sink(Weak<Host>);

/// The port to this room.
pub fn provide(host: &Arc<Host>) -> Arc<dyn LogSink> {
    Arc::new(Sink(Arc::downgrade(host)))
}

impl LogSink for Sink {
    fn write(
        &self,
        target: LogTarget,
        events: Vec<(Timestamp, Bytes)>,
    ) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async move {
            let target = Arc::new(target);
            for chunk in chunks(events) {
                self.append(target.clone(), chunk).await?;
            }
            Ok(())
        })
    }
}

impl Sink {
    async fn append(&self, target: Arc<LogTarget>, events: Vec<NewEvent>) -> Result<(), LogsError> {
        let Some(host) = self.0.upgrade() else { return Ok(()) };
        let now = host.clock.now();
        let events = Arc::new(events);
        let scope = Scope::Regional(target.account, target.region.clone());
        let seen = watch::look(&host, &scope, &target.group, &events).await?;
        host.store
            .commit(move |tx| {
                let group = match state::group(tx, &scope, &target.group)? {
                    Some(group) => group,
                    None => {
                        let new = create_log_group::New::of(&target.group, GroupClass::Standard);
                        create_log_group::create(tx, &scope, new, now)?
                    }
                };
                let stream = match state::stream(tx, &scope, group.incarnation, &target.stream)? {
                    Some(stream) => stream,
                    None => create_log_stream::create(tx, &scope, &group, &target.stream, now)?,
                };
                let batch = append(tx, &scope, (&group, &stream), events.iter(), now)?;
                let (scope, group, stream, events) = (&scope, &group.name, &stream, &events[..]);
                let range = 0..events.len();
                seen.keep(tx, &Written { scope, group, stream, events, range, batch, now })?;
                Ok(())
            })
            .await
    }
}

/// Events in portions that fit a commit. Lines that are no text are made one; empty ones are left out, as
/// no event is empty; those beyond an event's bound are cut into several.
fn chunks(events: Vec<(Timestamp, Bytes)>) -> Vec<Vec<NewEvent>> {
    let mut chunks = Vec::new();
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    for (at, line) in events {
        let text = String::from_utf8_lossy(&line);
        for piece in pieces(&text, MAX_EVENT_BYTES) {
            if !chunk.is_empty() && (bytes + piece.len() > CHUNK_BYTES || chunk.len() == CHUNK_EVENTS) {
                chunks.push(std::mem::take(&mut chunk));
                bytes = 0;
            }
            bytes += piece.len();
            chunk.push(NewEvent { at, message: piece.to_owned() });
        }
    }
    if !chunk.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_fit_a_commit() {
        let line = |length: usize| (Timestamp(1), Bytes::from(vec![b'x'; length]));
        let sizes = |events| -> Vec<usize> { chunks(events).iter().map(Vec::len).collect() };
        assert_eq!(sizes(vec![]), Vec::<usize>::new());
        assert_eq!(sizes(vec![line(0)]), Vec::<usize>::new());
        assert_eq!(sizes(vec![line(10); 3]), [3]);
        assert_eq!(sizes(vec![line(600 * 1024); 3]), [1, 1, 1]);
        assert_eq!(sizes(vec![line(1); 10_001]), [10_000, 1]);
        assert_eq!(sizes(vec![line(MAX_EVENT_BYTES + 1)]), [1, 1]);
    }
}

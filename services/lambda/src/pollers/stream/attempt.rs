//! One batch of a shard until it is done with: tried again as its mapping wants, in halves where it wants
//! that, given up when it failed too often or is too old.

use super::Stream;
use crate::compute::Outcome;
use crate::destination;
use crate::errors::LambdaError;
use crate::invoke::{self, Extras};
use crate::pollers::Pollers;
use crate::rules::batch;
use crate::rules::stream_event::{self, GivenUp, Seen, Told, Window};
use bytes::Bytes;
use names::Timestamp;
use schema::ApiError;
use service::{Fidelity, Log};
use std::time::Duration;

/// Rest after the first attempt that failed; doubled for each further one.
const FIRST_REST: Duration = Duration::from_secs(1);
const MAX_REST: Duration = Duration::from_secs(60);
/// By how much rests are shortened where delays need not be AWS's.
const HASTENED: u32 = 20;

/// How a batch ended.
pub enum Ended {
    /// The function's last answer.
    Done(Bytes),
    /// It was given up.
    GivenUp,
}

/// Tries the batches of one shard.
pub struct Attempts<'a> {
    /// The stream.
    pub stream: &'a Stream,
    /// The shard.
    pub shard: &'a str,
}

/// Records that are to be tried together.
struct Pending {
    records: Vec<Seen>,
    attempts: u32,
}

/// What one attempt came to.
struct Tried {
    outcome: Option<Outcome>,
    request_id: String,
    /// The first record that is not done with; none where all are.
    failed: Option<usize>,
}

impl Attempts<'_> {
    /// Tries records until they are done with.
    ///
    /// # Errors
    /// Where what is told of records that were given up cannot be committed.
    pub async fn run(&self, records: Vec<Seen>, window: Option<&Window>) -> Result<Ended, LambdaError> {
        let mut pending = vec![Pending { records, attempts: 0 }];
        let mut ended = Ended::GivenUp;
        let mut rest = FIRST_REST;
        while let Some(mut next) = pending.pop() {
            self.drop_old(&mut next).await?;
            if next.records.is_empty() && window.is_none_or(|window| !window.last) {
                continue;
            }
            let tried = self.attempt(&next.records, window).await;
            let Stream { ctx, mapping, .. } = self.stream;
            ctx.part::<Pollers>().note(&mapping.uuid, tried.failed.is_none());
            let Some(at) = tried.failed else {
                ended = Ended::Done(tried.outcome.map(|outcome| outcome.payload).unwrap_or_default());
                continue;
            };
            let counts = tried.outcome.is_some();
            let all_failed = at == 0;
            next.records.drain(..at);
            next.attempts += u32::from(counts);
            if counts && self.is_exhausted(&next) {
                self.give_up(&next, &tried, GivenUp::Exhausted).await?;
                continue;
            }
            self.pause(&mut rest).await;
            if counts && all_failed && self.stream.choices.bisects && next.records.len() > 1 {
                // Halving is no attempt of its own.
                let attempts = next.attempts - 1;
                let second = next.records.split_off(next.records.len() / 2);
                pending.push(Pending { records: second, attempts });
                pending.push(Pending { attempts, ..next });
            } else {
                pending.push(next);
            }
        }
        Ok(ended)
    }

    fn is_exhausted(&self, pending: &Pending) -> bool {
        let halves = self.stream.choices.bisects && pending.records.len() > 1;
        !halves && self.stream.choices.retries.is_some_and(|most| pending.attempts > most)
    }

    async fn pause(&self, rest: &mut Duration) {
        let host = self.stream.ctx.host();
        let hastens = if host.settings.fidelity == Fidelity::Aws { 1 } else { HASTENED };
        host.clock.rest(*rest / hastens).await;
        *rest = (*rest * 2).min(MAX_REST);
    }

    async fn attempt(&self, records: &[Seen], window: Option<&Window>) -> Tried {
        let Stream { ctx, mapping, named, .. } = self.stream;
        let request_id = ctx.uuid();
        let extras = Extras { request_id: request_id.clone(), ..Extras::default() };
        let told = window.map(|window| (window, self.shard, &mapping.source));
        let event = Bytes::from(stream_event::event(records, told));
        match invoke::run(ctx, named, event, extras).await {
            Ok(outcome) => {
                let failed = self.first_failed(records, &outcome);
                Tried { outcome: Some(outcome), request_id, failed }
            }
            Err(error) => {
                Log::warn(&request_id, &format!("{} waits: {}", self.shard, ApiError::from(error)));
                Tried { outcome: None, request_id, failed: Some(0) }
            }
        }
    }

    fn first_failed(&self, records: &[Seen], outcome: &Outcome) -> Option<usize> {
        if outcome.failed {
            return Some(0);
        }
        if !self.stream.mapping.reports_failures {
            return None;
        }
        let ids: Vec<&str> = records.iter().map(|record| record.sequence.as_str()).collect();
        // All from the lowest on come again (Lambda developer guide, "Partial batch response" of streams).
        batch::failed(&outcome.payload, &ids).into_iter().min()
    }

    /// Gives up what is older than the mapping wants.
    async fn drop_old(&self, pending: &mut Pending) -> Result<(), LambdaError> {
        let Some(limit) = self.stream.choices.max_age_s else { return Ok(()) };
        let oldest = Timestamp(self.stream.ctx.now().millis() - i64::from(limit) * 1000);
        let young = pending.records.iter().position(|record| record.written >= oldest);
        let old: Vec<Seen> = pending.records.drain(..young.unwrap_or(pending.records.len())).collect();
        if old.is_empty() {
            return Ok(());
        }
        let old = Pending { records: old, attempts: pending.attempts };
        let tried = Tried { outcome: None, request_id: self.stream.ctx.uuid(), failed: None };
        self.give_up(&old, &tried, GivenUp::TooOld).await
    }

    /// Tells of records that are given up whoever wants to know.
    async fn give_up(&self, pending: &Pending, tried: &Tried, why: GivenUp) -> Result<(), LambdaError> {
        let Stream { ctx, mapping, named, .. } = self.stream;
        let Some(target) = &mapping.on_failure else { return Ok(()) };
        let now = ctx.now();
        let record = stream_event::told(&Told {
            now,
            request_id: &tried.request_id,
            function: &self.stream.function(),
            version: tried.outcome.as_ref().map(|outcome| outcome.version.as_str()),
            failed: tried.outcome.as_ref().is_some_and(|outcome| outcome.failed),
            attempts: pending.attempts,
            why,
            place: (&mapping.source, self.shard),
            records: &pending.records,
        });
        let moment = destination::moment(now);
        let object = destination::Object {
            key: format!("aws/lambda/{}/{}/{moment}-{}", mapping.uuid, self.shard, ctx.uuid()),
            // A bucket gets the records as well.
            content: destination::with_payload(&record, &pending.records),
        };
        destination::tell(ctx, named, target, &record, object).await
    }
}

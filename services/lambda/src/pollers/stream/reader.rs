//! The reader of one shard: gathers batches, has them processed in order, commits how far it has come.

use super::attempt::{Attempts, Ended};
use super::{FIRST_REST, MAX_REST, Stream};
use crate::errors::LambdaError;
use crate::invoke::MAX_SYNCHRONOUS;
use crate::rules::stream_event::{self, Seen, Window};
use crate::state::mappings::{self, Checkpoint, OpenWindow};
use futures_util::future::join_all;
use names::Timestamp;
use ports::Caller;
use schema::ApiError;
use serde_json::{Value, json};
use service::Log;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at a shard that had nothing.
const IDLE: Duration = Duration::from_millis(200);
/// What an event has besides its records.
const ENVELOPE: usize = 4096;
/// Longest state of a window (Lambda quotas: 1 MB).
const MAX_STATE: usize = 1024 * 1024;

/// The reader of one shard.
pub struct Reader {
    stream: Arc<Stream>,
    shard: String,
    checkpoint: Checkpoint,
    iterator: Option<String>,
    /// The shard is closed, and all of it has been read.
    at_end: bool,
}

/// Records that were read together, and the last of them that was read at all.
struct Gathered {
    wanted: Vec<Seen>,
    last: Option<String>,
}

impl Reader {
    /// A reader that goes on from a checkpoint.
    pub fn new(stream: Arc<Stream>, shard: String, checkpoint: Checkpoint) -> Self {
        Reader { stream, shard, checkpoint, iterator: None, at_end: false }
    }

    /// Reads until the end of the shard.
    pub async fn run(mut self) {
        let mut rest = FIRST_REST;
        while !self.checkpoint.finished {
            match self.turn().await {
                Ok(()) => rest = FIRST_REST,
                Err(error) => {
                    let why = ApiError::from(error);
                    Log::warn("lambda", &format!("{} of {}: {why}", self.shard, self.stream.mapping.source));
                    // An iterator may have expired.
                    self.iterator = None;
                    self.stream.ctx.host().clock.rest(rest).await;
                    rest = (rest * 2).min(MAX_REST);
                }
            }
        }
    }

    async fn turn(&mut self) -> Result<(), LambdaError> {
        if !self.stream.is_open() {
            self.stream.ctx.host().clock.rest(IDLE).await;
            return Ok(());
        }
        let caller = self.stream.caller().await?;
        let gathered = self.gather(&caller).await?;
        let before = self.checkpoint.clone();
        if !gathered.wanted.is_empty() {
            if self.stream.choices.window_s > 0 {
                self.in_windows(&gathered.wanted).await?;
            } else {
                self.process(gathered.wanted).await?;
            }
        }
        self.close_window(self.stream.ctx.now()).await?;
        self.checkpoint.after = gathered.last.or(self.checkpoint.after.take());
        self.checkpoint.finished = self.at_end && self.checkpoint.window.is_none();
        if self.checkpoint == before { Ok(()) } else { self.commit().await }
    }

    async fn commit(&self) -> Result<(), LambdaError> {
        let (uuid, shard, checkpoint) =
            (self.stream.mapping.uuid.clone(), self.shard.clone(), self.checkpoint.clone());
        self.stream
            .ctx
            .commit(move |tx| {
                tx.allow_large();
                Ok::<_, LambdaError>(mappings::put_checkpoint(tx, &uuid, &shard, &checkpoint)?)
            })
            .await
    }

    /// A batch for each of the lanes: what is there, or what comes within the mapping's window.
    async fn gather(&mut self, caller: &Caller) -> Result<Gathered, LambdaError> {
        let stream = self.stream.clone();
        let clock = &stream.ctx.host().clock;
        let most = stream.mapping.batch_size as usize * self.lanes();
        let pause = Duration::from_secs(u64::from(stream.mapping.window_s));
        let (mut gathered, mut bytes) = (Gathered { wanted: Vec::new(), last: None }, ENVELOPE);
        let mut begun = None;
        while !self.at_end && gathered.wanted.len() < most && bytes < MAX_SYNCHRONOUS / 2 {
            let iterator = match self.iterator.take() {
                Some(iterator) => iterator,
                None => {
                    let after = gathered.last.as_deref().or(self.checkpoint.after.as_deref());
                    stream.iterator(caller, &self.shard, after).await?
                }
            };
            let told = stream.records(caller, iterator, most - gathered.wanted.len()).await?;
            self.iterator = told.next_shard_iterator;
            self.at_end = self.iterator.is_none();
            let records = told.records.unwrap_or_default();
            for record in &records {
                let seen = stream_event::seen(record, &stream.mapping.source);
                gathered.last = Some(seen.sequence.clone());
                if stream.filters.is_empty() || stream.filters.iter().any(|filter| filter.wants(&seen.value))
                {
                    bytes += seen.bytes + 1;
                    gathered.wanted.push(seen);
                }
            }
            if !gathered.wanted.is_empty() {
                let begun = *begun.get_or_insert_with(|| clock.instant());
                if clock.instant().duration_since(begun) >= pause {
                    break;
                }
            }
            if records.is_empty() && !self.at_end {
                clock.rest(IDLE).await;
                if gathered.wanted.is_empty() {
                    break;
                }
            }
        }
        Ok(gathered)
    }

    fn lanes(&self) -> usize {
        // A window's state is one for the shard.
        if self.stream.choices.window_s > 0 { 1 } else { (self.stream.choices.parallel as usize).max(1) }
    }

    /// Has records processed: those of one key in order, in as many batches at once as the mapping allows.
    async fn process(&self, records: Vec<Seen>) -> Result<(), LambdaError> {
        let lanes = self.lanes();
        let mut batches: Vec<Vec<Seen>> = vec![Vec::new(); lanes];
        for record in records {
            let lane = usize::try_from(record.key % lanes as u64).unwrap_or(0);
            batches[lane].push(record);
        }
        let all = batches.into_iter().filter(|batch| !batch.is_empty()).map(|batch| async {
            for part in parts(batch, self.stream.mapping.batch_size as usize) {
                self.attempts().run(part, None).await?;
            }
            Ok::<(), LambdaError>(())
        });
        join_all(all).await.into_iter().collect()
    }

    fn attempts(&self) -> Attempts<'_> {
        Attempts { stream: &self.stream, shard: &self.shard }
    }

    fn window(&self, open: &OpenWindow, last: bool) -> Window {
        let length = i64::from(self.stream.choices.window_s) * 1000;
        Window {
            begins: open.begins,
            ends: open.begins.plus_millis(length),
            state: serde_json::from_str(&open.state).unwrap_or_else(|_| json!({})),
            last,
        }
    }

    /// Has records processed, window by window.
    async fn in_windows(&mut self, records: &[Seen]) -> Result<(), LambdaError> {
        let size = self.stream.mapping.batch_size as usize;
        let length = i64::from(self.stream.choices.window_s) * 1000;
        for batch in records.chunk_by(|a, b| window_of(a.written, length) == window_of(b.written, length)) {
            let Some(first) = batch.first() else { continue };
            self.close_window(first.written).await?;
            let begins = window_of(first.written, length);
            for part in parts(batch.to_vec(), size) {
                let open = self.checkpoint.window.take();
                let open = open.unwrap_or(OpenWindow { begins, state: "{}".to_owned() });
                let last = part.last().map(|record| record.sequence.clone());
                let window = self.window(&open, false);
                let ended = self.attempts().run(part, Some(&window)).await?;
                self.checkpoint.window =
                    Some(OpenWindow { state: gathered_state(&ended, open.state), ..open });
                self.checkpoint.after = last;
                self.commit().await?;
            }
        }
        Ok(())
    }

    /// Ends the window that is open, if a moment is behind it.
    async fn close_window(&mut self, at: Timestamp) -> Result<(), LambdaError> {
        let Some(open) = self.checkpoint.window.clone() else { return Ok(()) };
        let window = self.window(&open, true);
        if at < window.ends && !self.at_end {
            return Ok(());
        }
        self.attempts().run(Vec::new(), Some(&window)).await?;
        self.checkpoint.window = None;
        self.commit().await
    }
}

/// When the window begins that a moment is in.
fn window_of(at: Timestamp, length_ms: i64) -> Timestamp {
    Timestamp(at.millis().div_euclid(length_ms) * length_ms)
}

/// The state that a function's answer holds; what was, where it holds none.
fn gathered_state(ended: &Ended, before: String) -> String {
    let Ended::Done(answer) = ended else { return before };
    let state = serde_json::from_slice::<Value>(answer).ok().and_then(|answer| answer.get("state").cloned());
    match state.map(|state| state.to_string()) {
        Some(state) if state.len() <= MAX_STATE => state,
        _ => before,
    }
}

/// Batches of at most so many records, whose events are no larger than an invocation may be.
fn parts(records: Vec<Seen>, most: usize) -> Vec<Vec<Seen>> {
    let (mut parts, mut bytes) = (Vec::<Vec<Seen>>::new(), 0);
    for record in records {
        let full = parts.last().is_none_or(|part| part.len() >= most);
        if full || bytes + record.bytes + 1 > MAX_SYNCHRONOUS - ENVELOPE {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += record.bytes + 1;
        if let Some(part) = parts.last_mut() {
            part.push(record);
        }
    }
    parts
}

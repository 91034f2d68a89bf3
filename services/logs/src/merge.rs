//! The events of many streams as one sequence in the order of time. A stream is opened only when the
//! sequence reaches its first event, so that few are open at once where streams follow one another.

use crate::state::{self, Event, Position, Stream, Stretch};
use names::{Scope, Timestamp};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use store::{Fault, Snapshot};

type Events<'r> = Box<dyn Iterator<Item = Result<Event, Fault>> + 'r>;

/// An open stream, with the event that comes next in it.
struct Open<'r> {
    next: Event,
    rest: Events<'r>,
}

/// The sequence.
pub struct Merge<'r> {
    read: &'r Snapshot,
    scope: Scope,
    stretch: Stretch,
    streams: &'r [Stream],
    waiting: BinaryHeap<Reverse<(Position, usize)>>,
    open: HashMap<usize, Open<'r>>,
}

impl<'r> Merge<'r> {
    /// The events of streams within a stretch.
    pub fn new(read: &'r Snapshot, scope: Scope, streams: &'r [Stream], stretch: Stretch) -> Self {
        let start = stretch.from.max(stretch.after.map(|position| position.at));
        let waiting = streams.iter().enumerate().filter_map(|(at, stream)| {
            let (first, last) = (stream.first_event?, stream.last_event?);
            let overlaps = stretch.to.is_none_or(|to| first < to) && start.is_none_or(|start| last >= start);
            overlaps.then(|| Reverse((Position::start_of(start.map_or(first, |start| start.max(first))), at)))
        });
        Merge { read, scope, stretch, streams, waiting: waiting.collect(), open: HashMap::new() }
    }

    /// Whether there may be more.
    pub fn may_go_on(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Keeps what comes next in a stream.
    fn wait(&mut self, at: usize, mut rest: Events<'r>) -> Result<(), Fault> {
        if let Some(next) = rest.next().transpose()? {
            self.waiting.push(Reverse((next.position, at)));
            self.open.insert(at, Open { next, rest });
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<(&'r Stream, Event)>, Fault> {
        while let Some(Reverse((_, at))) = self.waiting.pop() {
            let stream = &self.streams[at];
            match self.open.remove(&at) {
                None => {
                    let events = state::events(self.read, &self.scope, stream.incarnation, self.stretch);
                    self.wait(at, Box::new(events))?;
                }
                Some(Open { next, rest }) => {
                    self.wait(at, rest)?;
                    return Ok(Some((stream, next)));
                }
            }
        }
        Ok(None)
    }
}

impl<'r> Iterator for Merge<'r> {
    type Item = Result<(&'r Stream, Event), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The moment after a moment: ranges that include their end are kept as ones that do not.
pub fn after(moment: Timestamp) -> Timestamp {
    Timestamp(moment.millis().saturating_add(1))
}

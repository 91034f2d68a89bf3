//! CloudWatch Logs: groups, the streams in them, and the events that are written, read and searched.

mod append;
mod errors;
mod merge;
mod ops;
mod policy;
mod rules;
mod sink;
mod state;
mod timers;
mod watch;

use service::Service;

/// The room.
pub fn service() -> Service {
    Service::new("logs", ops::all())
        .timer(timers::RETENTION)
        .timer(timers::ERASURE)
        .logs(sink::provide)
        .measures(watch::measures)
}

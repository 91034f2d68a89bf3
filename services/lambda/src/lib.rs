//! Lambda: functions and their versions, the environments that run them, asynchronous invocations that
//! survive a crash, queues that invoke them.

mod answers;
mod compute;
mod errors;
mod events;
mod forget;
mod invoke;
mod ops;
mod policy;
mod pollers;
mod rules;
mod state;
mod target;
mod views;
mod workers;

use service::{Service, Worker};
use std::sync::Arc;
use tokio::sync::Notify;

/// The room.
pub fn service() -> Service {
    let (event, mapping) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    Service::new("lambda", ops::all())
        .view(views::ReadyEvents { wake: event.clone() })
        .part(compute::Dispatcher::default())
        .part(events::EventRunner::new(event.clone()))
        .part(pollers::Pollers::new(mapping.clone()))
        .target(target::Functions)
        .timer(events::RETRY)
        .worker(Worker::every("lambda/events", 60_000, events::round).woken_by(event))
        .worker(Worker::every("lambda/mappings", 60_000, pollers::round).woken_by(mapping))
        .worker(Worker::every("lambda/idle", 30_000, workers::reap))
        .worker(Worker::every("lambda/files", 600_000, workers::sweep))
        .forgets(forget::forget)
        .ends(forget::end)
}

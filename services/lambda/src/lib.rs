//! Lambda: functions and their versions, the environments that run them, asynchronous invocations that
//! survive a crash, queues that invoke them.

mod answers;
mod capacity;
mod compute;
mod destination;
mod download;
mod durable;
mod errors;
mod events;
mod forget;
mod front;
mod invoke;
mod ops;
mod policy;
mod pollers;
mod provisioning;
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
    let [event, mapping, provision, execution, closed] = std::array::from_fn(|_| Arc::new(Notify::new()));
    Service::new("lambda", ops::all())
        .view(views::ReadyEvents { wake: event.clone() })
        .view(views::ReadyExecutions { wake: execution.clone(), closed: closed.clone() })
        .part(capacity::Bounds::default())
        .part(compute::Dispatcher::default())
        .part(durable::Executions::new(execution.clone(), closed))
        .part(events::EventRunner::new(event.clone()))
        .part(pollers::Pollers::new(mapping.clone()))
        .part(provisioning::Provisioning::new(provision.clone()))
        .front(front::FunctionUrls)
        .target(target::Functions)
        .timer(events::RETRY)
        .timer(durable::timers::DUE)
        .worker(Worker::every("lambda/events", 60_000, events::round).woken_by(event))
        .worker(Worker::every("lambda/durable", 60_000, durable::running::round).woken_by(execution))
        .worker(Worker::every("lambda/mappings", 60_000, pollers::round).woken_by(mapping))
        .worker(Worker::every("lambda/provisioned", 60_000, provisioning::round).woken_by(provision))
        .worker(Worker::every("lambda/idle", 30_000, workers::reap))
        .worker(Worker::every("lambda/files", 600_000, workers::sweep))
        .forgets(forget::forget)
        .ends(forget::end)
}

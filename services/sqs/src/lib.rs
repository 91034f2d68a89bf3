//! Simple Queue Service: queues, the messages in them, and who may receive them when.

mod errors;
mod ops;
mod policy;
mod rules;
mod state;
mod target;
mod timers;
mod views;

use service::Service;

/// The room.
pub fn service() -> Service {
    Service::new("sqs", ops::all()).view(views::ReadyMessages).target(target::Queues).timer(timers::RETENTION)
}

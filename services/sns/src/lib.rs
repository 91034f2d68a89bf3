//! Simple Notification Service: topics, who subscribes to them, and what is published to them. The room knows
//! no other: queues and functions are ARNs to which the outbox delivers.

mod errors;
mod fan_out;
mod front;
mod hand_over;
mod handed;
mod ops;
mod pacing;
mod policy;
mod post;
mod rules;
mod sendings;
mod signing;
mod state;
mod status;
mod target;
mod views;
mod workers;

use service::{Service, Worker};
use std::sync::Arc;
use tokio::sync::Notify;

/// The room.
pub fn service() -> Service {
    let (fan_out, send, log) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    Service::new("sns", ops::all())
        .view(views::Subscribers)
        .view(views::WaitingFanOuts { wake: fan_out.clone() })
        .view(views::WaitingSendings { wake: send.clone() })
        .view(views::WaitingStatuses { wake: log.clone() })
        .part(signing::Signer::default())
        .part(outbound::Outbound::default())
        .part(pacing::Pacer::default())
        .part(sendings::Sender::new(send.clone()))
        .target(target::Topics)
        .front(front::Pages)
        .timer(sendings::RETRY)
        .worker(Worker::every("sns/fan-outs", 60_000, fan_out::round).woken_by(fan_out))
        .worker(Worker::every("sns/sendings", 60_000, sendings::round).woken_by(send))
        .worker(Worker::every("sns/statuses", 60_000, status::round).woken_by(log))
        .worker(Worker::every("sns/housekeeping", 300_000, workers::keep_house))
}

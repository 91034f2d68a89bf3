//! Simple Queue Service: queues, the messages in them, and who may receive them when.

mod errors;
mod front;
mod moving;
mod ops;
mod policy;
mod rules;
mod state;
mod target;
mod timers;
mod views;
mod workers;

pub use rules::urls::UrlForm;
use service::{Service, Worker};

/// The room.
pub fn service() -> Service {
    service_with(UrlForm::default())
}

/// The room, telling queues by URLs of a form.
pub fn service_with(urls: UrlForm) -> Service {
    Service::new("sqs", ops::all())
        .part(urls)
        .view(views::ReadyMessages)
        .target(target::Queues)
        .front(front::Pages)
        .timer(timers::RETENTION)
        .timer(moving::MOVE)
        .worker(Worker::every("sqs/recent", 60_000, workers::forget_what_is_over))
}

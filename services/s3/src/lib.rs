//! S3: buckets, objects and their versions, uploads in parts, notifications.
//!
//! An operation finds the bucket (`lookup`), decides (`rules`), and commits (`state`). Content flows
//! through `intake` into the blob store before the commit that refers to it, and out of it through
//! `outflow`; it is never whole in memory beyond a small bound.

mod access;
mod access_logs;
mod ageing;
mod checksums;
mod condition_keys;
mod cross_origin;
mod describe;
mod errors;
mod expiry;
mod forget;
mod front;
mod grants;
mod in_directory;
mod intake;
mod lookup;
mod notify;
mod ops;
mod outflow;
mod page;
mod policy;
mod replicate;
mod rules;
mod sealing;
mod select;
mod sessions;
mod source;
mod state;
mod views;
mod workers;
mod write;

use service::Service;

/// The room.
pub fn service() -> Service {
    Service::new("s3", ops::all())
        .target(replicate::Replicas)
        .front(front::Websites)
        .cross_origin(cross_origin::Buckets)
        .part(access_logs::AccessLogs::default())
        .witness(access_logs::Onlooker)
        .worker(access_logs::deliveries())
        .worker(workers::remains())
        .worker(workers::completed())
        .timer(ageing::TIMER)
        .forgets(forget::forget)
}

//! S3: buckets, objects and their versions, uploads in parts, notifications.
//!
//! An operation finds the bucket (`lookup`), decides (`rules`), and commits (`state`). Content flows
//! through `intake` into the blob store before the commit that refers to it, and out of it through
//! `outflow`; it is never whole in memory beyond a small bound.

mod checksums;
mod cross_origin;
mod describe;
mod digest;
mod errors;
mod forget;
mod intake;
mod lookup;
mod notify;
mod ops;
mod outflow;
mod policy;
mod rules;
mod source;
mod state;
mod views;
mod workers;
mod write;

use service::Service;

/// The room.
pub fn service() -> Service {
    Service::new("s3", ops::all())
        .cross_origin(cross_origin::Buckets)
        .worker(workers::remains())
        .forgets(forget::forget)
}

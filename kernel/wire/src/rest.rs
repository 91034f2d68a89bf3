//! The bindings that the REST protocols share: members in the path, query, headers, status and payload.

mod header;
mod reply;
mod request;

pub(crate) use header::write_members as write_header_members;
pub(crate) use reply::{Body, encode};
pub(crate) use request::bind;

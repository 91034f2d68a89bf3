//! The protocols as a client sees them: requests in, answers out, on the generated models.

mod answers;
mod depth;
mod errors;
mod event_streams;
mod exchange;
mod requests;
mod rest_requests;
mod roundtrips;
mod routing;
mod validation;

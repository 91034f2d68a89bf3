//! What follows from the documents alone: which route a request takes, what a function is given, what its
//! answer means.

pub mod authorizers;
pub mod cors;
pub mod events;
pub mod headers;
pub mod integrations;
pub mod jwt;
pub mod mappings;
pub mod queries;
pub mod replies;
pub mod route_keys;
pub mod stages;
pub mod urls;

//! S3
#[macro_use]
mod checksums;
mod digest;
mod errors;
mod intake;
mod outflow;
mod rules;
mod state;

//! Where functions run: environments, the Runtime API they speak, their logs, and who gets which.
//!
//! The way of an invocation: `dispatcher.rs` (may it run, in which environment) → `environment.rs` (hand it
//! over, wait, judge the end) → `api.rs` (written to the runtime by whoever invokes; its answer comes by
//! `connection.rs`) → `logs.rs` (behind the answer).

mod accept;
mod admission;
mod api;
mod class_archive;
mod code;
mod connection;
mod dispatcher;
mod environment;
mod extensions;
mod forward;
mod freezing;
pub mod image;
mod launch;
mod logs;
mod machine;
mod output;
mod places;
mod pools;
mod seeds;
mod shutdown;
mod stream;
mod telemetry;
mod template;
mod waiting;
mod zstd;

pub use code::{archive, fingerprint, layer_folder, unpack, unzipped};
pub use dispatcher::{Dispatcher, Outcome, Work};
pub use pools::Version;
pub use stream::{Begun, Part, Sink, WAITING, begun, ended};
pub use telemetry::Form;
pub use template::Initialization;

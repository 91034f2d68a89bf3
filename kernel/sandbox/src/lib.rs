//! Launcher and runners: everything that starts a process on behalf of a function.
//!
//! A small single-threaded launcher, this binary re-executed at start, does every fork; the daemon
//! talks to it over one socket and never forks itself. What it starts never outlives it: it is the
//! subreaper of its descendants, ends them all when its socket closes, and what escapes both (the
//! launcher killed first, the daemon killed with it) bears a run id by which the next start finds it.
//!
//! This is the only crate with `unsafe`, and only `sys` in it: thin wrappers over system calls, each
//! block with its reason.

#![deny(clippy::undocumented_unsafe_blocks)]

mod client;
mod egress;
pub mod launcher;
mod local_runner;
mod probe;
mod process;
mod procfs;
mod protocol;
mod run_id;
pub mod runner;
pub mod runtimes;
mod sweep;
mod sys;

pub use client::{Child, Launcher, LauncherConfig, LauncherError, SpawnRequest, Stdin};
pub use egress::{Egress, Network};
pub use local_runner::{Isolation, LocalRunner};
pub use process::Handle;
pub use procfs::available_memory;
pub use protocol::{Boundary, Ended, Identity, Origin, ResourceLimits, Scope, Status, Walls};
pub use run_id::RunId;
pub use sweep::{sweep, sweep_boot};

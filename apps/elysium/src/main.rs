//! The `elysium` binary: the composition root of the region and its command line.

mod client;
mod commands;
mod config;
mod hooks;
mod loading;
mod region;

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A request is many short-lived values: the system's allocator took more than a tenth of its time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // The launcher is this binary again; it must not have any thread but its first.
    if let Some(code) = sandbox::launcher::take_over_if_asked(std::env::args_os()) {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    commands::run(&arguments)
}

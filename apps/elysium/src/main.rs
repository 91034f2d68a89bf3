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
    #[cfg(target_os = "linux")]
    without_huge_pages();
    // The launcher is this binary again; it must not have any thread but its first.
    if let Some(code) = sandbox::launcher::take_over_if_asked(std::env::args_os()) {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    commands::run(&arguments)
}

/// The allocator asks for huge pages, and an idle region touches a little of each: they were four fifths of its
/// own memory, and as much of the launcher's.
#[cfg(target_os = "linux")]
fn without_huge_pages() {
    // An old kernel has no such wish to be told of: then memory is larger, and nothing else is different.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

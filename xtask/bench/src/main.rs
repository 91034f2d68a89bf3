//! bench-load: measures a region beside two floors on the same signed requests, interleaved in one run.
//!
//! `run` starts everything, sets the region up, drives it with a closed loop and prints a table;
//! `echo` and `log` are the floors: what a bare HTTP server that checks signatures costs, and what the
//! same costs when each body is also durable; `files` is that of large objects, which writes and reads a file.

mod admin;
mod buckets;
mod cases;
mod file_server;
mod floor;
mod group_commit;
mod http;
mod large;
mod load;
mod options;
mod processes;
mod report;
mod rounds;
mod sigv4;
mod startup;
mod template;
mod zip;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    let result = match args.split_first() {
        Some((verb, rest)) if verb == "echo" || verb == "log" => {
            runtime.block_on(floor::serve(verb == "log", rest))
        }
        Some((verb, rest)) if verb == "files" => runtime.block_on(file_server::serve(rest)),
        Some((verb, rest)) if verb == "run" => {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async { rounds::run(options::Options::parse(rest)?).await })
        }
        _ => Err(format!(
            "bench-load run {}\nbench-load echo|log|files --port N [--file PATH]",
            options::USAGE
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => failed(&what),
    }
}

fn failed(what: &str) -> ExitCode {
    eprintln!("bench-load: {what}");
    ExitCode::FAILURE
}

//! `stop`: ends the region of this data directory, by the process id it left there.

use super::{Failure, no_more, say, take_flag};
use crate::client::Client;
use crate::config;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// The file of the process id within the data directory.
pub const PID_FILE: &str = "elysium.pid";
const PAUSE: Duration = Duration::from_millis(50);
/// The drain takes at most 8 seconds.
const LOOKS: u32 = 240;

fn terminate(pid: u32) -> Result<(), Failure> {
    let sent = Command::new("kill").arg(pid.to_string()).status()?;
    if sent.success() { Ok(()) } else { Err(Failure::Failed(format!("process {pid} cannot be ended"))) }
}

/// Sends SIGTERM and waits until nobody answers any more.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (client, rest) = Client::of(arguments)?;
    let (folder, rest) = take_flag(&rest, "--data-dir")?;
    no_more(&rest)?;
    let flags: Vec<String> = folder.into_iter().map(|folder| format!("--data-dir={folder}")).collect();
    let config = config::read(&flags).map_err(Failure::Usage)?;
    let file = config.data_dir.unwrap_or_default().join(PID_FILE);
    let pid = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let Some(pid) = pid else {
        return Err(Failure::Failed(format!("{} names no running region", file.display())));
    };
    client.json("GET", "/_localstack/health", &Value::Null)?;
    terminate(pid)?;
    for _ in 0..LOOKS {
        if client.json("GET", "/_localstack/health", &Value::Null).is_err() {
            say("stopped");
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err(Failure::Failed(format!("process {pid} still answers")))
}

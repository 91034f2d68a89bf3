//! `status` and `wait`: whether the region serves.

use super::{Failure, no_more, say, take_flag, take_switch};
use crate::client::Client;
use serde_json::Value;
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Says whether the region serves, and each room.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (json, rest) = take_switch(arguments, "--json");
    let (client, rest) = Client::of(&rest)?;
    no_more(&rest)?;
    let health = client.json("GET", "/_localstack/health", &Value::Null)?;
    if json {
        say(&health.to_string());
        return Ok(());
    }
    say(&format!("running at {}", client.endpoint()));
    for (room, state) in health.get("services").and_then(Value::as_object).into_iter().flatten() {
        say(&format!("  {room:16} {}", state.as_str().unwrap_or("unknown")));
    }
    Ok(())
}

/// Waits until the region serves.
pub fn wait(arguments: &[String]) -> Result<(), Failure> {
    let (seconds, rest) = take_flag(arguments, "--seconds")?;
    let (client, rest) = Client::of(&rest)?;
    no_more(&rest)?;
    let seconds: u64 = seconds
        .as_deref()
        .unwrap_or("60")
        .parse()
        .map_err(|_| Failure::Usage("--seconds needs a whole number".to_owned()))?;
    let looks = seconds.saturating_mul(1000) / PAUSE.as_millis() as u64;
    for _ in 0..looks.max(1) {
        if client.json("GET", "/_localstack/health", &Value::Null).is_ok() {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err(Failure::Failed(format!("no region answers at {} after {seconds} seconds", client.endpoint())))
}

//! `logs`: the requests that the region answered last, and those that follow.

use super::{Failure, no_more, say, take_flag, take_switch};
use crate::client::Client;
use serde_json::Value;
use std::time::Duration;

/// Between two looks for more.
const PAUSE: Duration = Duration::from_millis(300);

/// Lists them: `--service S`, `--id ID` (a request and those it caused), `--errors`, `--follow`, `--json`.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (as_json, rest) = take_switch(arguments, "--json");
    let (follow, rest) = take_switch(&rest, "--follow");
    let (errors, rest) = take_switch(&rest, "--errors");
    let (service, rest) = take_flag(&rest, "--service")?;
    let (id, rest) = take_flag(&rest, "--id")?;
    let (client, rest) = Client::of(&rest)?;
    no_more(&rest)?;
    let mut filter = String::new();
    for (key, value) in [("service", service), ("id", id), ("errors", errors.then(|| "1".to_owned()))] {
        if let Some(value) = value {
            filter.push_str(&format!("&{key}={}", escaped(&value)));
        }
    }
    let mut after = 0;
    loop {
        let page = client.json("GET", &format!("/_elysium/requests?after={after}{filter}"), &Value::Null)?;
        for request in page.get("requests").and_then(Value::as_array).into_iter().flatten() {
            say(&if as_json { request.to_string() } else { line(request) });
        }
        if !follow {
            return Ok(());
        }
        let last = page.get("last").and_then(Value::as_u64).unwrap_or(after);
        // A region that was started again counts from one.
        after = if last < after { 0 } else { last };
        std::thread::sleep(PAUSE);
    }
}

/// As a part of a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A request for people, in one line.
pub fn line(request: &Value) -> String {
    let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or("-");
    let number = |key: &str| request.get(key).and_then(Value::as_u64).unwrap_or_default();
    let name = match text("service") {
        "" => text("operation").to_owned(),
        service => format!("{service}.{}", text("operation")),
    };
    let micros = number("micros");
    let mut line = format!(
        "{} {} {name} {}.{:01} ms {} {}",
        text("time"),
        number("status"),
        micros / 1000,
        micros % 1000 / 100,
        text("caller"),
        text("id")
    );
    if let Some(error) = request.get("error").filter(|error| !error.is_null()) {
        let part = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        line.push_str(&format!(" {}: {}", part("code"), part("message").replace('\n', " ")));
    }
    if let Some(why) = request.get("would_refuse").and_then(Value::as_str) {
        line.push_str(&format!(" (enforce would refuse: {})", why.replace('\n', " ")));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines() {
        let request = json!({
            "time": "2026-01-01T00:00:00.000Z", "status": 400, "service": "sqs", "operation": "SendMessage",
            "micros": 1234, "caller": "anonymous", "id": "abc", "would_refuse": null,
            "error": {"code": "QueueDoesNotExist", "message": "no\nqueue"},
        });
        assert_eq!(
            line(&request),
            "2026-01-01T00:00:00.000Z 400 sqs.SendMessage 1.2 ms anonymous abc QueueDoesNotExist: no queue"
        );
        assert_eq!(escaped("a b&c=ä"), "a%20b%26c%3D%C3%A4");
    }
}

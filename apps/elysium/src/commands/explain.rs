//! `explain`: why a request was refused, or ended as it did otherwise.

use super::{Failure, no_more, say, take_switch};
use crate::client::Client;
use serde_json::Value;

/// Explains the request of an id, or the last one that was, or would be, refused.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (as_json, rest) = take_switch(arguments, "--json");
    let (client, rest) = Client::of(&rest)?;
    let (id, rest) = match rest.split_first() {
        Some((id, rest)) if !id.starts_with('-') => (id.as_str(), rest),
        _ => ("last", rest.as_slice()),
    };
    no_more(rest)?;
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Failure::Usage(format!("{id} is no request's id")));
    }
    let answer = client.json("GET", &format!("/_elysium/explain/{id}"), &Value::Null)?;
    if as_json {
        say(&answer.to_string());
        return Ok(());
    }
    let request = answer.get("request").cloned().unwrap_or_default();
    say(&format!("request {}", request.get("id").and_then(Value::as_str).unwrap_or(id)));
    for line in answer.get("explanation").and_then(Value::as_array).into_iter().flatten() {
        say(&format!("  {}", line.as_str().unwrap_or_default()));
    }
    Ok(())
}

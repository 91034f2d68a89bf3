//! `clock`: virtual time.

use super::{Failure, no_more, say};
use crate::client::Client;
use serde_json::{Value, json};

/// `clock [freeze|run|advance SECONDS]`
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (client, rest) = Client::of(arguments)?;
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let body = match words.as_slice() {
        [] => Value::Null,
        ["freeze"] => json!({"freeze": true}),
        ["run"] => json!({"freeze": false}),
        ["advance", seconds] => {
            let seconds: f64 =
                seconds.parse().map_err(|_| Failure::Usage("advance takes seconds".to_owned()))?;
            json!({"advance_seconds": seconds})
        }
        _ => return no_more(&rest),
    };
    let method = if body.is_null() { "GET" } else { "POST" };
    say(&client.json(method, "/_elysium/clock", &body)?.to_string());
    Ok(())
}

//! `state`: emptying the region.

use super::{Failure, no_more, say};
use crate::client::Client;
use serde_json::json;

/// `state reset`
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (client, rest) = Client::of(arguments)?;
    match rest.split_first() {
        Some((verb, rest)) if verb == "reset" => no_more(rest)?,
        _ => return Err(Failure::Usage("expected: state reset".to_owned())),
    }
    client.json("POST", "/_localstack/state/reset", &json!({}))?;
    say("reset");
    Ok(())
}

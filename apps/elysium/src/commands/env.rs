//! `env`: what leads any AWS tool here.

use super::{Failure, no_more, say, take_switch};
use crate::client::Client;
use crate::config;
use serde_json::{Map, Value};
use std::path::Path;

/// The file of the local certificate authority within the data directory.
pub const AUTHORITY_FILE: &str = "tls/authority.pem";

/// The variables, by name.
pub fn variables(client: &Client) -> Result<Vec<(&'static str, String)>, Failure> {
    let config = config::read(&[]).map_err(Failure::Usage)?;
    let mut variables = vec![
        ("AWS_ENDPOINT_URL", client.endpoint()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
    ];
    let authority = config.data_dir.unwrap_or_default().join(AUTHORITY_FILE);
    if let Ok(path) = Path::new(&authority).canonicalize() {
        variables.push(("ELYSIUM_CA_FILE", path.display().to_string()));
    }
    Ok(variables)
}

/// Prints them for a shell, or as JSON.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (json, rest) = take_switch(arguments, "--json");
    let (client, rest) = Client::of(&rest)?;
    no_more(&rest)?;
    let variables = variables(&client)?;
    if json {
        let map: Map<String, Value> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        say(&Value::Object(map).to_string());
    } else {
        for (name, value) in variables {
            say(&format!("export {name}='{}'", value.replace('\'', "'\\''")));
        }
    }
    Ok(())
}

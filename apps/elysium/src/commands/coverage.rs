//! `coverage`: every operation of every API here, and whether it is served.

use super::{Failure, no_more, say, take_switch};
use elysium::rooms;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Lists them.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (as_json, rest) = take_switch(arguments, "--json");
    no_more(&rest)?;
    let mut services: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for room in rooms::all() {
        for operation in &room.operations {
            let entry = services.entry(operation.service.name).or_insert_with(|| {
                let modelled = operation.service.operations.iter().map(|shape| shape.name);
                let named = operation.service.unserved.iter().map(|unserved| unserved.name);
                (Vec::new(), modelled.chain(named).collect())
            });
            entry.0.push(operation.shape.name);
            // Older names, whose requests are the same: PutBucketLifecycle.
            let http = &operation.shape.http;
            let named = operation.service.unserved.iter().filter(|older| {
                http.path.contains('?') && (older.method, older.path) == (http.method, http.path)
            });
            entry.0.extend(named.map(|older| older.name));
        }
    }
    let mut answer = serde_json::Map::new();
    for (service, (mut served, mut absent)) in services {
        served.sort_unstable();
        served.dedup();
        absent.retain(|name| !served.contains(name));
        absent.sort_unstable();
        if !as_json {
            say(&format!("{service}: {} of {} served", served.len(), served.len() + absent.len()));
            say(&format!("  served: {}", served.join(" ")));
            say(&format!("  not yet: {}", absent.join(" ")));
        }
        answer.insert(service.to_owned(), json!({"served": served, "absent": absent}));
    }
    if as_json {
        say(&Value::Object(answer).to_string());
    }
    Ok(())
}

//! The pages of recent requests and of what explains them. They tell who did what, so only this machine sees
//! them.

use super::{answer, not_found};
use crate::message::{Incoming, Outgoing};
use crate::pipeline::Pipeline;
use crate::recent::Filter;
use crate::{between, explain};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::sync::Arc;

/// Requests of one answer.
const MAX_SHOWN: usize = 500;

fn value(incoming: &Incoming, key: &str) -> Option<String> {
    let pairs = incoming.query.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next()?;
    Some(percent_decode_str(found).decode_utf8_lossy().into_owned())
}

/// `GET /_elysium/requests?after=N&service=S&id=ID&errors=1`
pub fn list(pipeline: &Pipeline, incoming: &Incoming) -> Outgoing {
    let filter = Filter {
        after: value(incoming, "after").and_then(|text| text.parse().ok()).unwrap_or_default(),
        service: value(incoming, "service"),
        id: value(incoming, "id"),
        errors: value(incoming, "errors").is_some_and(|text| text == "1"),
    };
    let (found, last) = pipeline.recent.find(&filter);
    let skipped = found.len().saturating_sub(MAX_SHOWN);
    let requests: Vec<Value> = found.iter().skip(skipped).map(|seen| seen.shown()).collect();
    answer(200, &json!({"requests": requests, "last": last}))
}

/// `GET /_elysium/explain/ID`, or `last` for the last one that was, or would be, refused.
pub fn explained(pipeline: &Arc<Pipeline>, path: &str) -> Outgoing {
    let id = path.rsplit('/').next().unwrap_or_default();
    let seen = if id == "last" { pipeline.recent.last_refused() } else { pipeline.recent.of(id) };
    let Some(seen) = seen else {
        return match id {
            "last" => answer(404, &json!({"message": "nothing was refused lately"})),
            _ => not_found(path),
        };
    };
    let ctx = between::background(pipeline, "gateway", "explain", seen.region.clone());
    answer(200, &explain::explain(pipeline, &ctx, &seen))
}

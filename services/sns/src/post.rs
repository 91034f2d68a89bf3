//! One request to a subscriber over HTTP or TLS. Whoever answers with a status has answered; the body is not
//! read.

use outbound::{Outbound, Request};
use service::Ctx;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a subscriber may take to answer (SNS developer guide, "HTTP/S endpoints").
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a subscriber has not taken a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered(pub String);

/// Sends a body; gives the status of the answer.
///
/// # Errors
/// Where nobody answers in time.
pub async fn post(
    ctx: &Ctx,
    url: &str,
    headers: &BTreeMap<String, String>,
    body: &str,
) -> Result<u16, Unanswered> {
    let request = Request {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect(),
        body: body.to_owned().into(),
    };
    let outbound = ctx.part::<Outbound>();
    tokio::select! {
        answered = outbound.send(&ctx.host().settings.data_dir, request, None) => {
            answered.map(|answer| answer.status).map_err(|failure| Unanswered(failure.to_string()))
        }
        () = ctx.host().clock.rest(PATIENCE) => {
            Err(Unanswered(format!("no answer within {} seconds", PATIENCE.as_secs())))
        }
    }
}

//! One request to a subscriber over HTTP or TLS. Whoever answers with a status has answered; the body is not
//! read.

use crate::rules::challenge::Credentials;
use outbound::{Answer, Failure, Outbound, Request};
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
    tokio::select! {
        answered = answered(ctx, request) => {
            answered.map(|answer| answer.status).map_err(|failure| Unanswered(failure.to_string()))
        }
        () = ctx.host().clock.rest(PATIENCE) => {
            Err(Unanswered(format!("no answer within {} seconds", PATIENCE.as_secs())))
        }
    }
}

/// Sends a request, and once more where its endpoint asks for the user and the password of its URL.
async fn answered(ctx: &Ctx, request: Request) -> Result<Answer, Failure> {
    let (outbound, data_dir) = (ctx.part::<Outbound>(), &ctx.host().settings.data_dir);
    let Some(credentials) = Credentials::of(&request.url) else {
        return outbound.send(data_dir, request, None).await;
    };
    let mut again = request.clone();
    let answer = outbound.send(data_dir, request, None).await?;
    let challenges =
        answer.headers.iter().filter(|(name, _)| answer.status == 401 && name == "www-authenticate");
    let path = again.url.parse::<http::Uri>().ok().and_then(|url| Some(url.path_and_query()?.to_string()));
    let path = path.unwrap_or_else(|| "/".to_owned());
    let drawn = ctx.host().entropy.hex(32);
    let mut authorizations =
        challenges.filter_map(|(_, challenge)| credentials.answer(challenge, &path, &drawn));
    let Some(authorization) = authorizations.next() else { return Ok(answer) };
    again.headers.push(("authorization".to_owned(), authorization));
    outbound.send(data_dir, again, None).await
}

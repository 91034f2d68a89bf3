//! The room's own page: the messages of a queue, all of them, without receiving them; in the form that
//! LocalStack's users know.
//!
//! `GET /_aws/sqs/messages?QueueUrl=…` or `/_aws/sqs/messages/{region}/{account}/{queue}`, with
//! `ShowInvisible=true` and `ShowDelayed=true` for what cannot be received now. XML, or JSON for who accepts it. An SDK
//! whose endpoint the page is gets it as the answer to ReceiveMessage, in the protocol that it speaks.

mod answers;

use crate::errors::SqsError;
use crate::ops::{Place, found, place};
use crate::rules::names::of_url;
use crate::state::{self, Message, Queue, Standing};
use answers::Form;
use names::{AccountId, Region, Scope};
use ports::Caller;
use schema::ApiError;
use serde_json::Value;
use service::front::{decoded, parameters};
use service::{BoxFuture, Ctx, Front, FrontReply, FrontRequest};
use std::collections::{BTreeMap, HashSet};

/// Longest body: a form with a queue's URL.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// Messages that are shown at most.
const SHOWN: usize = 10_000;

/// A message that is shown, and why it could not be received.
struct Seen {
    number: u64,
    message: Message,
    standing: Standing,
    /// Where that was asked for.
    is_visible: Option<bool>,
    is_delayed: Option<bool>,
}

/// The page.
pub struct Pages;

impl Front for Pages {
    fn name(&self) -> &'static str {
        "sqs"
    }

    fn has_hosts(&self) -> bool {
        false
    }

    fn max_body(&self) -> usize {
        MAX_BODY_BYTES
    }

    fn serve(&self, ctx: Ctx, request: FrontRequest) -> BoxFuture<'_, FrontReply> {
        Box::pin(async move {
            let form = form(&request);
            let answered = asked(&request, form).and_then(|given| answer(&ctx, &request, &given));
            match answered {
                Ok((queue, seen)) => answers::messages(form, &ctx, &queue, seen),
                Err(error) => answers::refusal(form, &error),
            }
        })
    }
}

/// In which form the answer is wanted.
fn form(request: &FrontRequest) -> Form {
    let header = |name: &str| request.header(name).unwrap_or_default();
    if header("content-type").starts_with("application/x-amz-json") {
        Form::Sdk
    } else if header("accept").contains("json") {
        Form::Json
    } else {
        Form::Xml
    }
}

/// What the request says. An SDK must want to receive.
fn asked(request: &FrontRequest, form: Form) -> Result<BTreeMap<String, String>, ApiError> {
    let mut given = parameters(&request.query);
    let operation = match form {
        Form::Sdk => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let url = body.get("QueueUrl").and_then(Value::as_str);
            given.extend(url.map(|url| ("QueueUrl".to_owned(), url.to_owned())));
            let target = request.header("x-amz-target").unwrap_or_default();
            target.rsplit('.').next().unwrap_or_default().to_owned()
        }
        Form::Json | Form::Xml => {
            given.extend(parameters(&String::from_utf8_lossy(&request.body)));
            given.get("Action").cloned().unwrap_or_else(|| "ReceiveMessage".to_owned())
        }
    };
    if operation == "ReceiveMessage" {
        return Ok(given);
    }
    Err(ApiError::new("InvalidRequest", 400, "This endpoint only accepts ReceiveMessage calls"))
}

fn answer(
    ctx: &Ctx,
    request: &FrontRequest,
    given: &BTreeMap<String, String>,
) -> Result<(Queue, Vec<Seen>), ApiError> {
    // What is in queues is for whoever may see it: where permissions are enforced, not for strangers.
    if ctx.host().settings.enforces && matches!(ctx.caller(), Caller::Anonymous) {
        return Err(SqsError::Forbidden.into());
    }
    if request.label != "messages" {
        return Err(SqsError::QueueDoesNotExist.into());
    }
    let place = match (by_path(&request.path), given.get("QueueUrl")) {
        (Some(place), _) => place,
        (None, Some(url)) if url.contains("://") && of_url(url).account.is_none() => {
            let why = "The address https://queue.amazonaws.com/ is not valid for this endpoint.";
            return Err(ApiError::new("InvalidAddress", 404, why));
        }
        (None, Some(url)) => place(ctx, url),
        (None, None) => return Err(SqsError::QueueDoesNotExist.into()),
    };
    let read = ctx.read();
    let queue = found(&read, &place)?;
    let is = |name: &str| given.get(name).is_some_and(|text| matches!(text.as_str(), "1" | "true" | "True"));
    let seen = seen(ctx, &place, &queue, (is("ShowInvisible"), is("ShowDelayed")));
    Ok((queue, seen.map_err(SqsError::Store)?))
}

/// The messages of a queue that are to be shown: those that can be received, and which of the others are wanted.
fn seen(
    ctx: &Ctx,
    place: &Place,
    queue: &Queue,
    (invisible, delayed): (bool, bool),
) -> Result<Vec<Seen>, store::Fault> {
    let (read, now) = (ctx.read(), ctx.now());
    let (mut seen, mut held) = (Vec::new(), HashSet::new());
    for row in state::rows(&read, &place.0, queue.incarnation) {
        let (number, row) = row?;
        let standing = &row.standing;
        let hidden = standing.visible_at > now;
        let (in_flight, waits) = (hidden && standing.receives > 0, hidden && standing.receives == 0);
        if in_flight {
            held.extend(standing.turn.group().cloned());
        }
        // What is behind a message in flight in its group waits for it.
        let behind = standing.turn.group().is_some_and(|group| held.contains(group));
        let wanted = if waits { delayed } else { invisible || !(in_flight || behind) };
        let message = state::message(&read, &place.0, (queue.incarnation, number), &row)?;
        if let Some(message) = message.filter(|_| wanted) {
            let (message, standing) = (message.into_owned(), row.standing);
            let is_visible = invisible.then_some(!in_flight);
            let is_delayed = delayed.then_some(waits);
            seen.push(Seen { number, message, standing, is_visible, is_delayed });
        }
        if seen.len() == SHOWN {
            break;
        }
    }
    Ok(seen)
}

/// `/{region}/{account}/{queue}`
fn by_path(path: &str) -> Option<Place> {
    let mut parts = path.trim_matches('/').split('/');
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let scope = Scope::Regional(account.parse::<AccountId>().ok()?, region.parse::<Region>().ok()?);
    parts.next().is_none().then(|| (scope, decoded(name)))
}

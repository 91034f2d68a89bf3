//! Asking a function: as API Gateway for a route, so that the function's policy decides, or as a role.

use names::{AccountId, Arn};
use ports::{Caller, SessionRequest, TargetReply, TargetRequest};
use schema::ApiError;
use service::Ctx;
use std::collections::BTreeMap;
use std::time::Duration;

/// The name of this service as a caller.
const PRINCIPAL: &str = "apigateway.amazonaws.com";

/// The longest event that a function takes.
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// What a function is asked.
pub struct Question {
    /// The function.
    pub function: Arn,
    /// The event.
    pub event: Vec<u8>,
    /// The route it is asked for: `arn:aws:execute-api:…`.
    pub source: Arn,
    /// The account that owns the API.
    pub account: AccountId,
    /// The role as which it is asked.
    pub credentials: Option<Arn>,
    /// How long it may take.
    pub timeout_ms: u32,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// It took too long, or cannot be asked now.
    Unavailable,
    /// It may not be asked, or is not there.
    Refused,
    /// The event is longer than a function takes.
    TooLarge,
}

impl From<ApiError> for Unanswered {
    fn from(error: ApiError) -> Self {
        match error.status {
            429 | 500.. => Unanswered::Unavailable,
            _ => Unanswered::Refused,
        }
    }
}

/// Asks a function and waits for its answer, at most as long as it may take.
pub async fn ask(ctx: &Ctx, question: Question) -> Result<TargetReply, Unanswered> {
    if question.event.len() > MAX_EVENT_BYTES {
        return Err(Unanswered::TooLarge);
    }
    let caller = caller(ctx, &question).await?;
    let request = TargetRequest {
        target: question.function,
        payload: question.event.into(),
        caller,
        deadline: Some(ctx.host_time().plus_millis(i64::from(question.timeout_ms))),
        depth: 0,
        cause: String::new(),
    };
    tokio::select! {
        answer = ctx.ask(request) => answer.map_err(Unanswered::from),
        () = ctx.host().clock.rest(Duration::from_millis(question.timeout_ms.into())) => {
            Err(Unanswered::Unavailable)
        }
    }
}

async fn caller(ctx: &Ctx, question: &Question) -> Result<Caller, Unanswered> {
    let Some(role) = question.credentials.clone() else {
        return Ok(Caller::Service {
            principal: PRINCIPAL.into(),
            source_arn: Some(question.source.clone()),
            source_account: question.account,
        });
    };
    let request = SessionRequest {
        role,
        service: PRINCIPAL,
        session_name: "BackplaneAssumeRoleSession".to_owned(),
        source_arn: Some(question.source.clone()),
        source_account: question.account,
    };
    let session = ctx.ports().credentials.session(request).await?;
    Ok(Caller::Principal(session.principal))
}

/// The function of a URI, with the variables of a stage; a stage may name one that is none.
pub fn function(uri: &str, variables: &BTreeMap<String, String>) -> Result<Arn, Unanswered> {
    crate::rules::integrations::function(uri, variables).ok_or(Unanswered::Refused)
}

//! The operations of the room, one line each.

pub mod apis;
pub mod authorizers;
pub mod create_api;
pub mod deployments;
pub mod integrations;
pub mod routes;
pub mod stages;
pub mod tags;
pub mod update_api;

use crate::errors::ApiGatewayError;
use crate::permissions as may;
use crate::state::{self, Api, Part};
use model_apigatewayv2::operations as of;
use names::{AccountId, Scope};
use service::{Ctx, Operation};
use store::Read;

/// Items of a page where nothing else is asked for, and the most that may be.
const PAGE: usize = 100;
const MAX_PAGE: usize = 500;

/// Who takes on the roles of integrations and authorizers.
const PRINCIPAL: &str = "apigateway.amazonaws.com";

/// The role of an integration or authorizer; the caller's own credentials (`arn:aws:iam::*:user/*`) are none.
fn role(credentials: &Option<String>) -> Option<&str> {
    credentials.as_deref().filter(|arn| arn.contains(":role/"))
}

/// All operations.
pub fn all() -> Vec<Operation> {
    vec![
        Operation::new::<of::CreateApi, _, _, _>(create_api::create_api).acts_on(may::path),
        Operation::new::<of::CreateAuthorizer, _, _, _>(authorizers::create)
            .passes_role(PRINCIPAL, |input| role(&input.authorizer_credentials_arn))
            .acts_on(may::path),
        Operation::new::<of::CreateDeployment, _, _, _>(deployments::create).acts_on(may::path),
        Operation::new::<of::CreateIntegration, _, _, _>(integrations::create)
            .passes_role(PRINCIPAL, |input| role(&input.credentials_arn))
            .acts_on(may::path),
        Operation::new::<of::CreateRoute, _, _, _>(routes::create).acts_on(may::path),
        Operation::new::<of::CreateStage, _, _, _>(stages::create).acts_on(may::path),
        Operation::new::<of::DeleteApi, _, _, _>(apis::delete).acts_on(may::path),
        Operation::new::<of::DeleteAuthorizer, _, _, _>(authorizers::delete).acts_on(may::path),
        Operation::new::<of::DeleteCorsConfiguration, _, _, _>(apis::delete_cors).acts_on(may::path),
        Operation::new::<of::DeleteDeployment, _, _, _>(deployments::delete).acts_on(may::path),
        Operation::new::<of::DeleteIntegration, _, _, _>(integrations::delete).acts_on(may::path),
        Operation::new::<of::DeleteRoute, _, _, _>(routes::delete).acts_on(may::path),
        Operation::new::<of::DeleteStage, _, _, _>(stages::delete).acts_on(may::path),
        Operation::new::<of::GetApi, _, _, _>(apis::get).acts_on(may::path),
        Operation::new::<of::GetApis, _, _, _>(apis::list).acts_on(may::path),
        Operation::new::<of::GetAuthorizer, _, _, _>(authorizers::get).acts_on(may::path),
        Operation::new::<of::GetAuthorizers, _, _, _>(authorizers::list).acts_on(may::path),
        Operation::new::<of::GetDeployment, _, _, _>(deployments::get).acts_on(may::path),
        Operation::new::<of::GetDeployments, _, _, _>(deployments::list).acts_on(may::path),
        Operation::new::<of::GetIntegration, _, _, _>(integrations::get).acts_on(may::path),
        Operation::new::<of::GetIntegrations, _, _, _>(integrations::list).acts_on(may::path),
        Operation::new::<of::GetRoute, _, _, _>(routes::get).acts_on(may::path),
        Operation::new::<of::GetRoutes, _, _, _>(routes::list).acts_on(may::path),
        Operation::new::<of::GetStage, _, _, _>(stages::get).acts_on(may::path),
        Operation::new::<of::GetStages, _, _, _>(stages::list).acts_on(may::path),
        Operation::new::<of::GetTags, _, _, _>(tags::get).acts_on(may::tags),
        Operation::new::<of::TagResource, _, _, _>(tags::tag).acts_on(may::tags),
        Operation::new::<of::UntagResource, _, _, _>(tags::untag).acts_on(may::tags),
        Operation::new::<of::UpdateApi, _, _, _>(update_api::update_api).acts_on(may::path),
        Operation::new::<of::UpdateAuthorizer, _, _, _>(authorizers::update)
            .passes_role(PRINCIPAL, |input| role(&input.authorizer_credentials_arn))
            .acts_on(may::path),
        Operation::new::<of::UpdateDeployment, _, _, _>(deployments::update).acts_on(may::path),
        Operation::new::<of::UpdateIntegration, _, _, _>(integrations::update)
            .passes_role(PRINCIPAL, |input| role(&input.credentials_arn))
            .acts_on(may::path),
        Operation::new::<of::UpdateRoute, _, _, _>(routes::update).acts_on(may::path),
        Operation::new::<of::UpdateStage, _, _, _>(stages::update).acts_on(may::path),
    ]
}

/// The API of an id.
pub fn found(read: &impl Read, scope: &Scope, id: &str) -> Result<Api, ApiGatewayError> {
    let owner = scope.account().unwrap_or(AccountId::DEFAULT);
    state::api(read, scope, id)?.ok_or_else(|| ApiGatewayError::ApiNotFound(owner, id.to_owned()))
}

/// A part of an API.
pub fn found_part<P: Part>(
    read: &impl Read,
    scope: &Scope,
    api: &Api,
    id: &str,
) -> Result<P, ApiGatewayError> {
    state::part(read, scope, api, id)?.ok_or_else(|| ApiGatewayError::PartNotFound(P::KIND, id.to_owned()))
}

/// Where a page begins, and how long it is.
pub struct Page {
    after: Option<String>,
    limit: usize,
}

impl Page {
    /// Of a request's parameters.
    pub fn of(
        ctx: &Ctx,
        filter: &str,
        max_results: Option<&str>,
        next_token: Option<&str>,
    ) -> Result<Self, ApiGatewayError> {
        let limit = match max_results {
            Some(text) => {
                text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit)).ok_or_else(|| {
                    ApiGatewayError::bad(format!(
                        "Invalid value for maxResults: must be between 1 and {MAX_PAGE}"
                    ))
                })?
            }
            None => PAGE,
        };
        let opened = |token: &str| {
            let position = ctx.page_position(filter, token).and_then(|bytes| String::from_utf8(bytes).ok());
            position.ok_or_else(|| ApiGatewayError::bad("Invalid next token"))
        };
        Ok(Page { after: next_token.map(opened).transpose()?, limit })
    }

    /// The items of the page and the token of the next.
    pub fn cut<T>(
        &self,
        ctx: &Ctx,
        filter: &str,
        rows: impl Iterator<Item = Result<T, store::Fault>>,
        id: impl Fn(&T) -> &str,
    ) -> Result<(Vec<T>, Option<String>), ApiGatewayError> {
        let mut items = rows.take(self.limit + 1).collect::<Result<Vec<T>, _>>()?;
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items.last().filter(|_| more).map(|last| ctx.page_token(filter, id(last).as_bytes()));
        Ok((items, next))
    }
}

/// A page of an API's parts.
pub fn parts_page<P: Part>(
    ctx: &Ctx,
    api_id: &str,
    max_results: Option<&str>,
    next_token: Option<&str>,
) -> Result<(Vec<P>, Option<String>), ApiGatewayError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let page = Page::of(ctx, api_id, max_results, next_token)?;
    let api = found(&read, &scope, api_id)?;
    page.cut(ctx, api_id, state::parts(&read, &scope, &api, page.after.clone()), P::id)
}

/// Refuses parameters that only other kinds of APIs have: each with whether it is given.
pub fn refuse(given: &[(&str, bool)]) -> Result<(), ApiGatewayError> {
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => {
            Err(ApiGatewayError::bad(format!("{name} is not currently supported for HTTP protocol Apis")))
        }
        None => Ok(()),
    }
}

/// A text that an update leaves as it is, changes, or removes by giving an empty one.
pub fn changed(present: &mut Option<String>, given: Option<&String>) {
    if let Some(given) = given {
        *present = Some(given.clone()).filter(|text| !text.is_empty());
    }
}

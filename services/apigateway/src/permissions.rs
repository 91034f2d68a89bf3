//! What the operations need permission for: the method of the management API on the path of the resource,
//! `apigateway:PATCH` on `arn:aws:apigateway:us-east-1::/apis/a1b2c3d4e5/routes/f6g7h8i`.

use crate::errors::ApiGatewayError;
use model_apigatewayv2 as model;
use names::{Arn, Region};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use service::{Demand, Peek};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The ARN of a path of the management API: it names no account.
pub fn arn(region: &Region, path: &str) -> Result<Arn, ApiGatewayError> {
    let text = format!("arn:{}:apigateway:{}::{path}", region.partition(), region.as_str());
    text.parse().map_err(|_| ApiGatewayError::bad("Invalid identifier specified"))
}

/// The path of an API.
pub fn api_path(id: &str) -> String {
    format!("/apis/{id}")
}

/// The path of a stage.
pub fn stage_path(api: &str, stage: &str) -> String {
    format!("/apis/{api}/stages/{stage}")
}

/// Inputs that act on a path.
pub trait OnPath {
    /// The path behind `/apis`.
    fn below(&self) -> String;

    /// The API whose head holds tags.
    fn api(&self) -> Option<&str>;

    /// Tags of the request.
    fn tags(&self) -> Option<&BTreeMap<String, String>> {
        None
    }
}

macro_rules! on_parts {
    ($($input:ident $form:literal $($part:ident)?;)*) => {$(
        impl OnPath for model::$input {
            fn below(&self) -> String {
                format!(concat!("/{}", $form), self.api_id $(, self.$part)?)
            }

            fn api(&self) -> Option<&str> {
                Some(&self.api_id)
            }
        }
    )*};
}
on_parts!(
    CreateAuthorizerInput "/authorizers";
    CreateDeploymentInput "/deployments";
    CreateIntegrationInput "/integrations";
    CreateRouteInput "/routes";
    DeleteApiInput "";
    DeleteAuthorizerInput "/authorizers/{}" authorizer_id;
    DeleteCorsConfigurationInput "/cors";
    DeleteDeploymentInput "/deployments/{}" deployment_id;
    DeleteIntegrationInput "/integrations/{}" integration_id;
    DeleteRouteInput "/routes/{}" route_id;
    DeleteStageInput "/stages/{}" stage_name;
    GetApiInput "";
    GetAuthorizerInput "/authorizers/{}" authorizer_id;
    GetAuthorizersInput "/authorizers";
    GetDeploymentInput "/deployments/{}" deployment_id;
    GetDeploymentsInput "/deployments";
    GetIntegrationInput "/integrations/{}" integration_id;
    GetIntegrationsInput "/integrations";
    GetRouteInput "/routes/{}" route_id;
    GetRoutesInput "/routes";
    GetStageInput "/stages/{}" stage_name;
    GetStagesInput "/stages";
    UpdateApiInput "";
    UpdateAuthorizerInput "/authorizers/{}" authorizer_id;
    UpdateDeploymentInput "/deployments/{}" deployment_id;
    UpdateIntegrationInput "/integrations/{}" integration_id;
    UpdateRouteInput "/routes/{}" route_id;
    UpdateStageInput "/stages/{}" stage_name;
);

impl OnPath for model::CreateStageInput {
    fn below(&self) -> String {
        format!("/{}/stages", self.api_id)
    }

    fn api(&self) -> Option<&str> {
        Some(&self.api_id)
    }

    fn tags(&self) -> Option<&BTreeMap<String, String>> {
        self.tags.as_ref()
    }
}

impl OnPath for model::CreateApiInput {
    fn below(&self) -> String {
        String::new()
    }

    fn api(&self) -> Option<&str> {
        None
    }

    fn tags(&self) -> Option<&BTreeMap<String, String>> {
        self.tags.as_ref()
    }
}

impl OnPath for model::GetApisInput {
    fn below(&self) -> String {
        String::new()
    }

    fn api(&self) -> Option<&str> {
        None
    }
}

/// The method by which an operation is reached.
fn method(operation: &str) -> &'static str {
    let methods =
        [("Create", "POST"), ("Tag", "POST"), ("Update", "PATCH"), ("Delete", "DELETE"), ("Untag", "DELETE")];
    methods.into_iter().find(|(prefix, _)| operation.starts_with(prefix)).map_or("GET", |(_, method)| method)
}

fn tagged(mut demand: Demand, tags: Option<&BTreeMap<String, String>>) -> Demand {
    for (key, value) in tags.into_iter().flatten() {
        demand = demand.when_tagged(key, value);
    }
    demand
}

/// The method on the path of the input.
pub async fn path<I: OnPath>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, ApiGatewayError> {
    let action = format!("apigateway:{}", method(peek.operation()));
    let mut demand = Demand::new(action, &arn(peek.region(), &format!("/apis{}", input.below()))?);
    if let Some(api) = input.api() {
        demand = demand.headed_by(&arn(peek.region(), &api_path(api))?);
    }
    Ok(vec![tagged(demand, input.tags())])
}

/// Inputs that act on the tags of a resource.
pub trait OnTags {
    /// The resource.
    fn resource(&self) -> &str;

    /// Tags of the request.
    fn tags(&self) -> Option<&BTreeMap<String, String>> {
        None
    }
}

impl OnTags for model::TagResourceInput {
    fn resource(&self) -> &str {
        &self.resource_arn
    }

    fn tags(&self) -> Option<&BTreeMap<String, String>> {
        self.tags.as_ref()
    }
}

impl OnTags for model::UntagResourceInput {
    fn resource(&self) -> &str {
        &self.resource_arn
    }
}

impl OnTags for model::GetTagsInput {
    fn resource(&self) -> &str {
        &self.resource_arn
    }
}

/// The method on the tags of a resource.
pub async fn tags<I: OnTags>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, ApiGatewayError> {
    let head: Arn = input.resource().parse().map_err(|_| ApiGatewayError::ResourceNotFound)?;
    let path = format!("/tags/{}", utf8_percent_encode(input.resource(), NON_ALPHANUMERIC));
    let action = format!("apigateway:{}", method(peek.operation()));
    let demand = Demand::new(action, &arn(peek.region(), &path)?).headed_by(&head);
    Ok(vec![tagged(demand, input.tags())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods() {
        for (operation, expected) in [
            ("CreateApi", "POST"),
            ("TagResource", "POST"),
            ("UntagResource", "DELETE"),
            ("UpdateStage", "PATCH"),
            ("DeleteCorsConfiguration", "DELETE"),
            ("GetTags", "GET"),
        ] {
            assert_eq!(method(operation), expected, "{operation}");
        }
    }
}

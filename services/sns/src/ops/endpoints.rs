//! Endpoints of devices in an application.

use crate::errors::SnsError;
use crate::ops::listing::{cut, position};
use crate::ops::platform::{found as found_application, place as application_place};
use crate::policy::action_on;
use crate::rules::PAGE;
use crate::rules::names::arn;
use crate::state::platform::{self, Endpoint};
use model_sns::{
    CreatePlatformEndpointInput, CreatePlatformEndpointOutput, DeleteEndpointInput,
    GetEndpointAttributesInput, GetEndpointAttributesOutput, ListEndpointsByPlatformApplicationInput,
    ListEndpointsByPlatformApplicationOutput, SetEndpointAttributesInput,
};
use names::Scope;
use schema::Unit;
use service::{Ctx, Demand, Peek};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Read;

/// Longest user data, in bytes (CreatePlatformEndpoint, API reference).
const MAX_USER_DATA: usize = 2048;
/// Characters of an endpoint's id.
const ID_LENGTH: usize = 36;
/// Longest token, in bytes.
const MAX_TOKEN: usize = 4096;
const ATTRIBUTES: [&str; 3] = ["CustomUserData", "Enabled", "Token"];

type Place = (Scope, String, String);

fn place(text: &str) -> Result<Place, SnsError> {
    let arn = arn("EndpointArn", text)?;
    let wrong = |why: &str| SnsError::invalid(format!("EndpointArn Reason: {why}"));
    let place = platform::endpoint_place(&arn)
        .ok_or_else(|| wrong("Wrong number of slashes in relative portion of the ARN."))?;
    // As SNS answered getEndpointAttributesWithInvalidArnTest of ballerina-platform/module-ballerinax-aws.sns.
    if place.2.len() != ID_LENGTH {
        return Err(wrong(
            "ARN specifies an invalid endpointId: UUID must be encoded in exactly 36 characters.",
        ));
    }
    Ok(place)
}

/// The endpoint of a place; none where its application has gone.
pub fn found(read: &impl Read, (scope, application, id): &Place) -> Result<Endpoint, SnsError> {
    let absent = SnsError::NotFound("Endpoint");
    if platform::application(read, scope, application)?.is_none() {
        return Err(absent);
    }
    platform::endpoint(read, scope, application, id)?.ok_or(absent)
}

fn check(attributes: &BTreeMap<String, String>) -> Result<(), SnsError> {
    let invalid = |why: &str| Err(SnsError::invalid(format!("Attributes Reason: {why}")));
    for (name, text) in attributes {
        match name.as_str() {
            "CustomUserData" if text.len() > MAX_USER_DATA => {
                return invalid(
                    "Invalid value for attribute: CustomUserData: must be at most 2048 bytes long in UTF-8 encoding",
                );
            }
            "Token" if text.is_empty() => {
                return invalid("Invalid value for attribute: Token: cannot be empty");
            }
            "Token" if text.len() > MAX_TOKEN => {
                return invalid("Invalid value for attribute: Token");
            }
            "Enabled" if !text.eq_ignore_ascii_case("true") && !text.eq_ignore_ascii_case("false") => {
                return invalid("Invalid value for attribute: Enabled: must be true or false");
            }
            name if !ATTRIBUTES.contains(&name) => {
                return invalid(&format!("Invalid attribute name: {name}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The attributes that a request asks for.
fn wanted(input: &CreatePlatformEndpointInput) -> Result<BTreeMap<String, String>, SnsError> {
    let mut attributes = input.attributes.clone().unwrap_or_default();
    check(&attributes)?;
    // The two places of a token are told apart (createEndpointWithEmptyTokenTest and
    // createEndpointWithInvalidAttributes of ballerina-platform/module-ballerinax-aws.sns, run on AWS).
    if input.token.is_empty() {
        return Err(SnsError::invalid("Token Reason: cannot be empty"));
    }
    attributes.insert("Token".to_owned(), input.token.clone());
    if let Some(data) = &input.custom_user_data {
        attributes.entry("CustomUserData".to_owned()).or_insert_with(|| data.clone());
    }
    attributes.entry("Enabled".to_owned()).or_insert_with(|| "true".to_owned());
    check(&attributes)?;
    if let Some(enabled) = attributes.get_mut("Enabled") {
        enabled.make_ascii_lowercase();
    }
    Ok(attributes)
}

/// CreatePlatformEndpoint: makes an endpoint, or finds the one of the same token and attributes.
pub async fn create(
    ctx: Ctx,
    input: Arc<CreatePlatformEndpointInput>,
) -> Result<CreatePlatformEndpointOutput, SnsError> {
    let place = application_place(&input.platform_application_arn)?;
    let attributes = wanted(&input)?;
    let id = ctx.uuid();
    ctx.commit(move |tx| {
        found_application(tx, &place)?;
        for known in platform::endpoints(tx, &place.0, &place.1, None) {
            let known = known?;
            if known.attributes.get("Token") != attributes.get("Token") {
                continue;
            }
            let arn = platform::endpoint_arn(&place.0, &place.1, &known.id).to_string();
            if known.attributes == attributes {
                return Ok(CreatePlatformEndpointOutput { endpoint_arn: Some(arn) });
            }
            return Err(SnsError::invalid(format!(
                "Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
            )));
        }
        let endpoint =
            Endpoint { application: place.1.clone(), id: id.clone(), attributes: attributes.clone() };
        platform::put_endpoint(tx, &place.0, &endpoint)?;
        let arn = platform::endpoint_arn(&place.0, &place.1, &id).to_string();
        Ok(CreatePlatformEndpointOutput { endpoint_arn: Some(arn) })
    })
    .await
}

/// GetEndpointAttributes.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetEndpointAttributesInput>,
) -> Result<GetEndpointAttributesOutput, SnsError> {
    let endpoint = found(&ctx.read(), &place(&input.endpoint_arn)?)?;
    Ok(GetEndpointAttributesOutput { attributes: Some(endpoint.attributes) })
}

/// SetEndpointAttributes.
pub async fn set(ctx: Ctx, input: Arc<SetEndpointAttributesInput>) -> Result<Unit, SnsError> {
    let place = place(&input.endpoint_arn)?;
    check(&input.attributes)?;
    ctx.commit(move |tx| {
        let mut endpoint = found(tx, &place)?;
        endpoint.attributes.extend(input.attributes.clone());
        platform::put_endpoint(tx, &place.0, &endpoint)?;
        Ok(Unit)
    })
    .await
}

/// DeleteEndpoint: succeeds where there is none.
pub async fn delete(ctx: Ctx, input: Arc<DeleteEndpointInput>) -> Result<Unit, SnsError> {
    let (scope, application, id) = place(&input.endpoint_arn)?;
    ctx.commit(move |tx| {
        platform::remove_endpoint(tx, &scope, &application, &id)?;
        Ok(Unit)
    })
    .await
}

/// ListEndpointsByPlatformApplication.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListEndpointsByPlatformApplicationInput>,
) -> Result<ListEndpointsByPlatformApplicationOutput, SnsError> {
    let place = application_place(&input.platform_application_arn)?;
    let read = ctx.read();
    found_application(&read, &place)?;
    let filter = &input.platform_application_arn;
    let after = position(&ctx, filter, input.next_token.as_ref())?;
    let found = platform::endpoints(&read, &place.0, &place.1, after.as_deref());
    let mut found: Vec<Endpoint> = found.take(PAGE + 1).collect::<Result<_, _>>()?;
    let next_token = cut(&ctx, filter, &mut found, PAGE, |endpoint| endpoint.id.clone());
    let listed = found.iter().map(|endpoint| model_sns::Endpoint {
        endpoint_arn: Some(platform::endpoint_arn(&place.0, &place.1, &endpoint.id).to_string()),
        attributes: Some(endpoint.attributes.clone()),
    });
    Ok(ListEndpointsByPlatformApplicationOutput { endpoints: Some(listed.collect()), next_token })
}

/// What adding an endpoint to an application needs.
pub async fn of_application(
    peek: Peek,
    input: Arc<CreatePlatformEndpointInput>,
) -> Result<Vec<Demand>, SnsError> {
    Ok(action_on(&peek, &input.platform_application_arn))
}

/// What listing the endpoints of an application needs.
pub async fn to_list(
    peek: Peek,
    input: Arc<ListEndpointsByPlatformApplicationInput>,
) -> Result<Vec<Demand>, SnsError> {
    Ok(action_on(&peek, &input.platform_application_arn))
}

/// What reading an endpoint needs.
pub async fn to_get(peek: Peek, input: Arc<GetEndpointAttributesInput>) -> Result<Vec<Demand>, SnsError> {
    Ok(action_on(&peek, &input.endpoint_arn))
}

/// What changing an endpoint needs.
pub async fn to_set(peek: Peek, input: Arc<SetEndpointAttributesInput>) -> Result<Vec<Demand>, SnsError> {
    Ok(action_on(&peek, &input.endpoint_arn))
}

/// What deleting an endpoint needs.
pub async fn to_delete(peek: Peek, input: Arc<DeleteEndpointInput>) -> Result<Vec<Demand>, SnsError> {
    Ok(action_on(&peek, &input.endpoint_arn))
}

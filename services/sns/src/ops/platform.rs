//! Applications of mobile platforms. What they send stays here, to be looked at.

use crate::errors::SnsError;
use crate::ops::listing::{cut, position};
use crate::policy::action_on;
use crate::rules::PAGE;
use crate::rules::attributes::{NO_RATE, is_rate};
use crate::rules::names::arn;
use crate::state::platform::{self, Application};
use model_sns::{
    CreatePlatformApplicationInput, CreatePlatformApplicationOutput, DeletePlatformApplicationInput,
    GetPlatformApplicationAttributesInput, GetPlatformApplicationAttributesOutput,
    ListPlatformApplicationsInput, ListPlatformApplicationsOutput, PlatformApplication,
    SetPlatformApplicationAttributesInput,
};
use names::Scope;
use schema::Unit;
use service::{Ctx, Demand, Peek};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Read;

/// The platforms (CreatePlatformApplication, API reference).
const PLATFORMS: [&str; 9] =
    ["ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "GCM", "MPNS", "WNS"];
/// Attributes of applications (SetPlatformApplicationAttributes, API reference).
const ATTRIBUTES: [&str; 12] = [
    "PlatformCredential",
    "PlatformPrincipal",
    "ApplePlatformTeamID",
    "ApplePlatformBundleID",
    "EventEndpointCreated",
    "EventEndpointDeleted",
    "EventEndpointUpdated",
    "EventDeliveryFailure",
    "SuccessFeedbackRoleArn",
    "FailureFeedbackRoleArn",
    "SuccessFeedbackSampleRate",
    "Enabled",
];
/// How many of a hundred deliveries are told.
const RATE: &str = "SuccessFeedbackSampleRate";
/// Attributes that are never shown again.
const SECRET: [&str; 2] = ["PlatformCredential", "PlatformPrincipal"];

/// Where the application of an ARN lives, and its name.
pub fn place(text: &str) -> Result<(Scope, String), SnsError> {
    let arn = arn("PlatformApplicationArn", text)?;
    platform::application_place(&arn).ok_or_else(|| SnsError::invalid("PlatformApplicationArn"))
}

/// The application of a place.
pub fn found(read: &impl Read, (scope, name): &(Scope, String)) -> Result<Application, SnsError> {
    platform::application(read, scope, name)?.ok_or(SnsError::NotFound("PlatformApplication"))
}

fn check(attributes: &BTreeMap<String, String>) -> Result<(), SnsError> {
    if let Some(unknown) = attributes.keys().find(|name| !ATTRIBUTES.contains(&name.as_str())) {
        return Err(SnsError::invalid(format!("Attributes Reason: Invalid attribute name: {unknown}")));
    }
    match attributes.get(RATE).filter(|rate| !is_rate(rate)) {
        Some(rate) => Err(SnsError::invalid(format!(
            "Attributes Reason: Invalid value for attribute: {RATE}: {rate} {NO_RATE}"
        ))),
        None => Ok(()),
    }
}

fn check_name(name: &str) -> Result<(), SnsError> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let why = match name.len() {
        0 => "cannot be empty",
        257.. => "must be at most 256 characters long",
        _ if name.bytes().all(fine) => return Ok(()),
        _ => "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'",
    };
    Err(SnsError::invalid(format!("{name} Reason: {why}")))
}

/// Refuses half of what a platform knows an application by; Google's knows it by one text alone.
fn check_credentials(platform: &str, attributes: &BTreeMap<String, String>) -> Result<(), SnsError> {
    let [credential, principal] = SECRET.map(|name| attributes.contains_key(name));
    let (given, missing) = match (credential, principal) {
        (true, false) if platform != "GCM" => (SECRET[0], SECRET[1]),
        (false, true) => (SECRET[1], SECRET[0]),
        _ => return Ok(()),
    };
    Err(SnsError::invalid(format!("Attributes Reason: {given} attribute provided without {missing}")))
}

/// CreatePlatformApplication: makes an application, or finds it again with the same attributes.
pub async fn create(
    ctx: Ctx,
    input: Arc<CreatePlatformApplicationInput>,
) -> Result<CreatePlatformApplicationOutput, SnsError> {
    check_name(&input.name)?;
    if !PLATFORMS.contains(&input.platform.as_str()) {
        return Err(SnsError::invalid(format!("Platform Reason: {} is not supported", input.platform)));
    }
    let attributes = input.attributes.clone();
    check(&attributes)?;
    check_credentials(&input.platform, &attributes)?;
    let (scope, now) = (ctx.scope(), ctx.now());
    let name = format!("{}/{}", input.platform, input.name);
    let arn = platform::application_arn(&scope, &name).to_string();
    ctx.commit(move |tx| {
        if let Some(known) = platform::application(tx, &scope, &name)? {
            let equal = known.attributes == attributes;
            let why =
                "Name Reason: An application with the same name but different properties already exists";
            return if equal { Ok(()) } else { Err(SnsError::invalid(why)) };
        }
        let application = Application { name: name.clone(), created: now, attributes: attributes.clone() };
        Ok(platform::put_application(tx, &scope, &application)?)
    })
    .await?;
    Ok(CreatePlatformApplicationOutput { platform_application_arn: Some(arn) })
}

fn shown(application: &Application) -> BTreeMap<String, String> {
    let mut attributes = application.attributes.clone();
    attributes.retain(|name, _| !SECRET.contains(&name.as_str()));
    attributes.entry("Enabled".to_owned()).or_insert_with(|| "true".to_owned());
    attributes
}

/// GetPlatformApplicationAttributes.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetPlatformApplicationAttributesInput>,
) -> Result<GetPlatformApplicationAttributesOutput, SnsError> {
    let application = found(&ctx.read(), &place(&input.platform_application_arn)?)?;
    Ok(GetPlatformApplicationAttributesOutput { attributes: Some(shown(&application)) })
}

/// SetPlatformApplicationAttributes.
pub async fn set(ctx: Ctx, input: Arc<SetPlatformApplicationAttributesInput>) -> Result<Unit, SnsError> {
    let place = place(&input.platform_application_arn)?;
    let attributes = input.attributes.clone().ok_or(SnsError::Absent("attributes"))?;
    check(&attributes)?;
    ctx.commit(move |tx| {
        let mut application = found(tx, &place)?;
        application.attributes.extend(attributes.clone());
        platform::put_application(tx, &place.0, &application)?;
        Ok(Unit)
    })
    .await
}

/// DeletePlatformApplication: succeeds where there is none.
pub async fn delete(ctx: Ctx, input: Arc<DeletePlatformApplicationInput>) -> Result<Unit, SnsError> {
    let (scope, name) = place(&input.platform_application_arn)?;
    ctx.commit(move |tx| {
        platform::remove_application(tx, &scope, &name)?;
        Ok(Unit)
    })
    .await
}

/// ListPlatformApplications.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListPlatformApplicationsInput>,
) -> Result<ListPlatformApplicationsOutput, SnsError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let after = position(&ctx, "", input.next_token.as_ref())?;
    let found = platform::applications(&read, &scope, after.as_deref());
    let mut found: Vec<Application> = found.take(PAGE + 1).collect::<Result<_, _>>()?;
    let next_token = cut(&ctx, "", &mut found, PAGE, |application| application.name.clone());
    let listed = found.iter().map(|application| PlatformApplication {
        platform_application_arn: Some(platform::application_arn(&scope, &application.name).to_string()),
        attributes: Some(shown(application)),
    });
    Ok(ListPlatformApplicationsOutput { platform_applications: Some(listed.collect()), next_token })
}

/// What reading an application needs.
pub async fn to_get(
    peek: Peek,
    input: Arc<GetPlatformApplicationAttributesInput>,
) -> Result<Vec<Demand>, SnsError> {
    Ok(action_on(&peek, &input.platform_application_arn))
}

/// What changing an application needs.
pub async fn to_set(
    peek: Peek,
    input: Arc<SetPlatformApplicationAttributesInput>,
) -> Result<Vec<Demand>, SnsError> {
    Ok(action_on(&peek, &input.platform_application_arn))
}

/// What deleting an application needs.
pub async fn to_delete(
    peek: Peek,
    input: Arc<DeletePlatformApplicationInput>,
) -> Result<Vec<Demand>, SnsError> {
    Ok(action_on(&peek, &input.platform_application_arn))
}

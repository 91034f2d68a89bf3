//! Text messages: how an account sends them, who wants none, and the numbers of its sandbox. A password for the
//! sandbox is a text message like any other: it can be looked at.

use crate::errors::SnsError;
use crate::ops::listing::{cut, position};
use crate::rules::PAGE;
use crate::rules::attributes::is_rate;
use crate::rules::names::is_phone;
use crate::state::captured::{self, Captured, Kind};
use crate::state::sms::{self, SandboxNumber};
use model_sns as api;
use service::Ctx;
use std::sync::Arc;

/// How an account can send (SetSMSAttributes, API reference).
const ATTRIBUTES: [&str; 6] = [
    "MonthlySpendLimit",
    "DeliveryStatusIAMRole",
    "DeliveryStatusSuccessSamplingRate",
    "DefaultSenderID",
    "DefaultSMSType",
    "UsageReportS3Bucket",
];
/// What an account may spend in a month until it is allowed more, in dollars (SNS quotas).
const SPEND_LIMIT: &str = "1";
/// Numbers of a sandbox (SNS developer guide, "SMS sandbox").
const MAX_SANDBOX: usize = 10;

fn check_number(number: &str) -> Result<(), SnsError> {
    if is_phone(number) {
        return Ok(());
    }
    Err(SnsError::invalid(format!(
        "PhoneNumber Reason: {number} is not a valid phone number: it does not meet the E164 format"
    )))
}

/// CheckIfPhoneNumberIsOptedOut.
pub async fn check_opted_out(
    ctx: Ctx,
    input: Arc<api::CheckIfPhoneNumberIsOptedOutInput>,
) -> Result<api::CheckIfPhoneNumberIsOptedOutOutput, SnsError> {
    if !is_phone(&input.phone_number) {
        return Err(SnsError::invalid("PhoneNumber Reason: input incorrectly formatted"));
    }
    let is_opted_out = sms::is_opted_out(&ctx.read(), &ctx.scope(), &input.phone_number)?;
    Ok(api::CheckIfPhoneNumberIsOptedOutOutput { is_opted_out: Some(is_opted_out) })
}

/// ListPhoneNumbersOptedOut.
pub async fn list_opted_out(
    ctx: Ctx,
    input: Arc<api::ListPhoneNumbersOptedOutInput>,
) -> Result<api::ListPhoneNumbersOptedOutOutput, SnsError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let after = position(&ctx, "", input.next_token.as_ref())?;
    let numbers = sms::opted_out(&read, &scope, after.as_deref());
    let mut numbers: Vec<String> = numbers.take(PAGE + 1).collect::<Result<_, _>>()?;
    let next_token = cut(&ctx, "", &mut numbers, PAGE, String::clone);
    Ok(api::ListPhoneNumbersOptedOutOutput { phone_numbers: Some(numbers), next_token })
}

/// OptInPhoneNumber.
pub async fn opt_in(
    ctx: Ctx,
    input: Arc<api::OptInPhoneNumberInput>,
) -> Result<api::OptInPhoneNumberOutput, SnsError> {
    if !is_phone(&input.phone_number) {
        return Err(SnsError::invalid("PhoneNumber Reason: input incorrectly formatted"));
    }
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        sms::opt_in(tx, &scope, &input.phone_number)?;
        Ok(api::OptInPhoneNumberOutput {})
    })
    .await
}

/// GetSMSAttributes.
pub async fn get_attributes(
    ctx: Ctx,
    input: Arc<api::GetSMSAttributesInput>,
) -> Result<api::GetSMSAttributesOutput, SnsError> {
    let mut attributes = sms::settings(&ctx.read(), &ctx.scope())?.attributes;
    attributes.entry("MonthlySpendLimit".to_owned()).or_insert_with(|| SPEND_LIMIT.to_owned());
    if let Some(names) = input.attributes.as_ref().filter(|names| !names.is_empty()) {
        attributes.retain(|name, _| names.contains(name));
    }
    Ok(api::GetSMSAttributesOutput { attributes: Some(attributes) })
}

/// Whether a text can be told as the sender: up to eleven letters and digits, one letter at least (SetSMSAttributes, API
/// reference; refused as setSMSAttributesWithInvalidSenderIDTest of ballerina-platform/module-ballerinax-aws.sns was).
fn is_sender(text: &str) -> bool {
    let fine = text.len() <= 11 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.is_empty() || fine && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn check_attribute(name: &str, text: &str) -> Result<(), SnsError> {
    let fine = match name {
        "DefaultSMSType" => matches!(text, "Promotional" | "Transactional"),
        "MonthlySpendLimit" => text.parse::<u64>().is_ok(),
        "DeliveryStatusSuccessSamplingRate" if !is_rate(text) => {
            // As SNS answered setSMSAttributesWithInvalidSampleRateTest of ballerina-platform/module-ballerinax-aws.sns.
            return Err(SnsError::InvalidPlain(format!("{name} is not an integer between 0-100")));
        }
        "DefaultSenderID" => is_sender(text),
        name => ATTRIBUTES.contains(&name),
    };
    match (fine, ATTRIBUTES.contains(&name)) {
        (true, _) => Ok(()),
        (false, true) => Err(SnsError::InvalidPlain(format!("{name} is invalid"))),
        (false, false) => Err(SnsError::InvalidPlain(format!("{name} is not a valid attribute"))),
    }
}

/// SetSMSAttributes.
pub async fn set_attributes(
    ctx: Ctx,
    input: Arc<api::SetSMSAttributesInput>,
) -> Result<api::SetSMSAttributesOutput, SnsError> {
    input.attributes.iter().try_for_each(|(name, text)| check_attribute(name, text))?;
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        let mut settings = sms::settings(tx, &scope)?;
        settings.attributes.extend(input.attributes.clone());
        sms::put_settings(tx, &scope, &settings)?;
        Ok(api::SetSMSAttributesOutput {})
    })
    .await
}

/// GetSMSSandboxAccountStatus: every account is in the sandbox, as new ones are; it bars nothing here.
pub async fn sandbox_status(
    _ctx: Ctx,
    _input: Arc<api::GetSMSSandboxAccountStatusInput>,
) -> Result<api::GetSMSSandboxAccountStatusOutput, SnsError> {
    Ok(api::GetSMSSandboxAccountStatusOutput { is_in_sandbox: true })
}

/// CreateSMSSandboxPhoneNumber: sends a password to the number.
pub async fn create_sandbox_number(
    ctx: Ctx,
    input: Arc<api::CreateSMSSandboxPhoneNumberInput>,
) -> Result<api::CreateSMSSandboxPhoneNumberOutput, SnsError> {
    check_number(&input.phone_number)?;
    let (scope, now, id) = (ctx.scope(), ctx.now(), ctx.uuid());
    let drawn: [u8; 6] = ctx.host().entropy.bytes();
    let password: String = drawn.iter().map(|byte| char::from(b'0' + byte % 10)).collect();
    ctx.commit(move |tx| {
        let number = &input.phone_number;
        if sms::is_opted_out(tx, &scope, number)? {
            return Err(SnsError::OptedOut(format!("The phone number {number} is opted out.")));
        }
        let known = sms::sandbox_number(tx, &scope, number)?;
        if known.is_some_and(|known| known.verified) {
            return Err(SnsError::User(format!("The phone number {number} is already verified.")));
        }
        if sms::sandbox_numbers(tx, &scope, None).count() >= MAX_SANDBOX {
            return Err(SnsError::User(format!("A sandbox has at most {MAX_SANDBOX} phone numbers.")));
        }
        let added =
            SandboxNumber { number: number.clone(), password: password.clone(), added: now, verified: false };
        sms::put_sandbox_number(tx, &scope, &added)?;
        captured::add(tx, &scope, &password_message(number, &password, &id, now))?;
        Ok(api::CreateSMSSandboxPhoneNumberOutput {})
    })
    .await
}

fn password_message(number: &str, password: &str, id: &str, at: names::Timestamp) -> Captured {
    Captured {
        kind: Kind::Sms,
        receiver: number.to_owned(),
        topic: None,
        subscription: None,
        id: id.to_owned(),
        subject: None,
        text: format!("Your AWS SNS SMS sandbox verification code is {password}."),
        attributes: "{}".to_owned(),
        structure: None,
        at,
    }
}

/// VerifySMSSandboxPhoneNumber.
pub async fn verify_sandbox_number(
    ctx: Ctx,
    input: Arc<api::VerifySMSSandboxPhoneNumberInput>,
) -> Result<api::VerifySMSSandboxPhoneNumberOutput, SnsError> {
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        let known = sms::sandbox_number(tx, &scope, &input.phone_number)?;
        let mut known = known.ok_or(SnsError::ResourceNotFound)?;
        if known.password != input.one_time_password {
            return Err(SnsError::Verification("The one-time password is incorrect.".to_owned()));
        }
        known.verified = true;
        sms::put_sandbox_number(tx, &scope, &known)?;
        Ok(api::VerifySMSSandboxPhoneNumberOutput {})
    })
    .await
}

/// DeleteSMSSandboxPhoneNumber.
pub async fn delete_sandbox_number(
    ctx: Ctx,
    input: Arc<api::DeleteSMSSandboxPhoneNumberInput>,
) -> Result<api::DeleteSMSSandboxPhoneNumberOutput, SnsError> {
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        if sms::sandbox_number(tx, &scope, &input.phone_number)?.is_none() {
            return Err(SnsError::ResourceNotFound);
        }
        sms::remove_sandbox_number(tx, &scope, &input.phone_number)?;
        Ok(api::DeleteSMSSandboxPhoneNumberOutput {})
    })
    .await
}

/// ListSMSSandboxPhoneNumbers.
pub async fn list_sandbox_numbers(
    ctx: Ctx,
    input: Arc<api::ListSMSSandboxPhoneNumbersInput>,
) -> Result<api::ListSMSSandboxPhoneNumbersOutput, SnsError> {
    use api::SMSSandboxPhoneNumberVerificationStatus as Status;
    let (scope, read) = (ctx.scope(), ctx.read());
    let after = position(&ctx, "", input.next_token.as_ref())?;
    let limit =
        input.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let found = sms::sandbox_numbers(&read, &scope, after.as_deref());
    let mut found: Vec<SandboxNumber> = found.take(limit + 1).collect::<Result<_, _>>()?;
    let next_token = cut(&ctx, "", &mut found, limit, |number| number.number.clone());
    let listed = found.into_iter().map(|number| api::SMSSandboxPhoneNumber {
        phone_number: Some(number.number),
        status: Some(if number.verified { Status::Verified } else { Status::Pending }),
    });
    Ok(api::ListSMSSandboxPhoneNumbersOutput { phone_numbers: listed.collect(), next_token })
}

/// ListOriginationNumbers: an account has none until it leases some, which needs a carrier.
pub async fn list_origination_numbers(
    ctx: Ctx,
    input: Arc<api::ListOriginationNumbersInput>,
) -> Result<api::ListOriginationNumbersOutput, SnsError> {
    position(&ctx, "", input.next_token.as_ref())?;
    Ok(api::ListOriginationNumbersOutput { next_token: None, phone_numbers: Some(Vec::new()) })
}

//! Data protection policies: what one must say (SNS developer guide, "Understanding data protection policies" and
//! "Data protection policy operations").

use names::Arn;
use serde_json::{Map, Value};

/// Longest policy, in bytes (PutDataProtectionPolicy, API reference).
const MAX_POLICY: usize = 30_720;
/// The one version of the language.
const VERSION: &str = "2021-06-01";
/// What the ARN of a data identifier of SNS's own names.
const IDENTIFIER: &str = "data-identifier/";
/// With what a log group for findings begins.
const LOG_GROUP: &str = "/aws/vendedlogs/";
/// Where findings go, by the member that names the destination.
const DESTINATIONS: [(&str, &str); 3] =
    [("CloudWatchLogs", "LogGroup"), ("Firehose", "DeliveryStream"), ("S3", "Bucket")];
/// Highest rate of samples, in a hundred messages.
const MAX_RATE: u64 = 99;
/// Data identifiers that one policy makes (SNS developer guide, "Custom data identifiers").
const MAX_CUSTOM: usize = 10;

/// Refuses a text that is no policy, saying why.
pub fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX_POLICY {
        return Err(format!("the policy is longer than {MAX_POLICY} bytes"));
    }
    let policy: Value = serde_json::from_str(text).map_err(|_| "the policy is no JSON".to_owned())?;
    let policy = object(Some(&policy), "the policy")?;
    only(policy, &["Name", "Description", "Version", "Statement", "Configuration"], "the policy")?;
    some_text(policy, "Name")?;
    if policy.get("Version").and_then(Value::as_str) != Some(VERSION) {
        return Err(format!("Version must be {VERSION}"));
    }
    let custom = custom_identifiers(policy.get("Configuration"))?;
    let mut audits = 0;
    for statement in some_list(policy, "Statement")? {
        audits += usize::from(check_statement(object(Some(statement), "Statement")?, &custom)?);
    }
    if audits > 1 { Err("only one statement may have the operation Audit".to_owned()) } else { Ok(()) }
}

/// Whether a text is the ARN of a data identifier: with `aws` as its account, or with a region and none.
fn is_identifier(text: &str) -> bool {
    let arn = text.parse::<Arn>();
    arn.is_ok_and(|arn| {
        let name = arn.resource().strip_prefix(IDENTIFIER);
        arn.service() == "dataprotection" && name.is_some_and(|name| !name.is_empty())
    })
}

/// Checks a statement; says whether it audits.
fn check_statement(statement: &Map<String, Value>, custom: &[&str]) -> Result<bool, String> {
    only(statement, &["Sid", "DataDirection", "Principal", "DataIdentifier", "Operation"], "Statement")?;
    let direction = statement.get("DataDirection").and_then(Value::as_str).unwrap_or_default();
    if !matches!(direction, "Inbound" | "Outbound") {
        return Err("Statement DataDirection must be either Inbound or Outbound".to_owned());
    }
    if !some_list(statement, "Principal")?.iter().all(is_text) {
        return Err("Principal must be a list of texts".to_owned());
    }
    let identifies =
        |one: &Value| one.as_str().is_some_and(|text| is_identifier(text) || custom.contains(&text));
    if !some_list(statement, "DataIdentifier")?.iter().all(identifies) {
        return Err("DataIdentifier must be a list of ARNs of data identifiers".to_owned());
    }
    let operation = object(statement.get("Operation"), "Operation")?;
    let mut operations = operation.iter();
    match (operations.next(), operations.next()) {
        (Some((name, Value::Object(how))), None) => match name.as_str() {
            "Audit" if direction != "Inbound" => Err("Audit is for inbound messages only".to_owned()),
            "Audit" => check_audit(how).map(|()| true),
            "Deny" if how.is_empty() => Ok(false),
            "Deidentify" => check_masking(how).map(|()| false),
            _ => Err(format!("Operation {name} is none")),
        },
        _ => Err("Operation must be one of Audit, Deidentify and Deny".to_owned()),
    }
}

fn check_audit(audit: &Map<String, Value>) -> Result<(), String> {
    let places = ["FindingsDestination", "NoFindingsDestination"];
    only(audit, &["SampleRate", places[0], places[1]], "Audit")?;
    let rate = match audit.get("SampleRate") {
        Some(Value::String(text)) => text.parse().ok(),
        Some(number) => number.as_u64(),
        None => None,
    };
    if rate.is_none_or(|rate| rate > MAX_RATE) {
        return Err(format!("SampleRate must be an integer from 0 to {MAX_RATE}"));
    }
    if !places.iter().any(|place| audit.contains_key(*place)) {
        return Err("Audit needs FindingsDestination or NoFindingsDestination".to_owned());
    }
    for place in places.iter().filter_map(|place| audit.get(*place)) {
        for (kind, how) in object(Some(place), "a destination")? {
            let known = DESTINATIONS.iter().find(|(name, _)| name == kind);
            let (_, member) = known.ok_or_else(|| format!("{kind} is no destination"))?;
            let named = some_text(object(Some(how), kind)?, member)?;
            if *member == "LogGroup" && !named.starts_with(LOG_GROUP) {
                return Err(format!("LogGroup must begin with {LOG_GROUP}"));
            }
        }
    }
    Ok(())
}

fn check_masking(how: &Map<String, Value>) -> Result<(), String> {
    let mut ways = how.iter();
    let (Some((way, Value::Object(settings))), None) = (ways.next(), ways.next()) else {
        return Err("Deidentify must be one of MaskConfig and RedactConfig".to_owned());
    };
    match (way.as_str(), settings.get("MaskWithCharacter"), settings.len()) {
        ("MaskConfig" | "RedactConfig", None, 0) => Ok(()),
        ("MaskConfig", Some(Value::String(mask)), 1)
            if mask.len() == 1 && mask.bytes().all(|byte| matches!(byte, b' '..=b'~')) =>
        {
            Ok(())
        }
        _ => Err(format!("{way} is none")),
    }
}

/// The names of the identifiers that a policy makes itself.
fn custom_identifiers(configuration: Option<&Value>) -> Result<Vec<&str>, String> {
    let Some(configuration) = configuration else { return Ok(Vec::new()) };
    let configuration = object(Some(configuration), "Configuration")?;
    only(configuration, &["CustomDataIdentifier"], "Configuration")?;
    let all = some_list(configuration, "CustomDataIdentifier")?;
    if all.len() > MAX_CUSTOM {
        return Err(format!("a policy makes at most {MAX_CUSTOM} data identifiers"));
    }
    let named = |one| {
        let one = object(Some(one), "CustomDataIdentifier")?;
        some_text(one, "Regex")?;
        some_text(one, "Name")
    };
    all.iter().map(named).collect()
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn object<'a>(value: Option<&'a Value>, what: &str) -> Result<&'a Map<String, Value>, String> {
    value.and_then(Value::as_object).ok_or_else(|| format!("{what} must be an object"))
}

fn some_text<'a>(of: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    let text = of.get(name).filter(|value| is_text(value)).and_then(Value::as_str);
    text.ok_or_else(|| format!("{name} must be a text"))
}

fn some_list<'a>(of: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], String> {
    let list = of.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
    list.map(Vec::as_slice).ok_or_else(|| format!("{name} must be a list that is not empty"))
}

fn only(of: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), String> {
    match of.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("{what} has no member {name}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A policy of one statement, as the developer guide shows it.
    fn policy(operation: Value) -> Value {
        json!({"Name": "p", "Description": "d", "Version": "2021-06-01", "Statement": [{
            "Sid": "s", "DataDirection": "Inbound", "Principal": ["*"],
            "DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],
            "Operation": operation,
        }]})
    }

    #[test]
    fn operations() {
        let audit = json!({"SampleRate": "99", "FindingsDestination": {
            "CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/g"}, "Firehose": {"DeliveryStream": "d"},
            "S3": {"Bucket": "b"},
        }});
        let log = |group: &str| json!({"SampleRate": 1, "NoFindingsDestination": {"CloudWatchLogs": {"LogGroup": group}}});
        let table = [
            (json!({"Deny": {}}), true),
            (json!({"Audit": audit}), true),
            (json!({"Audit": log("/aws/vendedlogs/g")}), true),
            (json!({"Deidentify": {"MaskConfig": {"MaskWithCharacter": "#"}}}), true),
            (json!({"Deidentify": {"MaskConfig": {}}}), true),
            (json!({"Deidentify": {"RedactConfig": {}}}), true),
            (json!({}), false),
            (json!({"Deny": {"a": 1}}), false),
            (json!({"Deny": {}, "Audit": audit}), false),
            (json!({"Allow": {}}), false),
            (json!({"Audit": {"SampleRate": "99"}}), false),
            (json!({"Audit": {"SampleRate": "100", "FindingsDestination": {}}}), false),
            (json!({"Audit": {"SampleRate": "-1", "FindingsDestination": {}}}), false),
            (json!({"Audit": {"SampleRate": "1", "FindingsDestination": {"SQS": {}}}}), false),
            (json!({"Audit": log("/aws/lambda/g")}), false),
            (json!({"Deidentify": {}}), false),
            (json!({"Deidentify": {"MaskConfig": {"MaskWithCharacter": "##"}}}), false),
            (json!({"Deidentify": {"MaskConfig": {}, "RedactConfig": {}}}), false),
        ];
        for (operation, fine) in table {
            let told = check(&policy(operation.clone()).to_string());
            assert_eq!(told.is_ok(), fine, "{operation} {told:?}");
        }
    }

    #[test]
    fn statements_and_policies() {
        let good = policy(json!({"Deny": {}}));
        let changed = |path: &str, value: Value| {
            let mut policy = good.clone();
            *policy.pointer_mut(path).unwrap() = value;
            check(&policy.to_string())
        };
        let table = [
            ("/Name", json!("")),
            ("/Version", json!("2012-10-17")),
            ("/Statement", json!([])),
            ("/Statement", json!({})),
            ("/Statement/0", json!("s")),
            ("/Statement/0/DataDirection", json!("Both")),
            ("/Statement/0/Principal", json!("*")),
            ("/Statement/0/DataIdentifier", json!([])),
            ("/Statement/0/DataIdentifier", json!(["EmailAddress"])),
            ("/Statement/0/DataIdentifier", json!(["arn:aws:dataprotection::aws:data-identifier/"])),
            ("/Statement/0/DataIdentifier", json!(["arn:aws:sns:us-east-1::data-identifier/EmailAddress"])),
            ("/Statement/0/Operation", json!("Deny")),
        ];
        for (path, value) in table {
            assert!(changed(path, value.clone()).is_err(), "{path} {value}");
        }
        assert!(changed("/Statement/0/DataDirection", json!("Outbound")).is_ok());
        // As SNS answered putDataProtectionPolicyInvalidTest of ballerina-platform/module-ballerinax-aws.sns.
        assert_eq!(
            changed("/Statement/0/DataDirection", json!("Inbxound")).unwrap_err(),
            "Statement DataDirection must be either Inbound or Outbound"
        );
        // As AWS took it in LocalStack's test_data_protection_policy_crud.
        let of_region = json!(["arn:aws:dataprotection:us-east-1::data-identifier/EmailAddress"]);
        assert!(changed("/Statement/0/DataIdentifier", of_region).is_ok());
        let mut own = good.clone();
        own["Configuration"] = json!({"CustomDataIdentifier": [{"Name": "EmployeeId", "Regex": "E[0-9]+"}]});
        own["Statement"][0]["DataIdentifier"] = json!(["EmployeeId"]);
        assert!(check(&own.to_string()).is_ok());
        own["Configuration"]["CustomDataIdentifier"][0]["Regex"] = json!("");
        assert!(check(&own.to_string()).is_err());
        let audit = json!({"Audit": {"SampleRate": "1", "FindingsDestination": {"S3": {"Bucket": "b"}}}});
        let mut twice = policy(audit.clone());
        let again = twice["Statement"][0].clone();
        twice["Statement"].as_array_mut().unwrap().push(again);
        assert!(check(&twice.to_string()).is_err(), "two audits");
        let mut outbound = policy(audit);
        outbound["Statement"][0]["DataDirection"] = json!("Outbound");
        assert!(check(&outbound.to_string()).is_err(), "an audit of outbound messages");
        for text in ["", "[]", "{", &format!("\"{}\"", "x".repeat(MAX_POLICY))] {
            assert!(check(text).is_err());
        }
    }
}

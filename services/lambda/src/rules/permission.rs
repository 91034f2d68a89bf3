//! Resource policies of functions: statements made by AddPermission, by their ids.

use crate::errors::LambdaError;
use model_lambda::{AddLayerVersionPermissionInput, AddPermissionInput};
use serde_json::{Map, Value, json};

/// Longest policy (Lambda quotas: 20 KB).
const MAX_POLICY: usize = 20_480;

/// How the names of services end (`alexa-appkit.amazon.com` is one).
const SERVICES: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com"];

/// The statement that a request makes, on a resource.
///
/// # Errors
/// Where its principal or action is none.
pub fn statement(input: &AddPermissionInput, resource: &str) -> Result<Value, LambdaError> {
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal(&input.principal)?,
        "Action": input.action,
        "Resource": resource,
    });
    let conditions = conditions(input);
    if !conditions.is_empty() {
        statement["Condition"] = Value::Object(conditions);
    }
    Ok(statement)
}

/// The statement that a request makes on a version of a layer.
///
/// # Errors
/// Where its principal is none.
pub fn of_layer(input: &AddLayerVersionPermissionInput, resource: &str) -> Result<Value, LambdaError> {
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal(&input.principal)?,
        "Action": input.action,
        "Resource": resource,
    });
    if let Some(organisation) = &input.organization_id {
        // AddLayerVersionPermission, API reference: with the principal set to `*`.
        if input.principal != "*" {
            return Err(LambdaError::invalid("OrganizationId is only allowed where the Principal is *."));
        }
        statement["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": organisation}});
    }
    Ok(statement)
}

fn principal(text: &str) -> Result<Value, LambdaError> {
    let account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if text == "*" {
        Ok(json!("*"))
    } else if account {
        Ok(json!({"AWS": format!("arn:aws:iam::{text}:root")}))
    } else if text.starts_with("arn:") {
        Ok(json!({"AWS": text}))
    } else if SERVICES.iter().any(|suffix| text.ends_with(suffix)) {
        Ok(json!({"Service": text}))
    } else {
        Err(LambdaError::invalid(
            "The provided principal was invalid. Please check the principal and try again.",
        ))
    }
}

fn conditions(input: &AddPermissionInput) -> Map<String, Value> {
    let mut equals = Map::new();
    let mut conditions = Map::new();
    let text = |value: &Option<String>| value.clone().map(Value::from);
    if let Some(account) = text(&input.source_account) {
        equals.insert("AWS:SourceAccount".to_owned(), account);
    }
    if let Some(token) = text(&input.event_source_token) {
        equals.insert("lambda:EventSourceToken".to_owned(), token);
    }
    if let Some(organisation) = text(&input.principal_org_id) {
        equals.insert("aws:PrincipalOrgID".to_owned(), organisation);
    }
    if let Some(kind) = &input.function_url_auth_type {
        equals.insert("lambda:FunctionUrlAuthType".to_owned(), kind.as_str().into());
    }
    if !equals.is_empty() {
        conditions.insert("StringEquals".to_owned(), Value::Object(equals));
    }
    if let Some(arn) = &input.source_arn {
        conditions.insert("ArnLike".to_owned(), json!({"AWS:SourceArn": arn}));
    }
    if let Some(by_url) = input.invoked_via_function_url {
        conditions.insert("Bool".to_owned(), json!({"lambda:InvokedViaFunctionUrl": by_url.to_string()}));
    }
    conditions
}

fn parsed(policy: Option<&str>) -> Value {
    let found = policy.and_then(|text| serde_json::from_str::<Value>(text).ok());
    found.unwrap_or_else(|| json!({"Version": "2012-10-17", "Id": "default", "Statement": []}))
}

fn has(policy: &Value, id: &str) -> bool {
    policy["Statement"].as_array().into_iter().flatten().any(|statement| statement["Sid"] == id)
}

/// A policy with another statement.
///
/// # Errors
/// Where it has one of that id, or becomes too long.
pub fn with(policy: Option<&str>, id: &str, statement: Value) -> Result<String, LambdaError> {
    let mut policy = parsed(policy);
    if has(&policy, id) {
        return Err(LambdaError::Conflict(format!(
            "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing \
             statement."
        )));
    }
    if let Some(statements) = policy["Statement"].as_array_mut() {
        statements.push(statement);
    }
    let text = policy.to_string();
    if text.len() > MAX_POLICY { Err(LambdaError::PolicyTooLong) } else { Ok(text) }
}

/// A policy without a statement; `None` where that was its last.
///
/// # Errors
/// Where it has none of that id.
pub fn without(policy: Option<&str>, id: &str) -> Result<Option<String>, LambdaError> {
    let mut policy = parsed(policy);
    if !has(&policy, id) {
        return Err(LambdaError::NotFound(format!("Statement {id} is not found in resource policy.")));
    }
    let left = policy["Statement"].as_array_mut().map_or(0, |statements| {
        statements.retain(|statement| statement["Sid"] != id);
        statements.len()
    });
    Ok((left > 0).then(|| policy.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(principal: &str) -> AddPermissionInput {
        AddPermissionInput {
            statement_id: "s".to_owned(),
            action: "lambda:InvokeFunction".to_owned(),
            principal: principal.to_owned(),
            ..Default::default()
        }
    }

    /// Answers of AddPermission in the Lambda developer guide, "Viewing resource-based IAM policies".
    #[test]
    fn statements() {
        let s3 = AddPermissionInput {
            source_arn: Some("arn:aws:s3:::b".to_owned()),
            source_account: Some("123456789012".to_owned()),
            ..input("s3.amazonaws.com")
        };
        assert_eq!(
            statement(&s3, "arn").unwrap(),
            json!({
                "Sid": "s", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "lambda:InvokeFunction", "Resource": "arn",
                "Condition": {
                    "StringEquals": {"AWS:SourceAccount": "123456789012"},
                    "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
                },
            })
        );
        let account = statement(&input("123456789012"), "arn").unwrap();
        assert_eq!(account["Principal"]["AWS"], "arn:aws:iam::123456789012:root");
        assert_eq!(statement(&input("*"), "arn").unwrap()["Principal"], "*");
        for nobody in ["nobody", "invalid.nonaws.com"] {
            assert!(statement(&input(nobody), "arn").is_err(), "{nobody}");
        }
    }

    /// AddLayerVersionPermission, API reference, `OrganizationId`: "With the principal set to `*`".
    #[test]
    fn organisations_share_layers_with_everybody_in_them() {
        let layer = |principal: &str| AddLayerVersionPermissionInput {
            statement_id: "s".to_owned(),
            action: "lambda:GetLayerVersion".to_owned(),
            principal: principal.to_owned(),
            organization_id: Some("o-a1b2c3d4e5".to_owned()),
            ..Default::default()
        };
        let shared = of_layer(&layer("*"), "arn").unwrap();
        assert_eq!(shared["Condition"]["StringEquals"]["aws:PrincipalOrgID"], "o-a1b2c3d4e5");
        assert!(of_layer(&layer("123456789012"), "arn").is_err());
    }

    #[test]
    fn adding_and_removing() {
        let one = with(None, "s", json!({"Sid": "s"})).unwrap();
        assert!(matches!(with(Some(&one), "s", json!({})), Err(LambdaError::Conflict(_))));
        let two = with(Some(&one), "t", json!({"Sid": "t"})).unwrap();
        assert_eq!(without(Some(&two), "t").unwrap(), Some(one.clone()));
        assert_eq!(without(Some(&one), "s").unwrap(), None);
        assert!(matches!(without(None, "s"), Err(LambdaError::NotFound(_))));
        let long = json!({"Sid": "l", "Resource": "x".repeat(MAX_POLICY)});
        assert!(matches!(with(None, "l", long), Err(LambdaError::PolicyTooLong)));
    }
}

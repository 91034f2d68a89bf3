//! Encryption of tables, as it is asked for: stored and described, and not used. The words of refusals are those
//! that Amazon's controllers for Kubernetes recorded of AWS in October 2026 (aws-controllers-k8s/
//! dynamodb-controller, docs/api-quirks, DDB-TABLE-031, -036, -044, -082 and -437).

use crate::errors::DynamoError;
use model_dynamodb::{SSESpecification, SSEType};
use service::Ctx;

/// Whether a key of KMS is asked for: also by its type alone.
fn is_on(asked: &SSESpecification) -> bool {
    asked.enabled.unwrap_or(asked.sse_type == Some(SSEType::Kms))
}

/// Refuses settings that do not fit together.
///
/// # Errors
/// AWS's message.
pub fn check(asked: Option<&SSESpecification>) -> Result<(), DynamoError> {
    let Some(asked) = asked else { return Ok(()) };
    let refused = |message: &str| Err(DynamoError::invalid_value(message));
    match (asked.enabled, &asked.sse_type, &asked.kms_master_key_id) {
        (Some(false), Some(_), _) => refused("SSEType can not be specified if Enabled is false"),
        (Some(false), None, Some(_)) => refused("KMSMasterKeyId can not be specified if Enabled is false"),
        (_, Some(SSEType::Aes256), _) => refused("SSEType AES256 is not supported"),
        (_, None, Some(_)) => refused("SSEType KMS is required if KMSMasterKeyId is specified"),
        _ => Ok(()),
    }
}

/// Refuses a change that changes nothing: keys are compared by their ARNs alone.
///
/// # Errors
/// AWS's message.
pub fn check_change(asked: Option<&SSESpecification>, present: Option<&String>) -> Result<(), DynamoError> {
    let Some(asked) = asked else { return Ok(()) };
    match (is_on(asked), present) {
        (false, None) => Err(DynamoError::invalid_value("Table is already encrypted by default")),
        (true, Some(key)) if asked.kms_master_key_id.as_ref() == Some(key) => {
            Err(DynamoError::invalid_value(
                "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to \
             change Master Key",
            ))
        }
        _ => Ok(()),
    }
}

/// The key of a table's encryption, as its description names it.
pub fn key(ctx: &Ctx, asked: Option<&SSESpecification>) -> Option<String> {
    let asked = asked.filter(|asked| is_on(asked))?;
    let id = asked.kms_master_key_id.as_deref().unwrap_or("alias/aws/dynamodb");
    match (id.starts_with("arn:"), id.starts_with("alias/")) {
        (true, _) => Some(id.to_owned()),
        (false, true) => Some(ctx.arn("kms", id).to_string()),
        (false, false) => Some(ctx.arn("kms", &format!("key/{id}")).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_together() {
        let asked = |enabled, kind: Option<SSEType>, key: Option<&str>| SSESpecification {
            enabled,
            sse_type: kind,
            kms_master_key_id: key.map(str::to_owned),
        };
        let (kms, aes) = (Some(SSEType::Kms), Some(SSEType::Aes256));
        let told = |asked: &SSESpecification| match check(Some(asked)) {
            Err(DynamoError::Validation(message)) => message,
            other => format!("{other:?}"),
        };
        for (asked, message) in [
            (asked(Some(false), kms.clone(), None), "SSEType can not be specified if Enabled is false"),
            (asked(Some(false), kms.clone(), Some("k")), "SSEType can not be specified if Enabled is false"),
            (asked(Some(false), None, Some("k")), "KMSMasterKeyId can not be specified if Enabled is false"),
            (asked(Some(true), aes, None), "SSEType AES256 is not supported"),
            (asked(Some(true), None, Some("k")), "SSEType KMS is required if KMSMasterKeyId is specified"),
        ] {
            assert_eq!(told(&asked), format!("One or more parameter values were invalid: {message}"));
        }
        for fine in
            [asked(None, None, None), asked(None, kms.clone(), Some("k")), asked(Some(true), None, None)]
        {
            assert_eq!(told(&fine), "Ok(())");
        }
        let key = "arn:of:a:key".to_owned();
        assert!(check_change(Some(&asked(Some(false), None, None)), None).is_err());
        assert!(check_change(Some(&asked(None, None, None)), None).is_err());
        assert!(check_change(Some(&asked(Some(true), kms.clone(), Some(&key))), Some(&key)).is_err());
        assert!(check_change(Some(&asked(Some(true), kms, Some("alias/a"))), Some(&key)).is_ok());
        assert!(check_change(Some(&asked(Some(false), None, None)), Some(&key)).is_ok());
    }
}

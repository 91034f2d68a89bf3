//! Environment variables of a function: which names its owner may give, and how much.

use crate::errors::LambdaError;
use std::collections::BTreeMap;

/// All variables together, as JSON, in bytes.
const MAX_BYTES: usize = 4096;

/// Names that Lambda sets itself (Lambda developer guide, "Defined runtime environment variables").
pub const RESERVED: [&str; 22] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_METADATA_API",
    "AWS_LAMBDA_METADATA_TOKEN",
    "ELYSIUM_LAYERS_ROOT",
];

/// Refuses variables against the rules.
///
/// # Errors
/// Where a name is reserved, or they are too much.
pub fn check(variables: &BTreeMap<String, String>) -> Result<(), LambdaError> {
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(LambdaError::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided contains reserved keys that are currently not supported for modification. Reserved keys used \
             in this request: {}",
            reserved.join(", ")
        )));
    }
    let measured = serde_json::to_string(variables).unwrap_or_default();
    if measured.len() > MAX_BYTES {
        return Err(LambdaError::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided exceeded the 4KB limit. String measured: {measured}"
        )));
    }
    // What no process can be given.
    if let Some(name) = variables.iter().find(|(_, value)| value.contains('\0')).map(|(name, _)| name) {
        return Err(LambdaError::invalid(format!(
            "The environment variable {name} contains a null character."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<(), String> {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        check(&variables).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn names_and_sizes() {
        assert!(of(&[("NAME", "value"), ("AWS_ENDPOINT_URL", "mine"), ("PATH", "/x")]).is_ok());
        assert!(of(&[("AWS_REGION", "x"), ("NAME", "x")]).unwrap_err().contains("request: AWS_REGION"));
        // {"K":"…"} adds eight bytes.
        let fits = "x".repeat(MAX_BYTES - 8);
        assert!(of(&[("K", &fits)]).is_ok());
        assert!(of(&[("K", &(fits + "x"))]).unwrap_err().contains("exceeded the 4KB limit"));
        assert!(of(&[("K", "a\0b")]).is_err());
    }
}

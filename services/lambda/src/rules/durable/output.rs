//! What a run of a durable function answers: that it is done, that it failed, or that it waits.

use serde_json::{Value, json};

/// What a run answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The execution has this result.
    Succeeded(Option<String>),
    /// The execution failed: the JSON of an error object.
    Failed(Option<String>),
    /// Something else goes on before the function does.
    Pending,
    /// What it answered is none of these: why.
    Invalid(&'static str),
}

/// Reads an answer.
pub fn read(payload: &[u8]) -> Answer {
    let Ok(Value::Object(answer)) = serde_json::from_slice::<Value>(payload) else {
        return Answer::Invalid("Invalid Status in invocation output.");
    };
    let given = |name: &str| answer.get(name).filter(|value| !value.is_null());
    let (result, error) = (given("Result"), given("Error"));
    match given("Status").and_then(Value::as_str) {
        Some("SUCCEEDED") if error.is_some() => {
            Answer::Invalid("Cannot provide an Error for SUCCEEDED status.")
        }
        Some("SUCCEEDED") => match result {
            None => Answer::Succeeded(None),
            Some(Value::String(text)) => Answer::Succeeded(Some(text.clone())),
            Some(_) => Answer::Invalid("Invalid Result in invocation output."),
        },
        Some("FAILED") if result.is_some() => Answer::Invalid("Cannot provide a Result for FAILED status."),
        Some("FAILED") => Answer::Failed(error.map(error_object)),
        Some("PENDING") => Answer::Pending,
        _ => Answer::Invalid("Invalid Status in invocation output."),
    }
}

/// The members of an error object, and nothing else.
pub fn error_object(value: &Value) -> String {
    let mut error = serde_json::Map::new();
    for name in ["ErrorMessage", "ErrorType", "ErrorData"] {
        if let Some(text) = value[name].as_str() {
            error.insert(name.to_owned(), text.into());
        }
    }
    if let Some(trace) = value["StackTrace"].as_array() {
        let lines = trace.iter().filter(|line| line.is_string()).cloned();
        error.insert("StackTrace".to_owned(), lines.collect());
    }
    Value::Object(error).to_string()
}

/// An error object with a type and a message.
pub fn error(kind: &str, message: &str) -> String {
    json!({"ErrorType": kind, "ErrorMessage": message}).to_string()
}

/// An error object with a message alone.
pub fn message(message: &str) -> String {
    json!({"ErrorMessage": message}).to_string()
}

/// The error object of a function's own error document (`errorMessage`, `errorType`, `stackTrace`).
pub fn of_function(payload: &[u8]) -> String {
    let document: Value = serde_json::from_slice(payload).unwrap_or_default();
    let told = json!({
        "ErrorMessage": document["errorMessage"],
        "ErrorType": document["errorType"],
        "StackTrace": document["stackTrace"],
    });
    error_object(&told)
}

/// What whoever waits for an execution gets where it failed: the function's own error document.
pub fn for_waiter(error: &str) -> Vec<u8> {
    let error: Value = serde_json::from_str(error).unwrap_or_default();
    let mut document = serde_json::Map::new();
    for (from, to) in
        [("ErrorMessage", "errorMessage"), ("ErrorType", "errorType"), ("StackTrace", "stackTrace")]
    {
        if !error[from].is_null() {
            document.insert(to.to_owned(), error[from].clone());
        }
    }
    Value::Object(document).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers that AWS's SDKs for durable execution give (InvocationStatus).
    #[test]
    fn answers() {
        let some = |text: &str| Some(text.to_owned());
        let cases: [(&str, Answer); 9] = [
            (r#"{"Status":"SUCCEEDED","Result":"\"x\""}"#, Answer::Succeeded(some("\"x\""))),
            (r#"{"Status":"SUCCEEDED"}"#, Answer::Succeeded(None)),
            (r#"{"Status":"PENDING"}"#, Answer::Pending),
            (r#"{"Status":"FAILED"}"#, Answer::Failed(None)),
            (
                r#"{"Status":"FAILED","Error":{"ErrorMessage":"m","Other":1}}"#,
                Answer::Failed(some(r#"{"ErrorMessage":"m"}"#)),
            ),
            (
                r#"{"Status":"FAILED","Result":"1"}"#,
                Answer::Invalid("Cannot provide a Result for FAILED status."),
            ),
            (
                r#"{"Status":"SUCCEEDED","Error":{}}"#,
                Answer::Invalid("Cannot provide an Error for SUCCEEDED status."),
            ),
            (r#"{"foo":1}"#, Answer::Invalid("Invalid Status in invocation output.")),
            ("null", Answer::Invalid("Invalid Status in invocation output.")),
        ];
        for (text, answer) in cases {
            assert_eq!(read(text.as_bytes()), answer, "{text}");
        }
        assert!(matches!(read("[".repeat(1_000_000).as_bytes()), Answer::Invalid(_)));
    }

    #[test]
    fn errors_of_functions_go_there_and_back() {
        let told = of_function(br#"{"errorMessage":"m","errorType":"T","stackTrace":["a",1]}"#);
        assert_eq!(told, r#"{"ErrorMessage":"m","ErrorType":"T","StackTrace":["a"]}"#);
        let back: Value = serde_json::from_slice(&for_waiter(&told)).unwrap();
        assert_eq!(back, json!({"errorMessage": "m", "errorType": "T", "stackTrace": ["a"]}));
        assert_eq!(of_function(b"no json"), "{}");
    }
}

//! How detailed the events of a log in JSON are: Lambda's own by what they tell, a function's by what their line says.
//! Evidence: Lambda developer guide, "Configuring advanced logging controls" (log-level filtering; system log level
//! event mapping).

use serde::Deserialize;
use serde_json::Value;

/// From what is told least to what is told always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `TRACE`
    Trace,
    /// `DEBUG`
    Debug,
    /// `INFO`
    Info,
    /// `WARN`, `WARNING` in Python
    Warn,
    /// `ERROR`
    Error,
    /// `FATAL`, `CRITICAL` in Python
    Fatal,
}

impl Level {
    /// The level that a setting or a line names.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "TRACE" => Level::Trace,
            "DEBUG" => Level::Debug,
            "INFO" => Level::Info,
            "WARN" | "WARNING" => Level::Warn,
            "ERROR" => Level::Error,
            "FATAL" | "CRITICAL" => Level::Fatal,
            _ => return None,
        })
    }

    /// That of an event of Lambda's own, such as `platform.start`.
    pub fn of_system(kind: &str, record: &Value) -> Self {
        let failed = record["status"].as_str().is_some_and(|status| status != "success");
        match kind {
            _ if failed => Level::Warn,
            "platform.initStart" | "platform.initRuntimeDone" | "platform.runtimeDone" => Level::Debug,
            "platform.initReport" if record["initializationType"] == "on-demand" => Level::Debug,
            _ => Level::Info,
        }
    }

    /// That of a line of a function. One that is no JSON document has none, one that names no level is of `INFO`.
    pub fn of_line(line: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Line {
            level: Option<Value>,
        }
        if line.first() != Some(&b'{') {
            return None;
        }
        let line: Line = serde_json::from_slice(line).ok()?;
        let named = line.level.as_ref().and_then(Value::as_str).and_then(Level::named);
        Some(named.unwrap_or(Level::Info))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_lambdas_own_events() {
        let done = json!({"status": "success", "initializationType": "on-demand"});
        for (kind, record, level) in [
            ("platform.start", json!({}), Level::Info),
            ("platform.report", done.clone(), Level::Info),
            ("platform.report", json!({"status": "timeout"}), Level::Warn),
            ("platform.runtimeDone", done.clone(), Level::Debug),
            ("platform.runtimeDone", json!({"status": "error"}), Level::Warn),
            ("platform.initReport", done, Level::Debug),
            ("platform.initReport", json!({"initializationType": "provisioned-concurrency"}), Level::Info),
            ("platform.extension", json!({"state": "Ready"}), Level::Info),
        ] {
            assert_eq!(Level::of_system(kind, &record), level, "{kind} {record}");
        }
    }

    #[test]
    fn of_lines() {
        for (line, level) in [
            ("plain", None),
            ("{broken", None),
            (r#"{"level": "debug", "msg": "x"}"#, Some(Level::Debug)),
            (r#"{"level":"WARNING"}"#, Some(Level::Warn)),
            (r#"{"level":"CRITICAL"}"#, Some(Level::Fatal)),
            (r#"{"level":30}"#, Some(Level::Info)),
            (r#"{"msg":"x"}"#, Some(Level::Info)),
        ] {
            assert_eq!(Level::of_line(line.as_bytes()), level, "{line}");
        }
    }
}

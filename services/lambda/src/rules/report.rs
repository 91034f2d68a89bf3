//! What Lambda itself writes: the lines around an invocation in the log, and the errors that a function's
//! environment ends with. Texts are those of Lambda's log of a function and of its Invoke answers.

use crate::compute::{Form, Initialization};
use crate::state::Configuration;
use names::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// How an invocation ended, for its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The function answered, or raised its own error.
    Done,
    /// It ran longer than it may.
    TimedOut,
    /// Its environment ended: the type of the error.
    Failed(String),
}

/// What a report says.
#[derive(Debug, Clone)]
pub struct Report {
    /// The invocation.
    pub request_id: String,
    /// How long it took.
    pub duration: Duration,
    /// How long its environment took to begin, where it was new.
    pub init: Option<Duration>,
    /// The function's memory, in MB.
    pub memory_mb: u32,
    /// How it ended.
    pub ending: Ending,
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The line before what the function writes.
pub fn start(request_id: &str, version: &str) -> String {
    format!("START RequestId: {request_id} Version: {version}\n")
}

/// What is told of an invocation that begins.
pub fn start_record(request_id: &str, version: &str) -> Value {
    json!({"requestId": request_id, "version": version})
}

/// A line of a log in JSON.
pub fn json_line(at: Timestamp, kind: &str, record: &Value) -> String {
    format!("{}\n", event(&at.iso8601_millis(), kind, record))
}

/// An event of Lambda's own, in the order that AWS gives its fields.
pub fn event(time: &str, kind: &str, record: &Value) -> String {
    format!(r#"{{"time":"{time}","type":"{kind}","record":{record}}}"#)
}

/// Something of an environment that Lambda tells of.
#[derive(Debug)]
pub struct Told {
    /// When it was.
    pub at: Timestamp,
    /// Its type.
    pub kind: &'static str,
    /// What is to be known of it.
    pub record: Value,
    /// The line of a log in text, where it has one.
    pub line: Option<String>,
}

/// What is told of who listens to what happens.
pub fn subscribed(at: Timestamp, name: &str, form: Form, types: &[String]) -> Told {
    let (kind, word, spelled): (_, _, fn(&str) -> String) = match form {
        Form::Telemetry => ("platform.telemetrySubscription", "TELEMETRY", capital),
        Form::Logs => ("platform.logsSubscription", "LOGS", str::to_owned),
    };
    let listed = types.iter().map(|kind| spelled(kind)).collect::<Vec<_>>().join(", ");
    let line = format!("{word}\tName: {name}\tState: Subscribed\tTypes: [{listed}]\n");
    Told { at, kind, record: json!({"name": name, "state": "Subscribed", "types": types}), line: Some(line) }
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_ascii_uppercase() + rest
}

/// What is told of an extension that is ready.
pub fn extension(at: Timestamp, name: &str, events: &[&str]) -> Told {
    let line = format!("EXTENSION\tName: {name}\tState: Ready\tEvents: [{}]\n", events.join(","));
    let record = json!({"name": name, "state": "Ready", "events": events});
    Told { at, kind: "platform.extension", record, line: Some(line) }
}

/// What is told of an environment that has begun, at the time that it began and the one that it was ready.
pub fn beginning(
    configuration: &Configuration,
    kind: Initialization,
    took: Duration,
    ready: Timestamp,
) -> [Told; 3] {
    let since = ready.plus_millis(-i64::try_from(took.as_millis()).unwrap_or(0));
    let told = |at, kind, record| Told { at, kind, record, line: None };
    let begun = json!({
        "initializationType": kind.as_str(), "phase": "init",
        "functionName": configuration.name, "functionVersion": configuration.version,
    });
    let done = json!({"initializationType": kind.as_str(), "phase": "init", "status": "success"});
    let mut report = done.clone();
    report["metrics"] = json!({"durationMs": rounded(millis(took))});
    [
        told(since, "platform.initStart", begun),
        told(ready, "platform.initRuntimeDone", done),
        told(ready, "platform.initReport", report),
    ]
}

/// With the digits that a report has.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

impl Report {
    fn status(&self) -> &'static str {
        match self.ending {
            Ending::Done => "success",
            Ending::TimedOut => "timeout",
            Ending::Failed(_) => "error",
        }
    }

    /// What is told of a function that has answered.
    pub fn done_record(&self) -> Value {
        json!({
            "requestId": self.request_id, "status": self.status(),
            "metrics": {"durationMs": rounded(millis(self.duration))},
        })
    }

    /// What is told of an invocation that is over.
    pub fn record(&self, used_mb: u64) -> Value {
        let billed = millis(self.duration + self.init.unwrap_or_default()).ceil();
        let mut record = json!({
            "requestId": self.request_id, "status": self.status(),
            "metrics": {
                "durationMs": rounded(millis(self.duration)), "billedDurationMs": billed,
                "memorySizeMB": self.memory_mb, "maxMemoryUsedMB": used_mb,
            },
        });
        if let Some(init) = self.init {
            record["metrics"]["initDurationMs"] = rounded(millis(init)).into();
        }
        if let Ending::Failed(kind) = &self.ending {
            record["errorType"] = kind.as_str().into();
        }
        record
    }

    /// The most memory that its environment had, in MB, of what was seen of it: no more than it may have, and all of
    /// that where it ended for lack of it.
    pub fn used_mb(&self, seen_mb: u64) -> u64 {
        let most = u64::from(self.memory_mb);
        match &self.ending {
            Ending::Failed(kind) if kind == "Runtime.OutOfMemory" => most,
            _ => seen_mb.min(most),
        }
    }

    /// The lines behind what the function writes; `used_mb` is the most memory that its environment had.
    pub fn lines(&self, used_mb: u64, at: Timestamp) -> Vec<String> {
        let id = &self.request_id;
        let mut lines = Vec::with_capacity(3);
        if self.ending == Ending::TimedOut {
            let seconds = self.duration.as_secs_f64();
            lines.push(format!("{} {id} Task timed out after {seconds:.2} seconds\n\n", at.iso8601_millis()));
        }
        lines.push(format!("END RequestId: {id}\n"));
        // Lambda bills the time that an environment takes to begin (since August 2025).
        let billed = millis(self.duration + self.init.unwrap_or_default()).ceil();
        let duration = millis(self.duration);
        let mut line = format!(
            "REPORT RequestId: {id}\tDuration: {duration:.2} ms\tBilled Duration: {billed:.0} ms\tMemory Size: {} MB\t\
             Max Memory Used: {used_mb} MB\t",
            self.memory_mb
        );
        if let Some(init) = self.init {
            line.push_str(&format!("Init Duration: {:.2} ms\t", millis(init)));
        }
        match &self.ending {
            Ending::Done => {}
            Ending::TimedOut => line.push_str("Status: timeout"),
            Ending::Failed(kind) => line.push_str(&format!("Status: error\tError Type: {kind}")),
        }
        line.push('\n');
        lines.push(line);
        lines
    }
}

/// The answer of an invocation that ran longer than it may.
pub fn timed_out(request_id: &str, timeout_s: u32) -> Vec<u8> {
    let message = format!("RequestId: {request_id} Error: Task timed out after {timeout_s}.00 seconds");
    json!({"errorType": "Sandbox.Timedout", "errorMessage": message}).to_string().into_bytes()
}

/// The answer of an invocation whose environment ended: the type of its error and why it ended.
pub fn ended(request_id: &str, kind: &str, why: &str) -> Vec<u8> {
    let message = format!("RequestId: {request_id} Error: {why}");
    json!({"errorType": kind, "errorMessage": message}).to_string().into_bytes()
}

/// The answer of an invocation whose own answer is too large.
pub fn answer_too_large(limit: usize) -> Vec<u8> {
    let message = format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
    json!({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ending: Ending, init: Option<Duration>) -> Report {
        Report {
            request_id: "id".to_owned(),
            duration: Duration::from_micros(3_000_120),
            init,
            memory_mb: 128,
            ending,
        }
    }

    /// Lines of functions' logs, as the Lambda developer guide shows them ("Working with function logs").
    #[test]
    fn lines() {
        assert_eq!(start("id", "$LATEST"), "START RequestId: id Version: $LATEST\n");
        let done = report(Ending::Done, Some(Duration::from_millis(12))).lines(34, Timestamp(0));
        assert_eq!(
            done,
            [
                "END RequestId: id\n",
                "REPORT RequestId: id\tDuration: 3000.12 ms\tBilled Duration: 3013 ms\tMemory Size: 128 MB\tMax Memory \
                 Used: 34 MB\tInit Duration: 12.00 ms\t\n"
            ]
        );
        let late = report(Ending::TimedOut, None).lines(34, Timestamp(0));
        assert_eq!(late[0], "1970-01-01T00:00:00.000Z id Task timed out after 3.00 seconds\n\n");
        assert!(late[2].ends_with("Status: timeout\n"));
        let dead = report(Ending::Failed("Runtime.ExitError".to_owned()), None).lines(34, Timestamp(0));
        assert!(dead[1].ends_with("\tStatus: error\tError Type: Runtime.ExitError\n"), "{dead:?}");
    }

    /// Lines of the log that Datadog's documentation shows of a function with its extension.
    #[test]
    fn extensions_and_who_listens() {
        let types = ["platform", "function"].map(str::to_owned);
        let told = subscribed(Timestamp(0), "agent", Form::Telemetry, &types);
        let line = "TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform, Function]\n";
        assert_eq!((told.line.as_deref(), &told.record["types"]), (Some(line), &json!(types)));
        let told = extension(Timestamp(0), "agent", &["INVOKE", "SHUTDOWN"]);
        let line = "EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n";
        assert_eq!(told.line.as_deref(), Some(line));
    }

    #[test]
    fn the_most_memory_is_that_of_the_function() {
        assert_eq!(report(Ending::Done, None).used_mb(34), 34);
        assert_eq!(report(Ending::Done, None).used_mb(130), 128);
        assert_eq!(report(Ending::Failed("Runtime.OutOfMemory".to_owned()), None).used_mb(5), 128);
    }

    #[test]
    fn errors() {
        let late = String::from_utf8(timed_out("id", 3)).unwrap();
        assert!(
            late.contains(r#""errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds""#),
            "{late}"
        );
        assert!(late.contains(r#""errorType":"Sandbox.Timedout""#), "{late}");
    }
}

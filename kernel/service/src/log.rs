//! Log lines of the region itself, on standard error: for people or as JSON, each with the id of what it
//! belongs to. Never a secret. Lines of users' functions go to the room that keeps logs.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

static AS_JSON: AtomicBool = AtomicBool::new(false);

/// Writes log lines.
pub struct Log;

impl Log {
    /// Chooses the form of all lines, once, before the region starts.
    pub fn write_json(json: bool) {
        AS_JSON.store(json, Ordering::Relaxed);
    }

    /// What happened that needs nobody.
    pub fn info(id: &str, message: &str) {
        line("INFO", id, message);
    }

    /// What may need somebody.
    pub fn warn(id: &str, message: &str) {
        line("WARN", id, message);
    }

    /// What failed.
    pub fn error(id: &str, message: &str) {
        line("ERROR", id, message);
    }
}

fn line(level: &str, id: &str, message: &str) {
    let text = if AS_JSON.load(Ordering::Relaxed) {
        let (id, message) = (quoted(id), quoted(message));
        format!("{{\"level\":\"{level}\",\"id\":{id},\"message\":{message}}}\n")
    } else {
        format!("{level:5} {id} {}\n", message.replace('\n', "\\n"))
    };
    // A log that cannot be written has nowhere to say so.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// A JSON text.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(quoted("a\"b\\c\nd\u{1}"), "\"a\\\"b\\\\c\\nd\\u0001\"");
    }
}

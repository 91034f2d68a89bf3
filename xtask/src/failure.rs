//! Why a verb failed, and the command that repeats the failing part alone.

use std::fmt;

/// The one error of all verbs: it is only ever printed.
#[derive(Debug)]
pub struct Failure {
    what: String,
    said: Vec<String>,
    rerun: Option<String>,
}

impl Failure {
    /// A failure in one sentence, without a full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Failure { what: what.into(), said: Vec::new(), rerun: None }
    }

    /// Repeats what was printed last, for who sees only the end of a long run.
    pub fn said(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.said.extend(lines);
        self
    }

    /// Names the command that repeats only this.
    pub fn rerun(mut self, command: impl Into<String>) -> Self {
        self.rerun = Some(command.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for line in &self.said {
            write!(f, "\n  | {line}")?;
        }
        match &self.rerun {
            Some(command) => write!(f, "\n  again: {command}"),
            None => Ok(()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure::new(error.to_string())
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Failure::new(what)
    }
}

impl From<&str> for Failure {
    fn from(what: &str) -> Self {
        Failure::new(what)
    }
}

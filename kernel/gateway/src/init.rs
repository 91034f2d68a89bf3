//! What became of the init scripts, as `/_localstack/init` shows it. Running them is the binary's.

use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// When scripts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before anything is started.
    Boot,
    /// When the region starts.
    Start,
    /// When it serves.
    Ready,
    /// When it stops.
    Shutdown,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Stage; 4] = [Stage::Boot, Stage::Start, Stage::Ready, Stage::Shutdown];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Boot => "BOOT",
            Stage::Start => "START",
            Stage::Ready => "READY",
            Stage::Shutdown => "SHUTDOWN",
        }
    }

    /// The folder of its scripts.
    pub fn folder(self) -> &'static str {
        match self {
            Stage::Boot => "boot.d",
            Stage::Start => "start.d",
            Stage::Ready => "ready.d",
            Stage::Shutdown => "shutdown.d",
        }
    }
}

/// What became of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptState {
    /// It runs.
    Running,
    /// It ended with status 0.
    Successful,
    /// It ended with another status, or could not be started.
    Error,
}

impl ScriptState {
    fn name(self) -> &'static str {
        match self {
            ScriptState::Running => "RUNNING",
            ScriptState::Successful => "SUCCESSFUL",
            ScriptState::Error => "ERROR",
        }
    }
}

/// What became of all scripts.
#[derive(Default)]
pub struct InitReport(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    scripts: Vec<(Stage, String, ScriptState)>,
    completed: Vec<Stage>,
}

impl InitReport {
    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A script begins or ends.
    pub fn script(&self, stage: Stage, name: &str, state: ScriptState) {
        let mut progress = self.progress();
        match progress.scripts.iter_mut().find(|(of, known, _)| *of == stage && known == name) {
            Some(script) => script.2 = state,
            None => progress.scripts.push((stage, name.to_owned(), state)),
        }
    }

    /// All scripts of a stage have ended.
    pub fn complete(&self, stage: Stage) {
        let mut progress = self.progress();
        if !progress.completed.contains(&stage) {
            progress.completed.push(stage);
        }
    }

    /// Everything.
    pub fn report(&self) -> Value {
        let progress = self.progress();
        let completed: serde_json::Map<String, Value> = Stage::ALL
            .iter()
            .map(|stage| (stage.name().to_owned(), Value::from(progress.completed.contains(stage))))
            .collect();
        let scripts: Vec<Value> = progress.scripts.iter().map(script).collect();
        json!({"completed": completed, "scripts": scripts})
    }

    /// One stage, by its name in any case.
    pub fn stage(&self, name: &str) -> Option<Value> {
        let stage = Stage::ALL.into_iter().find(|stage| stage.name().eq_ignore_ascii_case(name))?;
        let progress = self.progress();
        let scripts: Vec<Value> =
            progress.scripts.iter().filter(|(of, ..)| *of == stage).map(script).collect();
        Some(json!({"completed": progress.completed.contains(&stage), "scripts": scripts}))
    }
}

fn script((stage, name, state): &(Stage, String, ScriptState)) -> Value {
    json!({"stage": stage.name(), "name": name, "state": state.name()})
}

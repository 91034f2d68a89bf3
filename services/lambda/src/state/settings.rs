//! What the owner of a function chooses.

use super::Code;
use names::Arn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the owner of a function chooses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `python3.11`
    pub runtime: String,
    /// The execution role.
    pub role: Arn,
    /// What is called.
    pub handler: String,
    /// For people.
    pub description: String,
    /// Longest invocation, in seconds.
    pub timeout_s: u32,
    /// Its memory, in MB.
    pub memory_mb: u32,
    /// Room in `/tmp`, in MB.
    pub storage_mb: u32,
    /// Environment variables.
    pub environment: Option<BTreeMap<String, String>>,
    /// The key that they are encrypted with.
    pub kms_key: Option<String>,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `Active` or `PassThrough`.
    pub tracing: String,
    /// `PublishedVersions` or `None`.
    pub snap_start: String,
    /// Where events go that could not be processed.
    pub dead_letter: Option<Arn>,
    /// The log group, where it is not `/aws/lambda/{name}`.
    pub log_group: Option<String>,
    /// The levels of logs in JSON; none where they are text.
    pub json_logs: Option<LogLevels>,
    /// Its layers, the lowest first.
    pub layers: Vec<LayerUse>,
    /// What of its image's configuration is another.
    pub image: ImageChoices,
}

/// From which level on lines are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLevels {
    /// Of the function.
    pub application: String,
    /// Of Lambda itself.
    pub system: String,
}

/// A version of a layer that a function has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerUse {
    /// The version's ARN.
    pub arn: Arn,
    /// Its content.
    pub code: Code,
}

/// What of an image's configuration is another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChoices {
    /// The program.
    pub entry_point: Option<Vec<String>>,
    /// Its arguments.
    pub command: Option<Vec<String>>,
    /// Where it starts.
    pub working_directory: Option<String>,
}

/// The first version of the record.
#[derive(Serialize, Deserialize)]
pub(super) struct SettingsV1 {
    runtime: String,
    role: Arn,
    handler: String,
    description: String,
    timeout_s: u32,
    memory_mb: u32,
    storage_mb: u32,
    environment: Option<BTreeMap<String, String>>,
    kms_key: Option<String>,
    architecture: String,
    tracing: String,
    snap_start: String,
    dead_letter: Option<Arn>,
    log_group: Option<String>,
}

impl From<SettingsV1> for Settings {
    fn from(old: SettingsV1) -> Self {
        Settings {
            runtime: old.runtime,
            role: old.role,
            handler: old.handler,
            description: old.description,
            timeout_s: old.timeout_s,
            memory_mb: old.memory_mb,
            storage_mb: old.storage_mb,
            environment: old.environment,
            kms_key: old.kms_key,
            architecture: old.architecture,
            tracing: old.tracing,
            snap_start: old.snap_start,
            dead_letter: old.dead_letter,
            log_group: old.log_group,
            json_logs: None,
            layers: Vec::new(),
            image: ImageChoices::default(),
        }
    }
}

//! What the edge is started with.

use crate::init::InitReport;
use crate::state::Load;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How permissions are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IamMode {
    /// Nothing is evaluated.
    Off,
    /// Everything is evaluated; what would be refused is recorded and let through.
    Warn,
    /// What is not allowed is refused.
    Enforce,
}

impl IamMode {
    /// The mode of a name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "off" => Some(IamMode::Off),
            "warn" => Some(IamMode::Warn),
            "enforce" => Some(IamMode::Enforce),
            _ => None,
        }
    }
}

/// Where the region stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// A developer's machine.
    Dev,
    /// A test run.
    Ci,
    /// A machine that serves others: `enforce`, and no well-known keys.
    Host,
}

impl Profile {
    /// The profile of a name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "dev" => Some(Profile::Dev),
            "ci" => Some(Profile::Ci),
            "host" => Some(Profile::Host),
            _ => None,
        }
    }
}

/// Looks of an advance of virtual time, unless it is told otherwise.
pub const SETTLE_LOOKS: u32 = 20_000;

/// What the edge is started with.
#[derive(Clone)]
pub struct EdgeConfig {
    /// How permissions are treated.
    pub iam: IamMode,
    /// Where the region stands.
    pub profile: Profile,
    /// Hosts besides loopback names that requests may name, with all names under them; `*` for any.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages, besides loopback ones, that may call the region.
    pub allowed_origins: Vec<String>,
    /// How often an advance of virtual time looks whether everything is quiet, a millisecond apart, before it
    /// says what is not.
    pub settle_looks: u32,
    /// The version that `/_localstack/info` and `/_localstack/health` say.
    pub version: &'static str,
    /// What became of the init scripts.
    pub init: Arc<InitReport>,
    /// Where saved states go that are to be loaded; `None` in a region that cannot.
    pub loads: Option<mpsc::Sender<Load>>,
}

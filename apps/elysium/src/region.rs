//! Putting a region together from a configuration: engine, store, rooms, ports.

use crate::config::Config;
use elysium::rooms;
use gateway::{EdgeConfig, IamMode, InitReport, Load, Region, certificates};
use sandbox::{Launcher, LauncherConfig, LocalRunner, RunId};
use service::{Clock, Entropy, Settings};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{DataDirectory, MemoryEngine, Options, Store};
use tokio::sync::mpsc;

/// Threads that one room may use at once for long pure work.
const COMPUTE_SHARE: usize = 2;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Opens the store that the configuration asks for.
pub fn open_store(config: &Config) -> Result<Store, String> {
    let opened = match &config.data_dir {
        None => Store::open(Box::new(MemoryEngine::new()), Options::in_memory()),
        Some(folder) => {
            let directory = DataDirectory::open(folder).map_err(|error| {
                format!("the data directory {} cannot be used: {error}", folder.display())
            })?;
            let engine = engine_fjall::FjallEngine::open(&directory.engine_path())
                .map_err(|error| format!("the storage engine cannot be opened: {error}"))?;
            let options = Options::in_directory(directory).map_err(|error| error.to_string())?;
            Store::open(Box::new(engine), options)
        }
    };
    opened.map_err(|error| error.to_string())
}

/// The folder of files that are no state: bootstraps, functions' scratch space.
fn scratch(config: &Config) -> io::Result<PathBuf> {
    let folder = match &config.data_dir {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("elysium-{}", std::process::id())),
    };
    std::fs::create_dir_all(&folder)?;
    folder.canonicalize()
}

/// The id of a data directory, the same at every start over it.
fn directory_id(folder: &Path, entropy: &Entropy) -> io::Result<String> {
    let file = folder.join("id");
    if let Ok(id) = std::fs::read_to_string(&file) {
        return Ok(id.trim().to_owned());
    }
    let id = entropy.hex(16);
    std::fs::write(&file, &id)?;
    Ok(id)
}

/// Starts the launcher after ending what an earlier start over this folder left behind.
async fn start_launcher(folder: &Path, entropy: &Entropy) -> Result<Launcher, String> {
    let refused = |error: &dyn std::fmt::Debug| format!("the launcher cannot be started: {error:?}");
    let id = directory_id(folder, entropy).map_err(|error| refused(&error))?;
    let boot = entropy.hex(16);
    sandbox::sweep(&id, &boot).map_err(|error| refused(&error))?;
    let run = RunId::new(&id, &boot).ok_or_else(|| refused(&"the data directory's id is damaged"))?;
    let executable = std::env::current_exe().map_err(|error| refused(&error))?;
    Launcher::start(LauncherConfig { executable, run }).await.map_err(|error| refused(&error))
}

/// What is around a region and stays when another state is loaded.
pub struct Ground {
    clock: Clock,
    entropy: Entropy,
    settings: Settings,
    edge: EdgeConfig,
    queue_urls: sqs::UrlForm,
    runner: Arc<LocalRunner>,
    /// What starts processes.
    pub launcher: Launcher,
    /// The region's certificates.
    pub tls: Arc<rustls::ServerConfig>,
}

/// Makes ready what a region needs. Within the runtime.
pub async fn prepare(config: &Config, loads: mpsc::Sender<Load>) -> Result<Ground, String> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let folder = scratch(config).map_err(|error| error.to_string())?;
    let tls_dir = config.data_dir.as_ref().map(|folder| folder.join("tls"));
    let tls = certificates(tls_dir.as_deref()).map_err(|error| error.to_string())?;
    let launcher = start_launcher(&folder, &entropy).await?;
    let settings = Settings {
        fidelity: config.fidelity,
        endpoint: format!("http://{}", std::net::SocketAddr::new(config.listen, config.port)),
        data_dir: folder,
        compute_share: COMPUTE_SHARE,
        enforces: config.iam == IamMode::Enforce,
    };
    let edge = EdgeConfig {
        iam: config.iam,
        profile: config.profile,
        allowed_hosts: config.allowed_hosts.clone(),
        allowed_origins: config.allowed_origins.clone(),
        settle_looks: gateway::SETTLE_LOOKS,
        version: VERSION,
        init: Arc::default(),
        loads: Some(loads),
    };
    let runner = LocalRunner::new(launcher.clone(), config.isolation, config.egress.clone());
    let (queue_urls, runner, tls) = (config.queue_urls, Arc::new(runner), tls.server);
    Ok(Ground { clock, entropy, settings, edge, queue_urls, runner, launcher, tls })
}

impl Ground {
    /// Puts the region together over a state.
    pub async fn assemble(&self, store: Store) -> Result<Region, String> {
        let time = (self.clock.clone(), self.entropy.clone());
        let (settings, edge, runner) = (self.settings.clone(), self.edge.clone(), self.runner.clone());
        Region::assemble(rooms::all_with(self.queue_urls), store, time, settings, edge, Some(runner))
            .await
            .map_err(|error| error.to_string())
    }

    /// The URL of the region.
    pub fn endpoint(&self) -> &str {
        &self.settings.endpoint
    }

    /// What became of the init scripts.
    pub fn init(&self) -> &InitReport {
        &self.edge.init
    }
}

//! `doctor`: what this machine can do for users' code, each tried rather than assumed.

use super::{Failure, no_more, say, take_switch};
use ports::runner::Probe;
use sandbox::{Launcher, LauncherConfig, RunId};

/// The launcher tries: in its one thread a trial in a forked child is sound.
async fn probe() -> Result<Probe, Failure> {
    let failed =
        |error: &dyn std::fmt::Debug| Failure::Failed(format!("the launcher cannot be asked: {error:?}"));
    let run = RunId::new("doctor", &std::process::id().to_string()).ok_or_else(|| failed(&"no run id"))?;
    let config = LauncherConfig { executable: std::env::current_exe()?, run };
    let launcher = Launcher::start(config).await.map_err(|error| failed(&error))?;
    let probe = launcher.probe().await.map_err(|error| failed(&error))?;
    launcher.stop().await.map_err(|error| failed(&error))?;
    Ok(probe)
}

/// Says it.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (json, rest) = take_switch(arguments, "--json");
    no_more(&rest)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let probe = runtime.block_on(probe())?;
    let value = serde_json::to_value(&probe).map_err(|error| Failure::Failed(error.to_string()))?;
    if json {
        say(&value.to_string());
        return Ok(());
    }
    for (name, found) in value.as_object().into_iter().flatten() {
        say(&format!("{name:18} {}", found.to_string().replace('"', "")));
    }
    Ok(())
}

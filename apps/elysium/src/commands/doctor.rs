//! `doctor`: what this machine can do for users' code, each tried rather than assumed.

use super::{Failure, no_more, say, take_switch};
use ports::runner::{Found, Level, Probe};
use sandbox::runtimes::{ManagedRuntime, SearchPlaces};
use sandbox::{Launcher, LauncherConfig, RunId};
use std::collections::BTreeMap;

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

/// The managed runtimes of functions, and what runs each of them here.
fn runtimes() -> BTreeMap<String, Found> {
    #[expect(clippy::disallowed_methods, reason = "interpreters are found where this user finds them")]
    let places = SearchPlaces::of_environment(std::env::var_os("PATH"), std::env::var_os("HOME"));
    let look = &|runtime: ManagedRuntime| match places.find(runtime) {
        Ok(found) => Found::Present(format!("{} at {}", found.version, found.path.display())),
        Err(error) => Found::Absent(error.to_string()),
    };
    // Each candidate is run and says what it is: all at once is not much longer than one after the other.
    std::thread::scope(|scope| {
        let looks: Vec<_> =
            ManagedRuntime::all().map(|runtime| (runtime, scope.spawn(move || look(runtime)))).collect();
        let found = looks.into_iter().map(|(runtime, look)| {
            let found = look.join().unwrap_or_else(|_| Found::Absent("the search failed".to_owned()));
            (runtime.to_string(), found)
        });
        found.collect()
    })
}

/// Whether sandboxes can wait for functions: code is mounted into them from outside, which nobody but root may do with
/// folders of this machine.
fn waiting(probe: &Probe) -> Found {
    match probe.levels.get(&Level::Sandbox) {
        Some(Found::Present(_)) if probe.root => {
            Found::Present("sandboxes and interpreters begin ahead of functions".to_owned())
        }
        Some(Found::Present(_)) => Found::Absent(
            "only root can show a function's code to a sandbox that is there already: each is made when it is wanted"
                .to_owned(),
        ),
        _ => Found::Absent("there are no sandboxes".to_owned()),
    }
}

/// Says it.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (json, rest) = take_switch(arguments, "--json");
    no_more(&rest)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let probe = runtime.block_on(probe())?;
    let failed = |error: serde_json::Error| Failure::Failed(error.to_string());
    let mut value = serde_json::to_value(&probe).map_err(failed)?;
    value["waiting"] = serde_json::to_value(waiting(&probe)).map_err(failed)?;
    if !json {
        eprintln!("Looking for interpreters …");
    }
    value["runtimes"] = serde_json::to_value(runtimes()).map_err(failed)?;
    if json {
        say(&value.to_string());
        return Ok(());
    }
    for (name, found) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != "runtimes") {
        say(&format!("{name:18} {}", found.to_string().replace('"', "")));
    }
    for (name, found) in value["runtimes"].as_object().into_iter().flatten() {
        let told = found["present"].as_str().or(found["absent"].as_str()).unwrap_or_default();
        say(&format!("{name:18} {told}"));
    }
    Ok(())
}

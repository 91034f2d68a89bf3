//! `start`: the region in the foreground, from the first lock to the last flush.

use super::stop::PID_FILE;
use super::{Failure, say, supervise};
use crate::config::{self, Config, LogFormat};
use crate::loading::Standing;
use crate::{hooks, region};
use elysium::rooms;
use gateway::{Door, IamMode, Profile, Server, Stage};
use service::Log;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// How long connections may take to end.
const DRAIN: Duration = Duration::from_secs(8);

/// Runs the region until SIGTERM or SIGINT.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let config = config::read(arguments).map_err(Failure::Usage)?;
    Log::write_json(config.log_format == LogFormat::Json);
    if config.supervise && !supervise::is_supervised() {
        return supervise::run(arguments);
    }
    let mut store = region::open_store(&config).map_err(Failure::Failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(&config, &mut store));
    // What still waits for clients is of no more use.
    runtime.shutdown_timeout(Duration::from_millis(200));
    store.close().map_err(|fault| Failure::Failed(format!("the store was not closed cleanly: {fault}")))?;
    if let Some(folder) = &config.data_dir {
        let _ = std::fs::remove_file(folder.join(PID_FILE));
    }
    served
}

/// Serves until told to stop; `store` is that of the present state, also when another was loaded.
async fn serve(config: &Config, store: &mut store::Store) -> Result<(), Failure> {
    let address = SocketAddr::new(config.listen, config.port);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Failed(format!("cannot listen on {address}: {error}")))?;
    let (sender, mut loads) = mpsc::channel(1);
    let ground = region::prepare(config, sender).await.map_err(Failure::Failed)?;
    let mut standing = Standing::over(&ground, store.clone()).await.map_err(Failure::Failed)?;
    let run_hooks =
        |stage| hooks::run(&ground.launcher, &config.init_dir, stage, ground.endpoint(), ground.init());
    run_hooks(Stage::Boot).await;
    run_hooks(Stage::Start).await;

    if let Some(folder) = &config.data_dir {
        std::fs::write(folder.join(PID_FILE), std::process::id().to_string())?;
    }
    introduce(config, &standing.region).await?;
    let (stop, stopping) = watch::channel(false);
    let door = Door::to(standing.region.pipeline().clone());
    let server = Server::new(door.clone(), ground.tls.clone(), stopping);
    let serving = tokio::spawn(server.run(listener, DRAIN));
    say("Ready.");
    run_hooks(Stage::Ready).await;

    let mut told = pin!(stop_signal());
    loop {
        tokio::select! {
            told = &mut told => break told?,
            Some(load) = loads.recv() => {
                standing = standing.load(&ground, &door, load).await.map_err(Failure::Failed)?;
                *store = standing.store.clone();
            }
        }
    }
    run_hooks(Stage::Shutdown).await;
    stop.send_replace(true);
    standing.region.stop().await;
    let _ = serving.await;
    ground
        .launcher
        .stop()
        .await
        .map_err(|error| Failure::Failed(format!("the launcher did not stop: {error:?}")))?;
    Ok(())
}

/// Says what the region's users must know before it serves.
async fn introduce(config: &Config, region: &gateway::Region) -> Result<(), Failure> {
    if config.profile == Profile::Host {
        let made = rooms::administrator(region.pipeline()).await.map_err(Failure::Failed)?;
        if let Some((access_key, secret)) = made {
            say(&format!("The administrator's key, shown this once: {access_key} {secret}"));
        }
    } else if config.iam == IamMode::Enforce {
        say(
            "Permissions are enforced; the key test with the secret test is the root of 000000000000, from loopback only.",
        );
    }
    Ok(())
}

async fn stop_signal() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

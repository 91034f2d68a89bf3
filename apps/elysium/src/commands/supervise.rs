//! `start --supervise`: the region as a child that is started again whenever it ends by itself.

use super::Failure;
use service::Log;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Says to the child that it is one.
const MARK: &str = "ELYSIUM_SUPERVISED";
/// Rest before the next start, so that one that cannot start does not spin.
const REST: Duration = Duration::from_millis(200);

/// Whether this process is the supervised one.
#[expect(clippy::disallowed_methods, reason = "the mark comes from the parent, before any configuration")]
pub fn is_supervised() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts the region again and again until it ends cleanly or a signal ends both.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(supervise(arguments))
}

async fn supervise(arguments: &[String]) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        let mut child =
            Command::new(std::env::current_exe()?).arg("start").args(arguments).env(MARK, "1").spawn()?;
        let ended: ExitStatus = tokio::select! {
            ended = child.wait() => ended?,
            _ = terminate.recv() => return pass_on(&mut child).await,
            _ = interrupt.recv() => return pass_on(&mut child).await,
        };
        if ended.success() {
            return Ok(());
        }
        Log::error("supervise", &format!("the region ended ({ended}) and is started again"));
        #[expect(clippy::disallowed_methods, reason = "there is no region whose clock could be asked")]
        tokio::time::sleep(REST).await;
    }
}

async fn pass_on(child: &mut tokio::process::Child) -> Result<(), Failure> {
    if let Some(pid) = child.id() {
        Command::new("kill").arg(pid.to_string()).status().await?;
    }
    child.wait().await?;
    Ok(())
}

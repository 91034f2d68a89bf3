//! Archives of classes: what a JVM loads of our bootstrap and of the JDK before it enters a handler, laid out as it lies
//! in memory. It is made once for each JDK, by a JVM that rehearses; without it each JVM begins as before, but later.

use super::machine::Command;
use super::template;
use ports::runner::{End, Level, Runner};
use service::{Clock, Ctx, Log};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;

/// How long a JVM may take to rehearse and to write what it has loaded.
const REHEARSAL: Duration = Duration::from_secs(60);
/// One of JDK 17 and of 25 has less than a megabyte; what is larger than this is none.
const MAX_BYTES: u64 = 64 << 20;
const MAX_COMPLAINT: u64 = 1 << 20;

/// The archives that were made or tried since the region began, by their files.
#[derive(Debug, Default)]
pub struct ClassArchives(Mutex<HashMap<PathBuf, Arc<OnceCell<()>>>>);

impl ClassArchives {
    /// Makes the archive `file` by a program that writes it to its output. Whoever comes meanwhile waits; one that
    /// cannot be made is not tried again.
    pub async fn make(
        &self,
        ctx: &Ctx,
        runner: &Arc<dyn Runner>,
        file: &Path,
        (command, tmp): (Command, PathBuf),
    ) {
        let tried = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(file.to_owned()).or_default().clone()
        };
        let make = || async move {
            if file.is_file() {
                return;
            }
            if let Err(why) = made(ctx, runner, file, (command, tmp)).await {
                Log::warn("lambda", &format!("JVMs begin without an archive of classes: {why}"));
            }
        };
        tried.get_or_init(make).await;
    }
}

async fn made(
    ctx: &Ctx,
    runner: &Arc<dyn Runner>,
    file: &Path,
    (command, tmp): (Command, PathBuf),
) -> Result<(), String> {
    let level = runner.level().await.map_err(|error| error.to_string())?;
    let bytes = rehearsed(runner, level, (command, tmp), &ctx.host().clock).await?;
    let draft = file.with_extension(format!("{}.draft", std::process::id()));
    let file = file.to_owned();
    let written =
        ctx.compute(move || std::fs::write(&draft, bytes).and_then(|()| std::fs::rename(&draft, &file)));
    let written = written.await.map_err(|error| error.message)?;
    written.map_err(|error| error.to_string())
}

/// What the program writes, where it ends well.
async fn rehearsed(
    runner: &Arc<dyn Runner>,
    level: Level,
    (command, tmp): (Command, PathBuf),
    clock: &Clock,
) -> Result<Vec<u8>, String> {
    let launched = runner.launch(template::rehearsal(level, command, tmp)).await;
    let sandbox = launched.map_err(|error| error.to_string())?;
    let (Some(output), Some(errors)) = (sandbox.take_stdout(), sandbox.take_stderr()) else {
        return Err("the rehearsal has no output".to_owned());
    };
    let (mut bytes, mut complaint) = (Vec::new(), Vec::new());
    let ended = async {
        let (mut output, mut errors) = (output.take(MAX_BYTES), errors.take(MAX_COMPLAINT));
        let (read, _) = tokio::join!(output.read_to_end(&mut bytes), errors.read_to_end(&mut complaint));
        read.map(|_| ()).map_err(|error| error.to_string())?;
        Ok::<_, String>(sandbox.exited().await.end)
    };
    let end = tokio::select! {
        end = ended => end?,
        () = clock.rest(REHEARSAL) => return Err("the rehearsal takes too long".to_owned()),
    };
    if end != End::Code(0) || bytes.is_empty() || bytes.len() as u64 == MAX_BYTES {
        return Err(format!("{end:?}, {}", String::from_utf8_lossy(&complaint)));
    }
    Ok(bytes)
}

/// The options by which a JVM uses an archive. One that is not of this very JDK it leaves alone, without a word.
pub fn options(archive: &Path) -> [OsString; 3] {
    let mut option = OsString::from("-XX:SharedArchiveFile=");
    option.push(archive);
    [option, "-Xlog:cds=off".into(), "-Xlog:cds+dynamic=off".into()]
}

//! Ending what an earlier run left behind, found by the run id in its environment.
//!
//! Needed only when both the daemon and the launcher were killed before they could end their
//! descendants. A process without this data directory's id, or of another user (the users of
//! its sandboxes excepted), is never touched.

use crate::launcher::is_of_sandbox;
use crate::process::Handle;
use crate::procfs::{self, Carried};
use crate::run_id::{RUN_ID_VARIABLE, RunId};
use crate::sys;
use std::io;
use std::time::Duration;

/// What is found may fork while it is looked for, so the search is repeated until it finds nothing.
const MAX_ROUNDS: usize = 16;
const PATIENCE: Duration = Duration::from_millis(200);

/// Ends every process that bears `data_dir_id` with another boot than `current_boot`; returns how many.
/// The data directory is locked by its daemon, so another boot is an older one. Blocks: some
/// microseconds for each process of this machine.
pub fn sweep(data_dir_id: &str, current_boot: &str) -> io::Result<usize> {
    let ended = end_all(|run| run.data_dir() == data_dir_id && run.boot() != current_boot)?;
    crate::launcher::groups::sweep(data_dir_id, current_boot);
    Ok(ended)
}

/// Ends every process of one run: what a launcher that was itself killed could not end. Returns how many.
pub fn sweep_boot(run: &RunId) -> io::Result<usize> {
    end_all(|other| other == run)
}

fn end_all(condemned: impl Fn(&RunId) -> bool) -> io::Result<usize> {
    let mut total = 0;
    for _ in 0..MAX_ROUNDS {
        let round = end_once(&condemned)?;
        if round.is_empty() {
            break;
        }
        total += round.len();
        for process in &round {
            process.ended_within(PATIENCE)?;
        }
    }
    Ok(total)
}

fn end_once(condemned: &impl Fn(&RunId) -> bool) -> io::Result<Vec<Handle>> {
    let myself = std::process::id() as i32;
    let user = sys::process::user();
    let mut ended = Vec::new();
    for pid in procfs::pids()?.filter(|pid| *pid != myself) {
        // Held before it is judged, so that what is judged is what is ended.
        let Ok(process) = Handle::open(pid.unsigned_abs()) else { continue };
        if !procfs::owner(pid).is_some_and(|owner| owner == user || user == 0 && is_of_sandbox(owner))
            || !bears(pid, condemned)
        {
            continue;
        }
        process.kill()?;
        ended.push(process);
    }
    Ok(ended)
}

fn bears(pid: i32, condemned: &impl Fn(&RunId) -> bool) -> bool {
    match procfs::carried(pid, RUN_ID_VARIABLE) {
        Carried::Value(text) => RunId::parse(&text).is_some_and(|run| condemned(&run)),
        Carried::Nothing | Carried::Unreadable => false,
    }
}

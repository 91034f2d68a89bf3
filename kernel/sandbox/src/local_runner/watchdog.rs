//! Ends sandboxes that use more memory than they may, where no control group does it.
//!
//! Every tick looks at the main programs of those that run; every tenth also adds up what descends
//! from them, which means a look at every process of the machine. Between looks the kernel's bound on
//! private memory holds.

use super::Running;
use crate::procfs;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

const TICK: Duration = Duration::from_millis(100);
const TICKS_PER_TREE: u64 = 10;

/// A task that ends when nobody holds this.
#[derive(Clone)]
pub(super) struct Watchdog {
    /// Bounded by the number of sandboxes, each of which is sent once.
    newcomers: mpsc::UnboundedSender<Weak<Running>>,
}

impl Watchdog {
    pub(super) fn start() -> Self {
        let (newcomers, arriving) = mpsc::unbounded_channel();
        tokio::spawn(watch(arriving));
        Self { newcomers }
    }

    pub(super) fn watch(&self, running: &Arc<Running>) {
        // The error means that the runtime is shutting down, and with it every sandbox.
        let _sent = self.newcomers.send(Arc::downgrade(running));
    }
}

#[expect(clippy::disallowed_methods, reason = "memory is real and has to be looked at in real time")]
async fn watch(mut arriving: mpsc::UnboundedReceiver<Weak<Running>>) {
    let mut watched: Vec<Weak<Running>> = Vec::new();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tick = 0_u64;
    loop {
        tokio::select! {
            newcomer = arriving.recv() => match newcomer {
                Some(newcomer) => watched.push(newcomer),
                None => return,
            },
            _ = ticks.tick(), if !watched.is_empty() => {
                tick += 1;
                watched.retain(|sandbox| sandbox.upgrade().is_some_and(|s| s.child.ended().is_none()));
                let alive: Vec<_> = watched.iter().filter_map(Weak::upgrade).collect();
                let looked = tokio::task::spawn_blocking(move || over_limit(alive, tick.is_multiple_of(TICKS_PER_TREE)));
                for sandbox in looked.await.unwrap_or_default() {
                    end(&sandbox).await;
                }
            }
        }
    }
}

async fn end(sandbox: &Running) {
    sandbox.over_memory.store(true, Ordering::Release);
    if let Err(e) = sandbox.child.kill().await {
        eprintln!("cannot end process {} that is over its memory: {e}", sandbox.child.pid());
    }
}

fn over_limit(alive: Vec<Arc<Running>>, trees: bool) -> Vec<Arc<Running>> {
    let everyone = if trees { procfs::everyone().unwrap_or_default() } else { Vec::new() };
    let over = |sandbox: &Arc<Running>| {
        if sandbox.frozen.load(Ordering::Acquire) {
            return false;
        }
        let leader = sandbox.child.pid() as i32;
        let own = procfs::resident_and_shared(leader).map_or(0, |(resident, _)| resident);
        let limit = sandbox.memory_bytes.load(Ordering::Acquire);
        own > limit
            || trees && own.saturating_add(below((sandbox.child.root() as i32, leader), &everyone)) > limit
    };
    alive.into_iter().filter(over).collect()
}

/// What the descendants use alone: what they share, they mostly share with their leader. The first
/// process of a sandbox is the launcher's copy and uses next to nothing.
fn below((root, leader): (i32, i32), everyone: &[procfs::Seen]) -> u64 {
    let descendants = procfs::descendants(everyone, &[root]);
    let others = |seen: &&procfs::Seen| seen.pid != leader && seen.pid != root;
    let below = descendants.iter().filter(others).filter(|seen| seen.resident_bytes() > 0);
    below
        .filter_map(|seen| procfs::resident_and_shared(seen.pid))
        .map(|(resident, shared)| resident.saturating_sub(shared))
        .sum()
}

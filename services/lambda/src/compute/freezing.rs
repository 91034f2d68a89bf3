//! Between invocations nothing of an environment runs: what waits for work is stopped after a moment, and goes
//! on when work comes. Not at once, so that invocations that follow each other closely cost no more.

use super::dispatcher::Dispatcher;
use ports::runner::Sandbox;
use service::{Clock, Log};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long an environment waits before it is stopped.
pub const AFTER: Duration = Duration::from_millis(100);
/// How often it is looked for those that do.
const EVERY: Duration = Duration::from_millis(50);

/// Whether an environment is stopped, or may be.
#[derive(Default)]
pub struct Frost {
    /// It waits for work; else nobody may stop it.
    rests: AtomicBool,
    /// It is stopped. Locked while that changes.
    stopped: Mutex<bool>,
    /// It has been stopped since it waits, or could not be.
    seen: AtomicBool,
}

impl Frost {
    /// It waits for work from now on.
    pub fn settle(&self) {
        self.seen.store(false, Ordering::Release);
        self.rests.store(true, Ordering::Release);
    }

    /// Whether it is still to be stopped.
    pub fn is_due(&self) -> bool {
        self.rests.load(Ordering::Acquire) && !self.seen.load(Ordering::Acquire)
    }

    /// It has work, or ends: it goes on, if it was stopped.
    pub async fn lift(&self, sandbox: &Arc<dyn Sandbox>) {
        self.rests.store(false, Ordering::SeqCst);
        let mut stopped = self.stopped.lock().await;
        if !*stopped {
            return;
        }
        *stopped = false;
        if let Err(error) = sandbox.thaw().await {
            // What waits for it hears that it has ended.
            Log::warn("lambda", &format!("an environment cannot go on: {error}"));
        }
    }

    /// Stops it, unless it has work meanwhile.
    async fn fall(&self, sandbox: &Arc<dyn Sandbox>) {
        let mut stopped = self.stopped.lock().await;
        self.seen.store(true, Ordering::Release);
        if !*stopped && self.rests.load(Ordering::SeqCst) {
            // One that has just ended cannot be stopped, and need not.
            *stopped = sandbox.freeze().await.is_ok();
        }
    }
}

/// Stops those that wait, until none is left to be stopped.
pub async fn watch(dispatcher: Arc<Dispatcher>, clock: Clock) {
    loop {
        clock.rest(EVERY).await;
        for (sandbox, frost) in dispatcher.resting(clock.instant(), AFTER) {
            frost.fall(&sandbox).await;
        }
        if !dispatcher.watches_frost() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::runner::{Entry, Exit, Output, Pending, RunnerError, Template, Usage};
    use tokio::net::{TcpListener, TcpStream};

    /// Says whether it is stopped.
    #[derive(Default)]
    struct Told(AtomicBool);

    impl Told {
        fn say(&self, stopped: bool) -> Pending<'_, Result<(), RunnerError>> {
            self.0.store(stopped, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        }

        fn nothing<T>() -> Pending<'static, Result<T, RunnerError>> {
            Box::pin(async { Err(RunnerError::Lost) })
        }
    }

    impl Sandbox for Told {
        fn exited(&self) -> Pending<'_, Exit> {
            Box::pin(std::future::pending())
        }
        fn kill(&self) -> Pending<'_, Result<(), RunnerError>> {
            Self::nothing()
        }
        fn freeze(&self) -> Pending<'_, Result<(), RunnerError>> {
            self.say(true)
        }
        fn thaw(&self) -> Pending<'_, Result<(), RunnerError>> {
            self.say(false)
        }
        fn beside(&self, _: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>> {
            Self::nothing()
        }
        fn enter(&self, _: Entry) -> Pending<'_, Result<(), RunnerError>> {
            Self::nothing()
        }
        fn connect(&self, _: u16) -> Pending<'_, std::io::Result<TcpStream>> {
            Box::pin(async { Err(std::io::ErrorKind::NotFound.into()) })
        }
        fn take_listeners(&self) -> Vec<TcpListener> {
            Vec::new()
        }
        fn take_stdout(&self) -> Option<Output> {
            None
        }
        fn take_stderr(&self) -> Option<Output> {
            None
        }
        fn usage(&self) -> Usage {
            Usage::default()
        }
    }

    #[tokio::test]
    async fn only_what_waits_is_stopped_and_work_lets_it_go_on() {
        let told = Arc::new(Told::default());
        let sandbox: Arc<dyn Sandbox> = told.clone();
        let stopped = || told.0.load(Ordering::SeqCst);
        let frost = Frost::default();
        frost.fall(&sandbox).await;
        assert!(!stopped() && !frost.is_due(), "it works");
        frost.settle();
        assert!(frost.is_due());
        frost.fall(&sandbox).await;
        assert!(stopped() && !frost.is_due(), "once is enough");
        frost.lift(&sandbox).await;
        assert!(!stopped());
        frost.fall(&sandbox).await;
        assert!(!stopped(), "it works again");
        frost.settle();
        assert!(frost.is_due());
    }
}

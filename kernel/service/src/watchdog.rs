//! The watchdog: names whoever holds a network thread. Work that does not give its thread back stops every
//! connection of that thread, so it is said while it happens, and counted.

use crate::{Clock, Log};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// From when on a thread counts as held.
pub const HELD: Duration = Duration::from_millis(100);
/// Between two looks. Work is told that was seen for `HELD`, so at the latest after `HELD` and two looks.
const LOOK: Duration = Duration::from_millis(25);

/// What is done: the room and the operation.
type Name = (&'static str, &'static str);

/// Watches the threads that run requests. Cheap to clone; all clones are the same watchdog.
#[derive(Clone)]
pub struct Watchdog(Arc<Watched>);

struct Watched {
    clock: Clock,
    threads: Mutex<Vec<Arc<Thread>>>,
    held: Mutex<BTreeMap<Name, u64>>,
}

/// A thread and what it does now.
#[derive(Default)]
struct Thread(Mutex<Option<Work>>);

#[derive(Clone, Copy)]
struct Work {
    name: Name,
    /// When a look first saw it: who works reads no clock.
    since: Option<Instant>,
    told: bool,
}

thread_local! {
    /// This thread, and the watchdog that knows it.
    static THREAD: RefCell<Option<(Weak<Watched>, Arc<Thread>)>> = const { RefCell::new(None) };
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watchdog {
    /// A watchdog with a thread of its own, which ends with the last clone.
    pub fn start(clock: Clock) -> Self {
        let watched = Arc::new(Watched { clock, threads: Mutex::default(), held: Mutex::default() });
        let weak = Arc::downgrade(&watched);
        let looking = std::thread::Builder::new().name("watchdog".into()).spawn(move || {
            while let Some(watched) = weak.upgrade() {
                watched.look();
                drop(watched);
                std::thread::park_timeout(LOOK);
            }
        });
        if let Err(error) = looking {
            Log::warn("watchdog", &format!("held threads are told only afterwards: {error}"));
        }
        Watchdog(watched)
    }

    /// Runs a piece of work that does not wait.
    pub fn run<T>(&self, room: &'static str, operation: &'static str, work: impl FnOnce() -> T) -> T {
        let thread = self.0.this_thread();
        let before = thread.begin((room, operation));
        let result = work();
        thread.end(before);
        result
    }

    /// Watches work each time it is given a thread.
    pub fn watch<F: Future + Unpin>(
        &self,
        room: &'static str,
        operation: &'static str,
        work: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        Turns { watchdog: self.clone(), name: (room, operation), work }
    }

    /// How often each operation held a thread.
    pub fn held(&self) -> Vec<(Name, u64)> {
        locked(&self.0.held).iter().map(|(name, count)| (*name, *count)).collect()
    }
}

impl Thread {
    /// Work within other work takes its place until it ends.
    fn begin(&self, name: Name) -> Option<Work> {
        locked(&self.0).replace(Work { name, since: None, told: false })
    }

    fn end(&self, before: Option<Work>) {
        *locked(&self.0) = before;
    }
}

impl Watched {
    fn this_thread(self: &Arc<Self>) -> Arc<Thread> {
        THREAD.with_borrow_mut(|known| match known {
            Some((of, thread)) if of.as_ptr() == Arc::as_ptr(self) => thread.clone(),
            known => {
                let thread = Arc::new(Thread::default());
                let mut threads = locked(&self.threads);
                // A thread that has ended held the only other reference.
                threads.retain(|thread| Arc::strong_count(thread) > 1);
                threads.push(thread.clone());
                *known = Some((Arc::downgrade(self), thread.clone()));
                thread
            }
        })
    }

    fn look(&self) {
        let (threads, now) = (locked(&self.threads).clone(), self.clock.instant());
        for thread in threads {
            let mut doing = locked(&thread.0);
            let Some(work) = doing.as_mut().filter(|work| !work.told) else { continue };
            let held = now.saturating_duration_since(*work.since.get_or_insert(now));
            if held > HELD {
                work.told = true;
                let name = work.name;
                drop(doing);
                self.tell(name, held);
            }
        }
    }

    fn tell(&self, (room, operation): Name, held: Duration) {
        *locked(&self.held).entry((room, operation)).or_default() += 1;
        let held = held.as_millis();
        Log::warn(room, &format!("{operation} holds a network thread, for {held} ms so far"));
    }
}

/// Work that is watched each time it is polled.
struct Turns<F> {
    watchdog: Watchdog,
    name: Name,
    work: F,
}

impl<F: Future + Unpin> Future for Turns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let turns = &mut *self;
        let (room, operation) = turns.name;
        turns.watchdog.run(room, operation, || Pin::new(&mut turns.work).poll(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_holds_a_thread_is_named_while_it_does() {
        let watchdog = Watchdog::start(Clock::system());
        watchdog.watch("queues", "Quick", Box::pin(async {})).await;
        let told = watchdog.clone();
        // Holds its thread until it has been told.
        let slow = Box::pin(async move {
            while told.held().is_empty() {
                std::hint::spin_loop();
            }
        });
        watchdog.watch("tables", "Slow", slow).await;
        assert_eq!(watchdog.held(), [(("tables", "Slow"), 1)]);
    }

    #[test]
    fn work_within_work_is_told_by_its_own_name() {
        let watchdog = Watchdog::start(Clock::system());
        watchdog.run("outer", "Outer", || {
            watchdog.run("inner", "Inner", || while watchdog.held().is_empty() {});
            assert_eq!(watchdog.held(), [(("inner", "Inner"), 1)]);
        });
    }
}

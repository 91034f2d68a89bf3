//! Who sweeps, and who keeps sweepers away: a state that is being saved still refers to blobs that were
//! given up meanwhile.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// One sweeper at a time, and none while someone holds it off.
#[derive(Default)]
pub(crate) struct Sweeping {
    turns: Arc<Turns>,
}

#[derive(Default)]
struct Turns {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    sweeps: bool,
    held: usize,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sweep; over when this is dropped.
pub(crate) struct Sweep(Arc<Turns>);

impl Drop for Sweep {
    fn drop(&mut self) {
        self.0.state().sweeps = false;
        self.0.ended.notify_all();
    }
}

/// Keeps sweepers away until it is dropped.
pub(crate) struct SweepingHeld(Arc<Turns>);

impl Drop for SweepingHeld {
    fn drop(&mut self) {
        self.0.state().held -= 1;
    }
}

impl Sweeping {
    /// Begins a sweep, unless another goes on or sweepers are kept away.
    pub(crate) fn begin(&self) -> Option<Sweep> {
        let mut state = self.turns.state();
        if state.sweeps || state.held > 0 {
            return None;
        }
        state.sweeps = true;
        Some(Sweep(self.turns.clone()))
    }

    /// Keeps sweepers away, after the sweep that goes on. Blocks for as long as one step of it takes.
    pub(crate) fn hold(&self) -> SweepingHeld {
        let mut state = self.turns.state();
        state.held += 1;
        while state.sweeps {
            state = self.turns.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        SweepingHeld(self.turns.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweepers_and_holders_take_turns() {
        let sweeping = Sweeping::default();
        let sweep = sweeping.begin();
        assert!(sweep.is_some() && sweeping.begin().is_none());
        drop(sweep);
        let (one, other) = (sweeping.hold(), sweeping.hold());
        assert!(sweeping.begin().is_none());
        drop(one);
        assert!(sweeping.begin().is_none());
        drop(other);
        assert!(sweeping.begin().is_some());
    }
}

//! Bytes that a room holds in memory for others: bodies in flight, work that waits. Each room has a budget;
//! what would pass it is refused, so that one room cannot take the memory of all.

use schema::ApiError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a room may hold unless it is told otherwise, in bytes.
pub const DEFAULT_BYTES: u64 = 512 * 1024 * 1024;

/// The budget of a room. Cheap to clone; all clones are the same budget.
#[derive(Clone)]
pub struct Budget(Arc<Account>);

struct Account {
    room: &'static str,
    held: AtomicU64,
    limit: AtomicU64,
    refused: AtomicU64,
}

/// Bytes of a budget in use; given back when this is dropped.
pub struct Held {
    account: Arc<Account>,
    bytes: u64,
}

impl Budget {
    fn new(room: &'static str) -> Self {
        Budget(Arc::new(Account {
            room,
            held: AtomicU64::new(0),
            limit: AtomicU64::new(DEFAULT_BYTES),
            refused: AtomicU64::new(0),
        }))
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// `ServiceUnavailable` where that would pass the budget.
    pub fn hold(&self, bytes: u64) -> Result<Held, ApiError> {
        let mut held = Held { account: self.0.clone(), bytes: 0 };
        held.grow(bytes)?;
        Ok(held)
    }

    /// Bytes in use.
    pub fn held(&self) -> u64 {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Bytes that may be in use.
    pub fn limit(&self) -> u64 {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// How often it was passed.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Changes the bytes that may be in use; what is held already stays.
    pub fn set_limit(&self, bytes: u64) {
        self.0.limit.store(bytes, Ordering::Relaxed);
    }
}

impl Held {
    /// Takes more.
    ///
    /// # Errors
    /// `ServiceUnavailable` where that would pass the budget; what was held stays held.
    pub fn grow(&mut self, bytes: u64) -> Result<(), ApiError> {
        let account = &self.account;
        let limit = account.limit.load(Ordering::Relaxed);
        let taken = account.held.try_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            held.checked_add(bytes).filter(|sum| bytes == 0 || *sum <= limit)
        });
        match taken {
            Ok(_) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(held) => {
                account.refused.fetch_add(1, Ordering::Relaxed);
                let room = account.room;
                let message = format!(
                    "The service {room} holds {held} of {limit} bytes for other requests. Try again later."
                );
                Err(ApiError::new("ServiceUnavailable", 503, message))
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The budgets of all rooms.
#[derive(Default)]
pub struct Budgets(Mutex<BTreeMap<&'static str, Budget>>);

impl Budgets {
    /// The budget of a room.
    pub fn of(&self, room: &'static str) -> Budget {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(room).or_insert_with(|| Budget::new(room)).clone()
    }

    /// All of them, by room.
    pub fn all(&self) -> Vec<(&'static str, Budget)> {
        let rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.iter().map(|(room, budget)| (*room, budget.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budgets::default().of("queues");
        budget.set_limit(100);
        let mut first = budget.hold(60).unwrap();
        assert_eq!(budget.hold(41).map(drop).map_err(|error| error.status), Err(503));
        first.grow(40).unwrap();
        assert!(first.grow(1).is_err());
        assert_eq!((budget.held(), budget.refused()), (100, 2));
        // Nothing needs nothing, however full it is.
        budget.set_limit(10);
        assert!(budget.hold(0).is_ok());
        assert!(budget.hold(u64::MAX).is_err());
        drop(first);
        assert_eq!(budget.held(), 0);
        assert!(budget.hold(10).is_ok());
    }
}

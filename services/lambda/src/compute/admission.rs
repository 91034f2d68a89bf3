//! How many invocations run at once: bounded for an account, and for a function that keeps some for itself.

use crate::errors::{LambdaError, Limit};
use crate::rules::ACCOUNT_CONCURRENCY;
use names::Scope;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::Incarnation;

#[derive(Default)]
struct Running {
    /// Of functions that keep none for themselves.
    unreserved: HashMap<Scope, u32>,
    functions: HashMap<Incarnation, u32>,
}

/// Counts invocations that run.
#[derive(Default)]
pub struct Admission(Arc<Mutex<Running>>);

/// An invocation that runs, until this is dropped.
pub struct Admitted {
    running: Arc<Mutex<Running>>,
    scope: Option<Scope>,
    function: Incarnation,
}

fn count_down<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        count_down(&mut running.functions, &self.function);
        if let Some(scope) = &self.scope {
            count_down(&mut running.unreserved, scope);
        }
    }
}

impl Admission {
    /// Lets an invocation of a function run. `own` is what the function keeps for itself, `kept` what all
    /// functions of the scope do.
    ///
    /// # Errors
    /// Where a limit is reached.
    pub fn admit(
        &self,
        scope: &Scope,
        function: Incarnation,
        own: Option<u32>,
        kept: u32,
    ) -> Result<Admitted, LambdaError> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_function = running.functions.get(&function).copied().unwrap_or(0);
        let counted = match own {
            Some(own) if of_function >= own => return Err(LambdaError::Throttled(Limit::Reserved)),
            Some(_) => None,
            None => {
                let all = running.unreserved.entry(scope.clone()).or_insert(0);
                if *all >= ACCOUNT_CONCURRENCY.saturating_sub(kept) {
                    return Err(LambdaError::Throttled(Limit::Account));
                }
                *all += 1;
                Some(scope.clone())
            }
        };
        running.functions.insert(function, of_function + 1);
        Ok(Admitted { running: self.0.clone(), scope: counted, function })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_and_are_given_back() {
        let admission = Admission::default();
        let (one, other) = (Incarnation(1), Incarnation(2));
        let first = admission.admit(&Scope::Partition, one, Some(1), 1).unwrap();
        let second = admission.admit(&Scope::Partition, one, Some(1), 1);
        assert!(matches!(second, Err(LambdaError::Throttled(Limit::Reserved))));
        let others: Vec<Admitted> =
            (0..999).map(|_| admission.admit(&Scope::Partition, other, None, 1).unwrap()).collect();
        let beyond = admission.admit(&Scope::Partition, other, None, 1);
        assert!(matches!(beyond, Err(LambdaError::Throttled(Limit::Account))));
        drop((first, others));
        assert!(admission.admit(&Scope::Partition, one, Some(1), 1).is_ok());
        assert!(admission.admit(&Scope::Partition, other, None, 1).is_ok());
        assert!(admission.0.lock().unwrap().unreserved.is_empty());
    }

    #[test]
    fn none_kept_is_none_run() {
        let refused = Admission::default().admit(&Scope::Partition, Incarnation(1), Some(0), 0);
        assert!(matches!(refused, Err(LambdaError::Throttled(Limit::Reserved))));
    }
}

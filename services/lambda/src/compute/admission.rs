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
    /// Of functions that keep some for themselves and have versions that are kept ready.
    versions: HashMap<(Incarnation, String), u32>,
}

/// What is to run, and what its function keeps for itself.
pub struct Wanting<'a> {
    /// The function.
    pub function: Incarnation,
    /// Its version.
    pub version: &'a str,
    /// What the function keeps for itself.
    pub own: Option<u32>,
    /// Which part of that its versions have.
    pub provisioned: &'a [(String, u32)],
}

impl Wanting<'_> {
    /// Whether there is a place in the version's part, or in what no version has.
    fn fits(&self, running: &Running, own: u32) -> bool {
        let of =
            |version: &str| running.versions.get(&(self.function, version.to_owned())).copied().unwrap_or(0);
        let part = self.provisioned.iter().find(|(version, _)| version == self.version);
        if part.is_some_and(|(version, part)| of(version) < *part) {
            return true;
        }
        let parts: u32 = self.provisioned.iter().map(|(_, part)| part).sum();
        let within: u32 = self.provisioned.iter().map(|(version, part)| of(version).min(*part)).sum();
        let all = running.functions.get(&self.function).copied().unwrap_or(0);
        all.saturating_sub(within) < own.saturating_sub(parts)
    }
}

/// Counts invocations that run.
#[derive(Default)]
pub struct Admission(Arc<Mutex<Running>>);

/// An invocation that runs, until this is dropped.
pub struct Admitted {
    running: Arc<Mutex<Running>>,
    scope: Option<Scope>,
    function: Incarnation,
    version: Option<String>,
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
        if let Some(version) = self.version.take() {
            count_down(&mut running.versions, &(self.function, version));
        }
        if let Some(scope) = &self.scope {
            count_down(&mut running.unreserved, scope);
        }
    }
}

impl Admission {
    /// Lets an invocation of a function run. `kept` is what all functions of the scope keep for themselves.
    ///
    /// # Errors
    /// Where a limit is reached.
    pub fn admit(&self, scope: &Scope, wanting: &Wanting<'_>, kept: u32) -> Result<Admitted, LambdaError> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Wanting { function, own, .. } = *wanting;
        let of_function = running.functions.get(&function).copied().unwrap_or(0);
        let counted = match own {
            Some(own) if of_function >= own || !wanting.fits(&running, own) => {
                return Err(LambdaError::Throttled(Limit::Reserved));
            }
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
        let version = (!wanting.provisioned.is_empty()).then(|| wanting.version.to_owned());
        if let Some(version) = &version {
            *running.versions.entry((function, version.clone())).or_insert(0) += 1;
        }
        Ok(Admitted { running: self.0.clone(), scope: counted, function, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanting(function: Incarnation, own: Option<u32>) -> Wanting<'static> {
        Wanting { function, version: "$LATEST", own, provisioned: &[] }
    }

    /// LocalStack's test_lambda_concurrency_block and test_reserved_provisioned_overlap, recorded on AWS.
    #[test]
    fn what_versions_have_of_what_is_kept_is_not_for_others() {
        let (admission, provisioned) = (Admission::default(), [("1".to_owned(), 2)]);
        let admit = |version| {
            let wanting = Wanting { version, provisioned: &provisioned, ..wanting(Incarnation(1), Some(3)) };
            admission.admit(&Scope::Partition, &wanting, 3)
        };
        let of_no_version = admit("$LATEST").unwrap();
        assert!(admit("$LATEST").is_err() && admit("2").is_err());
        let ready = [admit("1").unwrap(), admit("1").unwrap()];
        assert!(admit("1").is_err());
        drop(of_no_version);
        let beyond = admit("1").unwrap();
        assert!(admit("$LATEST").is_err());
        drop((ready, beyond));
        assert!(admit("$LATEST").is_ok());
        assert!(admission.0.lock().unwrap().versions.is_empty());
    }

    #[test]
    fn limits_hold_and_are_given_back() {
        let admission = Admission::default();
        let (one, other) = (Incarnation(1), Incarnation(2));
        let first = admission.admit(&Scope::Partition, &wanting(one, Some(1)), 1).unwrap();
        let second = admission.admit(&Scope::Partition, &wanting(one, Some(1)), 1);
        assert!(matches!(second, Err(LambdaError::Throttled(Limit::Reserved))));
        let others: Vec<Admitted> =
            (0..999).map(|_| admission.admit(&Scope::Partition, &wanting(other, None), 1).unwrap()).collect();
        let beyond = admission.admit(&Scope::Partition, &wanting(other, None), 1);
        assert!(matches!(beyond, Err(LambdaError::Throttled(Limit::Account))));
        drop((first, others));
        assert!(admission.admit(&Scope::Partition, &wanting(one, Some(1)), 1).is_ok());
        assert!(admission.admit(&Scope::Partition, &wanting(other, None), 1).is_ok());
        assert!(admission.0.lock().unwrap().unreserved.is_empty());
    }

    #[test]
    fn none_kept_is_none_run() {
        let refused = Admission::default().admit(&Scope::Partition, &wanting(Incarnation(1), Some(0)), 0);
        assert!(matches!(refused, Err(LambdaError::Throttled(Limit::Reserved))));
    }
}

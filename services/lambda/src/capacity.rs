//! How many invocations of a version on a capacity provider run at once: its environments at most, times what
//! each of them takes. Here each environment has one at a time, and as many are started as that needs.

use crate::errors::{LambdaError, Limit};
use crate::state::choices::{Choices, Scaling};
use service::Ctx;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Incarnation;

type Version = (Incarnation, String);

/// The invocations under way of versions that have a bound.
#[derive(Default)]
pub struct Bounds(Mutex<HashMap<Version, u32>>);

/// An invocation that is counted until this is dropped.
pub struct Counted {
    bounds: Arc<Bounds>,
    version: Version,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut running = self.bounds.running();
        if let Some(count) = running.get_mut(&self.version) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.version);
            }
        }
    }
}

/// How many invocations may run at once; none where there is no bound.
fn most(choices: &Choices) -> Option<u32> {
    let capacity = choices.capacity.as_ref()?;
    Some(choices.scaling.max?.saturating_mul(capacity.concurrency.unwrap_or(1)))
}

impl Bounds {
    fn running(&self) -> MutexGuard<'_, HashMap<Version, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a version has no environments at all.
    pub fn is_off(scaling: Scaling) -> bool {
        scaling.max == Some(0)
    }

    fn admit(self: &Arc<Self>, version: Version, most: u32) -> Option<Counted> {
        let mut running = self.running();
        let count = running.get(&version).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        running.insert(version.clone(), count + 1);
        drop(running);
        Some(Counted { bounds: self.clone(), version })
    }
}

/// Lets an invocation in, where its version has a bound.
///
/// # Errors
/// Where as many run as may.
pub fn admit(
    ctx: &Ctx,
    choices: &Choices,
    (function, version): (Incarnation, &str),
) -> Result<Option<Counted>, LambdaError> {
    let Some(most) = most(choices) else { return Ok(None) };
    let counted = ctx.part::<Bounds>().admit((function, version.to_owned()), most);
    counted.map(Some).ok_or(LambdaError::Throttled(Limit::Reserved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::choices::Capacity;

    #[test]
    fn as_many_run_as_may() {
        let bounds = Arc::new(Bounds::default());
        let version = || (Incarnation(1), "1".to_owned());
        let one = bounds.admit(version(), 2);
        let two = bounds.admit(version(), 2);
        assert!(one.is_some() && two.is_some() && bounds.admit(version(), 2).is_none());
        drop(one);
        assert!(bounds.admit(version(), 2).is_some());
        drop(two);
        assert!(bounds.running().is_empty());
    }

    #[test]
    fn environments_take_several_where_they_are_said_to() {
        let provider = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:p".parse().unwrap();
        let capacity = Capacity { provider, concurrency: Some(10), gib_per_vcpu: None };
        let of = |max, capacity: Option<Capacity>| Choices {
            capacity,
            scaling: Scaling { min: None, max },
            ..Choices::default()
        };
        assert_eq!(most(&of(Some(3), Some(capacity.clone()))), Some(30));
        assert_eq!(most(&of(None, Some(capacity))), None);
        assert_eq!(most(&of(Some(3), None)), None);
    }
}

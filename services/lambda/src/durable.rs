//! Durable executions: begun by an invocation, run and run again until their function says that they are done.
//!
//! The way of an execution: `starting.rs` (a row, ready to be run) → `running.rs` (the function is run with what
//! is known) → `ops/durable/checkpoint.rs` (it says what it did, and what it waits for) → `operations.rs` (a time, a
//! callback or another function ends what it waits for, and it is ready again) → `closing.rs` (it is done).

pub mod closing;
pub mod operations;
pub mod running;
pub mod starting;
pub mod telling;
pub mod timers;

use crate::errors::LambdaError;
use crate::rules::durable::names::{self, NamedExecution};
use crate::state::durable::{self, Execution};
use crate::state::{self, choices};
use ::names::{Arn, Scope};
use std::sync::Arc;
use store::{Fault, Read};
use tokio::sync::{Notify, Semaphore};

/// Functions that are run for executions at once.
const AT_ONCE: usize = 128;

/// How many executions may be run, and whom to tell when one has ended.
pub struct Executions {
    places: Arc<Semaphore>,
    wake: Arc<Notify>,
    closed: Arc<Notify>,
}

impl Executions {
    /// Executions that wake this worker, and whoever waits for their ends.
    pub fn new(wake: Arc<Notify>, closed: Arc<Notify>) -> Self {
        Executions { places: Arc::new(Semaphore::new(AT_ONCE)), wake, closed }
    }
}

/// The ARN of an execution.
pub fn arn(scope: &Scope, execution: &Execution) -> String {
    let function = state::arn(scope, &execution.function_name, Some(&execution.version));
    format!("{function}/durable-execution/{}/{}", execution.name, execution.id)
}

/// The ARN of the version that runs.
pub fn function_arn(scope: &Scope, execution: &Execution) -> Arn {
    state::arn(scope, &execution.function_name, Some(&execution.version))
}

fn absent() -> LambdaError {
    LambdaError::NotFound("Durable Execution does not exist".to_owned())
}

fn same(execution: &Execution, named: &NamedExecution) -> bool {
    execution.id == named.id && execution.version == named.version
}

/// The execution of an ARN, with where it is.
///
/// # Errors
/// Where there is none in this scope.
pub fn found(read: &impl Read, scope: &Scope, text: &str) -> Result<Execution, LambdaError> {
    let named = names::parse(text).ok_or_else(absent)?;
    if named.scope != *scope {
        return Err(absent());
    }
    let function = state::function(read, scope, &named.function)?.ok_or_else(absent)?;
    let execution = durable::by_name(read, scope, function.incarnation, &named.name)?;
    execution.filter(|execution| same(execution, &named)).ok_or_else(absent)
}

/// How long the executions of a version last; none where it has none.
///
/// # Errors
/// The store's.
pub fn config(
    read: &impl Read,
    scope: &Scope,
    (function, version): (store::Incarnation, &str),
) -> Result<Option<choices::Durable>, Fault> {
    Ok(choices::of(read, scope, function, version)?.durable)
}

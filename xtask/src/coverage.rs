//! `coverage`: which operations of each service are served, out of those AWS has.
//!
//! Served are the operations of models/*/operations.toml; AWS's are those of the pinned public model.

use crate::failure::Failure;

/// Prints a line per service; `--json` prints the lists.
pub fn run(_args: &[String]) -> Result<(), Failure> {
    Err(Failure::new("not laid out yet"))
}

//! The machine's clock, for what no state depends on: how long a run took, how long a commit stays unsynced,
//! when the disk was last looked at.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "no state depends on it")]
pub(crate) fn host_now() -> Instant {
    Instant::now()
}

//! The way out of sandboxes: functions reach hosts beyond their region as on AWS, without a network of the
//! host being theirs.
//!
//! In a sandbox every IPv4 address is an address of its own loopback. The kernel hands calls that name an
//! address (seccomp's user notification) over to the supervisor in here, which judges the address, connects
//! to it from the host's network, and opens a socket at that very address within the sandbox; then the call
//! goes on as it was made and arrives at that socket, and bytes are passed on. So a sandbox never holds a
//! socket of the host, whatever it does between judgement and call: a call that was not judged finds nobody.

mod call;
mod door;
mod policy;
mod relay;
mod supervisor;

pub use policy::{Egress, Network};
pub(crate) use policy::{OWN_ADDRESS, RESOLVER};
pub(crate) use supervisor::{Supervised, Way};

//! What crosses rooms: every room of the binary in one in-process region.

mod full_disk;
mod refused_caller;
mod stopping;

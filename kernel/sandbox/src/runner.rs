//! The traits that this crate implements, by the names they have here.

pub use ports::runner::*;

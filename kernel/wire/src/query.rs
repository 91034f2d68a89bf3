//! The query protocol and EC2's dialect of it: form-encoded requests read into generated structs.

mod decode;
pub(crate) mod json;
mod pairs;

pub(crate) use decode::{Dialect, decode};
pub(crate) use pairs::Pairs;

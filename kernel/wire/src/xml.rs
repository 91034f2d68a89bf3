//! XML: written from generated structs for answers, read into them from requests.

mod decode;
mod encode;
mod reader;
mod writer;

pub(crate) use decode::Decoder;
pub(crate) use encode::{Naming, element, members};
pub(crate) use writer::Writer;

//! JSON: read straight into generated structs, and written straight from them, without a tree between.

mod decode;
mod document;
mod encode;
mod lexer;
mod mismatch;
mod scan;

pub(crate) use decode::{Decoder, Members};
pub(crate) use encode::{Encoder, string as write_string};
pub(crate) use mismatch::Words;

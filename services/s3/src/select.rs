//! The SQL of SelectObjectContent: parsed once, run over records as they are read.
//! S3 User Guide, "SQL reference for Amazon S3 Select".

mod bunzip;
mod eval;
mod functions;
mod input;
mod lexer;
mod machine;
mod output;
mod parser;
mod value;

pub use input::{Csv, Format, Header};
pub use machine::{Machine, Packing, Setup};
pub use output::Writer;

/// Why a query is refused, or fails on a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// AWS's code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Fault { code, message: message.into() }
    }
}

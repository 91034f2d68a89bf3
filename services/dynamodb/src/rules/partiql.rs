//! PartiQL: statements as DynamoDB reads them, in the terms of expressions.
//!
//! A statement is parsed once into a form with its parameters open, which depends on nothing else; each
//! request binds its parameters. Conditions and updates become those of expressions, so that both
//! languages mean the same. Facts about AWS are those that the conformance suite of paritysuite
//! (tests/tier2/partiql and tests/tier3/error-messages) found by running on it.

pub mod bind;
pub mod keys;
mod lexer;
mod parser;
pub mod syntax;
mod terms;

pub use parser::parse;

#[cfg(test)]
mod tests;

/// The heading of what is wrong with a statement's text.
const NOT_WELL_FORMED: &str = "Statement wasn't well formed, can't be processed: ";

/// The message of a statement that cannot be read.
fn not_well_formed(detail: &str) -> String {
    format!("{NOT_WELL_FORMED}{detail}")
}

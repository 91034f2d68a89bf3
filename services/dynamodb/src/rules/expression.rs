//! Expressions: one lexer, three grammars, their binding to a request's names and values, and what they
//! do to items.
//!
//! Text is parsed once into a form with placeholders, which depends on nothing else and may be kept;
//! each request binds it. Every recursion is bounded by the grammar: depth, length, operators.

pub mod apply;
pub mod bind;
pub mod charge;
pub mod condition;
pub mod evaluate;
pub mod key_condition;
mod lexer;
pub mod path;
pub mod placeholders;
pub mod projection;
mod syntax;
pub mod update;
mod words;

#[cfg(test)]
mod tests;

//! A document: any JSON value, for members whose content the model leaves open.

use std::collections::BTreeMap;

/// Any JSON value. Numbers keep their integer form where they have one.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Document {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, or beyond the range of `Integer`.
    Number(f64),
    /// Text.
    Text(String),
    /// An array.
    List(Vec<Document>),
    /// An object.
    Map(BTreeMap<String, Document>),
}

//! How a shape describes itself.
//!
//! The generator writes one plain Rust struct per shape of a served operation and one static table
//! beside it. A codec walks the table and reads or fills the struct through two object-safe views,
//! [`Val`] and [`Slot`]; so a protocol is written once and costs no generated code.
//!
//! Arrows: models know this crate only. Nothing here knows a protocol's bytes, a service or a store.

mod body;
mod document;
mod error;
mod model;
mod operation;
mod print;
mod shape;
mod value;

pub use bytes::Bytes;
pub use names::Timestamp;

pub use body::{Body, BodyError, EventStream};
pub use document::Document;
pub use error::ApiError;
pub use operation::{
    AuthType, Checksum, Dialect, ErrorShape, HttpBinding, Misfit, NamedOperation, OperationModel,
    OperationShape, Protocol, ServiceShape,
};
pub use print::print;
pub use shape::{
    EnumTy, ListTy, Location, MapTy, Member, NumberRange, Shape, SizeRange, TextTy, TimeFormat, Ty,
    XmlNamespace,
};
pub use value::{EnumValue, List, Map, Obj, Slot, Unit, Val, Value};

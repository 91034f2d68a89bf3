//! The AWS wire protocols, written once against the static tables of [`schema`].
//!
//! A request is routed to an operation from its head ([`Router`]), decoded into the operation's generated
//! struct ([`decode`]), checked against the model's constraints ([`validate`]); the output or error is
//! written in the protocol's form ([`encode_output`], [`encode_error`]).
//!
//! Nothing here names a service: what differs between services is in their tables. Every decoder works
//! within [`Limits`]; encoders are total.

mod answer;
mod cbor;
mod coding;
mod decode;
mod dump;
mod error;
mod events;
mod fill;
mod form;
mod json;
mod limits;
mod malformed;
mod message;
mod multipart;
mod path;
mod pattern;
mod printed;
mod query;
#[cfg(feature = "testing")]
mod random;
mod rest;
mod route;
mod scalar;
mod seal;
mod uri;
mod validate;
mod violations;
mod xml;

pub use answer::encode_output;
pub use coding::Coding;
pub use decode::{decode, input_stream};
pub use dump::dump;
pub use error::encode_error;
pub use events::{Frame, FrameError, HeaderValue};
pub use form::AnswerForm;
pub use limits::Limits;
pub use malformed::{Malformed, MalformedKind};
pub use message::{Head, Reply, ReplyBody};
pub use multipart::{FormFault, FormUpload};
#[cfg(feature = "testing")]
pub use pattern::broken_patterns;
#[cfg(feature = "testing")]
pub use random::random_fill;
pub use route::{HostRoute, Route, Routed, Router, Routing, Rules, Unroutable};
pub use seal::{seal, to_compress};
pub use validate::validate;
pub use violations::Violations;
pub use xml::{document as xml_document, leaves as xml_leaves};

//! The few traits by which rooms meet.
//!
//! | Port | What a room does with it |
//! |---|---|
//! | [`Targets`] | asks a resource for an answer by its ARN: API Gateway → Lambda |
//! | [`Calls`] | calls any API operation in-process, as any principal may |
//! | [`Facts`] | hears what happened, without being called |
//! | [`Credentials`] | who holds an access key, what a principal may do, a session of a role |
//! | [`LogSink`] | writes log lines of functions and services |
//! | [`runner::Runner`] | starts processes that run users' code |
//!
//! Asynchronous meetings are no port: they are outbox rows in the commit that caused them, carried by
//! `relay`. No trait here has a method for one caller only, and nothing here names a service.

mod caller;
mod calls;
mod credentials;
mod facts;
mod logs;
pub mod runner;
mod targets;

use std::future::Future;
use std::pin::Pin;

pub use caller::{Caller, Principal, PrincipalKind};
pub use calls::{CallRequest, Calls};
pub use credentials::{Credential, Credentials, Session, SessionRequest};
pub use facts::{Facts, Outcome, RequestFact};
pub use logs::{LogSink, LogTarget};
pub use targets::{TargetReply, TargetRequest, Targets};

/// A boxed future, as object-safe traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

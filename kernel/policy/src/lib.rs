//! The IAM policy language: parsed once, evaluated many times, explained when it refuses.
//!
//! Pure: no clock, no I/O; the moment is part of the [`Request`]. [`Policy::parse`] compiles a document,
//! [`identity_policy`], [`resource_policy`] and [`trust_policy`] also hold it to the rules of their kind.
//! [`evaluate`] decides by AWS's order: an explicit deny anywhere, then what the resource grants, then
//! what the identity may within its boundary and session. Allowing allocates nothing.

mod action;
mod arn_pattern;
mod condition;
mod decision;
mod evaluate;
mod glob;
mod malformed;
mod operator;
mod pattern;
mod principal;
mod request;
mod statement;
mod syntax;
mod validate;

pub use decision::{Decision, Layer, NearMiss, Outcome, StatementRef, access_denied_message};
pub use evaluate::{Attached, IdentityPolicies, Policies, ResourcePolicy, ResourceRule, evaluate};
pub use malformed::{Fault, MalformedPolicy};
pub use principal::{Principal, PrincipalKind};
pub use request::{Context, Request};
pub use statement::{Effect, Policy, Statement};
pub use validate::{identity_policy, resource_policy, trust_policy};

//! The operations of durable executions.

pub mod callbacks;
pub mod checkpoint;
pub mod executions;
pub mod invoking;

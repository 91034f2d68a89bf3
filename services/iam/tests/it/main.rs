//! The room through the region's pipeline.

mod enforcement;
mod groups;
mod policies;
mod roles;
mod services;
mod signed;
mod simulation;
mod users;

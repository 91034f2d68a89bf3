//! The room in a region of its own: memory engine, virtual clock.

mod backups;
mod counts;
mod endpoint;
mod expiry;
mod global;
mod indexes;
mod items;
mod model;
mod pages;
mod permissions;
mod replicas;
mod settings;
mod statements;
mod streams;
mod strong;
mod tables;
mod throttling;
mod transactions;
mod updates;
mod world;

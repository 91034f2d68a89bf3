//! The room in a region of its own: memory engine, virtual clock.

mod backups;
mod counts;
mod expiry;
mod indexes;
mod items;
mod model;
mod pages;
mod permissions;
mod settings;
mod statements;
mod streams;
mod tables;
mod transactions;
mod world;

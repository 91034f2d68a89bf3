//! The HTTP edge and the request pipeline.
//!
//! `http.rs` takes sockets, [`Pipeline`] shows the steps of a request in their order on one screen, and
//! [`Region`] connects rooms, store, ports, relay and workers. Nothing here names a service.

mod arriving;
mod authenticate;
mod authorize;
mod between;
mod body;
mod config;
mod control;
mod cors;
mod digests;
mod door;
mod endpoint;
mod explain;
mod form;
mod front;
mod guard;
mod hoisted;
mod http;
mod identities;
mod init;
mod judge;
mod limits;
mod load;
mod mail_word;
mod message;
mod metrics;
mod outlive;
mod pipeline;
mod recent;
mod record;
mod region;
mod rooms;
mod sessions;
mod settle;
mod state;
mod tls;
mod witnessed;
mod words;

pub use config::{EdgeConfig, IamMode, Profile, SETTLE_LOOKS};
pub use door::Door;
pub use http::Server;
pub use init::{InitReport, ScriptState, Stage};
pub use message::{Incoming, Outgoing, read_whole};
pub use pipeline::Pipeline;
pub use region::Region;
pub use rooms::{Room, RoomState, Rooms, Served};
pub use state::{Load, LoadRefused, reader};
pub use tls::{Certificates, certificates};

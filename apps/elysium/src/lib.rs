//! The list of rooms, for the binary and for the tests that cross rooms.

pub mod rooms;

//! The region itself, with rooms made for the purpose.

mod settle;

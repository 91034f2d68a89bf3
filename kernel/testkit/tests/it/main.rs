//! The region itself, with rooms made for the purpose.

mod handing_over;
mod settle;

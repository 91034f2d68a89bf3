//! The embedded store engine over fjall

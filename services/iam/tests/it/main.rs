//! The room through the region's pipeline.

mod enforcement;
mod signed;

//! Pure decisions of the room: values and their forms, sizes, keys, expressions. No clock, no store.

pub mod change;
pub mod checks;
pub mod codec;
pub mod csv;
pub mod expiry;
pub mod expression;
pub mod history;
pub mod ion;
pub mod json;
pub mod keys;
pub mod legacy;
pub mod number;
pub mod partiql;
pub mod rows;
pub mod sets;
pub mod size;
pub mod value;

//! elysium

fn main() {}

//! Drives broker-core alone.
fn main() {}

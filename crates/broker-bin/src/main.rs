//! The `wsbroker` command.
fn main() {}

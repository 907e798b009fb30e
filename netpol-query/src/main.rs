//! The `netpol-query` program.
fn main() {}

//! The command line `seal`.

fn main() {}

//! The command line `seal`.

#[allow(dead_code, unused_imports, reason = "the commands that use it are not here yet")]
mod config;

fn main() {}

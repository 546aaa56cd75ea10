//! What decrypting refuses, and what a pipeline may do to a file.
//!
//! Each refusal is tried on our layout and on SOPS's, as far as SOPS's MAC can tell. What it cannot tell is here too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "tamper/accepted.rs"]
mod accepted;
#[path = "tamper/altering.rs"]
mod altering;
#[path = "tamper/envelopes.rs"]
mod envelopes;
#[path = "tamper/identity.rs"]
mod identity;
#[path = "tamper/leaves.rs"]
mod leaves;
#[path = "tamper/streams.rs"]
mod streams;
#[path = "support.rs"]
mod support;

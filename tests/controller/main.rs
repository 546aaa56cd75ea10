//! Tests of `seal-controller` against a real API server. One file per theme.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test fails, in its helpers too"
)]

#[path = "../harness/cluster.rs"]
mod cluster;
#[path = "../harness/eventually.rs"]
mod eventually;

mod api_server;
mod drift;
mod flags;
mod http;
mod key_scene;
mod kubeseal;
mod lease;
mod logs;
mod malformed;
mod metrics;
mod ownership;
mod renewal;
mod scene;
mod scopes;
mod sealed_secret;
mod sealing_keys;
mod shutdown;
mod status;
mod takeover_rules;

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
mod api_server_restart;
mod chaos;
mod drift;
mod flags;
mod garbage_collection;
mod http;
mod key_scene;
mod kubeseal;
mod lease;
mod logs;
mod malformed;
mod metrics;
mod migration;
mod ownership;
mod permissions;
mod queue;
mod refusals;
mod renewal;
mod scene;
mod scopes;
mod sealed_secret;
mod sealing_keys;
mod shutdown;
mod status;
mod takeover_rules;
mod templates;
mod two_replicas;

//! Tests of `seal-controller` against a real API server. One file per theme.

#[path = "../harness/cluster.rs"]
mod cluster;
#[path = "../harness/eventually.rs"]
mod eventually;

mod api_server;
mod key_scene;
mod lease;
mod renewal;
mod sealing_keys;
mod takeover_rules;

//! Tests of `seal-controller` against a real API server. One file per theme.

#[path = "../harness/cluster.rs"]
mod cluster;
#[path = "../harness/eventually.rs"]
mod eventually;

mod api_server;
mod drift;
mod malformed;
mod ownership;
mod scene;
mod scopes;
mod sealed_secret;
mod status;

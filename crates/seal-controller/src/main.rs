//! `seal-controller`: decrypts in the cluster what was encrypted for it.

mod api_failure;
mod context;
mod controllers;
mod http;
mod lease;
mod metrics;
mod plan;
mod queue;
mod sealing_keys;
mod settings;

fn main() {}

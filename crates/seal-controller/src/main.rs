//! `seal-controller`: decrypts in the cluster what was encrypted for it.

mod apply;
mod context;
mod controllers;
mod events;
mod http;
mod lease;
mod metrics;
mod plan;
mod queue;
mod sealing_keys;
mod settings;
mod status;
mod unseal_pool;
mod watches;

fn main() {}

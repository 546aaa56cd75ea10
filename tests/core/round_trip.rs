//! Encrypting and decrypting gives the source back, byte for byte; what cannot be kept is a closed list.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "round_trip/as_data.rs"]
mod as_data;
#[path = "round_trip/closed_list.rs"]
mod closed_list;
#[path = "round_trip/corpus.rs"]
mod corpus;
#[path = "round_trip/generate.rs"]
mod generate;
#[path = "round_trip/generated.rs"]
mod generated;
#[path = "round_trip/layouts.rs"]
mod layouts;
#[path = "round_trip/only_the_secrets.rs"]
mod only_the_secrets;
#[path = "support.rs"]
mod support;
#[path = "round_trip/text_formats.rs"]
mod text_formats;

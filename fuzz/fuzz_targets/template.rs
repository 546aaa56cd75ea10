#![no_main]

#[path = "../api_entries.rs"]
#[allow(dead_code, reason = "each target uses one entry")]
mod entries;

libfuzzer_sys::fuzz_target!(|source: &[u8]| entries::template(source));

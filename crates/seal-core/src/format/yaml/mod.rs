//! YAML as go-yaml v3 reads it.

pub mod metadata_block;

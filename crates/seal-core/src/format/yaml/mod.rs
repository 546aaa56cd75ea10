//! YAML as go-yaml v3 reads it.

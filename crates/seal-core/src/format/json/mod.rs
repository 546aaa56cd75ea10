//! JSON as SOPS reads it.

//! One directory per kind: gather, plan, apply, status.

pub(crate) mod sealed_secret;

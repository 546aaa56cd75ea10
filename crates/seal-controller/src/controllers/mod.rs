//! One file per kind: gather, plan, apply, status.

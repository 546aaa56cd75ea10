//! Which leaves are secret.

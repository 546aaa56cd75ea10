//! What every provider of master keys must do, whoever it is. A new provider implements [`suite::Provider`] in a file of
//! its own here, names itself in a line below, and passes.

mod suite;

pub(crate) mod age;
pub(crate) mod vault;

suite::contract!(age_x25519, crate::contract::age::X25519);
suite::contract!(vault_transit, crate::contract::vault::Transit);

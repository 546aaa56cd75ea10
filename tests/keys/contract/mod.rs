//! What every provider of master keys must do, whoever it is. A new provider implements [`suite::Provider`] in a file of
//! its own here, names itself in a line below, and passes.

mod suite;

pub(crate) mod age;

suite::contract!(age_x25519, crate::contract::age::X25519);
suite::contract!(age_post_quantum, crate::contract::age::PostQuantum);
suite::contract!(age_ssh_ed25519, crate::contract::age::SshEd25519);
suite::contract!(age_ssh_rsa, crate::contract::age::SshRsa);

//! What every provider of master keys must do, whoever it is. A new provider implements [`suite::Provider`] in a file of
//! its own here, names itself in a line below, and passes.

pub(crate) mod suite;

pub(crate) mod age;
pub(crate) mod aws_kms;
pub(crate) mod azure_key_vault;
mod cloud;
mod cloud_logins;
pub(crate) mod gcp_kms;
pub(crate) mod huawei_kms;
pub(crate) mod pgp;
pub(crate) mod remote;
pub(crate) mod vault;

suite::contract!(age_x25519, crate::contract::age::X25519);
suite::contract!(openpgp, crate::contract::pgp::Pgp);
suite::contract!(through_a_key_service, crate::contract::remote::Remote);
suite::contract!(age_post_quantum, crate::contract::age::PostQuantum);
suite::contract!(age_ssh_ed25519, crate::contract::age::SshEd25519);
suite::contract!(age_ssh_rsa, crate::contract::age::SshRsa);
suite::contract!(aws_kms_stand_in, crate::contract::aws_kms::AwsKms);
suite::contract!(gcp_kms_rest, crate::contract::gcp_kms::Gcp);
suite::contract!(azure_key_vault_rest, crate::contract::azure_key_vault::Azure);
suite::contract!(huawei_kms_rest, crate::contract::huawei_kms::Huawei);
suite::contract!(vault_transit, crate::contract::vault::Transit);

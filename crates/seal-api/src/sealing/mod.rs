//! The v1 format of sealed-secrets: who may open a value ([`Scope`], [`Label`]), the value itself ([`SealedValue`]), and the
//! two halves of a sealing key ([`SealingKey`], [`SealingCertificate`]).

mod certificate;
pub mod diagnosis;
mod fingerprint;
mod key_ring;
mod private_key;
mod scope;
mod value;

pub use certificate::{CertificateError, SealingCertificate};
pub use fingerprint::Fingerprint;
pub use key_ring::{KeyRing, Opened};
pub(crate) use private_key::pkcs1_of;
pub use private_key::{KeyError, KeySize, SealingKey};
pub use scope::{CLUSTER_WIDE, Label, NAMESPACE_WIDE, Scope, UnknownScope};
pub use value::{MalformedValue, SealError, SealedValue};

#[cfg(test)]
mod tests;

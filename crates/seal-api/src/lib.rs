//! Custom resources of seal-controller: their types, and sealing and unsealing of objects. No client, no clock, no files:
//! time is an argument, randomness comes from the operating system.
//!
//! - [`crd`]: the definitions of the kinds, as YAML
//! - [`sealed_secret`]: the kind `SealedSecret` of `bitnami.com/v1alpha1`; [`malformed`]: what is none; [`condition`]: its status
//! - [`sealing`]: its values (RSA-OAEP and AES-GCM), scopes, sealing keys and certificates
//! - [`template`]: Go templates in SealedSecrets
//! - [`unseal`]: a SealedSecret and its opened values become a Secret

pub mod condition;
pub mod crd;
pub mod malformed;
pub mod sealed_secret;
pub mod sealing;
pub mod template;
pub mod unseal;

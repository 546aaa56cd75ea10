//! Options about SealedSecrets: what they are sealed with, and what opens them.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::examples;
use crate::cluster::ClusterArgs;

/// The certificate to seal with.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "SealedSecrets")]
pub(crate) struct CertificateArgs {
    /// Certificate to seal with, from a file or an http(s) URL [default: the controller's, fetched through the API server;
    /// env: SEALED_SECRETS_CERT]
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub(crate) cert: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// The keys that open SealedSecrets.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "SealedSecrets")]
pub(crate) struct SealingKeyArgs {
    /// Private sealing key of a cluster: PEM, the Secret that holds it, or a List of these (can be repeated)
    /// [env: SEAL_SEALING_KEY_FILE]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) sealing_key: Vec<PathBuf>,
}

/// Sealing instead of encrypting.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "SealedSecrets")]
pub(crate) struct SealingArgs {
    /// Seal for a cluster: Secrets become SealedSecrets, which only the controller there can open. Everything else is
    /// left as it is
    #[arg(long, conflicts_with_all = NOT_FOR_SEALING)]
    pub(crate) cluster: bool,
    /// Namespace of Secrets that name none; one that names another is an error
    #[arg(long, value_name = "NAMESPACE", requires = "cluster")]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) keys: SealingKeyArgs,
    #[command(flatten)]
    pub(crate) certificate: CertificateArgs,
}

/// What changes single values of SealedSecrets.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(crate) struct SealedValueArgs {
    #[command(flatten)]
    pub(crate) keys: SealingKeyArgs,
    #[command(flatten)]
    pub(crate) certificate: CertificateArgs,
}

/// Sealing again.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "SealedSecrets")]
pub(crate) struct RotateSealedArgs {
    /// Seal the values of SealedSecrets again with the newest certificate, and leave everything else as it is: through
    /// the controller, or with --sealing-key here
    #[arg(long, conflicts_with_all = ["KeyAccessArgs", "accept_recipients"])]
    pub(crate) cluster: bool,
    /// Show which sealing keys the values need, and write nothing; exit code 5 where one needs an older key
    #[arg(long, requires = "cluster")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) keys: SealingKeyArgs,
    #[command(flatten)]
    pub(crate) certificate: CertificateArgs,
}

/// Print the certificate that a cluster's SealedSecrets are sealed with
///
/// It is public: keep it in the repository, and nobody needs access to the cluster to seal. Fetched through the API
/// server unless --cert says where it is.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = examples::CERT)]
pub(crate) struct CertArgs {
    /// Print no certificate; say whether this one may seal now, and with --sealing-key whether its private key is there
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) keys: SealingKeyArgs,
    #[command(flatten)]
    pub(crate) certificate: CertificateArgs,
}

/// What `encrypt` has for envelopes, and SealedSecrets have not.
const NOT_FOR_SEALING: [&str; 9] = [
    "mac_only_encrypted",
    "layout",
    "filename_override",
    "expand_aliases",
    "shared_data_key",
    "ConversionArgs",
    "SelectionArgs",
    "MasterKeyArgs",
    "KeyAccessArgs",
];

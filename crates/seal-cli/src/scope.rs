//! `--scope`, and `scope` in .sops.yaml.

use clap::ValueEnum;
use serde::Deserialize;

/// What of its identity a document is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// Name and namespace, as far as the document holds them
    #[default]
    #[value(alias = "strict")]
    Name,
    /// Namespace: the document may be renamed
    #[value(alias = "namespace-wide")]
    Namespace,
    /// Neither: the document may be renamed and moved
    #[value(alias = "cluster-wide")]
    None,
}

impl From<Scope> for seal_api::sealing::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Name => Self::Strict,
            Scope::Namespace => Self::NamespaceWide,
            Scope::None => Self::ClusterWide,
        }
    }
}

impl From<Scope> for seal_core::file::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Name => Self::Name,
            Scope::Namespace => Self::Namespace,
            Scope::None => Self::None,
        }
    }
}

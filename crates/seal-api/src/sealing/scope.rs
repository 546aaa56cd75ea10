//! Where a sealed value may be opened.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The annotation that makes a SealedSecret cluster-wide when its value is exactly `true`.
pub const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";
/// The annotation that makes a SealedSecret namespace-wide when its value is exactly `true`.
pub const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";

/// How far a sealed value may move. Item keys are never bound: entries may be renamed within the scope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Only under the namespace and name that it was sealed for.
    #[default]
    Strict,
    /// Under any name in the namespace that it was sealed for.
    NamespaceWide,
    /// Anywhere.
    ClusterWide,
}

impl Scope {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Strict, Self::NamespaceWide, Self::ClusterWide];

    /// The scope that annotations of a SealedSecret say; cluster-wide wins over namespace-wide, as for sealed-secrets.
    pub fn of_annotations(annotations: Option<&BTreeMap<String, String>>) -> Self {
        let says =
            |name| annotations.and_then(|all| all.get(name)).is_some_and(|value| value == "true");
        if says(CLUSTER_WIDE) {
            Self::ClusterWide
        } else if says(NAMESPACE_WIDE) {
            Self::NamespaceWide
        } else {
            Self::Strict
        }
    }

    /// The annotation that says this scope; none for [`Scope::Strict`].
    pub fn annotation(self) -> Option<&'static str> {
        match self {
            Self::Strict => None,
            Self::NamespaceWide => Some(NAMESPACE_WIDE),
            Self::ClusterWide => Some(CLUSTER_WIDE),
        }
    }

    /// The label that values of this scope are sealed under.
    pub fn label(self, namespace: &str, name: &str) -> Label {
        Label(match self {
            Self::Strict => format!("{namespace}/{name}"),
            Self::NamespaceWide => namespace.to_owned(),
            Self::ClusterWide => String::new(),
        })
    }

    /// `strict`, `namespace-wide` or `cluster-wide`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::NamespaceWide => "namespace-wide",
            Self::ClusterWide => "cluster-wide",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no scope (strict, namespace-wide or cluster-wide)")]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == word)
            .ok_or_else(|| UnknownScope(word.to_owned()))
    }
}

/// The label of RSA-OAEP that ties a value to its scope: `namespace/name`, `namespace` or nothing. No secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(String);

impl Label {
    /// The bytes that RSA-OAEP takes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

//! Why a cluster could not be asked, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::Controller;
use crate::error::CommandError;

/// A failure on the way to the controller. Holds no credential, and nothing of a kubeconfig but names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClusterError {
    /// No kubeconfig, and not in a pod.
    #[error("no kubeconfig says how to reach a cluster")]
    NoConfiguration,
    /// A file that was named or that exists.
    #[error("{} cannot be read", path.display())]
    Unreadable { path: PathBuf, kind: io::ErrorKind },
    /// Not YAML, or not a kubeconfig.
    #[error("{} is no kubeconfig{}", path.display(), at.map_or_else(String::new, |(line, column)| format!(": line {line}, column {column}")))]
    NoKubeconfig { path: PathBuf, at: Option<(u64, u64)> },
    /// A name that stands nowhere in the kubeconfig.
    #[error("the kubeconfig has no {what} {name:?}")]
    Unknown { what: &'static str, name: String },
    /// An option, an entry of the kubeconfig or a variable that cannot be used.
    #[error("{what} {problem}")]
    Unusable { what: String, problem: String },
    /// The program or file that the kubeconfig names for credentials gives none.
    #[error("there are no credentials for {server}")]
    NoCredentials { server: String, reason: String },
    /// No connection.
    #[error("{server} cannot be reached")]
    Unreachable { server: String, reason: String },
    /// A connection and no answer.
    #[error("{server} gives no answer within {} s", limit.as_secs_f64())]
    TimedOut { server: String, limit: Duration },
    /// The API server does not know who asks.
    #[error("{server} does not accept the credentials (401)")]
    Unauthenticated { server: String, message: String },
    /// The API server knows who asks and says no.
    #[error("{server} does not allow that (403)")]
    Forbidden { server: String, message: String, controller: Controller },
    /// No Service of that name.
    #[error("there is no service {}/{} in the cluster at {server}", controller.namespace, controller.name)]
    NoService { server: String, controller: Controller },
    /// The Service leads nowhere.
    #[error("the controller behind service {}/{} does not answer ({status})", controller.namespace, controller.name)]
    NoController { controller: Controller, status: u16, message: String },
    /// Rate limit.
    #[error("the controller {}/{} is asked too often to {operation} (429)", controller.namespace, controller.name)]
    TooOften { operation: &'static str, controller: Controller },
    /// Anything else that is not success.
    #[error("the controller {}/{} could not {operation} ({status})", controller.namespace, controller.name)]
    Refused { operation: &'static str, status: u16, message: String, controller: Controller },
    /// An answer that is none.
    #[error("the answer of {server} cannot be used")]
    Malformed { server: String, problem: String },
    /// A certificate's URL that was answered with something else than a certificate.
    #[error("cannot fetch {url:?}: {status}")]
    NotFetched { url: String, status: String },
    /// The system gives no thread.
    #[error("no thread for calls to the cluster can be started")]
    NoThread { kind: io::ErrorKind },
}

impl ClusterError {
    /// Why, in the words of whoever said no.
    fn reason(&self) -> Option<String> {
        let text = match self {
            Self::Unreadable { kind, .. } | Self::NoThread { kind } => {
                return Some(kind.to_string());
            }
            Self::NoCredentials { reason, .. } | Self::Unreachable { reason, .. } => reason,
            Self::Unauthenticated { message, .. }
            | Self::Forbidden { message, .. }
            | Self::NoController { message, .. }
            | Self::Refused { message, .. } => message,
            Self::Malformed { problem, .. } => problem,
            _ => return None,
        };
        (!text.is_empty()).then(|| text.clone())
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoConfiguration => {
                "name one with `--kubeconfig` or KUBECONFIG; with `--cert FILE` no cluster is needed".into()
            }
            Self::Unreadable { .. } | Self::NoKubeconfig { .. } => {
                "another one can be named with `--kubeconfig` or KUBECONFIG".into()
            }
            Self::Unknown { what: "context", .. } => "`kubectl config get-contexts` lists them".into(),
            Self::Unknown { .. } => "`kubectl config view` shows what there is".into(),
            Self::NoCredentials { .. } | Self::Unauthenticated { .. } => {
                "log in again, or choose another user with `--context`; `kubectl auth whoami` tells who you are".into()
            }
            Self::Unreachable { .. } | Self::TimedOut { .. } => {
                "check that this is the right cluster (`kubectl cluster-info`); with `--cert FILE` none is needed".into()
            }
            Self::Forbidden { controller, .. } => format!(
                "you need `get` on services and `get` and `create` on services/proxy in namespace {}; or fetch the certificate once with somebody's rights and use `--cert FILE`",
                controller.namespace
            ),
            Self::NoService { controller, .. } => {
                let mut hint = "name the service with `--controller-name` and its namespace with `--controller-namespace`".to_owned();
                if controller.name == Controller::NAME {
                    hint.push_str("; the Helm chart of sealed-secrets calls it `sealed-secrets`, in the namespace of the release");
                }
                hint
            }
            Self::NoController { controller, .. } => format!(
                "see whether its pod runs: `kubectl -n {} get endpoints,pods`",
                controller.namespace
            ),
            Self::TooOften { .. } => {
                "wait a moment; its `--rate-limit` says how many requests per second it takes".into()
            }
            Self::Refused { controller, .. } => format!(
                "its log says more: `kubectl -n {} logs svc/{}`",
                controller.namespace, controller.name
            ),
            Self::NotFetched { .. } => "open the address in a browser to see what is there".into(),
            Self::Unusable { .. } | Self::Malformed { .. } | Self::NoThread { .. } => return None,
        })
    }
}

impl From<&ClusterError> for CommandError {
    fn from(error: &ClusterError) -> Self {
        let mut this = match error {
            ClusterError::NoConfiguration
            | ClusterError::Unknown { .. }
            | ClusterError::Unusable { .. } => Self::usage(error.to_string()),
            _ => Self::failed(error.to_string()),
        };
        this.causes.extend(error.reason());
        match error.hint() {
            Some(hint) => this.hint(hint),
            None => this,
        }
    }
}

impl From<ClusterError> for CommandError {
    fn from(error: ClusterError) -> Self {
        Self::from(&error)
    }
}

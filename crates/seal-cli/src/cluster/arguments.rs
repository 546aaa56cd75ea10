//! What can be said about a cluster and the controller in it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use seal_keys::Environment;
use zeroize::Zeroizing;

/// Where the controller is, for the commands of `seal`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterArgs {
    /// Kubeconfig that says how to reach the cluster [default: KUBECONFIG, ~/.kube/config, or the pod's own]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig to use instead of its current one
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Service of the controller [default: sealed-secrets-controller] [env: SEALED_SECRETS_CONTROLLER_NAME]
    #[arg(long, value_name = "NAME")]
    pub(crate) controller_name: Option<String>,
    /// Namespace of the controller [default: kube-system] [env: SEALED_SECRETS_CONTROLLER_NAMESPACE]
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) controller_namespace: Option<String>,
}

impl ClusterArgs {
    pub(super) fn connection(&self) -> Connection {
        Connection {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            ..Connection::default()
        }
    }

    pub(super) fn controller(&self, environment: &Environment) -> Controller {
        let said = |given: &Option<String>, variable: &str, default: &str| {
            let variable = || environment.variable(variable)?.into_string().ok();
            given.clone().or_else(variable).unwrap_or_else(|| default.to_owned())
        };
        Controller {
            name: said(&self.controller_name, "SEALED_SECRETS_CONTROLLER_NAME", Controller::NAME),
            namespace: said(
                &self.controller_namespace,
                "SEALED_SECRETS_CONTROLLER_NAMESPACE",
                Controller::NAMESPACE,
            ),
        }
    }
}

/// The Service that the controller answers behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Controller {
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl Controller {
    /// What the manifests and the chart of seal, and kubeseal, call it.
    pub(crate) const NAME: &'static str = "sealed-secrets-controller";
    /// Where kubeseal looks for it.
    pub(crate) const NAMESPACE: &'static str = "kube-system";
}

/// How to reach the API server, where that is not what the kubeconfig says. All that kubectl can be told, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) context: Option<String>,
    pub(crate) cluster: Option<String>,
    pub(crate) user: Option<String>,
    /// Namespace of objects that name none.
    pub(crate) namespace: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) certificate_authority: Option<PathBuf>,
    pub(crate) insecure_skip_tls_verify: Option<bool>,
    pub(crate) tls_server_name: Option<String>,
    pub(crate) proxy_url: Option<String>,
    pub(crate) token: Option<Credential>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Credential>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) as_user: Option<String>,
    pub(crate) as_uid: Option<String>,
    pub(crate) as_groups: Vec<String>,
    /// For one request and its answer. [`Connection::REQUEST_TIMEOUT`] if nothing is said.
    pub(crate) request_timeout: Option<Duration>,
}

impl Connection {
    /// Long enough for a slow cluster, short enough for somebody who waits in front of it.
    pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
}

/// A token or a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Credential(Zeroizing<String>);

impl Credential {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

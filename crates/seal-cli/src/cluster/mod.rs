//! Access to a cluster: its API server as a kubeconfig or the pod's own environment says, and through its service proxy
//! the controller, whose certificate, `verify` and `rotate` are asked for.
//!
//! ```text
//! ClusterArgs | Connection ─kubeconfig→ Target ─service→ /api/v1/namespaces/NS/services/http:NAME:PORT/proxy/v1/…
//! ```
//!
//! Nothing is read and nobody is asked before the first call, so that what works without a cluster never looks for one.

mod arguments;
mod certificate;
mod error;
mod kubeconfig;
mod proxy;
mod runtime;
mod service;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use seal_keys::Environment;

pub(crate) use arguments::{ClusterArgs, Connection, Controller, Credential};
pub(crate) use certificate::{certificate, is_file};
pub(crate) use error::ClusterError;
pub(crate) use kubeconfig::namespace;

use kubeconfig::target;
use service::Service;

/// The controller in a cluster. May be used by several threads; the connection is made by the first call.
pub(crate) struct Access {
    connection: Connection,
    controller: Controller,
    environment: Environment,
    service: OnceLock<Result<Service, ClusterError>>,
}

impl Access {
    /// As the options of `seal` say.
    pub(crate) fn from(arguments: &ClusterArgs, environment: &Environment) -> Self {
        Self::new(arguments.connection(), arguments.controller(environment), environment)
    }

    /// With all that can be said about a connection.
    pub(crate) fn new(
        connection: Connection,
        controller: Controller,
        environment: &Environment,
    ) -> Self {
        let environment = environment.clone();
        Self { connection, controller, environment, service: OnceLock::new() }
    }

    /// The certificate that the controller seals with now, in PEM, as it came.
    pub(crate) fn fetch_certificate(&self) -> Result<Vec<u8>, ClusterError> {
        self.service()?.certificate()
    }

    /// Whether the controller can open this one SealedSecret (JSON or YAML).
    pub(crate) fn verify(&self, object: &[u8]) -> Result<bool, ClusterError> {
        self.service()?.verify(object)
    }

    /// This one SealedSecret (JSON or YAML), sealed anew under the newest key: JSON.
    pub(crate) fn rotate(&self, object: &[u8]) -> Result<Vec<u8>, ClusterError> {
        self.service()?.rotate(object)
    }

    fn service(&self) -> Result<&Service, ClusterError> {
        let made = self.service.get_or_init(|| {
            Service::new(target(&self.connection, &self.environment)?, self.controller.clone())
        });
        made.as_ref().map_err(Clone::clone)
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("controller", &self.controller).finish_non_exhaustive()
    }
}

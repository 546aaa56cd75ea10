//! The client for the API server: by the kubeconfig that KUBECONFIG names, else in a pod by its service account, else by the
//! kubeconfig of the user.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use kube::client::ClientBuilder;
use kube::config::{InClusterError, KubeConfigOptions, KubeconfigError};
use kube::{Client, Config};
use thiserror::Error;
use tower::{Layer, Service};

use crate::rate::Rate;
use crate::settings::{ClientLimit, Environment};

/// Why there is no client. No text of a kubeconfig: it holds tokens.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// No pod, and no kubeconfig.
    #[error(
        "no way to the API server: this is no pod, and the kubeconfig cannot be used: {}; set KUBECONFIG, or run it in a pod \
         with a service account", kubeconfig_problem(.0)
    )]
    Kubeconfig(KubeconfigError),
    /// A pod without what pods have.
    #[error(
        "no way to the API server: the service account of this pod cannot be used: {0}; is automountServiceAccountToken off?"
    )]
    Pod(InClusterError),
    /// The configuration cannot be used.
    #[error("the way to the API server cannot be used: {0}")]
    Unusable(kube::Error),
}

/// Finds the API server; nothing is sent yet. A kubeconfig that KUBECONFIG names wins over the service account of a pod, and
/// one that cannot be read is an error, not a reason to become somebody else.
pub(crate) async fn connect(
    environment: &Environment,
    limit: Option<ClientLimit>,
) -> Result<Client, ClientError> {
    let config = match environment.has("KUBERNETES_SERVICE_HOST") && !environment.has("KUBECONFIG")
    {
        true => Config::incluster().map_err(ClientError::Pod)?,
        false => Config::from_kubeconfig(&KubeConfigOptions::default())
            .await
            .map_err(ClientError::Kubeconfig)?,
    };
    let builder = ClientBuilder::try_from(config).map_err(ClientError::Unusable)?;
    Ok(match limit {
        Some(limit) => builder.with_layer(&Limited::new(limit)).build(),
        None => builder.build(),
    })
}

fn kubeconfig_problem(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => {
            let at = error.location().map(|at| format!(", line {}", at.line())).unwrap_or_default();
            format!("it is not YAML, or not what a kubeconfig holds{at}")
        }
        error => error.to_string(),
    }
}

/// Lets requests through at a steady rate, in the order in which they come.
#[derive(Clone)]
struct Limited {
    rate: Arc<Rate>,
}

impl Limited {
    fn new(limit: ClientLimit) -> Self {
        let interval = Duration::from_secs_f64((1.0 / limit.per_second).min(3600.0));
        Self { rate: Arc::new(Rate::new(interval, limit.burst - 1, Instant::now())) }
    }
}

impl<S> Layer<S> for Limited {
    type Service = LimitedService<S>;

    fn layer(&self, inner: S) -> LimitedService<S> {
        LimitedService { limit: self.clone(), inner: Arc::new(Mutex::new(inner)) }
    }
}

/// A client that waits. The inner one is shared, because a request that waits must not keep others from being ready.
struct LimitedService<S> {
    limit: Limited,
    inner: Arc<Mutex<S>>,
}

impl<S, R> Service<R> for LimitedService<S>
where
    S: Service<R> + Send + 'static,
    S::Future: Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let wait = self.limit.rate.take(Instant::now(), Duration::MAX).unwrap_or_default();
        let inner = self.inner.clone();
        Box::pin(async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            std::future::poll_fn(|context| {
                inner.lock().unwrap_or_else(PoisonError::into_inner).poll_ready(context)
            })
            .await?;
            let call = inner.lock().unwrap_or_else(PoisonError::into_inner).call(request);
            call.await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_wait_and_arrive() {
        let limit = Limited::new(ClientLimit { per_second: 0.001, burst: 1 });
        let mut service =
            limit.layer(tower::service_fn(async |number: u32| Ok::<_, std::io::Error>(number + 1)));
        let first = service.call(1);
        let second = service.call(2);
        assert_eq!(first.await.unwrap(), 2);
        let begun = tokio::time::Instant::now();
        assert_eq!(second.await.unwrap(), 3);
        assert!(begun.elapsed() > Duration::from_secs(900));
    }
}

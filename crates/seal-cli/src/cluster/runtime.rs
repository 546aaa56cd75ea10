//! The runtime of calls to a cluster.

use std::future::Future;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::ClusterError;

/// Runs a call and waits for it; the first one starts the runtime. Must not be called from inside of it.
pub(super) fn wait<T>(
    limit: Duration,
    server: &str,
    work: impl Future<Output = Result<T, ClusterError>>,
) -> Result<T, ClusterError> {
    let in_time = async { tokio::time::timeout(limit, work).await };
    runtime()?
        .block_on(in_time)
        .unwrap_or_else(|_| Err(ClusterError::TimedOut { server: server.to_owned(), limit }))
}

/// Makes what belongs to the runtime without being a call, such as a client.
pub(super) fn enter<T>(work: impl FnOnce() -> T) -> Result<T, ClusterError> {
    let _inside = runtime()?.enter();
    Ok(work())
}

fn runtime() -> Result<&'static Runtime, ClusterError> {
    static RUNTIME: OnceLock<Result<Runtime, io::ErrorKind>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        // One worker: connections are few, and the threads that wait do the rest.
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("cluster")
            .enable_all()
            .build()
            .map_err(|error| error.kind())
    });
    runtime.as_ref().map_err(|kind| ClusterError::NoThread { kind: *kind })
}

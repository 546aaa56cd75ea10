//! The process: what runs in it, and how it ends.
//!
//! Whatever part of it ends before its time, by a panic or otherwise, the process ends with it, and Kubernetes starts
//! another: a controller that half works looks healthy and is not.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use crate::client::{self, ClientError};
use crate::context::{Context, Readiness};
use crate::controllers::sealed_secret;
use crate::http::{self, AddressError, Sources};
use crate::metrics::Metrics;
use crate::sealing_keys::{self, Registry};
use crate::settings::{Environment, Settings};
use crate::{VERSION, lease, logs};

/// How long what is being written may take when the process is to end.
const GRACE: Duration = Duration::from_secs(10);
/// How long the connections may take that are open after that.
const CONNECTIONS_GRACE: Duration = Duration::from_secs(3);

/// Threads that wait for the network; what computes has threads of its own, one per core. More would only take memory.
const RUNTIME_THREADS: usize = 4;

/// Why the process ends with an error.
#[derive(Debug, Error)]
enum Failure {
    #[error("the runtime cannot be started: {0}")]
    Runtime(std::io::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    #[error(
        "a part of the controller ended before its time ({0}); the process ends, so that it is started anew"
    )]
    Ended(&'static str),
    #[error(
        "a part of the controller ended by a mistake of its own; the process ends, so that it is started anew"
    )]
    Panicked,
}

/// Runs the controller until a signal ends it.
pub(crate) fn run(settings: Settings, environment: &Environment, hardened: bool) -> ExitCode {
    logs::install(settings.log);
    report_panics();
    tracing::info!(version = VERSION, "starting seal-controller");
    if !hardened {
        tracing::warn!(
            "the system does not let core dumps and debuggers be forbidden; a crash could leave keys behind"
        );
    }
    for hint in &settings.without_effect {
        tracing::warn!("a flag has no effect here: {hint}");
    }
    // Both ends need one provider; the first and only choice cannot fail.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let pod =
        environment.variables.get("POD_NAME").or_else(|| environment.variables.get("HOSTNAME"));
    let identity = lease::identity(pod.map_or("seal-controller", String::as_str));
    let threads = available_parallelism().map_or(1, usize::from).min(RUNTIME_THREADS);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Failure::Runtime(error)),
    };
    let outcome = runtime.block_on(serve(settings, environment, identity));
    // Threads that decrypt are not waited for: nothing of theirs is written any more.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => {
            tracing::info!("ended");
            ExitCode::SUCCESS
        }
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    tracing::error!("{failure}");
    ExitCode::FAILURE
}

/// Says where, not what: a message may quote a value. The process ends at once, for no other thread may go on with what the
/// panic left behind.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place =
            panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        tracing::error!(
            place,
            "a mistake in seal-controller: please report it with this place; the process ends"
        );
        std::process::abort();
    }));
}

async fn serve(
    settings: Settings,
    environment: &Environment,
    identity: String,
) -> Result<(), Failure> {
    let settings = Arc::new(settings);
    let client = client::connect(environment, settings.client_limit).await?;
    let listener = http::bind("--listen-addr", &settings.http.address).await?;
    let metrics_listener =
        http::bind("--listen-metrics-addr", &settings.http.metrics_address).await?;
    report_addresses(&listener, &metrics_listener);
    let (leading_sender, leading) = watch::channel(settings.lease.is_none());
    let context = Context {
        client,
        sealing_keys: Registry::new(),
        metrics: Metrics::new(VERSION, settings.metrics_omit_secret_labels),
        leading,
        lead: lease::Lead::new(settings.lease.is_some()),
        readiness: Readiness::default(),
        settings,
    };
    let (stop, stopping) = watch::channel(false);
    let mut writers = Parts::default();
    writers.start("sealing keys", sealing_keys::run(context.clone(), stopping.clone()));
    writers.start("SealedSecrets", sealed_secret::run(context.clone(), stopping.clone()));

    // These go on until the writers have ended: others may still ask, and nobody else should write meanwhile.
    let (stop_rest, rest_stopping) = watch::channel(false);
    let mut rest = Parts::default();
    let sources = Sources {
        keys: context.sealing_keys.clone(),
        metrics: context.metrics.clone(),
        readiness: context.readiness.clone(),
        leading: context.leading.clone(),
        accept_deprecated: context.settings.accept_deprecated_v1_data,
    };
    rest.start(
        "http",
        http::run(
            sources,
            context.settings.http.clone(),
            listener,
            metrics_listener,
            rest_stopping.clone(),
        ),
    );
    rest.start("leader gauge", show_leading(context.clone(), rest_stopping.clone()));
    rest.start("lease", elect(context.clone(), identity, leading_sender, rest_stopping));

    let outcome = tokio::select! {
        signal = signalled() => signal.map(|name| tracing::info!(signal = name, "ending")),
        failure = writers.ended_early() => Err(failure),
        failure = rest.ended_early() => Err(failure),
    };
    stop.send_replace(true);
    if timeout(GRACE, writers.ended()).await.is_err() {
        tracing::warn!(
            "something was still being written after {} s; it is given up",
            GRACE.as_secs()
        );
    }
    stop_rest.send_replace(true);
    // Connections that do not end are cut.
    let _ = timeout(CONNECTIONS_GRACE, rest.ended()).await;
    outcome
}

/// Takes part in the election, or leads without one.
async fn elect(
    context: Context,
    identity: String,
    leading: watch::Sender<bool>,
    mut stopping: watch::Receiver<bool>,
) {
    let settings = &context.settings;
    let Some(times) = settings.lease else {
        tracing::info!("leader election is off; this replica writes");
        stopped(&mut stopping).await;
        return;
    };
    let timings = lease::Timings {
        duration: times.duration,
        renew_deadline: times.renew_deadline,
        retry: times.retry_period,
    };
    let announcement = lease::Announcement { leading, lead: context.lead.clone() };
    let name = lease::name(&settings.key_prefix);
    lease::run(
        context.client.clone(),
        settings.key_namespace.clone(),
        name,
        identity,
        timings,
        announcement,
        stopping,
    )
    .await;
}

async fn show_leading(context: Context, mut stopping: watch::Receiver<bool>) {
    let mut leading = context.leading.clone();
    let shown = async {
        loop {
            context.metrics.leading(*leading.borrow_and_update());
            if leading.changed().await.is_err() {
                // The lease has ended, and with it what this shows.
                return std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = stopped(&mut stopping) => {}
        () = shown => {}
    }
}

/// Ends when `stop` becomes true, or nobody is left who could say so.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn report_addresses(listener: &TcpListener, metrics_listener: &TcpListener) {
    for (listener, what) in
        [(listener, "HTTP server serving"), (metrics_listener, "HTTP metrics server serving")]
    {
        if let Ok(addr) = listener.local_addr() {
            tracing::info!(%addr, "{what}");
        }
    }
}

/// The name of the signal that asks the process to end.
async fn signalled() -> Result<&'static str, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signals)?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

/// Tasks with names.
#[derive(Default)]
struct Parts {
    tasks: JoinSet<&'static str>,
}

impl Parts {
    fn start(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            part.await;
            name
        });
    }

    /// Ends when one of them ends, which none should.
    async fn ended_early(&mut self) -> Failure {
        match self.tasks.join_next().await {
            Some(ended) => failure_of(ended),
            None => std::future::pending().await,
        }
    }

    /// Ends when all have ended.
    async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

fn failure_of(ended: Result<&'static str, JoinError>) -> Failure {
    match ended {
        Ok(name) => Failure::Ended(name),
        Err(_) => Failure::Panicked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{LogFormat, LogLevel, LogSettings};

    #[tokio::test]
    async fn a_part_that_ends_or_panics_before_its_time_is_a_failure() {
        let mut parts = Parts::default();
        parts.start("waits", std::future::pending());
        parts.start("ends", async {});
        assert!(matches!(parts.ended_early().await, Failure::Ended("ends")));
        parts.start("panics", async { panic!("hunter2") });
        let failure = parts.ended_early().await;
        assert!(matches!(failure, Failure::Panicked));
        assert!(!failure.to_string().contains("hunter2"));
    }

    #[test]
    fn a_panic_ends_the_process_at_once_and_its_message_is_not_printed() {
        use std::os::unix::process::ExitStatusExt as _;

        const INSIDE: &str = "SEAL_TEST_PANIC";
        if std::env::var_os(INSIDE).is_some() {
            let log = LogSettings {
                level: LogLevel::Info,
                format: LogFormat::Text,
                info_to_stdout: false,
            };
            logs::install(log);
            report_panics();
            let _ = std::thread::spawn(|| panic!("hunter2")).join();
            return;
        }
        let test =
            "process::tests::a_panic_ends_the_process_at_once_and_its_message_is_not_printed";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        assert_eq!(output.status.signal(), Some(6), "{output:?}");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(printed.contains("place=") && printed.contains("process.rs"), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }

    #[tokio::test]
    async fn without_parts_nothing_has_ended_early() {
        let mut parts = Parts::default();
        let early = timeout(Duration::from_millis(10), parts.ended_early());
        assert!(early.await.is_err());
    }
}

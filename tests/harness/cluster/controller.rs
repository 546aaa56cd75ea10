//! The program `seal-controller`, run against an API server.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::SOON;
use crate::eventually::eventually;

/// A running controller; it is killed when this is dropped. In a failed test its log goes to standard error.
pub(crate) struct Controller {
    process: Child,
    log: Arc<Mutex<Vec<String>>>,
    http: u16,
    metrics: u16,
}

impl Controller {
    /// Starts one for a single namespace, as the user of a kubeconfig, and waits until it is ready.
    /// Flags come after those that bind it to the namespace and to free ports, and win.
    pub(crate) async fn start(kubeconfig: &Path, namespace: &str, flags: &[&str]) -> Self {
        let controller = Self::spawn(kubeconfig, namespace, flags);
        controller.until_ready().await;
        controller
    }

    /// The same, without waiting.
    pub(crate) fn spawn(kubeconfig: &Path, namespace: &str, flags: &[&str]) -> Self {
        let (http, metrics) = (free_port(), free_port());
        let mut process = Command::new(env!("CARGO_BIN_EXE_seal-controller"))
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .env("POD_NAMESPACE", namespace)
            .args(["--all-namespaces=false", "--log-format=json"])
            .arg(format!("--listen-addr=127.0.0.1:{http}"))
            .arg(format!("--listen-metrics-addr=127.0.0.1:{metrics}"))
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("seal-controller starts");
        let log = Arc::default();
        collect(process.stdout.take().expect("piped"), &log);
        collect(process.stderr.take().expect("piped"), &log);
        Self { process, log, http, metrics }
    }

    /// Waits until it says that it is ready: caches are filled, and there is a sealing key.
    pub(crate) async fn until_ready(&self) {
        eventually("seal-controller is ready", SOON, || async {
            match reqwest::get(self.url("/readyz")).await {
                Ok(answer) if answer.status().is_success() => Ok(()),
                Ok(answer) => Err(answer.text().await.unwrap_or_default()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// An address of its HTTP side.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    /// What `/metrics` answers.
    pub(crate) async fn metrics(&self) -> String {
        let answer = reqwest::get(format!("http://127.0.0.1:{}/metrics", self.metrics)).await;
        answer.expect("metrics").text().await.expect("text")
    }

    /// The lines that it logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The same, to be looked at when it has ended.
    pub(crate) fn log_lines(&self) -> Arc<Mutex<Vec<String>>> {
        self.log.clone()
    }

    /// Those of them that are JSON, as JSON.
    pub(crate) fn log_entries(&self) -> Vec<Value> {
        self.log().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Ends it as the kernel would when memory runs out.
    pub(crate) fn kill(mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Stops it in the middle of whatever it does, until [`Self::resume`].
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to end, as Kubernetes does with a pod, and waits until it has.
    pub(crate) async fn terminate(self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.process.try_wait().expect("our child") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id().cast_signed()).expect("a process");
        kill_process(pid, signal).expect("it runs");
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("log of seal-controller:\n{}", self.log().join("\n"));
        }
    }
}

/// A port that nobody listens on, below those that the system gives to outgoing connections.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = rand::random_range(12_000..20_000);
        // Connecting finds those that listen on another address too.
        if TcpStream::connect(("127.0.0.1", port)).is_err()
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
        {
            return port;
        }
    }
}

/// Reads a pipe to its end, so that it never fills up.
fn collect(pipe: impl Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) {
    let log = log.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            log.lock().unwrap().push(line);
        }
    });
}

//! Removes temporary files when the process is told to stop.
//!
//! A destructor does not run when a signal ends the process, and a temporary file may hold plaintext. So the first
//! temporary file starts a thread that waits for the signals; it removes what is registered and then lets the signal do
//! what it would have done.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use tempfile::NamedTempFile;

/// Keeps a temporary file known to the handler as long as it lives.
#[derive(Debug)]
pub(crate) struct Registration(PathBuf);

/// Creates a temporary file that signals remove.
pub(super) fn create(
    builder: &tempfile::Builder<'_, '_>,
    directory: &Path,
) -> io::Result<(NamedTempFile, Registration)> {
    start();
    // Created and registered under one lock: the handler takes it for good, so no file slips in between.
    let mut pending = pending();
    let file = builder.tempfile_in(directory)?;
    pending.insert(file.path().to_owned());
    let registration = Registration(file.path().to_owned());
    Ok((file, registration))
}

/// Lets signals remove something that is no temporary file, such as a socket.
pub(crate) fn remove_on_signal(path: PathBuf) -> Registration {
    start();
    pending().insert(path.clone());
    Registration(path)
}

fn start() {
    static WATCH: Once = Once::new();
    WATCH.call_once(watch);
}

impl Drop for Registration {
    fn drop(&mut self) {
        pending().remove(&self.0);
    }
}

static PENDING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn pending() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch() {
    let ignored = ignored_signals();
    let signals: Vec<i32> =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !ignored.contains(signal)).collect();
    let (ready, started) = mpsc::channel();
    // The signals are taken over inside the thread: if it cannot start, they keep ending the process.
    let thread = thread::Builder::new().name("signals".into()).spawn(move || {
        let signals = Signals::new(signals);
        let _ = ready.send(());
        if let Ok(mut signals) = signals
            && let Some(signal) = signals.forever().next()
        {
            let pending = pending();
            for path in &*pending {
                let _ = fs::remove_file(path);
            }
            let _ = emulate_default_handler(signal);
        }
    });
    if thread.is_ok() {
        let _ = started.recv();
    }
}

/// Signals that whoever started this process wants ignored, as `nohup` and shells' background jobs do.
pub(crate) fn ignored_signals() -> Vec<i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{create, ignored_signals, pending};

    #[test]
    fn a_temporary_file_is_registered_as_long_as_it_lives() {
        let directory = tempfile::tempdir().unwrap();
        let (file, registration) = create(&tempfile::Builder::new(), directory.path()).unwrap();
        let path = file.path().to_owned();
        assert!(pending().contains(&path));
        drop((file, registration));
        assert!(!pending().contains(&path));
        assert!(!path.exists());
    }

    #[test]
    fn signals_that_are_ignored_are_known() {
        // Rust's runtime ignores SIGPIPE.
        assert!(ignored_signals().contains(&signal_hook::consts::SIGPIPE));
        assert!(!ignored_signals().contains(&signal_hook::consts::SIGTERM));
    }
}

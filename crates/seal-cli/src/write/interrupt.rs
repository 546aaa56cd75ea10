//! Removes temporary files when the process is told to stop.
//!
//! A destructor does not run when a signal ends the process, and a temporary file may hold plaintext. So the first
//! temporary file starts a thread that waits for the signals; it removes what is registered and then lets the signal do
//! what it would have done.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::emulate_default_handler;
use signal_hook::low_level::siginfo::Cause;
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

/// Lets signals remove something that is no temporary file, such as a socket or a directory with what is in it.
pub(crate) fn remove_on_signal(path: PathBuf) -> Registration {
    start();
    pending().insert(path.clone());
    Registration(path)
}

/// Removes what signals would remove, because the process is about to end otherwise.
pub(crate) fn remove_pending() {
    // Who holds the lock may be who failed: then what it holds is not known well enough.
    let pending = match PENDING.try_lock() {
        Ok(pending) => pending,
        Err(TryLockError::Poisoned(pending)) => pending.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    pending.iter().for_each(|path| remove(path));
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
    let ours = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];
    let signals: Vec<i32> = ours.into_iter().filter(|signal| !ignored.contains(signal)).collect();
    let (ready, started) = mpsc::channel();
    // The signals are taken over inside the thread: if it cannot start, they keep ending the process.
    let thread = thread::Builder::new().name("signals".into()).spawn(move || {
        let signals = SignalsInfo::<WithOrigin>::new(signals);
        let _ = ready.send(());
        for origin in signals.into_iter().flat_map(|mut signals| {
            // Taken one by one: the process ends with the first that is meant for it.
            std::iter::from_fn(move || signals.forever().next())
        }) {
            let pending = pending();
            let program = program();
            if let Some(pid) = *program {
                // What the terminal sends, the program in the foreground has got already, and it may only mean a line.
                if matches!(origin.signal, SIGINT | SIGQUIT)
                    && matches!(origin.cause, Cause::Kernel)
                {
                    continue;
                }
                send(pid, origin.signal);
            }
            pending.iter().for_each(|path| remove(path));
            let _ = emulate_default_handler(origin.signal);
        }
    });
    if thread.is_ok() {
        let _ = started.recv();
    }
}

/// Runs a program of the user's to its end. Meanwhile ctrl-C is for the program alone; any other signal that ends us is
/// passed on to it first.
pub(crate) fn program_runs(command: &mut Command) -> io::Result<ExitStatus> {
    start();
    let mut child = {
        let mut program = program();
        let child = command.spawn()?;
        *program = Pid::from_raw(child.id().cast_signed());
        child
    };
    if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
        // Not reaped yet, so that its number is nobody else's while a signal may be sent to it.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
        // A program that ends at ctrl-C may have done so before the handler has even looked at it.
        thread::sleep(GRACE);
    }
    *program() = None;
    child.wait()
}

/// More than the handler of signals needs to wake up.
const GRACE: Duration = Duration::from_millis(50);

/// The program that runs now.
static PROGRAM: Mutex<Option<Pid>> = Mutex::new(None);

fn program() -> MutexGuard<'static, Option<Pid>> {
    PROGRAM.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(pid: Pid, signal: i32) {
    if let Some(signal) = Signal::from_named_raw(signal) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, signal);
    }
}

/// Removes a file, or a directory with all that is in it.
fn remove(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        wipe_directory(path);
        let _ = fs::remove_dir_all(path);
    } else {
        let _ = fs::remove_file(path);
    }
}

/// Overwrites the files in a directory and below it. What a disk does with that is its own affair: many write elsewhere.
pub(crate) fn wipe_directory(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match (entry.file_type(), entry.metadata()) {
            (Ok(kind), _) if kind.is_dir() => wipe_directory(&entry.path()),
            (Ok(kind), Ok(metadata)) if kind.is_file() => {
                let _ = overwrite(&entry.path(), metadata.len());
            }
            _ => {}
        }
    }
}

fn overwrite(path: &Path, length: u64) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_data()
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

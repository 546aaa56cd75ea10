//! Passes the signals that we get on to the program that runs in our place.
//!
//! What the terminal sends (ctrl-C, a new size of the window) goes to every process in its foreground, so the program has
//! it already: passed on, it would come twice, and programs take a second ctrl-C for impatience. Only what somebody sent
//! to us is passed on. Stopping (ctrl-Z) and going on need nothing: shells stop and continue us and the program together.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use crate::write::ignored_signals;

const PASSED_ON: [i32; 7] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH];

/// Signals that no longer end this process, from the start of the watch to the end of the run.
#[derive(Debug)]
pub(crate) struct Signals(Arc<Mutex<Target>>);

#[derive(Debug)]
enum Target {
    /// It is not started yet; these came in the meantime.
    ToBe(Vec<i32>),
    Running(Pid),
    Ended,
}

impl Signals {
    /// Starts to watch. Whatever comes from now on waits for the program, so that what is prepared for it, files above
    /// all, is always taken away in the end.
    ///
    /// Signals that whoever started us wants ignored stay ignored, for the program as well.
    pub(crate) fn watch() -> io::Result<Self> {
        let ignored = ignored_signals();
        let watched: Vec<i32> =
            PASSED_ON.into_iter().filter(|signal| !ignored.contains(signal)).collect();
        let target = Arc::new(Mutex::new(Target::ToBe(Vec::new())));
        let seen = Arc::clone(&target);
        let (ready, started) = mpsc::channel();
        // Taken over inside the thread: if it cannot start, signals keep ending the process.
        thread::Builder::new().name("signals".into()).spawn(move || {
            let signals = SignalsInfo::<WithOrigin>::new(watched);
            let (mut signals, problem) = match signals {
                Ok(signals) => (Some(signals), None),
                Err(error) => (None, Some(error)),
            };
            let _ = ready.send(problem);
            for origin in signals.iter_mut().flat_map(|signals| signals.forever()) {
                let from_terminal = matches!(origin.cause, Cause::Kernel);
                match &mut *lock(&seen) {
                    Target::ToBe(came) => came.push(origin.signal),
                    Target::Running(pid) if !from_terminal => send(*pid, origin.signal),
                    Target::Running(_) | Target::Ended => {}
                }
            }
        })?;
        match started.recv() {
            Ok(None) => Ok(Self(target)),
            Ok(Some(error)) => Err(error),
            Err(_) => Err(io::Error::other("the thread that watches signals ended")),
        }
    }

    /// Passes on what came so far, and all that comes from now on.
    pub(super) fn pass_on_to(&self, child: &Child) {
        let Some(pid) = Pid::from_raw(child.id().cast_signed()) else { return };
        let mut target = lock(&self.0);
        if let Target::ToBe(came) = &*target {
            came.iter().for_each(|signal| send(pid, *signal));
        }
        *target = Target::Running(pid);
    }

    /// Waits for the end. Nothing is sent to a process that is gone, whose number may be another's by then.
    pub(super) fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while let Err(error) = waitid(WaitId::Pid(pid), options) {
                if error != rustix::io::Errno::INTR {
                    return Err(error.into());
                }
            }
        }
        *lock(&self.0) = Target::Ended;
        child.wait()
    }
}

fn lock(target: &Mutex<Target>) -> MutexGuard<'_, Target> {
    target.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(pid: Pid, signal: i32) {
    if let Some(signal) = Signal::from_named_raw(signal) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, signal);
    }
}

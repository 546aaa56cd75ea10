//! Keeps the memory of the process away from others: no core dump, no debugger of the same user.

use std::sync::OnceLock;

/// Forbids core dumps and, on Linux, reading this process's memory by other processes of the same user.
///
/// Returns false where the system refused a part of it. That is no reason to stop: the files are as safe as before,
/// only a crash could leave more behind.
pub(crate) fn harden() -> bool {
    let core_dumps = forbid_core_dumps();
    let inspection = forbid_inspection();
    core_dumps && inspection
}

/// Makes the limit of core dumps final, so that no library can raise it again. Not for verbs that run a program of the
/// user's: it gets the limit that it would have without us.
pub(crate) fn for_good() -> bool {
    limit::make_final()
}

/// Does something with the limit of core dumps that this process was started with, such as starting a program, which
/// inherits it. This process itself still leaves no core where the system knows [`harden`]'s second part.
pub(crate) fn with_own_limits<T>(work: impl FnOnce() -> T) -> T {
    limit::give_back();
    let done = work();
    forbid_core_dumps();
    done
}

/// The soft limit of core dumps that this process was started with.
static AT_START: OnceLock<Option<u64>> = OnceLock::new();

#[cfg(unix)]
mod limit {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use super::AT_START;

    pub(super) fn forbid() -> bool {
        let limit = getrlimit(Resource::Core);
        AT_START.get_or_init(|| limit.current);
        setrlimit(Resource::Core, Rlimit { current: Some(0), ..limit }).is_ok()
    }

    pub(super) fn make_final() -> bool {
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).is_ok()
    }

    pub(super) fn give_back() {
        if let Some(current) = AT_START.get() {
            let limit = Rlimit { current: *current, ..getrlimit(Resource::Core) };
            // Refused where the limit is final already; then it stays as it is.
            let _ = setrlimit(Resource::Core, limit);
        }
    }
}

#[cfg(not(unix))]
mod limit {
    pub(super) fn forbid() -> bool {
        true
    }

    pub(super) fn make_final() -> bool {
        true
    }

    pub(super) fn give_back() {}
}

fn forbid_core_dumps() -> bool {
    limit::forbid()
}

#[cfg(target_os = "linux")]
fn forbid_inspection() -> bool {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    // A zero core limit does not stop a core pattern that pipes to a program; this does.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn forbid_inspection() -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn a_hardened_process_still_reads_what_the_shell_passes_as_a_descriptor() {
        use std::io::{Read, Write};
        use std::os::fd::AsRawFd;

        // `seal decrypt <(…)`. The system shuts `/proc/self` of such a process to others, not to itself.
        super::harden();
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"text").unwrap();
        drop(writer);
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let mut text = String::new();
        std::fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
    }

    // nextest runs each test in a process of its own, so this does not disturb the others.
    #[test]
    fn a_hardened_process_leaves_no_core_and_no_memory_to_read() {
        assert!(super::harden());
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert!(super::for_good());
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }

    #[test]
    fn a_program_gets_the_limit_that_we_were_started_with() {
        let before = getrlimit(Resource::Core);
        super::harden();
        assert_eq!(super::with_own_limits(|| getrlimit(Resource::Core)), before);
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
    }
}

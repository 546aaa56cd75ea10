//! Keeps the memory of the process away from others: no core dump, no debugger of the same user.

/// Forbids core dumps and, on Linux, reading this process's memory by other processes of the same user.
///
/// Returns false where the system refused a part of it. That is no reason to stop: the files are as safe as before,
/// only a crash could leave more behind.
pub(crate) fn harden() -> bool {
    let core_dumps = forbid_core_dumps();
    let inspection = forbid_inspection();
    core_dumps && inspection
}

#[cfg(unix)]
fn forbid_core_dumps() -> bool {
    use rustix::process::{Resource, Rlimit, setrlimit};

    // The hard limit goes as well, so that no library can raise the soft one again.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).is_ok()
}

#[cfg(not(unix))]
fn forbid_core_dumps() -> bool {
    true
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
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}

//! Keeps the memory of the process, in which the sealing keys are, away from others.

/// Forbids core dumps for good and, on Linux, reading this process's memory by other processes of the same user. False where
/// the system refused a part of it, which is no reason to stop.
pub(crate) fn harden() -> bool {
    let core_dumps = forbid_core_dumps();
    let inspection = forbid_inspection();
    core_dumps && inspection
}

#[cfg(unix)]
fn forbid_core_dumps() -> bool {
    use rustix::process::{Resource, Rlimit, setrlimit};

    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).is_ok()
}

#[cfg(not(unix))]
fn forbid_core_dumps() -> bool {
    true
}

#[cfg(target_os = "linux")]
fn forbid_inspection() -> bool {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    // A core pattern that pipes to a program passes over the limit.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn forbid_inspection() -> bool {
    true
}

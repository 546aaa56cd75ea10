//! What a process has used so far, as Linux tells it.

use std::path::PathBuf;

/// CPU seconds and megabytes (of a million bytes).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) cpu: f64,
    pub(crate) peak: f64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Self {
        Self::read(PathBuf::from(format!("/proc/{process}")))
    }

    pub(crate) fn of_self() -> Self {
        Self::read(PathBuf::from("/proc/self"))
    }

    fn read(directory: PathBuf) -> Self {
        let stat = std::fs::read_to_string(directory.join("stat")).unwrap();
        // The name of the program stands in parentheses and may hold blanks; user and system time are 12th and 13th behind it.
        let behind_name = stat.rsplit_once(')').unwrap().1;
        let ticks =
            |index| behind_name.split_whitespace().nth(index).unwrap().parse::<f64>().unwrap();
        let per_second = rustix::param::clock_ticks_per_second();
        let status = std::fs::read_to_string(directory.join("status")).unwrap();
        let kilobytes: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .unwrap()
            .parse()
            .unwrap();
        #[allow(clippy::cast_precision_loss, reason = "a small number")]
        let per_second = per_second as f64;
        Self { cpu: (ticks(11) + ticks(12)) / per_second, peak: kilobytes * 1024.0 / 1e6 }
    }
}

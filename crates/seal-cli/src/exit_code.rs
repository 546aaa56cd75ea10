//! What the exit code of a run means.

/// How a run, or one failure in it, ended.
///
/// The order of seriousness is its own (see [`ExitCode::worst`]), not that of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ExitCode {
    /// Done, nothing to do included. A reader that closes the pipe early ends here too: it has all it wanted.
    Done,
    /// Something failed; nothing was written for the files concerned.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// Verification refused the file: MAC, binding, a clear value in the region.
    Refused,
    /// No key could be had for the file.
    NoKey,
    /// A check found something.
    Findings,
    /// The code of a program that ran in our place; 128 + N where signal N ended it, and 126 or 127 where it could not
    /// be started, as shells say it.
    Program(u8),
}

impl ExitCode {
    /// Returns the code that several results give together.
    ///
    /// What somebody has to look into first wins: refused (3) over no key (4) over usage (2) over failed (1) over
    /// findings (5) over done (0). So the code of a run does not depend on the order of its files.
    pub(crate) fn worst(self, other: Self) -> Self {
        if self.seriousness() >= other.seriousness() { self } else { other }
    }

    /// The number that the process returns.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NoKey => 4,
            Self::Findings => 5,
            Self::Program(code) => code,
        }
    }

    fn seriousness(self) -> u8 {
        match self {
            Self::Done | Self::Program(0) => 0,
            Self::Findings => 1,
            Self::Failed | Self::Program(_) => 2,
            Self::Usage => 3,
            Self::NoKey => 4,
            Self::Refused => 5,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode;

    const BY_SERIOUSNESS: [ExitCode; 6] = [
        ExitCode::Done,
        ExitCode::Findings,
        ExitCode::Failed,
        ExitCode::Usage,
        ExitCode::NoKey,
        ExitCode::Refused,
    ];

    #[test]
    fn the_more_serious_result_wins_in_either_order() {
        for (rank, more) in BY_SERIOUSNESS.iter().enumerate() {
            for less in &BY_SERIOUSNESS[..=rank] {
                assert_eq!(more.worst(*less), *more);
                assert_eq!(less.worst(*more), *more);
            }
        }
    }

    #[test]
    fn numbers_are_the_documented_ones() {
        let numbers = BY_SERIOUSNESS.map(ExitCode::number);
        assert_eq!(numbers, [0, 5, 1, 2, 4, 3]);
    }
}

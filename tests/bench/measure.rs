//! What a command costs. The kernel only tells the sum over all children that were waited for, so each command runs below
//! a fresh process of this program that has no other child.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

/// First argument of the process in between.
pub(crate) const FLAG: &str = "--measure";

/// Seconds and megabytes (of a million bytes).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
    pub(crate) peak: f64,
}

impl Cost {
    /// The median of each figure by itself.
    pub(crate) fn median(costs: Vec<Cost>) -> Cost {
        let middle = |figure: fn(&Cost) -> f64| {
            let mut figures: Vec<f64> = costs.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            let (low, high) = (figures[(figures.len() - 1) / 2], figures[figures.len() / 2]);
            (low + high) / 2.0
        };
        Cost {
            cpu: middle(|cost| cost.cpu),
            wall: middle(|cost| cost.wall),
            peak: middle(|cost| cost.peak),
        }
    }
}

/// A command that can be run again and again.
pub(crate) struct Run {
    program: OsString,
    home: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    output: Option<PathBuf>,
}

impl Run {
    /// `home` is the working directory too.
    pub(crate) fn new(program: &str, home: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let (program, home) = (program.into(), home.to_owned());
        Self { program, home, arguments, variables: Vec::new(), output: None }
    }

    /// Adds variables to its environment.
    pub(crate) fn with(mut self, variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.variables.extend(variables.iter().map(owned));
        self
    }

    /// Standard output goes to that file instead of nowhere.
    pub(crate) fn output(mut self, path: PathBuf) -> Self {
        self.output = Some(path);
        self
    }

    /// Runs it once; a failure ends the bench.
    pub(crate) fn go(&self) -> Cost {
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new(own);
        command.arg(FLAG).arg(self.output.as_deref().unwrap_or(Path::new("/dev/null")));
        command.arg(&self.program).args(&self.arguments);
        command.current_dir(&self.home).env("HOME", &self.home);
        command.env_remove("XDG_CONFIG_HOME").env("SOPS_DISABLE_VERSION_CHECK", "1");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SOPS_AGE") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let answer = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
        assert!(answer.status.success(), "{:?} {:?} failed", self.program, self.arguments);
        let text = String::from_utf8(answer.stdout).unwrap();
        let figures: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
        Cost { cpu: figures[0], wall: figures[1], peak: figures[2] }
    }
}

/// The process in between: `OUTPUT PROGRAM ARGUMENT…`. Prints the figures, or ends as the command did.
pub(crate) fn inside(arguments: &[OsString]) {
    let output = File::create(&arguments[0]).unwrap();
    let errors = tempfile::tempfile().unwrap();
    let mut command = Command::new(&arguments[1]);
    command.args(&arguments[2..]).stdin(Stdio::null());
    command.stdout(output).stderr(errors.try_clone().unwrap());
    let start = Instant::now();
    let status = command.status().unwrap();
    let wall = start.elapsed().as_secs_f64();
    assert!(status.success(), "{}", text_of(errors));
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    // Linux counts in kibibytes.
    let peak = usage.max_rss() as f64 * 1024.0 / 1e6;
    println!("{cpu} {wall} {peak}");
}

fn text_of(mut file: File) -> String {
    use std::io::{Read, Seek};
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).unwrap();
    text
}

//! One run of `gpg`, with secrets in pipes only.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use zeroize::Zeroizing;

use crate::environment::Environment;

/// Variables that choose the keyring, the terminal on which the agent asks, and the language of messages. The others
/// reach gpg as they are.
const VARIABLES: [&str; 8] =
    ["GNUPGHOME", "GPG_TTY", "HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES"];

/// What gpg said.
pub(super) struct Answer {
    pub(super) success: bool,
    /// At most [`LONGEST`] bytes.
    pub(super) stdout: Zeroizing<Vec<u8>>,
    /// With the lines for machines among those for people.
    stderr: String,
}

/// No armoured message with a data key is longer.
const LONGEST: usize = 64 * 1024;

/// Marks the lines of `--status-fd`, whose form gpg's file `DETAILS` describes.
const STATUS: &str = "[GNUPG:] ";

/// `gpg`, or what `SOPS_GPG_EXEC` names.
pub(super) fn program(environment: &Environment) -> OsString {
    environment.variable("SOPS_GPG_EXEC").unwrap_or_else(|| "gpg".into())
}

/// Runs gpg to its end.
pub(super) fn run(
    environment: &Environment,
    arguments: &[&str],
    input: &[u8],
) -> io::Result<Answer> {
    let mut gpg = Command::new(program(environment));
    gpg.args(["--status-fd", "2"]).args(arguments);
    for name in VARIABLES {
        match environment.variable(name) {
            Some(value) => gpg.env(name, value),
            None => gpg.env_remove(name),
        };
    }
    if let Some(path) = environment.variable("PATH") {
        gpg.env("PATH", path);
    }
    gpg.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = gpg.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // All three at once: gpg may print before it has read everything.
    let (stdout, stderr) = thread::scope(|scope| {
        scope.spawn(move || {
            // gpg may end before it has read everything; its exit status says why.
            let _ = stdin.map(|mut stdin| stdin.write_all(input));
        });
        let stderr = scope.spawn(move || read(stderr));
        let stdout = read(stdout);
        (stdout, stderr.join().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())))
    });
    let status = child.wait()?;
    Ok(Answer {
        success: status.success(),
        stdout: stdout?,
        stderr: String::from_utf8_lossy(&stderr?).into_owned(),
    })
}

/// Reads as much as any sensible answer has, into memory that is never reallocated; gpg's writing fails beyond.
fn read(pipe: Option<impl Read>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    if let Some(pipe) = pipe {
        pipe.take(LONGEST as u64).read_to_end(&mut text)?;
    }
    Ok(text)
}

impl Answer {
    /// Whether it has any line for machines, as all runs of gpg have that come to work with a message.
    pub(super) fn is_of_gpg(&self) -> bool {
        self.stderr.lines().any(|line| line.starts_with(STATUS))
    }

    /// Whether gpg reported this.
    pub(super) fn says(&self, keyword: &str) -> bool {
        self.value(keyword).is_some()
    }

    /// What gpg reported under a keyword; empty where it is the keyword alone.
    pub(super) fn value(&self, keyword: &str) -> Option<&str> {
        self.stderr.lines().find_map(|line| {
            let rest = line.strip_prefix(STATUS)?.strip_prefix(keyword)?;
            if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
        })
    }

    /// What gpg says to people, without what it tells about keys that it found and files that it made.
    pub(super) fn words(&self) -> String {
        let lines = self.stderr.lines().filter_map(|line| line.strip_prefix("gpg: "));
        let lines = lines.filter(|line| {
            let is_aside =
                ["encrypted with ", "WARNING: unsafe "].iter().any(|s| line.starts_with(s));
            !is_aside && !line.ends_with(" created")
        });
        let words = lines.collect::<Vec<_>>().join("; ");
        if words.is_empty() { "gpg gives no reason".to_owned() } else { words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(stderr: &str) -> Answer {
        Answer { success: false, stdout: Zeroizing::default(), stderr: stderr.to_owned() }
    }

    #[test]
    fn lines_for_machines_and_for_people_are_told_apart() {
        let answer = answer(
            "[GNUPG:] ENC_TO 5CA8 1 0\ngpg: encrypted with 2048-bit RSA key\n      \"me\"\n\
             gpg: public key decryption failed: No pinentry\n[GNUPG:] DECRYPTION_FAILED\ngpg: decryption failed: No \
             secret key\n",
        );
        assert_eq!(answer.value("ENC_TO"), Some("5CA8 1 0"));
        assert!(answer.says("DECRYPTION_FAILED") && !answer.says("DECRYPTION"));
        assert_eq!(
            answer.words(),
            "public key decryption failed: No pinentry; decryption failed: No secret key"
        );
    }

    #[test]
    fn a_program_that_says_nothing_is_said_to_say_nothing() {
        assert_eq!(answer("[GNUPG:] X\n").words(), "gpg gives no reason");
    }
}

//! The oracle as a process: inputs go in with their length, one line of JSON comes back for each.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::leaves::{Answer, theirs};

/// A running oracle.
pub(crate) struct Oracle {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// Builds the oracle where needed and starts it; the error says what is missing.
    pub(crate) fn start() -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/setup/oracle.sh");
        let built = Command::new(script).output().map_err(|error| error.to_string())?;
        match built.status.code() {
            Some(0) => {}
            Some(3) => return Err(String::from_utf8_lossy(&built.stderr).into_owned()),
            _ => panic!("oracle.sh failed: {}", String::from_utf8_lossy(&built.stderr)),
        }
        let path = String::from_utf8(built.stdout).expect("the path of the oracle is UTF-8");
        let mut process = Command::new(path.trim_end())
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle that was just built starts");
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("was piped"));
        Ok(Self { process, input, output })
    }

    /// Asks about many sources at once.
    pub(crate) fn ask(&mut self, sources: &[Vec<u8>]) -> Vec<Answer> {
        let input = self.input.as_mut().expect("open until drop");
        let output = &mut self.output;
        std::thread::scope(|scope| {
            // A thread of its own: with one, both sides would wait once both pipes are full.
            scope.spawn(move || {
                for source in sources {
                    if send(input, source).is_err() {
                        // The reader finds the end of the answers and says at which source.
                        return;
                    }
                }
            });
            sources.iter().map(|source| receive(output, source)).collect()
        })
    }

    /// Asks about one source.
    pub(crate) fn ask_one(&mut self, source: &[u8]) -> Answer {
        let input = self.input.as_mut().expect("open until drop");
        send(input, source).expect("the oracle still runs");
        receive(&mut self.output, source)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

fn send(input: &mut ChildStdin, source: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(source.len()).expect("sources are short");
    input.write_all(&length.to_be_bytes())?;
    input.write_all(source)
}

fn receive(output: &mut BufReader<ChildStdout>, source: &[u8]) -> Answer {
    let mut line = String::new();
    let read = output.read_line(&mut line).expect("the oracle writes UTF-8");
    assert!(read > 0, "the oracle died at {:?}", source.escape_ascii().to_string());
    theirs(&line)
}

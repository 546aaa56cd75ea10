//! A named pipe that gives the same text to each reader.
//!
//! A reader sees the end of the text only when nobody has the pipe open for writing any more, and until then a second
//! reader would share the first one's text. So each reader gets a pipe of its own: as soon as one has come, a new pipe
//! takes the place of the old one under the same name. Only two readers that open within that moment still share one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use nix::sys::stat::Mode;
use seal_core::secret::SecretBytes;

/// Gives the text to whoever opens the path, until it is closed.
#[derive(Debug)]
pub(super) struct Fifo {
    path: PathBuf,
    closed: Arc<Mutex<bool>>,
    thread: JoinHandle<()>,
}

impl Fifo {
    /// Makes the pipe and waits for readers; `spare` is a path beside it that nobody else uses.
    pub(super) fn serve(path: &Path, spare: &Path, text: SecretBytes) -> io::Result<Self> {
        make(path)?;
        let closed = Arc::new(Mutex::new(false));
        let serving = Serving {
            path: path.to_owned(),
            spare: spare.to_owned(),
            closed: Arc::clone(&closed),
            text: Arc::new(text),
        };
        let thread = thread::Builder::new().name("fifo".into()).spawn(move || serving.all())?;
        Ok(Self { path: path.to_owned(), closed, thread })
    }

    /// Waits for no more readers. Those that have not read to the end by now get no more when the process ends.
    pub(super) fn close(self) {
        // A reader, so that the thread's wait for one ends. Under the lock, so that it is the pipe that the thread
        // waits at.
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        *closed = true;
        let reader = OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(&self.path);
        drop(closed);
        if reader.is_ok() {
            let _ = self.thread.join();
        }
    }
}

struct Serving {
    path: PathBuf,
    spare: PathBuf,
    closed: Arc<Mutex<bool>>,
    text: Arc<SecretBytes>,
}

impl Serving {
    fn all(self) {
        // Waits until there is a reader.
        while let Ok(pipe) = OpenOptions::new().write(true).open(&self.path) {
            let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
            if *closed || self.take_next().is_err() {
                return;
            }
            drop(closed);
            let text = Arc::clone(&self.text);
            // A reader that stops reading must not keep the next one waiting.
            let started = thread::Builder::new().name("fifo-reader".into()).spawn(move || {
                give(pipe, &text);
            });
            if started.is_err() {
                return;
            }
        }
    }

    /// Puts a new pipe in the place of the one that a reader has.
    fn take_next(&self) -> io::Result<()> {
        make(&self.spare)?;
        fs::rename(&self.spare, &self.path)
    }
}

fn give(mut pipe: File, text: &SecretBytes) {
    // A reader may have had enough.
    let _ = pipe.write_all(text.expose());
}

fn make(path: &Path) -> io::Result<()> {
    Ok(nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn served(text: &str) -> (tempfile::TempDir, PathBuf, Fifo) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let text = SecretBytes::new(text.as_bytes().to_vec());
        let fifo = Fifo::serve(&path, &directory.path().join(".next"), text).unwrap();
        (directory, path, fifo)
    }

    #[test]
    fn each_reader_in_turn_gets_the_whole_text_once() {
        let text = "x".repeat(200_000);
        let (_directory, path, fifo) = served(&text);
        for _ in 0..5 {
            assert!(fs::read_to_string(&path).unwrap() == text);
        }
        fifo.close();
    }

    #[test]
    fn a_reader_that_stands_still_keeps_nobody_waiting() {
        let text = "x".repeat(200_000);
        let (_directory, path, fifo) = served(&text);
        let mut slow = File::open(&path).unwrap();
        let mut first = [0];
        slow.read_exact(&mut first).unwrap();
        assert!(fs::read_to_string(&path).unwrap() == text);
        let mut rest = String::new();
        slow.read_to_string(&mut rest).unwrap();
        assert_eq!(rest.len(), text.len() - 1);
        fifo.close();
    }

    #[test]
    fn closing_does_not_wait_for_readers_that_never_come() {
        let (_directory, _path, fifo) = served("x");
        fifo.close();
    }
}

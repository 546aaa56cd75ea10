//! Keys of age for tests: throw-away ones of the fixtures, and of ssh as `ssh-keygen` makes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::not_run::not_run;

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sops")
}

/// The text of a throw-away key file. It is kept in Base64 so that scanners for secrets do not stop at it.
pub(crate) fn key_file(name: &str) -> String {
    let text = fs::read(fixtures().join("keys").join(format!("{name}.b64"))).unwrap();
    let text: Vec<u8> = text.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

/// A fresh key of ssh. `home/.ssh` holds it under the name that ssh looks for.
pub(crate) struct SshKey {
    pub(crate) recipient: String,
    kind: String,
    home: tempfile::TempDir,
}

impl SshKey {
    /// `None` where there is no `ssh-keygen`; then the table says that `test` did not run.
    pub(crate) fn new(kind: &str, passphrase: &str, test: &str) -> Option<Self> {
        Self::with(kind, passphrase, &[], test)
    }

    pub(crate) fn with(kind: &str, passphrase: &str, options: &[&str], test: &str) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".ssh")).unwrap();
        let mut key = Self { recipient: String::new(), kind: kind.to_owned(), home };
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", passphrase, "-C", "me@host", "-f"])
            .arg(key.path())
            .args(options)
            .stdin(Stdio::null())
            .output();
        let Ok(made) = made else {
            not_run(test, "no ssh-keygen (Debian package openssh-client)");
            return None;
        };
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let public = fs::read_to_string(key.path().with_extension("pub")).unwrap();
        key.recipient = public.trim().to_owned();
        Some(key)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.home.path().join(".ssh").join(format!("id_{}", self.kind))
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }
}

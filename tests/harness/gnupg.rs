//! Throw-away keyrings of GnuPG, each with an agent of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A keyring; its agent ends with it.
pub(crate) struct Keyring(tempfile::TempDir);

impl Keyring {
    /// An empty one. `None` where there is no gpg.
    pub(crate) fn new() -> Option<Self> {
        let found = Command::new("gpg").arg("--version").stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return None;
        }
        // Below `/tmp` whatever TMPDIR says: the path of the agent's socket must be short.
        let directory = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap();
        Some(Self(directory))
    }

    /// Its directory, for `GNUPGHOME`.
    pub(crate) fn home(&self) -> &Path {
        self.0.path()
    }

    /// Runs gpg, which has to succeed.
    #[track_caller]
    pub(crate) fn gpg(&self, arguments: &[&str]) -> Vec<u8> {
        let mut gpg = self.program("gpg");
        let output = gpg.args(["--batch", "--quiet"]).args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {arguments:?}: {stderr}");
        output.stdout
    }

    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(name);
        let path = std::env::var_os("PATH").unwrap_or_default();
        program.env_clear().env("PATH", path).env("GNUPGHOME", self.home()).stdin(Stdio::null());
        program
    }

    /// Makes a key that encrypts, and returns its fingerprint. `expires` is as gpg takes it: `0`, `seconds=1`.
    #[track_caller]
    pub(crate) fn make_key(&self, name: &str, passphrase: &str, expires: &str) -> String {
        let before = self.fingerprints();
        let kind = ["future-default", "default", expires];
        let make = ["--passphrase", passphrase, "--pinentry-mode", "loopback", "--quick-gen-key"];
        self.gpg(&[&make[..], &[name], &kind].concat());
        let mut after = self.fingerprints();
        after.retain(|fingerprint| !before.contains(fingerprint));
        after.remove(0)
    }

    /// Of the keys, not of their subkeys.
    fn fingerprints(&self) -> Vec<String> {
        let listing = String::from_utf8(self.gpg(&["--with-colons", "--list-keys"])).unwrap();
        let mut lines = listing.lines();
        let mut found = Vec::new();
        while lines.any(|line| line.starts_with("pub:")) {
            let fingerprint = lines.find(|line| line.starts_with("fpr:")).unwrap();
            found.push(fingerprint.split(':').nth(9).unwrap().to_owned());
        }
        found
    }

    /// Makes a file importable elsewhere: `--export` or `--export-secret-keys`.
    #[track_caller]
    pub(crate) fn export(&self, how: &str, fingerprint: &str) -> PathBuf {
        let path = self.home().join(format!("{fingerprint}{how}"));
        std::fs::write(&path, self.gpg(&[how, fingerprint])).unwrap();
        path
    }

    #[track_caller]
    pub(crate) fn import(&self, file: &Path) {
        self.gpg(&["--import", file.to_str().unwrap()]);
    }

    /// From now on this program asks for passphrases.
    pub(crate) fn set_pinentry(&self, program: &Path) {
        let line = format!("pinentry-program {}\n", program.display());
        std::fs::write(self.home().join("gpg-agent.conf"), line).unwrap();
        self.stop_agent();
    }

    /// With it goes what it remembers.
    pub(crate) fn stop_agent(&self) {
        let _ = self.program("gpgconf").args(["--kill", "all"]).status();
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.stop_agent();
    }
}

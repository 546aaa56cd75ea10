//! A real PostgreSQL of Debian's, in a throw-away directory, with SOPS's table for its audit log.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Who writes the log, and with what.
pub(crate) const USER: &str = "auditor";
pub(crate) const PASSWORD: &str = "hunter2 of the log";

/// PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;

/// The server; it ends when this is dropped.
pub(crate) struct Postgres {
    process: Child,
    directory: tempfile::TempDir,
    programs: PathBuf,
    pub(crate) port: u16,
}

impl Postgres {
    /// Starts a server with TLS that takes [`USER`] by [`PASSWORD`]; or says why it does not.
    pub(crate) fn start() -> Result<Self, String> {
        let programs =
            programs().ok_or("PostgreSQL is not installed (Debian package postgresql)")?;
        // The path of a socket is short.
        let directory = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp");
        let directory = directory.map_err(|error| error.to_string())?;
        let password = directory.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tls");
        for name in ["server.pem", "server-key.pem"] {
            fs::write(directory.path().join(name), fs::read(tls.join(name)).unwrap()).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(directory.path().join(name), mode).unwrap();
        }
        if rustix::process::geteuid().is_root() {
            for path in [directory.path().to_owned(), password.clone()]
                .into_iter()
                .chain(["server.pem", "server-key.pem"].map(|name| directory.path().join(name)))
            {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let data = directory.path().join("data");
        let mut init = as_nobody(&programs.join("initdb"), directory.path());
        init.args([
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
            "--locale=C",
            "--auth=scram-sha-256",
            "-U",
            USER,
            "--pwfile",
        ]);
        let made = init.arg(&password).arg("-D").arg(&data).output().map_err(|e| e.to_string())?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = as_nobody(&programs.join("postgres"), directory.path());
        server.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"]);
        server.arg(directory.path()).args(["-c", "fsync=off", "-c", "ssl=on"]);
        for (setting, name) in [("ssl_cert_file", "server.pem"), ("ssl_key_file", "server-key.pem")]
        {
            server.arg("-c").arg(format!("{setting}={}/{name}", directory.path().display()));
        }
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let process = server.stderr(log).spawn().map_err(|error| error.to_string())?;
        let this = Self { process, directory, programs, port };
        let start = Instant::now();
        while this.asked("SELECT 1").is_err() {
            if start.elapsed() > Duration::from_secs(20) {
                let log = fs::read_to_string(this.directory.path().join("log"));
                return Err(format!("it does not start: {}", log.unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        this.asked("CREATE TABLE audit_event (id SERIAL PRIMARY KEY, timestamp TIMESTAMP WITH TIME ZONE DEFAULT NOW(), action VARCHAR, username VARCHAR, file VARCHAR)")?;
        Ok(this)
    }

    /// The directory of its socket.
    pub(crate) fn socket(&self) -> &Path {
        self.directory.path()
    }

    /// The events so far: `action|username|file`, a line each.
    pub(crate) fn events(&self) -> Vec<String> {
        let text =
            self.asked("SELECT action, username, file FROM audit_event ORDER BY id").unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// What psql prints for a statement.
    pub(crate) fn asked(&self, statement: &str) -> Result<String, String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            USER,
            "-d",
            "postgres",
            "-p",
        ]);
        psql.arg(self.port.to_string())
            .arg("-h")
            .arg(self.directory.path())
            .env("PGPASSWORD", PASSWORD);
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = psql.spawn().map_err(|error| error.to_string())?;
        process.stdin.take().unwrap().write_all(statement.as_bytes()).map_err(|e| e.to_string())?;
        let output = process.wait_with_output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, without waiting for connections.
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.process),
            rustix::process::Signal::QUIT,
        );
        let _ = self.process.wait();
    }
}

/// Where Debian has the programs, of the newest version.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    versions.sort();
    versions.into_iter().rev().find(|bin| bin.join("initdb").exists())
}

fn as_nobody(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

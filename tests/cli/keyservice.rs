//! `seal keyservice` as a user meets it, with `sops` and our own library as clients.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::remote::{KeyServices, RemoteUri};
use seal_keys::{Environment, KeyService, Settings, UnwrapError};

use crate::harness::not_run::not_run;
use crate::harness::{TestDir, assert_no_secret};
use crate::keys::RECIPIENT;
use crate::manifests::SECRET;
use crate::sops::{Sops, values};

/// A running `seal keyservice`, stopped with the test.
struct Service {
    child: Child,
    lines: Receiver<String>,
}

impl Service {
    /// Starts it and waits until it listens.
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        // Where a terminal is in between, all comes on stdout.
        let stdout = BufReader::new(child.stdout.take().unwrap());
        for reader in [Box::new(stderr) as Box<dyn BufRead + Send>, Box::new(stdout)] {
            let sender = sender.clone();
            thread::spawn(move || {
                reader.lines().map_while(Result::ok).for_each(|line| {
                    assert_no_secret(&line);
                    let _ = sender.send(line);
                });
            });
        }
        let service = Self { child, lines };
        service.wait_for("listening on");
        service
    }

    /// The next line that contains this.
    #[allow(clippy::panic, reason = "a test that waits in vain has failed")]
    #[track_caller]
    fn wait_for(&self, words: &str) -> String {
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(20)) {
            if line.contains(words) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with `{words}` after {seen:#?}");
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory with the identity of the tests, an encrypted `db.yaml`, and where the socket will be.
fn ready() -> (TestDir, PathBuf) {
    let directory = TestDir::with(&[("db.yaml", SECRET)]);
    directory.done(&["encrypt", "-q", "-i", "db.yaml"]);
    let socket = directory.home("run/seal/keyservice.sock");
    fs::create_dir_all(directory.home("run")).unwrap();
    (directory, socket)
}

fn keyservice(directory: &TestDir, arguments: &[&str]) -> Command {
    let arguments = [&["keyservice"], arguments].concat();
    directory.seal(&arguments).env("XDG_RUNTIME_DIR", directory.home("run")).command()
}

/// Somebody who has no keys of their own.
fn client(socket: &Path) -> KeyServices {
    let settings = Settings::of(Environment::of::<String, String>([]));
    KeyServices::new(settings, false, vec![RemoteUri::Unix(socket.to_owned())])
}

fn key() -> MasterKey {
    MasterKey::Age { recipient: RECIPIENT.to_owned() }
}

fn secret() -> SecretBytes {
    SecretBytes::new((0..32).collect())
}

#[test]
fn sops_decrypts_with_our_keys() {
    let (directory, socket) = ready();
    let Some(sops) = Sops::of(&directory, "cli sops decrypts with our keys") else { return };
    let _service = Service::start(keyservice(&directory, &[]));
    let uri = format!("unix://{}", socket.display());
    let services = ["--enable-local-keyservice=false", "--keyservice", &uri];
    // No rules: those of the directory name keys of their own.
    fs::remove_file(directory.path(".sops.yaml")).unwrap();
    directory.write("theirs.yaml", SECRET);
    let sops = |arguments: &[&str]| sops.run_without_keys(arguments);
    sops(&[&["encrypt", "-i", "--age", RECIPIENT], &services[..], &["theirs.yaml"]].concat());
    for file in ["db.yaml", "theirs.yaml"] {
        let decrypted = sops(&[&["decrypt"], &services[..], &[file]].concat());
        assert_eq!(values(&decrypted), values(SECRET), "{file}");
    }
}

#[test]
fn what_is_asked_is_logged_and_the_socket_goes_with_the_signal() {
    use rustix::process::Signal;
    for signal in [Signal::INT, Signal::TERM] {
        let (directory, socket) = ready();
        let mut service = Service::start(keyservice(&directory, &[]));
        assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(socket.parent().unwrap()).unwrap().mode() & 0o7777, 0o700);
        let client = client(&socket);
        let enc = client.wrap(&key(), &secret()).unwrap().enc;
        let line = service.wait_for("encrypt");
        assert_eq!(line, format!("encrypt a data key with {RECIPIENT}: done"));
        assert_eq!(client.unwrap(&key(), &enc).unwrap().expose(), secret().expose());
        service.wait_for(&format!("decrypt a data key with {RECIPIENT}: done"));
        client.unwrap(&key(), "x").unwrap_err();
        let line = service.wait_for("decrypt");
        assert!(line.ends_with("the wrapped data key is damaged"), "{line}");
        // A connection is open still.
        service.signal(signal);
        let status = service.child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert!(!socket.exists());
    }
}

#[test]
fn another_user_is_turned_away_even_where_permissions_would_let_them_in() {
    const TEST: &str = "cli another user is turned away by the key service";
    if !rustix::process::geteuid().is_root() {
        return not_run(TEST, "only root can be another user");
    }
    let (directory, socket) = ready();
    let service = Service::start(keyservice(&directory, &[]));
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    for path in socket.ancestors().skip(1).take_while(|path| *path != Path::new("/tmp")) {
        let mode = if path == Path::new("/") { continue } else { 0o755 };
        let _ = fs::set_permissions(path, Permissions::from_mode(mode));
    }
    let script = "import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(10)
try:
    s.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    print(len(s.recv(100)))
except ConnectionError:
    print(0)
";
    let answered = |user: u32| {
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(&socket).current_dir("/").uid(user).gid(user);
        let output = python.output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().parse::<usize>().ok()
    };
    let Some(own) = answered(0) else { return not_run(TEST, "python3 cannot be started") };
    assert!(own > 0, "its own user gets an answer");
    assert_eq!(answered(65534), Some(0));
    service.wait_for("refused a connection of user 65534");
}

/// `seal keyservice --prompt` on a terminal whose keyboard is the stdin of the service.
fn at_a_terminal(directory: &TestDir, variables: &[(&str, &str)], test: &str) -> Option<Service> {
    let found = Command::new("script").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        not_run(test, "the program `script` cannot be started");
        return None;
    }
    let mut script = Command::new("script");
    let seal = env!("CARGO_BIN_EXE_seal");
    script.args(["-qfec", &format!("{seal} keyservice --prompt"), "/dev/null"]);
    script.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    script.env("HOME", directory.home("")).env("XDG_RUNTIME_DIR", directory.home("run"));
    script.env("SHELL", "/bin/sh").envs(variables.iter().copied());
    Some(Service::start(script))
}

#[test]
fn with_prompt_nothing_happens_before_somebody_allows_it() {
    let (directory, socket) = ready();
    let service = at_a_terminal(&directory, &[], "cli keyservice --prompt");
    let Some(mut service) = service else { return };
    let mut keyboard = service.child.stdin.take().unwrap();
    let mut answer = |text: &str| keyboard.write_all(text.as_bytes()).unwrap();
    let client = client(&socket);
    let refused = |error: UnwrapError| {
        let shown = error.to_string();
        assert!(shown.contains("refused by whoever runs the key service"), "{shown}");
    };
    answer("y\n");
    let enc = client.wrap(&key(), &secret()).unwrap().enc;
    let line = service.wait_for("allow");
    assert!(line.contains(&format!("encrypt a data key with {RECIPIENT}?")), "{line}");
    for no in ["n\n", "\n", "maybe\n"] {
        answer(no);
        refused(client.unwrap(&key(), &enc).unwrap_err());
    }
    answer("yes\n");
    assert_eq!(client.unwrap(&key(), &enc).unwrap().expose(), secret().expose());
    // The end of the input, as the terminal sends it.
    answer("\u{4}");
    refused(client.unwrap(&key(), &enc).unwrap_err());
}

#[test]
fn a_refused_request_never_reaches_the_key() {
    let (directory, socket) = ready();
    let environment = Environment::of([("HOME", directory.home(""))]);
    let holder = KeyServices::new(Settings::of(environment), true, Vec::new());
    let enc = holder.wrap(&key(), &secret()).unwrap().enc;
    fs::remove_file(directory.home(".config/sops/age/keys.txt")).unwrap();
    // Looking for the identity leaves a trace.
    let trace = directory.path("trace");
    let command = format!("sh -c 'echo x >> {}'", trace.display());
    let variables = [("SOPS_AGE_KEY_CMD", command.as_str())];
    let service = at_a_terminal(&directory, &variables, "cli keyservice: a refused request");
    let Some(mut service) = service else { return };
    let mut keyboard = service.child.stdin.take().unwrap();
    keyboard.write_all(b"n\n").unwrap();
    client(&socket).unwrap(&key(), &enc).unwrap_err();
    assert!(!trace.exists());
    keyboard.write_all(b"y\n").unwrap();
    client(&socket).unwrap(&key(), &enc).unwrap_err();
    assert!(trace.exists());
}

#[test]
fn what_cannot_be_listened_on_is_told() {
    let (directory, socket) = ready();
    let run = |arguments: &[&str], name: &str| {
        let arguments = [&["keyservice"], arguments].concat();
        directory.seal(&arguments).run().golden(&format!("keyservice/{name}"));
    };
    run(&[], "no-directory");
    run(&["--tcp", "0.0.0.0:5000"], "tcp-remote");
    run(&["--tcp", "localhost"], "tcp-no-port");
    run(&["--insecure-allow-remote"], "remote-without-tcp");
    run(&["--socket", "a", "--tcp", "127.0.0.1:0"], "socket-and-tcp");
    fs::set_permissions(directory.path(""), Permissions::from_mode(0o755)).unwrap();
    let run_as_is = directory.seal(&["keyservice", "--socket", "keys.sock"]).run();
    assert_eq!(run_as_is.code, 1);
    assert!(run_as_is.stderr.contains("can be used by others (mode 755"), "{}", run_as_is.stderr);
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    fs::set_permissions(socket.parent().unwrap(), Permissions::from_mode(0o700)).unwrap();
    fs::write(&socket, "mine").unwrap();
    run(&["--socket", socket.to_str().unwrap()], "occupied");
    fs::remove_file(&socket).unwrap();
    let _service = Service::start(keyservice(&directory, &[]));
    run(&["--socket", socket.to_str().unwrap()], "in-use");
}

#[test]
fn prompt_without_a_terminal_is_refused() {
    let (directory, _) = ready();
    let mut command = Command::new("setsid");
    let seal = keyservice(&directory, &["--prompt"]);
    command.arg("--wait").arg(seal.get_program()).args(seal.get_args());
    command.env("XDG_RUNTIME_DIR", directory.home("run")).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("`--prompt` needs a terminal"), "{stderr}");
    assert!(!directory.home("run/seal/keyservice.sock").exists());
}

#[test]
fn over_tcp_there_is_a_warning() {
    let (directory, _) = ready();
    let mut command = keyservice(&directory, &["--tcp", "127.0.0.1:0"]);
    command.stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut text = String::new();
    let mut bytes = [0; 512];
    while !text.contains("listening on tcp://127.0.0.1:") {
        let read = stderr.read(&mut bytes).unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(text.starts_with("warning: over TCP every user"), "{text}");
}

#[test]
fn a_run_without_keys_of_its_own_uses_those_of_a_service() {
    let (home_of_service, socket) = ready();
    let _service = Service::start(keyservice(&home_of_service, &[]));
    let uri = format!("unix://{}", socket.display());
    let directory = TestDir::new();
    directory.write("db.yaml", home_of_service.read("db.yaml"));
    let without = directory.seal(&["decrypt", "db.yaml"]).run();
    assert_eq!(without.code, 4, "{}", without.stderr);
    for arguments in [
        &["decrypt", "-q", "--keyservice", &uri, "db.yaml"][..],
        &["decrypt", "-q", "--enable-local-keyservice=false", "--keyservice", &uri, "db.yaml"],
    ] {
        let run = directory.seal(arguments).run();
        assert_eq!((run.code, run.out()), (0, SECRET), "{}", run.stderr);
    }
    let run = directory
        .seal(&["decrypt", "-q", "db.yaml"])
        .env("SOPS_KEYSERVICE", format!("unix:///nowhere/socket, {uri}"))
        .env("SOPS_ENABLE_LOCAL_KEYSERVICE", "false")
        .run();
    assert_eq!((run.code, run.out()), (0, SECRET), "{}", run.stderr);
    let path = r#"["stringData"]["password"]"#;
    let run = directory.seal(&["get", "--keyservice", &uri, "db.yaml", path]).run();
    assert_eq!((run.code, run.out()), (0, "hunter2: \"quoted\""), "{}", run.stderr);
}

#[test]
fn a_service_that_cannot_be_asked_is_named() {
    let (directory, _) = ready();
    let run = |arguments: &[&str]| directory.seal(arguments).run();
    let gone = run(&[
        "decrypt",
        "--enable-local-keyservice=false",
        "--keyservice",
        "unix:///nowhere/socket",
        "db.yaml",
    ]);
    assert_eq!(gone.code, 4);
    assert!(gone.stderr.contains("unix:///nowhere/socket"), "{}", gone.stderr);
    let none = run(&["decrypt", "--enable-local-keyservice=false", "db.yaml"]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("no key service is named"), "{}", none.stderr);
    let odd = run(&["decrypt", "--keyservice", "/run/socket", "db.yaml"]);
    assert_eq!(odd.code, 2);
    assert!(odd.stderr.contains("write tcp://HOST:PORT or unix:///PATH"), "{}", odd.stderr);
    let odd = directory.seal(&["decrypt", "db.yaml"]).env("SOPS_KEYSERVICE", "x").run();
    assert_eq!(odd.code, 2);
    assert!(odd.stderr.contains("SOPS_KEYSERVICE cannot be used"), "{}", odd.stderr);
    let odd = directory.seal(&["decrypt", "db.yaml"]);
    let odd = odd.env("SOPS_ENABLE_LOCAL_KEYSERVICE", "perhaps").run();
    assert_eq!(odd.code, 2, "{}", odd.stderr);
}

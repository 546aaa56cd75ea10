//! Key services: who gets in, what they do for several at once, and the real `sops` as a server.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::remote::{Asked, Guard, KeyServices, ListenError, Listener, RemoteUri, serve};
use seal_keys::{
    Environment, FailureKind, KeyService, Providers, Settings, UnwrapError, WrapError, Wrapped,
};

use crate::contract::age::age_holder;
use crate::not_run::not_run;

/// A key service in this process.
pub(crate) struct Service {
    directory: tempfile::TempDir,
    door: Arc<Door>,
    /// How often something was wrapped or unwrapped.
    used: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Door {
    shut: AtomicBool,
    asks_a_person: bool,
    asked_at_once: AtomicUsize,
    log: Mutex<Vec<String>>,
}

impl Guard for Door {
    fn allows(&self, _: &Asked) -> bool {
        if self.asks_a_person {
            assert_eq!(self.asked_at_once.fetch_add(1, Ordering::SeqCst), 0, "two questions");
            thread::sleep(Duration::from_millis(50));
            self.asked_at_once.fetch_sub(1, Ordering::SeqCst);
        }
        !self.shut.load(Ordering::SeqCst)
    }

    fn asks_a_person(&self) -> bool {
        self.asks_a_person
    }

    fn answered(&self, asked: &Asked, problem: Option<&str>) {
        let line = format!("{:?} {}: {problem:?}", asked.operation, asked.key);
        self.log.lock().unwrap().push(line);
    }

    fn refused(&self, why: &str) {
        self.log.lock().unwrap().push(why.to_owned());
    }
}

/// A service that counts.
struct Counted<S>(Arc<S>, Arc<AtomicUsize>);

impl<S: KeyService> KeyService for Counted<S> {
    fn wrap(&self, key: &MasterKey, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.wrap(key, secret)
    }

    fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<SecretBytes, UnwrapError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.unwrap(key, enc)
    }
}

impl Service {
    /// Starts one that lets everybody in; it goes on until the test's process ends.
    pub(crate) fn start(behind: Providers) -> Self {
        Self::with(behind, Door::default())
    }

    fn with(behind: Providers, door: Door) -> Self {
        let (directory, door, used) = (private_directory(), Arc::new(door), Arc::default());
        let service = Self { directory, door: Arc::clone(&door), used: Arc::clone(&used) };
        let listener = Listener::unix(&service.path()).unwrap();
        let behind = Arc::new(behind);
        let make = move || Counted(Arc::clone(&behind), Arc::clone(&used));
        thread::spawn(move || serve(listener, make, door));
        service
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    pub(crate) fn uri(&self) -> RemoteUri {
        RemoteUri::Unix(self.path())
    }

    pub(crate) fn refuse(&self) {
        self.door.shut.store(true, Ordering::SeqCst);
    }

    /// Leaves its directory where it is.
    pub(crate) fn keep(self) {
        let _ = self.directory.keep();
    }

    fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }

    fn log(&self) -> Vec<String> {
        self.door.log.lock().unwrap().clone()
    }
}

fn private_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
    directory
}

/// A client that has the keys of `variables`, if `local` says so, and asks these services.
fn client(variables: &[(&str, &str)], local: bool, uris: &[RemoteUri]) -> KeyServices {
    let settings = Settings::of(Environment::of(variables.iter().copied()));
    KeyServices::new(settings, local, uris.to_vec())
}

fn key(recipient: &str) -> MasterKey {
    MasterKey::Age { recipient: recipient.to_owned() }
}

fn secret() -> SecretBytes {
    SecretBytes::new((0..32).collect())
}

#[test]
fn nothing_is_done_before_the_guard_allows_it() {
    let (recipient, holder) = age_holder();
    let service = Service::start(holder);
    let client = client(&[], false, &[service.uri()]);
    let enc = client.wrap(&key(&recipient), &secret()).unwrap().enc;
    assert_eq!(service.used(), 1);
    service.refuse();
    client.unwrap(&key(&recipient), &enc).unwrap_err();
    client.wrap(&key(&recipient), &secret()).unwrap_err();
    assert_eq!(service.used(), 1);
    let log = service.log();
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!(log[0], format!("Encrypt {recipient}: None"));
    assert!(log[1].starts_with(&format!("Decrypt {recipient}: Some(\"refused")), "{log:?}");
}

#[test]
fn several_clients_are_served_at_once_and_a_person_is_asked_one_thing_at_a_time() {
    let (recipient, holder) = age_holder();
    let door = Door { asks_a_person: true, ..Door::default() };
    let service = Service::with(holder, door);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let client = client(&[], false, &[service.uri()]);
                let enc = client.wrap(&key(&recipient), &secret()).unwrap().enc;
                let opened = client.unwrap(&key(&recipient), &enc).unwrap();
                assert_eq!(opened.expose(), secret().expose());
            });
        }
    });
    assert_eq!(service.used(), 8);
    assert!(service.log().iter().all(|line| line.ends_with("None")), "an overlap panicked");
}

#[test]
fn garbage_and_too_much_of_it_disturb_nobody() {
    let (recipient, holder) = age_holder();
    let service = Service::start(holder);
    let mut open = Vec::new();
    for garbage in
        [&b"\0\xff\x13garbage"[..], b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let mut connection = UnixStream::connect(service.path()).unwrap();
        connection.write_all(garbage).unwrap();
        open.push(connection);
    }
    let client = client(&[], false, &[service.uri()]);
    let enc = client.wrap(&key(&recipient), &secret()).unwrap().enc;
    // Longer than any message may be.
    let long = SecretBytes::new(vec![7; 2 * 1024 * 1024]);
    let WrapError::Service(failure) = client.wrap(&key(&recipient), &long).unwrap_err() else {
        panic!("not refused by the service");
    };
    assert!(failure.reason.contains("too large"), "{failure}");
    assert_eq!(service.used(), 1);
    assert_eq!(client.unwrap(&key(&recipient), &enc).unwrap().expose(), secret().expose());
}

#[test]
fn this_machine_comes_first_and_every_failure_is_told() {
    let (recipient, holder) = age_holder();
    let service = Service::start(holder);
    let nowhere = RemoteUri::Unix("/nonexistent/socket".into());
    let services = [nowhere.clone(), service.uri()];
    // Wrapping with age takes no key, so nobody is asked.
    let both = client(&[], true, &services);
    let enc = both.wrap(&key(&recipient), &secret()).unwrap().enc;
    assert_eq!(service.used(), 0);
    // Nobody here has the identity; the second service does.
    assert_eq!(both.unwrap(&key(&recipient), &enc).unwrap().expose(), secret().expose());
    assert_eq!(service.used(), 1);

    service.refuse();
    let error = both.unwrap(&key(&recipient), &enc).unwrap_err();
    let shown = error.to_string();
    for part in [
        "here: no identity fits; unix:///nonexistent/socket: ",
        &format!("; {}: refused by whoever runs the key service", service.uri()),
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let UnwrapError::Service(failure) = error else { panic!("{error:?}") };
    assert_eq!(failure.kind, FailureKind::Denied);
    assert_eq!(failure.next_step().unwrap(), "ask them; they said no");

    let alone = client(&[], true, &[]).unwrap(&key(&recipient), &enc).unwrap_err();
    assert!(matches!(alone, UnwrapError::NoIdentity { .. }), "{alone}");
    let none = client(&[], false, &[]).unwrap(&key(&recipient), &enc).unwrap_err();
    assert!(none.next_step().is_some_and(|step| step.contains("--keyservice")), "{none}");
}

#[test]
fn a_key_that_nobody_has_is_named_once() {
    let (recipient, holder) = age_holder();
    let enc = holder.wrap(&key(&recipient), &secret()).unwrap().enc;
    let nobody = Settings::of(Environment::of::<String, String>([]));
    let service = Service::start(Providers::new(nobody));
    let uri = service.uri();
    let error =
        client(&[], true, std::slice::from_ref(&uri)).unwrap(&key(&recipient), &enc).unwrap_err();
    let shown = format!("{recipient}: decrypt: here: no identity fits; {uri}: no identity fits");
    assert_eq!(error.to_string(), shown);
    let step = error.next_step().unwrap();
    assert!(step.starts_with("the key service has no identity for it either"), "{step}");
    let error =
        client(&[], false, std::slice::from_ref(&uri)).unwrap(&key(&recipient), &enc).unwrap_err();
    let shown = format!("{recipient}: decrypt at {uri}: no identity fits");
    assert_eq!(error.to_string(), shown);
    let step = error.next_step().unwrap();
    assert!(step.starts_with("the key service has no identity for it: "), "{step}");
}

#[test]
fn a_service_that_stops_while_it_is_asked() {
    let directory = private_directory();
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            // Empty settings, so that the request is sent.
            connection.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
            let mut seen = Vec::new();
            let mut bytes = [0; 4096];
            while !seen.windows(4).any(|part| part == b"age1") {
                let read = connection.read(&mut bytes).unwrap();
                seen.extend_from_slice(&bytes[..read]);
            }
        }
    });
    let client = client(&[], false, &[RemoteUri::Unix(path)]);
    let error = client.unwrap(&key(&age_holder().0), "x").unwrap_err();
    let UnwrapError::Service(failure) = error else { panic!("{error:?}") };
    assert_eq!(failure.reason, "the key service stopped while it was asked");
    assert_eq!(failure.kind, FailureKind::Unreachable);
}

#[test]
fn a_socket_is_for_its_owner_and_goes_with_the_listener() {
    let directory = private_directory();
    let path = directory.path().join("new/deep/socket");
    let listener = Listener::unix(&path).unwrap();
    assert_eq!(listener.uri(), format!("unix://{}", path.display()));
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    assert!(matches!(Listener::unix(&path), Err(ListenError::InUse(_))));
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn only_a_dead_socket_of_ours_is_replaced() {
    let directory = private_directory();
    let path = directory.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    let listener = Listener::unix(&path).unwrap();
    // Somebody put another file in its place: that one stays.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    drop(listener);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert!(matches!(Listener::unix(&path), Err(ListenError::Occupied(_))));
}

#[test]
fn a_directory_that_others_can_use_is_refused() {
    let directory = private_directory();
    for mode in [0o755, 0o710, 0o1777] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        let error = Listener::unix(&directory.path().join("socket")).unwrap_err();
        assert!(error.to_string().contains(&format!("mode {mode:o}")), "{error}");
    }
}

#[test]
fn tcp_stays_on_the_loopback_unless_asked() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        assert!(matches!(Listener::tcp(address, false), Err(ListenError::Remote(_))), "{address}");
    }
    for address in ["", "127.0.0.1", "a b:1"] {
        assert!(matches!(Listener::tcp(address, true), Err(ListenError::Address(_))), "{address}");
    }
    Listener::tcp("0.0.0.0:0", true).unwrap();
    let (recipient, holder) = age_holder();
    let listener = Listener::tcp("127.0.0.1:0", false).unwrap();
    let uri: RemoteUri = listener.uri().parse().unwrap();
    let holder = Mutex::new(Some(holder));
    let make = move || holder.lock().unwrap().take().unwrap();
    thread::spawn(move || serve(listener, make, Arc::new(Door::default())));
    let client = client(&[], false, &[uri]);
    let enc = client.wrap(&key(&recipient), &secret()).unwrap().enc;
    assert_eq!(client.unwrap(&key(&recipient), &enc).unwrap().expose(), secret().expose());
}

/// The real `sops`, as a key service.
struct SopsService(Child);

impl Drop for SopsService {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_key_service_of_sops_works_for_us() {
    let directory = private_directory();
    let socket = directory.path().join("socket");
    let identity = age::x25519::Identity::generate();
    let text = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
    let sops = Command::new("sops")
        .args(["keyservice", "--network", "unix", "--address", socket.to_str().unwrap()])
        .env("SOPS_AGE_KEY", text)
        .env("HOME", directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(sops) = sops else {
        not_run("keys: the key service of sops works for us", "sops is not on PATH");
        return;
    };
    let _sops = SopsService(sops);
    let started = Instant::now();
    while !socket.exists() && started.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(20));
    }
    let client = client(&[], false, &[RemoteUri::Unix(socket)]);
    let key = key(&identity.to_public().to_string());
    let enc = client.wrap(&key, &secret()).unwrap().enc;
    assert!(enc.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{enc}");
    assert_eq!(client.unwrap(&key, &enc).unwrap().expose(), secret().expose());
    // What goes wrong there is told in its words.
    let (other, holder) = age_holder();
    let other = MasterKey::Age { recipient: other };
    let enc = holder.wrap(&other, &secret()).unwrap().enc;
    let UnwrapError::Service(failure) = client.unwrap(&other, &enc).unwrap_err() else {
        panic!("no failure of the service");
    };
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.reason.contains("age"), "{failure}");
}

/// Keeps what it is given to wrap, under a name that says in what order it came.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<(MasterKey, SecretBytes)>>>);

impl KeyService for Recorder {
    fn wrap(&self, key: &MasterKey, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let mut kept = self.0.lock().unwrap();
        kept.push((key.clone(), secret.clone()));
        Ok(Wrapped { key: key.clone(), enc: format!("wrapped {}", kept.len()) })
    }

    fn unwrap(&self, key: &MasterKey, enc: &str) -> Result<SecretBytes, UnwrapError> {
        let number = enc.strip_prefix("wrapped ").unwrap().parse::<usize>().unwrap();
        let (wrapped_by, secret) = self.0.lock().unwrap()[number - 1].clone();
        assert_eq!(&wrapped_by, key);
        Ok(secret)
    }
}

#[test]
fn sops_names_every_kind_of_key_as_we_read_it() {
    let directory = private_directory();
    let socket = directory.path().join("socket");
    let recorder = Recorder::default();
    let listener = Listener::unix(&socket).unwrap();
    let uri = listener.uri();
    let behind = recorder.clone();
    thread::spawn(move || serve(listener, move || behind.clone(), Arc::new(Door::default())));
    let text = |text: &str| text.to_owned();
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/k";
    let role = "arn:aws:iam::111122223333:role/r";
    let keys = [
        MasterKey::AwsKms {
            arn: text(arn),
            role: Some(text(role)),
            context: [(text("a"), text("b")), (text("c"), text("d"))].into(),
            aws_profile: Some(text("p")),
        },
        MasterKey::GcpKms { resource_id: text("projects/p/locations/l/keyRings/r/cryptoKeys/k") },
        MasterKey::AzureKeyVault {
            vault_url: text("https://v.vault.azure.net"),
            name: text("n"),
            version: text("0123"),
        },
        MasterKey::VaultTransit {
            address: text("https://vault:8200"),
            engine_path: text("a/transit"),
            key_name: text("k"),
        },
        MasterKey::Pgp { fingerprint: "A".repeat(40) },
        key(&age_holder().0),
    ];
    fs::write(directory.path().join("plain.yaml"), "password: hunter2\n").unwrap();
    let sops = |arguments: &[&str]| {
        let services = ["--enable-local-keyservice=false", "--keyservice", &uri];
        let mut sops = Command::new("sops");
        sops.arg(arguments[0]).args(services).args(&arguments[1..]);
        sops.current_dir(directory.path()).env("HOME", directory.path()).output()
    };
    let age = keys[5].to_string();
    let encrypted = sops(&[
        "encrypt",
        "--kms",
        &format!("{arn}+{role}"),
        "--aws-profile",
        "p",
        "--encryption-context",
        "a:b,c:d",
        "--gcp-kms",
        "projects/p/locations/l/keyRings/r/cryptoKeys/k",
        "--azure-kv",
        "https://v.vault.azure.net/keys/n/0123",
        "--hc-vault-transit",
        "https://vault:8200/v1/a/transit/keys/k",
        "--pgp",
        &"A".repeat(40),
        "--age",
        &age,
        "plain.yaml",
    ]);
    let Ok(encrypted) = encrypted else {
        not_run("keys: sops names every kind of key as we read it", "sops is not on PATH");
        return;
    };
    assert!(encrypted.status.success(), "{}", String::from_utf8_lossy(&encrypted.stderr));
    let asked = || recorder.0.lock().unwrap().iter().map(|(key, _)| key.clone()).collect();
    let mut asked: Vec<MasterKey> = asked();
    asked.sort();
    let mut expected = keys.to_vec();
    expected.sort();
    assert_eq!(asked, expected);
    fs::write(directory.path().join("encrypted.yaml"), &encrypted.stdout).unwrap();
    for kind in ["age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault"] {
        let decrypted = sops(&["decrypt", "--decryption-order", kind, "encrypted.yaml"]).unwrap();
        assert_eq!(decrypted.stdout, b"password: hunter2\n", "{kind}");
    }
}

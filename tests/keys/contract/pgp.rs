//! OpenPGP, with real gpg.

use std::cell::RefCell;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::{
    Environment, FailureKind, KeyService, Providers, Settings, UnwrapError, WrapError,
};

use super::suite::{Provider, Scene, Situation};
use crate::gnupg::Keyring;
use crate::not_run::not_run;

pub(crate) struct Pgp {
    fingerprint: String,
    keyring: Keyring,
    /// Those of others, as long as the scene lasts.
    others: RefCell<Vec<Keyring>>,
}

impl Provider for Pgp {
    fn start() -> Option<Self> {
        let Some(keyring) = Keyring::new() else {
            not_run("keys: OpenPGP", "the program `gpg` cannot be started");
            return None;
        };
        Some(Self {
            fingerprint: keyring.make_key("holder", "", "0"),
            keyring,
            others: RefCell::default(),
        })
    }

    fn key(&self) -> MasterKey {
        key(&self.fingerprint)
    }

    fn holder(&self) -> Providers {
        with(&self.keyring)
    }

    fn arrange(&self, situation: Situation, enc: &str) -> Option<Scene> {
        let scene = |keyring: &Keyring, enc: String, says: &str, wrapping_fails| Scene {
            key: self.key(),
            service: with(keyring),
            enc,
            secrets: vec!["hunter2".to_owned()],
            says: vec![says.to_owned()],
            requests: None,
            wrapping_fails,
        };
        let other = Keyring::new().unwrap();
        let scene = match situation {
            // In the name of a key that is here, for one that is not.
            Situation::WrongKey => {
                let fingerprint = other.make_key("other", "", "0");
                let enc = with(&other).wrap(&key(&fingerprint), &secret()).unwrap().enc;
                scene(&self.keyring, enc, "No secret key", false)
            }
            Situation::NoCredentials => {
                other.import(&self.keyring.export("--export", &self.fingerprint));
                scene(&other, enc.to_owned(), "gpg --import", false)
            }
            Situation::NotFound => scene(&other, enc.to_owned(), &self.fingerprint, true),
            Situation::Malformed => {
                let program = other.home().join("not-gpg");
                std::fs::write(&program, "#!/bin/sh\ncat >/dev/null\necho hello\n").unwrap();
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
                std::fs::set_permissions(&program, mode).unwrap();
                let variables = [("SOPS_GPG_EXEC", program), ("PATH", "/usr/bin:/bin".into())];
                let service = Providers::new(Settings::of(Environment::of(variables)));
                Scene { service, ..scene(&other, enc.to_owned(), "SOPS_GPG_EXEC", true) }
            }
            // Everything else is between a client and a server, or does not stop gpg from decrypting.
            _ => return None,
        };
        self.others.borrow_mut().push(other);
        Some(scene)
    }
}

fn key(fingerprint: &str) -> MasterKey {
    MasterKey::Pgp { fingerprint: fingerprint.to_owned() }
}

fn secret() -> SecretBytes {
    SecretBytes::new((0..32).collect())
}

fn environment(keyring: &Keyring) -> Vec<(&'static str, std::ffi::OsString)> {
    vec![("GNUPGHOME", keyring.home().into()), ("LC_ALL", "C".into())]
}

fn with(keyring: &Keyring) -> Providers {
    Providers::new(Settings::of(Environment::of(environment(keyring))))
}

#[track_caller]
fn failed_to_wrap(error: &WrapError, kind: FailureKind) -> String {
    let WrapError::Service(failure) = error else { panic!("{error:?}") };
    assert_eq!(failure.kind, kind, "{failure}");
    format!("{failure}\n{}", failure.next_step().unwrap_or_default())
}

#[test]
fn messages_have_the_form_that_sops_writes() {
    let Some(pgp) = Pgp::start() else { return };
    let enc = pgp.holder().wrap(&pgp.key(), &secret()).unwrap().enc;
    assert!(enc.starts_with("-----BEGIN PGP MESSAGE-----\n\n"), "{enc}");
    assert!(enc.ends_with("\n-----END PGP MESSAGE-----"), "{enc}");
}

#[test]
fn a_key_that_nobody_vouched_for_is_encrypted_to_because_its_fingerprint_names_it() {
    let Some(pgp) = Pgp::start() else { return };
    let other = Keyring::new().unwrap();
    other.import(&pgp.keyring.export("--export", &pgp.fingerprint));
    let enc = with(&other).wrap(&pgp.key(), &secret()).unwrap().enc;
    assert_eq!(pgp.holder().unwrap(&pgp.key(), &enc).unwrap().expose(), secret().expose());
}

#[test]
fn an_expired_key_still_opens_and_no_longer_wraps() {
    let Some(pgp) = Pgp::start() else { return };
    let fingerprint = pgp.keyring.make_key("short-lived", "", "never");
    let enc = pgp.holder().wrap(&key(&fingerprint), &secret()).unwrap().enc;
    for subkeys in [&[][..], &["*"]] {
        pgp.keyring.gpg(&[&["--quick-set-expire", &fingerprint, "seconds=1"], subkeys].concat());
    }
    std::thread::sleep(std::time::Duration::from_secs(2));
    let error = pgp.holder().wrap(&key(&fingerprint), &secret()).unwrap_err();
    let shown = failed_to_wrap(&error, FailureKind::Disabled);
    assert!(shown.contains("expired") && shown.contains("Unusable public key"), "{shown}");
    let opened = pgp.holder().unwrap(&key(&fingerprint), &enc).unwrap();
    assert_eq!(opened.expose(), secret().expose());
}

#[test]
fn a_revoked_key_wraps_nothing() {
    let Some(pgp) = Pgp::start() else { return };
    let file = pgp.keyring.home().join(format!("openpgp-revocs.d/{}.rev", pgp.fingerprint));
    // gpg puts a colon before the armour, lest somebody imports it by mistake.
    let text = std::fs::read_to_string(&file).unwrap().replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(&file, text).unwrap();
    pgp.keyring.import(&file);
    let error = pgp.holder().wrap(&pgp.key(), &secret()).unwrap_err();
    failed_to_wrap(&error, FailureKind::Disabled);
}

#[test]
fn what_is_not_encrypted_is_not_taken_for_a_data_key() {
    let Some(pgp) = Pgp::start() else { return };
    let file = pgp.keyring.home().join("clear");
    std::fs::write(&file, [7; 32]).unwrap();
    let clear = pgp.keyring.gpg(&["--store", "-a", "-o", "-", file.to_str().unwrap()]);
    let error = pgp.holder().unwrap(&pgp.key(), std::str::from_utf8(&clear).unwrap()).unwrap_err();
    let UnwrapError::Service(failure) = error else { panic!("{error:?}") };
    assert_eq!(failure.kind, FailureKind::NotForThisKey);
}

#[test]
fn what_looks_like_an_option_never_reaches_gpg() {
    // A program that would leave a trace.
    let directory = tempfile::tempdir().unwrap();
    let (program, trace) = (directory.path().join("gpg"), directory.path().join("trace"));
    script(&program, &format!("echo \"$@\" >> '{}'", trace.display()));
    let environment = Environment::of([("SOPS_GPG_EXEC", &program)]);
    let providers = Providers::new(Settings::of(environment));
    for name in ["--output", "-o/etc/passwd", "", "user@example.com", "363D6B72", "A1\n--output"] {
        let error = providers.wrap(&key(name), &secret()).unwrap_err();
        let shown = failed_to_wrap(&error, FailureKind::Name);
        assert!(shown.contains("gpg --fingerprint"), "{shown}");
        assert_eq!(seal_keys::check(&key(name)), Err(error));
    }
    assert!(!trace.exists());
    // Whatever the envelope calls the key, only the message reaches gpg.
    let _ = providers.unwrap(&key("--output"), "x");
    let calls = std::fs::read_to_string(&trace).unwrap();
    assert_eq!(calls, "--status-fd 2 --batch --use-agent --no-auto-key-retrieve --decrypt\n");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let environment = Environment::of([("SOPS_GPG_EXEC", "/nonexistent/gpg")]);
    let providers = Providers::new(Settings::of(environment));
    let key = key(&"A".repeat(40));
    let shown = failed_to_wrap(&providers.wrap(&key, &secret()).unwrap_err(), FailureKind::Local);
    assert!(shown.contains("`/nonexistent/gpg`") && shown.contains("SOPS_GPG_EXEC"), "{shown}");
    let error = providers.unwrap(&key, "x").unwrap_err();
    assert!(error.next_step().is_some_and(|step| step.contains("install GnuPG")), "{error}");
}

#[test]
fn long_input_and_output_do_not_stop_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("gpg");
    script(&program, "yes x | head -c 10000000; yes y | head -c 10000000 >&2; cat >/dev/null");
    let environment = Environment::of([("SOPS_GPG_EXEC", &program)]);
    let providers = Providers::new(Settings::of(environment));
    let enc = "z".repeat(1_000_000);
    assert!(providers.unwrap(&key(&"A".repeat(40)), &enc).is_err());
}

fn script(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

//! age: identity files and keys of ssh that a passphrase protects.

use std::io::Write;
use std::sync::{Arc, Mutex};

use age::secrecy::SecretString;
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::{
    Environment, FailureKind, KeyService, Prompt, Providers, Settings, UnwrapError, keygen,
};
use zeroize::Zeroizing;

use crate::age_keys::SshKey;

const PASSPHRASE: &str = "correct horse";

/// Knows one answer, and keeps the questions.
struct Person {
    answer: Option<&'static str>,
    asked: Mutex<Vec<String>>,
}

impl Prompt for Person {
    fn passphrase(&self, question: &str) -> Option<Zeroizing<String>> {
        self.asked.lock().unwrap().push(question.to_owned());
        self.answer.map(|answer| Zeroizing::new(answer.to_owned()))
    }

    fn text(&self, _: &str) -> Option<String> {
        None
    }

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn tell(&self, _: &str) {}
}

/// Somebody with these variables; the second part tells what they were asked.
fn with(variables: &[(&str, &str)], answer: Option<&'static str>) -> (Providers, Arc<Person>) {
    let person = Arc::new(Person { answer, asked: Mutex::default() });
    let mut settings = Settings::of(Environment::of(variables.iter().copied()));
    settings.prompt = person.clone();
    (Providers::new(settings), person)
}

fn asked(person: &Person) -> Vec<String> {
    person.asked.lock().unwrap().clone()
}

fn age(recipient: &str) -> MasterKey {
    MasterKey::Age { recipient: recipient.to_owned() }
}

fn wrapped(recipient: &str) -> String {
    let secret = SecretBytes::new(vec![7; 32]);
    with(&[], None).0.wrap(&age(recipient), &secret).unwrap().enc
}

/// A text that age encrypted with [`PASSPHRASE`], at little cost.
fn locked(text: &str, armored: bool) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(PASSPHRASE));
    recipient.set_work_factor(4);
    let format = match armored {
        true => age::armor::Format::AsciiArmor,
        false => age::armor::Format::Binary,
    };
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let output = age::armor::ArmoredWriter::wrap_output(Vec::new(), format).unwrap();
    let mut writer =
        age::Encryptor::with_recipients(recipients).unwrap().wrap_output(output).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap().finish().unwrap()
}

#[test]
fn a_protected_key_file_is_asked_about_once() {
    let own = keygen::generate();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.age");
    for armored in [true, false] {
        std::fs::write(&file, locked(&own.identity, armored)).unwrap();
        let name = file.display().to_string();
        let (holder, person) = with(&[("SOPS_AGE_KEY_FILE", &name)], Some(PASSPHRASE));
        for _ in 0..3 {
            let enc = wrapped(&own.recipient);
            assert_eq!(holder.unwrap(&age(&own.recipient), &enc).unwrap().expose(), &[7; 32]);
        }
        let question = format!("passphrase of the age identities in SOPS_AGE_KEY_FILE ({name})");
        assert_eq!(asked(&person), [question]);
    }
}

#[test]
fn several_threads_ask_once() {
    let own = keygen::generate();
    let text = String::from_utf8(locked(&own.identity, true)).unwrap();
    let (holder, person) = with(&[("SOPS_AGE_KEY", &text)], Some(PASSPHRASE));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let enc = wrapped(&own.recipient);
                assert!(holder.unwrap(&age(&own.recipient), &enc).is_ok());
            });
        }
    });
    assert_eq!(asked(&person).len(), 1);
}

#[test]
fn nobody_is_asked_where_an_open_identity_fits() {
    let (own, other) = (keygen::generate(), keygen::generate());
    let text = String::from_utf8(locked(&other.identity, true)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.txt");
    std::fs::write(&file, own.identity.as_str()).unwrap();
    let name = file.display().to_string();
    let variables = [("SOPS_AGE_KEY", text.as_str()), ("SOPS_AGE_KEY_FILE", &name)];
    let (holder, person) = with(&variables, Some(PASSPHRASE));
    holder.unwrap(&age(&own.recipient), &wrapped(&own.recipient)).unwrap();
    assert!(asked(&person).is_empty());
    let report = holder.sources().swap_remove(0).to_string();
    assert_eq!(report, "SOPS_AGE_KEY: protected by a passphrase, not asked for");
}

#[test]
fn a_passphrase_that_is_not_given_or_wrong_is_reported_and_not_asked_for_again() {
    let own = keygen::generate();
    let text = String::from_utf8(locked(&own.identity, true)).unwrap();
    for (answer, reason, questions, hint) in [
        (
            None,
            "nobody could be asked for the passphrase",
            1,
            "SOPS_AGE_KEY is closed by a passphrase: run it at a terminal",
        ),
        (
            Some("hunter2"),
            "the passphrase is wrong",
            3,
            "the passphrase of SOPS_AGE_KEY was wrong; run it again",
        ),
    ] {
        let (holder, person) = with(&[("SOPS_AGE_KEY", &text)], answer);
        for _ in 0..2 {
            let error = holder.unwrap(&age(&own.recipient), &wrapped(&own.recipient)).unwrap_err();
            let expected =
                format!("{}: not known: SOPS_AGE_KEY could not be opened", own.recipient);
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.next_step().as_deref(), Some(hint));
        }
        assert_eq!(asked(&person).len(), questions);
        let report = holder.sources().swap_remove(0).to_string();
        assert_eq!(report, format!("SOPS_AGE_KEY: {reason}"));
        let warnings: Vec<_> = holder.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(warnings, [report]);
    }
}

/// Gives one wrong answer, then the right one.
#[derive(Default)]
struct Hasty(Mutex<Vec<String>>);

impl Prompt for Hasty {
    fn passphrase(&self, question: &str) -> Option<Zeroizing<String>> {
        let mut questions = self.0.lock().unwrap();
        questions.push(question.to_owned());
        let answer = if questions.len() == 1 { "corect horse" } else { PASSPHRASE };
        Some(Zeroizing::new(answer.to_owned()))
    }

    fn text(&self, _: &str) -> Option<String> {
        None
    }

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn tell(&self, _: &str) {}
}

#[test]
fn a_mistyped_passphrase_can_be_typed_again() {
    let own = keygen::generate();
    let text = String::from_utf8(locked(&own.identity, true)).unwrap();
    let person = Arc::new(Hasty::default());
    let mut settings = Settings::of(Environment::of([("SOPS_AGE_KEY", &text)]));
    settings.prompt = person.clone();
    let holder = Providers::new(settings);
    assert!(holder.unwrap(&age(&own.recipient), &wrapped(&own.recipient)).is_ok());
    let question = "passphrase of the age identities in SOPS_AGE_KEY";
    let expected = [question.to_owned(), format!("that was wrong; {question}")];
    assert_eq!(*person.0.lock().unwrap(), expected);
    assert!(holder.warnings().is_empty());
}

#[test]
fn a_file_that_asks_for_too_much_work_is_refused_at_once() {
    let own = keygen::generate();
    // The header is text: its work factor can be raised, and only a check before the work saves us.
    let file = locked(&own.identity, false);
    let end = file.iter().position(|&byte| byte == b'\n').unwrap();
    let line_end = end + 1 + file[end + 1..].iter().position(|&byte| byte == b'\n').unwrap();
    assert_eq!(file[line_end - 2..line_end], *b" 4");
    let hostile = [&file[..line_end - 1], b"40", &file[line_end..]].concat();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.age");
    std::fs::write(&path, hostile).unwrap();
    let name = path.display().to_string();
    let (holder, _) = with(&[("SOPS_AGE_KEY_FILE", &name)], Some(PASSPHRASE));
    let started = std::time::Instant::now();
    let error = holder.unwrap(&age(&own.recipient), &wrapped(&own.recipient));
    assert!(matches!(error, Err(UnwrapError::NoIdentity { .. })));
    assert!(started.elapsed().as_secs() < 5);
    let report = holder.sources().swap_remove(1).to_string();
    assert!(report.ends_with("costs too much work (2^40, at most 2^22 is accepted)"), "{report}");
}

#[test]
fn an_encrypted_file_for_a_key_is_no_identity_file() {
    let text = wrapped(&keygen::generate().recipient);
    let (holder, person) = with(&[("SOPS_AGE_KEY", &text)], Some(PASSPHRASE));
    let own = keygen::generate();
    assert!(holder.unwrap(&age(&own.recipient), &wrapped(&own.recipient)).is_err());
    assert!(asked(&person).is_empty());
    let report = holder.sources().swap_remove(0).to_string();
    assert_eq!(report, "SOPS_AGE_KEY: it is encrypted by age, but not with a passphrase");
}

#[test]
fn an_encrypted_key_of_ssh_asks_when_something_is_for_it() {
    for kind in ["ed25519", "rsa"] {
        let Some(key) = SshKey::new(kind, PASSPHRASE, "keys: encrypted keys of ssh") else {
            return;
        };
        let path = key.path().display().to_string();
        let variables = [("SOPS_AGE_SSH_PRIVATE_KEY_FILE", path.as_str())];
        let (holder, person) = with(&variables, Some(PASSPHRASE));
        let Some(other) = SshKey::new(kind, "", "keys: encrypted keys of ssh") else { return };
        let error = holder.unwrap(&age(&other.recipient), &wrapped(&other.recipient)).unwrap_err();
        assert!(matches!(error, UnwrapError::NoIdentity { .. }), "{error}");
        assert!(asked(&person).is_empty());

        for _ in 0..2 {
            let opened = holder.unwrap(&age(&key.recipient), &wrapped(&key.recipient)).unwrap();
            assert_eq!(opened.expose(), &[7; 32]);
        }
        let question = format!("passphrase of the ssh key SOPS_AGE_SSH_PRIVATE_KEY_FILE ({path})");
        assert_eq!(asked(&person), [question]);
    }
}

#[test]
fn an_encrypted_key_of_ssh_that_stays_closed_says_so() {
    let Some(key) = SshKey::new("ed25519", PASSPHRASE, "keys: closed keys of ssh") else { return };
    let home = key.home().display().to_string();
    let file = format!("{home}/.ssh/id_ed25519");
    for (answer, reason, questions, hint) in [
        (
            None,
            "nobody could be asked for the passphrase",
            1,
            format!("{file} is closed by a passphrase: run it at a terminal"),
        ),
        (
            Some("hunter2"),
            "the passphrase is wrong",
            3,
            format!("the passphrase of {file} was wrong; run it again"),
        ),
    ] {
        let (holder, person) = with(&[("HOME", &home)], answer);
        for _ in 0..2 {
            let error = holder.unwrap(&age(&key.recipient), &wrapped(&key.recipient)).unwrap_err();
            let UnwrapError::Service(failure) = &error else { panic!("{error}") };
            assert_eq!(failure.kind, FailureKind::NoCredentials);
            assert!(failure.reason.starts_with(reason), "{failure}");
            assert_eq!(failure.operation, format!("open {home}/.ssh/id_ed25519"));
            assert_eq!(failure.next_step().as_deref(), Some(hint.as_str()));
        }
        assert_eq!(asked(&person).len(), questions);
    }
}

#[test]
fn a_key_in_the_old_form_opens_unless_it_is_encrypted() {
    let test = "keys: ssh keys in PEM form";
    let pem = ["-m", "PEM", "-b", "2048"];
    let Some(open) = SshKey::with("rsa", "", &pem, test) else { return };
    let path = open.path().display().to_string();
    let (holder, _) = with(&[("SOPS_AGE_SSH_PRIVATE_KEY_FILE", &path)], None);
    assert!(holder.unwrap(&age(&open.recipient), &wrapped(&open.recipient)).is_ok());

    let Some(closed) = SshKey::with("rsa", PASSPHRASE, &pem, test) else { return };
    let path = closed.path().display().to_string();
    let (holder, _) = with(&[("SOPS_AGE_SSH_PRIVATE_KEY_FILE", &path)], Some(PASSPHRASE));
    assert!(holder.unwrap(&age(&closed.recipient), &wrapped(&closed.recipient)).is_err());
    let reports = holder.sources();
    let report = reports.iter().find(|report| report.source.contains(&path)).unwrap().to_string();
    assert!(report.contains("`ssh-keygen -p` rewrites it"), "{report}");
}

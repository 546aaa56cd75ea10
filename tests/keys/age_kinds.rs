//! age: kinds of recipients and identities, and which places they are looked for in.

use std::fs;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;
use seal_keys::{
    Environment, FailureKind, KeyService, Providers, Settings, UnwrapError, WrapError, keygen,
};

use crate::age_keys::{SshKey, key_file};

const OF_PLUGIN: &str = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";

fn age(recipient: &str) -> MasterKey {
    MasterKey::Age { recipient: recipient.to_owned() }
}

fn secret() -> SecretBytes {
    SecretBytes::new(vec![7; 32])
}

fn with(variables: &[(&str, &str)]) -> Providers {
    Providers::new(Settings::of(Environment::of(variables.iter().copied())))
}

fn wrapped(key: &MasterKey) -> String {
    with(&[]).wrap(key, &secret()).unwrap().enc
}

#[test]
fn a_recipient_of_ssh_keeps_its_comment_and_needs_none_to_be_found() {
    let Some(key) = SshKey::new("ed25519", "", "keys: comments of ssh recipients") else { return };
    assert!(key.recipient.ends_with(" me@host"));
    let path = key.path().display().to_string();
    let holder = with(&[("SOPS_AGE_SSH_PRIVATE_KEY_FILE", &path)]);
    let bare = key.recipient.trim_end_matches(" me@host");
    for recipient in [&key.recipient, bare] {
        let wrapped = holder.wrap(&age(recipient), &secret()).unwrap();
        assert_eq!(wrapped.key, age(recipient));
        assert_eq!(holder.unwrap(&wrapped.key, &wrapped.enc).unwrap().expose(), secret().expose());
        // The identity is here, and the text was made for somebody else.
        let other = wrapped_for_another();
        let error = holder.unwrap(&age(recipient), &other).unwrap_err();
        assert!(matches!(error, UnwrapError::NotForThisKey { .. }), "{error}");
    }
    let shown: Vec<_> = holder.sources().iter().map(ToString::to_string).collect();
    let expected = format!("SOPS_AGE_SSH_PRIVATE_KEY_FILE ({path}): 1 identity: {bare}");
    assert!(shown.contains(&expected), "{shown:?}");
}

fn wrapped_for_another() -> String {
    wrapped(&age(&keygen::generate().recipient))
}

#[test]
fn keys_of_ssh_are_found_where_ssh_keeps_them() {
    for kind in ["ed25519", "rsa"] {
        let Some(key) = SshKey::new(kind, "", "keys: ~/.ssh") else { return };
        let home = key.home().display().to_string();
        let holder = with(&[("HOME", &home)]);
        let enc = wrapped(&age(&key.recipient));
        assert_eq!(holder.unwrap(&age(&key.recipient), &enc).unwrap().expose(), secret().expose());
        assert_eq!(holder.warnings(), []);
    }
}

#[test]
fn a_command_may_print_a_key_of_ssh() {
    let Some(key) = SshKey::new("ed25519", "", "keys: SOPS_AGE_SSH_PRIVATE_KEY_CMD") else {
        return;
    };
    let command = format!("cat '{}'", key.path().display());
    let holder = with(&[("SOPS_AGE_SSH_PRIVATE_KEY_CMD", &command)]);
    let enc = wrapped(&age(&key.recipient));
    assert_eq!(holder.unwrap(&age(&key.recipient), &enc).unwrap().expose(), secret().expose());
}

/// Wish C.21 of the reference: an odd key in ~/.ssh must not get into the way of others.
#[test]
fn an_odd_key_in_the_home_of_ssh_disturbs_nobody() {
    let Some(key) = SshKey::new("ed25519", "", "keys: odd keys of ssh") else { return };
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".ssh")).unwrap();
    let Some(ecdsa) = SshKey::new("ecdsa", "", "keys: odd keys of ssh") else { return };
    fs::copy(ecdsa.path(), home.path().join(".ssh/id_ed25519")).unwrap();
    fs::write(home.path().join(".ssh/id_rsa"), "no key at all").unwrap();
    let home = home.path().display().to_string();

    let own = keygen::generate();
    let holder = with(&[("HOME", &home), ("SOPS_AGE_KEY", &own.identity)]);
    let enc = wrapped(&age(&own.recipient));
    holder.unwrap(&age(&own.recipient), &enc).unwrap();
    assert!(!holder.sources().iter().any(|report| report.source.contains(".ssh")));

    let enc = wrapped(&age(&key.recipient));
    let error = holder.unwrap(&age(&key.recipient), &enc).unwrap_err();
    assert!(matches!(error, UnwrapError::NoIdentity { .. }), "{error}");
    let shown: Vec<_> = holder.sources().iter().map(ToString::to_string).collect();
    for expected in [
        format!(
            "{home}/.ssh/id_ed25519: age cannot use ecdsa-sha2-nistp256 keys, only ed25519 and RSA"
        ),
        format!("{home}/.ssh/id_rsa: it is no private key of ssh that age knows"),
    ] {
        assert!(shown.contains(&expected), "{shown:?}");
    }
    assert_eq!(holder.warnings(), [], "nobody put these keys there for us");
}

#[test]
fn nothing_but_the_first_fitting_source_is_touched() {
    let own = keygen::generate();
    let enc = wrapped(&age(&own.recipient));
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let touch = format!("touch '{}'", trace.display());
    let holder = with(&[
        ("SOPS_AGE_KEY", &own.identity),
        ("SOPS_AGE_KEY_CMD", &touch),
        ("SOPS_AGE_SSH_PRIVATE_KEY_CMD", &touch),
    ]);
    holder.unwrap(&age(&own.recipient), &enc).unwrap();
    assert!(!trace.exists());
    assert_eq!(holder.sources().len(), 1);
    // Wrapping looks for nothing.
    let writer = with(&[("SOPS_AGE_KEY_CMD", &touch), ("SOPS_AGE_SSH_PRIVATE_KEY_CMD", &touch)]);
    writer.wrap(&age(&own.recipient), &secret()).unwrap();
    assert!(!trace.exists() && writer.sources().is_empty());
}

#[test]
fn a_mixed_key_file_opens_files_of_each_kind() {
    let (pq, own) = (key_file("age-pq"), keygen::generate());
    let text = format!("# mixed\n{}\n{pq}", own.identity.as_str());
    let holder = with(&[("SOPS_AGE_KEY", &text)]);
    let recipients = keygen::recipients_of(&text).unwrap();
    assert_eq!(recipients.len(), 2);
    for recipient in recipients {
        let enc = wrapped(&age(&recipient));
        assert_eq!(holder.unwrap(&age(&recipient), &enc).unwrap().expose(), secret().expose());
    }
}

#[test]
fn a_plugin_that_only_a_file_names_is_not_started() {
    let error = with(&[]).wrap(&age(OF_PLUGIN), &secret()).unwrap_err();
    let WrapError::Service(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.kind, FailureKind::NotAllowed);
    assert_eq!(
        failure.next_step().as_deref(),
        Some("SEAL_ALLOW_AGE_PLUGINS=yubikey allows to start it")
    );
    // Opening takes an identity, so there is nothing to start.
    let enc = wrapped_for_another();
    let allowed = with(&[("SEAL_ALLOW_AGE_PLUGINS", "yubikey")]);
    let error = allowed.unwrap(&age(OF_PLUGIN), &enc).unwrap_err();
    assert!(matches!(error, UnwrapError::NoIdentity { .. }), "{error}");
}

#[test]
fn a_plugin_that_is_not_installed_is_named() {
    let recipient = OF_PLUGIN.parse::<age::plugin::Recipient>();
    assert!(recipient.is_ok());
    let allowed = with(&[("SEAL_ALLOW_AGE_PLUGINS", "all")]);
    let error = allowed.wrap(&age(OF_PLUGIN), &secret()).unwrap_err();
    let WrapError::Service(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.kind, FailureKind::Local);
    assert_eq!(failure.reason, "there is no program age-plugin-yubikey on PATH");
}

#[test]
fn check_says_what_is_wrong_with_a_name() {
    let check = |recipient: &str| seal_keys::check(&age(recipient));
    for good in [OF_PLUGIN, &keygen::generate().recipient] {
        assert_eq!(check(good), Ok(()));
    }
    for bad in ["age1pq1qqqq", "ssh-rsa AAAA", "age1yubikey1qqqq"] {
        let error = check(bad).unwrap_err();
        assert!(matches!(error, WrapError::InvalidRecipient { .. }), "{error}");
    }
    let error = check("ecdsa-sha2-nistp256 AAAA").unwrap_err().to_string();
    assert!(error.contains("ssh-ed25519 and ssh-rsa only"), "{error}");
}

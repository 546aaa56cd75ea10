//! OpenPGP, through the program `gpg`: its keyring, its agent, its pinentry and its cards do the work.
//!
//! The calls are those of SOPS, so that a keyring that serves SOPS serves here, with two differences: what gpg thinks
//! of the key's owner is not asked (see [`Access::wrap`]), and an answer counts only where gpg says that it decrypted.

use std::io;
use std::sync::Arc;

use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;

use crate::failure::{Failure, FailureKind};
use crate::service::{KeyAccess, UnwrapError, WrapError, Wrapped};
use crate::session::Session;

mod fingerprint;
mod gpg;

use fingerprint::Fingerprint;
use gpg::Answer;

/// Knows where `gpg` is; everything else is gpg's.
#[derive(Debug)]
pub(crate) struct Pgp {
    session: Arc<Session>,
}

impl Pgp {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    pub(crate) fn access<'k>(&'k self, key: &'k MasterKey) -> Access<'k> {
        Access { provider: self, key }
    }
}

/// One key of this kind.
pub(crate) struct Access<'k> {
    provider: &'k Pgp,
    key: &'k MasterKey,
}

const ENCRYPT: &str = "gpg --encrypt";
const DECRYPT: &str = "gpg --decrypt";

impl KeyAccess for Access<'_> {
    fn check(&self) -> Result<(), WrapError> {
        self.fingerprint()?;
        Ok(())
    }

    /// The armoured message without its final newline, as SOPS writes it.
    ///
    /// SOPS tells gpg to trust the key (`--trusted-key`). To leave trust aside comes to the same, because the key is
    /// named by its fingerprint, and does not make gpg write its trust database, for whose lock parallel runs wait.
    fn wrap(&self, secret: &SecretBytes) -> Result<Wrapped, WrapError> {
        let fingerprint = self.fingerprint()?;
        let mut arguments = vec!["--batch", "--no-default-recipient", "--yes"];
        arguments.extend(["--trust-model", "always", "--no-encrypt-to"]);
        arguments.extend(["--encrypt", "-a", "-r", fingerprint.as_str()]);
        let answer = self.gpg(ENCRYPT, &arguments, secret.expose())?;
        if !answer.success {
            return Err(self.not_encrypted(&answer, &fingerprint).into());
        }
        let text = std::str::from_utf8(&answer.stdout).unwrap_or_default().trim();
        if !text.starts_with("-----BEGIN PGP MESSAGE-----") {
            let reason = "it printed no armoured message";
            let failure = self.failure(FailureKind::Malformed, ENCRYPT, reason);
            return Err(failure.hint(NOT_GPG).into());
        }
        Ok(Wrapped { key: self.key.clone(), enc: text.replace("\r\n", "\n") })
    }

    /// Whoever's key it is that opens the message: gpg finds it, whatever the envelope calls it.
    fn unwrap(&self, enc: &str) -> Result<SecretBytes, UnwrapError> {
        // gpg's agent may ask for a passphrase or for a card, and nobody else may ask meanwhile. That is also why gpg has
        // no time limit: nobody knows how long a person takes. Ctrl-C ends gpg too, which is of the same process group.
        let _turn = self.provider.session.prompts.turn();
        let arguments = ["--batch", "--use-agent", "--no-auto-key-retrieve", "--decrypt"];
        let answer = self.gpg(DECRYPT, &arguments, enc.as_bytes())?;
        // A message that is only signed or compressed "decrypts" as well, and hides nothing.
        let decrypted = answer.success && answer.says("DECRYPTION_OKAY");
        match decrypted && !answer.stdout.is_empty() {
            true => Ok(SecretBytes::new(answer.stdout.to_vec())),
            false => Err(self.not_decrypted(&answer).into()),
        }
    }
}

const NOT_GPG: &str = "see what the program is: SOPS_GPG_EXEC names it, by default it is `gpg`";

impl Access<'_> {
    fn fingerprint(&self) -> Result<Fingerprint, Failure> {
        let MasterKey::Pgp { fingerprint } = self.key else {
            return Err(Failure::of_name(self.key, "it is no OpenPGP key"));
        };
        Fingerprint::parse(fingerprint).map_err(|error| {
            Failure::of_name(self.key, error.to_string()).hint(
                "name the key by its whole fingerprint, which `gpg --fingerprint NAME` prints",
            )
        })
    }

    fn gpg(&self, operation: &str, arguments: &[&str], input: &[u8]) -> Result<Answer, Failure> {
        let environment = &self.provider.session.environment;
        gpg::run(environment, arguments, input).map_err(|error| {
            let program = gpg::program(environment).display().to_string();
            match error.kind() {
                io::ErrorKind::NotFound => self
                    .failure(
                        FailureKind::Local,
                        operation,
                        format!("there is no program `{program}`"),
                    )
                    .hint("install GnuPG (package `gnupg`), or name its program in SOPS_GPG_EXEC"),
                kind => {
                    let reason = format!("`{program}` cannot be run: {kind}");
                    self.failure(FailureKind::Local, operation, reason)
                        .hint("SOPS_GPG_EXEC names the program; by default it is `gpg`")
                }
            }
        })
    }

    fn not_encrypted(&self, answer: &Answer, fingerprint: &Fingerprint) -> Failure {
        let failure = |kind| self.failure(kind, ENCRYPT, answer.words());
        // INV_RECP and its reason: 1 not found, 4 revoked, 5 expired, 0 and the rest say nothing more.
        match answer.value("INV_RECP").and_then(|rest| rest.split(' ').next()) {
            Some("1") => failure(FailureKind::NotFound).hint(format!(
                "get the public key with `gpg --recv-keys {fingerprint}`, or from a file with `gpg --import FILE`"
            )),
            Some("0" | "4" | "5") => failure(FailureKind::Disabled).hint(format!(
                "the key is expired, revoked or not for encryption (`gpg --list-keys {fingerprint}`); ask its owner for a \
                 newer one, or whether it was extended: `gpg --refresh-keys {fingerprint}`"
            )),
            _ => failure(FailureKind::Refused),
        }
    }

    fn not_decrypted(&self, answer: &Answer) -> Failure {
        const WRONG_SECRET_KEY: u32 = 18;
        let failure = |kind| self.failure(kind, DECRYPT, answer.words());
        if answer.success && !answer.is_of_gpg() {
            let reason = "its answer is none of gpg";
            return self.failure(FailureKind::Malformed, DECRYPT, reason).hint(NOT_GPG);
        }
        let is_message = answer.says("ENC_TO");
        // The low half of gpg's error code is the reason, the rest is the part of gpg that it comes from.
        let by_the_key = answer.value("ERROR pkdecrypt_failed");
        let by_the_key = by_the_key.map(|code| code.parse::<u32>().unwrap_or(0) & 0xffff);
        match by_the_key {
            // Not even the agent can say whether the key is another one or the message altered.
            Some(WRONG_SECRET_KEY) => failure(FailureKind::NotForThisKey),
            Some(_) => failure(FailureKind::NoCredentials).hint(
                "gpg's agent has to ask for the passphrase or the card; on a terminal it needs GPG_TTY: \
                 `export GPG_TTY=$(tty)`",
            ),
            None if !is_message || answer.says("DECRYPTION_KEY") => {
                failure(FailureKind::NotForThisKey)
            }
            None => self.no_secret_key(answer),
        }
    }

    /// gpg has no secret key for the message; that alone does not tell a stranger from an altered envelope.
    fn no_secret_key(&self, answer: &Answer) -> Failure {
        let held = match self.fingerprint() {
            Ok(fingerprint) => self.held(&fingerprint).unwrap_or(Held::Nothing),
            Err(_) => Held::Public,
        };
        let kind = match held {
            Held::Secret => FailureKind::NotForThisKey,
            Held::Public => FailureKind::NoCredentials,
            Held::Nothing => FailureKind::NotFound,
        };
        let failure = self.failure(kind, DECRYPT, answer.words());
        match held {
            Held::Secret => failure,
            Held::Public | Held::Nothing => failure.hint(
                "import the secret key with `gpg --import FILE`, or insert its card; GNUPGHOME names another keyring",
            ),
        }
    }

    /// What of a key the keyring has.
    fn held(&self, fingerprint: &Fingerprint) -> Result<Held, Failure> {
        let arguments =
            ["--batch", "--with-colons", "--with-secret", "--list-keys", fingerprint.as_str()];
        let answer = self.gpg(DECRYPT, &arguments, &[])?;
        let listing = String::from_utf8_lossy(&answer.stdout);
        // The fifteenth field of a key's line is `+`, or the number of a card, where the secret half is there.
        let halves = listing.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            matches!(fields[0], "pub" | "sub").then(|| fields.get(14).copied().unwrap_or_default())
        });
        let halves: Vec<_> = halves.collect();
        Ok(match halves.iter().any(|half| !half.is_empty() && *half != "#") {
            true => Held::Secret,
            false if halves.is_empty() => Held::Nothing,
            false => Held::Public,
        })
    }

    fn failure(&self, kind: FailureKind, operation: &str, reason: impl AsRef<str>) -> Failure {
        Failure::new(kind, self.key, operation, reason)
    }
}

/// How much of a key the keyring holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    Public,
    Secret,
}

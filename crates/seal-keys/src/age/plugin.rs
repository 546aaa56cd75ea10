//! Plugins of age: programs `age-plugin-NAME` on `PATH` that hold keys in hardware, services or elsewhere.
//!
//! A recipient in a file names a program, so it is started only where the user allowed that plugin or holds an identity
//! of it. Opening always takes an identity, which is the user's own. While a plugin runs nothing else asks: it asks
//! through us, and many want a touch or a PIN.

use std::sync::Arc;

use age::plugin::{Identity, IdentityPluginV1, Recipient, RecipientPluginV1, ResolveError};
use age::secrecy::SecretString;
use age::{Callbacks, DecryptError, EncryptError};
use seal_core::envelope::MasterKey;
use seal_core::secret::SecretBytes;

use super::{armored, open};
use crate::failure::{Failure, FailureKind};
use crate::prompt::{Prompt, Prompts};

/// The recipient's plugin may not be started.
pub(super) fn not_allowed(key: &MasterKey, plugin: &str) -> Failure {
    let reason = format!("the file names the program age-plugin-{plugin}, which was not allowed");
    Failure::new(FailureKind::NotAllowed, key, operation("wrap", plugin), reason)
        .hint(format!("SEAL_ALLOW_AGE_PLUGINS={plugin} allows to start it"))
}

/// Lets the plugin wrap to its recipient.
pub(super) fn wrap(
    recipient: &Recipient,
    secret: &SecretBytes,
    key: &MasterKey,
    prompts: &Prompts,
) -> Result<String, Failure> {
    let name = recipient.plugin();
    let turn = prompts.turn();
    let plugin = RecipientPluginV1::new(
        name,
        std::slice::from_ref(recipient),
        &[],
        Questions::of(name, &turn.prompt),
    );
    let failure = |kind, reason: String| {
        hinted(Failure::new(kind, key, operation("wrap", name), reason), name)
    };
    let plugin = plugin.map_err(|error| failure(FailureKind::Local, missing(&error)))?;
    armored(&plugin, secret).map_err(|error| match error {
        EncryptError::Plugin(errors) => failure(FailureKind::Refused, words(&errors)),
        EncryptError::Io(error) => failure(FailureKind::Malformed, stopped(&error)),
        _ => failure(FailureKind::Malformed, "its answer makes no sense".to_owned()),
    })
}

/// Lets a plugin unwrap with the user's identities of it. `None` where none of them fits.
pub(super) fn unwrap(
    name: &str,
    identities: &[Identity],
    enc: &str,
    key: &MasterKey,
    prompts: &Prompts,
) -> Option<Result<SecretBytes, Failure>> {
    let turn = prompts.turn();
    let failure = |kind, reason: String| {
        Some(Err(hinted(Failure::new(kind, key, operation("unwrap", name), reason), name)))
    };
    let plugin = match IdentityPluginV1::new(name, identities, Questions::of(name, &turn.prompt)) {
        Ok(plugin) => plugin,
        Err(error) => return failure(FailureKind::Local, missing(&error)),
    };
    match open(enc, std::iter::once(&plugin as &dyn age::Identity)) {
        Ok(secret) => Some(Ok(secret)),
        Err(DecryptError::NoMatchingKeys) => None,
        Err(DecryptError::Plugin(errors)) => failure(FailureKind::Refused, words(&errors)),
        // What does not decrypt behind the header is invalid data, too.
        Err(DecryptError::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
            failure(FailureKind::Malformed, stopped(&error))
        }
        // It gave a file key, which does not fit.
        Err(_) => failure(FailureKind::NotForThisKey, "what it unwrapped does not fit".to_owned()),
    }
}

fn operation(what: &str, plugin: &str) -> String {
    format!("{what} by age-plugin-{plugin}")
}

fn hinted(failure: Failure, plugin: &str) -> Failure {
    match failure.kind {
        FailureKind::Local => {
            failure.hint(format!("install age-plugin-{plugin} in a directory on PATH"))
        }
        FailureKind::Refused => failure.hint(
            "do what it says; where it has to ask somebody, run this at a terminal".to_owned(),
        ),
        FailureKind::Malformed => failure.hint(format!(
            "check that age-plugin-{plugin} runs, and that its version fits your keys"
        )),
        // The plugin's own words say more than we could.
        _ => failure,
    }
}

fn missing(error: &ResolveError) -> String {
    match error {
        ResolveError::MissingPlugin { binary_name } => {
            format!("there is no program {binary_name} on PATH")
        }
        _ => "its name is not valid".to_owned(),
    }
}

fn stopped(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionAborted | std::io::ErrorKind::BrokenPipe => {
            "it ended before it was done".to_owned()
        }
        kind => format!("talking to it failed: {kind}"),
    }
}

/// The plugin's own words, without the marks that set them off from other text.
fn words(errors: &[impl std::fmt::Display]) -> String {
    let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
    words.join("; ").replace(['\u{2068}', '\u{2069}'], "")
}

/// Passes on what a plugin asks and tells. Whoever runs the plugin holds the turn.
#[derive(Clone)]
struct Questions {
    plugin: Arc<str>,
    prompt: Arc<dyn Prompt>,
}

impl Questions {
    fn of(plugin: &str, prompt: &Arc<dyn Prompt>) -> Self {
        Self { plugin: Arc::from(plugin), prompt: Arc::clone(prompt) }
    }

    /// On one line, without control characters, and with the name of who speaks.
    fn says(&self, message: &str) -> String {
        let words = message.split(|c: char| c.is_whitespace() || c.is_control());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        format!("age-plugin-{}: {}", self.plugin, words.join(" "))
    }
}

impl Callbacks for Questions {
    fn display_message(&self, message: &str) {
        self.prompt.tell(&self.says(message));
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        self.prompt.confirm(&self.says(message), yes, no)
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.prompt.text(&self.says(description))
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        let answer = self.prompt.passphrase(&self.says(description))?;
        Some(SecretString::from(answer.as_str()))
    }
}

//! Private sealing keys from files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use seal_api::sealing::{KeyRing, SealingKey};
use seal_core::format::Format;
use seal_core::sealed_secret;
use seal_keys::Environment;
use zeroize::Zeroizing;

use crate::args::SealingKeyArgs;
use crate::error::CommandError;
use crate::reason::Reason;
use crate::write;

/// The variable that stands for `--sealing-key`; several files are separated by `:`.
const VARIABLE: &str = "SEAL_SEALING_KEY_FILE";

/// The sealing keys of a run. The files are read when the first SealedSecret is to be opened.
#[derive(Debug, Default)]
pub(in crate::commands) struct SealingKeys {
    files: Vec<PathBuf>,
    ring: OnceLock<Result<KeyRing, CommandError>>,
}

impl SealingKeys {
    pub(in crate::commands) fn new(arguments: &SealingKeyArgs, environment: &Environment) -> Self {
        let mut files = arguments.sealing_key.clone();
        if files.is_empty()
            && let Some(value) = environment.variable(VARIABLE).filter(|value| !value.is_empty())
        {
            files.extend(std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()));
        }
        Self { files, ring: OnceLock::new() }
    }

    /// Whether any were given.
    pub(in crate::commands) fn are_there(&self) -> bool {
        !self.files.is_empty()
    }

    /// All keys of the files, those of the first file first.
    ///
    /// # Errors
    /// A file cannot be read, or holds no key.
    pub(in crate::commands) fn ring(&self) -> Result<&KeyRing, CommandError> {
        let ring = self.ring.get_or_init(|| {
            let mut keys = Vec::new();
            for file in &self.files {
                keys.extend(read(file)?);
            }
            Ok(KeyRing::new(keys.into_iter().map(Arc::new)))
        });
        ring.as_ref().map_err(Clone::clone)
    }
}

/// The keys of one file: PEM, Secrets, or Lists of Secrets.
pub(crate) fn read(path: &Path) -> Result<Vec<SealingKey>, CommandError> {
    let failed =
        |message: String| CommandError::no_key(message).in_file(path).because(Reason::NoDataKey);
    let bytes = write::read(path).map_err(|error| {
        CommandError::from(error)
            .hint("the file has to hold the private sealing key of the cluster")
    })?;
    let text = bytes.bytes.expose();
    if memchr_pem(text) {
        let key = SealingKey::from_pem(text).map_err(|error| failed(error.to_string()))?;
        return Ok(vec![key]);
    }
    let format = match text.trim_ascii_start().starts_with(b"{") {
        true => Format::Json,
        false => Format::Yaml,
    };
    let secrets = sealed_secret::secrets(format, text).map_err(|error| {
        super::super::file_error(path, &error)
            .hint("a sealing key is a PEM file, or the Secret or the List of Secrets that `kubectl get secret -o yaml` prints")
    })?;
    if secrets.with_envelope > 0 {
        return Err(failed("the Secret of the sealing key is encrypted itself".to_owned())
            .hint("decrypt it for this one command: give `<(seal decrypt BACKUP)` in its place"));
    }
    let mut keys = Vec::new();
    for secret in &secrets.list {
        let Some(value) = secret.values.iter().find(|value| value.key == "tls.key") else {
            continue;
        };
        let key = SealingKey::from_pem(value.plaintext.expose())
            .map_err(|error| failed(format!("{}: tls.key: {error}", secret.description)))?;
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(failed("there is no private sealing key in it".to_owned()).hint(
            "it holds neither PEM nor a Secret with `tls.key`; `kubectl get secret -A -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml` prints the keys of a cluster",
        ));
    }
    Ok(keys)
}

fn memchr_pem(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"-----BEGIN ")
}

/// A plaintext as `data` of a Secret has it.
pub(super) fn base64(plaintext: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE64_STANDARD.encode(plaintext))
}

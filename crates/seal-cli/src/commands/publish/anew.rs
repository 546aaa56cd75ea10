//! A file encrypted anew, for those who read it where it is published.

use std::path::Path;

use seal_core::file::{BoxError, EncryptOptions, FileKey, Keys, Layout, encrypt};
use seal_core::format::{BlockIndent, Format};
use seal_core::secret::SecretBytes;

use super::super::decrypt::Decryption;
use super::super::encrypt::data_keys::{DataKeys, random_bytes};
use super::super::files::file_error;
use crate::audit::{self, Action};
use crate::clock;
use crate::config::CreationRule;
use crate::error::CommandError;

/// What a configuration or a caller says of it, beside the rule.
pub(super) struct Manner {
    /// As SOPS does it.
    pub(super) as_data: bool,
    pub(super) indent: BlockIndent,
}

/// Decrypts a file, and encrypts it as the rule says, with a new data key for the rule's master keys.
pub(super) fn encrypted(
    path: &Path,
    format: Format,
    source: &SecretBytes,
    rule: &CreationRule,
    decryption: &Decryption<'_>,
    manner: Manner,
) -> Result<SecretBytes, CommandError> {
    let decrypted = decryption.decrypt(path, format, source.expose())?;
    let text = decrypted.bytes.as_ref().unwrap_or(source);
    let now = clock::now().to_rfc3339();
    let master_keys = rule.keys(None)?;
    let service = decryption.key_access.service();
    let key = DataKeys::new(false).file_key(service, &master_keys, &now)?;
    let file_key = || -> Result<FileKey, BoxError> { Ok(key.clone()) };
    let options = EncryptOptions {
        rule: rule.selection.clone(),
        mac_only_encrypted: rule.mac_only_encrypted,
        scope: rule.options.scope.into(),
        whole_files: true,
        last_modified: now,
        indent: manner.indent,
        as_data: manner.as_data,
        layout: if manner.as_data { Layout::Sops } else { Layout::default() },
        ..EncryptOptions::default()
    };
    let keys = Keys { file_key: &file_key, random: &random_bytes };
    let done = encrypt(format, text.expose(), &options, &keys, None);
    let done = done.map_err(|error| file_error(path, &error))?;
    audit::record(Action::Encrypt, path)?;
    done.bytes.map(SecretBytes::new).ok_or_else(|| {
        CommandError::failed("its recreation_rule encrypts nothing in it").in_file(path)
    })
}

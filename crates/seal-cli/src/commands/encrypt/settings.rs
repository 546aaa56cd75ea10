//! What the arguments and the rule of a file say together: what is secret in it, and for whom.

use seal_core::envelope::GroupedKeys;
use seal_core::file::{EncryptOptions, FileKey, Layout, Scope};
use seal_core::format::BlockIndent;

use super::{Encryption, Job};
use crate::args;
use crate::config::{ConfigError, CreationRule};
use crate::error::CommandError;
use crate::reason::Reason;

impl Encryption<'_> {
    /// How a text is encrypted.
    pub(super) fn options(
        &self,
        job: &Job<'_>,
        rule: Option<&CreationRule>,
        indent: BlockIndent,
    ) -> EncryptOptions {
        let from_rule = rule.and_then(|rule| rule.selection.clone());
        let mac_only = self.arguments.mac_only_encrypted.then_some(true);
        let scope = match (self.arguments.scope, rule) {
            (Some(scope), _) => scope.into(),
            (None, Some(rule)) => rule.options.scope.into(),
            (None, None) => Scope::default(),
        };
        EncryptOptions {
            rule: self.rule.clone().or(from_rule),
            mac_only_encrypted: mac_only.or(rule.and_then(|rule| rule.mac_only_encrypted)),
            layout: match self.arguments.layout {
                args::Layout::Documents => Layout::Documents,
                args::Layout::Sops => Layout::Sops,
            },
            scope,
            expand_aliases: self.arguments.expand_aliases,
            strip: self.arguments.strip,
            as_data: self.arguments.as_data,
            whole_files: job.explicit || rule.is_some_and(CreationRule::is_for_certain_paths),
            last_modified: self.last_modified.clone(),
            indent,
        }
    }

    /// Whom it is encrypted for.
    pub(super) fn master_keys(
        &self,
        rule: Option<&CreationRule>,
        no_rule: Option<&ConfigError>,
    ) -> Result<GroupedKeys, CommandError> {
        let of_rule = match (rule, no_rule) {
            _ if self.typed.keys.is_some() => GroupedKeys {
                groups: Vec::new(),
                threshold: rule.and_then(CreationRule::shamir_threshold),
            },
            (Some(rule), _) => rule.keys(self.typed.threshold)?,
            (None, Some(error)) => return Err(CommandError::from(error)),
            (None, None) => {
                return Err(CommandError::usage("there are no recipients to encrypt for")
                    .because(Reason::NoMasterKeys)
                    .hint(
                        "`seal init` makes a key and a .sops.yaml; or name recipients with `--age`",
                    ));
            }
        };
        Ok(self.typed.over(&of_rule))
    }

    /// A data key that is wrapped for the recipients of today, never for those found in a file.
    pub(super) fn file_key(
        &self,
        rule: Option<&CreationRule>,
        no_rule: Option<&ConfigError>,
    ) -> Result<FileKey, CommandError> {
        let master_keys = self.master_keys(rule, no_rule)?;
        let groups = rule.map_or(0, CreationRule::groups);
        self.weaker.note(&self.typed, groups, &master_keys);
        self.data_keys.file_key(self.key_access.service(), &master_keys, &self.last_modified)
    }
}

//! `edit` and `rotate`

use std::path::Path;

use seal_core::envelope::MasterKey;
use seal_keys::Environment;

use super::{Reader, Request, exists, no_file};
use crate::args::{
    Command, EditArgs, FileArgs, MasterKeyArgs, RecipientsChange, RevisionArgs, RotateArgs,
    RotateSealedArgs,
};
use crate::compat::sops::refusal::{Code, Doing, Refusal};
use crate::config::TypedKeys;
use crate::error::CommandError;

impl Reader<'_> {
    /// `edit`
    pub(in crate::compat::sops) fn edit(&self) -> Result<Request, Refusal> {
        let Some(file) = self.own.positionals.first() else { return Err(no_file()) };
        let file = self.file(file);
        let is_there = file.exists();
        if self.changes_keys() && !is_there {
            return Err(keys_of_missing(&file));
        }
        if is_there {
            exists(&file, Code::NoFile, Code::CannotRead)?;
        }
        let types = self.types(Some(&file))?;
        self.check_same(types)?;
        let arguments = EditArgs {
            file_type: Some(types.input),
            show_master_keys: self.own.has("show-master-keys"),
            ignore_mac: self.own.has("ignore-mac"),
            revision: self.revision()?,
            refuse_unchanged: true,
            new_file: Some(Box::new(self.encryption(Some(file.clone()), None, types)?)),
            files: vec![file],
            ..EditArgs::default()
        };
        Ok(Request { command: Command::Edit(Box::new(arguments)), doing: Doing::Using })
    }

    /// `rotate`
    pub(in crate::compat::sops) fn rotate(&self) -> Result<Request, Refusal> {
        let Some(file) = self.own.positionals.first() else { return Err(no_file()) };
        let file = self.file(file);
        if self.own.has("in-place") && self.own.os_text("output").is_some() {
            return Err(Refusal::new(
                Code::Conflict,
                "`--output` and `--in-place` exclude each other",
            ));
        }
        if self.changes_keys() && !file.exists() {
            return Err(keys_of_missing(&file));
        }
        let missing = if self.is_legacy { Code::NoFile } else { Code::CannotRead };
        exists(&file, missing, Code::CannotRead)?;
        let name = self.own.os_text("filename-override").map(Path::new);
        let types = self.types(name.or(Some(&file)))?;
        self.check_same(types)?;
        let arguments = RotateArgs {
            files: FileArgs {
                paths: vec![file],
                in_place: self.own.has("in-place"),
                output: self.own.os_text("output").map(Into::into),
                file_type: Some(types.input),
            },
            accept_recipients: true,
            revision: self.revision()?,
            recipients: Some(RecipientsChange { add: self.keys("add")?, remove: self.keys("rm")? }),
            ignore_mac: self.own.has("ignore-mac"),
            sealing: RotateSealedArgs::default(),
        };
        Ok(Request { command: Command::Rotate(arguments), doing: Doing::Using })
    }

    pub(super) fn revision(&self) -> Result<RevisionArgs, Refusal> {
        Ok(RevisionArgs {
            as_data: true,
            key_access: self.key_access()?,
            ..RevisionArgs::default()
        })
    }

    fn changes_keys(&self) -> bool {
        self.own.names().any(|name| name.starts_with("add-") || name.starts_with("rm-"))
    }

    /// The master keys of `--add-…` or `--rm-…`.
    fn keys(&self, verb: &str) -> Result<Vec<MasterKey>, Refusal> {
        let words = |kind: &str| -> Vec<String> {
            self.own.text(&format!("{verb}-{kind}")).into_iter().collect()
        };
        let kms = words("kms");
        let encryption_context = match kms.is_empty() {
            true => Vec::new(),
            false => self.encryption_context()?,
        };
        let arguments = MasterKeyArgs {
            age: words("age"),
            pgp: words("pgp"),
            kms,
            aws_profile: None,
            encryption_context,
            gcp_kms: words("gcp-kms"),
            azure_kv: words("azure-kv"),
            hc_vault_transit: words("hc-vault-transit"),
            hckms: words("hckms"),
            shamir_secret_sharing_threshold: None,
        };
        // Variables name the keys of new files.
        let typed = TypedKeys::read(&Environment::of::<&str, &str>([]), &arguments);
        let typed = typed.map_err(|error| {
            let out = CommandError::usage(error.to_string());
            let error = error.hint().into_iter().fold(out, CommandError::hint);
            Refusal { code: Code::Generic, error }
        })?;
        Ok(typed.keys.unwrap_or_default())
    }
}

fn keys_of_missing(file: &Path) -> Refusal {
    let mut refusal = Refusal::new(
        Code::KeysOfMissingFile,
        "there is no file to add keys to or remove them from",
    );
    refusal.error = refusal.error.in_file(file);
    refusal
}

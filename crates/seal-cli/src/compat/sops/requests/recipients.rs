//! `updatekeys` and `groups`

use super::{Reader, Request, no_file};
use crate::args::{
    Command, GroupsAction, GroupsAddArgs, GroupsArgs, GroupsDeleteArgs, GroupsFileArgs, Manners,
    NamedKeysArgs, UpdatekeysArgs,
};
use crate::compat::sops::refusal::{Code, Doing, Refusal};

impl Reader<'_> {
    /// `updatekeys`
    pub(in crate::compat::sops) fn updatekeys(&self) -> Result<Request, Refusal> {
        if self.own.positionals.is_empty() {
            return Err(no_file());
        }
        let paths: Vec<_> = self.own.positionals.iter().map(|file| self.file_of(file)).collect();
        for path in &paths {
            super::exists(path, Code::Generic, Code::Generic)?;
        }
        let file_type = match &paths[..] {
            [only] => Some(self.types(Some(only))?.input),
            _ if self.own.text("input-type").is_some() => Some(self.types(None)?.input),
            _ => None,
        };
        let arguments = UpdatekeysArgs {
            paths,
            yes: self.own.has("yes"),
            file_type,
            key_access: self.key_access()?,
            manners: Manners::Sops,
            ..UpdatekeysArgs::default()
        };
        Ok(Request { command: Command::Updatekeys(arguments), doing: Doing::Plain })
    }

    /// `groups add`
    pub(in crate::compat::sops) fn groups_add(&self) -> Result<Request, Refusal> {
        self.warn_of_more(0);
        let texts = |flag| self.own.texts(flag);
        let keys = NamedKeysArgs {
            age: texts("age"),
            pgp: texts("pgp"),
            kms: texts("kms"),
            aws_profile: self.own.text("aws-profile"),
            encryption_context: self.encryption_context()?,
            gcp_kms: texts("gcp-kms"),
            azure_kv: texts("azure-kv"),
            hc_vault_transit: texts("hc-vault-transit"),
            hckms: texts("hckms"),
        };
        let action = GroupsAction::Add(GroupsAddArgs {
            file: self.group_file()?,
            keys,
            key_access: self.key_access()?,
        });
        Ok(Request {
            command: Command::Groups(Box::new(GroupsArgs { action })),
            doing: Doing::Grouping,
        })
    }

    /// `groups delete`
    pub(in crate::compat::sops) fn groups_delete(&self) -> Result<Request, Refusal> {
        let [index] = &self.own.positionals[..] else {
            return Err(Refusal::new(Code::Generic, "exactly one index of a group is needed"));
        };
        let index = index.to_string_lossy().parse();
        let index = index.map_err(|_| Refusal::new(Code::Generic, "the index is no number"))?;
        let action = GroupsAction::Delete(GroupsDeleteArgs {
            index,
            file: self.group_file()?,
            key_access: self.key_access()?,
        });
        Ok(Request {
            command: Command::Groups(Box::new(GroupsArgs { action })),
            doing: Doing::Grouping,
        })
    }

    fn group_file(&self) -> Result<GroupsFileArgs, Refusal> {
        let Some(file) = self.own.os_text("file") else {
            return Err(
                Refusal::new(Code::CannotRead, "no file is named").hint("name it with `--file`")
            );
        };
        let file = self.file_of(file);
        super::exists(&file, Code::CannotRead, Code::CannotRead)?;
        let threshold = self.own.number("shamir-secret-sharing-threshold");
        Ok(GroupsFileArgs {
            file_type: Some(self.types(Some(&file))?.input),
            file,
            in_place: self.own.has("in-place"),
            shamir_secret_sharing_threshold: threshold,
            accept_recipients: true,
            manners: Manners::Sops,
            ..GroupsFileArgs::default()
        })
    }
}

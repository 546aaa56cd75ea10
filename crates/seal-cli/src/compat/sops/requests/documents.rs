//! `encrypt` and `decrypt`

use std::path::{Path, PathBuf};

use super::{Reader, Request, blank, check_path};
use crate::args::{
    Command, DecryptArgs, DocumentChoice, EncryptArgs, GetArgs, Layout, Previous, SelectionArgs,
};
use crate::compat::sops::refusal::{Code, Doing, Refusal};
use crate::compat::sops::types::Types;

impl Reader<'_> {
    /// `encrypt`
    pub(in crate::compat::sops) fn encrypt(&self) -> Result<Request, Refusal> {
        let file = self.one_file()?;
        let override_name = self.own.os_text("filename-override").map(PathBuf::from);
        if file.is_none() && override_name.is_none() {
            return Err(Refusal::new(
                Code::Conflict,
                "`--filename-override` is needed to encrypt standard input",
            )
            .hint("it names the creation rule and the type: `--filename-override secrets.yaml`"));
        }
        let types = self.types(override_name.as_deref().or(file.as_deref()))?;
        let arguments = self.encryption(file, override_name, types)?;
        Ok(Request { command: Command::Encrypt(Box::new(arguments)), doing: Doing::Encrypting })
    }

    /// How a file is encrypted that was not before; `None` is standard input.
    pub(super) fn encryption(
        &self,
        file: Option<PathBuf>,
        override_name: Option<PathBuf>,
        types: Types,
    ) -> Result<EncryptArgs, Refusal> {
        Ok(EncryptArgs {
            files: self.place(file, types),
            conversion: self.conversion(types),
            mac_only_encrypted: self.global.has("mac-only-encrypted"),
            layout: Layout::Sops,
            filename_override: override_name,
            expand_aliases: true,
            previous: Some(Previous::Nothing),
            as_data: true,
            selection: self.selection()?,
            master_keys: self.master_keys()?,
            key_access: self.key_access()?,
            ..blank(&[])
        })
    }

    /// `decrypt`
    pub(in crate::compat::sops) fn decrypt(&self) -> Result<Request, Refusal> {
        let file = self.one_file()?;
        let override_name = self.own.os_text("filename-override").map(PathBuf::from);
        let name = override_name.as_deref().or(file.as_deref());
        let types = self.types(Some(name.unwrap_or(Path::new(""))))?;
        if let Some(path) = self.own.text("extract") {
            return self.extract(&path, file, types);
        }
        let arguments = DecryptArgs {
            files: self.place(file, types),
            conversion: self.conversion(types),
            ignore_mac: self.own.has("ignore-mac"),
            as_data: true,
            key_access: self.key_access()?,
            ..blank(&[])
        };
        Ok(Request { command: Command::Decrypt(arguments), doing: Doing::Decrypting })
    }

    fn extract(&self, path: &str, file: Option<PathBuf>, types: Types) -> Result<Request, Refusal> {
        check_path(path, Code::BadPath)?;
        if self.own.has("in-place") {
            return Err(Refusal::new(
                Code::Conflict,
                "`--extract` with `--in-place` is not supported: all but that value would be gone",
            )
            .hint("write it elsewhere: `sops decrypt --extract PATH --output OUTPUT FILE`"));
        }
        let arguments = GetArgs {
            file: file.unwrap_or_else(|| "-".into()),
            path: path.to_owned(),
            document: Some(DocumentChoice::Index(0)),
            file_type: Some(types.input),
            conversion: self.conversion(types),
            output: self.own.os_text("output").map(PathBuf::from),
            ignore_mac: self.own.has("ignore-mac"),
            as_data: true,
            key_access: self.key_access()?,
            ..blank(&["-", "-"])
        };
        Ok(Request { command: Command::Get(arguments), doing: Doing::Extracting })
    }

    fn selection(&self) -> Result<SelectionArgs, Refusal> {
        let text = |flag| self.own.text(flag);
        let selection = SelectionArgs {
            encrypted_regex: text("encrypted-regex"),
            unencrypted_regex: text("unencrypted-regex"),
            encrypted_suffix: text("encrypted-suffix"),
            unencrypted_suffix: text("unencrypted-suffix"),
            encrypted_comment_regex: text("encrypted-comment-regex"),
            unencrypted_comment_regex: text("unencrypted-comment-regex"),
        };
        let given = [
            &selection.encrypted_regex,
            &selection.unencrypted_regex,
            &selection.encrypted_suffix,
            &selection.unencrypted_suffix,
            &selection.encrypted_comment_regex,
            &selection.unencrypted_comment_regex,
        ];
        if given.into_iter().flatten().count() > 1 {
            return Err(Refusal::new(
                Code::Conflict,
                "at most one of the flags that say what is encrypted can be given",
            ));
        }
        Ok(selection)
    }
}

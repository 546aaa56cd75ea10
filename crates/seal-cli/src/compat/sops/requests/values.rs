//! `set` and `unset`

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::{Reader, Request, check_path, exists};
use crate::args::{Command, DocumentChoice, GivenValue, SetArgs, UnsetArgs, ValueChangeArgs};
use crate::compat::sops::refusal::{Code, Doing, Refusal};

impl Reader<'_> {
    /// `set`
    pub(in crate::compat::sops) fn set(&self) -> Result<Request, Refusal> {
        let (from_file, from_stdin) = (self.own.has("value-file"), self.own.has("value-stdin"));
        if from_file && from_stdin {
            return Err(Refusal::new(
                Code::Generic,
                "`--value-file` and `--value-stdin` exclude each other",
            ));
        }
        let missing = || {
            let needed =
                if from_stdin { "a file and a path" } else { "a file, a path and a value" };
            Refusal::new(Code::NoFile, format!("exactly {needed} are needed"))
                .hint("the path and the value are one argument each: '[\"a\"][\"b\"]' '\"text\"'")
        };
        let (file, path, value) = match (&self.own.positionals[..], from_stdin) {
            ([file, path], true) => (file, path, None),
            ([file, path, value], false) => (file, path, Some(value.clone())),
            _ => return Err(missing()),
        };
        let change = self.change(self.file_of(file), path)?;
        let given = match value {
            None => GivenValue { value_stdin: true, ..GivenValue::default() },
            Some(value) if from_file => {
                let value = PathBuf::from(value);
                exists(&value, Code::Generic, Code::Generic)?;
                GivenValue { value_file: Some(value), ..GivenValue::default() }
            }
            Some(value) => GivenValue { value: Some(value), ..GivenValue::default() },
        };
        self.set_request(change, given)
    }

    /// `--set 'PATH VALUE' FILE`
    pub(in crate::compat::sops) fn legacy_set(&self) -> Result<Request, Refusal> {
        let Some(file) = self.own.positionals.first() else { return Err(super::no_file()) };
        let file = self.file(file);
        let both = self.own.os_text("set").unwrap_or_default().as_bytes();
        // The value begins behind the first `]` that a blank follows.
        let at = both.windows(2).position(|pair| pair == b"] ");
        let Some(at) = at else {
            return Err(Refusal::new(
                Code::BadSetFormat,
                "`--set` wants a path, a blank and a value",
            )
            .hint("write it like --set '[\"a\"][\"b\"] \"text\"'"));
        };
        let change = self.change(file, OsStr::from_bytes(&both[..=at]))?;
        let value = OsString::from_vec(both[at + 2..].to_vec());
        self.set_request(change, GivenValue { value: Some(value), ..GivenValue::default() })
    }

    /// `unset`
    pub(in crate::compat::sops) fn unset(&self) -> Result<Request, Refusal> {
        let [file, path] = &self.own.positionals[..] else {
            return Err(Refusal::new(Code::NoFile, "exactly a file and a path are needed")
                .hint("the path is one argument: '[\"a\"][\"b\"]'"));
        };
        let arguments = UnsetArgs {
            change: self.change(self.file_of(file), path)?,
            idempotent: self.own.has("idempotent"),
            key_access: self.key_access()?,
        };
        Ok(Request { command: Command::Unset(Box::new(arguments)), doing: Doing::Setting })
    }

    fn set_request(&self, change: ValueChangeArgs, given: GivenValue) -> Result<Request, Refusal> {
        let arguments =
            SetArgs { change, given, key_access: self.key_access()?, ..SetArgs::default() };
        Ok(Request { command: Command::Set(Box::new(arguments)), doing: Doing::Setting })
    }

    fn change(&self, file: PathBuf, path: &OsStr) -> Result<ValueChangeArgs, Refusal> {
        if self.own.number("shamir-secret-sharing-threshold").is_some() && !self.is_legacy {
            self.ui.warn(
                "`--shamir-secret-sharing-threshold` means nothing here: the key groups stay",
            );
        }
        let path = path.to_string_lossy().into_owned();
        check_path(&path, Code::BadSetFormat)?;
        exists(&file, Code::CannotRead, Code::CannotRead)?;
        let name = self.own.os_text("filename-override").map(Path::new);
        let types = self.types(name.or(Some(&file)))?;
        self.check_same(types)?;
        Ok(ValueChangeArgs {
            file,
            path,
            document: Some(DocumentChoice::Index(0)),
            file_type: Some(types.input),
            ignore_mac: self.own.has("ignore-mac"),
            as_sops: true,
            ..ValueChangeArgs::default()
        })
    }
}

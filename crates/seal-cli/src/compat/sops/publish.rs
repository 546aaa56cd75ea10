//! `sops publish`

use super::refusal::{Code, Doing, Refusal};
use super::requests::{Reader, Request, no_file};
use crate::args::{Command, PublishArgs};

impl Reader<'_> {
    /// `publish`
    pub(super) fn publish(&self) -> Result<Request, Refusal> {
        let Some(path) = self.own.positionals.first() else {
            return Err(no_file());
        };
        let path = self.file(path);
        if !path.exists() {
            let mut refusal = Refusal::new(Code::Generic, "no such file or directory");
            refusal.error = refusal.error.in_file(&path);
            return Err(refusal);
        }
        let arguments = PublishArgs {
            path,
            recursive: self.own.has("recursive"),
            yes: self.own.has("yes"),
            omit_extensions: self.own.has("omit-extensions"),
            as_data: true,
            key_access: self.key_access()?,
            ..PublishArgs::default()
        };
        Ok(Request { command: Command::Publish(Box::new(arguments)), doing: Doing::Plain })
    }
}

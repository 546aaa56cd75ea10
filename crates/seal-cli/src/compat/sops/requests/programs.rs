//! `exec-env`, `exec-file` and `keyservice`

use std::ffi::{OsStr, OsString};

use super::{Reader, Request, exists, no_file};
use crate::args::{
    Command, DocumentChoice, ExecEnvArgs, ExecFileArgs, KeyserviceArgs, ProgramArgs, PublishArgs,
};
use crate::compat::sops::refusal::{Code, Doing, Refusal};
use crate::compat::sops::types::Types;

impl Reader<'_> {
    /// `exec-env`
    pub(in crate::compat::sops) fn exec_env(&self) -> Result<Request, Refusal> {
        let (files, types) = self.file_and_command()?;
        let background = self.own.has("background");
        if background && self.own.has("same-process") {
            return Err(Refusal::new(
                Code::Conflict,
                "`--same-process` and `--background` exclude each other",
            ));
        }
        let arguments = ExecEnvArgs {
            files,
            document: Some(DocumentChoice::Index(0)),
            pristine: self.own.has("pristine"),
            // SOPS passes on what the file says, whatever it means to a program.
            allow_loader_variables: true,
            same_process: self.own.has("same-process"),
            background,
            run: self.program(types),
            key_access: self.key_access()?,
            ..ExecEnvArgs::default()
        };
        Ok(Request { command: Command::ExecEnv(Box::new(arguments)), doing: Doing::Using })
    }

    /// `exec-file`
    pub(in crate::compat::sops) fn exec_file(&self) -> Result<Request, Refusal> {
        let (files, types) = self.file_and_command()?;
        if self.own.has("background") {
            return Err(Refusal::new(
                Code::Generic,
                "`--background` is not supported: the file would have to outlive this process",
            )
            .hint("start it in the background of the shell: `sops exec-file FILE COMMAND &`"));
        }
        let filename = self.own.os_text("filename").unwrap_or(OsStr::new("tmp-file"));
        let arguments = ExecFileArgs {
            files,
            no_fifo: self.own.has("no-fifo"),
            filename: filename.into(),
            run: ProgramArgs { conversion: self.conversion(types), ..self.program(types) },
            key_access: self.key_access()?,
            ..ExecFileArgs::default()
        };
        Ok(Request { command: Command::ExecFile(Box::new(arguments)), doing: Doing::Using })
    }

    fn file_and_command(&self) -> Result<(Vec<OsString>, Types), Refusal> {
        let [file, command] = &self.own.positionals[..] else {
            return Err(Refusal::new(Code::Generic, "a file and a command are needed, no more")
                .hint(
                    "the command is one argument for a shell: `sops exec-env FILE 'COMMAND …'`",
                ));
        };
        let file = self.file_of(file);
        exists(&file, Code::CannotRead, Code::CannotRead)?;
        let types = self.types(Some(&file))?;
        Ok((vec![file.into_os_string(), command.clone()], types))
    }

    fn program(&self, types: Types) -> ProgramArgs {
        ProgramArgs {
            user: self.own.text("user"),
            file_type: Some(types.input),
            as_data: true,
            ..ProgramArgs::default()
        }
    }

    /// `publish`
    pub(in crate::compat::sops) fn publish(&self) -> Result<Request, Refusal> {
        let Some(path) = self.own.positionals.first() else { return Err(no_file()) };
        let path = self.file(path);
        if !path.is_dir() {
            exists(&path, Code::Generic, Code::Generic)?;
        }
        let arguments = PublishArgs {
            path,
            as_data: true,
            recursive: self.own.has("recursive"),
            yes: self.own.has("yes"),
            omit_extensions: self.own.has("omit-extensions"),
            key_access: self.key_access()?,
            ..PublishArgs::default()
        };
        Ok(Request { command: Command::Publish(Box::new(arguments)), doing: Doing::Plain })
    }

    /// `keyservice`
    pub(in crate::compat::sops) fn keyservice(&self) -> Result<Request, Refusal> {
        let network = self.own.text("network").unwrap_or_else(|| "tcp".to_owned());
        let address = self.own.text("address").unwrap_or_else(|| "127.0.0.1:5000".to_owned());
        let (socket, tcp) = match network.as_str() {
            "tcp" => (None, Some(address)),
            "unix" => (Some(address.into()), None),
            _ => {
                return Err(Refusal::new(Code::Generic, "the network is neither tcp nor unix"));
            }
        };
        let arguments = KeyserviceArgs {
            socket,
            tcp,
            // SOPS listens wherever it is told to; the command warns.
            insecure_allow_remote: true,
            prompt: self.own.has("prompt"),
        };
        Ok(Request { command: Command::Keyservice(arguments), doing: Doing::Plain })
    }
}

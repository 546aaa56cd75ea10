//! From what was typed to the requests of `seal`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use seal_core::document;
use seal_keys::{DecryptionOrder, Environment, OrderError};

use super::flags::Parsed;
use super::refusal::{Code, Doing, Refusal};
use super::types::{Types, types};
use crate::args::{
    Command, ConversionArgs, DecryptArgs, DocumentChoice, EncryptArgs, ExecEnvArgs, ExecFileArgs,
    FileArgs, GetArgs, KeyAccessArgs, KeyserviceArgs, Layout, MasterKeyArgs, Previous, ProgramArgs,
    SelectionArgs,
};
use crate::ui::Ui;

/// What `seal` is asked to do.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) command: Command,
    pub(super) doing: Doing,
}

/// Reads the arguments of one command.
pub(super) struct Reader<'r> {
    /// Of the command.
    pub(super) own: &'r Parsed,
    /// In front of it; the same for the legacy form.
    pub(super) global: &'r Parsed,
    pub(super) environment: &'r Environment,
    pub(super) ui: &'r Ui,
    /// The form without a subcommand, which always needs a file.
    pub(super) is_legacy: bool,
}

impl Reader<'_> {
    /// `encrypt`
    pub(super) fn encrypt(&self) -> Result<Request, Refusal> {
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
        let arguments = EncryptArgs {
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
        };
        Ok(Request { command: Command::Encrypt(Box::new(arguments)), doing: Doing::Encrypting })
    }

    /// `decrypt`
    pub(super) fn decrypt(&self) -> Result<Request, Refusal> {
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
        if self.own.has("in-place") || self.own.os_text("output").is_some() {
            return Err(Refusal::new(
                Code::Conflict,
                "`--extract` prints a value; `--in-place` and `--output` are not supported with it",
            )
            .hint("redirect the output: `sops decrypt --extract PATH FILE >OUTPUT`"));
        }
        let arguments = GetArgs {
            file: file.unwrap_or_else(|| "-".into()),
            path: path.to_owned(),
            document: Some(DocumentChoice::Index(0)),
            file_type: Some(types.input),
            conversion: self.conversion(types),
            ignore_mac: self.own.has("ignore-mac"),
            as_data: true,
            key_access: self.key_access()?,
            ..blank(&["-", "-"])
        };
        Ok(Request { command: Command::Get(arguments), doing: Doing::Extracting })
    }

    /// `exec-env`
    pub(super) fn exec_env(&self) -> Result<Request, Refusal> {
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
    pub(super) fn exec_file(&self) -> Result<Request, Refusal> {
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
        exists(&file, Code::CannotRead)?;
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

    /// `keyservice`
    pub(super) fn keyservice(&self) -> Result<Request, Refusal> {
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

    /// The one file of a command that can do with standard input; `None` for that.
    fn one_file(&self) -> Result<Option<PathBuf>, Refusal> {
        let conflict = |message| Err(Refusal::new(Code::Conflict, message));
        let in_place = self.own.has("in-place");
        let file = match self.own.positionals.first() {
            None if self.is_legacy => return Err(no_file()),
            None if in_place => {
                return conflict("`--in-place` needs a file: standard input cannot be replaced");
            }
            None => None,
            Some(file) => Some(self.file(file)),
        };
        if in_place && self.own.os_text("output").is_some() {
            return conflict("`--output` and `--in-place` exclude each other");
        }
        if let Some(file) = &file {
            exists(file, Code::NoFile)?;
        }
        Ok(file)
    }

    /// A file by its argument, with a warning for further ones.
    pub(super) fn file(&self, argument: &OsStr) -> PathBuf {
        self.warn_of_more(1);
        self.file_of(argument)
    }

    /// To SOPS `-` is a file like others.
    fn file_of(&self, argument: &OsStr) -> PathBuf {
        if argument == "-" { "./-".into() } else { argument.into() }
    }

    /// Says which arguments are passed over, where only so many count.
    pub(super) fn warn_of_more(&self, counted: usize) {
        let Some(more) = self.own.positionals.get(counted..).filter(|more| !more.is_empty()) else {
            return;
        };
        let which = if counted == 1 { "only the first one counts" } else { "the rest is ignored" };
        self.ui.warn(&format!("more arguments than expected: {which}"));
        let is_flag = |word: &&OsString| word.as_encoded_bytes().starts_with(b"-");
        if let Some(flag) = more.iter().rfind(is_flag) {
            // What follows an equals sign may be a secret.
            let flag = flag.to_string_lossy();
            let flag = flag.split('=').next().unwrap_or_default();
            self.ui.warn(&format!(
                "`{flag}` is ignored: flags have to stand in front of the first other argument"
            ));
        }
    }

    pub(super) fn types(&self, name: Option<&Path>) -> Result<Types, Refusal> {
        let text = |flag| self.own.text(flag);
        types(
            text("input-type").as_deref(),
            text("output-type").as_deref(),
            name.unwrap_or(Path::new("")),
            &mut |warning| self.ui.warn(&warning),
        )
    }

    /// Prints as SOPS does.
    fn conversion(&self, types: Types) -> ConversionArgs {
        let indent = self.global.number("indent").and_then(|indent| indent.try_into().ok());
        ConversionArgs { output_type: Some(types.output), reprint: true, indent }
    }

    fn place(&self, file: Option<PathBuf>, types: Types) -> FileArgs {
        FileArgs {
            paths: vec![file.unwrap_or_else(|| "-".into())],
            in_place: self.own.has("in-place"),
            output: self.own.os_text("output").map(PathBuf::from),
            file_type: Some(types.input),
        }
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

    pub(super) fn master_keys(&self) -> Result<MasterKeyArgs, Refusal> {
        let words = |flag| self.own.text(flag).into_iter().collect::<Vec<_>>();
        Ok(MasterKeyArgs {
            age: words("age"),
            pgp: words("pgp"),
            kms: words("kms"),
            aws_profile: self.own.text("aws-profile"),
            encryption_context: self.encryption_context()?,
            gcp_kms: words("gcp-kms"),
            azure_kv: words("azure-kv"),
            hc_vault_transit: words("hc-vault-transit"),
            hckms: words("hckms"),
            shamir_secret_sharing_threshold: self.own.number("shamir-secret-sharing-threshold"),
        })
    }

    fn encryption_context(&self) -> Result<Vec<String>, Refusal> {
        let Some(text) = self.own.text("encryption-context") else { return Ok(Vec::new()) };
        let pairs: Vec<_> = text.split(',').map(str::to_owned).collect();
        if pairs.iter().any(|pair| pair.matches(':').count() != 1) {
            return Err(Refusal::new(
                Code::BadEncryptionContext,
                "`--encryption-context` is not of the form NAME:VALUE,NAME:VALUE",
            ));
        }
        Ok(pairs)
    }

    pub(super) fn key_access(&self) -> Result<KeyAccessArgs, Refusal> {
        let mut keyservice = Vec::new();
        for uri in self.own.texts("keyservice") {
            keyservice.push(uri.parse().map_err(|error| {
                Refusal::new(Code::Generic, format!("`--keyservice` cannot be used: {error}"))
            })?);
        }
        Ok(KeyAccessArgs {
            decryption_order: self.decryption_order()?,
            keyservice,
            enable_local_keyservice: self.own.switch("enable-local-keyservice"),
        })
    }

    /// SOPS takes any word for a kind of keys, so that a list for a newer version does no harm.
    fn decryption_order(&self) -> Result<Option<DecryptionOrder>, Refusal> {
        let variable = || {
            let text = self.environment.variable("SOPS_DECRYPTION_ORDER")?;
            Some(text.to_string_lossy().into_owned())
        };
        let Some(text) = self.own.text("decryption-order").or_else(variable) else {
            return Ok(None);
        };
        let mut known = Vec::new();
        for word in text.split(',') {
            match word.parse::<DecryptionOrder>() {
                Err(OrderError::Unknown { .. }) => {
                    self.ui.warn("the decryption order has a word that is no kind of keys");
                }
                _ => known.push(word),
            }
        }
        let order = known.join(",").parse();
        order.map(Some).map_err(|error: OrderError| {
            Refusal::new(Code::DuplicateKeyType, format!("the decryption order: {error}"))
        })
    }
}

/// A path as SOPS wants it.
pub(super) fn check_path(path: &str, code: Code) -> Result<(), Refusal> {
    let refused = |problem: String| {
        Refusal::new(code, format!("the path cannot be read: {problem}"))
            .hint("write it like '[\"a\"][\"b\"][0]'")
    };
    if !path.starts_with('[') {
        return Err(refused("it has to begin with `[`".to_owned()));
    }
    document::Path::parse(path).map(drop).map_err(|error| refused(error.to_string()))
}

pub(super) fn no_file() -> Refusal {
    Refusal::new(Code::NoFile, "no file is named").hint("`sops --help` lists the commands")
}

/// Refuses a file that is not there, and a directory.
pub(super) fn exists(file: &Path, missing: Code) -> Result<(), Refusal> {
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut refusal = Refusal::new(missing, "no such file");
            refusal.error = refusal.error.in_file(file);
            Err(refusal)
        }
        Ok(metadata) if metadata.is_dir() => {
            let mut refusal = Refusal::new(Code::CannotRead, "is a directory");
            refusal.error = refusal.error.in_file(file);
            Err(refusal)
        }
        _ => Ok(()),
    }
}

/// The arguments of a command with all its defaults, where `required` stands for those that have none.
fn blank<A: clap::Args>(required: &[&str]) -> A {
    let command = A::augment_args(clap::Command::new("")).no_binary_name(true);
    let matches = command.try_get_matches_from(required);
    matches
        .and_then(|matches| A::from_arg_matches(&matches))
        .expect("what is required is given, and the rest has defaults")
}

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
use crate::args::{Command, ConversionArgs, FileArgs, KeyAccessArgs, MasterKeyArgs};
use crate::ui::Ui;

mod documents;
mod programs;
mod recipients;
mod revisions;
mod values;

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
            exists(file, Code::NoFile, Code::CannotRead)?;
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

    /// What rewrites a file leaves it in its format.
    fn check_same(&self, types: Types) -> Result<(), Refusal> {
        if types.input == types.output {
            return Ok(());
        }
        Err(Refusal::new(
            Code::Generic,
            "the types of input and output differ, and here the file stays of its type",
        )
        .hint("`--input-type` does not say what the output is: where the name does not either, give both flags")
        .hint("`sops decrypt --output-type TYPE FILE | sops encrypt …` converts it"))
    }

    fn place(&self, file: Option<PathBuf>, types: Types) -> FileArgs {
        FileArgs {
            paths: vec![file.unwrap_or_else(|| "-".into())],
            in_place: self.own.has("in-place"),
            output: self.own.os_text("output").map(PathBuf::from),
            file_type: Some(types.input),
        }
    }

    pub(super) fn master_keys(&self) -> Result<MasterKeyArgs, Refusal> {
        let words = |flag| self.own.text(flag).into_iter().collect::<Vec<_>>();
        let kms = words("kms");
        let mut aws_profile = self.own.text("aws-profile");
        let mut encryption_context = self.encryption_context()?;
        if kms.is_empty() && self.environment.variable("SOPS_KMS_ARN").is_none() {
            // SOPS passes over both; keys of a rule have their own.
            for (flag, is_given) in [
                ("--aws-profile", aws_profile.take().is_some()),
                ("--encryption-context", !std::mem::take(&mut encryption_context).is_empty()),
            ] {
                if is_given {
                    self.ui
                        .warn(&format!("`{flag}` is for the keys of `--kms`, and there are none"));
                }
            }
        }
        Ok(MasterKeyArgs {
            age: words("age"),
            pgp: words("pgp"),
            kms,
            aws_profile,
            encryption_context,
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
pub(super) fn exists(file: &Path, missing: Code, directory: Code) -> Result<(), Refusal> {
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut refusal = Refusal::new(missing, "no such file");
            refusal.error = refusal.error.in_file(file);
            Err(refusal)
        }
        Ok(metadata) if metadata.is_dir() => {
            let mut refusal = Refusal::new(directory, "is a directory");
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

//! `seal encrypt`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;
use seal_core::envelope::{KeyGroup, MasterKey, Metadata, Rule, RuleKind};
use seal_core::file::{
    BoxError, EncryptOptions, Encrypted, FileKey, Keys, Layout, Previous, Scope,
};
use seal_core::format::{BlockIndent, Format};
use seal_core::secret::DataKey;
use seal_keys::{KeyService, Providers, Unwrapper, wrap_for};
use zeroize::Zeroizing;

use super::files::{self, STDIN, each, file_error, working_directory};
use super::{Context, Outcome};
use crate::args::{self, EncryptArgs, SelectionArgs};
use crate::clock;
use crate::config::{ConfigError, Configs, CreationRule, keys_from};
use crate::destination::{self, Destination, Several};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::git::HeadVersions;
use crate::inputs::{self, Files, Input, Inputs};
use crate::ui::{Counts, Report};
use crate::write::{self, NewFile, Writer};

pub(super) fn run(arguments: &EncryptArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let inputs = inputs::expand(&arguments.files.paths, std::io::stdin().is_terminal())
        .map_err(|error| CommandError::from(&error))?;
    let destination = destination::choose(&arguments.files, &inputs, Several::InPlaceOnly)?;
    let recipients = keys_from(context.environment, &arguments.age)
        .map_err(|error| CommandError::usage(error.to_string()))?;
    let encryption = Encryption {
        arguments,
        configs: Configs::new(context.config.map(PathBuf::from), working_directory()),
        recipients,
        unwrapper: Unwrapper::new(Providers::new(context.environment.clone())),
        last_modified: clock::now().to_rfc3339(),
    };
    let outcome = match inputs {
        Inputs::Stdin => encryption.stdin(&destination, context),
        Inputs::Files(files) if destination == Destination::InPlace => {
            encryption.in_place(&files, context)
        }
        Inputs::Files(files) => encryption.one_file(&files, &destination, context),
    };
    files::warn_at_end(context, &encryption.configs, &encryption.unwrapper);
    outcome
}

/// What is the same for all files of a run.
struct Encryption<'a> {
    arguments: &'a EncryptArgs,
    configs: Configs,
    /// Recipients that replace those of every rule.
    recipients: Option<Vec<MasterKey>>,
    unwrapper: Unwrapper<Providers>,
    last_modified: String,
}

/// A text to encrypt.
struct Job<'j> {
    path: &'j Path,
    format: Format,
    source: &'j [u8],
    /// Named by itself, not met in a directory.
    explicit: bool,
    previous: Option<&'j [u8]>,
}

impl Encryption<'_> {
    fn stdin(
        &self,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Outcome, CommandError> {
        let source = write::read_stdin()?;
        let named = self.arguments.filename_override.as_deref();
        let format = files::format(self.arguments.files.file_type, named)?;
        let previous = self.previous_of(destination, None)?;
        let job = Job {
            path: Path::new(STDIN),
            format,
            source: source.expose(),
            explicit: true,
            previous: previous.as_ref().map(|previous| previous.as_slice()),
        };
        self.write_one(&job, destination, context)
    }

    fn one_file(
        &self,
        files: &Files,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Outcome, CommandError> {
        let (results, code) = each(files, context, "encrypting", |index| {
            let input = &files.list[index];
            let original = write::read(&input.path)?;
            let previous = self.previous_of(destination, None)?;
            let job = Job {
                path: &input.path,
                format: files::format(self.arguments.files.file_type, Some(&input.path))?,
                source: original.bytes.expose(),
                explicit: input.explicit,
                previous: previous.as_ref().map(|previous| previous.as_slice()),
            };
            self.write_one(&job, destination, context)
        });
        match results.into_iter().flatten().next() {
            Some(outcome) => Ok(outcome),
            None => Ok(Outcome { report: Report::silent("encrypt"), code }),
        }
    }

    fn write_one(
        &self,
        job: &Job<'_>,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Outcome, CommandError> {
        let encrypted = self.encrypt(job)?;
        let bytes = encrypted.bytes.as_deref().unwrap_or(job.source);
        match destination {
            Destination::File(path) => {
                let writer = Writer::default();
                writer.put(path, bytes, NewFile::Shared)?;
                writer.finish();
            }
            Destination::Stdout | Destination::InPlace => context.ui.write_stdout(bytes)?,
        }
        let counts = counts(&encrypted);
        Ok(Outcome {
            report: Report::of_files("encrypt", "encrypted", &counts),
            code: ExitCode::Done,
        })
    }

    fn in_place(&self, files: &Files, context: &Context<'_>) -> Result<Outcome, CommandError> {
        let paths = || files.list.iter().map(|input| input.path.as_path());
        let heads = match self.arguments.previous {
            None => HeadVersions::of(paths()),
            Some(_) => HeadVersions::default(),
        };
        let writer = Writer::default();
        let (results, code) = each(files, context, "encrypting", |index| {
            self.replace(&files.list[index], &heads, &writer, context)
        });
        writer.finish();
        let counts = files::total(files, results);
        Ok(Outcome { report: Report::of_files("encrypt", "encrypted", &counts), code })
    }

    fn replace(
        &self,
        input: &Input,
        heads: &HeadVersions,
        writer: &Writer,
        context: &Context<'_>,
    ) -> Result<Counts, CommandError> {
        let format = files::format(self.arguments.files.file_type, Some(&input.path))?;
        let original = write::read(&input.path)?;
        let head = heads.get(&input.path).map(|head| Zeroizing::new(head.to_vec()));
        let previous = self.previous_of(&Destination::InPlace, head)?;
        let job = Job {
            path: &input.path,
            format,
            source: original.bytes.expose(),
            explicit: input.explicit,
            previous: previous.as_ref().map(|previous| previous.as_slice()),
        };
        let encrypted = self.encrypt(&job)?;
        if let Some(bytes) = &encrypted.bytes {
            let Some(stamp) = &original.stamp else {
                return Err(CommandError::failed("only a regular file can be replaced in place")
                    .in_file(&input.path));
            };
            writer.replace(&input.path, bytes, stamp)?;
            if stamp.has_other_names() {
                context.ui.warn(&format!(
                    "{}: the file has other names (hard links), which keep the secret in clear",
                    input.path.display()
                ));
            }
        }
        Ok(counts(&encrypted))
    }

    /// The version to compare with: as told, else the output, else what git has.
    fn previous_of(
        &self,
        destination: &Destination,
        head: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, CommandError> {
        match (&self.arguments.previous, destination) {
            (Some(args::Previous::Nothing), _) => Ok(None),
            (Some(args::Previous::File(path)), _) => {
                let original = write::read(path)?;
                Ok(Some(Zeroizing::new(original.bytes.expose().to_vec())))
            }
            (None, Destination::File(path)) if path.is_file() => {
                let original = write::read(path)?;
                Ok(Some(Zeroizing::new(original.bytes.expose().to_vec())))
            }
            (None, _) => Ok(head),
        }
    }

    fn encrypt(&self, job: &Job<'_>) -> Result<Encrypted, CommandError> {
        let named = self.arguments.filename_override.as_deref().unwrap_or(job.path);
        let config = self.configs.for_file(named).map_err(|error| CommandError::from(&error))?;
        let found = match &config {
            Some(config) => config.rule_for(named),
            None => Ok(None),
        };
        // That no rule matches matters only if there is something to encrypt.
        let (rule, no_rule) = match found {
            Ok(rule) => (rule, None),
            Err(error @ ConfigError::NoRule { .. }) => (None, Some(error)),
            Err(error) => return Err(CommandError::from(&error)),
        };
        let options = self.options(
            job,
            rule,
            config.as_ref().map(|config| config.indent()).unwrap_or_default(),
        )?;
        let file_key = || self.file_key(rule, no_rule.as_ref());
        let keys = Keys { file_key: &file_key, random: &random_bytes };
        let unwrap = |metadata: &Metadata| -> Result<DataKey, BoxError> {
            let groups = &metadata.key_groups;
            Ok(self.unwrapper.data_key(groups, metadata.shamir_threshold)?)
        };
        let previous = job.previous.and_then(|previous| {
            let master_keys = self.master_keys(rule, no_rule.as_ref()).ok()?;
            Previous::read(job.format, previous, &unwrap, master_keys)
        });
        seal_core::file::encrypt(job.format, job.source, &options, &keys, previous.as_ref())
            .map_err(|error| {
                match error.source.as_ref().and_then(|source| source.downcast_ref::<CommandError>())
                {
                    Some(own) => own.clone().in_file(job.path),
                    None => file_error(job.path, &error),
                }
            })
    }

    fn options(
        &self,
        job: &Job<'_>,
        rule: Option<&CreationRule>,
        indent: BlockIndent,
    ) -> Result<EncryptOptions, CommandError> {
        let flag = selection(&self.arguments.selection);
        let from_rule = rule.and_then(|rule| rule.selection.clone());
        let mac_only = self.arguments.mac_only_encrypted.then_some(true);
        let scope = match (self.arguments.scope, rule) {
            (Some(scope), _) => scope.into(),
            (None, Some(rule)) => rule.options.scope.into(),
            (None, None) => Scope::default(),
        };
        Ok(EncryptOptions {
            rule: flag.or(from_rule),
            mac_only_encrypted: mac_only.or(rule.and_then(|rule| rule.mac_only_encrypted)),
            layout: match self.arguments.layout {
                args::Layout::Documents => Layout::Documents,
                args::Layout::Sops => Layout::Sops,
            },
            scope,
            expand_aliases: self.arguments.expand_aliases,
            strip: self.arguments.strip,
            whole_files: job.explicit || rule.is_some_and(CreationRule::is_for_certain_paths),
            last_modified: self.last_modified.clone(),
            indent,
        })
    }

    fn master_keys(
        &self,
        rule: Option<&CreationRule>,
        no_rule: Option<&ConfigError>,
    ) -> Result<Vec<MasterKey>, CommandError> {
        if let Some(recipients) = &self.recipients {
            return Ok(recipients.clone());
        }
        match (rule, no_rule) {
            (Some(rule), _) => {
                rule.keys().map(<[MasterKey]>::to_vec).map_err(|error| CommandError::from(&error))
            }
            (None, Some(error)) => Err(CommandError::from(error)),
            (None, None) => Err(CommandError::usage("there are no recipients to encrypt for")
                .hint("`seal init` makes a key and a .sops.yaml; or name recipients with `--age`")),
        }
    }

    /// Draws a data key and wraps it for the recipients of today, never for those found in a file.
    fn file_key(
        &self,
        rule: Option<&CreationRule>,
        no_rule: Option<&ConfigError>,
    ) -> Result<FileKey, BoxError> {
        let master_keys = self.master_keys(rule, no_rule)?;
        let data_key = DataKey::new(random_bytes()?);
        let service: &dyn KeyService = self.unwrapper.service();
        let keys = wrap_for(service, &master_keys, &data_key)
            .map_err(|error| CommandError::no_key(error.to_string()))?;
        Ok(FileKey { data_key, key_groups: vec![KeyGroup { keys }], shamir_threshold: None })
    }
}

fn random_bytes() -> Result<[u8; 32], BoxError> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}

fn selection(arguments: &SelectionArgs) -> Option<Rule> {
    let settings = [
        (RuleKind::UnencryptedSuffix, &arguments.unencrypted_suffix),
        (RuleKind::EncryptedSuffix, &arguments.encrypted_suffix),
        (RuleKind::UnencryptedRegex, &arguments.unencrypted_regex),
        (RuleKind::EncryptedRegex, &arguments.encrypted_regex),
        (RuleKind::UnencryptedCommentRegex, &arguments.unencrypted_comment_regex),
        (RuleKind::EncryptedCommentRegex, &arguments.encrypted_comment_regex),
    ];
    settings.into_iter().find_map(|(kind, text)| Some(Rule { kind, text: text.clone()? }))
}

fn counts(encrypted: &Encrypted) -> Counts {
    let report = &encrypted.report;
    let done = report.encrypted > 0;
    let unchanged = !done && (report.already > 0 || report.kept > 0);
    Counts {
        files: usize::from(done),
        documents: report.encrypted,
        secrets: if done { report.values } else { 0 },
        unchanged: usize::from(unchanged),
        skipped: usize::from(!done && !unchanged),
        ..Counts::default()
    }
}

//! `seal encrypt`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use seal_core::envelope::{Metadata, Rule};
use seal_core::file::{BoxError, Class, EncryptOptions, EncryptReport, FileError, Keys, Previous};
use seal_core::format::Format;
use seal_core::kubernetes::{may_hold_secret, profile_rule};
use seal_core::secret::{DataKey, SecretBytes};

use self::data_keys::{DataKeys, Refused, random_bytes};
use self::selection::{AppliedRules, selection};
use self::weaker::Weaker;
use super::conversion::Conversion;
use super::files::{self, STDIN, each, working_directory};
use super::recipients::RecipientsOfFiles;
use super::sealing;
use super::{Context, Outcome};
use crate::args::{self, EncryptArgs};
use crate::audit::{self, Action};
use crate::clock;
use crate::config::{Config, ConfigError, Configs, CreationRule, TypedKeys};
use crate::destination::{self, Destination, Several};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::git::HeadVersions;
use crate::inputs::{self, Files, Input, Inputs};
use crate::key_access::{KeyAccess, key_access};
use crate::ui::{Counts, Report};
use crate::write::{self, NewFile, Writer};

pub(super) mod data_keys;
mod selection;
mod settings;
pub(super) mod weaker;

pub(super) fn run(arguments: &EncryptArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    if arguments.sealing.cluster {
        return sealing::encrypt(arguments, context);
    }
    if arguments.sealing.certificate.cert.is_some() {
        return Err(CommandError::usage("`--cert` seals for a cluster")
            .hint("add `--cluster`; without it, `seal encrypt` makes SOPS files"));
    }
    let inputs = inputs::expand(&arguments.files.paths, std::io::stdin().is_terminal())?;
    let destination = destination::choose(&arguments.files, &inputs, Several::InPlaceOnly)?;
    check_options_of_one_file(arguments, &inputs)?;
    let encryption = Encryption::new(arguments, context)?;
    let outcome = match inputs {
        Inputs::Stdin => encryption.stdin(&destination, context),
        Inputs::Files(files) if destination == Destination::InPlace => {
            Ok(encryption.in_place(&files, context))
        }
        Inputs::Files(files) => encryption.one_file(&files, &destination, context),
    };
    encryption.warn_at_end(context);
    outcome
}

/// What is the same for all files of a run.
pub(super) struct Encryption<'a> {
    arguments: &'a EncryptArgs,
    conversion: Conversion,
    /// The flag that says what is secret.
    rule: Option<Rule>,
    configs: Configs,
    /// Keys that replace those of every rule.
    typed: TypedKeys,
    key_access: KeyAccess,
    data_keys: DataKeys,
    /// What the user may take for more protection than it is.
    weaker: Weaker,
    last_modified: String,
    rules: AppliedRules,
    recipients_of_files: RecipientsOfFiles,
}

/// A text to encrypt.
struct Job<'j> {
    path: &'j Path,
    format: Format,
    source: &'j [u8],
    /// Named by itself, not met in a directory.
    explicit: bool,
    previous: Option<SecretBytes>,
}

/// What became of it.
struct Done {
    /// `None` where nothing changes.
    bytes: Option<Vec<u8>>,
    counts: Counts,
}

impl<'a> Encryption<'a> {
    /// Prepares a run; nothing is read or asked yet.
    pub(super) fn new(
        arguments: &'a EncryptArgs,
        context: &Context<'_>,
    ) -> Result<Self, CommandError> {
        let typed =
            TypedKeys::read(context.environment, &arguments.master_keys).map_err(|error| {
                let out = CommandError::usage(error.to_string()).because(error.reason());
                error.hint().into_iter().fold(out, CommandError::hint)
            })?;
        Ok(Self {
            arguments,
            conversion: Conversion::of(&arguments.conversion),
            rule: selection(&arguments.selection)?,
            configs: Configs::new(context.config.map(PathBuf::from), working_directory()),
            key_access: key_access(
                context.environment,
                &arguments.key_access,
                typed.keys.iter().flatten(),
            )?,
            typed,
            data_keys: DataKeys::new(arguments.shared_data_key),
            weaker: Weaker::default(),
            last_modified: clock::now().to_rfc3339(),
            rules: AppliedRules::default(),
            recipients_of_files: RecipientsOfFiles::default(),
        })
    }

    /// Says what was ignored on the way, and what the user may take for more protection than it is.
    pub(super) fn warn_at_end(&self, context: &Context<'_>) {
        if let Some(warning) = self.recipients_of_files.warning(&self.typed.named_by()) {
            context.ui.warn(&warning);
        }
        for warning in self.weaker.warnings() {
            context.ui.warn(&warning);
        }
        files::warn_at_end(context, &self.configs, &self.key_access);
    }

    /// Encrypts a text that is to be the file at `path`; `None` where there is nothing to encrypt in it.
    pub(super) fn text(
        &self,
        path: &Path,
        format: Format,
        source: &[u8],
    ) -> Result<Option<Vec<u8>>, CommandError> {
        let job = Job { path, format, source, explicit: true, previous: None };
        Ok(self.encrypt(&job, &Destination::File(path.to_owned()))?.bytes)
    }

    fn stdin(
        &self,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Outcome, CommandError> {
        let source = write::read_stdin()?;
        let named = self.arguments.filename_override.as_deref();
        let format =
            files::format_of_stdin(self.arguments.files.file_type, named, source.expose())?;
        let job = Job {
            path: Path::new(STDIN),
            format,
            source: source.expose(),
            explicit: true,
            previous: self.previous_of(destination, None)?,
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
            let format = self.format(Some(&input.path))?;
            let original = write::read(&input.path)?;
            let job = Job {
                path: &input.path,
                format,
                source: original.bytes.expose(),
                explicit: input.explicit,
                previous: self.previous_of(destination, None)?,
            };
            self.write_one(&job, destination, context)
        });
        match results.into_iter().flatten().next() {
            Some(outcome) => Ok(outcome),
            None => Ok(Outcome { report: Report::silent(), code }),
        }
    }

    fn write_one(
        &self,
        job: &Job<'_>,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Outcome, CommandError> {
        let done = self.encrypt(job, destination)?;
        let bytes = done.bytes.as_deref().unwrap_or(job.source);
        match destination {
            // The output is the previous version, unless another one was named.
            Destination::File(_)
                if self.arguments.previous.is_none()
                    && job.previous.as_ref().is_some_and(|there| there.expose() == bytes) => {}
            _ => files::write_out(destination, bytes, NewFile::Shared, context)?,
        }
        Ok(Outcome { report: report(&done.counts), code: ExitCode::Done })
    }

    fn in_place(&self, files: &Files, context: &Context<'_>) -> Outcome {
        let paths = || files.list.iter().map(|input| input.path.as_path());
        let heads = match self.arguments.previous {
            None => HeadVersions::of(paths()),
            Some(_) => HeadVersions::default(),
        };
        let writer = Writer::default();
        let (results, mut code) = each(files, context, "encrypting", |index| {
            self.replace(&files.list[index], &heads, &writer, context)
        });
        writer.finish();
        for error in self.rules.in_vain() {
            context.ui.error(&error);
            code = code.worst(error.kind);
        }
        Outcome { report: report(&files::total(files, results)), code }
    }

    fn replace(
        &self,
        input: &Input,
        heads: &HeadVersions,
        writer: &Writer,
        context: &Context<'_>,
    ) -> Result<Counts, CommandError> {
        let format = self.format(Some(&input.path))?;
        self.conversion.check_in_place(format, &input.path)?;
        let original = write::read(&input.path)?;
        let job = Job {
            path: &input.path,
            format,
            source: original.bytes.expose(),
            explicit: input.explicit,
            previous: self.previous_of(&Destination::InPlace, heads.get(&input.path))?,
        };
        let mut done = self.encrypt(&job, &Destination::InPlace)?;
        if self.arguments.previous.is_none() && job.previous.is_none() {
            done.counts.unversioned = done.counts.files;
        }
        if let Some(bytes) = &done.bytes {
            let stamp = files::stamp_of(&input.path, &original)?;
            writer.replace(&input.path, bytes, stamp)?;
            if stamp.has_other_names() {
                context.ui.warn(&format!(
                    "{}: the file has other names (hard links), which keep the secret in clear",
                    input.path.display()
                ));
            }
        }
        Ok(done.counts)
    }

    /// The format of an input, by the name it goes by.
    fn format(&self, path: Option<&Path>) -> Result<Format, CommandError> {
        let named = self.arguments.filename_override.as_deref();
        files::format(self.arguments.files.file_type, named.or(path))
    }

    /// The version to compare with: as told, else the output, else what git has.
    fn previous_of(
        &self,
        destination: &Destination,
        head: Option<&[u8]>,
    ) -> Result<Option<SecretBytes>, CommandError> {
        match (&self.arguments.previous, destination) {
            (Some(args::Previous::Nothing), _) => Ok(None),
            (Some(args::Previous::File(path)), _) => Ok(Some(write::read(path)?.bytes)),
            (None, Destination::File(path)) if path.is_file() => Ok(Some(write::read(path)?.bytes)),
            (None, _) => Ok(head.map(|head| SecretBytes::new(head.to_vec()))),
        }
    }

    fn encrypt(&self, job: &Job<'_>, destination: &Destination) -> Result<Done, CommandError> {
        let is_empty = match job.format {
            Format::Binary => job.source.is_empty(),
            _ => job.source.trim_ascii().is_empty(),
        };
        if job.explicit && is_empty {
            return Err(match job.path == Path::new(STDIN) {
                true => files::empty_stdin(),
                false => files::empty_file(job.path, destination),
            });
        }
        let named = self.arguments.filename_override.as_deref().unwrap_or(job.path);
        if job.format == Format::Binary {
            files::check_binary(self.arguments.files.file_type, job.path, job.source)?;
        }
        let config = self.configs.for_file(named)?;
        let Some(output) = self.conversion.target(job.format) else {
            return self.encrypt_text(job, config.as_deref(), named);
        };
        let tree = self.conversion.read(job.format, job.source, job.path)?;
        let text = self.conversion.print(output, &tree, config.as_deref(), job.path)?;
        let converted = Job {
            path: job.path,
            format: output,
            source: text.expose(),
            explicit: job.explicit,
            previous: job.previous.clone(),
        };
        let done = self.encrypt_text(&converted, config.as_deref(), named);
        // A position would be one of the converted text, which nobody sees.
        let done = done.map_err(|error| error.without_position())?;
        Ok(Done { bytes: done.bytes.or_else(|| Some(text.expose().to_vec())), ..done })
    }

    /// Encrypts a text that is of the format of the output. `named` is the path that the rules go by.
    fn encrypt_text(
        &self,
        job: &Job<'_>,
        config: Option<&Config>,
        named: &Path,
    ) -> Result<Done, CommandError> {
        let found = match config {
            Some(config) => config.rule_for(named),
            None => Ok(None),
        };
        // That no rule matches matters only if there is something to encrypt.
        let (rule, no_rule) = match found {
            Ok(rule) => (rule, None),
            Err(error @ ConfigError::NoRule { .. }) => (None, Some(error)),
            Err(error) => return Err(error.into()),
        };
        if is_passed_over(job, rule) {
            return Ok(Done { bytes: None, counts: Counts { skipped: 1, ..Counts::default() } });
        }
        let indent = self.conversion.indent(config);
        let options = self.options(job, rule, indent);
        let rule_in_vain = options.rule.as_ref().filter(|rule| **rule != profile_rule());
        if let (Format::Binary, Some(rule)) = (job.format, rule_in_vain) {
            self.weaker.note_rule_of_binary(rule);
        }
        let refused = Refused::default();
        let file_key = || refused.noted(self.file_key(rule, no_rule.as_ref()));
        let keys = Keys { file_key: &file_key, random: &random_bytes };
        let is_closed = AtomicBool::new(false);
        let unwrap = |metadata: &Metadata| -> Result<DataKey, BoxError> {
            let data_key =
                self.key_access.data_key(&metadata.key_groups, metadata.shamir_threshold);
            is_closed.fetch_or(data_key.is_err(), Ordering::Relaxed);
            Ok(data_key?)
        };
        let previous = job.previous.as_ref().and_then(|previous| {
            let master_keys = self.master_keys(rule, no_rule.as_ref()).ok()?;
            Previous::read(job.format, previous.expose(), &unwrap, master_keys)
        });
        let encrypted =
            seal_core::file::encrypt(job.format, job.source, &options, &keys, previous.as_ref());
        match encrypted {
            Ok(encrypted) => {
                let today = || self.master_keys(rule, no_rule.as_ref()).ok();
                self.recipients_of_files.note(&encrypted.report.already_for, today);
                if let (true, 0, Some(rule)) =
                    (options.as_data, encrypted.report.values, &options.rule)
                {
                    self.weaker.note_rule_in_vain(rule);
                }
                self.rules.note(options.rule, true);
                let counts = counts(&encrypted.report, is_closed.into_inner());
                if encrypted.bytes.is_some() {
                    audit::record(Action::Encrypt, named)?;
                }
                Ok(Done { bytes: encrypted.bytes, counts })
            }
            Err(error) if self.is_none_of_ours(job, &error, &options, rule) => {
                Ok(Done { bytes: None, counts: Counts { skipped: 1, ..Counts::default() } })
            }
            Err(error) if !job.explicit && error.class == Class::NothingSelected => {
                self.rules.note(options.rule, false);
                Ok(Done { bytes: None, counts: Counts { skipped: 1, ..Counts::default() } })
            }
            Err(error) => Err(refused.or(job.path, &error)),
        }
    }

    /// A text that nobody named and that cannot be read: a template, a fragment, a list. It is passed over where only
    /// manifests are looked for and it cannot hold a Secret.
    fn is_none_of_ours(
        &self,
        job: &Job<'_>,
        error: &FileError,
        options: &EncryptOptions,
        rule: Option<&CreationRule>,
    ) -> bool {
        let is_for_manifests = options.rule.as_ref().is_none_or(|rule| *rule == profile_rule());
        error.class == Class::Syntax
            && !job.explicit
            && is_for_manifests
            && !rule.is_some_and(CreationRule::is_for_certain_paths)
            && !may_hold_secret(job.source)
    }
}

/// A file that nobody named and that holds no manifests. A rule that fits every file does not mean it: in most
/// directories there are such files that are none of our business.
fn is_passed_over(job: &Job<'_>, rule: Option<&CreationRule>) -> bool {
    let holds_manifests = matches!(job.format, Format::Yaml | Format::Json);
    !job.explicit && !holds_manifests && !rule.is_some_and(CreationRule::is_for_certain_paths)
}

/// Options that mean one file, and so make no sense with several.
fn check_options_of_one_file(arguments: &EncryptArgs, inputs: &Inputs) -> Result<(), CommandError> {
    if !matches!(inputs, Inputs::Files(files) if files.several) {
        return Ok(());
    }
    let option = match (&arguments.filename_override, &arguments.previous) {
        (Some(_), _) => "--filename-override",
        (None, Some(args::Previous::File(_))) => "--previous FILE",
        _ => return Ok(()),
    };
    Err(CommandError::usage(format!("`{option}` is for a single file"))
        .hint("name one file, neither a directory nor a pattern"))
}

fn counts(report: &EncryptReport, is_closed: bool) -> Counts {
    let documents = report.encrypted + report.kept;
    let done = documents > 0;
    let already = !done && report.already > 0;
    Counts {
        files: usize::from(done),
        documents,
        kept: report.kept,
        secrets: report.values,
        already: usize::from(already),
        uncompared: usize::from(done && is_closed),
        skipped: usize::from(!done && !already),
        ..Counts::default()
    }
}

fn report(counts: &Counts) -> Report {
    Report::of_files("encrypt", "encrypted", counts)
}

//! `seal decrypt`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use seal_core::envelope::Metadata;
use seal_core::file::{
    BoxError, DecryptOptions, Decrypted, DecryptedObject, DecryptedTree, decrypt, decrypt_tree,
};
use seal_core::format::Format;
use seal_core::kubernetes;
use seal_core::secret::{DataKey, SecretBytes};

use self::join::join;
use super::conversion::Conversion;
use super::files::{self, STDIN, each, file_error, working_directory};
use super::sealing::{self, SealingKeys};
use super::{Context, Outcome};
use crate::args::{DecryptArgs, FileType, KeyAccessArgs};
use crate::audit::{self, Action};
use crate::config::Configs;
use crate::destination::{self, Destination, Several};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, Files, Inputs};
use crate::key_access::{KeyAccess, key_access};
use crate::ui::{Counts, Report, Ui};
use crate::write::{self, NewFile, Writer};

mod join;

pub(super) fn run(arguments: &DecryptArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let inputs = inputs::expand(&arguments.files.paths, std::io::stdin().is_terminal())?;
    let destination = destination::choose(&arguments.files, &inputs, Several::Joined)?;
    let options = DecryptOptions {
        require_encrypted: arguments.require_encrypted,
        require_bound: arguments.require_bound,
        namespace: arguments.namespace.as_deref(),
        ignore_mac: arguments.ignore_mac,
        as_data: arguments.as_data,
    };
    let mut decryption = Decryption::new(context, options, &arguments.key_access)?;
    // SOPS knows nothing of them.
    if !arguments.as_data {
        decryption.sealing_keys = SealingKeys::new(&arguments.sealing_keys, context.environment);
    }
    let conversion = Conversion::of(&arguments.conversion);
    let outcome = match inputs {
        Inputs::Stdin => {
            let source = write::read_stdin()?;
            if source.expose().trim_ascii().is_empty() {
                return Err(files::empty_stdin());
            }
            let format = files::format_of_stdin(arguments.files.file_type, None, source.expose())?;
            let path = Path::new(STDIN);
            let done = decryption.decrypt_to(&conversion, path, format, source.expose());
            done.and_then(|decrypted| {
                let bytes = decrypted.bytes.unwrap_or(source);
                files::write_out(&destination, bytes.expose(), NewFile::Private, context)?;
                let counts = counts(&decrypted.objects);
                Ok(Outcome { report: report(&counts), code: ExitCode::Done })
            })
        }
        Inputs::Files(files) if destination == Destination::InPlace => {
            Ok(decryption.in_place(&files, arguments.files.file_type, &conversion, context))
        }
        Inputs::Files(files) => decryption.joined(&files, arguments, &destination, context),
    };
    files::warn_at_end(context, &decryption.configs, &decryption.key_access);
    outcome
}

/// What is the same for all files of a run.
pub(super) struct Decryption<'a> {
    ui: &'a Ui,
    /// What the user asks of every file.
    pub(super) options: DecryptOptions<'a>,
    pub(super) configs: Configs,
    pub(super) key_access: KeyAccess,
    /// Opens SealedSecrets as well, where there are any.
    pub(super) sealing_keys: SealingKeys,
}

impl<'a> Decryption<'a> {
    pub(super) fn new(
        context: &Context<'a>,
        options: DecryptOptions<'a>,
        arguments: &KeyAccessArgs,
    ) -> Result<Self, CommandError> {
        Ok(Self {
            ui: context.ui,
            options,
            configs: Configs::new(context.config.map(PathBuf::from), working_directory()),
            key_access: key_access(context.environment, arguments, [])?,
            sealing_keys: SealingKeys::default(),
        })
    }

    /// Decrypts one source; `path` is for messages and for the configuration.
    pub(super) fn decrypt(
        &self,
        path: &Path,
        format: Format,
        source: &[u8],
    ) -> Result<Decrypted, CommandError> {
        let options = self.options_for_text(path, format, source)?;
        let unwrap = |metadata: &Metadata| self.data_key(metadata);
        let mut decrypted =
            decrypt(format, source, &options, &unwrap).map_err(|error| file_error(path, &error))?;
        let text = decrypted.bytes.as_ref().map_or(source, SecretBytes::expose);
        let opened = self.sealing_keys.open(path, format, text)?;
        decrypted.bytes = opened.bytes.or(decrypted.bytes);
        decrypted.objects.extend(opened.objects);
        self.note(path, &decrypted.objects)?;
        Ok(decrypted)
    }

    /// The same, in the format that the run prints.
    pub(super) fn decrypt_to(
        &self,
        conversion: &Conversion,
        path: &Path,
        format: Format,
        source: &[u8],
    ) -> Result<Decrypted, CommandError> {
        let Some(output) = conversion.target(format) else {
            return self.decrypt(path, format, source);
        };
        let opened = self.sealing_keys.open(path, format, source)?;
        let source = opened.bytes.as_ref().map_or(source, SecretBytes::expose);
        let options = self.options_for_text(path, format, source)?;
        let unwrap = |metadata: &Metadata| self.data_key(metadata);
        let DecryptedTree { tree, mut objects } = decrypt_tree(format, source, &options, &unwrap)
            .map_err(|error| file_error(path, &error))?;
        objects.extend(opened.objects);
        let config = self.configs.for_file(path).ok().flatten();
        let bytes = conversion.print(output, &tree, config.as_deref(), path)?;
        self.note(path, &objects)?;
        Ok(Decrypted { bytes: Some(bytes), objects })
    }

    /// What is asked of a file, by the user or by its configuration.
    pub(super) fn options_for(&self, path: &Path) -> Result<DecryptOptions<'a>, CommandError> {
        let require_bound = self.options.require_bound || self.config_requires_bound(path)?;
        Ok(DecryptOptions { require_bound, ..self.options })
    }

    /// The same for a text that may hold SealedSecrets: those are encrypted, if not in an envelope.
    fn options_for_text(
        &self,
        path: &Path,
        format: Format,
        source: &[u8],
    ) -> Result<DecryptOptions<'a>, CommandError> {
        let options = self.options_for(path)?;
        let require_encrypted = options.require_encrypted && !sealing::is_sealed(format, source);
        Ok(DecryptOptions { require_encrypted, ..options })
    }

    /// The data key of an envelope.
    pub(super) fn data_key(&self, metadata: &Metadata) -> Result<DataKey, BoxError> {
        Ok(self.key_access.data_key(&metadata.key_groups, metadata.shamir_threshold)?)
    }

    /// What is said and recorded before anything that was decrypted is used.
    fn note(&self, path: &Path, objects: &[DecryptedObject]) -> Result<(), CommandError> {
        if !objects.is_empty() {
            audit::record(Action::Decrypt, path)?;
        }
        self.warn_of_unverified(path, objects);
        Ok(())
    }

    fn warn_of_unverified(&self, path: &Path, objects: &[DecryptedObject]) {
        for object in objects {
            if let Some(problem) = &object.unverified {
                let name = object.description.as_deref();
                let name = name.map_or_else(String::new, |name| format!("{name}: "));
                self.ui.warn_loudly(&format!(
                    "{}: {name}NOT VERIFIED, because of --ignore-mac: {problem}. Do not deploy it before you have looked at every value",
                    path.display()
                ));
            }
        }
    }

    /// `require_bound` is all that a configuration can say about decrypting, so a broken one stops nobody, unless it
    /// may say just that.
    fn config_requires_bound(&self, path: &Path) -> Result<bool, CommandError> {
        match self.configs.for_file(path) {
            Ok(config) => Ok(config.is_some_and(|config| config.options_for(path).require_bound)),
            Err(error) if error.hides_options() => Err(CommandError::from(&error)
                .hint("it may ask for `require_bound`, so it has to be readable; `--require-bound` does without it")),
            Err(error) => {
                self.configs.ignore(error);
                Ok(false)
            }
        }
    }

    fn in_place(
        &self,
        files: &Files,
        told: Option<FileType>,
        conversion: &Conversion,
        context: &Context<'_>,
    ) -> Outcome {
        let writer = Writer::default();
        let (results, code) = each(files, context, "decrypting", |index| {
            let input = &files.list[index];
            let path = &input.path;
            let format = files::format(told, Some(path))?;
            conversion.check_in_place(format, path)?;
            let original = write::read(path)?;
            if !input.explicit && is_left(told, format, original.bytes.expose()) {
                return Ok(Counts { skipped: 1, ..Counts::default() });
            }
            let decrypted = self.decrypt_to(conversion, path, format, original.bytes.expose())?;
            if let Some(bytes) = &decrypted.bytes {
                writer.replace(path, bytes.expose(), files::stamp_of(path, &original)?)?;
            }
            Ok(counts(&decrypted.objects))
        });
        writer.finish();
        Outcome { report: report(&files::total(files, results)), code }
    }

    /// Several files as one stream; nothing is written unless all of them are verified.
    fn joined(
        &self,
        files: &Files,
        arguments: &DecryptArgs,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Outcome, CommandError> {
        let conversion = Conversion::of(&arguments.conversion);
        let (results, code) = each(files, context, "decrypting", |index| {
            let input = &files.list[index];
            let path = &input.path;
            let told = arguments.files.file_type;
            let format = files::format(told, Some(path))?;
            let output = conversion.output(format);
            if output != Format::Yaml && input.explicit && files.list.len() > 1 {
                return Err(only_yaml_joins(path));
            }
            let original = write::read(path)?;
            if !input.explicit && is_left(told, format, original.bytes.expose()) {
                return Ok(None);
            }
            // A deploy that gets nothing and hears no error would be told that all is well.
            if input.explicit && original.bytes.expose().trim_ascii().is_empty() {
                return Err(files::empty_file(path, destination));
            }
            if output != Format::Yaml && files.list.len() > 1 {
                return Err(only_yaml_joins(path));
            }
            let decrypted = self.decrypt_to(&conversion, path, format, original.bytes.expose())?;
            let counts = counts(&decrypted.objects);
            Ok(Some((index, decrypted.bytes.unwrap_or(original.bytes), counts)))
        });
        let failed = results.iter().filter(|result| result.is_none()).count();
        if code != ExitCode::Done {
            if results.len() > 1 {
                context.ui.note("nothing was written, because not every file could be decrypted");
            }
            let failed = failed + files.failures.len();
            let counts = Counts { skipped: files.skipped.len(), failed, ..Counts::default() };
            return Ok(Outcome { report: report(&counts), code });
        }
        let passed_over = results.iter().filter(|result| matches!(result, Some(None))).count();
        let (mut taken, mut texts, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for (index, text, of_file) in results.into_iter().flatten().flatten() {
            taken.push(index);
            texts.push(text);
            counts.push(of_file);
        }
        match &texts[..] {
            // Not even YAML, perhaps.
            [only] => files::write_out(destination, only.expose(), NewFile::Private, context)?,
            _ => {
                let joined = join(&texts);
                let joined =
                    joined.map_err(|index| does_not_join(&files.list[taken[index]].path))?;
                files::write_out(destination, &joined, NewFile::Private, context)?;
            }
        }
        let mut counts = files::total(files, counts.into_iter().map(Some));
        counts.skipped += passed_over;
        Ok(Outcome { report: report(&counts), code })
    }
}

/// Whether a file that nobody named stays as it is. So does a binary one: `encrypt` would not find it again.
fn is_left(told: Option<FileType>, format: Format, text: &[u8]) -> bool {
    (told.is_none() && format == Format::Binary) || !is_meant(format, text)
}

/// Whether a file that nobody named is one to decrypt, or a manifest that belongs to the same stream; not the values or
/// the description of a chart. What cannot be read is left to those who decrypt it: it may be either.
pub(super) fn is_meant(format: Format, text: &[u8]) -> bool {
    let signs: &[&str] = match format {
        Format::Yaml | Format::Json => &["apiVersion", "sops", "ENC[AES256_GCM"],
        // Those are never manifests, and most of them are none of ours.
        Format::Dotenv | Format::Ini | Format::Binary => &["ENC[AES256_GCM"],
    };
    let has_sign = || match std::str::from_utf8(text) {
        Ok(text) => text.contains('\0') || signs.iter().any(|sign| text.contains(sign)),
        Err(_) => true,
    };
    match format.parse(text) {
        Ok(stream) => stream.documents.iter().any(|document| {
            document.entry(document.root(), "sops").is_some()
                || !kubernetes::named(document).is_empty()
        }),
        Err(_) => has_sign(),
    }
}

fn only_yaml_joins(path: &Path) -> CommandError {
    CommandError::usage("several files can be joined only if all are YAML")
        .in_file(path)
        .hint("decrypt files of other formats one by one, with `--in-place`, or with `--output-type yaml`")
}

fn does_not_join(path: &Path) -> CommandError {
    CommandError::failed("has no final line break, and one would change its last value")
        .in_file(path)
        .hint("name it last, or decrypt it alone")
}

fn counts(objects: &[DecryptedObject]) -> Counts {
    Counts {
        files: usize::from(!objects.is_empty()),
        documents: objects.len(),
        secrets: objects.iter().map(|object| object.values).sum(),
        unbound: objects.iter().filter(|object| !object.bound).count(),
        skipped: usize::from(objects.is_empty()),
        ..Counts::default()
    }
}

fn report(counts: &Counts) -> Report {
    Report::of_files("decrypt", "decrypted", counts)
}

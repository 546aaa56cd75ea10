//! `seal encrypt --cluster`

use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use seal_api::sealing::{CLUSTER_WIDE, NAMESPACE_WIDE, Scope, SealedValue};
use seal_core::file::Class;
use seal_core::format::Format;
use seal_core::kubernetes::may_hold_secret;
use seal_core::sealed_secret::{self, SealedManifest, Sealing, SecretManifest};
use seal_core::secret::SecretBytes;

use super::certificate::{Certificate, Described};
use super::keys::SealingKeys;
use super::opening::values;
use super::{about, holds_manifests};
use crate::args::{EncryptArgs, Previous};
use crate::commands::files::{self, STDIN, each};
use crate::commands::{Context, Outcome, file_error};
use crate::destination::{self, Destination, Several};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::git::HeadVersions;
use crate::inputs::{self, Files, Input, Inputs};
use crate::ui::{Counts, Report};
use crate::write::{self, NewFile, Writer};

/// Seals the Secrets of the files.
pub(in crate::commands) fn run(
    arguments: &EncryptArgs,
    context: &Context<'_>,
) -> Result<Outcome, CommandError> {
    let inputs = inputs::expand(&arguments.files.paths, std::io::stdin().is_terminal())?;
    let destination = destination::choose(&arguments.files, &inputs, Several::InPlaceOnly)?;
    if matches!((&arguments.previous, &inputs), (Some(Previous::File(_)), Inputs::Files(files)) if files.several)
    {
        return Err(CommandError::usage("`--previous FILE` is for a single file")
            .hint("name one file, neither a directory nor a pattern"));
    }
    let sealer = Sealer {
        arguments,
        certificate: Certificate::new(&arguments.sealing.certificate, context.environment),
        keys: SealingKeys::new(&arguments.sealing.keys, context.environment),
        comments_left_out: AtomicUsize::new(0),
    };
    let (counts, code) = match inputs {
        Inputs::Stdin => (sealer.stdin(&destination, context)?, ExitCode::Done),
        Inputs::Files(files) if destination == Destination::InPlace => {
            sealer.in_place(&files, context)
        }
        Inputs::Files(files) => {
            let (results, code) = each(&files, context, "sealing", |index| {
                sealer.one_file(&files.list[index], &destination, context)
            });
            (files::total(&files, results), code)
        }
    };
    sealer.warn(context);
    let mut report = Report::of_files("seal", "sealed", &counts);
    if let Some(certificate) = sealer.certificate.used().filter(|_| counts.files > 0) {
        let described = Described(certificate);
        report.line = report.line.map(|line| format!("{line} for {}", described.line()));
        report.details.insert("certificate".to_owned(), described.object());
    }
    Ok(Outcome { report, code })
}

struct Sealer<'a> {
    arguments: &'a EncryptArgs,
    certificate: Certificate,
    keys: SealingKeys,
    comments_left_out: AtomicUsize,
}

/// What became of a text.
struct Done {
    /// `None` where nothing changes.
    bytes: Option<SecretBytes>,
    counts: Counts,
}

impl Sealer<'_> {
    fn stdin(
        &self,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Counts, CommandError> {
        let source = write::read_stdin()?;
        if source.expose().trim_ascii().is_empty() {
            return Err(files::empty_stdin());
        }
        let format = files::format_of_stdin(self.arguments.files.file_type, None, source.expose())?;
        let input = Input { path: STDIN.into(), explicit: true };
        let previous = self.previous_of(destination, None)?;
        let done = self.text(&input, format, source.expose(), previous.as_ref())?;
        let bytes = done.bytes.as_ref().unwrap_or(&source);
        files::write_out(destination, bytes.expose(), NewFile::Shared, context)?;
        Ok(done.counts)
    }

    fn one_file(
        &self,
        input: &Input,
        destination: &Destination,
        context: &Context<'_>,
    ) -> Result<Counts, CommandError> {
        let format = files::format(self.arguments.files.file_type, Some(&input.path))?;
        let original = write::read(&input.path)?;
        if original.bytes.expose().trim_ascii().is_empty() {
            return Err(files::empty_file(&input.path, destination));
        }
        let previous = self.previous_of(destination, None)?;
        let done = self.text(input, format, original.bytes.expose(), previous.as_ref())?;
        let bytes = done.bytes.as_ref().unwrap_or(&original.bytes);
        files::write_out(destination, bytes.expose(), NewFile::Shared, context)?;
        Ok(done.counts)
    }

    fn in_place(&self, files: &Files, context: &Context<'_>) -> (Counts, ExitCode) {
        let paths = || files.list.iter().map(|input| input.path.as_path());
        let heads = match self.arguments.previous.is_none() && self.keys.are_there() {
            true => HeadVersions::of(paths()),
            false => HeadVersions::default(),
        };
        let writer = Writer::default();
        let (results, code) = each(files, context, "sealing", |index| {
            let input = &files.list[index];
            let format = files::format(self.arguments.files.file_type, Some(&input.path))?;
            if !holds_manifests(format, input)? {
                return Ok(Counts { skipped: 1, ..Counts::default() });
            }
            let original = write::read(&input.path)?;
            let previous = self.previous_of(&Destination::InPlace, heads.get(&input.path))?;
            let done = self.text(input, format, original.bytes.expose(), previous.as_ref())?;
            if let Some(bytes) = &done.bytes {
                let stamp = files::stamp_of(&input.path, &original)?;
                writer.replace(&input.path, bytes.expose(), stamp)?;
                if stamp.has_other_names() {
                    context.ui.warn(&format!(
                        "{}: the file has other names (hard links), which keep the secret in clear",
                        input.path.display()
                    ));
                }
            }
            Ok(done.counts)
        });
        writer.finish();
        (files::total(files, results), code)
    }

    /// Seals the Secrets of one text.
    fn text(
        &self,
        input: &Input,
        format: Format,
        source: &[u8],
        previous: Option<&SecretBytes>,
    ) -> Result<Done, CommandError> {
        let path = &input.path;
        let skipped = || Done { bytes: None, counts: Counts { skipped: 1, ..Counts::default() } };
        if !holds_manifests(format, input)? {
            return Ok(skipped());
        }
        let found = match sealed_secret::secrets(format, source) {
            Ok(found) => found,
            Err(error)
                if error.class == Class::Syntax && !input.explicit && !may_hold_secret(source) =>
            {
                return Ok(skipped());
            }
            Err(error) => return Err(file_error(path, &error)),
        };
        let earlier = match previous.filter(|_| self.keys.are_there()) {
            Some(previous) => sealed_secret::read(format, previous.expose()).unwrap_or_default(),
            None => Vec::new(),
        };
        let mut counts = Counts::default();
        let mut sealings = Vec::new();
        for secret in &found.list {
            if secret.values.is_empty() {
                sealings.push(None);
                continue;
            }
            let (sealing, kept) = self.sealing(path, secret, &earlier)?;
            counts.documents += 1;
            counts.secrets += secret.values.len();
            counts.kept += usize::from(kept);
            sealings.push(Some(sealing));
        }
        let rewritten = sealed_secret::seal(format, source, &sealings)
            .map_err(|error| file_error(path, &error))?;
        self.comments_left_out.fetch_add(rewritten.comments_left_out, Ordering::Relaxed);
        let already = found.sealed + found.with_envelope > 0;
        match counts.documents {
            0 if already => counts.already = 1,
            0 => counts.skipped = 1,
            _ => counts.files = 1,
        }
        Ok(Done { bytes: rewritten.bytes, counts })
    }

    /// What one Secret becomes, and whether every value kept its ciphertext.
    fn sealing(
        &self,
        path: &Path,
        secret: &SecretManifest,
        earlier: &[SealedManifest],
    ) -> Result<(Sealing, bool), CommandError> {
        let here = |error| about(error, path, &secret.description, secret.position);
        let scope = match self.arguments.scope {
            Some(scope) => scope.into(),
            None => Scope::of_annotations(Some(&secret.annotations)),
        };
        let Some(name) = &secret.name else {
            return Err(here(CommandError::failed("a Secret that is sealed needs a name (`metadata.name`)")
                .hint("`generateName` gives a name only in the cluster, and the sealed values belong to one")));
        };
        let namespace = self.namespace(secret, scope).map_err(here)?;
        let certificate = self.certificate.get()?;
        let label = scope.label(namespace.as_deref().unwrap_or_default(), name);
        let known = earlier.iter().find(|manifest| {
            manifest.name.as_ref() == Some(name)
                && manifest.namespace == namespace
                && super::scope_of(manifest).is_ok_and(|(other, _)| other == scope)
        });
        let known = match known {
            // What does not open is sealed afresh.
            Some(manifest) => values(self.keys.ring()?, path, manifest)
                .ok()
                .filter(|opened| opened.by.iter().all(|by| by == certificate.fingerprint()))
                .map(|opened| (manifest, opened)),
            None => None,
        };
        let mut sealed = Vec::new();
        let mut kept = true;
        for value in &secret.values {
            let same = known.as_ref().and_then(|(manifest, opened)| {
                let plaintext = opened.values.get(&value.key)?;
                let entry = manifest.entries.iter().find(|entry| entry.key == value.key)?;
                (plaintext.expose() == value.plaintext.expose()).then_some(entry.text.as_ref()?)
            });
            let text = match same {
                Some(text) => text.to_string(),
                None => {
                    kept = false;
                    SealedValue::seal(value.plaintext.expose(), &label, certificate)
                        .map_err(|error| {
                            here(CommandError::failed(format!("{}: {error}", value.key)))
                        })?
                        .to_base64()
                }
            };
            sealed.push((value.key.clone(), text));
        }
        let added = namespace.filter(|_| secret.namespace.is_none());
        Ok((Sealing { values: sealed, namespace: added, annotations: annotations(scope) }, kept))
    }

    /// The namespace that a Secret is sealed for.
    fn namespace(
        &self,
        secret: &SecretManifest,
        scope: Scope,
    ) -> Result<Option<String>, CommandError> {
        match (&secret.namespace, &self.arguments.sealing.namespace) {
            (Some(own), Some(asked)) if own != asked => {
                Err(CommandError::failed(format!("it names the namespace {own:?}, and `--namespace` says {asked:?}"))
                    .hint("leave `--namespace` out, or correct the manifest: a value sealed for one namespace opens in no other"))
            }
            (Some(own), _) => Ok(Some(own.clone())),
            (None, Some(asked)) => Ok(Some(asked.clone())),
            (None, None) if scope == Scope::ClusterWide => Ok(None),
            (None, None) => Err(CommandError::failed("it names no namespace, and what is sealed opens in one only")
                .hint("say it with `--namespace`, or in `metadata.namespace`; `--scope cluster-wide` needs none")),
        }
    }

    /// The version to compare with: as told, else the output, else what git has.
    fn previous_of(
        &self,
        destination: &Destination,
        head: Option<&[u8]>,
    ) -> Result<Option<SecretBytes>, CommandError> {
        if !self.keys.are_there() {
            return match &self.arguments.previous {
                Some(Previous::File(path)) => Err(CommandError::usage(
                    "without a sealing key nothing can be compared with the previous version",
                )
                .in_file(path)
                .hint("name the private key with `--sealing-key`, or leave out `--previous`")),
                _ => Ok(None),
            };
        }
        match (&self.arguments.previous, destination) {
            (Some(Previous::Nothing), _) => Ok(None),
            (Some(Previous::File(path)), _) => Ok(Some(write::read(path)?.bytes)),
            (None, Destination::File(path)) if path.is_file() => Ok(Some(write::read(path)?.bytes)),
            (None, _) => Ok(head.map(|head| SecretBytes::new(head.to_vec()))),
        }
    }

    fn warn(&self, context: &Context<'_>) {
        match self.comments_left_out.load(Ordering::Relaxed) {
            0 => {}
            1 => context.ui.warn("1 comment in a Secret was left out: it may be a value that somebody took out, and comments are not sealed"),
            number => context.ui.warn(&format!("{number} comments in Secrets were left out: they may be values that somebody took out, and comments are not sealed")),
        }
    }
}

/// The annotations that say a scope, and those that say another one.
pub(super) fn annotations(scope: Scope) -> Vec<(&'static str, Option<&'static str>)> {
    let says = |name| (name, (scope.annotation() == Some(name)).then_some("true"));
    vec![says(CLUSTER_WIDE), says(NAMESPACE_WIDE)]
}

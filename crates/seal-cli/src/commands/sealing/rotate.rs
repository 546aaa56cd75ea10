//! `seal rotate --cluster`: SealedSecrets are sealed again with the newest certificate.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;

use seal_api::sealing::{Fingerprint, SealedValue};
use seal_core::format::Format;
use seal_core::sealed_secret::{NewText, SealedEntry, SealedManifest, replace_values};
use seal_core::secret::SecretBytes;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::certificate::{Certificate, Described};
use super::keys::SealingKeys;
use super::opening::not_opened;
use super::set::manifests;
use super::{about, holds_manifests, object_of, scope_of};
use crate::args::RotateArgs;
use crate::cluster::ClusterError;
use crate::commands::files::{self, STDIN, each};
use crate::commands::value_change::change_error;
use crate::commands::{Context, Outcome};
use crate::destination::{self, Destination, Several};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, Input, Inputs};
use crate::ui::{Counts, Mark, Report, count};
use crate::write::{self, NewFile, Writer};

/// Seals the SealedSecrets of the files again, or says which would be.
pub(in crate::commands) fn run(
    arguments: &RotateArgs,
    context: &Context<'_>,
) -> Result<Outcome, CommandError> {
    let inputs = inputs::expand(&arguments.files.paths, std::io::stdin().is_terminal())?;
    let dry_run = arguments.sealing.dry_run;
    let destination = match dry_run {
        true => Destination::Stdout,
        false => destination::choose(&arguments.files, &inputs, Several::InPlaceOnly)?,
    };
    let rotation = Rotation {
        arguments,
        certificate: Certificate::new(&arguments.sealing.certificate, context.environment),
        keys: SealingKeys::new(&arguments.sealing.keys, context.environment),
        by: Mutex::default(),
    };
    if dry_run && !rotation.keys.are_there() {
        return Err(CommandError::usage("without the sealing keys nobody can tell which key a value needs")
            .hint("give a backup of the keys with `--sealing-key`; the controller's metrics count the objects per key"));
    }
    if !rotation.keys.are_there() && arguments.sealing.certificate.cert.is_some() {
        return Err(CommandError::usage(
            "`--cert` seals again what a sealing key opens, and there is none",
        )
        .hint("give the private key with `--sealing-key`; without both, the controller does it"));
    }
    let (counts, code) = match inputs {
        Inputs::Stdin => {
            let source = write::read_stdin()?;
            if source.expose().trim_ascii().is_empty() {
                return Err(files::empty_stdin());
            }
            let format = files::format_of_stdin(arguments.files.file_type, None, source.expose())?;
            let done = rotation.text(Path::new(STDIN), format, source.expose())?;
            if !dry_run {
                let bytes = done.bytes.as_ref().unwrap_or(&source);
                files::write_out(&destination, bytes.expose(), NewFile::Shared, context)?;
            }
            (done.counts, ExitCode::Done)
        }
        Inputs::Files(files) => {
            let writer = Writer::default();
            let (results, code) = each(&files, context, "rotating", |index| {
                rotation.file(&files.list[index], &destination, &writer, context)
            });
            writer.finish();
            (files::total(&files, results), code)
        }
    };
    Ok(rotation.outcome(&counts, code, context))
}

struct Rotation<'a> {
    arguments: &'a RotateArgs,
    certificate: Certificate,
    keys: SealingKeys,
    /// Values by the key that opened them.
    by: Mutex<BTreeMap<Fingerprint, usize>>,
}

struct Done {
    bytes: Option<SecretBytes>,
    counts: Counts,
}

impl Rotation<'_> {
    fn file(
        &self,
        input: &Input,
        destination: &Destination,
        writer: &Writer,
        context: &Context<'_>,
    ) -> Result<Counts, CommandError> {
        let path = &input.path;
        let format = files::format(self.arguments.files.file_type, Some(path))?;
        if !holds_manifests(format, input)? {
            return Ok(Counts { skipped: 1, ..Counts::default() });
        }
        let original = write::read(path)?;
        let source = original.bytes.expose();
        let is_readable = || format.parse(source).is_ok();
        let word = seal_core::sealed_secret::KIND.as_bytes();
        if !input.explicit && !source.windows(word.len()).any(|part| part == word) && !is_readable()
        {
            return Ok(Counts { skipped: 1, ..Counts::default() });
        }
        let done = self.text(path, format, source)?;
        match (destination, &done.bytes) {
            _ if self.arguments.sealing.dry_run => {}
            (Destination::InPlace, Some(bytes)) => {
                writer.replace(path, bytes.expose(), files::stamp_of(path, &original)?)?;
            }
            (Destination::InPlace, None) => {}
            (other, bytes) => {
                let bytes = bytes.as_ref().unwrap_or(&original.bytes);
                files::write_out(other, bytes.expose(), NewFile::Shared, context)?;
            }
        }
        Ok(done.counts)
    }

    fn text(&self, path: &Path, format: Format, source: &[u8]) -> Result<Done, CommandError> {
        let mut counts = Counts::default();
        let mut texts = Vec::new();
        for manifest in manifests(path, format, source)? {
            let sealed = match self.keys.are_there() {
                true => self.offline(path, &manifest)?,
                false => self.through_the_controller(path, &manifest)?,
            };
            if sealed.is_empty() {
                counts.kept += 1;
                continue;
            }
            counts.documents += 1;
            counts.secrets += sealed.len();
            texts.extend(sealed);
        }
        match (counts.documents, counts.kept) {
            (0, 0) => counts.skipped = 1,
            (0, _) => counts.already = 1,
            _ => counts.files = 1,
        }
        // In the line that speaks of documents these are not among them.
        counts.kept = 0;
        if texts.is_empty() || self.arguments.sealing.dry_run {
            return Ok(Done { bytes: None, counts });
        }
        let bytes = replace_values(format, source, &texts).map_err(|error| {
            change_error(error, &seal_core::document::Path::default()).in_file(path)
        })?;
        Ok(Done { bytes: Some(bytes), counts })
    }

    /// Opens each value and seals it again under the very label; what the certificate's key opens stays.
    fn offline(
        &self,
        path: &Path,
        manifest: &SealedManifest,
    ) -> Result<Vec<NewText>, CommandError> {
        let here = |error| about(error, path, &manifest.description, manifest.position);
        let (_, label) =
            scope_of(manifest).map_err(|problem| here(CommandError::failed(problem)))?;
        let ring = self.keys.ring()?;
        let certificate = self.certificate.get()?;
        let mut texts = Vec::new();
        let mut closed = Vec::new();
        for entry in all_values(manifest) {
            let value = sealed_value(entry)
                .map_err(|error| about(error, path, &manifest.description, entry.position))?;
            let Some(opened) = ring.open(&value, &label, Some(certificate.fingerprint())) else {
                closed.push((entry.key.clone(), value));
                continue;
            };
            if let Ok(mut by) = self.by.lock() {
                *by.entry(opened.by.clone()).or_default() += 1;
            }
            if opened.by == *certificate.fingerprint() {
                continue;
            }
            let sealed = SealedValue::seal(opened.plaintext.expose(), &label, certificate)
                .map_err(|error| here(CommandError::failed(error.to_string())))?;
            texts.push(new_text(manifest, entry, sealed.to_base64()));
        }
        match closed.is_empty() {
            true => Ok(texts),
            false => Err(here(not_opened(ring, manifest, &closed))),
        }
    }

    /// Has the controller seal an object again, and takes the values out of its answer.
    fn through_the_controller(
        &self,
        path: &Path,
        manifest: &SealedManifest,
    ) -> Result<Vec<NewText>, CommandError> {
        let here = |error| about(error, path, &manifest.description, manifest.position);
        object_of(manifest).map_err(|problem| here(CommandError::failed(problem)))?;
        let access = self.certificate.access();
        let answer = match access.rotate(manifest.json.as_bytes()) {
            Ok(answer) => answer,
            Err(error @ ClusterError::Refused { .. }) => return Err(here(error.into())),
            // Of the cluster, not of the object: said once for all files.
            Err(error) => return Err(error.into()),
        };
        let answer: Value = serde_json::from_slice(&answer)
            .map_err(|_| here(CommandError::failed("the controller's answer is no JSON")))?;
        let mut texts = Vec::new();
        for entry in all_values(manifest) {
            let pointer = match manifest.blob.as_ref().is_some_and(|blob| blob.path == entry.path) {
                true => answer.pointer("/spec/data"),
                false => {
                    answer.get("spec").and_then(|spec| spec.get("encryptedData")?.get(&entry.key))
                }
            };
            let text = pointer
                .and_then(Value::as_str)
                .filter(|text| SealedValue::from_base64(text).is_ok());
            let Some(text) = text else {
                let message =
                    format!("the controller's answer has no sealed value for {}", entry.path);
                return Err(here(CommandError::failed(message)));
            };
            texts.push(new_text(manifest, entry, text.to_owned()));
        }
        Ok(texts)
    }

    fn outcome(self, counts: &Counts, code: ExitCode, context: &Context<'_>) -> Outcome {
        let dry_run = self.arguments.sealing.dry_run;
        let newest = self.certificate.used().map(|certificate| certificate.fingerprint().clone());
        let by = self.by.into_inner().unwrap_or_default();
        let lines: Vec<(Mark, String)> = by
            .iter()
            .map(|(key, values)| {
                let is_newest = newest.as_ref() == Some(key);
                let state = if is_newest { "the certificate's key" } else { "an older key" };
                let mark = if is_newest { Mark::Plain } else { Mark::Removed };
                (mark, format!("{key}  {}  {state}", count(*values, "value")))
            })
            .collect();
        if dry_run {
            context.ui.print(&lines);
        }
        let done = if dry_run { "would rotate" } else { "rotated" };
        let mut report = Report::of_files("rotate", done, counts);
        if let Some(certificate) = self.certificate.used() {
            if counts.files > 0 {
                let line = Described(certificate).line();
                report.line = report.line.map(|before| format!("{before} to {line}"));
            }
            report.details.insert("certificate".to_owned(), Described(certificate).object());
        }
        let keys: serde_json::Map<String, Value> =
            by.iter().map(|(key, values)| (key.to_string(), json!(values))).collect();
        report.details.insert("values_by_key".to_owned(), Value::Object(keys));
        let found = dry_run && counts.files > 0;
        let code = if found { code.worst(ExitCode::Findings) } else { code };
        Outcome { report, code }
    }
}

/// The entries of `spec.encryptedData`, and the deprecated single value.
fn all_values(manifest: &SealedManifest) -> impl Iterator<Item = &SealedEntry> {
    manifest.entries.iter().chain(&manifest.blob)
}

fn sealed_value(entry: &SealedEntry) -> Result<SealedValue, CommandError> {
    let Some(text) = &entry.text else {
        return Err(CommandError::failed(format!(
            "{}: a sealed value is a text, and this is none",
            entry.path
        )));
    };
    SealedValue::from_base64(text).map_err(|error| {
        CommandError::failed(format!("{}: this is no sealed value: {error}", entry.path))
    })
}

fn new_text(manifest: &SealedManifest, entry: &SealedEntry, text: String) -> NewText {
    NewText { document: manifest.document, path: entry.path.clone(), text: Zeroizing::new(text) }
}

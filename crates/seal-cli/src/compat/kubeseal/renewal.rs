//! `--re-encrypt`: the controller seals values anew; everything else of the text stays as it is.

use std::path::Path;

use seal_api::sealed_secret::SealedSecret;
use seal_core::format::Format;
use seal_core::sealed_secret::{NewText, SealedManifest, replace_values};
use seal_core::secret::SecretBytes;
use zeroize::Zeroizing;

use super::Run;
use super::input::{self, Part, parts};
use super::object::{printed, sealed_secrets};
use super::options::OutputFormat;
use super::print::print;
use crate::error::CommandError;
use crate::write::{NewFile, Writer};

/// Does it. Nothing is written before all of it succeeded.
pub(super) fn re_encrypt(run: &Run<'_>) -> Result<(), CommandError> {
    let options = run.options;
    let input = input::read(options.input.as_deref(), run.ui)?;
    let text = input.bytes.expose();
    let mut out = Vec::with_capacity(text.len());
    let (mut end, mut count) = (0, 0);
    for part in parts(text)? {
        let (manifests, has_others) = sealed_secrets(&input.name, &part)?;
        count += manifests.len();
        let mut texts = Vec::new();
        for manifest in &manifests {
            texts.extend(renewed(run, &input.name, manifest)?);
        }
        let changed = replace_values(part.format, part.bytes, &texts).map_err(|error| {
            CommandError::failed("the new values cannot be put into the text")
                .caused_by(&error)
                .in_file(&input.name)
        })?;
        match (options.format, part.format) {
            (Some(wanted @ OutputFormat::Yaml), Format::Json)
            | (Some(wanted @ OutputFormat::Json), Format::Yaml) => {
                if has_others {
                    return Err(CommandError::failed("not everything in it is a SealedSecret")
                        .in_file(&input.name)
                        .hint("leave out `-o`: then all else stays as it is"));
                }
                out.extend_from_slice(&converted(&input.name, part.format, &changed, wanted)?);
            }
            _ => {
                out.extend_from_slice(&text[end..part.start]);
                out.extend_from_slice(changed.expose());
            }
        }
        end = part.start + part.bytes.len();
    }
    if count == 0 {
        return Err(CommandError::failed("there is no SealedSecret in it").in_file(&input.name));
    }
    if out.last() != Some(&b'\n') {
        out.extend_from_slice(&text[end..]);
    }
    let same_file = options.output == options.input;
    if let (true, Some(path), Some(stamp)) = (same_file, &options.output, &input.stamp) {
        let writer = Writer::default();
        writer.replace(path, &out, stamp)?;
        writer.finish();
        return Ok(());
    }
    run.put(&SecretBytes::new(out), NewFile::Shared)
}

/// The new texts for one object. Of the controller's answer only these are taken: older ones lose parts of the template.
fn renewed(
    run: &Run<'_>,
    name: &Path,
    manifest: &SealedManifest,
) -> Result<Vec<NewText>, CommandError> {
    let what = &manifest.description;
    let failed = |problem: String| {
        CommandError::failed(format!("cannot re-encrypt secret: {what}: {problem}"))
            .at(name, manifest.position)
    };
    let entries = || manifest.entries.iter().chain(&manifest.blob);
    if let Some(entry) = entries().find(|entry| entry.text.is_none()) {
        return Err(failed(format!("the value of {} is no text", entry.key)));
    }
    let answer = run.access.rotate(manifest.json.as_bytes()).map_err(|error| {
        let cause = CommandError::from(error);
        let mut this = failed(cause.message);
        (this.causes, this.hints) = (cause.causes, cause.hints);
        this
    })?;
    let unusable = || failed("the controller's answer is not that object".to_owned());
    let answer: SealedSecret = serde_json::from_slice(&answer).map_err(|_| unusable())?;
    if (&answer.metadata.name, &answer.metadata.namespace) != (&manifest.name, &manifest.namespace)
    {
        return Err(unusable());
    }
    let new = |document, path: &seal_core::document::Path, text: &String| NewText {
        document,
        path: path.clone(),
        text: Zeroizing::new(text.clone()),
    };
    let mut texts = Vec::new();
    for entry in &manifest.entries {
        let text = answer.spec.encrypted_data.values.get(&entry.key).ok_or_else(unusable)?;
        texts.push(new(manifest.document, &entry.path, text));
    }
    if let Some(blob) = &manifest.blob {
        let text = answer.spec.data.as_ref().ok_or_else(|| {
            failed("the controller does not seal the deprecated spec.data anew".to_owned())
        })?;
        texts.push(new(manifest.document, &blob.path, text));
    }
    Ok(texts)
}

fn converted(
    name: &Path,
    format: Format,
    text: &SecretBytes,
    wanted: OutputFormat,
) -> Result<Vec<u8>, CommandError> {
    let part = Part { format, start: 0, bytes: text.expose() };
    let (manifests, _) = sealed_secrets(name, &part)?;
    let mut out = Vec::new();
    for manifest in manifests {
        let printed = printed(&manifest.json, true).ok_or_else(|| {
            CommandError::failed(format!("{} cannot be printed", manifest.description))
                .in_file(name)
        })?;
        out.extend_from_slice(print(&printed, wanted).expose());
    }
    Ok(out)
}

//! `--merge-into`: values of a Secret are sealed into a SealedSecret that is there, whose text stays as it is.

use std::collections::BTreeMap;

use seal_api::sealing::Scope;
use seal_core::change::{self, NewValue, Target as Place};
use seal_core::document::{Path, PathElement};
use seal_core::format::Format;
use seal_core::secret::SecretBytes;
use serde_json::Value;

use super::Run;
use super::input::{self, parts};
use super::object::{printed, sealed_secrets, typed};
use super::options::OutputFormat;
use super::print::print;
use super::sealing::{self, Target};
use super::secret::{Secret, secrets};
use crate::error::CommandError;
use crate::write::{self, NewFile, WriteError, Writer};

/// Does it. Nothing is written before all of it succeeded.
pub(super) fn merge_into(run: &Run<'_>) -> Result<(), CommandError> {
    let file = &run.options.merge_into;
    let original = write::read(file)?;
    let text = original.bytes.expose();
    let found = parts(text)?;
    let [part] = found.as_slice() else {
        return Err(
            CommandError::failed("holds several objects; --merge-into changes one").in_file(file)
        );
    };
    let (manifests, _) = sealed_secrets(file, part)?;
    let [manifest] = manifests.as_slice() else {
        let problem = match manifests.len() {
            0 => "holds no SealedSecret".to_owned(),
            several => format!("holds {several} SealedSecrets; --merge-into changes one"),
        };
        return Err(CommandError::failed(problem).in_file(file));
    };
    let scope = typed(file, manifest)?.scope();
    let secret = only_secret(run, scope)?;
    let target = Target {
        name: manifest.name.as_deref(),
        namespace: manifest.namespace.as_deref(),
        scope: Some(scope),
    };
    let sealed = sealing::one(run, secret, &target, &run.certificate()?)?;

    let json: Value = serde_json::from_str(&manifest.json).unwrap_or_default();
    let mut changed = SecretBytes::new(part.bytes.to_vec());
    let into = |keys: &[&str], values: &BTreeMap<String, String>, text: SecretBytes| {
        let there =
            keys.iter().try_fold(&json, |at, key| at.get(*key)).is_some_and(Value::is_object);
        let base: Vec<_> =
            manifest.path.0.iter().cloned().chain(keys.iter().map(|key| key_of(key))).collect();
        put(part.format, manifest.document, &base, values, there, text)
    };
    changed = into(&["spec", "encryptedData"], &sealed.values, changed)?;
    changed = into(
        &["spec", "template", "metadata", "annotations"],
        &sealed.secret.annotations,
        changed,
    )?;
    changed = into(&["spec", "template", "metadata", "labels"], &sealed.secret.labels, changed)?;

    let bytes = match (run.options.format, part.format) {
        (Some(OutputFormat::Yaml), Format::Json) | (Some(OutputFormat::Json), Format::Yaml) => {
            converted(run, part.format, &changed)?
        }
        _ => {
            let (before, after) = (&text[..part.start], &text[part.start + part.bytes.len()..]);
            SecretBytes::new([before, changed.expose(), after].concat())
        }
    };
    if run.options.output.is_some() {
        return run.put(&bytes, NewFile::Shared);
    }
    let stamp = original.stamp.ok_or_else(|| WriteError::NotRegular { path: file.clone() })?;
    let writer = Writer::default();
    writer.replace(file, bytes.expose(), &stamp)?;
    writer.finish();
    Ok(())
}

/// The one Secret of the input. What it says of scopes must not be wider or narrower than what the file says: values
/// sealed so would not open in it.
fn only_secret(run: &Run<'_>, scope: Scope) -> Result<Secret, CommandError> {
    let input = input::read(run.options.input.as_deref(), run.ui)?;
    let mut found = secrets(&input.name, input.bytes.expose())?;
    let several = found.len();
    let Some(secret) = found.pop().filter(|_| found.is_empty()) else {
        return Err(CommandError::failed(format!(
            "there are {several} Secrets in it; --merge-into takes one"
        ))
        .in_file(&input.name));
    };
    let annotated = Some(Scope::of_annotations(Some(&secret.annotations)))
        .filter(|annotated| *annotated != Scope::Strict);
    let file = run.options.merge_into.display();
    for (who, says) in [("`--scope`", run.options.scope), ("the Secret's annotation", annotated)] {
        if let Some(says) = says.filter(|says| *says != scope) {
            return Err(CommandError::failed(format!(
                "{file} is {scope}, and {who} says {says}: values sealed so would not open in it"
            ))
            .hint("leave it out: the scope of the file counts; to change that, seal the whole Secret again"));
        }
    }
    Ok(secret)
}

/// Puts texts into a mapping of a document, which may not be there yet.
fn put(
    format: Format,
    document: usize,
    base: &[PathElement],
    values: &BTreeMap<String, String>,
    is_there: bool,
    mut text: SecretBytes,
) -> Result<SecretBytes, CommandError> {
    let mut set = |path: Vec<PathElement>, value: &NewValue| {
        let path = Path(path);
        let place = Place { document, path: &path, as_sops: false };
        let changed = change::set(format, text.expose(), &place, value).map_err(|error| {
            CommandError::failed("the sealed values cannot be put into the file").caused_by(&error)
        })?;
        if let Some(changed) = changed {
            text = changed;
        }
        Ok::<(), CommandError>(())
    };
    if !is_there && !values.is_empty() {
        let entries =
            values.iter().map(|(key, value)| (key.clone(), NewValue::string(value.as_str())));
        set(base.to_vec(), &NewValue::Map(entries.collect()))?;
    } else {
        for (key, value) in values {
            let path = base.iter().cloned().chain([key_of(key)]).collect();
            set(path, &NewValue::string(value.as_str()))?;
        }
    }
    Ok(text)
}

fn converted(
    run: &Run<'_>,
    format: Format,
    text: &SecretBytes,
) -> Result<SecretBytes, CommandError> {
    let part = input::Part { format, start: 0, bytes: text.expose() };
    let (manifests, has_others) = sealed_secrets(&run.options.merge_into, &part)?;
    let printed = manifests
        .first()
        .filter(|_| !has_others)
        .and_then(|manifest| printed(&manifest.json, false));
    let wanted = run.options.format.unwrap_or(OutputFormat::Json);
    let printed = printed.ok_or_else(|| {
        CommandError::failed(
            "holds more than the SealedSecret, which a change of format would lose",
        )
        .in_file(&run.options.merge_into)
        .hint("leave out `-o`")
    })?;
    Ok(print(&printed, wanted))
}

fn key_of(text: &str) -> PathElement {
    PathElement::Key(text.into())
}

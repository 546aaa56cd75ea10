//! `--recovery-unseal`: one SealedSecret is opened with private keys from files, without any cluster.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::Secret;
use seal_api::sealed_secret::SealedSecret;
use seal_api::sealing::diagnosis::{DEFAULT_BUDGET, Place, Question, diagnose};
use seal_api::sealing::{KeyRing, SealedValue, SealingKey};
use seal_api::unseal::{UnsealError, assemble, sealed_values};
use seal_core::secret::SecretBytes;
use zeroize::{Zeroize as _, Zeroizing};

use super::Run;
use super::input::{self, parts};
use super::object::{sealed_secrets, typed};
use super::options::OutputFormat;
use super::print::{Printed, print};
use super::secret::secrets;
use crate::error::CommandError;
use crate::write;

/// Says that the Secret gets no owner.
const SKIP_OWNER: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";

/// Opens it and prints the Secret.
pub(super) fn unseal(run: &Run<'_>) -> Result<SecretBytes, CommandError> {
    let keys = private_keys(&run.options.private_keys)?;
    let input = input::read(run.options.input.as_deref(), run.ui)?;
    let mut manifests = Vec::new();
    for part in parts(input.bytes.expose())? {
        manifests.extend(sealed_secrets(&input.name, &part)?.0);
    }
    let [manifest] = manifests.as_slice() else {
        let problem = match manifests.len() {
            0 => "there is no SealedSecret in it".to_owned(),
            several => {
                format!("there are {several} SealedSecrets in it; --recovery-unseal opens one")
            }
        };
        return Err(CommandError::failed(problem)
            .in_file(&input.name)
            .hint("`seal decrypt --sealing-key` opens whole streams"));
    };
    let object = typed(&input.name, manifest)?;
    let sealed = sealed_values(&object).map_err(|errors| described(&errors))?;
    let values = opened(&object, &sealed, &keys)?;
    let mut unsealed = assemble(&object, &values).map_err(|errors| described(&errors))?;
    let printed = of_secret(&object, &unsealed.secret);
    let values = unsealed.secret.data.iter_mut().flat_map(BTreeMap::values_mut);
    values.for_each(|value| value.0.zeroize());
    Ok(print(&printed, run.options.format.unwrap_or(OutputFormat::Json)))
}

fn opened(
    object: &SealedSecret,
    sealed: &BTreeMap<String, SealedValue>,
    keys: &KeyRing,
) -> Result<BTreeMap<String, SecretBytes>, CommandError> {
    let label = object.label();
    let mut values = BTreeMap::new();
    let mut fits = None;
    let mut closed: Vec<(&str, &SealedValue)> = Vec::new();
    for (key, value) in sealed {
        match keys.open(value, &label, fits.as_ref()) {
            Some(opened) => {
                fits = Some(opened.by);
                values.insert(key.clone(), opened.plaintext);
            }
            None => closed.push((key, value)),
        }
    }
    let Some((_, first)) = closed.first() else { return Ok(values) };
    let names: Vec<&str> = closed.iter().map(|(key, _)| *key).collect();
    let mut error =
        CommandError::no_key(format!("no key could decrypt secret ({})", names.join(", ")));
    if keys.keys().is_empty() {
        return Err(
            error.hint("name the file with the private keys: `--recovery-private-key FILE`")
        );
    }
    let metadata = &object.metadata;
    let place = |namespace: &Option<String>, name: &Option<String>| {
        Place::new(namespace.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default())
    };
    let template = object.spec.template.as_ref().and_then(|template| template.metadata.as_ref());
    let template = template.map(|metadata| place(&metadata.namespace, &metadata.name));
    error.causes.push(
        diagnose(&Question {
            value: first,
            scope: object.scope(),
            place: &place(&metadata.namespace, &metadata.name),
            template: template.as_ref(),
            others: &[],
            active: keys.keys(),
            retired: &[],
            budget: DEFAULT_BUDGET,
        })
        .to_string(),
    );
    Err(error)
}

/// The keys of all files: PEM, Secrets, or Lists of Secrets.
fn private_keys(files: &[std::path::PathBuf]) -> Result<KeyRing, CommandError> {
    let mut keys = Vec::new();
    for file in files {
        let text = write::read(file)?.bytes;
        if let Ok(key) = SealingKey::from_pem(text.expose()) {
            keys.push(Arc::new(key));
            continue;
        }
        keys.extend(of_manifests(file, text.expose())?.into_iter().map(Arc::new));
    }
    Ok(KeyRing::new(keys))
}

fn of_manifests(file: &Path, text: &[u8]) -> Result<Vec<SealingKey>, CommandError> {
    let is_pem = text.windows(11).any(|part| part == b"-----BEGIN ");
    let failed = |problem: &str| CommandError::failed(problem).in_file(file);
    if is_pem && text.trim_ascii_start().starts_with(b"-----BEGIN ") {
        let error = SealingKey::from_pem(text).err();
        let failed = failed("holds no private key to open with");
        return Err(error.iter().fold(failed, |failed, error| failed.caused_by(error)));
    }
    let found = secrets(file, text).map_err(|mut error| {
        error.hints.push("PEM, a Secret with `tls.key`, or a List of those is possible".to_owned());
        error
    })?;
    found
        .into_iter()
        .map(|secret| {
            let key = secret
                .values
                .get("tls.key")
                .ok_or_else(|| failed(&format!("Secret {} has no `tls.key`", secret.place())))?;
            SealingKey::from_pem(key.expose()).map_err(|error| {
                failed(&format!("`tls.key` of Secret {} cannot be used", secret.place()))
                    .caused_by(&error)
            })
        })
        .collect()
}

fn described(errors: &[UnsealError]) -> CommandError {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    CommandError::failed(lines.join("; "))
}

/// As kubeseal prints it, in the order of its Go types.
fn of_secret(object: &SealedSecret, secret: &Secret) -> Printed {
    let text = |key: &str, text: &Option<String>| {
        let text = text.as_ref().filter(|text| !text.is_empty())?;
        Some((key.to_owned(), Printed::text(text.as_str())))
    };
    let of = &secret.metadata;
    let mut metadata: Vec<_> =
        [text("name", &of.name), text("namespace", &of.namespace)].into_iter().flatten().collect();
    for (key, map) in [("labels", &of.labels), ("annotations", &of.annotations)] {
        if let Some(map) = map.as_ref().filter(|map| !map.is_empty()) {
            metadata.push((key.to_owned(), Printed::map(map)));
        }
    }
    let skip = of.annotations.as_ref().and_then(|all| all.get(SKIP_OWNER));
    if skip.map(String::as_str) != Some("true") {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let owner = vec![
            ("apiVersion".to_owned(), Printed::text("bitnami.com/v1alpha1")),
            ("kind".to_owned(), Printed::text("SealedSecret")),
            ("name".to_owned(), Printed::text(name)),
            ("uid".to_owned(), Printed::text(object.metadata.uid.as_deref().unwrap_or_default())),
            ("controller".to_owned(), Printed::Bool(true)),
        ];
        let owners = Printed::List(vec![Printed::Map(owner)]);
        metadata.push(("ownerReferences".to_owned(), owners));
    }
    if let Some(finalizers) = of.finalizers.as_ref().filter(|all| !all.is_empty()) {
        let items = finalizers.iter().map(|text| Printed::text(text.as_str())).collect();
        metadata.push(("finalizers".to_owned(), Printed::List(items)));
    }
    let mut entries = vec![
        ("kind".to_owned(), Printed::text("Secret")),
        ("apiVersion".to_owned(), Printed::text("v1")),
        ("metadata".to_owned(), Printed::Map(metadata)),
    ];
    if let Some(immutable) = secret.immutable {
        entries.push(("immutable".to_owned(), Printed::Bool(immutable)));
    }
    if let Some(data) = secret.data.as_ref().filter(|data| !data.is_empty()) {
        let values = data.iter().map(|(key, value)| {
            (key.clone(), Printed::Text(Zeroizing::new(STANDARD.encode(&value.0))))
        });
        entries.push(("data".to_owned(), Printed::Map(values.collect())));
    }
    entries.extend(text("type", &secret.type_));
    Printed::Map(entries)
}

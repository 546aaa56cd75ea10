//! Secrets become SealedSecrets, and a single value a sealed one.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use seal_api::sealing::{CLUSTER_WIDE, NAMESPACE_WIDE};
use seal_api::sealing::{Label, Scope, SealedValue, SealingCertificate};
use seal_core::document::Timestamp;
use seal_core::secret::SecretBytes;
use seal_keys::Environment;

use super::options::OutputFormat;
use super::print::{Printed, print};
use super::secret::{Secret, secrets};
use super::{Run, input};
use crate::cluster::{self, ClusterError};
use crate::error::CommandError;
use crate::write;

/// Annotations in which `kubectl apply` and kubecfg keep a copy of the whole Secret in clear.
const COPIES: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
];

/// A Secret that was sealed.
pub(super) struct Sealed {
    /// With its final name and namespace, without values.
    pub(super) secret: Secret,
    pub(super) scope: Scope,
    /// Sealed values, as they stand in `encryptedData`.
    pub(super) values: BTreeMap<String, String>,
}

/// What stands instead of what the Secret says of itself.
#[derive(Default)]
pub(super) struct Target<'t> {
    pub(super) name: Option<&'t str>,
    pub(super) namespace: Option<&'t str>,
    /// Whatever the Secret and the options say.
    pub(super) scope: Option<Scope>,
}

/// Seals all Secrets of the input.
pub(super) fn seal(run: &Run<'_>) -> Result<SecretBytes, CommandError> {
    let input = input::read(run.options.input.as_deref(), run.ui)?;
    let certificate = run.certificate()?;
    let target = Target { name: run.options.name.as_deref(), ..Target::default() };
    let mut out = Vec::new();
    for secret in secrets(&input.name, input.bytes.expose())? {
        let sealed = one(run, secret, &target, &certificate)?;
        let format = run.options.format.unwrap_or(OutputFormat::Json);
        out.extend_from_slice(print(&sealed.printed(), format).expose());
    }
    Ok(SecretBytes::new(out))
}

/// Seals one Secret.
pub(super) fn one(
    run: &Run<'_>,
    mut secret: Secret,
    target: &Target<'_>,
    certificate: &SealingCertificate,
) -> Result<Sealed, CommandError> {
    let options = run.options;
    if secret.values.is_empty() && !options.allow_empty_data {
        return Err(CommandError::failed(
            "secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used",
        ));
    }
    if let Some(name) = target.name {
        name.clone_into(&mut secret.name);
    }
    if secret.name.is_empty() {
        return Err(CommandError::failed("missing metadata.name in input Secret")
            .hint("`--name` gives it one"));
    }
    check_namespace(run, &secret, target)?;
    if let Some(namespace) = target.namespace {
        namespace.clone_into(&mut secret.namespace);
    }
    let annotated = Scope::of_annotations(Some(&secret.annotations));
    let scope = target.scope.unwrap_or(match options.scope {
        Some(scope) if scope != Scope::Strict => scope,
        Some(_) if annotated != Scope::Strict => {
            run.ui.warn(&format!(
                "{} is sealed {annotated}, as its annotation says; `--scope strict` is kubeseal's default and changes nothing",
                secret.place()
            ));
            annotated
        }
        _ => annotated,
    });
    if scope != annotated {
        for other in [CLUSTER_WIDE, NAMESPACE_WIDE] {
            secret.annotations.remove(other);
        }
        if let Some(annotation) = scope.annotation() {
            secret.annotations.insert(annotation.to_owned(), "true".to_owned());
        }
    }
    if scope != Scope::ClusterWide && secret.namespace.is_empty() {
        secret.namespace = inferred_namespace(run)?;
    }
    for copy in COPIES {
        secret.annotations.remove(copy);
    }
    let label = scope.label(&secret.namespace, &secret.name);
    let values = std::mem::take(&mut secret.values);
    let sealed = values.iter().map(|(key, value)| {
        let sealed = SealedValue::seal(value.expose(), &label, certificate).map_err(|error| {
            CommandError::failed(format!("{key} of {} cannot be sealed", secret.place()))
                .caused_by(&error)
        })?;
        Ok((key.clone(), sealed.to_base64()))
    });
    let values = sealed.collect::<Result<_, CommandError>>()?;
    Ok(Sealed { secret, scope, values })
}

/// `--namespace` fills a gap; it never moves a Secret, which then could not be opened where it goes.
fn check_namespace(
    run: &Run<'_>,
    secret: &Secret,
    target: &Target<'_>,
) -> Result<(), CommandError> {
    let Some(asked) = &run.options.connection.namespace else { return Ok(()) };
    let has = target.namespace.unwrap_or(&secret.namespace);
    if has.is_empty() || has == asked {
        return Ok(());
    }
    Err(CommandError::failed(format!(
        "namespace mismatch: the Secret {:?} is in namespace {has:?}, and `--namespace` says {asked:?}",
        secret.name
    ))
    .hint("leave out `--namespace`, or change the Secret's own"))
}

fn inferred_namespace(run: &Run<'_>) -> Result<String, CommandError> {
    namespace(run, || {
        CommandError::failed("input secret has no namespace and cannot infer the namespace automatically when no kube config is available")
            .hint("name it with `--namespace`, or in the Secret's metadata")
    })
}

fn namespace(
    run: &Run<'_>,
    unknown: impl FnOnce() -> CommandError,
) -> Result<String, CommandError> {
    let environment: &Environment = run.environment;
    match cluster::namespace(&run.options.connection, environment) {
        Err(ClusterError::NoConfiguration) => Err(unknown()),
        result => Ok(result?),
    }
}

/// Seals one value; what comes out has no line break at the end, so that it can be put anywhere.
pub(super) fn raw(run: &Run<'_>) -> Result<SecretBytes, CommandError> {
    let scope = run.options.scope.unwrap_or_default();
    let missing = |flag: &str| {
        CommandError::usage(format!(
            "must provide the --{flag} flag with --raw and --scope {scope}"
        ))
    };
    let label: Label = match (scope, &run.options.name) {
        (Scope::ClusterWide, _) => scope.label("", ""),
        (Scope::NamespaceWide, _) => scope.label(&namespace(run, || missing("namespace"))?, ""),
        (Scope::Strict, None) => return Err(missing("name")),
        (Scope::Strict, Some(name)) => scope.label(&namespace(run, || missing("namespace"))?, name),
    };
    let value = match &run.options.from_file {
        Some(path) => write::read(path).map_err(CommandError::from)?.bytes,
        None => {
            if std::io::stdin().is_terminal() {
                run.ui.note("(tty detected: expecting a secret to encrypt in stdin)");
            }
            write::read_stdin()?
        }
    };
    let certificate = run.certificate()?;
    let sealed = SealedValue::seal(value.expose(), &label, &certificate)
        .map_err(|error| CommandError::failed("the value cannot be sealed").caused_by(&error))?;
    Ok(SecretBytes::new(sealed.to_base64().into_bytes()))
}

impl Sealed {
    /// As kubeseal prints it, in the order of its Go types.
    pub(super) fn printed(&self) -> Printed {
        let secret = &self.secret;
        let annotation = self.scope.annotation().map(|name| (name.to_owned(), "true".to_owned()));
        let annotations: BTreeMap<_, _> = annotation.into_iter().collect();
        let mut template = vec![("metadata".to_owned(), Printed::Map(of_secret(secret)))];
        if !secret.type_.is_empty() {
            template.push(("type".to_owned(), Printed::text(secret.type_.as_str())));
        }
        if let Some(immutable) = secret.immutable {
            template.push(("immutable".to_owned(), Printed::Bool(immutable)));
        }
        let mut metadata = vec![("name".to_owned(), Printed::text(secret.name.as_str()))];
        if !secret.namespace.is_empty() {
            metadata.push(("namespace".to_owned(), Printed::text(secret.namespace.as_str())));
        }
        if !annotations.is_empty() {
            metadata.push(("annotations".to_owned(), Printed::map(&annotations)));
        }
        let spec = vec![
            ("template".to_owned(), Printed::Map(template)),
            ("encryptedData".to_owned(), Printed::map(&self.values)),
        ];
        Printed::Map(vec![
            ("kind".to_owned(), Printed::text("SealedSecret")),
            ("apiVersion".to_owned(), Printed::text("bitnami.com/v1alpha1")),
            ("metadata".to_owned(), Printed::Map(metadata)),
            ("spec".to_owned(), Printed::Map(spec)),
        ])
    }
}

fn of_secret(secret: &Secret) -> Vec<(String, Printed)> {
    let mut entries = vec![("name".to_owned(), Printed::text(secret.name.as_str()))];
    let texts = [("generateName", &secret.generate_name), ("namespace", &secret.namespace)];
    for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        entries.push((key.to_owned(), Printed::text(text.as_str())));
    }
    let maps = [("labels", &secret.labels), ("annotations", &secret.annotations)];
    for (key, map) in maps.into_iter().filter(|(_, map)| !map.is_empty()) {
        entries.push((key.to_owned(), Printed::map(map)));
    }
    if !secret.finalizers.is_empty() {
        let items = secret.finalizers.iter().map(|text| Printed::text(text.as_str()));
        entries.push(("finalizers".to_owned(), Printed::List(items.collect())));
    }
    entries
}

/// Reads a certificate to seal with.
///
/// # Errors
/// None, one of another kind, or one that has expired.
pub(super) fn certificate(
    pem: &[u8],
    source: &str,
    now: Timestamp,
) -> Result<SealingCertificate, CommandError> {
    let certificate = SealingCertificate::from_pem(pem).map_err(|error| {
        CommandError::failed(format!("{source} holds no certificate to seal with"))
            .caused_by(&error)
            .hint("`--fetch-cert` prints the one of a cluster")
    })?;
    let until = certificate.not_after().as_second();
    let until = Timestamp::from_unix_seconds(u64::try_from(until).unwrap_or(0));
    if until.to_rfc3339() < now.to_rfc3339() {
        return Err(CommandError::failed(format!(
            "failed to encrypt using an expired certificate on {}",
            in_words(until)
        ))
        .hint("`--fetch-cert` prints the current one"));
    }
    Ok(certificate)
}

/// `January 2, 2006`
fn in_words(time: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let text = time.to_rfc3339();
    let mut parts = text.split(['-', 'T']);
    let mut number =
        || parts.next().and_then(|part| part.parse::<usize>().ok()).unwrap_or_default();
    let (year, month, day) = (number(), number(), number());
    let month = MONTHS.get(month.wrapping_sub(1)).copied().unwrap_or_default();
    format!("{month} {day}, {year}")
}

//! SealedSecrets of an input, and how they are printed in another format.

use std::path::Path;

use seal_api::sealed_secret::SealedSecret;
use seal_core::sealed_secret::{self, SealedManifest};
use serde_json::{Map, Value};

use super::input::{Part, objects};
use super::print::Printed;
use crate::error::CommandError;

/// The fields of Go's `ObjectMeta`, in order.
const METADATA: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

/// The SealedSecrets of a part, with whether it holds anything else.
///
/// # Errors
/// A text that is not of its format.
pub(super) fn sealed_secrets(
    name: &Path,
    part: &Part<'_>,
) -> Result<(Vec<SealedManifest>, bool), CommandError> {
    let stream = part.parse(name)?;
    let all = objects(part.bytes, &stream).len();
    let sealed = sealed_secret::read(part.format, part.bytes)
        .map_err(|error| CommandError::failed(error.to_string()).in_file(name))?;
    let has_others = all > sealed.len();
    Ok((sealed, has_others))
}

/// The typed object.
///
/// # Errors
/// Fields of another type than Kubernetes takes.
pub(super) fn typed(name: &Path, manifest: &SealedManifest) -> Result<SealedSecret, CommandError> {
    // Unlike serde's words, ours hold nothing of the text.
    serde_json::from_str(&manifest.json).map_err(|_| {
        CommandError::failed(format!(
            "{} has fields that no SealedSecret has",
            manifest.description
        ))
        .at(name, manifest.position)
        .hint("`kubectl apply --dry-run=server -f` says which")
    })
}

/// As kubeseal prints it. `is_fresh` leaves out what the API server counts.
///
/// # Errors
/// JSON that is no object.
pub(super) fn printed(json: &str, is_fresh: bool) -> Option<Printed> {
    let Ok(Value::Object(mut object)) = serde_json::from_str(json) else { return None };
    if is_fresh && let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        for counted in ["generation", "creationTimestamp", "deletionTimestamp"] {
            metadata.remove(counted);
        }
    }
    Some(ordered(
        object,
        &["kind", "apiVersion", "metadata", "spec", "status"],
        |key, value| match (key, value) {
            ("metadata", Value::Object(metadata)) => ordered(metadata, METADATA, any),
            ("spec", Value::Object(spec)) => {
                ordered(spec, &["template", "data", "encryptedData"], of_spec)
            }
            (_, value) => generic(value),
        },
    ))
}

fn of_spec(key: &str, value: Value) -> Printed {
    match (key, value) {
        ("template", Value::Object(template)) => {
            ordered(template, &["metadata", "type", "immutable", "data"], |key, value| {
                match (key, value) {
                    ("metadata", Value::Object(metadata)) => ordered(metadata, METADATA, any),
                    (_, value) => generic(value),
                }
            })
        }
        (_, value) => generic(value),
    }
}

/// Known fields in Go's order, then the others; Go would lose those. Null is not printed.
fn ordered(
    mut object: Map<String, Value>,
    order: &[&str],
    print: impl Fn(&str, Value) -> Printed,
) -> Printed {
    let mut entries = Vec::new();
    for key in order {
        match object.remove(*key) {
            None | Some(Value::Null) => {}
            Some(value) => entries.push(((*key).to_owned(), print(key, value))),
        }
    }
    let others = object.into_iter().filter(|(_, value)| !value.is_null());
    entries.extend(others.map(|(key, value)| (key, generic(value))));
    Printed::Map(entries)
}

fn any(_: &str, value: Value) -> Printed {
    generic(value)
}

fn generic(value: Value) -> Printed {
    match value {
        Value::Null => Printed::text(""),
        Value::Bool(flag) => Printed::Bool(flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Printed::Number(number),
            None => Printed::text(number.to_string()),
        },
        Value::String(text) => Printed::text(text),
        Value::Array(items) => Printed::List(items.into_iter().map(generic).collect()),
        Value::Object(object) => {
            let mut entries: Vec<_> =
                object.into_iter().map(|(key, value)| (key, generic(value))).collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            Printed::Map(entries)
        }
    }
}

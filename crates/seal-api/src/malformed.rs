//! Why an object in the cluster is no SealedSecret. A schema keeps most of that out; metadata of the template and the
//! sealed values pass any schema.

use serde_json::Value;
use thiserror::Error;

use crate::sealed_secret::SealedSecret;

/// A place in an object that holds something else than belongs there. Never says what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path} is not {expected}")]
pub struct MalformedObject {
    /// The path in the object, with dots.
    pub path: String,
    /// What belongs there.
    pub expected: &'static str,
}

impl SealedSecret {
    /// Reads an object of the API server. A status that cannot be read is passed over: it is ours to write.
    pub fn read(mut object: Value) -> Result<Self, MalformedObject> {
        // serde takes a list for a struct, too, its fields in order.
        if let Some(culprit) = list_for_an_object(&object) {
            return Err(culprit);
        }
        if let Ok(read) = serde_json::from_value(object.clone()) {
            return Ok(read);
        }
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        let culprit = first_malformed(&object);
        serde_json::from_value(object).map_err(|_| culprit)
    }
}

/// What a field has to be.
#[derive(Clone, Copy)]
enum Expected {
    Text,
    Flag,
    Object,
    Texts,
    List,
}

/// All that is read, but for metadata, which the API server sees to.
const FIELDS: [(&str, Expected); 11] = [
    ("spec", Expected::Object),
    ("spec.data", Expected::Text),
    ("spec.template", Expected::Object),
    ("spec.template.type", Expected::Text),
    ("spec.template.immutable", Expected::Flag),
    ("spec.template.data", Expected::Texts),
    ("spec.template.metadata", Expected::Object),
    ("spec.template.metadata.name", Expected::Text),
    ("spec.template.metadata.namespace", Expected::Text),
    ("spec.template.metadata.labels", Expected::Texts),
    ("spec.template.metadata.annotations", Expected::Texts),
];

fn list_for_an_object(object: &Value) -> Option<MalformedObject> {
    FIELDS.into_iter().filter(|(_, expected)| matches!(expected, Expected::Object)).find_map(
        |(path, expected)| {
            let found = path.split('.').try_fold(object, |value, field| value.get(field))?;
            found.is_array().then(|| expected.refuse(path, found)).flatten()
        },
    )
}

fn first_malformed(object: &Value) -> MalformedObject {
    for (path, expected) in FIELDS {
        let found = path.split('.').try_fold(object, |value, field| value.get(field));
        let found = match found {
            None | Some(Value::Null) if path == "spec" => &Value::Null,
            None | Some(Value::Null) => continue,
            Some(found) => found,
        };
        if let Some(culprit) = expected.refuse(path, found) {
            return culprit;
        }
    }
    let finalizers = "spec.template.metadata.finalizers";
    let found = finalizers.split('.').try_fold(object, |value, field| value.get(field));
    found.and_then(|found| Expected::List.refuse(finalizers, found)).unwrap_or_else(|| {
        MalformedObject { path: "the object".to_owned(), expected: "a SealedSecret" }
    })
}

impl Expected {
    fn refuse(self, path: &str, found: &Value) -> Option<MalformedObject> {
        let culprit = |path: String, expected| Some(MalformedObject { path, expected });
        match (self, found) {
            (Self::Text, Value::String(_))
            | (Self::Flag, Value::Bool(_))
            | (Self::Object, Value::Object(_)) => None,
            (Self::Text, _) => culprit(path.to_owned(), "text"),
            (Self::Flag, _) => culprit(path.to_owned(), "true or false"),
            (Self::Object, _) => culprit(path.to_owned(), "an object"),
            (Self::Texts, Value::Object(entries)) => entries
                .iter()
                .find(|(_, value)| !value.is_string())
                .and_then(|(key, _)| culprit(format!("{path}.{key}"), "text")),
            (Self::Texts, _) => culprit(path.to_owned(), "an object of texts"),
            (Self::List, Value::Array(entries)) if entries.iter().all(Value::is_string) => None,
            (Self::List, _) => culprit(path.to_owned(), "a list of texts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(spec: Value) -> String {
        SealedSecret::read(json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "name": "a", "namespace": "b" }, "spec": spec,
        }))
        .unwrap_err()
        .to_string()
    }

    #[test]
    fn names_the_place_that_is_wrong_and_not_what_stands_there() {
        for (spec, expected) in [
            (json!(null), "spec is not an object"),
            (json!({ "data": 7 }), "spec.data is not text"),
            (json!({ "template": [] }), "spec.template is not an object"),
            (json!({ "template": { "type": {} } }), "spec.template.type is not text"),
            (
                json!({ "template": { "immutable": "hunter2" } }),
                "spec.template.immutable is not true or false",
            ),
            (json!({ "template": { "data": { "a": 1 } } }), "spec.template.data.a is not text"),
            (
                json!({ "template": { "metadata": { "labels": { "x": 1 } } } }),
                "spec.template.metadata.labels.x is not text",
            ),
            (
                json!({ "template": { "metadata": { "annotations": "hunter2" } } }),
                "spec.template.metadata.annotations is not an object of texts",
            ),
            (
                json!({ "template": { "metadata": { "finalizers": [1] } } }),
                "spec.template.metadata.finalizers is not a list of texts",
            ),
        ] {
            assert_eq!(refusal(spec), expected);
        }
    }

    #[test]
    fn an_unreadable_status_does_not_matter() {
        let read = SealedSecret::read(json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "name": "a" }, "spec": { "encryptedData": {} }, "status": { "conditions": 7 },
        }));
        assert_eq!(read.unwrap().status, None);
    }

    #[test]
    fn entries_that_are_no_text_are_set_apart() {
        let read = SealedSecret::read(json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "name": "a" }, "spec": { "encryptedData": { "good": "Ag", "bad": 7 } },
        }))
        .unwrap();
        assert_eq!(read.spec.encrypted_data.malformed, ["bad"]);
        assert!(read.spec.encrypted_data.values.contains_key("good"));
    }
}

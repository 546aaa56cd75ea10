//! The definitions of custom resources in `crds/` and in the chart are those of the types, and take what those of
//! sealed-secrets take.

use std::fs;
use std::path::Path;

use seal_api::crd;
use serde_json::{Value, json};

use crate::release::{chart, documents, repository};

#[test]
fn what_is_shipped_is_printed_from_the_types() {
    for directory in [repository().join("crds"), chart().join("crds")] {
        let mut names: Vec<String> = Vec::new();
        for definition in crd::definitions() {
            let name = crd::file_name(&definition);
            let text = crd::to_yaml(&definition).unwrap();
            compare(&directory.join(&name), &text);
            names.push(name);
        }
        let mut found: Vec<String> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, names, "{} holds nothing else", directory.display());
    }
}

#[track_caller]
fn compare(file: &Path, text: &str) {
    if std::env::var_os("SEAL_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let kept = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(
        kept,
        text,
        "{} differs from what `seal-controller crd` prints; run with SEAL_BLESS=1",
        file.display()
    );
}

#[test]
fn all_definitions_are_one_stream() {
    let all = documents(&crd::all_as_yaml().unwrap());
    assert_eq!(all.len(), crd::definitions().len());
    assert!(all.iter().all(|document| document["kind"] == "CustomResourceDefinition"), "{all:?}");
}

/// What programs and people see of sealed-secrets' definition, fact by fact.
#[test]
fn sealed_secrets_are_defined_as_by_sealed_secrets() {
    let definition = sealed_secret();
    let spec = &definition["spec"];
    assert_eq!(definition["apiVersion"], "apiextensions.k8s.io/v1");
    assert_eq!(definition["metadata"]["name"], "sealedsecrets.bitnami.com");
    assert_eq!(spec["scope"], "Namespaced");
    let names = json!({
        "kind": "SealedSecret",
        "listKind": "SealedSecretList",
        "plural": "sealedsecrets",
        "singular": "sealedsecret",
    });
    assert_eq!(spec["names"], names);
    let [version] = spec["versions"].as_array().unwrap().as_slice() else { panic!("one version") };
    assert_eq!(version["name"], "v1alpha1");
    assert_eq!((&version["served"], &version["storage"]), (&json!(true), &json!(true)));
    assert_eq!(version["subresources"], json!({"status": {}}));
    let columns: Vec<(&Value, &Value, &Value)> = version["additionalPrinterColumns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (&column["name"], &column["type"], &column["jsonPath"]))
        .collect();
    let expected = [
        (json!("Status"), json!("string"), json!(".status.conditions[0].message")),
        (json!("Synced"), json!("string"), json!(".status.conditions[0].status")),
        (json!("Age"), json!("date"), json!(".metadata.creationTimestamp")),
    ];
    assert_eq!(columns, expected.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>());
}

#[test]
fn the_schema_refuses_no_more_than_that_of_sealed_secrets() {
    let schema = schema();
    assert_eq!(schema["required"], json!(["spec"]));
    assert_eq!(at(&schema, "spec")["required"], json!(["encryptedData"]));
    let condition = &at(&schema, "status/conditions")["items"];
    assert_eq!(condition["required"], json!(["status", "type"]));
    // Every object but those says nothing of what must be there.
    let mut required = Vec::new();
    walk("", &schema, &mut |path, schema| {
        if schema.get("required").is_some() {
            required.push(path.to_owned());
        }
        for keyword in [
            "enum",
            "pattern",
            "maxLength",
            "minLength",
            "maxItems",
            "maxProperties",
            "x-kubernetes-validations",
        ] {
            assert!(
                schema.get(keyword).is_none(),
                "{path} has {keyword}, which sealed-secrets' schema has not"
            );
        }
    });
    assert_eq!(required, ["", "/spec", "/status/conditions[]"]);
}

#[test]
fn types_in_the_schema_are_those_of_sealed_secrets() {
    let schema = schema();
    for (path, kind, format) in [
        ("spec/encryptedData", "object", None),
        ("spec/data", "string", Some("byte")),
        ("spec/template/type", "string", None),
        ("spec/template/immutable", "boolean", None),
        ("spec/template/data", "object", None),
        ("spec/template/metadata", "object", None),
        ("spec/template/metadata/name", "string", None),
        ("spec/template/metadata/namespace", "string", None),
        ("spec/template/metadata/labels", "object", None),
        ("spec/template/metadata/annotations", "object", None),
        ("spec/template/metadata/finalizers", "array", None),
        ("status/observedGeneration", "integer", Some("int64")),
    ] {
        let property = at(&schema, path);
        assert_eq!(property["type"], kind, "{path}");
        assert_eq!(property.get("format").and_then(Value::as_str), format, "{path}");
    }
    for path in ["spec/template/metadata", "spec/template/data"] {
        assert_eq!(at(&schema, path)["nullable"], true, "{path}: null");
    }
    for path in ["spec/encryptedData", "spec/template/metadata"] {
        assert_eq!(at(&schema, path)["x-kubernetes-preserve-unknown-fields"], true, "{path}");
    }
    let condition = &at(&schema, "status/conditions")["items"]["properties"];
    for (name, format) in [
        ("reason", None),
        ("message", None),
        ("lastUpdateTime", Some("date-time")),
        ("lastTransitionTime", Some("date-time")),
    ] {
        assert_eq!(condition[name]["type"], "string", "{name}");
        assert_eq!(condition[name].get("format").and_then(Value::as_str), format, "{name}");
    }
}

/// What an API server of 1.20 does not know would be dropped there in silence, or refused.
#[test]
fn the_definition_uses_nothing_that_old_api_servers_do_not_know() {
    let definition = sealed_secret();
    let version = &definition["spec"]["versions"][0];
    for field in ["selectableFields", "deprecated"] {
        assert!(version.get(field).is_none(), "{field}");
    }
    walk("", &schema(), &mut |path, schema| {
        for keyword in schema.as_object().unwrap().keys() {
            let known = [
                "additionalProperties",
                "description",
                "format",
                "items",
                "nullable",
                "properties",
                "required",
                "type",
                "x-kubernetes-preserve-unknown-fields",
            ];
            assert!(known.contains(&keyword.as_str()), "{path} has {keyword}");
        }
    });
}

fn sealed_secret() -> Value {
    let all = crd::definitions();
    let definition =
        all.iter().find(|definition| definition.spec.names.kind == "SealedSecret").unwrap();
    serde_json::to_value(definition).unwrap()
}

fn schema() -> Value {
    sealed_secret()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// The schema of a property, by its path.
#[track_caller]
fn at<'a>(schema: &'a Value, path: &str) -> &'a Value {
    path.split('/').fold(schema, |schema, name| {
        schema["properties"].get(name).unwrap_or_else(|| panic!("the schema has no {path}"))
    })
}

/// Every schema within a schema, with its path.
fn walk(path: &str, schema: &Value, see: &mut impl FnMut(&str, &Value)) {
    see(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}/{name}"), property, see);
    }
    if let Some(items) = schema.get("items") {
        walk(&format!("{path}[]"), items, see);
    }
    if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
        walk(&format!("{path}{{}}"), values, see);
    }
}

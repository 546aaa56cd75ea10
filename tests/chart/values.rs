//! Which values are taken. `values.schema.json` refuses the others: a mistyped value would otherwise be one that nobody
//! reads.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::objects::pod;
use crate::release::{Helm, chart};
use crate::rendered::values;

#[test]
fn a_value_that_nobody_reads_is_refused() {
    let Some(helm) = Helm::find("a_value_that_nobody_reads_is_refused") else { return };
    for (values, named) in [
        ("replica: 2", "replica"),
        ("image: {tags: v1}", "tags"),
        ("rbac: {serviceProxier: {subject: []}}", "subject"),
        ("metrics: {serviceMonitor: {enable: true}}", "enable"),
        ("networkPolicy: {egress: {kubeApiCidr: 10.0.0.1/32}}", "kubeApiCidr"),
    ] {
        let said = helm.refusal(values);
        assert!(said.contains(named), "{values}: {said}");
    }
}

#[test]
fn a_value_of_another_form_is_refused() {
    let Some(helm) = Helm::find("a_value_of_another_form_is_refused") else { return };
    for (values, named) in [
        ("replicas: two", "replicas"),
        ("secretName: Not_A_Name", "secretName"),
        ("keyrenewperiod: 30 days", "keyrenewperiod"),
        ("keySize: 1024", "keySize"),
        ("rateLimit: 0", "rateLimit"),
        ("logLevel: verbose", "logLevel"),
        ("additionalNamespaces: shop", "additionalNamespaces"),
        ("additionalNamespaces: [\"*\"]", "additionalNamespaces"),
        ("containerPorts: {http: 0}", "containerPorts.http"),
        ("service: {type: ExternalName}", "service.type"),
        ("image: {digest: latest}", "image.digest"),
        ("privateKeyLabels: {a: 1}", "privateKeyLabels"),
    ] {
        let said = helm.refusal(values);
        assert!(said.contains(named), "{values}: {said}");
    }
}

/// Its names with its defaults, as of its version 0.37, and what people set.
#[test]
fn a_values_file_of_sealed_secrets_carries_over() {
    let Some(helm) = Helm::find("a_values_file_of_sealed_secrets_carries_over") else { return };
    helm.template(&values("sealed-secrets-defaults"));
    let objects = helm.objects(&values("sealed-secrets-in-use"));
    let container = pod(&objects)["containers"][0].clone();
    let flags: Vec<&str> =
        container["args"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap()).collect();
    for flag in [
        "--key-renew-period=0",
        "--key-ttl=8760h",
        "--key-prefix=my-keys",
        "--additional-namespaces=shop,billing",
        "--log-format=json",
    ] {
        assert!(flags.contains(&flag), "{flag}: {flags:?}");
    }
    assert!(objects.iter().any(|object| object["kind"] == "ServiceMonitor"));
    assert!(objects.iter().any(|object| object["kind"] == "Deployment"
        && object["metadata"]["name"] == "sealed-secrets-controller"));
}

#[test]
fn the_image_of_sealed_secrets_is_refused_with_what_to_do() {
    let Some(helm) = Helm::find("the_image_of_sealed_secrets_is_refused_with_what_to_do") else {
        return;
    };
    for values in [
        "image: {registry: docker.io, repository: bitnami/sealed-secrets-controller, tag: 0.36.6}",
        "image: {registry: mirror.example, tag: v0.36.6}",
        "command: [controller]",
    ] {
        let said = helm.refusal(values);
        assert!(said.contains("leave both out of the values"), "{values}: {said}");
    }
}

#[test]
fn what_has_no_meaning_here_is_refused_unless_it_says_nothing() {
    let Some(helm) = Helm::find("what_has_no_meaning_here_is_refused_unless_it_says_nothing")
    else {
        return;
    };
    for (values, named) in [
        ("rbac: {pspEnabled: true}", "pspEnabled"),
        ("ingress: {selfSigned: true}", "selfSigned"),
        ("ingress: {secrets: [{name: a, key: b, certificate: c}]}", "secrets"),
        ("kubeVersion: v1.19.0", "kubeVersion"),
    ] {
        let said = helm.refusal(values);
        assert!(said.contains(named), "{values}: {said}");
    }
}

#[test]
fn values_and_their_schema_name_the_same() {
    let defaults: Value =
        serde_yaml::from_str(&fs::read_to_string(chart().join("values.yaml")).unwrap()).unwrap();
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(chart().join("values.schema.json")).unwrap())
            .unwrap();
    let (mut in_values, mut in_schema) = (BTreeSet::new(), BTreeSet::new());
    // Maps whose keys the chart does not choose end a path.
    paths(&defaults, &schema, "", &mut in_values);
    schema_paths(&schema, "", &mut in_schema);
    let only_in_schema: Vec<&String> = in_schema.difference(&in_values).collect();
    assert_eq!(in_values.difference(&in_schema).collect::<Vec<_>>(), [&String::new(); 0]);
    // Those of sealed-secrets that may be there and say nothing, and what Helm itself puts there.
    let silent = [
        "global",
        "ingress.apiVersion",
        "ingress.extraPaths",
        "ingress.secrets",
        "ingress.selfSigned",
        "kubeVersion",
        "rbac.pspEnabled",
        "resources.claims",
    ];
    assert_eq!(only_in_schema, silent);
}

#[test]
fn every_value_is_read_by_a_template() {
    let mut templates = String::new();
    for entry in fs::read_dir(chart().join("templates")).unwrap() {
        templates.push_str(&fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    let defaults: Value =
        serde_yaml::from_str(&fs::read_to_string(chart().join("values.yaml")).unwrap()).unwrap();
    for name in defaults.as_object().unwrap().keys() {
        // Probes are read by a name that is put together.
        let probe = name.ends_with("Probe");
        let read = [format!("alues.{name}"), format!("\"{name}\"")]
            .iter()
            .any(|text| templates.contains(text.as_str()));
        assert!(probe || read, "{name}");
    }
}

#[test]
fn the_program_has_every_flag_that_the_chart_gives() {
    let Some(helm) = Helm::find("the_program_has_every_flag_that_the_chart_gives") else { return };
    let output =
        Command::new(env!("CARGO_BIN_EXE_seal-controller")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let pod = pod(&helm.objects(&values("everything")));
    let args = pod["containers"][0]["args"].as_array().unwrap();
    for argument in args {
        let flag = argument.as_str().unwrap().split('=').next().unwrap();
        let known = help.split_whitespace().any(|word| word.split(['=', '[']).next() == Some(flag));
        assert!(known, "{flag} is not in\n{help}");
    }
    assert!(args.len() > 25, "the values give all flags there are");
}

/// The paths of all values, as deep as the schema names keys.
fn paths(value: &Value, schema: &Value, path: &str, all: &mut BTreeSet<String>) {
    match (value, &schema["properties"]) {
        (Value::Object(map), Value::Object(properties))
            if schema["additionalProperties"] == false =>
        {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                paths(value, properties.get(name).unwrap_or(&Value::Null), &path, all);
            }
        }
        _ => {
            all.insert(path.to_owned());
        }
    }
}

fn schema_paths(schema: &Value, path: &str, all: &mut BTreeSet<String>) {
    match &schema["properties"] {
        Value::Object(properties) if schema["additionalProperties"] == false => {
            for (name, schema) in properties {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                schema_paths(schema, &path, all);
            }
        }
        _ => {
            all.insert(path.to_owned());
        }
    }
}

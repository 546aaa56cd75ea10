//! Alerts and dashboard ask for metrics that the controller has, and the page explains them and the reasons.

use std::collections::BTreeSet;
use std::fs;

use seal_api::condition::Reason;
use serde_json::Value;

use crate::release::{chart, repository};

/// What the names of our metrics begin with.
const PREFIXES: [&str; 3] = ["sealed_secrets_controller_", "seal_controller_", "process_"];

#[test]
fn every_metric_that_is_asked_for_is_one_of_the_page() {
    let page = fs::read_to_string(repository().join("docs/controller-api.md")).unwrap();
    let known: BTreeSet<&str> = page.split('`').filter_map(|text| text.split('{').next()).collect();
    for (place, expression) in expressions() {
        let names = metrics(&expression);
        assert!(!names.is_empty(), "{place} asks for nothing of ours: {expression}");
        for name in names {
            let series =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            assert!(
                known.contains(name.as_str()) || series.is_some_and(|name| known.contains(name)),
                "{place}: {name}"
            );
        }
    }
}

#[test]
fn every_alert_says_what_happened_what_follows_and_how_bad_it_is() {
    for rule in alerts() {
        let name = &rule["alert"];
        for annotation in ["summary", "description"] {
            assert!(
                rule["annotations"][annotation]
                    .as_str()
                    .is_some_and(|text| text.trim().ends_with(['.', '}'])),
                "{name}: {annotation}"
            );
        }
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}");
        assert!(rule["for"].is_string(), "{name} waits before it is one");
    }
}

#[test]
fn the_page_has_every_alert() {
    let page = fs::read_to_string(repository().join("docs/controller.md")).unwrap();
    for rule in alerts() {
        let name = rule["alert"].as_str().unwrap();
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}

/// The reason of the condition `Ready`: what people search for at night.
#[test]
fn the_page_has_every_reason_and_no_other() {
    let page = fs::read_to_string(repository().join("docs/controller.md")).unwrap();
    let (_, table) = page.split_once("| reason |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(reason, _)| reason))
        .collect();
    assert_eq!(rows, Reason::ALL.map(Reason::as_str));
}

fn alerts() -> Vec<Value> {
    let text = fs::read_to_string(chart().join("alerts/seal-controller.yaml")).unwrap();
    let groups: Vec<Value> = serde_yaml::from_str(&text).unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// All expressions, with where they stand.
fn expressions() -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = alerts()
        .iter()
        .map(|rule| {
            (rule["alert"].as_str().unwrap().to_owned(), rule["expr"].as_str().unwrap().to_owned())
        })
        .collect();
    let text = fs::read_to_string(chart().join("dashboards/seal-controller.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            all.push((
                panel["title"].as_str().unwrap().to_owned(),
                target["expr"].as_str().unwrap().to_owned(),
            ));
        }
    }
    all
}

/// The words of an expression that are names of metrics of ours.
fn metrics(expression: &str) -> BTreeSet<String> {
    expression
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        .map(str::to_owned)
        .collect()
}

//! What the chart gives, as files to be read: `golden/NAME.txt` is what `values/NAME.yaml` gives.

use std::fs;

use serde_json::Value;

use crate::golden::golden;
use crate::release::{Helm, chart, repository};

/// The sets of values that other tests look at, too.
pub(crate) const SETS: [&str; 4] = ["default", "namespaced", "high-availability", "everything"];

/// The text of `values/NAME.yaml`.
#[track_caller]
pub(crate) fn values(name: &str) -> String {
    fs::read_to_string(repository().join("tests/chart/values").join(format!("{name}.yaml")))
        .unwrap()
}

#[test]
fn each_set_of_values_gives_what_its_golden_says() {
    let Some(helm) = Helm::find("each_set_of_values_gives_what_its_golden_says") else { return };
    for set in SETS {
        let mut text = helm.template(&values(set));
        // The dashboard has a file and a test of its own, and a thousand lines.
        if let Some((before, dashboard)) = text.split_once("  seal-controller.json: |\n") {
            let after = dashboard.split_once("---\n").map_or("", |(_, after)| after);
            text = format!(
                "{before}  seal-controller.json: <dashboards/seal-controller.json>\n---\n{after}"
            );
        }
        golden("chart", set, &text);
    }
}

#[test]
fn helm_finds_nothing_to_complain_about() {
    let Some(helm) = Helm::find("helm_finds_nothing_to_complain_about") else { return };
    for set in SETS {
        let output = helm.lint(&values(set));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{set}: {said}");
    }
}

#[test]
fn no_line_ends_in_a_blank_and_no_line_is_empty() {
    let Some(helm) = Helm::find("no_line_ends_in_a_blank_and_no_line_is_empty") else { return };
    for set in SETS {
        let text = helm.template(&values(set));
        for (number, line) in text.lines().enumerate() {
            assert_eq!(line.trim_end(), line, "{set}, line {}", number + 1);
            assert!(!line.is_empty(), "{set}, line {}", number + 1);
        }
    }
}

#[test]
fn the_dashboard_is_the_file() {
    let Some(helm) = Helm::find("the_dashboard_is_the_file") else { return };
    let objects = helm.objects("metrics: {dashboards: {create: true}}");
    let config_map = objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    assert_eq!(config_map["metadata"]["labels"]["grafana_dashboard"], "1");
    let file = fs::read_to_string(chart().join("dashboards/seal-controller.json")).unwrap();
    assert_eq!(config_map["data"]["seal-controller.json"].as_str().unwrap().trim(), file.trim());
    let dashboard: Value = serde_json::from_str(&file).unwrap();
    let mut ids: Vec<u64> = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        ids.push(panel["id"].as_u64().unwrap());
        assert!(
            panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()),
            "{}",
            panel["title"]
        );
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(
        ids.len(),
        dashboard["panels"].as_array().unwrap().len(),
        "every panel has an id of its own"
    );
}

#[test]
fn chart_program_and_image_have_one_version() {
    let chart: Value =
        serde_yaml::from_str(&fs::read_to_string(chart().join("Chart.yaml")).unwrap()).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

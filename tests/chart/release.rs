//! A release of the chart, rendered by helm.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::not_run::not_run;

/// The chart's directory.
pub(crate) fn chart() -> PathBuf {
    repository().join("charts/seal-controller")
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// helm, which is on PATH or fetched by a script; without it the test cannot run, and that is noted.
pub(crate) struct Helm(PathBuf);

impl Helm {
    pub(crate) fn find(test: &str) -> Option<Self> {
        static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match FOUND.get_or_init(find) {
            Ok(path) => Some(Self(path.clone())),
            Err(why) => {
                not_run(test, why);
                None
            }
        }
    }

    /// Everything that the chart gives with these values, a text in YAML, for the release `seal-controller` in the namespace
    /// `secrets`.
    #[track_caller]
    pub(crate) fn template(&self, values: &str) -> String {
        let output = self.run("template", values);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "helm template: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same as objects.
    #[track_caller]
    pub(crate) fn objects(&self, values: &str) -> Vec<Value> {
        documents(&self.template(values))
    }

    /// What helm says when it refuses these values.
    #[track_caller]
    pub(crate) fn refusal(&self, values: &str) -> String {
        let output = self.run("template", values);
        assert!(!output.status.success(), "helm accepts {values}");
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn lint(&self, values: &str) -> Output {
        self.run("lint", values)
    }

    fn run(&self, verb: &str, values: &str) -> Output {
        let mut file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        std::io::Write::write_all(&mut file, values.as_bytes()).unwrap();
        let mut command = Command::new(&self.0);
        command.arg(verb);
        match verb {
            "lint" => command.arg("--strict").arg(chart()),
            _ => command.arg("seal-controller").arg(chart()),
        };
        command.args(["--namespace", "secrets", "--values"]).arg(file.path()).stdin(Stdio::null());
        command.output().unwrap()
    }
}

/// The documents of a stream that hold something.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .filter(|document: &Value| !document.is_null())
        .collect()
}

fn find() -> Result<PathBuf, String> {
    let found =
        Command::new("helm").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(PathBuf::from("helm"));
    }
    let output = Command::new(repository().join("tests/setup/helm.sh"))
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(Path::new(String::from_utf8_lossy(&output.stdout).trim_end()).join("helm"))
}

//! The Dockerfile, and how the chart runs what comes of it. hadolint reads the file in `make lint`; no engine builds it here.

use std::fs;

use crate::objects::pod;
use crate::release::{Helm, repository};

/// The instructions of the Dockerfile, each as its words; continued lines are joined.
fn instructions() -> Vec<Vec<String>> {
    let text = fs::read_to_string(repository().join("Dockerfile")).unwrap().replace("\\\n", " ");
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

fn of(name: &str) -> Vec<String> {
    let all: Vec<Vec<String>> =
        instructions().into_iter().filter(|words| words[0] == name).collect();
    let [words] = all.as_slice() else { panic!("{name} stands there {} times", all.len()) };
    words[1..].to_vec()
}

#[test]
fn the_image_holds_one_file_and_runs_no_shell() {
    assert_eq!(of("FROM"), ["scratch"]);
    assert!(
        !instructions()
            .iter()
            .any(|words| ["RUN", "ADD", "SHELL", "CMD", "VOLUME"].contains(&words[0].as_str()))
    );
    let copy = of("COPY");
    assert_eq!(copy.last().unwrap(), "/seal-controller");
    assert!(copy.contains(&"--chmod=0555".to_owned()), "nobody can write it: {copy:?}");
    assert_eq!(of("ENTRYPOINT"), ["[\"/seal-controller\"]"]);
}

#[test]
fn the_user_is_a_number_and_the_one_of_the_chart() {
    let user = of("USER").concat();
    let (user, group) = user.split_once(':').unwrap();
    assert!(user.parse::<u32>().is_ok_and(|user| user > 0), "{user}");
    let Some(helm) = Helm::find("the_user_is_a_number_and_the_one_of_the_chart") else { return };
    let security = pod(&helm.objects("{}"))["containers"][0]["securityContext"].clone();
    assert_eq!(security["runAsUser"].to_string(), user);
    assert_eq!(security["runAsGroup"].to_string(), group);
}

#[test]
fn the_ports_of_the_image_are_those_of_the_chart() {
    let Some(helm) = Helm::find("the_ports_of_the_image_are_those_of_the_chart") else { return };
    let ports = pod(&helm.objects("{}"))["containers"][0]["ports"].clone();
    let ports: Vec<String> =
        ports.as_array().unwrap().iter().map(|port| port["containerPort"].to_string()).collect();
    assert_eq!(of("EXPOSE"), ports);
}

#[test]
fn the_image_says_what_it_is_and_where_it_comes_from() {
    let labels = of("LABEL").join(" ");
    for label in ["title", "description", "source", "licenses", "version", "revision"] {
        assert!(labels.contains(&format!("org.opencontainers.image.{label}=")), "{label}");
    }
    assert!(labels.contains(env!("CARGO_PKG_LICENSE")));
}

/// The context is sent to whoever builds: not the sources, not the repository, nothing that lies around.
#[test]
fn nothing_but_the_binary_goes_into_the_context() {
    let text = fs::read_to_string(repository().join(".dockerignore")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, ["*", "!target", "target/*", "!target/image"]);
    assert!(of("COPY").iter().any(|word| word.starts_with("target/image/")));
}

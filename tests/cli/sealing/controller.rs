//! Against a stand-in of the API server's service proxy.

use serde_json::{Value, json};

use super::{directory, fixture};
use crate::harness::TestDir;
use crate::stand_in::{Request, Response, StandIn};

const SERVICE: &str = "/api/v1/namespaces/kube-system/services/sealed-secrets-controller";
const PROXY: &str =
    "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:http/proxy/v1/";

/// A controller that has the fixture's certificate, opens what is called `db`, and seals again by giving the values that
/// kubeseal made another time.
fn controller() -> StandIn {
    StandIn::start(|request: &Request| {
        if request.path == SERVICE {
            return Response::json(
                200,
                &json!({"spec": {"ports": [{"name": "http", "port": 8080}]}}),
            );
        }
        let mut object = request.json();
        match request.path.strip_prefix(PROXY) {
            Some("cert.pem") => Response::text(200, &fixture("sealing-cert.pem")),
            Some("verify") => match object["metadata"]["name"].as_str() {
                Some("db") => Response::text(200, ""),
                _ => Response::text(409, ""),
            },
            Some("rotate") => {
                let other: Value = serde_json::from_str(&fixture("sealed-strict.json")).unwrap();
                object["spec"]["encryptedData"] = other["spec"]["encryptedData"].clone();
                object["spec"].as_object_mut().unwrap().remove("template");
                Response::json(200, &object)
            }
            _ => Response::text(404, ""),
        }
    })
}

fn with_controller() -> (TestDir, StandIn) {
    let (directory, server) = (directory(), controller());
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url()}}],
        "users": [{"name": "u", "user": {}}],
    });
    directory.write("kubeconfig.json", kubeconfig.to_string());
    (directory, server)
}

#[test]
fn encrypt_fetches_the_certificate_once_and_only_if_it_is_needed() {
    let (directory, server) = with_controller();
    directory.write("deploy/a.yaml", "kind: ConfigMap\napiVersion: v1\n");
    let run = |directory: &TestDir| {
        directory.done(&["encrypt", "--cluster", "--kubeconfig", "kubeconfig.json", "-i", "deploy"])
    };
    run(&directory);
    assert_eq!(server.requests().len(), 0);
    directory.write("deploy/a.yaml", fixture("secret.yaml"));
    directory.write("deploy/b.yaml", fixture("secret.yaml"));
    assert!(
        run(&directory)
            .stderr
            .starts_with("sealed 2 files (8 secrets in 2 documents) for SHA256:S78P")
    );
    assert_eq!(server.count("cert.pem"), 1);
}

#[test]
fn with_a_certificate_no_kubeconfig_is_looked_at() {
    let directory = directory();
    directory.write("secret.yaml", fixture("secret.yaml"));
    directory.write("garbage", "{{{ not yaml");
    let arguments = ["encrypt", "--cluster", "--cert", "cert.pem", "-i", "secret.yaml"];
    let run = directory.seal(&arguments).env("KUBECONFIG", directory.path("garbage")).run();
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn cert_prints_what_the_controller_has() {
    let (directory, _server) = with_controller();
    let run = directory.done(&["cert", "--kubeconfig", "kubeconfig.json"]);
    assert_eq!(run.out(), fixture("sealing-cert.pem"));
}

#[test]
fn verify_asks_about_each_object_and_names_the_one_that_does_not_open() {
    let (directory, server) = with_controller();
    directory.write("deploy/a.yaml", fixture("sealed-strict.yaml"));
    let verify = ["verify", "--cluster", "--kubeconfig", "kubeconfig.json", "deploy"];
    assert_eq!(directory.done(&verify).stderr, "verified 1 file (4 secrets in 1 document)\n");
    let other = fixture("sealed-strict.yaml").replace("  name: db\n", "  name: other\n");
    directory.write("deploy/b.yaml", format!("{}{other}", fixture("sealed-strict.yaml")));
    directory.seal(&verify).run().golden("sealing/verify-controller");
    assert_eq!(server.count("/verify"), 4);
}

#[test]
fn rotate_puts_the_values_of_the_answer_into_the_text_and_nothing_else() {
    let (directory, server) = with_controller();
    let before = fixture("sealed-strict.yaml").replace("    token:", "    # rotate me\n    token:");
    directory.write("deploy/a.yaml", &before);
    directory.write("deploy/b.yaml", "kind: ConfigMap\napiVersion: v1\n");
    let run =
        directory.done(&["rotate", "--cluster", "--kubeconfig", "kubeconfig.json", "-i", "deploy"]);
    assert_eq!(run.stderr, "rotated 1 file (4 secrets in 1 document), 1 skipped\n");
    let after = directory.read("deploy/a.yaml");
    assert_eq!(super::masked(&after), super::masked(&before));
    let other: Value = serde_json::from_str(&fixture("sealed-strict.json")).unwrap();
    for (key, value) in other["spec"]["encryptedData"].as_object().unwrap() {
        assert!(after.contains(&format!("    {key}: {}\n", value.as_str().unwrap())), "{key}");
    }
    assert_eq!(server.count("/rotate"), 1);
}

#[test]
fn an_answer_without_a_value_changes_nothing() {
    let (directory, _server) = with_controller();
    let more = fixture("sealed-strict.yaml").replace("    token:", "    more:");
    directory.write("a.yaml", &more);
    directory
        .seal(&["rotate", "--cluster", "--kubeconfig", "kubeconfig.json", "-i", "a.yaml"])
        .run()
        .golden("sealing/rotate-answer");
    assert_eq!(directory.read("a.yaml"), more);
}

#[test]
fn no_cluster_is_said_once_for_all_files() {
    let directory = directory();
    directory.write("deploy/a.yaml", fixture("secret.yaml"));
    directory.write("deploy/b.yaml", fixture("secret.yaml"));
    let run = directory.seal(&["encrypt", "--cluster", "-i", "deploy"]).run();
    run.golden("sealing/no-cluster");
    assert_eq!(directory.read("deploy/a.yaml"), fixture("secret.yaml"));
}

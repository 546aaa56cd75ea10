//! What needs a controller, against a stand-in of the API server's service proxy.

use serde_json::{Value, json};

use super::{Kubeseal, SECRET};
use crate::stand_in::{Request, Response, StandIn};

const SERVICE: &str = "/api/v1/namespaces/kube-system/services/sealed-secrets-controller";
const PROXY: &str =
    "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:http/proxy/v1";

/// An API server with a controller behind its proxy; `rotate` marks each value, `verify` refuses objects called `bad`.
fn server() -> StandIn {
    StandIn::start(|request| {
        let path = request.path.as_str();
        match path.strip_prefix(PROXY) {
            None if path == SERVICE => {
                Response::json(200, &json!({"kind": "Service", "spec": {"ports": [{"name": "http", "port": 8080}]}}))
            }
            Some("/cert.pem") => Response::text(200, include_str!("../../fixtures/kubeseal/sealing-cert.pem")),
            Some("/verify") => match request.json()["metadata"]["name"].as_str() {
                Some("bad") => Response::text(409, ""),
                Some("broken") => Response::text(500, "cannot parse it"),
                _ => Response::text(200, ""),
            },
            Some("/rotate") => rotated(request),
            _ => Response::json(404, &status(404, "not found here")),
        }
    })
}

fn rotated(request: &Request) -> Response {
    let mut object = request.json();
    let data = object["spec"]["encryptedData"].as_object_mut().unwrap();
    for value in data.values_mut() {
        *value = json!(format!("AgNEW{}", value.as_str().unwrap()));
    }
    // As sealed-secrets does it: the rendered template becomes data, and the template is gone.
    data.insert("rendered".to_owned(), json!("AgX"));
    object["spec"]["template"] = json!({});
    Response::json(200, &object)
}

fn status(code: u16, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code})
}

/// `kubeseal` with a kubeconfig that leads to this server.
fn with(server: &StandIn) -> Kubeseal {
    let kubeseal = Kubeseal::new();
    let config = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: k, cluster: {{server: '{}'}}}}]\ncontexts: [{{name: c, context: {{cluster: k, user: u, namespace: mine}}}}]\nusers: [{{name: u, user: {{token: hunter2}}}}]\ncurrent-context: c\n",
        server.url()
    );
    kubeseal.write("config", &config);
    let path = kubeseal.path("config").to_str().unwrap().to_owned();
    kubeseal.env("KUBECONFIG", &path)
}

const SEALED: &str = "\
# comment
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: db, namespace: shop}
spec:
  encryptedData:
    b: AgB   # second
    a: AgA
  template:
    data:
      rendered: '{{ .a }}'
";

#[test]
fn the_certificate_is_fetched_through_the_service_proxy() {
    let server = server();
    let kubeseal = with(&server);
    assert_eq!(kubeseal.done("--fetch-cert", ""), kubeseal.fixture("sealing-cert.pem"));
    let paths: Vec<_> = server.requests().into_iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    assert_eq!(paths, [format!("GET {SERVICE}"), format!("GET {PROXY}/cert.pem")]);
    let sealed = kubeseal.done("", SECRET);
    assert!(kubeseal.opened(&sealed).contains("password: aHVudGVyMg=="));
    kubeseal.done("--fetch-cert -w cert.pem", "");
    assert_eq!(kubeseal.read("cert.pem"), kubeseal.fixture("sealing-cert.pem"));
}

#[test]
fn a_server_without_tls_gets_no_credentials() {
    let server = server();
    let kubeseal = with(&server);
    kubeseal.done("--fetch-cert --as jane --as-group dev,ops --as-uid 7", "");
    for request in server.requests() {
        assert_eq!(request.header("authorization"), "");
        assert_eq!(request.header("impersonate-user"), "jane");
        assert_eq!(request.header("impersonate-uid"), "7");
    }
    let error = kubeseal.failed("--fetch-cert --token abc", "");
    assert!(error.starts_with("error: --token is not sent to a server without TLS"), "{error}");
}

#[test]
fn flags_override_the_kubeconfig() {
    let server = server();
    let kubeseal = Kubeseal::new().env("KUBECONFIG", "/nowhere");
    let url = server.url();
    kubeseal.done(&format!("--fetch-cert --server {url}"), "");
    kubeseal.done(&format!("--fetch-cert --server {} --request-timeout 5s", url.trim_start_matches("http://")), "");
    let elsewhere = with(&StandIn::start(|_| Response::text(500, "")));
    elsewhere.done(&format!("--fetch-cert --server {url} --context c --user u --cluster k"), "");
    for (flags, problem) in [
        ("--context x", "the kubeconfig has no context \"x\""),
        ("--cluster x", "the kubeconfig has no cluster \"x\""),
        ("--user x", "the kubeconfig has no user \"x\""),
        ("--kubeconfig /nowhere", "/nowhere cannot be read"),
        ("--as-uid 7", "--as-uid and --as-group need --as"),
        ("--request-timeout soon", "invalid argument for \"--request-timeout\" flag: it is no time"),
        ("--proxy-url gopher://p", "the proxy is of a kind that is not known (http, https and socks5 are)"),
        ("--controller-name a/b", "the controller's service \"a/b\" is no name of an object"),
    ] {
        let error = with(&server).failed(&format!("--fetch-cert {flags}"), "");
        assert_eq!(error.lines().next().unwrap(), format!("error: {problem}"), "{flags}");
    }
}

#[test]
fn the_controller_may_have_another_name_and_port() {
    let server = StandIn::start(|request| match request.path.as_str() {
        "/api/v1/namespaces/sealed/services/mine" => {
            Response::json(200, &json!({"spec": {"ports": [{"port": 80}]}}))
        }
        "/api/v1/namespaces/sealed/services/http:mine:/proxy/v1/cert.pem" => Response::text(200, "PEM\n"),
        _ => Response::json(404, &status(404, "")),
    });
    let kubeseal = with(&server)
        .env("SEALED_SECRETS_CONTROLLER_NAME", "mine")
        .env("SEALED_SECRETS_CONTROLLER_NAMESPACE", "wrong");
    assert_eq!(kubeseal.done("--fetch-cert --controller-namespace sealed", ""), "PEM\n");
}

#[test]
fn who_may_use_the_proxy_but_not_see_the_service_gets_through() {
    let server = StandIn::start(|request| match request.path.ends_with("services/http:sealed-secrets-controller:/proxy/v1/cert.pem") {
        true => Response::text(200, "PEM\n"),
        false => Response::json(403, &status(403, "no")),
    });
    assert_eq!(with(&server).done("--fetch-cert", ""), "PEM\n");
}

#[test]
fn validate_asks_for_each_object_and_names_those_that_do_not_open() {
    let kubeseal = with(&server());
    assert_eq!(kubeseal.done("--validate", SEALED), "");
    let bad = SEALED.replace("name: db", "name: bad");
    let run = kubeseal.run("--validate", &format!("{SEALED}---\n{bad}---\n{bad}"));
    assert_eq!(run.code, 1);
    assert_eq!(run.stderr.matches("error: unable to decrypt sealed secret: bad\n").count(), 2, "{}", run.stderr);
    let error = kubeseal.failed("--validate", &SEALED.replace("name: db", "name: broken"));
    assert!(error.starts_with("error: cannot validate sealed secret: SealedSecret shop/broken: "), "{error}");
    assert!(error.contains("caused by: cannot parse it\n"), "{error}");
    assert!(kubeseal.failed("--validate", SECRET).contains("not everything in it is a SealedSecret"));
    assert!(kubeseal.failed("--validate", "").contains("there is no SealedSecret in it"));
}

#[test]
fn re_encrypting_changes_values_and_nothing_else() {
    let kubeseal = with(&server());
    let expected = SEALED.replace("AgB", "AgNEWAgB").replace("AgA", "AgNEWAgA");
    assert_eq!(kubeseal.done("--re-encrypt", SEALED), expected);
    kubeseal.write("file.yaml", SEALED);
    assert_eq!(kubeseal.done("--re-encrypt -f file.yaml", ""), "");
    assert_eq!(kubeseal.read("file.yaml"), expected);
    kubeseal.write("file.yaml", SEALED);
    kubeseal.done("--re-encrypt -f file.yaml -w other.yaml", "");
    assert_eq!(kubeseal.read("file.yaml"), SEALED);
    assert_eq!(kubeseal.read("other.yaml"), expected);
    let stream = format!("{SEALED}---\nkind: ConfigMap\napiVersion: v1\n---\n{SEALED}");
    let both = format!("{expected}---\nkind: ConfigMap\napiVersion: v1\n---\n{expected}");
    assert_eq!(kubeseal.done("--re-encrypt", &stream), both);
    let run = kubeseal.run("--rotate", SEALED);
    assert_eq!((run.code, run.stdout), (0, expected));
    assert!(run.stderr.contains("--rotate has been deprecated"), "{}", run.stderr);
}

#[test]
fn re_encrypting_converts_when_it_is_asked_to() {
    let kubeseal = with(&server());
    let json = kubeseal.done("--re-encrypt -o json", SEALED);
    let object: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(object["spec"]["encryptedData"], json!({"a": "AgNEWAgA", "b": "AgNEWAgB"}));
    assert_eq!(object["spec"]["template"]["data"]["rendered"], "{{ .a }}");
    assert!(json.starts_with("{\n  \"kind\": \"SealedSecret\""));
    let compact = serde_json::to_string(&object).unwrap();
    let again = kubeseal.done("--re-encrypt", &format!("{compact}\n{compact}\n"));
    assert_eq!(again, format!("{0}\n{0}\n", compact.replace("AgNEW", "AgNEWAgNEW")));
    assert!(kubeseal.done("--re-encrypt -o yaml", &compact).starts_with("---\napiVersion: bitnami"));
}

#[test]
fn a_failure_leaves_the_file_as_it_is() {
    let server = StandIn::start(|request| match request.path.as_str() {
        SERVICE => Response::json(200, &json!({"spec": {"ports": [{"name": "http"}]}})),
        _ if request.json()["metadata"]["name"] == "other" => Response::json(200, &json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": {"name": "db", "namespace": "shop"}, "spec": {"encryptedData": {"a": "AgA", "b": "AgB"}}
        })),
        _ => Response::text(500, "no key could decrypt secret"),
    });
    let kubeseal = with(&server);
    let mut golden = String::new();
    for text in [SEALED.to_owned(), SEALED.replace("name: db", "name: other"), SECRET.to_owned()] {
        kubeseal.write("file.yaml", &text);
        golden.push_str(&kubeseal.failed("--re-encrypt -f file.yaml", ""));
        assert_eq!(kubeseal.read("file.yaml"), text);
    }
    crate::golden::golden("compat", "kubeseal-re-encrypt-refused", &golden);
}

#[test]
fn a_controller_that_is_asked_too_often_is_asked_again() {
    let server = server();
    server.inject(crate::stand_in::Fault::Answers(2, Response::text(429, "").with("retry-after", "0")));
    assert_eq!(with(&server).done("--validate", SEALED), "");
    assert_eq!(server.count("verify"), 1);
}

#[test]
fn failures_say_what_to_do() {
    let mut golden = String::new();
    let cases: [(&str, u16, &str); 5] = [
        ("no service", 404, "services \"sealed-secrets-controller\" not found"),
        ("not logged in", 401, "Unauthorized"),
        ("nothing behind it", 503, "no endpoints available for service \"http:sealed-secrets-controller:http\""),
        ("forbidden", 403, "User \"jane\" cannot get resource \"services/proxy\""),
        ("broken", 500, "internal error"),
    ];
    for (name, code, message) in cases {
        let message = message.to_owned();
        let server = StandIn::start(move |request| match request.path == SERVICE && code != 404 && code != 401 {
            true => Response::json(200, &json!({"spec": {"ports": [{"name": "http"}]}})),
            false => Response::json(code, &status(code, &message)),
        });
        let error = with(&server).failed("--fetch-cert", "").replace(&server.url(), "[SERVER]");
        golden.push_str(&format!("{name}\n{error}\n"));
    }
    let unreachable = Kubeseal::new().env("KUBECONFIG", "/nowhere");
    let error = unreachable.failed("--fetch-cert --server http://127.0.0.1:1", "");
    golden.push_str(&format!("no connection\n{error}\n"));
    golden.push_str(&format!("no kubeconfig\n{}\n", unreachable.failed("--fetch-cert", "")));
    golden.push_str(&format!("no kubeconfig, but a file\n{}\n", Kubeseal::new().failed("--fetch-cert", "")));
    crate::golden::golden("compat", "kubeseal-cluster-refused", &golden);
}

#[test]
fn a_certificate_may_be_at_a_url() {
    let server = StandIn::start(|request| match request.path.as_str() {
        "/cert.pem" => Response::text(200, include_str!("../../fixtures/kubeseal/sealing-cert.pem")),
        _ => Response::text(404, "gone"),
    });
    let kubeseal = Kubeseal::new();
    let sealed = kubeseal.done(&format!("--cert {}/cert.pem", server.url()), SECRET);
    assert!(kubeseal.opened(&sealed).contains("password: aHVudGVyMg=="));
    let error = kubeseal.failed(&format!("--cert {}/other.pem", server.url()), SECRET);
    assert!(error.starts_with("error: cannot fetch \"http://127.0.0.1:"), "{error}");
    assert!(error.contains(": 404 Not Found\n"), "{error}");
    let path = kubeseal.path("sealing-cert.pem");
    kubeseal.done(&format!("--cert file://{}", path.display()), SECRET);
}

#[test]
fn a_proxy_of_the_environment_counts_for_urls() {
    let proxy = StandIn::start(|request| match request.path.as_str() {
        "http://certs.example/cert.pem" => {
            Response::text(200, include_str!("../../fixtures/kubeseal/sealing-cert.pem"))
        }
        other => Response::text(500, other),
    });
    let kubeseal = Kubeseal::new().env("HTTP_PROXY", &proxy.url());
    kubeseal.done("--cert http://certs.example/cert.pem", SECRET);
    assert_eq!(proxy.requests().len(), 1);
}

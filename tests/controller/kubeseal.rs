//! `kubeseal`, answered by `seal`, against a running controller: through the API server's proxy to its Service, with the
//! certificates and the token of a real kubeconfig.

use std::io::Write as _;
use std::net::UdpSocket;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use k8s_openapi::api::core::v1::{Endpoints, Pod, Secret, Service};
use kube::api::{Patch, PatchParams, PostParams};
use seal_api::sealed_secret::SealedSecret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Controller, SOON, TestNamespace, free_port};
use crate::eventually::eventually;

/// The same name as the chart's Service.
const SERVICE: &str = "sealed-secrets-controller";

/// The binary `seal` under the name `kubeseal`. Its package is another one, so Cargo does not build it for this test:
/// `make test` and CI build the whole workspace, and else `cargo build -p seal-cli` does.
struct Kubeseal {
    directory: tempfile::TempDir,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Kubeseal {
    fn new(kubeconfig: &Path, namespace: &str) -> Self {
        let seal = Path::new(env!("CARGO_BIN_EXE_seal-controller")).with_file_name("seal");
        assert!(seal.exists(), "{} is missing: run `cargo build -p seal-cli`", seal.display());
        let directory = tempfile::tempdir().unwrap();
        symlink(seal, directory.path().join("kubeseal")).unwrap();
        let (kubeconfig, namespace) = (kubeconfig.to_owned(), namespace.to_owned());
        Self { directory, kubeconfig, namespace }
    }

    fn run(&self, line: &str, stdin: &str) -> (i32, String, String) {
        let mut child = Command::new(self.directory.path().join("kubeseal"))
            .args(line.split_whitespace())
            .current_dir(self.directory.path())
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .env("SEALED_SECRETS_CONTROLLER_NAMESPACE", &self.namespace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn done(&self, line: &str, stdin: &str) -> String {
        let (code, stdout, stderr) = self.run(line, stdin);
        assert_eq!((code, stderr.as_str()), (0, ""), "{line}");
        stdout
    }
}

/// An address of this machine that an API server takes for an endpoint, which it does not with the loopback's.
fn own_address() -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: this only chooses the way.
    socket.connect("192.0.2.1:9").expect("a network address besides the loopback's");
    socket.local_addr().unwrap().ip().to_string()
}

/// A controller behind a Service of its namespace.
async fn controller(cluster: &Cluster, namespace: &TestNamespace) -> Controller {
    let (address, port) = (own_address(), free_port());
    let metadata = json!({"name": SERVICE});
    let ports = json!([{"name": "http", "port": 8080, "targetPort": port}]);
    create::<Service>(namespace, json!({"metadata": metadata, "spec": {"ports": ports}})).await;
    // The API server asks for a pod with that address behind each endpoint. This one never runs anything.
    let pod = json!({
        "metadata": metadata, "spec": {"containers": [{"name": "none", "image": "none"}]}
    });
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let pods = namespace.api::<Pod>();
    eventually("the namespace takes pods", SOON, || async {
        pods.create(&PostParams::default(), &pod).await.map(|_| ())
    })
    .await;
    let status = json!({"status": {"podIP": address, "podIPs": [{"ip": address}]}});
    pods.patch_status(SERVICE, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    let target = json!({"kind": "Pod", "name": SERVICE, "namespace": namespace.name()});
    let addresses = json!([{"ip": address, "targetRef": target}]);
    let subsets = json!([{"addresses": addresses, "ports": [{"name": "http", "port": port}]}]);
    create::<Endpoints>(namespace, json!({"metadata": metadata, "subsets": subsets})).await;
    let listen = format!("--listen-addr=0.0.0.0:{port}");
    let controller = Controller::spawn(
        cluster.kubeconfig(),
        namespace.name(),
        &[&listen, "--rate-limit=100", "--rate-limit-burst=100"],
    );
    eventually("the controller behind its Service is ready", SOON, || async {
        match reqwest::get(format!("http://{address}:{port}/readyz")).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(answer.text().await.unwrap_or_default()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
    controller
}

async fn create<K>(namespace: &TestNamespace, object: Value)
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + serde::Serialize
        + std::fmt::Debug,
    K::DynamicType: Default,
{
    let object: K = serde_json::from_value(object).unwrap();
    namespace.api::<K>().create(&PostParams::default(), &object).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_works_through_the_service_proxy() {
    let cluster = Cluster::connect().await;
    cluster.install_crds().await;
    let namespace = cluster.namespace("kubeseal").await;
    let _controller = controller(&cluster, &namespace).await;
    let kubeseal = Kubeseal::new(cluster.kubeconfig(), namespace.name());

    let certificate = kubeseal.done("--fetch-cert", "");
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----\n"), "{certificate}");

    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "labels": {"app": "db"}},
        "stringData": {"password": "hunter2"},
    });
    let sealed = kubeseal.done(&format!("-n {}", namespace.name()), &secret.to_string());
    kubeseal.done("--validate", &sealed);
    let elsewhere = sealed.replace("\"name\": \"db\"", "\"name\": \"other\"");
    let (code, _, stderr) = kubeseal.run("--validate", &elsewhere);
    assert_eq!(code, 1);
    assert!(stderr.starts_with("error: unable to decrypt sealed secret: other\n"), "{stderr}");

    let renewed = kubeseal.done("--re-encrypt", &sealed);
    let value = |text: &str| -> Value {
        serde_json::from_str::<Value>(text).unwrap()["spec"]["encryptedData"]["password"].clone()
    };
    assert_ne!(value(&renewed), value(&sealed));
    let (code, _, stderr) = kubeseal.run("--re-encrypt", &elsewhere);
    assert_eq!(code, 1, "{stderr}");
    kubeseal.done("--validate", &renewed);

    create::<SealedSecret>(&namespace, serde_json::from_str(&renewed).unwrap()).await;
    eventually("the Secret is there", SOON, || async {
        let secret = namespace.api::<Secret>().get("db").await?;
        let password = secret.data.as_ref().and_then(|data| data.get("password"));
        Ok::<_, kube::Error>(password.is_some_and(|password| password.0 == b"hunter2"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_api_server_say_what_is_missing() {
    let cluster = Cluster::connect().await;
    let namespace = cluster.namespace("kubeseal-refused").await;
    let kubeseal = Kubeseal::new(cluster.kubeconfig(), namespace.name());
    let refused = |line: &str| {
        let (code, stdout, stderr) = kubeseal.run(line, "");
        assert_eq!((code, stdout.as_str()), (1, ""), "{line}: {stderr}");
        stderr
    };
    let error = refused("--fetch-cert");
    assert!(
        error.contains("there is no service") && error.contains("--controller-name"),
        "{error}"
    );
    let error = refused("--fetch-cert --as nobody");
    assert!(error.contains("does not allow that (403)") && error.contains("nobody"), "{error}");
    let error = refused("--fetch-cert --certificate-authority /etc/ssl/certs/ca-certificates.crt");
    assert!(error.contains("cannot be reached") && error.contains("certificate"), "{error}");
    let error = refused("--fetch-cert --tls-server-name other.example");
    assert!(error.contains("cannot be reached") && error.contains("other.example"), "{error}");
    create::<Service>(
        &namespace,
        json!({"metadata": {"name": SERVICE}, "spec": {"ports": [{"name": "http", "port": 80}]}}),
    )
    .await;
    // A cluster with nodes makes that by itself.
    create::<Endpoints>(&namespace, json!({"metadata": {"name": SERVICE}})).await;
    let error = refused("--fetch-cert");
    assert!(error.contains("does not answer (503)") && error.contains("get endpoints"), "{error}");
}

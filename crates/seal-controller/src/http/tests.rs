use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::body::Body;
use axum::http::HeaderMap;
use http_body_util::BodyExt as _;
use seal_api::sealing::{KeySize, Scope, SealedValue, SealingCertificate, SealingKey};
use tower::ServiceExt as _;

use super::*;
use crate::sealing_keys::RegisteredKey;

/// Two key pairs for all tests: the older one is still active.
struct Pairs {
    old: (Arc<SealingKey>, SealingCertificate),
    new: (Arc<SealingKey>, SealingCertificate),
}

fn pairs() -> &'static Pairs {
    static PAIRS: OnceLock<Pairs> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let pair = |made: &str| {
            let key = SealingKey::generate(KeySize::Rsa2048).unwrap();
            let made = made.parse().unwrap();
            let certificate =
                SealingCertificate::self_signed(&key, "", made, Duration::from_secs(1 << 30))
                    .unwrap();
            (Arc::new(key), certificate)
        };
        Pairs { old: pair("2020-01-01T00:00:00Z"), new: pair("2021-01-01T00:00:00Z") }
    })
}

fn registered((key, certificate): &(Arc<SealingKey>, SealingCertificate)) -> RegisteredKey {
    RegisteredKey {
        secret_name: "sealed-secrets-keyabcde".to_owned(),
        secret_uid: certificate.fingerprint().to_string(),
        state: "active".to_owned(),
        key: key.clone(),
        certificate: certificate.clone(),
        order: certificate.not_before(),
        created: certificate.not_before(),
    }
}

/// A server without sockets.
struct Server {
    shared: Arc<Shared>,
    api: Router,
    metrics: Router,
    readiness: Readiness,
    leading: watch::Sender<bool>,
}

struct Answer {
    code: u16,
    headers: HeaderMap,
    body: String,
}

impl Server {
    fn with(keys: Option<Vec<RegisteredKey>>, change: impl FnOnce(&mut HttpSettings)) -> Self {
        let mut settings = HttpSettings {
            address: ":0".to_owned(),
            metrics_address: ":0".to_owned(),
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            body_limit: 1 << 20,
            rate: 1000,
            burst: 1000,
        };
        change(&mut settings);
        let (leading, receiver) = watch::channel(true);
        let readiness = Readiness::default();
        let registry = Registry::new();
        if let Some(keys) = keys {
            registry.publish(keys, Vec::new());
        }
        let sources = Sources {
            keys: registry,
            metrics: Metrics::new("v0", false),
            readiness: readiness.clone(),
            leading: receiver,
            accept_deprecated: true,
        };
        let shared = Shared::new(sources, settings);
        let (api, metrics) = routers(&shared);
        Self { shared, api, metrics, readiness, leading }
    }

    fn new() -> Self {
        let active = vec![registered(&pairs().new), registered(&pairs().old)];
        Self::with(Some(active), |_| {})
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let router = if path == "/metrics" { &self.metrics } else { &self.api };
        let response = router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            code: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.ask("POST", path, &[], body).await
    }
}

fn sealed(plaintext: &str, scope: Scope, pair: &(Arc<SealingKey>, SealingCertificate)) -> String {
    SealedValue::seal(plaintext.as_bytes(), &scope.label("shop", "db"), &pair.1)
        .unwrap()
        .to_base64()
}

/// What a value says under a label, if the newest key sealed it.
fn opened(text: &str, scope: Scope) -> Option<String> {
    let value = SealedValue::from_base64(text).unwrap();
    let plaintext = pairs().new.0.open(&value, &scope.label("shop", "db"))?;
    Some(String::from_utf8(plaintext.expose().to_vec()).unwrap())
}

fn encrypted_data(json: &str) -> BTreeMap<String, String> {
    let object: serde_json::Value = serde_json::from_str(json).unwrap();
    serde_json::from_value(object["spec"]["encryptedData"].clone()).unwrap()
}

/// With unknown fields, odd numbers and an order of its own, all of which must stay.
fn object(annotations: &str, values: &str) -> String {
    format!(
        r#"{{"kind": "SealedSecret",  "apiVersion": "bitnami.com/v1alpha1", "x": 1.50e+1,
  "metadata": {{"name": "db", "namespace": "shop", "annotations": {{{annotations}}}}},
  "spec": {{"encryptedData": {{{values}}}, "template": {{"data": {{"url": "{{{{ .password }}}} \u00e9"}},
  "metadata": {{"annotations": {{"sealedsecrets.bitnami.com/cluster-wide": "true"}}}}}}}}}}
"#
    )
}

#[tokio::test]
async fn health_is_a_word() {
    let answer = Server::with(None, |_| {}).get("/healthz").await;
    assert_eq!((answer.code, answer.body.as_str()), (200, "ok\n"));
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let server = Server::with(None, |_| {});
    let answer = server.get("/readyz").await;
    assert_eq!(answer.code, 503);
    assert!(answer.body.contains("sealing keys have not been listed"), "{}", answer.body);
    assert!(answer.body.contains("SealedSecrets have not been listed"), "{}", answer.body);

    let server = Server::with(Some(Vec::new()), |_| {});
    server.readiness.set_filled(true);
    let answer = server.get("/readyz").await;
    assert_eq!(answer.code, 503);
    assert!(answer.body.contains("there is no sealing key yet"), "{}", answer.body);

    let mut future = registered(&pairs().new);
    let start = Timestamp::now() + Duration::from_secs(3600);
    future.certificate =
        SealingCertificate::self_signed(&pairs().new.0, "", start, Duration::from_secs(3600))
            .unwrap();
    let server = Server::with(Some(vec![future]), |_| {});
    server.readiness.set_filled(true);
    let answer = server.get("/readyz").await;
    assert_eq!(answer.code, 503);
    assert!(answer.body.contains("from the future"), "{}", answer.body);

    let server = Server::new();
    assert_eq!(server.get("/readyz").await.code, 503);
    server.readiness.set_filled(true);
    assert_eq!(server.get("/readyz").await.code, 200);
}

#[tokio::test]
async fn a_replica_that_stands_by_needs_no_objects_to_be_ready() {
    let server = Server::new();
    server.leading.send_replace(false);
    let answer = server.get("/readyz").await;
    assert_eq!((answer.code, answer.body.as_str()), (200, "ok\n"));
}

#[tokio::test]
async fn the_certificate_is_the_newest_one() {
    let answer = Server::new().get("/v1/cert.pem").await;
    assert_eq!(answer.code, 200);
    assert_eq!(answer.headers["content-type"], "application/x-pem-file");
    assert_eq!(answer.body, pairs().new.1.to_pem());
    let answer = Server::with(Some(Vec::new()), |_| {}).get("/v1/cert.pem").await;
    assert_eq!(answer.code, 500);
    assert!(answer.body.contains("no sealing key"), "{}", answer.body);
}

#[tokio::test]
async fn verify_answers_yes_or_no_and_nothing_else() {
    let server = Server::new();
    for (scope, annotation) in [
        (Scope::Strict, ""),
        (Scope::NamespaceWide, r#""sealedsecrets.bitnami.com/namespace-wide": "true""#),
        (Scope::ClusterWide, r#""sealedsecrets.bitnami.com/cluster-wide": "true""#),
    ] {
        let good = sealed("hunter2", scope, &pairs().old);
        let fits =
            server.post("/v1/verify", object(annotation, &format!(r#""a": "{good}""#))).await;
        assert_eq!((fits.code, fits.body.as_str()), (200, ""), "{scope}");
    }
    let strict = sealed("hunter2", Scope::Strict, &pairs().new);
    let wide = sealed("hunter2", Scope::ClusterWide, &pairs().new);
    for values in [
        format!(r#""a": "{wide}""#),
        format!(r#""a": "{strict}", "b": "{wide}""#),
        r#""a": "bm90IHNlYWxlZA==""#.to_owned(),
        r#""a": "?""#.to_owned(),
        r#""a": 3"#.to_owned(),
    ] {
        let answer = server.post("/v1/verify", object("", &values)).await;
        assert_eq!((answer.code, answer.body.as_str()), (409, ""), "{values}");
        assert!(answer.headers.get("content-type").is_none());
    }
}

#[tokio::test]
async fn templates_are_never_looked_at() {
    // One that would end in an error, or never.
    let value = sealed("hunter2", Scope::Strict, &pairs().new);
    let object =
        object("", &format!(r#""a": "{value}""#)).replace("{{ .password }}", "{{ fail .a }}{{");
    let server = Server::new();
    assert_eq!(server.post("/v1/verify", object.clone()).await.code, 200);
    let rotated = server.post("/v1/rotate", object).await;
    assert_eq!(rotated.code, 200, "{}", rotated.body);
    assert!(rotated.body.contains("{{ fail .a }}{{"));
}

#[tokio::test]
async fn rotate_seals_each_value_anew_under_its_own_label_and_keeps_every_other_byte() {
    let server = Server::new();
    for (scope, annotation) in [
        (Scope::Strict, ""),
        (Scope::NamespaceWide, r#""sealedsecrets.bitnami.com/namespace-wide": "true""#),
        (Scope::ClusterWide, r#""sealedsecrets.bitnami.com/cluster-wide": "true""#),
    ] {
        let (one, two) = (sealed("hunter2", scope, &pairs().old), sealed("", scope, &pairs().new));
        let source = object(annotation, &format!(r#""one": "{one}" , "two":"{two}""#));
        let answer = server.post("/v1/rotate", source.clone()).await;
        assert_eq!(answer.code, 200, "{}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/json");
        let values = encrypted_data(&answer.body);
        assert_eq!(opened(&values["one"], scope).as_deref(), Some("hunter2"));
        assert_eq!(opened(&values["two"], scope).as_deref(), Some(""));
        assert_ne!(values["two"], two, "sealed anew even under the newest key, as upstream does");
        let restored = answer.body.replace(&values["one"], &one).replace(&values["two"], &two);
        assert_eq!(restored, source);
    }
}

#[tokio::test]
async fn rotate_never_widens_a_scope_by_what_the_template_says() {
    let value = sealed("hunter2", Scope::Strict, &pairs().new);
    let answer = Server::new().post("/v1/rotate", object("", &format!(r#""a": "{value}""#))).await;
    let values = encrypted_data(&answer.body);
    assert_eq!(opened(&values["a"], Scope::ClusterWide), None);
    assert_eq!(opened(&values["a"], Scope::Strict).as_deref(), Some("hunter2"));
}

#[tokio::test]
async fn rotate_does_all_values_or_none_and_names_those_that_do_not_open() {
    let good = sealed("hunter2", Scope::Strict, &pairs().new);
    let wide = sealed("hunter2", Scope::ClusterWide, &pairs().new);
    let server = Server::new();
    let answer = server
        .post(
            "/v1/rotate",
            object("", &format!(r#""good": "{good}", "b": "{wide}", "c": "{wide}""#)),
        )
        .await;
    assert_eq!(answer.code, 500);
    assert!(answer.body.starts_with("no key could decrypt secret (b, c)"), "{}", answer.body);
    let answer =
        server.post("/v1/rotate", object("", &format!(r#""good": "{good}", "b": "aGk=""#))).await;
    assert_eq!(answer.code, 500);
    assert!(answer.body.contains("b: "), "{}", answer.body);
}

#[tokio::test]
async fn yaml_becomes_json_or_stays_yaml_where_that_is_accepted() {
    let value = sealed("hunter2", Scope::Strict, &pairs().old);
    let yaml = format!(
        "---\n# ours\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  namespace: shop\n  name: db\n\
         spec:\n  encryptedData:\n    plain: {value} # why\n    'single': '{value}'\n    double: \"{value}\"\n    \
         block: |\n      {value}\n"
    );
    let server = Server::new();
    let json = server.post("/v1/rotate", yaml.clone()).await;
    assert_eq!(json.code, 200, "{}", json.body);
    assert_eq!(json.headers["content-type"], "application/json");
    let values = encrypted_data(&json.body);
    assert_eq!(values.len(), 4);
    for text in values.values() {
        assert_eq!(opened(text, Scope::Strict).as_deref(), Some("hunter2"));
    }
    let accepted = [("accept", "text/html, application/yaml;q=0.9")];
    let kept = server.ask("POST", "/v1/rotate", &accepted, yaml.clone()).await;
    assert_eq!(kept.code, 200, "{}", kept.body);
    assert_eq!(kept.headers["content-type"], "application/yaml");
    assert!(kept.body.starts_with("---\n# ours\napiVersion"), "{}", kept.body);
    assert!(kept.body.contains(" # why\n    'single': '"), "{}", kept.body);
    assert_eq!(kept.body.lines().count(), yaml.lines().count());
    assert!(!kept.body.contains(&value));
}

#[tokio::test]
async fn the_deprecated_form_is_sealed_anew_as_one_value() {
    let value = sealed(r#"{"kind":"Secret"}"#, Scope::Strict, &pairs().old);
    let source = format!(
        r#"{{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret","metadata":{{"name":"db","namespace":"shop"}},"spec":{{"data":"{value}"}}}}"#
    );
    let answer = Server::new().post("/v1/rotate", source.clone()).await;
    assert_eq!(answer.code, 200, "{}", answer.body);
    let object: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let resealed = object["spec"]["data"].as_str().unwrap();
    assert_eq!(opened(resealed, Scope::Strict).as_deref(), Some(r#"{"kind":"Secret"}"#));
    let both =
        source.replace(r#""spec":{"#, &format!(r#""spec":{{"encryptedData":{{"a":"{value}"}},"#));
    let answer = Server::new().post("/v1/rotate", both).await;
    assert_eq!(answer.code, 500);
    assert!(answer.body.contains("spec.encryptedData are both there"), "{}", answer.body);
}

#[tokio::test]
async fn what_is_not_one_sealed_secret_is_refused_without_being_quoted() {
    let value = sealed("hunter2", Scope::Strict, &pairs().new);
    let one = object("", &format!(r#""a": "{value}""#));
    let server = Server::new();
    for (body, says) in [
        (String::new(), "no SealedSecret"),
        ("hunter2: [".to_owned(), "neither JSON nor YAML"),
        (r#"{"a": "hunter2"#.to_owned(), "neither JSON nor YAML"),
        ("null".to_owned(), "no SealedSecret"),
        (one.replace("SealedSecret", "Secret"), "no SealedSecret"),
        (one.replace("bitnami.com/", "example.com/"), "no SealedSecret"),
        (format!("---\n{one}\n---\n{one}"), "2 documents"),
        (format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{one}]}}"#), "no SealedSecret"),
    ] {
        for path in ["/v1/verify", "/v1/rotate"] {
            let answer = server.post(path, body.clone()).await;
            assert_eq!(answer.code, 500, "{path}: {body}");
            assert!(answer.body.contains(says), "{path}: {body}: {}", answer.body);
            assert!(!answer.body.contains("hunter2"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn without_a_key_the_answer_is_neither_yes_nor_no() {
    let server = Server::with(Some(Vec::new()), |_| {});
    for path in ["/v1/verify", "/v1/rotate"] {
        let answer = server.post(path, object("", "")).await;
        assert_eq!(answer.code, 503, "{path}");
        assert!(answer.headers.contains_key("retry-after"));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let server = Server::with(Some(vec![registered(&pairs().new)]), |settings| {
        settings.body_limit = 1000;
    });
    for path in ["/v1/verify", "/v1/rotate"] {
        assert_eq!(server.post(path, "x".repeat(1001)).await.code, 413);
        let pieces = (0..1001).map(|_| Ok::<_, std::io::Error>("x"));
        let unsized_body = Body::from_stream(futures::stream::iter(pieces));
        let answer = server.post(path, unsized_body).await;
        assert_eq!(answer.code, 413);
        assert!(answer.body.contains("--http-body-limit"), "{}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::new();
    let answer = server.post(
        "/v1/verify",
        Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>()),
    );
    assert_eq!(answer.await.code, 408);
    let cut =
        Body::from_stream(futures::stream::iter([Err::<&str, _>(std::io::Error::other("gone"))]));
    assert_eq!(server.post("/v1/verify", cut).await.code, 400);
}

#[tokio::test]
async fn whoever_hangs_up_still_takes_the_place_until_the_work_is_over() {
    let server = Server::new();
    let free = server.shared.work.free_threads();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (end, ending) = std::sync::mpsc::channel::<()>();
    let shared = server.shared.clone();
    let asking = tokio::spawn(async move {
        let request = Request::new(Body::empty());
        let work = move |_| {
            let _ = begun.send(());
            let _ = ending.recv();
        };
        objects::answer(&shared, request, work).await.is_ok()
    });
    has_begun.await.unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert_eq!(server.shared.work.free_threads(), free - 1);
    end.send(()).unwrap();
    while server.shared.work.free_threads() < free {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_body_of_very_many_parts_is_refused_before_it_is_read() {
    let server = Server::new();
    for body in [
        format!(r#"{{"a": [{}1]}}"#, "1,".repeat(120_000)),
        format!("a:\n{}", "-\u{85}".repeat(120_000)),
    ] {
        let answer = server.post("/v1/verify", body).await;
        assert_eq!(answer.code, 500);
        assert!(answer.body.contains("too many parts"), "{}", answer.body);
    }
}

#[tokio::test]
async fn long_keys_are_cut_in_messages() {
    let wide = sealed("hunter2", Scope::ClusterWide, &pairs().new);
    let key = "k".repeat(100_000);
    let answer =
        Server::new().post("/v1/rotate", object("", &format!(r#""{key}": "{wide}""#))).await;
    assert_eq!(answer.code, 500);
    assert!(answer.body.contains("kkkk…"), "{}", answer.body.len());
    assert!(answer.body.len() < 1000, "{}", answer.body.len());
}

#[tokio::test]
async fn more_requests_than_the_rate_are_refused_whoever_they_say_they_are() {
    let server = Server::with(Some(vec![registered(&pairs().new)]), |settings| {
        settings.rate = 1;
        settings.burst = 0;
    });
    // Sent at the same time: one passes, two wait for their place, all others are refused.
    let requests = (0..8).map(|number| {
        let server = &server;
        async move {
            let from = format!("10.0.0.{number}");
            let path = if number % 2 == 0 { "/v1/verify" } else { "/v1/rotate" };
            server.ask("POST", path, &[("x-forwarded-for", &from)], "null").await
        }
    });
    let answers = futures::future::join_all(requests).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.code == 429).collect();
    assert_eq!(refused.len(), 5);
    assert!(
        refused.iter().all(|answer| answer.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1)
    );
    for _ in 0..50 {
        assert_eq!(server.get("/healthz").await.code, 200);
    }
    assert_eq!(
        server.get("/v1/cert.pem").await.code,
        200,
        "the certificate has a limit of its own"
    );
}

#[tokio::test]
async fn wrong_methods_and_paths_have_their_codes() {
    let server = Server::new();
    for (method, path, code) in [
        ("GET", "/v1/verify", 405),
        ("PUT", "/v1/rotate", 405),
        ("POST", "/v1/cert.pem", 405),
        ("POST", "/healthz", 405),
        ("HEAD", "/v1/cert.pem", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/", 404),
        ("GET", "/v1/keys/../cert.pem", 404),
        ("POST", "/v1/verify/", 404),
    ] {
        let answer = server.ask(method, path, &[], "").await;
        assert_eq!(answer.code, code, "{method} {path}");
        assert_eq!(answer.headers.contains_key("allow"), code == 405);
    }
}

#[tokio::test]
async fn requests_are_counted_by_words_of_ours() {
    let server = Server::new();
    server.get("/v1/cert.pem").await;
    server.ask("BREW", "/coffee?password=hunter2", &[], "").await;
    server.get("/healthz").await;
    let answer = server.get("/metrics").await;
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        r#"sealed_secrets_controller_http_requests_total{path="/v1/cert.pem",code="200",method="get"} 1"#,
        r#"sealed_secrets_controller_http_requests_total{path="other",code="404",method="unknown"} 1"#,
        r#"seal_controller_sealing_keys{state="active"} 2"#,
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line} in\n{}", answer.body);
    }
    assert!(!answer.body.contains("healthz") && !answer.body.contains("coffee"), "{}", answer.body);
}

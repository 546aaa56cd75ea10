//! Stands between a program and its API server: passes on what is asked, counts it, and answers badly when told to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::Method;
use kube::Client;
use kube::config::{AuthInfo, Kubeconfig};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;

use super::config;

/// One request, in the words of RBAC. Empty where it has no such part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`
    pub(crate) verb: &'static str,
    pub(crate) group: String,
    /// With its subresource: `sealedsecrets/status`.
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Answered {
    /// The API server answers.
    ByServer,
    /// It does, this much later.
    Late(Duration),
    /// It does, once this says `true`.
    When(watch::Receiver<bool>),
    /// It does not hear of it: status code, reason of the `Status` object, seconds of `Retry-After`.
    With { code: u16, reason: &'static str, retry_after: Option<u32> },
}

type Rule = Box<dyn FnMut(&Asked) -> Answered + Send>;

/// The relay; it ends when this is dropped.
pub(crate) struct Relay {
    shared: Arc<Shared>,
    kubeconfig: PathBuf,
    _directory: TempDir,
    serving: tokio::task::JoinHandle<()>,
}

struct Shared {
    server: Client,
    asked: Mutex<Vec<Asked>>,
    answered: Mutex<Vec<(Asked, u16)>>,
    rule: Mutex<Rule>,
}

impl Relay {
    /// A relay to the server of a kubeconfig, for the same user.
    pub(crate) async fn start(kubeconfig: &Path) -> Self {
        let mut anonymous = config(kubeconfig).await;
        // What is asked carries the user's token already.
        anonymous.auth_info = AuthInfo::default();
        // Watches are quiet for minutes.
        anonymous.read_timeout = None;
        let server = Client::try_from(anonymous).expect("a client");
        let rule: Rule = Box::new(|_| Answered::ByServer);
        let shared = Arc::new(Shared {
            server,
            asked: Mutex::default(),
            answered: Mutex::default(),
            rule: Mutex::new(rule),
        });

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });

        let directory = tempfile::tempdir().expect("a directory");
        let copy = directory.path().join("kubeconfig");
        let mut file = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        for cluster in file.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
            cluster.server = Some(format!("http://{address}"));
            cluster.certificate_authority_data = None;
        }
        // JSON is YAML.
        std::fs::write(&copy, serde_json::to_vec(&file).expect("a kubeconfig")).expect("written");
        Self { shared, kubeconfig: copy, _directory: directory, serving }
    }

    /// A file that leads programs through this relay.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// From now on, this decides about each request.
    pub(crate) fn answer(&self, rule: impl FnMut(&Asked) -> Answered + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    /// All requests so far, those included that the server never saw.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// The requests that were answered so far, by the server or by this relay, with the status code.
    pub(crate) fn answered(&self) -> Vec<(Asked, u16)> {
        self.shared.answered.lock().unwrap().clone()
    }

    /// Forgets all of them.
    pub(crate) fn forget(&self) {
        self.shared.asked.lock().unwrap().clear();
        self.shared.answered.lock().unwrap().clear();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let asked = Asked::of(&request);
    let answer = (*shared.rule.lock().unwrap())(&asked);
    shared.asked.lock().unwrap().push(asked.clone());
    let answer = match answer {
        Answered::ByServer => ask(&shared.server, request).await,
        Answered::Late(pause) => {
            tokio::time::sleep(pause).await;
            ask(&shared.server, request).await
        }
        Answered::When(mut may) => {
            let _ = may.wait_for(|may| *may).await;
            ask(&shared.server, request).await
        }
        Answered::With { code, reason, retry_after } => refusal(code, reason, retry_after),
    };
    shared.answered.lock().unwrap().push((asked, answer.status().as_u16()));
    answer
}

async fn ask(server: &Client, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    head.headers.remove(http::header::HOST);
    head.uri = head.uri.path_and_query().expect("a path").as_str().parse().expect("a path");
    match server.send(Request::from_parts(head, body.into())).await {
        Ok(answer) => answer.map(Body::new),
        // As from a load balancer whose server is not there.
        Err(_) => refusal(502, "ServerUnavailable", None),
    }
}

/// An answer as the API server gives it.
fn refusal(code: u16, reason: &str, retry_after: Option<u32>) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("{reason}, says the relay of the test"), "reason": reason, "code": code,
    });
    let mut answer = Response::builder().status(code).header("content-type", "application/json");
    if let Some(seconds) = retry_after {
        answer = answer.header("retry-after", seconds);
    }
    answer.body(Body::from(status.to_string())).expect("an answer")
}

impl Asked {
    /// Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`, then `namespaces/NS/RESOURCE/NAME/SUBRESOURCE` or without namespace.
    fn of(request: &Request) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let parts: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            // No resource: discovery, versions, health.
            rest => ("", if rest.is_empty() { &[][..] } else { &rest[..1] }),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let (resource, name, subresource) = match rest {
            [resource, name, subresource, ..] => (*resource, *name, *subresource),
            [resource, name] => (*resource, *name, ""),
            [resource] => (*resource, "", ""),
            [] => ("", "", ""),
        };
        let watch = query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1" | "watch"));
        let verb = match (request.method(), name.is_empty()) {
            (&Method::POST, _) => "create",
            (&Method::PUT, _) => "update",
            (&Method::PATCH, _) => "patch",
            (&Method::DELETE, false) => "delete",
            (&Method::DELETE, true) => "deletecollection",
            _ if watch => "watch",
            (_, true) => "list",
            (_, false) => "get",
        };
        let resource = match subresource {
            "" => resource.to_owned(),
            subresource => format!("{resource}/{subresource}"),
        };
        let (group, namespace, name) = (group.to_owned(), namespace.to_owned(), name.to_owned());
        Self { verb, group, resource, namespace, name }
    }
}

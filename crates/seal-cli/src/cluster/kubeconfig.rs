//! From kubeconfigs, options and the environment to a client's configuration, by the rules of kubectl.
//!
//! kube reads the files; what of them counts is decided here, because options come on top of entries and because kube
//! quotes a kubeconfig in its errors, which holds credentials.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, Cluster, Kubeconfig, KubeconfigError};
use seal_keys::Environment;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::{ClusterError, Connection, proxy};

/// What Kubernetes puts into a pod.
const POD: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The API server, and all that is needed to talk to it.
pub(super) struct Target {
    pub(super) config: Config,
    /// Its URL, to name it.
    pub(super) server: String,
    pub(super) request_timeout: std::time::Duration,
}

/// What the files say of the context in use.
#[derive(Default)]
struct Chosen {
    cluster: Option<Cluster>,
    user: AuthInfo,
    namespace: Option<String>,
}

/// Where the API server is and how to talk to it.
///
/// # Errors
/// See [`ClusterError`]; nobody is asked yet.
pub(super) fn target(
    connection: &Connection,
    environment: &Environment,
) -> Result<Target, ClusterError> {
    let chosen = chosen(connection, environment)?;
    let cluster = with_options(chosen.cluster.unwrap_or_default(), connection)?;
    let written = cluster.server.clone().filter(|server| !server.is_empty());
    let written = written.ok_or(ClusterError::NoConfiguration)?;
    let url = url(&written, &cluster)?;
    let is_encrypted = url.scheme_str() == Some("https");
    let mut config = Config::new(url.clone());
    config.auth_info = credentials(chosen.user, connection, is_encrypted)?;
    config.root_cert = authorities(&cluster)?;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.filter(|name| !name.is_empty());
    config.proxy_url = match cluster.proxy_url.filter(|proxy| !proxy.is_empty()) {
        Some(text) => Some(proxy::parse(&text).ok_or_else(|| unusable("the proxy", "is no URL"))?),
        None => proxy::of_environment(&url, environment)
            .map_err(|variable| unusable(variable, "is no URL"))?,
    };
    let request_timeout = connection.request_timeout.unwrap_or(Connection::REQUEST_TIMEOUT);
    config.connect_timeout = Some(request_timeout);
    // Whether to ask again is decided per request, by what was asked.
    config.default_retry = false;
    Ok(Target { config, server: url.to_string().trim_end_matches('/').to_owned(), request_timeout })
}

/// The namespace of objects that name none: the option's, the context's, the pod's, else `default`.
///
/// # Errors
/// [`ClusterError::NoConfiguration`] where nothing says in what cluster that is, and all that is wrong with files.
pub(crate) fn namespace(
    connection: &Connection,
    environment: &Environment,
) -> Result<String, ClusterError> {
    let given = |name: &String| !name.is_empty();
    if let Some(name) = connection.namespace.clone().filter(given) {
        return Ok(name);
    }
    let chosen = chosen(connection, environment)?;
    if chosen.cluster.is_none() && connection.server.is_none() {
        return Err(ClusterError::NoConfiguration);
    }
    Ok(chosen.namespace.filter(given).unwrap_or_else(|| "default".to_owned()))
}

fn chosen(connection: &Connection, environment: &Environment) -> Result<Chosen, ClusterError> {
    let files = read(connection, environment)?;
    let named = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    let unknown = |what, name: &str| ClusterError::Unknown { what, name: name.to_owned() };
    let mut chosen = Chosen::default();
    let (mut cluster, mut user) = (None, None);
    if let Some(name) = named(&connection.context).or_else(|| named(&files.current_context)) {
        let context = files.contexts.iter().find(|context| context.name == name);
        let context = context.and_then(|context| context.context.clone());
        let context = context.ok_or_else(|| unknown("context", &name))?;
        chosen.namespace = context.namespace;
        cluster = Some(context.cluster).filter(|name| !name.is_empty());
        user = context.user;
    }
    if let Some(name) = named(&connection.cluster).or(cluster) {
        let found = files.clusters.into_iter().find(|cluster| cluster.name == name);
        chosen.cluster = found.and_then(|cluster| cluster.cluster);
        if chosen.cluster.is_none() && connection.server.is_none() {
            return Err(unknown("cluster", &name));
        }
    }
    if let Some(name) = named(&connection.user).or(user) {
        let found = files.auth_infos.into_iter().find(|user| user.name == name);
        match found.and_then(|user| user.auth_info) {
            Some(found) => chosen.user = found,
            None if connection.user.is_some() => return Err(unknown("user", &name)),
            // As kubectl has it: the server says who may come in as nobody.
            None => {}
        }
    }
    if chosen.cluster.is_none()
        && connection.server.is_none()
        && let Some(pod) = pod(environment)
    {
        return Ok(pod);
    }
    Ok(chosen)
}

/// The files that count, merged: the first one that says something wins.
fn read(connection: &Connection, environment: &Environment) -> Result<Kubeconfig, ClusterError> {
    if let Some(path) = &connection.kubeconfig {
        return read_one(path);
    }
    let listed: Vec<PathBuf> = environment
        .variable("KUBECONFIG")
        .map(|paths| std::env::split_paths(&paths).filter(|path| *path != Path::new("")).collect())
        .unwrap_or_default();
    let paths = match listed.is_empty() {
        false => listed,
        true => environment
            .variable("HOME")
            .map(|home| vec![Path::new(&home).join(".kube/config")])
            .unwrap_or_default(),
    };
    let mut merged = Kubeconfig::default();
    for path in paths {
        match read_one(&path) {
            Ok(next) => {
                merged = merged.merge(next).map_err(|error| failed(&path, &error))?;
            }
            Err(ClusterError::Unreadable { kind: ErrorKind::NotFound, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(merged)
}

fn read_one(path: &Path) -> Result<Kubeconfig, ClusterError> {
    Kubeconfig::read_from(path).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &KubeconfigError) -> ClusterError {
    let path = path.to_owned();
    match error {
        KubeconfigError::ReadConfig(source, _) => {
            ClusterError::Unreadable { path, kind: source.kind() }
        }
        KubeconfigError::Parse(error) => {
            let at = error.location().map(|at| (at.line(), at.column()));
            ClusterError::NoKubeconfig { path, at }
        }
        _ => ClusterError::NoKubeconfig { path, at: None },
    }
}

/// The cluster, and what options say on top of it.
fn with_options(mut cluster: Cluster, connection: &Connection) -> Result<Cluster, ClusterError> {
    if let Some(server) = &connection.server {
        cluster.server = Some(server.clone());
    }
    if let Some(path) = &connection.certificate_authority {
        cluster.certificate_authority = Some(path.to_string_lossy().into_owned());
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = None;
    }
    if let Some(skip) = connection.insecure_skip_tls_verify {
        if skip && connection.certificate_authority.is_some() {
            return Err(unusable(
                "--certificate-authority",
                "means nothing where --insecure-skip-tls-verify accepts any certificate",
            ));
        }
        cluster.insecure_skip_tls_verify = Some(skip);
    }
    if let Some(name) = &connection.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
    if let Some(proxy) = &connection.proxy_url {
        cluster.proxy_url = Some(proxy.clone());
    }
    Ok(cluster)
}

/// Who asks. As in kubectl, a server without TLS gets no credentials: they would be there for everybody to read.
fn credentials(
    mut user: AuthInfo,
    connection: &Connection,
    is_encrypted: bool,
) -> Result<AuthInfo, ClusterError> {
    let given = [
        ("--token", connection.token.is_some()),
        ("--username", connection.username.is_some()),
        ("--password", connection.password.is_some()),
        ("--client-certificate", connection.client_certificate.is_some()),
        ("--client-key", connection.client_key.is_some()),
    ];
    if !is_encrypted {
        if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given) {
            return Err(unusable(*option, "is not sent to a server without TLS (http)"));
        }
        user = AuthInfo {
            impersonate: user.impersonate,
            impersonate_uid: user.impersonate_uid,
            impersonate_groups: user.impersonate_groups,
            impersonate_user_extra: user.impersonate_user_extra,
            ..AuthInfo::default()
        };
    }
    let has_password = connection.username.is_some() || connection.password.is_some();
    if connection.token.is_some() && has_password {
        return Err(unusable("--token", "and --username with --password exclude each other"));
    }
    if connection.token.is_some() || has_password {
        (user.token, user.token_file, user.exec, user.auth_provider) = (None, None, None, None);
    }
    if let Some(token) = &connection.token {
        (user.username, user.password) = (None, None);
        user.token = Some(token.expose().to_owned().into());
    }
    if let Some(name) = &connection.username {
        user.username = Some(name.clone());
    }
    if let Some(password) = &connection.password {
        user.password = Some(password.expose().to_owned().into());
    }
    if has_password && (user.username.is_none() || user.password.is_none()) {
        return Err(unusable("--username", "and --password need each other"));
    }
    if let Some(path) = &connection.client_certificate {
        user.client_certificate = Some(path.to_string_lossy().into_owned());
        user.client_certificate_data = None;
    }
    if let Some(path) = &connection.client_key {
        user.client_key = Some(path.to_string_lossy().into_owned());
        user.client_key_data = None;
    }
    if let Some(name) = &connection.as_user {
        user.impersonate = Some(name.clone());
    }
    if let Some(uid) = &connection.as_uid {
        user.impersonate_uid = Some(uid.clone());
    }
    if !connection.as_groups.is_empty() {
        user.impersonate_groups = Some(connection.as_groups.clone());
    }
    let alone = user.impersonate.is_none();
    if alone && (user.impersonate_uid.is_some() || user.impersonate_groups.is_some()) {
        return Err(unusable("--as-uid and --as-group", "need --as"));
    }
    Ok(user)
}

/// The certificates that the server's has to be signed by; none means those of this machine.
fn authorities(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, ClusterError> {
    let given = |text: &&String| !text.is_empty();
    let pem = match (
        cluster.certificate_authority_data.as_ref().filter(given),
        cluster.certificate_authority.as_ref().filter(given),
    ) {
        (Some(data), _) => STANDARD.decode(data).map_err(|_| {
            unusable("certificate-authority-data in the kubeconfig", "is no base64")
        })?,
        (None, Some(path)) => fs::read(path)
            .map_err(|error| ClusterError::Unreadable { path: path.into(), kind: error.kind() })?,
        (None, None) => return Ok(None),
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(Result::ok)
        .map(|certificate| certificate.to_vec())
        .collect();
    match certificates.is_empty() {
        true => Err(unusable("the certificate authority of the cluster", "holds no certificate")),
        false => Ok(Some(certificates)),
    }
}

/// The server's URL. Without a scheme it is `https` where something is said about TLS, as kubectl has it.
fn url(text: &str, cluster: &Cluster) -> Result<Uri, ClusterError> {
    let says_tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true);
    let whole = match (text.contains("://"), says_tls) {
        (true, _) => text.to_owned(),
        (false, true) => format!("https://{text}"),
        (false, false) => format!("http://{text}"),
    };
    let url: Option<Uri> = whole.parse().ok();
    let usable =
        |url: &Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    url.filter(usable).ok_or_else(|| unusable("the server of the cluster", "is no http(s) URL"))
}

/// What Kubernetes tells the pod that this process runs in, if it does.
fn pod(environment: &Environment) -> Option<Chosen> {
    let host = proxy::variable(environment, "KUBERNETES_SERVICE_HOST")?;
    let port = proxy::variable(environment, "KUBERNETES_SERVICE_PORT")?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let file = |name: &str| format!("{POD}/{name}");
    if !Path::new(&file("token")).is_file() {
        return None;
    }
    let namespace = fs::read_to_string(file("namespace")).ok();
    Some(Chosen {
        cluster: Some(Cluster {
            server: Some(format!("https://{host}:{port}")),
            certificate_authority: Some(file("ca.crt")),
            ..Cluster::default()
        }),
        // Read again as it changes.
        user: AuthInfo { token_file: Some(file("token")), ..AuthInfo::default() },
        namespace: namespace.map(|name| name.trim().to_owned()),
    })
}

fn unusable(what: impl Into<String>, problem: &str) -> ClusterError {
    ClusterError::Unusable { what: what.into(), problem: problem.to_owned() }
}

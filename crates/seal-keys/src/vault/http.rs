//! The HTTP client of one server: TLS and proxies as the variables of Vault's own tools say, no redirects, no new tries.
//!
//! | variable | what |
//! |---|---|
//! | `VAULT_CACERT_BYTES`, else `VAULT_CACERT`, else `VAULT_CAPATH` | authorities (PEM; a file; a directory) to trust instead of the system's |
//! | `VAULT_CLIENT_CERT`, `VAULT_CLIENT_KEY` | files: our own certificate |
//! | `VAULT_SKIP_VERIFY` | trust anybody |
//! | `VAULT_TLS_SERVER_NAME` | refused: the client cannot |
//! | `VAULT_PROXY_ADDR`, `VAULT_HTTP_PROXY`; else `HTTPS_PROXY` or `HTTP_PROXY`, with `NO_PROXY` | proxy |

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy, Url};
use zeroize::Zeroizing;

use super::credentials::shown;
use super::name::server_of;
use super::problem::Problem;
use crate::environment::Environment;

/// A server sent us to another one; its address, without path and query. `None` where that is no address of a Vault: it
/// is shown to be copied, and a URL may have a host such as `$(…)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sent elsewhere")]
pub(super) struct SentAway(pub(super) Option<String>);

/// A client for one server, and whether it would talk to anybody who claims to be that server.
pub(super) fn client(environment: &Environment, url: &Url) -> Result<(Client, bool), Problem> {
    let mut builder = Client::builder()
        .redirect(Policy::custom(|attempt| {
            let address = server_of(&attempt.url().origin().ascii_serialization());
            attempt.error(SentAway(address))
        }))
        .retry(reqwest::retry::never())
        .no_proxy();
    builder = proxy(builder, environment, url)?;
    let is_https = url.scheme() == "https";
    let mut is_unverified = false;
    if is_https {
        is_unverified = skips_verification(environment)?;
        builder = tls(builder, environment)?.tls_danger_accept_invalid_certs(is_unverified);
    } else {
        // The system's authorities take time to read, for nothing.
        builder = builder.tls_certs_only([]);
    }
    match builder.build() {
        Ok(client) => Ok((client, is_unverified)),
        Err(error) => Err(Problem::setting(
            format!("no TLS client can be made: {}", words(&error)),
            "check VAULT_CACERT, VAULT_CAPATH, VAULT_CLIENT_CERT and VAULT_CLIENT_KEY",
        )),
    }
}

fn tls(builder: ClientBuilder, environment: &Environment) -> Result<ClientBuilder, Problem> {
    if environment.variable("VAULT_TLS_SERVER_NAME").is_some() {
        return Err(Problem::setting(
            "VAULT_TLS_SERVER_NAME is set, which is not supported",
            "unset it, and name the server in the key by a name that its certificate has",
        ));
    }
    let builder = match authorities(environment)? {
        Some(authorities) => builder.tls_certs_only(authorities),
        None => builder,
    };
    let file = |name: &str| environment.variable(name).map(PathBuf::from);
    match (file("VAULT_CLIENT_CERT"), file("VAULT_CLIENT_KEY")) {
        (None, None) => Ok(builder),
        (Some(certificate), Some(key)) => {
            let mut pem = read(&certificate, "VAULT_CLIENT_CERT")?;
            let key = read(&key, "VAULT_CLIENT_KEY")?;
            pem.push(b'\n');
            pem.extend_from_slice(&key);
            let identity = Identity::from_pem(&pem).map_err(|_| {
                Problem::setting(
                    "VAULT_CLIENT_CERT and VAULT_CLIENT_KEY are no certificate and private key in PEM",
                    "check these files",
                )
            })?;
            Ok(builder.identity(identity))
        }
        _ => Err(Problem::setting(
            "one of VAULT_CLIENT_CERT and VAULT_CLIENT_KEY is set without the other",
            "set both or none",
        )),
    }
}

/// The authorities that the user trusts instead of the system's.
fn authorities(environment: &Environment) -> Result<Option<Vec<Certificate>>, Problem> {
    if let Some(pem) = environment.variable("VAULT_CACERT_BYTES") {
        let pem = pem.into_string().unwrap_or_default();
        return certificates(pem.as_bytes(), "VAULT_CACERT_BYTES").map(Some);
    }
    if let Some(file) = environment.variable("VAULT_CACERT").map(PathBuf::from) {
        return certificates(&read(&file, "VAULT_CACERT")?, "VAULT_CACERT").map(Some);
    }
    let Some(directory) = environment.variable("VAULT_CAPATH").map(PathBuf::from) else {
        return Ok(None);
    };
    let entries = fs::read_dir(&directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| unreadable(&directory, "VAULT_CAPATH", &error))?;
    let mut found = Vec::new();
    for entry in entries.iter().map(fs::DirEntry::path).filter(|path| path.is_file()) {
        found.extend(certificates(&read(&entry, "VAULT_CAPATH")?, "VAULT_CAPATH")?);
    }
    match found.is_empty() {
        false => Ok(Some(found)),
        true => Err(Problem::setting(
            format!("{} holds no certificate", shown(&directory, "VAULT_CAPATH")),
            "check VAULT_CAPATH",
        )),
    }
}

fn certificates(pem: &[u8], variable: &str) -> Result<Vec<Certificate>, Problem> {
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Problem::setting(
            format!("{variable} leads to no certificate in PEM"),
            format!("check {variable}"),
        )),
    }
}

fn read(file: &Path, variable: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    fs::read(file).map(Zeroizing::new).map_err(|error| unreadable(file, variable, &error))
}

fn unreadable(path: &Path, variable: &str, error: &std::io::Error) -> Problem {
    Problem::setting(
        format!("{} cannot be read: {error}", shown(path, variable)),
        format!("check {variable}"),
    )
}

/// What Go takes for true and false, as Vault's own tools do.
fn skips_verification(environment: &Environment) -> Result<bool, Problem> {
    let value = environment.variable("VAULT_SKIP_VERIFY");
    match value.as_ref().map(|value| value.to_str().unwrap_or("?")) {
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(_) => Err(Problem::setting(
            "VAULT_SKIP_VERIFY is neither true nor false",
            "unset it; VAULT_CACERT names an authority to trust",
        )),
    }
}

fn proxy(
    builder: ClientBuilder,
    environment: &Environment,
    url: &Url,
) -> Result<ClientBuilder, Problem> {
    let text = |names: &[&str]| {
        let value = names.iter().find_map(|name| environment.variable(name))?;
        value.into_string().ok()
    };
    let for_all = text(&["VAULT_PROXY_ADDR", "VAULT_HTTP_PROXY"]);
    let (address, exceptions) = match for_all {
        Some(address) => (Some(address), None),
        // As Go's, which Vault's tools are made with: no proxy is asked for this machine.
        None if is_this_machine(url) => (None, None),
        None => {
            let names = match url.scheme() {
                "https" => ["HTTPS_PROXY", "https_proxy"],
                _ => ["HTTP_PROXY", "http_proxy"],
            };
            let exceptions = text(&["NO_PROXY", "no_proxy"]);
            (text(&names), exceptions.and_then(|list| NoProxy::from_string(&list)))
        }
    };
    let Some(address) = address else { return Ok(builder) };
    let address = if address.contains("://") { address } else { format!("http://{address}") };
    match Proxy::all(address) {
        Ok(proxy) => Ok(builder.proxy(proxy.no_proxy(exceptions))),
        // The text may hold a password.
        Err(_) => Err(Problem::setting(
            "the address of the proxy is not valid",
            "check VAULT_PROXY_ADDR, HTTPS_PROXY and HTTP_PROXY",
        )),
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What went wrong, without the layers that only say that something did.
pub(super) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let layers = std::iter::successors(Some(error), |error| error.source());
    layers.last().map(ToString::to_string).unwrap_or_default()
}

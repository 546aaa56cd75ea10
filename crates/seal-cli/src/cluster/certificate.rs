//! A certificate from a file or a URL, as `--cert` names it. No cluster is needed for either.

use std::fs;
use std::path::Path;
use std::time::Duration;

use seal_keys::Environment;

use super::{ClusterError, proxy, runtime, service};
use crate::error::CommandError;

/// A certificate has two kilobytes.
const LONGEST: usize = 1 << 20;
const LIMIT: Duration = Duration::from_secs(30);

/// Reads `source`: a path, `file://…`, or an `http` or `https` URL, for which proxies of the environment count.
///
/// # Errors
/// The file or the URL gives nothing. Whether it is a certificate is not looked at.
pub(crate) fn certificate(
    source: &str,
    environment: &Environment,
) -> Result<Vec<u8>, CommandError> {
    if is_file(source) {
        let path = source.strip_prefix("file://").unwrap_or(source);
        return fs::read(path).map_err(|error| {
            CommandError::failed(format!("open {source}: {}", said(&error)))
                .hint("`--fetch-cert` prints the certificate of a cluster, to keep in a file")
        });
    }
    Ok(fetched(source, environment)?)
}

/// Whether `--cert` names a file: what has no scheme, or that of files; one letter is a drive of Windows.
pub(crate) fn is_file(source: &str) -> bool {
    let scheme = source.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    !is_scheme || scheme.len() == 1 || source.starts_with("file://") || Path::new(source).exists()
}

fn fetched(url: &str, environment: &Environment) -> Result<Vec<u8>, ClusterError> {
    let unusable = |problem: &str| ClusterError::Unusable {
        what: format!("the certificate's address {url:?}"),
        problem: problem.to_owned(),
    };
    let target: http::Uri = url.parse().map_err(|_| unusable("is no URL"))?;
    if !matches!(target.scheme_str(), Some("http" | "https")) {
        return Err(unusable("is neither a file nor an http(s) URL"));
    }
    let host = target.host().unwrap_or_default().to_owned();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("seal/", env!("CARGO_PKG_VERSION")))
        // The environment is an argument here; reqwest would read the process's own.
        .no_proxy();
    if let Some(proxy) = proxy::of_environment(&target, environment).map_err(|variable| {
        ClusterError::Unusable { what: variable.to_owned(), problem: "is no URL".to_owned() }
    })? {
        let proxy =
            reqwest::Proxy::all(proxy.to_string()).map_err(|_| unusable("has no usable proxy"))?;
        builder = builder.proxy(proxy);
    }
    let unreachable = |error: &reqwest::Error| ClusterError::Unreachable {
        server: host.clone(),
        reason: service::deepest(error),
    };
    let client = builder.build().map_err(|error| unreachable(&error))?;
    runtime::wait(LIMIT, &host, async {
        let mut answer = client.get(url).send().await.map_err(|error| unreachable(&error))?;
        let status = answer.status();
        if status != reqwest::StatusCode::OK {
            let status = status.to_string();
            return Err(ClusterError::NotFetched { url: url.to_owned(), status });
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| unreachable(&error))? {
            if body.len() + part.len() > LONGEST {
                let problem = "it is longer than any certificate".to_owned();
                return Err(ClusterError::Malformed { server: host.clone(), problem });
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    })
}

/// The words of Go for what scripts look for.
fn said(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        kind => kind.to_string(),
    }
}

//! Where a remote key service listens.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

/// `tcp://HOST:PORT` or `unix:///PATH`, as SOPS writes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RemoteUri {
    /// Not encrypted, and whoever gets there may use it.
    Tcp {
        /// A name or an address; one of IPv6 in brackets.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

/// The text is no address of a key service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteUriError {
    /// Neither kind.
    #[error("`{0}` is no address of a key service: write tcp://HOST:PORT or unix:///PATH")]
    Scheme(String),
    /// No host, no port, or more than that.
    #[error(
        "`{0}` is no address of a key service: after tcp:// come a host and a port, and nothing else"
    )]
    Tcp(String),
    /// A path that depends on the working directory, or none.
    #[error(
        "`{0}` is no address of a key service: after unix:// comes an absolute path, which begins with /"
    )]
    Unix(String),
}

impl FromStr for RemoteUri {
    type Err = RemoteUriError;

    fn from_str(text: &str) -> Result<Self, RemoteUriError> {
        let shown = || text.escape_debug().to_string();
        if let Some(path) = text.strip_prefix("unix://") {
            let sensible = path.starts_with('/') && !path.contains('\0') && path.len() > 1;
            return if sensible {
                Ok(Self::Unix(path.into()))
            } else {
                Err(RemoteUriError::Unix(shown()))
            };
        }
        let Some(rest) = text.strip_prefix("tcp://") else {
            return Err(RemoteUriError::Scheme(shown()));
        };
        let parts = rest.strip_suffix('/').unwrap_or(rest).rsplit_once(':');
        let parts = parts.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        match parts {
            Some((host, port)) if is_host(host) && port != 0 => {
                Ok(Self::Tcp { host: host.to_owned(), port })
            }
            _ => Err(RemoteUriError::Tcp(shown())),
        }
    }
}

fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !text.is_empty() && text.chars().all(is_part)
        }
    }
}

impl fmt::Display for RemoteUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_sops_are_read() {
        for text in
            ["tcp://127.0.0.1:5000", "tcp://[::1]:5000", "tcp://host.lan:1", "unix:///run/k s"]
        {
            assert_eq!(text.parse::<RemoteUri>().unwrap().to_string(), text);
        }
        let slash: RemoteUri = "tcp://localhost:5000/".parse().unwrap();
        assert_eq!(slash.to_string(), "tcp://localhost:5000");
    }

    #[test]
    fn anything_else_is_refused_with_what_is_wrong() {
        use RemoteUriError::*;
        for (text, error) in [
            ("", Scheme as fn(String) -> _),
            ("http://h:1", Scheme),
            ("/run/socket", Scheme),
            ("TCP://h:1", Scheme),
            ("tcp://h", Tcp),
            ("tcp://:1", Tcp),
            ("tcp://h:0", Tcp),
            ("tcp://h:65536", Tcp),
            ("tcp://h:1/path", Tcp),
            ("tcp://user@h:1", Tcp),
            ("tcp://::1:1", Tcp),
            ("tcp://h:1?q", Tcp),
            ("unix://", Unix),
            ("unix:///", Unix),
            ("unix://relative", Unix),
        ] {
            assert_eq!(text.parse::<RemoteUri>(), Err(error(text.to_owned())));
        }
    }
}

//! Addresses as Go writes them: `:8080` is every address of the machine.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;
use tokio::net::{TcpListener, lookup_host};

/// Why nothing listens.
#[derive(Debug, Error)]
pub(crate) enum AddressError {
    /// Not `HOST:PORT`.
    #[error("{flag}: `{}` is no address; it is written like `:8080` or `127.0.0.1:8080`", address.escape_default())]
    Form {
        /// The flag that says it.
        flag: &'static str,
        /// What it says.
        address: String,
    },
    /// The system does not let us.
    #[error("{flag}: cannot listen on {}: {problem}", address.escape_default())]
    Refused {
        /// The flag that says it.
        flag: &'static str,
        /// What it says.
        address: String,
        /// What the system says.
        problem: io::Error,
    },
}

/// Listens on an address; `flag` is for the error.
pub(crate) async fn bind(flag: &'static str, address: &str) -> Result<TcpListener, AddressError> {
    let malformed = || AddressError::Form { flag, address: address.to_owned() };
    let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
    let port: u16 = port.parse().map_err(|_| malformed())?;
    let addresses: Vec<SocketAddr> = if host.is_empty() {
        // Takes IPv4 as well; where the system has no IPv6, IPv4 alone.
        vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()]
    } else {
        let found = lookup_host(address).await;
        found
            .map_err(|problem| AddressError::Refused {
                flag,
                address: address.to_owned(),
                problem,
            })?
            .collect()
    };
    let bound = TcpListener::bind(&*addresses).await;
    bound.map_err(|problem| AddressError::Refused { flag, address: address.to_owned(), problem })
}

//! What an envelope or a rule calls a key: address, engine, name.
//!
//! The texts come from files, and become the URL of a request that carries a token. So they are taken strictly: nothing
//! that a reader of URLs could understand in another way (user names, escapes, queries, `..`, control characters).

use reqwest::Url;
use seal_core::envelope::MasterKey;

use super::problem::Problem;
use crate::failure::FailureKind;

/// No server has longer ones. What makes URLs takes a very long path badly.
const LONGEST_ADDRESS: usize = 300;
const LONGEST_PATH: usize = 1024;
const LONGEST_KEY_NAME: usize = 256;

/// What every server answers at and is no engine. A file could make a token write its data key there.
const NO_ENGINES: [&str; 4] = ["sys", "auth", "identity", "cubbyhole"];

/// A key's name; every part of it can stand in a URL as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// `http(s)://HOST[:PORT]`, without a slash at the end.
    pub(super) address: String,
    /// The same for every spelling of the address: upper case, default ports, short forms of IP addresses.
    pub(super) server: String,
    /// `transit`, or several segments with slashes between them.
    pub(super) engine_path: String,
    pub(super) key_name: String,
}

impl Name {
    pub(super) fn of(key: &MasterKey) -> Result<Self, Problem> {
        let MasterKey::VaultTransit { address, engine_path, key_name } = key else {
            return Err(wrong("it is no key of Vault", "name a key of Vault"));
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        let Some(server) = server_of(address) else {
            return Err(wrong(
                "its address is not valid",
                "an address is http(s)://HOST[:PORT], of at most 300 characters",
            ));
        };
        if !is_path(engine_path) {
            return Err(wrong(
                "its engine path is not valid",
                "an engine path is SEGMENT[/SEGMENT…], of at most 1024 letters, digits and -_.~@+=,:",
            ));
        }
        if engine_path.split('/').next().is_some_and(|first| NO_ENGINES.contains(&first)) {
            return Err(wrong(
                "its engine path leads to no transit engine",
                "name a transit engine; sys, auth, identity and cubbyhole are the server's own",
            ));
        }
        if !is_key_name(key_name) {
            return Err(wrong(
                "its name is not valid",
                "the name of a transit key has at most 256 letters, digits and -_.",
            ));
        }
        Ok(Self {
            address: address.to_owned(),
            server,
            engine_path: engine_path.clone(),
            key_name: key_name.clone(),
        })
    }
}

fn wrong(reason: &str, hint: &str) -> Problem {
    Problem::new(FailureKind::Name, reason).hint(hint)
}

/// Whether a text names a place below `/v1/`: an engine, a way to log in.
pub(super) fn is_path(text: &str) -> bool {
    let is_segment = |segment: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~@+=,:".contains(&byte);
        !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain)
    };
    text.len() <= LONGEST_PATH && text.split('/').all(is_segment)
}

/// As the engine itself takes them: it begins and ends with a letter, a digit or `_`.
fn is_key_name(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    bytes.len() <= LONGEST_KEY_NAME
        && ends.iter().all(|end| end.is_some_and(|byte| is_word(*byte)))
        && bytes.iter().all(|byte| is_word(*byte) || matches!(byte, b'-' | b'.'))
}

/// See [`Name::server`]. `None` for a text that is no address.
pub(super) fn server_of(address: &str) -> Option<String> {
    let url = is_address(address).then(|| Url::parse(address).ok())??;
    Some(url.origin().ascii_serialization())
}

fn is_address(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let is_known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match authority.rfind(']') {
        Some(end) => authority.split_at(end + 1),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = match port.strip_prefix(':') {
        Some(number) => {
            number.bytes().all(|byte| byte.is_ascii_digit())
                && number.parse::<u16>().is_ok_and(|number| number > 0)
        }
        None => port.is_empty(),
    };
    text.len() <= LONGEST_ADDRESS && is_known && is_host(host) && is_port
}

fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !text.is_empty()
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str, engine_path: &str, key_name: &str) -> Result<Name, Problem> {
        Name::of(&MasterKey::VaultTransit {
            address: address.to_owned(),
            engine_path: engine_path.to_owned(),
            key_name: key_name.to_owned(),
        })
    }

    #[test]
    fn names_as_they_are_given_to_keys() {
        for (address, engine_path, key_name) in [
            ("https://vault:8200", "transit", "app"),
            ("http://127.0.0.1:8200/", "secrets/teams/a/transit", "app-1.prod_x"),
            ("https://[::1]:8200", "team@eu/transit", "_k"),
            ("HTTPS://Vault.corp.example", "a.b/c~d", "K"),
        ] {
            let name = of(address, engine_path, key_name).unwrap();
            assert!(!name.address.ends_with('/'), "{address}");
        }
    }

    #[test]
    fn a_server_is_the_same_however_its_address_is_spelled() {
        for (server, spellings) in [
            ("https://vault", &["https://vault", "HTTPS://Vault:443/", "https://VAULT:0443"][..]),
            ("https://vault:8200", &["https://vault:8200/", "Https://vAult:08200"]),
            ("http://vault:443", &["http://vault:443"]),
            ("http://[::1]:8200", &["http://[::1]:8200", "http://[0:0:0:0:0:0:0:1]:8200"]),
            ("http://127.0.0.1", &["http://127.1:80", "http://0x7f.0.0.1"]),
        ] {
            for address in spellings {
                assert_eq!(of(address, "transit", "k").unwrap().server, server, "{address}");
            }
        }
    }

    #[test]
    fn nothing_that_could_mean_another_place() {
        for address in [
            "",
            "vault:8200",
            "ftp://vault",
            "https://",
            "https://:8200",
            "https://user@vault",
            "https://user:word@vault",
            "https://vault:8200@evil",
            "https://vault:8200/prefix",
            "https://vault:8200//",
            "https://vault?x",
            "https://vault#x",
            "https://vault:0",
            "https://vault:65536",
            "https://vault:+1",
            "https://vault:",
            "https://va ult",
            " https://vault",
            "https://vault\n",
            "https://vault\\evil",
            "https://%65vil",
            "https://vault..corp",
            "https://[::1]evil",
            "https://[vault]",
            "https://väult",
            "https://256.0.0.1",
        ] {
            let problem = of(address, "transit", "k").unwrap_err();
            assert_eq!(problem.kind, FailureKind::Name, "{address}");
        }
        for path in [
            "", "/", "/transit", "transit/", "a//b", "..", "a/../b", "./a", "a?b", "a#b", "a%2fb",
            "a b", "a\\b", "a\n", "a\u{1b}", "é",
        ] {
            assert_eq!(of("https://v", path, "k").unwrap_err().kind, FailureKind::Name, "{path}");
        }
        for name in ["", "a/b", "..", ".", "-a", "a-", "a?b", "a%20", "a b", "a\r\nb", "é"] {
            assert!(of("https://v", "transit", name).is_err(), "{name}");
        }
    }
}

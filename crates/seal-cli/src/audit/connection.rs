//! Connection strings as SOPS's driver for PostgreSQL (lib/pq) takes them: `key=value …`, or a URL.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// As written. It may hold a password, so it has no `Debug`.
pub(super) struct ConnectionString(Zeroizing<String>);

/// Where to connect to, and as whom.
pub(super) struct Target {
    /// A name, an address, or the directory of a socket where it starts with `/`.
    pub(super) host: String,
    pub(super) port: u16,
    /// The user of the process where it is missing.
    pub(super) user: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
    /// The name of the user where it is missing.
    pub(super) database: Option<String>,
    pub(super) tls: Tls,
    /// Authorities to trust instead of the system's.
    pub(super) authorities: Option<PathBuf>,
}

/// `sslmode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// None.
    Disable,
    /// Encrypted, whoever it is that answers; the default, as for SOPS.
    Require,
    /// The certificate is one that the authorities gave, to whomever.
    VerifyAuthority,
    /// It is the server's own as well.
    VerifyFull,
}

impl<'de> Deserialize<'de> for ConnectionString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl ConnectionString {
    /// Reads it. What the driver would take from the user's environment is not: the log is the system's.
    ///
    /// # Errors
    ///
    /// What is wrong, without the text; and settings that are not supported, by their name.
    pub(super) fn parse(&self) -> Result<Target, String> {
        let mut target = Target {
            host: "localhost".to_owned(),
            port: 5432,
            user: None,
            password: None,
            database: None,
            tls: Tls::Require,
            authorities: None,
        };
        let text = self.0.trim();
        let url = ["postgres://", "postgresql://"].iter().find_map(|s| text.strip_prefix(s));
        let pairs = match url {
            Some(rest) => of_url(rest),
            None => of_words(text),
        };
        for (name, value) in pairs.ok_or("it is neither `key=value …` nor a URL of PostgreSQL")? {
            target.set(&name, value)?;
        }
        Ok(target)
    }
}

type Pairs = Vec<(String, Zeroizing<String>)>;

impl Target {
    fn set(&mut self, name: &str, value: Zeroizing<String>) -> Result<(), String> {
        let text = || value.as_str().to_owned();
        match name {
            "host" if value.is_empty() => {}
            "host" => self.host = text(),
            "port" => self.port = value.parse().map_err(|_| "the port is no port".to_owned())?,
            "user" => self.user = Some(text()),
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(text()),
            "sslmode" => {
                self.tls = match value.as_str() {
                    "disable" => Tls::Disable,
                    "require" => Tls::Require,
                    "verify-ca" => Tls::VerifyAuthority,
                    "verify-full" => Tls::VerifyFull,
                    _ => {
                        return Err(
                            "sslmode is none of disable, require, verify-ca and verify-full"
                                .to_owned(),
                        );
                    }
                }
            }
            "sslrootcert" => self.authorities = Some(text().into()),
            // They change nothing of what is done here.
            "application_name"
            | "fallback_application_name"
            | "connect_timeout"
            | "client_encoding"
            | "datestyle"
            | "timezone"
            | "extra_float_digits" => {}
            _ => {
                let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                let name = if is_name && name.len() <= 40 { name } else { "one" };
                return Err(format!("the setting `{name}` is not supported"));
            }
        }
        Ok(())
    }
}

/// `USER:PASSWORD@HOST:PORT/DATABASE?name=value&…`, each part with `%` escapes.
fn of_url(rest: &str) -> Option<Pairs> {
    let mut pairs = Pairs::new();
    let mut add = |name: &str, value: &str| -> Option<()> {
        pairs.push((name.to_owned(), unescaped(value)?));
        Some(())
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    // A `/` in a password that is not escaped; what stands before it would be named as host and port.
    if path.contains('@') {
        return None;
    }
    let (login, server) = match authority.rsplit_once('@') {
        Some((login, server)) => (Some(login), server),
        None => (None, authority),
    };
    if let Some(login) = login {
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        add("user", user)?;
        if let Some(password) = password {
            add("password", password)?;
        }
    }
    let (host, port) = match server.rsplit_once(':') {
        // Not a colon of an address of IPv6.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (server, None),
    };
    add("host", host.trim_start_matches('[').trim_end_matches(']'))?;
    if let Some(port) = port.filter(|port| !port.is_empty()) {
        add("port", port)?;
    }
    if !path.is_empty() {
        add("dbname", path)?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        add(name, value)?;
    }
    Some(pairs)
}

fn unescaped(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    Some(Zeroizing::new(std::str::from_utf8(&bytes).ok()?.to_owned()))
}

/// `name = value …`; a value with blanks has quotes (`'…'`), and `\` before what stands for itself.
fn of_words(text: &str) -> Option<Pairs> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quoted = after.strip_prefix('\'');
        let mut value = Zeroizing::new(String::with_capacity(after.len()));
        let mut characters = quoted.unwrap_or(after).char_indices();
        let end = loop {
            match (characters.next(), quoted) {
                (Some((at, '\'')), Some(_)) => break at + 1,
                (Some((at, character)), None) if character.is_whitespace() => break at,
                (Some((_, '\\')), _) => value.push(characters.next()?.1),
                (Some((_, character)), _) => value.push(character),
                (None, Some(_)) => return None,
                (None, None) => break after.len(),
            }
        };
        pairs.push((name.trim().to_owned(), value));
        rest = quoted.unwrap_or(after)[end..].trim_start();
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Target, String> {
        ConnectionString(Zeroizing::new(text.to_owned())).parse()
    }

    #[test]
    fn both_forms_mean_the_same() {
        for text in [
            "postgres://audit:p%20w%2F%27@db.corp:5433/log?sslmode=verify-full&sslrootcert=/ca.pem",
            "host=db.corp port=5433 user = audit password='p w/\\'' dbname=log sslmode=verify-full sslrootcert=/ca.pem",
        ] {
            let target = parsed(text).unwrap();
            assert_eq!((target.host.as_str(), target.port), ("db.corp", 5433));
            assert_eq!(target.user.as_deref(), Some("audit"));
            assert_eq!(target.password.unwrap().as_str(), "p w/'");
            assert_eq!(target.database.as_deref(), Some("log"));
            assert_eq!(target.tls, Tls::VerifyFull);
            assert_eq!(target.authorities, Some("/ca.pem".into()));
        }
    }

    #[test]
    fn what_is_missing_is_what_the_driver_takes() {
        for text in ["", "postgres://", "postgresql:///"] {
            let target = parsed(text).unwrap();
            assert_eq!((target.host.as_str(), target.port), ("localhost", 5432), "{text}");
            assert_eq!((target.user, target.tls), (None, Tls::Require));
        }
        assert_eq!(parsed("postgres://[::1]/x").unwrap().host, "::1");
        assert_eq!(parsed("host=/run/pg user=a").unwrap().host, "/run/pg");
    }

    #[test]
    fn what_cannot_be_done_is_refused_without_a_value() {
        for (text, expected) in [
            ("hunter2", "it is neither `key=value …` nor a URL of PostgreSQL"),
            ("password='hunter2", "it is neither `key=value …` nor a URL of PostgreSQL"),
            ("postgres://u:hunter2%@h/d", "it is neither `key=value …` nor a URL of PostgreSQL"),
            ("postgres://u:123/hunter2@h/d", "it is neither `key=value …` nor a URL of PostgreSQL"),
            ("port=hunter2", "the port is no port"),
            ("sslmode=hunter2", "sslmode is none of disable, require, verify-ca and verify-full"),
            ("sslkey=hunter2", "the setting `sslkey` is not supported"),
            ("password=x HUNTER2=y", "the setting `one` is not supported"),
        ] {
            assert_eq!(parsed(text).err().as_deref(), Some(expected));
        }
    }
}

//! Addresses of key vaults: their form, whether a token may go there, and which token.

use crate::environment::Environment;
use crate::failure::{Failure, FailureKind};
use crate::rest::{self, Asked};
use crate::session::Session;

/// Domains that only Microsoft gives names in, with what tokens for their servers are asked for.
const DOMAINS: [(&str, &str); 6] = [
    (".vault.azure.net", "https://vault.azure.net/.default"),
    (".vault.azure.cn", "https://vault.azure.cn/.default"),
    (".vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net/.default"),
    (".managedhsm.azure.net", "https://managedhsm.azure.net/.default"),
    (".managedhsm.azure.cn", "https://managedhsm.azure.cn/.default"),
    (".managedhsm.usgovcloudapi.net", "https://managedhsm.usgovcloudapi.net/.default"),
];

/// Those of the public cloud, for which a token in a variable is meant.
const PUBLIC: [&str; 2] =
    ["https://vault.azure.net/.default", "https://managedhsm.azure.net/.default"];

const ENDPOINT: &str = "SEAL_AZURE_KEYVAULT_ENDPOINT";

/// The name of a variable that holds a token.
pub(super) const TOKEN: &str = "SEAL_AZURE_ACCESS_TOKEN";

/// The server of a key.
#[derive(Debug)]
pub(super) struct Vault {
    /// `https://HOST[:PORT]`, without a slash at the end.
    pub(super) url: String,
    scope: Option<&'static str>,
}

impl Vault {
    /// `None` unless it is `http(s)://HOST[:PORT]`, with or without a slash at the end.
    pub(super) fn read(url: &str) -> Option<Self> {
        let url = url.strip_suffix('/').unwrap_or(url);
        let (scheme, authority) = url.split_once("://")?;
        let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
        let is_label = |label: &str| is_word(label, "-");
        let is_good = matches!(scheme, "https" | "http")
            && authority.len() <= 300
            && host.split('.').all(is_label)
            && is_word(port, "")
            && port.parse::<u16>().is_ok();
        if !is_good {
            return None;
        }
        let host = authority.to_ascii_lowercase();
        // A port is no part of any name in these domains, so an address with one ends in none of them.
        let domain = DOMAINS.iter().find(|(domain, _)| {
            let name = host.strip_suffix(domain);
            scheme == "https" && name.is_some_and(is_label)
        });
        Some(Self { url: format!("{scheme}://{host}"), scope: domain.map(|(_, scope)| *scope) })
    }

    /// A token goes to Azure's own servers, and to those that the user named. A token of a variable goes to those of the
    /// public cloud only: it was not made for the vault that the file names.
    pub(super) fn is_allowed(&self, session: &Session, asked: Asked<'_>) -> Result<(), Failure> {
        if session.trust.allows_azure_vault(&self.url) {
            return Ok(());
        }
        let is_set = |name: &str| rest::variable(&session.environment, name).is_some();
        let reason = match self.scope {
            Some(scope) if PUBLIC.contains(&scope) || !is_set(TOKEN) || is_set(ENDPOINT) => {
                return Ok(());
            }
            Some(_) => format!(
                "{} is not in the public cloud, to which {TOKEN} goes; nothing was sent there",
                self.url
            ),
            None => format!("{} is none of Azure's own servers; nothing was sent there", self.url),
        };
        // The address is made of letters, digits, `-`, `.` and `:`, so it can be copied into a shell as it is.
        Err(asked.failure(FailureKind::NotAllowed, reason).hint(format!(
            "if you trust this server with your credentials, set SEAL_ALLOW_AZURE_VAULTS={}",
            self.url
        )))
    }

    /// Where requests go: to the vault, or where the user's own variable says.
    pub(super) fn base(
        &self,
        environment: &Environment,
        asked: Asked<'_>,
    ) -> Result<String, Failure> {
        let Some(endpoint) = rest::variable(environment, ENDPOINT) else {
            return Ok(self.url.clone());
        };
        rest::endpoint(&endpoint).ok_or_else(|| {
            asked
                .failure(FailureKind::Local, format!("{ENDPOINT} is not an address"))
                .hint(format!("correct or unset {ENDPOINT}"))
        })
    }

    /// What a token is asked for; for servers in no domain of Azure's what is right for the public cloud.
    pub(super) fn scope(&self) -> &'static str {
        self.scope.unwrap_or(DOMAINS[0].1)
    }
}

/// Letters, digits and these others, at least one and not too many.
pub(super) fn is_word(text: &str, others: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    (1..=127).contains(&text.len()) && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(url: &str) -> Option<&'static str> {
        Vault::read(url).and_then(|vault| vault.scope)
    }

    #[test]
    fn each_cloud_has_its_own_tokens() {
        for (domain, expected) in DOMAINS {
            assert_eq!(scope(&format!("https://my-vault{domain}/")), Some(expected));
        }
        assert_eq!(scope("https://MY.Vault.Azure.Net"), Some(DOMAINS[0].1));
    }

    #[test]
    fn what_only_looks_like_azure_is_not_azure() {
        for url in [
            "http://x.vault.azure.net",
            "https://x.vault.azure.net:443",
            "https://x.vault.azure.net.evil.com",
            "https://xvault.azure.net",
            "https://vault.azure.net",
            "https://evil.com.vault.azure.net",
            "https://evil.com",
        ] {
            assert_eq!(scope(url), None, "{url}");
        }
    }

    #[test]
    fn an_address_is_a_host_and_nothing_else() {
        for url in [
            "",
            "x.vault.azure.net",
            "https://",
            "https://x.vault.azure.net@evil.com",
            "https://evil.com/.vault.azure.net",
            "https://evil.com%2f.vault.azure.net",
            "https://evil.com\\.vault.azure.net",
            "https://evil.com#.vault.azure.net",
            "https://evil.com?.vault.azure.net",
            "https://x..vault.azure.net",
            "https://x.vault.azure.net//",
            "https://x.vault.azure.net:",
            "https://x.vault.azure.net:99999",
            "https://x.vault.azure.net:+1",
            "https://x.vault.azure.net\n",
            "https://x.vault.azure.net,all",
            "https://$(id).vault.azure.net",
            "https://x.vault.azure.net ./pwn.sh",
            &format!("https://{}net", "a.".repeat(150)),
            "ftp://x.vault.azure.net",
        ] {
            assert!(Vault::read(url).is_none(), "{url}");
        }
    }
}

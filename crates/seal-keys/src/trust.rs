//! What the user allows references in files to lead to.
//!
//! A file, and the `.sops.yaml` beside it, come from whoever may commit. They name servers, roles, profiles and plugins;
//! following them blindly would send a token to a server of the writer's choice, or start a program by name. So a
//! reference is followed where the user named the same thing on this machine: on the command line, in the environment,
//! or in one of these lists.
//!
//! | what a file names | is followed if it is in |
//! |---|---|
//! | address of a Vault server | `VAULT_ADDR`, `SOPS_HC_VAULT_ALLOWLIST` (prefixes of addresses; SOPS's variable) |
//! | role of AWS | `SEAL_ALLOW_AWS_ROLES` |
//! | profile of AWS | `AWS_PROFILE`, `SEAL_ALLOW_AWS_PROFILES` |
//! | key vault of Azure outside of Azure's own domains | `SEAL_ALLOW_AZURE_VAULTS` |
//! | plugin of age | `SEAL_ALLOW_AGE_PLUGINS` |
//!
//! Lists are separated by commas; `all` allows everything and `none` nothing. What is typed as a key (`--kms`,
//! `SOPS_KMS_ARN` and the like) counts as named by the user.

use std::collections::BTreeSet;

use seal_core::envelope::MasterKey;

use crate::environment::Environment;

/// What the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    vault_addresses: Allowed,
    aws_roles: Allowed,
    aws_profiles: Allowed,
    azure_vaults: Allowed,
    age_plugins: Allowed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    All,
    Only(BTreeSet<String>),
}

impl Trust {
    /// What the environment names.
    pub fn of(environment: &Environment) -> Self {
        let text = |name: &str| environment.variable(name)?.into_string().ok();
        let list = |name: &str| Allowed::list(&text(name).unwrap_or_default());
        let with = |mut allowed: Allowed, name: &str| {
            text(name).into_iter().for_each(|value| allowed.add(value.trim()));
            allowed
        };
        Self {
            vault_addresses: with(list("SOPS_HC_VAULT_ALLOWLIST"), "VAULT_ADDR"),
            aws_roles: list("SEAL_ALLOW_AWS_ROLES"),
            aws_profiles: with(list("SEAL_ALLOW_AWS_PROFILES"), "AWS_PROFILE"),
            azure_vaults: list("SEAL_ALLOW_AZURE_VAULTS"),
            age_plugins: list("SEAL_ALLOW_AGE_PLUGINS"),
        }
    }

    /// Allows what these keys name, because the user typed them.
    #[must_use]
    pub fn and_keys<'k>(mut self, keys: impl IntoIterator<Item = &'k MasterKey>) -> Self {
        for key in keys {
            match key {
                MasterKey::AwsKms { role, aws_profile, .. } => {
                    role.iter().for_each(|role| self.aws_roles.add(role));
                    aws_profile.iter().for_each(|profile| self.aws_profiles.add(profile));
                }
                MasterKey::VaultTransit { address, .. } => self.vault_addresses.add(address),
                MasterKey::AzureKeyVault { vault_url, .. } => self.azure_vaults.add(vault_url),
                MasterKey::Age { recipient } => {
                    plugin_of(recipient).iter().for_each(|plugin| self.age_plugins.add(plugin));
                }
                MasterKey::Pgp { .. } | MasterKey::GcpKms { .. } | MasterKey::HuaweiKms { .. } => {}
            }
        }
        self
    }

    /// Whether a token may go to a Vault server.
    pub fn allows_vault(&self, address: &str) -> bool {
        self.vault_addresses.has_prefix_of(address)
    }

    /// Whether a role (its ARN) may be assumed.
    pub fn allows_aws_role(&self, role: &str) -> bool {
        self.aws_roles.has(role)
    }

    /// Whether a profile of the AWS configuration may be used.
    pub fn allows_aws_profile(&self, profile: &str) -> bool {
        self.aws_profiles.has(profile)
    }

    /// Whether a token may go to a key vault outside of Azure's own domains.
    pub fn allows_azure_vault(&self, url: &str) -> bool {
        self.azure_vaults.has_prefix_of(url)
    }

    /// Whether the program `age-plugin-NAME` may be started because a recipient names it.
    pub fn allows_age_plugin(&self, name: &str) -> bool {
        self.age_plugins.has(name)
    }
}

impl Allowed {
    fn list(text: &str) -> Self {
        let words = || text.split(',').map(str::trim).filter(|word| !word.is_empty());
        if words().any(|word| word == "all") {
            return Self::All;
        }
        Self::Only(words().filter(|word| *word != "none").map(str::to_owned).collect())
    }

    fn add(&mut self, one: &str) {
        if let Self::Only(allowed) = self
            && !one.is_empty()
        {
            allowed.insert(one.to_owned());
        }
    }

    fn has(&self, one: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(allowed) => allowed.contains(one),
        }
    }

    /// The same address, or one with a path below: `https://vault` allows neither `https://vault.evil` nor
    /// `https://vault:1`, nor does it allow `http://vault`.
    fn has_prefix_of(&self, address: &str) -> bool {
        let Self::Only(allowed) = self else { return true };
        let Some(address) = normalized(address) else { return false };
        allowed.iter().filter_map(|allowed| normalized(allowed)).any(|allowed| {
            let rest = address.strip_prefix(&*allowed);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// An address without what does not tell servers apart: upper case in the host, the default port, slashes at the end.
/// `None` for what is no plain `http(s)://HOST[:PORT][/PATH]`: a user name, a query or an escape could hide the real
/// host from the reader, or from us.
fn normalized(address: &str) -> Option<String> {
    let (scheme, rest) = address.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let host = host.strip_suffix(default).unwrap_or(&host);
    let is_plain = |text: &str| {
        text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'/')
        })
    };
    let climbs = path.split('/').any(|part| part == "..");
    if host.is_empty() || !is_plain(host) || !is_plain(path) || climbs {
        return None;
    }
    let path = path.trim_matches('/');
    Some(match path.is_empty() {
        true => format!("{scheme}://{host}"),
        false => format!("{scheme}://{host}/{path}"),
    })
}

/// The plugin that a recipient of age names: `yubikey` of `age1yubikey1…`. `1` is no digit of Bech32, so a second one
/// ends the name. The names of age's own kinds are none.
pub(crate) fn plugin_of(recipient: &str) -> Option<&str> {
    let (name, _) = recipient.strip_prefix("age1")?.rsplit_once('1')?;
    (!name.is_empty() && name != "pq").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_named_servers_only() {
        let trust = Trust::of(&Environment::of([
            ("VAULT_ADDR", "https://Vault.corp:8200/"),
            ("SOPS_HC_VAULT_ALLOWLIST", "https://one.corp, http://two.corp:80/"),
        ]));
        for address in [
            "https://vault.corp:8200",
            "https://vault.corp:8200/",
            "https://one.corp:443",
            "HTTPS://ONE.corp/sub",
            "http://two.corp",
        ] {
            assert!(trust.allows_vault(address), "{address}");
        }
        for address in [
            "",
            "https://vault.corp",
            "http://vault.corp:8200",
            "https://vault.corp:82000",
            "https://vault.corp:8200@evil.com",
            "https://evil.com#https://vault.corp:8200",
            "https://one.corp.evil.com",
            "https://one.corp@evil.com",
            "https://one.corp\\@evil.com",
            "https://evil.com/https://one.corp",
            "https://one.corp/../x",
            "ftp://one.corp",
            "https://two.corp",
        ] {
            assert!(!trust.allows_vault(address), "{address}");
        }
    }

    #[test]
    fn nothing_is_allowed_unless_it_is_named() {
        let trust = Trust::of(&Environment::of([("SEAL_ALLOW_AWS_ROLES", "none"); 1]));
        assert!(!trust.allows_vault("https://v"));
        assert!(!trust.allows_aws_role("arn:aws:iam::1:role/r"));
        assert!(!trust.allows_aws_profile("p"));
        assert!(!trust.allows_azure_vault("https://v"));
        assert!(!trust.allows_age_plugin("yubikey"));
    }

    #[test]
    fn lists_name_one_each_or_all() {
        let trust = Trust::of(&Environment::of([
            ("SEAL_ALLOW_AWS_ROLES", "arn:aws:iam::1:role/a, arn:aws:iam::1:role/b"),
            ("AWS_PROFILE", "ci"),
            ("SEAL_ALLOW_AGE_PLUGINS", "all"),
        ]));
        assert!(trust.allows_aws_role("arn:aws:iam::1:role/b"));
        assert!(!trust.allows_aws_role("arn:aws:iam::1:role/bb"));
        assert!(trust.allows_aws_profile("ci") && !trust.allows_aws_profile("prod"));
        assert!(trust.allows_age_plugin("anything"));
    }

    #[test]
    fn what_is_typed_is_named() {
        let recipient = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";
        let keys = [
            MasterKey::Age { recipient: recipient.to_owned() },
            MasterKey::VaultTransit {
                address: "https://v".to_owned(),
                engine_path: "transit".to_owned(),
                key_name: "k".to_owned(),
            },
        ];
        let trust = Trust::of(&Environment::of([("A", "b")])).and_keys(&keys);
        assert!(trust.allows_age_plugin("yubikey") && !trust.allows_age_plugin("tpm"));
        assert!(trust.allows_vault("https://v") && !trust.allows_vault("https://w"));
    }

    #[test]
    fn the_plugin_of_a_recipient_is_its_first_part() {
        assert_eq!(plugin_of("age1yubikey1qwt50"), Some("yubikey"));
        assert_eq!(plugin_of("age1fido2-hmac1qwt50"), Some("fido2-hmac"));
        assert_eq!(plugin_of("age1pq16n5tu6t5"), None);
        assert_eq!(plugin_of("age13r7pmm33m5fk6"), None);
        assert_eq!(plugin_of("ssh-ed25519 AAAA"), None);
    }
}

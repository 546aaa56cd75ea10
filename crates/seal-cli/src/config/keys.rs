//! Keys as `.sops.yaml` writes them → master keys.

use std::collections::BTreeMap;

use seal_core::envelope::MasterKey;

use super::RuleProblem;
use super::raw::{RawGroup, RawRule};

/// Texts that name keys of one kind, and what the setting or option is called that they come from.
#[derive(Clone, Copy)]
pub(super) struct Named<'t> {
    pub(super) origin: &'static str,
    pub(super) texts: &'t [String],
}

/// Keys that are named without groups: in a rule, on the command line, in the environment.
#[derive(Clone, Copy)]
pub(super) struct FlatKeys<'t> {
    pub(super) age: Named<'t>,
    pub(super) pgp: &'t [String],
    pub(super) kms: &'t [String],
    pub(super) aws_profile: Option<&'t str>,
    pub(super) context: &'t BTreeMap<String, String>,
    pub(super) gcp_kms: &'t [String],
    pub(super) hckms: &'t [String],
    pub(super) azure_key_vault: Named<'t>,
    pub(super) vault_transit: Named<'t>,
}

/// The keys that stand directly in a rule.
pub(super) fn of_rule(rule: &RawRule) -> Result<Vec<MasterKey>, RuleProblem> {
    let named = |origin, words| Named { origin, texts: words };
    of_flat(FlatKeys {
        age: named("age", &rule.age.0),
        pgp: &rule.pgp.0,
        kms: &rule.kms.0,
        aws_profile: rule.aws_profile.as_deref(),
        // SOPS has a context only for the keys of groups and of the command line.
        context: &BTreeMap::new(),
        gcp_kms: &rule.gcp_kms.0,
        hckms: &rule.hckms.0,
        azure_key_vault: named("azure_keyvault", &rule.azure_keyvault.0),
        vault_transit: named("hc_vault_transit_uri", &rule.hc_vault_transit_uri.0),
    })
}

/// Keys without groups, in the order in which SOPS takes them.
pub(super) fn of_flat(flat: FlatKeys<'_>) -> Result<Vec<MasterKey>, RuleProblem> {
    let mut keys = Keys::default();
    keys.age(flat.age)?;
    keys.pgp(flat.pgp);
    for text in flat.kms.iter().flat_map(|text| words(text)) {
        let (arn, role) = match text.find("+arn:") {
            Some(plus) => (&text[..plus], Some(text[plus + 1..].to_owned())),
            None => (text, None),
        };
        keys.add(MasterKey::AwsKms {
            arn: without_blanks(arn),
            role,
            context: flat.context.clone(),
            aws_profile: flat.aws_profile.filter(|name| !name.is_empty()).map(str::to_owned),
        });
    }
    for text in flat.gcp_kms.iter().flat_map(|text| words(text)) {
        keys.add(MasterKey::GcpKms { resource_id: without_blanks(text) });
    }
    for text in flat.hckms.iter().flat_map(|text| words(text)) {
        keys.add(MasterKey::HuaweiKms { key_id: text.to_owned() });
    }
    keys.azure(flat.azure_key_vault)?;
    keys.vault(flat.vault_transit)?;
    Ok(keys.0)
}

/// The keys of a key group: those of the groups that it merges first, then its own.
pub(super) fn of_group(group: &RawGroup) -> Result<Vec<MasterKey>, RuleProblem> {
    let mut keys = Keys::default();
    for merged in group.merge.iter().flatten() {
        of_group(merged)?.into_iter().for_each(|key| keys.add(key));
    }
    keys.age(Named { origin: "age", texts: group.age.as_deref().unwrap_or_default() })?;
    keys.pgp(group.pgp.as_deref().unwrap_or_default());
    for key in group.kms.iter().flatten() {
        let context = key.context.iter().flatten();
        let context =
            context.map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()));
        keys.add(MasterKey::AwsKms {
            arn: without_blanks(&key.arn),
            role: key.role.clone().filter(|role| !role.is_empty()),
            context: context.collect(),
            aws_profile: key.aws_profile.clone(),
        });
    }
    for key in group.gcp_kms.iter().flatten() {
        keys.add(MasterKey::GcpKms { resource_id: without_blanks(&key.resource_id) });
    }
    for key in group.hckms.iter().flatten() {
        keys.add(MasterKey::HuaweiKms { key_id: key.key_id.clone() });
    }
    for key in group.azure_keyvault.iter().flatten() {
        keys.add(MasterKey::AzureKeyVault {
            vault_url: key.vault_url.clone(),
            name: key.key.clone(),
            version: key.version.clone().unwrap_or_default(),
        });
    }
    keys.vault(Named { origin: "hc_vault", texts: group.hc_vault.as_deref().unwrap_or_default() })?;
    Ok(keys.0)
}

/// The parts of a text between commas, without blanks around them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// Master keys without duplicates.
#[derive(Default)]
struct Keys(Vec<MasterKey>);

impl Keys {
    fn add(&mut self, key: MasterKey) {
        if !self.0.contains(&key) {
            self.0.push(key);
        }
    }

    fn age(&mut self, named: Named<'_>) -> Result<(), RuleProblem> {
        for (index, text) in named.texts.iter().enumerate() {
            for recipient in words(text) {
                if recipient.to_ascii_uppercase().starts_with("AGE-") {
                    let setting = named.origin;
                    return Err(RuleProblem::IdentityAsRecipient { entry: index + 1, setting });
                }
                self.add(MasterKey::Age { recipient: recipient.to_owned() });
            }
        }
        Ok(())
    }

    fn pgp(&mut self, texts: &[String]) {
        for fingerprint in texts.iter().flat_map(|text| words(text)) {
            self.add(MasterKey::Pgp { fingerprint: without_blanks(fingerprint) });
        }
    }

    fn azure(&mut self, named: Named<'_>) -> Result<(), RuleProblem> {
        self.urls(named, azure_key_vault, "https://VAULT/keys/NAME[/VERSION]")
    }

    fn vault(&mut self, named: Named<'_>) -> Result<(), RuleProblem> {
        self.urls(named, vault_transit, "https://HOST/v1/ENGINE/keys/NAME")
    }

    fn urls(
        &mut self,
        named: Named<'_>,
        read: impl Fn(&str) -> Option<MasterKey>,
        form: &'static str,
    ) -> Result<(), RuleProblem> {
        for (index, text) in named.texts.iter().enumerate() {
            for word in words(text) {
                let problem = RuleProblem::Key { setting: named.origin, entry: index + 1, form };
                self.add(read(word).ok_or(problem)?);
            }
        }
        Ok(())
    }
}

fn azure_key_vault(text: &str) -> Option<MasterKey> {
    let (host, path) = text.strip_prefix("https://")?.split_once('/')?;
    let path = path.strip_prefix("keys/")?;
    let (name, version) = path.split_once('/').unwrap_or((path, ""));
    let complete = !host.is_empty() && !name.is_empty() && !version.contains('/');
    complete.then(|| MasterKey::AzureKeyVault {
        vault_url: format!("https://{host}"),
        name: name.to_owned(),
        version: version.to_owned(),
    })
}

fn vault_transit(text: &str) -> Option<MasterKey> {
    let (scheme, rest) = text.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let (engine_path, key_name) = path.strip_prefix("v1/")?.rsplit_once("/keys/")?;
    let key_name = key_name.trim_end_matches('/');
    let complete = matches!(scheme, "http" | "https")
        && ![host, engine_path, key_name].contains(&"")
        && !key_name.contains('/');
    complete.then(|| MasterKey::VaultTransit {
        address: format!("{scheme}://{host}"),
        engine_path: engine_path.to_owned(),
        key_name: key_name.to_owned(),
    })
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_vault_are_taken_apart() {
        let key = |address: &str, engine_path: &str, key_name: &str| {
            Some(MasterKey::VaultTransit {
                address: address.to_owned(),
                engine_path: engine_path.to_owned(),
                key_name: key_name.to_owned(),
            })
        };
        for (text, expected) in [
            ("https://vault:8200/v1/transit/keys/k", key("https://vault:8200", "transit", "k")),
            ("http://v/v1/a/b/keys/k/", key("http://v", "a/b", "k")),
            ("https://v/prefix/v1/transit/keys/k", None),
            ("https://v/v1/transit/k", None),
            ("https:///v1/transit/keys/k", None),
            ("vault/v1/transit/keys/k", None),
            ("ftp://v/v1/transit/keys/k", None),
            ("https://v/v1/transit/keys/", None),
        ] {
            assert_eq!(vault_transit(text), expected, "{text}");
        }
    }

    #[test]
    fn urls_of_azure_are_taken_apart() {
        let key = |name: &str, version: &str| {
            Some(MasterKey::AzureKeyVault {
                vault_url: "https://v.vault.azure.net".to_owned(),
                name: name.to_owned(),
                version: version.to_owned(),
            })
        };
        for (text, expected) in [
            ("https://v.vault.azure.net/keys/n/0a", key("n", "0a")),
            ("https://v.vault.azure.net/keys/n", key("n", "")),
            ("https://v.vault.azure.net/keys/n/", key("n", "")),
            ("https://v.vault.azure.net/secrets/n/0a", None),
            ("http://v.vault.azure.net/keys/n/0a", None),
            ("https://v.vault.azure.net/keys/n/0a/b", None),
            ("https://v.vault.azure.net/keys//0a", None),
        ] {
            assert_eq!(azure_key_vault(text), expected, "{text}");
        }
    }
}

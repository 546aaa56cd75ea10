//! Keys as `.sops.yaml` writes them → master keys.

use std::collections::BTreeMap;

use seal_core::envelope::MasterKey;

use super::RuleProblem;
use super::raw::{RawGroup, RawRule};

/// The keys that stand directly in a rule, in the order in which SOPS takes them.
pub(super) fn of_rule(rule: &RawRule) -> Result<Vec<MasterKey>, RuleProblem> {
    let mut keys = Keys::default();
    keys.age(&rule.age.0)?;
    keys.pgp(&rule.pgp.0);
    for text in &rule.kms.0 {
        let (arn, role) = match text.find("+arn:") {
            Some(plus) => (&text[..plus], Some(text[plus + 1..].to_owned())),
            None => (text.as_str(), None),
        };
        keys.add(MasterKey::AwsKms {
            arn: without_blanks(arn),
            role,
            context: BTreeMap::new(),
            aws_profile: rule.aws_profile.clone(),
        });
    }
    for text in &rule.gcp_kms.0 {
        keys.add(MasterKey::GcpKms { resource_id: without_blanks(text) });
    }
    for text in &rule.hckms.0 {
        keys.add(MasterKey::HuaweiKms { key_id: text.clone() });
    }
    for (index, text) in rule.azure_keyvault.0.iter().enumerate() {
        keys.add(azure_key_vault(text).ok_or(RuleProblem::Key {
            setting: "azure_keyvault",
            entry: index + 1,
            form: "https://VAULT/keys/NAME/VERSION",
        })?);
    }
    keys.vault("hc_vault_transit_uri", &rule.hc_vault_transit_uri.0)?;
    Ok(keys.0)
}

/// The keys of a key group: those of the groups that it merges first, then its own.
pub(super) fn of_group(group: &RawGroup) -> Result<Vec<MasterKey>, RuleProblem> {
    let mut keys = Keys::default();
    for merged in group.merge.iter().flatten() {
        of_group(merged)?.into_iter().for_each(|key| keys.add(key));
    }
    keys.age(group.age.as_deref().unwrap_or_default())?;
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
    keys.vault("hc_vault", group.hc_vault.as_deref().unwrap_or_default())?;
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

    fn age(&mut self, texts: &[String]) -> Result<(), RuleProblem> {
        for (index, text) in texts.iter().enumerate() {
            for recipient in words(text) {
                if recipient.to_ascii_uppercase().starts_with("AGE-") {
                    return Err(RuleProblem::IdentityAsRecipient { entry: index + 1 });
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

    fn vault(&mut self, setting: &'static str, texts: &[String]) -> Result<(), RuleProblem> {
        for (index, text) in texts.iter().enumerate() {
            self.add(vault_transit(text).ok_or(RuleProblem::Key {
                setting,
                entry: index + 1,
                form: "https://HOST/v1/ENGINE/keys/NAME",
            })?);
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

//! When two names mean the same master key: files, rules and options spell them differently.

use super::MasterKey;

impl MasterKey {
    /// Whether an envelope for `self` is one for `other`: the same key, reached in the same way. Spellings do not matter
    /// (blanks and case of a fingerprint, slashes at the end of an address, the comment behind an SSH key), nor does a
    /// version of Azure's that `self` does not name: that is the newest one, which the envelope then names.
    pub fn stands_for(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        match (self.normal(), other.normal()) {
            (
                Self::AzureKeyVault { vault_url: a, name: of_a, version },
                Self::AzureKeyVault { vault_url: b, name: of_b, .. },
            ) if version.is_empty() => (a, of_a) == (b, of_b),
            (a, b) => a == b,
        }
    }

    /// Whether `self` lets the same people in as `other`, by whatever role or profile they come.
    pub fn admits_as(&self, other: &Self) -> bool {
        let bare = |key: &Self| match key.clone() {
            Self::AwsKms { arn, context, .. } => {
                Self::AwsKms { arn, role: None, context, aws_profile: None }
            }
            key => key,
        };
        bare(self).stands_for(&bare(other))
    }

    /// The one spelling among several that mean the same key.
    fn normal(&self) -> Self {
        let address = |text: &str| {
            let (scheme, rest) = text.trim().split_once("://").unwrap_or(("", text.trim()));
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
            format!("{scheme}://{host}/{}", path.trim_end_matches('/'))
        };
        let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        match self.clone() {
            Self::Age { recipient } => {
                let mut words = recipient.split_ascii_whitespace();
                let recipient = match (words.next(), words.next()) {
                    (Some(kind), Some(key)) => format!("{kind} {key}"),
                    // Bech32 is all of one case.
                    _ => recipient.trim().to_ascii_lowercase(),
                };
                Self::Age { recipient }
            }
            Self::Pgp { fingerprint } => {
                let fingerprint = solid(&fingerprint).to_ascii_uppercase();
                let bare = fingerprint.strip_prefix("0X").unwrap_or(&fingerprint);
                Self::Pgp { fingerprint: bare.to_owned() }
            }
            Self::AwsKms { arn, role, context, aws_profile } => {
                Self::AwsKms { arn: solid(&arn), role, context, aws_profile }
            }
            Self::GcpKms { resource_id } => Self::GcpKms { resource_id: solid(&resource_id) },
            Self::AzureKeyVault { vault_url, name, version } => {
                Self::AzureKeyVault { vault_url: address(&vault_url), name, version }
            }
            Self::VaultTransit { address: server, engine_path, key_name } => Self::VaultTransit {
                address: address(&server),
                engine_path: engine_path.trim_matches('/').to_owned(),
                key_name,
            },
            Self::HuaweiKms { key_id } => Self::HuaweiKms { key_id },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_however_it_is_spelled() {
        let age = |text: &str| MasterKey::Age { recipient: text.to_owned() };
        let pgp = |text: &str| MasterKey::Pgp { fingerprint: text.to_owned() };
        let vault = |address: &str, engine: &str| MasterKey::VaultTransit {
            address: address.to_owned(),
            engine_path: engine.to_owned(),
            key_name: "k".to_owned(),
        };
        let azure = |url: &str, version: &str| MasterKey::AzureKeyVault {
            vault_url: url.to_owned(),
            name: "n".to_owned(),
            version: version.to_owned(),
        };
        for (a, b) in [
            (age("age1abc"), age("AGE1ABC")),
            (age("ssh-ed25519 AAAA me@home"), age("ssh-ed25519  AAAA")),
            (pgp("1022 470d E3F0"), pgp("0x1022470DE3F0")),
            (vault("https://V:8200/", "transit/"), vault("https://v:8200", "transit")),
            (azure("https://v.vault.azure.net/", ""), azure("https://V.vault.azure.net", "0a")),
        ] {
            assert!(a.stands_for(&b), "{a} {b}");
        }
        for (a, b) in [
            (age("ssh-ed25519 AAAA"), age("ssh-ed25519 AAAa")),
            (pgp("1022470DE3F0"), pgp("70DE3F0")),
            (pgp("1022470DE3F0!"), pgp("1022470DE3F0")),
            (vault("https://v:8200", "transit"), vault("http://v:8200", "transit")),
            (vault("https://v", "transit"), vault("https://v", "Transit")),
            (azure("https://v", "0a"), azure("https://v", "")),
        ] {
            assert!(!a.stands_for(&b), "{a} {b}");
        }
    }

    #[test]
    fn a_role_or_a_profile_lets_nobody_else_in_and_a_context_may() {
        let kms =
            |role: Option<&str>, context: Option<&str>, profile: Option<&str>| MasterKey::AwsKms {
                arn: "arn:aws:kms:eu-west-1:1:key/k".to_owned(),
                role: role.map(str::to_owned),
                context: context.map(|of| ("app".to_owned(), of.to_owned())).into_iter().collect(),
                aws_profile: profile.map(str::to_owned),
            };
        let plain = kms(None, None, None);
        for other in [kms(Some("r"), None, None), kms(None, None, Some("ci"))] {
            assert!(!plain.stands_for(&other) && plain.admits_as(&other));
        }
        assert!(!plain.admits_as(&kms(None, Some("shop"), None)));
    }
}

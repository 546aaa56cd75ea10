//! `destination_rules`: where `publish` puts a file.

use std::path::Path;

use seal_keys::publish::Destination;

use super::error::DestinationProblem;
use super::raw::RawDestination;
use super::rule::{compile, invalid};
use super::{Config, ConfigError, CreationRule};

/// The rule for one file, checked.
#[derive(Clone, Debug)]
pub(crate) struct DestinationRule {
    /// Where the file goes.
    pub(crate) destination: Destination,
    /// Its name there has no extension.
    pub(crate) omit_extensions: bool,
    /// For whom, and how, it is encrypted anew first. Without keys it is not.
    pub(crate) recreation: Option<CreationRule>,
}

impl Config {
    /// The first destination rule that matches a path. As SOPS has it, that is the path as it was typed; it has `/` on
    /// every platform. `vault_address` is that of the user's environment, for rules that name none.
    ///
    /// # Errors
    ///
    /// None matches, or one of them cannot be meant so; all are checked, not only the one that is used.
    pub(crate) fn destination_for(
        &self,
        path: &Path,
        vault_address: Option<&str>,
    ) -> Result<DestinationRule, ConfigError> {
        let text = path.to_string_lossy();
        let text = if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() };
        let mut found = None;
        for (index, raw) in self.destinations.iter().enumerate() {
            let rule = self.destination(raw, vault_address);
            let (rule, matches) =
                rule.and_then(|rule| Ok((rule, matches(raw, &text)?))).map_err(|problem| {
                    ConfigError::Destination { file: self.file.clone(), rule: index + 1, problem }
                })?;
            found = found.or(matches.then_some(rule));
        }
        found.ok_or_else(|| ConfigError::NoDestination { file: self.file.clone(), path: text })
    }

    fn destination(
        &self,
        raw: &RawDestination,
        vault_address: Option<&str>,
    ) -> Result<DestinationRule, DestinationProblem> {
        if raw.reencryption_rule.is_some() {
            return Err(DestinationProblem::OldName);
        }
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let destination =
            match (named(&raw.s3_bucket), named(&raw.gcs_bucket), named(&raw.vault_path)) {
                (Some(bucket), None, None) => {
                    Destination::S3 { bucket, prefix: text(&raw.s3_prefix) }
                }
                (None, Some(bucket), None) => {
                    Destination::Gcs { bucket, prefix: text(&raw.gcs_prefix) }
                }
                (None, None, Some(path)) => Destination::Vault {
                    // The default of Vault's own tools.
                    address: named(&raw.vault_address)
                        .or_else(|| vault_address.map(str::to_owned))
                        .unwrap_or_else(|| "https://127.0.0.1:8200".to_owned())
                        .trim_end_matches('/')
                        .to_owned(),
                    mount: named(&raw.vault_kv_mount_name)
                        .unwrap_or_else(|| "secret".to_owned())
                        .trim_matches('/')
                        .to_owned(),
                    path: path.trim_matches('/').to_owned(),
                    version: match raw.vault_kv_version {
                        None | Some(0) => 2,
                        Some(version @ (1 | 2)) => version,
                        Some(version) => return Err(DestinationProblem::Version(version)),
                    },
                },
                (s3, gcs, vault) => {
                    let places = [s3, gcs, vault].into_iter().flatten().count();
                    return Err(DestinationProblem::Places { places });
                }
            };
        let recreation = raw
            .recreation_rule
            .clone()
            .map(|rule| CreationRule::new(&self.file, 1, rule, self.options))
            .transpose()
            .map_err(DestinationProblem::Rule)?
            .map(|(rule, _)| rule)
            .filter(|rule| rule.groups() > 0);
        Ok(DestinationRule {
            destination,
            omit_extensions: raw.omit_extensions.unwrap_or(false),
            recreation,
        })
    }
}

fn matches(raw: &RawDestination, text: &str) -> Result<bool, DestinationProblem> {
    let Some(regex) = raw.path_regex.as_deref().filter(|regex| !regex.is_empty()) else {
        return Ok(true);
    };
    let problem = |problem| DestinationProblem::Rule(invalid("path_regex", problem));
    Ok(compile(regex).map_err(problem)?.matches(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rules: &str, path: &str) -> Result<Destination, String> {
        let text = format!("destination_rules:\n{rules}");
        let config = Config::parse("/r/.sops.yaml".into(), &text).unwrap();
        let found = config.destination_for(Path::new(path), Some("https://v:8200/"));
        found.map(|rule| rule.destination).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_rule_that_matches_the_typed_path_counts() {
        let rules = "- {path_regex: ^a/, s3_bucket: b, s3_prefix: p/}\n- {path_regex: c, gcs_bucket: g}\n- {vault_path: x/}\n";
        let s3 = Destination::S3 { bucket: "b".to_owned(), prefix: "p/".to_owned() };
        assert_eq!(found(rules, "a/c.yaml"), Ok(s3));
        let gcs = Destination::Gcs { bucket: "g".to_owned(), prefix: String::new() };
        assert_eq!(found(rules, "/r/a/c.yaml"), Ok(gcs));
        let vault = Destination::Vault {
            address: "https://v:8200".to_owned(),
            mount: "secret".to_owned(),
            path: "x".to_owned(),
            version: 2,
        };
        assert_eq!(found(rules, "b.yaml"), Ok(vault));
    }

    #[test]
    fn rules_that_cannot_be_meant_so_are_refused() {
        for (rule, expected) in [
            ("{s3_bucket: a, vault_path: b}", "it names 2 places"),
            ("{path_regex: x}", "it names 0 places"),
            ("{vault_path: b, vault_kv_version: 3}", "vault_kv_version is 3"),
            ("{s3_bucket: a, reencryption_rule: {age: x}}", "reencryption_rule is not read"),
            ("{s3_bucket: a, path_regex: '('}", "path_regex is not a valid regular expression"),
        ] {
            let error = found(&format!("- {rule}\n"), "a").unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = found("- {path_regex: x, s3_bucket: a}\n", "b").unwrap_err();
        assert_eq!(error, "no destination rule in /r/.sops.yaml matches b");
    }
}

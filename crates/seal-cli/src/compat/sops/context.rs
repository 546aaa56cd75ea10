//! What the commands find around them when they answer as SOPS: its configuration, and what it trusts.

use std::path::{Path, PathBuf};

use seal_keys::Environment;

use super::flags::Parsed;
use crate::config;

/// Stands for a configuration without any rule: SOPS looks for one nowhere but from the working directory upward.
const NO_CONFIG: &str = "/dev/null";

/// Follows references in files as SOPS does, where the user has not said otherwise. Key vaults outside of Azure's own
/// domains stay guarded: SOPS's SDK does not follow them either.
const TRUST: [(&str, &str); 4] = [
    ("SOPS_HC_VAULT_ALLOWLIST", "all"),
    ("SEAL_ALLOW_AWS_ROLES", "all"),
    ("SEAL_ALLOW_AWS_PROFILES", "all"),
    ("SEAL_ALLOW_AGE_PLUGINS", "all"),
];

/// The environment, with SOPS's defaults for what files may lead to.
pub(super) fn environment(environment: Environment) -> Environment {
    environment.with_defaults(&TRUST)
}

/// The configuration that a run uses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its path; an empty file where there is none.
    pub(super) path: PathBuf,
    /// Files on the way that look like one and have the wrong name.
    pub(super) misnamed: Vec<PathBuf>,
}

/// The file that `--config` or SOPS_CONFIG names, else the first `.sops.yaml` from the working directory upward.
pub(super) fn config(global: &Parsed, environment: &Environment, directory: &Path) -> Found {
    let named = global.os_text("config").map(PathBuf::from);
    let named = named.or_else(|| environment.variable("SOPS_CONFIG").map(PathBuf::from));
    if let Some(path) = named {
        return Found { path, misnamed: Vec::new() };
    }
    let found = config::search(directory, directory);
    Found { path: found.config.unwrap_or_else(|| NO_CONFIG.into()), misnamed: found.misnamed }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use seal_keys::Environment;

    use super::{NO_CONFIG, config, environment};
    use crate::compat::sops::flags::Parsed;

    #[test]
    fn the_working_directory_decides_which_configuration_counts() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(root.path().join("a/.sops.yml"), "").unwrap();
        fs::write(root.path().join(".sops.yaml"), "").unwrap();
        let none = Environment::of::<&str, &str>([]);
        let found = config(&Parsed::default(), &none, &below);
        assert_eq!(found.path, root.path().join(".sops.yaml"));
        assert_eq!(found.misnamed, [root.path().join("a/.sops.yml")]);
        let named = Environment::of([("SOPS_CONFIG", "x.yaml")]);
        assert_eq!(config(&Parsed::default(), &named, &below).path, Path::new("x.yaml"));
        fs::remove_file(root.path().join(".sops.yaml")).unwrap();
        assert_eq!(config(&Parsed::default(), &none, &below).path, Path::new(NO_CONFIG));
    }

    #[test]
    fn what_the_user_says_about_trust_wins() {
        let said = Environment::of([("SEAL_ALLOW_AWS_ROLES", "none")]);
        let found = environment(said);
        assert_eq!(found.variable("SEAL_ALLOW_AWS_ROLES").unwrap(), "none");
        assert_eq!(found.variable("SOPS_HC_VAULT_ALLOWLIST").unwrap(), "all");
        assert_eq!(found.variable("SEAL_ALLOW_AZURE_VAULTS"), None);
    }
}

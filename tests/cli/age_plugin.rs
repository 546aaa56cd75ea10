//! Plugins of age, as a user meets them. The plugin is a script of ours on a private PATH.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::harness::not_run::not_run;
use crate::harness::{AT_A_TERMINAL, Run, TestDir};
use crate::manifests::SECRET;

const RECIPIENT: &str = "age1mirror1wp6kymrfvdc82cnvd93hqatzd35kx86l3mt";
/// What is asked, and answered where nobody sees it.
const PIN: &str = "'PIN of the mirror?' 1234 hidden";
const IDENTITY: &str = "AGE-PLUGIN-MIRROR-1WPEXJANPW3JSJC0CX4";

/// A directory with rules for [`RECIPIENT`], and the plugin in `bin`; nothing where there is no Python to run it.
fn ready(test: &str) -> Option<TestDir> {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        not_run(test, "no python3");
        return None;
    }
    let directory = TestDir::new();
    directory.write("db.yaml", SECRET);
    directory.write(".sops.yaml", format!("creation_rules:\n  - age: {RECIPIENT}\n"));
    let plugin = directory.write_home("bin/age-plugin-mirror", include_str!("age_plugin.py"));
    fs::set_permissions(plugin, Permissions::from_mode(0o755)).unwrap();
    directory.write_home("at_a_terminal.py", AT_A_TERMINAL);
    Some(directory)
}

/// Runs a line of the shell with the plugin on PATH, in a session of its own: so nobody can be asked, even where the
/// tests run at a terminal.
fn alone(directory: &TestDir, line: &str) -> Run {
    directory
        .bash(&format!("export PATH=~/bin:$PATH; {}", line.replace("seal ", "setsid -w seal ")))
}

/// How the plugin was started so far.
fn started(directory: &TestDir) -> Vec<String> {
    let text = fs::read_to_string(directory.home("bin/started")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_plugin_that_only_the_rules_name_is_not_started() {
    let Some(directory) = ready("cli: plugins that nobody allowed") else { return };
    let run = alone(&directory, "seal encrypt -i db.yaml");
    run.golden("age-plugin/not-allowed");
    assert!(started(&directory).is_empty());
    assert_eq!(directory.read("db.yaml"), SECRET);
}

#[test]
fn a_plugin_wraps_where_it_is_allowed_or_an_identity_of_it_is_there() {
    for variable in ["SEAL_ALLOW_AGE_PLUGINS=mirror".to_owned(), format!("SOPS_AGE_KEY={IDENTITY}")]
    {
        let Some(directory) = ready("cli: plugins that wrap") else { return };
        let run = alone(&directory, &format!("{variable} seal encrypt -i db.yaml"));
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(started(&directory), ["recipient-v1"]);
        assert!(directory.read("db.yaml").contains(&format!("recipient: {RECIPIENT}")));
    }
}

#[test]
fn a_plugin_unwraps_for_its_identity_only_and_asks_through_us() {
    let Some(directory) = ready("cli: plugins that unwrap") else { return };
    let run = alone(&directory, "SEAL_ALLOW_AGE_PLUGINS=mirror seal encrypt -i db.yaml");
    assert_eq!(run.code, 0, "{}", run.stderr);
    fs::remove_file(directory.home("bin/started")).unwrap();

    // Opening takes an identity, however much is allowed.
    let run = alone(&directory, "SEAL_ALLOW_AGE_PLUGINS=mirror seal decrypt db.yaml");
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(started(&directory).is_empty());

    let run = alone(&directory, &format!("SOPS_AGE_KEY={IDENTITY} seal decrypt db.yaml"));
    run.golden("age-plugin/no-pin");
    assert_eq!(started(&directory), ["identity-v1"]);

    let line = format!(
        "export PATH=~/bin:$PATH SOPS_AGE_KEY={IDENTITY}; python3 ~/at_a_terminal.py 'seal decrypt db.yaml >opened' {PIN}"
    );
    let run = directory.bash(&line);
    assert_eq!(run.code, 0, "{}", run.out());
    assert!(run.out().contains("age-plugin-mirror: PIN of the mirror?"), "{}", run.out());
    assert!(!run.out().contains("1234"), "a PIN is not shown");
    assert_eq!(directory.read("opened"), SECRET);
}

#[test]
fn the_real_sops_and_we_open_what_the_other_wrapped_by_a_plugin() {
    const TEST: &str = "cli: plugins, and the real sops";
    let Some(directory) = ready(TEST) else { return };
    if std::process::Command::new("sops").arg("--version").output().is_err() {
        not_run(TEST, "sops is not on PATH");
        return;
    }
    directory.write("theirs.yaml", SECRET);
    let at_a_terminal = |line: &str| {
        let run = directory.bash(&format!(
            "export PATH=~/bin:$PATH SOPS_AGE_KEY={IDENTITY}; python3 ~/at_a_terminal.py '{line}' {PIN}"
        ));
        assert_eq!(run.code, 0, "{line}: {}", run.out());
    };
    at_a_terminal("sops encrypt -i theirs.yaml");
    at_a_terminal("seal decrypt theirs.yaml >opened");
    assert!(directory.read("opened").contains("user: admin-hunter2"));
    at_a_terminal("seal encrypt -i db.yaml");
    at_a_terminal("sops decrypt db.yaml >opened");
    assert!(directory.read("opened").contains("user: admin-hunter2"));
}

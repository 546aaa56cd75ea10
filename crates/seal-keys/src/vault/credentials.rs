//! What to ask a server with. In this order, of which the first that is set counts, usable or not:
//!
//! 1. `VAULT_TOKEN`;
//! 2. AppRole, for CI: `VAULT_ROLE_ID` and `VAULT_SECRET_ID`, or `…_FILE` for files that hold them; mounted at
//!    `VAULT_APPROLE_MOUNT` (`approle`);
//! 3. Kubernetes, for programs in a cluster: `VAULT_K8S_ROLE`, the service account's token in `VAULT_K8S_TOKEN_FILE`
//!    (where Kubernetes puts it), mounted at `VAULT_K8S_MOUNT` (`kubernetes`);
//! 4. `~/.vault-token`, which `vault login` writes.
//!
//! SOPS knows the first and the last.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::name::is_path;
use super::problem::Problem;
use crate::environment::{Environment, shown_path};
use crate::failure::FailureKind;

const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// A token, or what a server gives one for.
pub(super) enum Credentials {
    Token(Zeroizing<String>),
    AppRole { mount: String, role_id: Zeroizing<String>, secret_id: Zeroizing<String> },
    Kubernetes { mount: String, role: String, jwt: Zeroizing<String> },
}

impl Credentials {
    /// Reads them anew: Kubernetes renews the tokens of its service accounts.
    pub(super) fn find(environment: &Environment) -> Result<Self, Problem> {
        if let Some(token) = variable(environment, "VAULT_TOKEN")? {
            return Ok(Self::Token(token));
        }
        let role_id = variable_or_file(environment, "VAULT_ROLE_ID")?;
        let secret_id = variable_or_file(environment, "VAULT_SECRET_ID")?;
        match (role_id, secret_id) {
            (Some(role_id), Some(secret_id)) => {
                let mount = mount(environment, "VAULT_APPROLE_MOUNT", "approle")?;
                return Ok(Self::AppRole { mount, role_id, secret_id });
            }
            (Some(_), None) => {
                return Err(one_without_the_other("VAULT_ROLE_ID", "VAULT_SECRET_ID"));
            }
            (None, Some(_)) => {
                return Err(one_without_the_other("VAULT_SECRET_ID", "VAULT_ROLE_ID"));
            }
            (None, None) => {}
        }
        if let Some(role) = variable(environment, "VAULT_K8S_ROLE")? {
            let mount = mount(environment, "VAULT_K8S_MOUNT", "kubernetes")?;
            let file = environment.variable("VAULT_K8S_TOKEN_FILE");
            let file = file.map_or_else(|| PathBuf::from(SERVICE_ACCOUNT), PathBuf::from);
            let jwt = of_file(&file, "VAULT_K8S_TOKEN_FILE")?;
            return Ok(Self::Kubernetes { mount, role: role.to_string(), jwt });
        }
        Self::of_home(environment)
    }

    fn of_home(environment: &Environment) -> Result<Self, Problem> {
        let home = environment.variable("HOME").or_else(|| environment.variable("USERPROFILE"));
        let file = home.map(|home| PathBuf::from(home).join(".vault-token"));
        let text = file.as_deref().map(read);
        match (file, text) {
            (Some(file), Some(Ok(text))) if !text.is_empty() => {
                Ok(Self::Token(usable(text, &file.display().to_string(), "~/.vault-token")?))
            }
            (Some(file), Some(Err(error))) if error.kind() != io::ErrorKind::NotFound => {
                Err(unreadable(&file.display().to_string(), "~/.vault-token", &error))
            }
            _ => {
                let reason = "no token: VAULT_TOKEN, VAULT_ROLE_ID and VAULT_K8S_ROLE are not set, and there is no ~/.vault-token";
                Err(Problem::new(FailureKind::NoCredentials, reason)
                    .hint("run `vault login`, or set VAULT_TOKEN"))
            }
        }
    }
}

/// A text that a header can carry, without blanks around it.
pub(super) fn variable(
    environment: &Environment,
    name: &str,
) -> Result<Option<Zeroizing<String>>, Problem> {
    let Some(value) = environment.variable(name) else { return Ok(None) };
    let text = value.into_string().map_err(|_| unusable(name, name))?;
    let text = Zeroizing::new(text);
    match text.trim() {
        "" => Ok(None),
        trimmed => usable(Zeroizing::new(trimmed.to_owned()), name, name).map(Some),
    }
}

fn variable_or_file(
    environment: &Environment,
    name: &str,
) -> Result<Option<Zeroizing<String>>, Problem> {
    if let Some(text) = variable(environment, name)? {
        return Ok(Some(text));
    }
    let variable = format!("{name}_FILE");
    let Some(file) = environment.variable(&variable).map(PathBuf::from) else { return Ok(None) };
    of_file(&file, &variable).map(Some)
}

fn of_file(file: &Path, variable: &str) -> Result<Zeroizing<String>, Problem> {
    let source = shown(file, variable);
    let text = read(file).map_err(|error| unreadable(&source, variable, &error))?;
    usable(text, &source, variable)
}

/// A file as messages name it. The variable may hold what belongs into the file: a secret ID is no longer than a name of
/// a file, so a text is shown only where it has a directory.
pub(super) fn shown(file: &Path, variable: &str) -> String {
    match file.components().nth(1) {
        Some(_) => format!("{variable}: {}", shown_path(file)),
        None => format!("{variable}: its file"),
    }
}

fn mount(environment: &Environment, name: &str, default: &str) -> Result<String, Problem> {
    let Some(mount) = variable(environment, name)? else { return Ok(default.to_owned()) };
    let mount = mount.trim_matches('/');
    let mount = mount.strip_prefix("auth/").unwrap_or(mount);
    match is_path(mount) {
        true => Ok(mount.to_owned()),
        false => Err(Problem::setting(
            format!("{name} is no path"),
            format!("it is {default}, or what `vault auth list` shows"),
        )),
    }
}

fn read(file: &Path) -> Result<Zeroizing<String>, io::Error> {
    let text = Zeroizing::new(fs::read_to_string(file)?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Anything but visible ASCII is no token, and would end the header that it is sent in.
fn usable(
    text: Zeroizing<String>,
    source: &str,
    check: &str,
) -> Result<Zeroizing<String>, Problem> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text),
        false => Err(unusable(source, check)),
    }
}

fn unusable(source: &str, check: &str) -> Problem {
    Problem::new(
        FailureKind::NoCredentials,
        format!("{source} is empty, or has blanks or characters that are not ASCII"),
    )
    .hint(format!("check {check}"))
}

fn unreadable(source: &str, check: &str, error: &io::Error) -> Problem {
    Problem::new(FailureKind::NoCredentials, format!("{source} cannot be read: {error}"))
        .hint(format!("check {check}"))
}

fn one_without_the_other(set: &str, missing: &str) -> Problem {
    Problem::new(FailureKind::NoCredentials, format!("{set} is set, and {missing} is not"))
        .hint(format!("set {missing} or {missing}_FILE"))
}

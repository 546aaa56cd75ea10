//! Keys of Huawei Cloud, where its own clients look for them: the variables `HUAWEICLOUD_SDK_AK`, `…_SK`,
//! `…_PROJECT_ID` and `…_SECURITY_TOKEN`, then the section `[basic]` of `~/.huaweicloud/credentials` (or of the file
//! that `HUAWEICLOUD_SDK_CREDENTIALS_FILE` names).

use std::fmt;
use std::fs;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::signature::Header;
use crate::environment::{Environment, shown_path, unreadable};
use crate::rest;

/// Who asks.
pub(super) struct Credentials {
    pub(super) access_key: String,
    pub(super) secret_key: Zeroizing<String>,
    pub(super) project: String,
    security_token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// # Errors
    ///
    /// What is missing.
    pub(super) fn find(environment: &Environment) -> Result<Self, String> {
        let variable = |name: &str| {
            rest::variable(environment, &format!("HUAWEICLOUD_SDK_{}", name.to_ascii_uppercase()))
        };
        if variable("ak").is_some() && variable("sk").is_some() {
            return Self::of("variables", variable);
        }
        let path = match environment.variable("HUAWEICLOUD_SDK_CREDENTIALS_FILE") {
            Some(path) => Some(PathBuf::from(path)),
            None => {
                let home = environment.variable(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
                home.map(|home| PathBuf::from(home).join(".huaweicloud").join("credentials"))
            }
        };
        let none = "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are not both set";
        let path = path.ok_or_else(|| none.to_owned())?;
        let text = fs::read_to_string(&path).map(Zeroizing::new);
        let text = text.map_err(|error| format!("{none}, and {}", unreadable(&path, &error)))?;
        Self::of(&shown_path(&path), |name| basic(&text, name))
    }

    fn of(source: &str, get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let need = |name: &str| get(name).ok_or_else(|| format!("{source}: no `{name}`"));
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let credentials = Self {
            access_key: need("ak")?,
            secret_key: Zeroizing::new(need("sk")?),
            project: need("project_id")?,
            security_token: get("security_token").map(Zeroizing::new),
        };
        let token = credentials.security_token.as_ref().map_or("", |token| token.as_str());
        if !is_plain(&credentials.access_key) || !is_plain(token) {
            return Err(format!("{source}: `ak` or `security_token` is no text for a header"));
        }
        let project = credentials.project.as_bytes();
        match !project.is_empty() && project.iter().all(u8::is_ascii_alphanumeric) {
            true => Ok(credentials),
            false => Err(format!("{source}: `project_id` is not made of letters and digits")),
        }
    }

    /// What is signed and sent, in order of the names.
    pub(super) fn headers(&self, host: &str, date: &str) -> Vec<Header> {
        let text = |text: &str| Zeroizing::new(text.to_owned());
        let mut headers = vec![
            ("content-type", text("application/json;charset=utf-8")),
            ("host", text(host)),
            ("x-project-id", text(&self.project)),
            ("x-sdk-date", text(date)),
        ];
        headers.extend(self.security_token.iter().map(|token| ("x-security-token", token.clone())));
        headers
    }

    /// What no message may hold.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let token = self.security_token.as_ref().map(|token| token.as_str());
        std::iter::once(self.secret_key.as_str()).chain(token).collect()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(<redacted>)")
    }
}

/// A value of the section `[basic]` of an INI file, as Python's `configparser` finds it in a simple one.
fn basic(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != "[basic]").skip(1);
    lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with(['#', ';']))
        .filter_map(|line| line.split_once(['=', ':']))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_its_section_only() {
        let text =
            "[global]\nak=no\n[basic]\n# sk = no\nak = AK\nSK: S=K\nproject_id=\n[x]\ntoken=no\n";
        assert_eq!(basic(text, "ak").as_deref(), Some("AK"));
        assert_eq!(basic(text, "sk").as_deref(), Some("S=K"));
        assert_eq!(basic(text, "project_id"), None);
        assert_eq!(basic(text, "token"), None);
    }
}

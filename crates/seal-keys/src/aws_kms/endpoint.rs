//! Where requests go: AWS's own hosts, or an address that the user names.

use crate::environment::Environment;
use crate::failure::{Failure, FailureKind, Subject};
use crate::rest;

/// Another address for a service (`KMS`, `STS`), if the user named one.
pub(super) fn of_service(
    service: &str,
    environment: &Environment,
    key: &Subject,
) -> Result<Option<String>, Failure> {
    let Some((name, url)) = named(service, environment) else { return Ok(None) };
    url.map(Some).ok_or_else(|| {
        let form = "http(s)://HOST[:PORT][/PATH], without a user, a password or a query";
        // Without the value, which may hold a password.
        let reason = format!("{name} is no URL of the form {form}");
        Failure::new(FailureKind::Local, key, "call AWS", reason)
            .hint(format!("correct {name}, or unset it"))
    })
}

/// The address, for messages; nothing where it is AWS's own.
pub(super) fn shown(service: &str, environment: &Environment) -> String {
    let url = named(service, environment).and_then(|(_, url)| url);
    url.map(|url| format!(" at {url}")).unwrap_or_default()
}

/// A variable of the SDK's, the one for the service first, and the address in it, if that is one.
fn named(service: &str, environment: &Environment) -> Option<(String, Option<String>)> {
    if is_true(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
        return None;
    }
    let names = [format!("AWS_ENDPOINT_URL_{service}"), "AWS_ENDPOINT_URL".to_owned()];
    names.into_iter().find_map(|name| {
        let url = environment.variable(&name)?.into_string().ok();
        let has_scheme = |url: &String| url.trim().contains("://");
        Some((name, url.filter(has_scheme).and_then(|url| rest::endpoint(&url))))
    })
}

/// Whether a variable says `true`, which is all that the SDK takes for yes.
pub(super) fn is_true(environment: &Environment, name: &str) -> bool {
    environment.variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use seal_core::envelope::MasterKey;

    use super::*;

    #[test]
    fn the_service_s_own_endpoint_wins() {
        let key = MasterKey::GcpKms { resource_id: String::new() };
        let environment = Environment::of([
            ("AWS_ENDPOINT_URL", "http://all"),
            ("AWS_ENDPOINT_URL_KMS", "http://kms"),
        ]);
        assert_eq!(of_service("KMS", &environment, &key), Ok(Some("http://kms".to_owned())));
        assert_eq!(of_service("STS", &environment, &key), Ok(Some("http://all".to_owned())));
        assert_eq!(shown("KMS", &environment), " at http://kms");
        for odd in ["kms", "http://", "ftp://x", "http://a b", "https://u:p@h", "https://h?q"] {
            let environment = Environment::of([("AWS_ENDPOINT_URL", odd)]);
            let failure = of_service("KMS", &environment, &key).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Local, "{odd}");
            assert_eq!(shown("KMS", &environment), "");
        }
    }

    #[test]
    fn endpoints_can_be_ignored() {
        let key = MasterKey::GcpKms { resource_id: String::new() };
        let environment = Environment::of([
            ("AWS_ENDPOINT_URL", "http://all"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ]);
        assert_eq!(of_service("KMS", &environment, &key), Ok(None));
        assert_eq!(shown("KMS", &environment), "");
    }
}

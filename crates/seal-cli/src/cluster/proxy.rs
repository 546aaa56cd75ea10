//! Which proxy a connection goes through.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use seal_keys::Environment;

/// The proxy that the environment names for a server: `HTTPS_PROXY` or `HTTP_PROXY` by the server's scheme, unless
/// `NO_PROXY` excepts its host. As in Go, this machine is never reached through one.
///
/// # Errors
/// The name of the variable that holds no URL.
pub(super) fn of_environment(
    server: &Uri,
    environment: &Environment,
) -> Result<Option<Uri>, &'static str> {
    let names = match server.scheme_str() {
        Some("https") => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let Some((name, text)) =
        names.into_iter().find_map(|name| Some((name, variable(environment, name)?)))
    else {
        return Ok(None);
    };
    let proxy = parse(&text).ok_or(name)?;
    let matcher = Matcher::builder().all(text).no(exceptions(environment)).build();
    Ok(matcher.intercept(server).map(|_| proxy))
}

/// A proxy as people write it: without a scheme it is `http`.
pub(super) fn parse(text: &str) -> Option<Uri> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    text.parse().ok().filter(|proxy: &Uri| proxy.host().is_some())
}

/// Hosts that are reached without a proxy, as `NO_PROXY` writes them.
pub(super) fn exceptions(environment: &Environment) -> String {
    let named = ["NO_PROXY", "no_proxy"].iter().find_map(|name| variable(environment, name));
    match named.as_deref() {
        Some("*") => "*".to_owned(),
        named => format!("localhost,127.0.0.0/8,::1,{}", named.unwrap_or_default()),
    }
}

pub(super) fn variable(environment: &Environment, name: &str) -> Option<String> {
    environment.variable(name)?.into_string().ok()
}

#[cfg(test)]
mod tests {
    use seal_keys::Environment;

    use super::of_environment;

    fn proxy(server: &str, variables: &[(&str, &str)]) -> Result<Option<String>, &'static str> {
        let environment = Environment::of(variables.iter().copied());
        let found = of_environment(&server.parse().unwrap(), &environment)?;
        Ok(found.map(|proxy| proxy.to_string()))
    }

    #[test]
    fn the_scheme_of_the_server_decides_which_variable_counts() {
        let both = [("HTTPS_PROXY", "http://s:1"), ("http_proxy", "plain:2")];
        assert_eq!(proxy("https://k8s.example", &both), Ok(Some("http://s:1/".into())));
        assert_eq!(proxy("http://k8s.example", &both), Ok(Some("http://plain:2/".into())));
        assert_eq!(proxy("https://k8s.example", &both[1..]), Ok(None));
    }

    #[test]
    fn credentials_of_the_proxy_stay_in_its_url() {
        let variables = [("HTTPS_PROXY", "http://me:word@p:1")];
        assert_eq!(
            proxy("https://k8s.example", &variables),
            Ok(Some("http://me:word@p:1/".to_owned()))
        );
    }

    #[test]
    fn exceptions_look_at_the_server_and_not_at_the_proxy() {
        let except = |hosts| [("HTTPS_PROXY", "http://p.corp:1"), ("NO_PROXY", hosts)];
        for hosts in ["k8s.example", ".example", "10.0.0.0/8,k8s.example", "*"] {
            assert_eq!(proxy("https://k8s.example:6443", &except(hosts)), Ok(None), "{hosts}");
        }
        assert_eq!(proxy("https://10.1.2.3:6443", &except("10.0.0.0/8")), Ok(None));
        for hosts in ["p.corp", "other.example", "11.0.0.0/8"] {
            assert!(proxy("https://k8s.example", &except(hosts)).unwrap().is_some(), "{hosts}");
        }
        for local in ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443"] {
            assert_eq!(proxy(local, &except("none.example")), Ok(None), "{local}");
        }
    }

    #[test]
    fn says_which_variable_holds_no_url() {
        assert_eq!(proxy("https://a", &[("HTTPS_PROXY", "http://a b")]), Err("HTTPS_PROXY"));
    }
}

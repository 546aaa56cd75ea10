use std::fs;
use std::path::PathBuf;

use seal_keys::Environment;

use super::kubeconfig::{Target, namespace, target};
use super::{ClusterError, Connection, Credential, is_file};

const TWO: &str = "\
apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: a, user: jane, namespace: shop}}
- {name: two, context: {cluster: b, user: nobody}}
clusters:
- {name: a, cluster: {server: 'https://a.example:6443', tls-server-name: inside, proxy-url: 'socks5://p:1'}}
- {name: b, cluster: {server: 'http://b.example', insecure-skip-tls-verify: true}}
users:
- {name: jane, user: {token: word, tokenFile: t, exec: {command: x, apiVersion: v1}, username: j, password: p}}
";

struct Home {
    root: tempfile::TempDir,
}

impl Home {
    fn new(config: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(".kube")).unwrap();
        fs::write(root.path().join(".kube/config"), config).unwrap();
        Self { root }
    }

    fn environment(&self, variables: &[(&str, &str)]) -> Environment {
        let home = self.root.path().to_str().unwrap();
        Environment::of([("HOME", home)].into_iter().chain(variables.iter().copied()))
    }

    fn target(&self, connection: &Connection) -> Result<Target, ClusterError> {
        target(connection, &self.environment(&[]))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn the_current_context_counts_unless_another_is_named() {
    let home = Home::new(TWO);
    let one = home.target(&Connection::default()).unwrap();
    assert_eq!(one.server, "https://a.example:6443");
    assert_eq!(one.config.tls_server_name.as_deref(), Some("inside"));
    assert_eq!(one.config.proxy_url.unwrap().to_string(), "socks5://p:1/");
    assert!(one.config.auth_info.token.is_some());
    let two = Connection { context: text("two"), ..Connection::default() };
    assert!(home.target(&two).unwrap().config.accept_invalid_certs);
    let mixed = Connection { cluster: text("b"), user: text("jane"), ..Connection::default() };
    assert_eq!(home.target(&mixed).unwrap().server, "http://b.example");
}

#[test]
fn options_come_on_top_of_the_kubeconfig() {
    let home = Home::new(TWO);
    let connection = Connection {
        server: text("https://c.example"),
        tls_server_name: text("other"),
        proxy_url: text("proxy:3128"),
        insecure_skip_tls_verify: Some(true),
        token: Some(Credential::new("given".to_owned())),
        as_user: text("joe"),
        as_groups: vec!["dev".to_owned()],
        as_uid: text("7"),
        request_timeout: Some(std::time::Duration::from_secs(7)),
        ..Connection::default()
    };
    let target = home.target(&connection).unwrap();
    assert_eq!(target.server, "https://c.example");
    assert_eq!(target.request_timeout.as_secs(), 7);
    let config = target.config;
    assert_eq!(config.tls_server_name.as_deref(), Some("other"));
    assert_eq!(config.proxy_url.unwrap().to_string(), "http://proxy:3128/");
    assert!(config.accept_invalid_certs);
    let who = config.auth_info;
    assert!(who.token_file.is_none() && who.exec.is_none() && who.username.is_none());
    assert_eq!(who.impersonate.as_deref(), Some("joe"));
    assert_eq!(who.impersonate_uid.as_deref(), Some("7"));
    assert_eq!(who.impersonate_groups.as_deref(), Some(&["dev".to_owned()][..]));
}

#[test]
fn a_name_and_a_password_replace_all_other_credentials() {
    let home = Home::new(TWO);
    let connection = Connection {
        username: text("me"),
        password: Some(Credential::new("word".to_owned())),
        client_certificate: Some("/c.pem".into()),
        client_key: Some("/k.pem".into()),
        ..Connection::default()
    };
    let who = home.target(&connection).unwrap().config.auth_info;
    assert_eq!(who.username.as_deref(), Some("me"));
    assert!(who.token.is_none() && who.exec.is_none());
    assert_eq!(who.client_certificate.as_deref(), Some("/c.pem"));
    assert_eq!(who.client_key.as_deref(), Some("/k.pem"));
}

#[test]
fn what_cannot_go_together_is_refused() {
    let home = Home::new(TWO);
    let word = || Some(Credential::new("w".to_owned()));
    for (connection, what) in [
        (Connection { token: word(), password: word(), ..Connection::default() }, "--token"),
        (
            Connection {
                certificate_authority: Some("/ca".into()),
                insecure_skip_tls_verify: Some(true),
                ..Connection::default()
            },
            "--certificate-authority",
        ),
        (Connection { as_uid: text("7"), ..Connection::default() }, "--as-uid and --as-group"),
        (Connection { context: text("two"), token: word(), ..Connection::default() }, "--token"),
        (Connection { server: text("ftp://x"), ..Connection::default() }, "the server of the cluster"),
        (Connection { proxy_url: text("a b"), ..Connection::default() }, "the proxy"),
    ] {
        match home.target(&connection).map(|target| target.server) {
            Err(ClusterError::Unusable { what: found, .. }) => assert_eq!(found, what),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn a_server_without_tls_gets_no_credentials_but_hears_whom_to_act_as() {
    let home = Home::new(&TWO.replace("token: word", "as: joe, token: word"));
    let plain = Connection { server: text("http://localhost:8001"), ..Connection::default() };
    let who = home.target(&plain).unwrap().config.auth_info;
    assert!(who.token.is_none() && who.password.is_none() && who.exec.is_none());
    assert_eq!(who.impersonate.as_deref(), Some("joe"));
}

#[test]
fn files_of_the_variable_are_merged_and_missing_ones_passed_over() {
    let home = Home::new("garbage: [");
    let first = home.write("first", "current-context: one\n");
    let second = home.write("second", TWO);
    let list = format!("{}:/nowhere:{}", first.display(), second.display());
    let environment = home.environment(&[("KUBECONFIG", &list)]);
    assert_eq!(target(&Connection::default(), &environment).unwrap().server, "https://a.example:6443");
    let named = Connection { kubeconfig: Some("/nowhere".into()), ..Connection::default() };
    assert!(matches!(target(&named, &environment), Err(ClusterError::Unreadable { .. })));
}

#[test]
fn no_error_quotes_a_kubeconfig() {
    let home = Home::new("users:\n- name: jane\n  user: {token: hunter2, username: [hunter2}\n");
    let error = home.target(&Connection::default()).map(|target| target.server).unwrap_err();
    let shown = format!("{error:?} {error}");
    assert!(matches!(error, ClusterError::NoKubeconfig { at: Some(_), .. }), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn the_namespace_is_that_of_the_option_or_of_the_context() {
    let home = Home::new(TWO);
    let of = |connection: &Connection| namespace(connection, &home.environment(&[]));
    assert_eq!(of(&Connection::default()).unwrap(), "shop");
    let two = Connection { context: text("two"), ..Connection::default() };
    assert_eq!(of(&two).unwrap(), "default");
    let given = Connection { namespace: text("given"), context: text("none"), ..Connection::default() };
    assert_eq!(of(&given).unwrap(), "given");
    let nothing = Environment::of([("HOME", "/nowhere")]);
    assert_eq!(namespace(&Connection::default(), &nothing), Err(ClusterError::NoConfiguration));
}

#[test]
fn nothing_to_go_by_is_said() {
    let nothing = Environment::of([("HOME", "/nowhere")]);
    let found = target(&Connection::default(), &nothing).map(|target| target.server);
    assert_eq!(found, Err(ClusterError::NoConfiguration));
}

#[test]
fn certificates_of_authorities_have_to_be_some() {
    let home = Home::new(TWO);
    let path = home.write("ca.pem", "nothing\n");
    let connection = Connection { certificate_authority: Some(path), ..Connection::default() };
    assert!(matches!(home.target(&connection), Err(ClusterError::Unusable { .. })));
    let missing =
        Connection { certificate_authority: Some("/nowhere".into()), ..Connection::default() };
    assert!(matches!(home.target(&missing), Err(ClusterError::Unreadable { .. })));
}

#[test]
fn a_letter_and_a_colon_are_a_drive_and_no_scheme() {
    for file in ["cert.pem", "./a:b", "C:\\cert.pem", "c:cert.pem", "file:///cert.pem", "/a/b"] {
        assert!(is_file(file), "{file}");
    }
    for url in ["http://a/b", "https://a", "ftp://a", "vault:a"] {
        assert!(!is_file(url), "{url}");
    }
}

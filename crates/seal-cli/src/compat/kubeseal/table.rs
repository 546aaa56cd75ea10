//! The flags of kubeseal.

use super::flags::{Flag, Kind};

/// All of them, in the groups in which help lists them.
pub(super) const GROUPS: &[(&str, &[Flag])] = &[
    ("What to do instead of sealing Secrets", MODES),
    ("Input and output", FILES),
    ("Sealing", SEALING),
    ("Controller and cluster", CLUSTER),
    ("Logs of kubeseal's libraries; accepted, there are none here", KLOG),
];

/// The flags alone.
pub(super) const FLAGS: &[&[Flag]] = &[MODES, FILES, SEALING, CLUSTER, KLOG];

const MODES: &[Flag] = &[
    switch("fetch-cert", "Print the controller's certificate, to keep for --cert"),
    switch("validate", "Ask the controller whether it can open the input's SealedSecrets"),
    switch("re-encrypt", "Seal anew with the controller's newest key; changes the file behind -f"),
    switch("rotate", "As --re-encrypt (deprecated)"),
    text("merge-into", "FILE", "Put the values of the input, sealed, into this SealedSecret"),
    switch("raw", "Seal one value, of standard input or --from-file"),
    switch("recovery-unseal", "Open a SealedSecret with --recovery-private-key, without a cluster"),
    switch("version", "Print the version"),
    switch("help", "Print this"),
];

const FILES: &[Flag] = &[
    short("secret-file", 'f', "FILE", "Input; standard input by default"),
    short("sealed-secret-file", 'w', "FILE", "Output; .yaml and .yml make it YAML"),
    short("format", 'o', "FORMAT", "json (default) or yaml"),
    Flag {
        name: "from-file",
        short: None,
        kind: Kind::Texts("[KEY=]FILE"),
        about: "With --raw: the file that holds the value",
    },
];

const SEALING: &[Flag] = &[
    text("cert", "FILE|URL", "Certificate to seal with; the controller's by default"),
    text("scope", "SCOPE", "strict, namespace-wide, cluster-wide (default: as annotations say)"),
    text("name", "NAME", "Name of the Secret instead of its own; --raw: name to seal for"),
    switch("allow-empty-data", "Take a Secret without any data"),
    Flag {
        name: "recovery-private-key",
        short: None,
        kind: Kind::Texts("FILES"),
        about: "Private keys: PEM, Secrets, or a List of Secrets",
    },
];

const CLUSTER: &[Flag] = &[
    text("controller-name", "NAME", "Its service (default sealed-secrets-controller)"),
    text("controller-namespace", "NAMESPACE", "Its namespace (default kube-system)"),
    short("namespace", 'n', "NAMESPACE", "Namespace of Secrets that name none"),
    text("kubeconfig", "FILE", "Kubeconfig (default KUBECONFIG, then ~/.kube/config)"),
    text("context", "NAME", "Context of the kubeconfig"),
    text("cluster", "NAME", "Cluster of the kubeconfig"),
    text("user", "NAME", "User of the kubeconfig"),
    text("server", "URL", "API server"),
    text("certificate-authority", "FILE", "Certificate that signs the API server's"),
    switch("insecure-skip-tls-verify", "Take any certificate of the API server"),
    text("tls-server-name", "NAME", "Name that has to stand in the API server's certificate"),
    text("proxy-url", "URL", "Proxy (http, https or socks5) to the API server"),
    text("request-timeout", "TIME", "For one request: 5, 1s, 2m (default 30s); 0 is without end"),
    switch("disable-compression", "Ask for answers without compression, as always"),
    text("token", "TOKEN", "Bearer token"),
    text("username", "NAME", "Name for basic authentication"),
    text("password", "PASSWORD", "Password for basic authentication"),
    text("client-certificate", "FILE", "Client certificate"),
    text("client-key", "FILE", "Its key"),
    text("as", "USER", "User to act as"),
    text("as-uid", "UID", "UID to act as"),
    Flag { name: "as-group", short: None, kind: Kind::Texts("GROUPS"), about: "Groups to act as" },
];

const KLOG: &[Flag] = &[
    short("v", 'v', "LEVEL", ""),
    text("vmodule", "MODULES", ""),
    text("log_backtrace_at", "PLACE", ""),
    text("log_dir", "DIR", ""),
    text("log_file", "FILE", ""),
    text("log_file_max_size", "SIZE", ""),
    text("stderrthreshold", "LEVEL", ""),
    switch("add_dir_header", ""),
    switch("alsologtostderr", ""),
    switch("logtostderr", ""),
    switch("one_output", ""),
    switch("skip_headers", ""),
    switch("skip_log_headers", ""),
];

const fn switch(name: &'static str, about: &'static str) -> Flag {
    Flag { name, short: None, kind: Kind::Switch, about }
}

const fn text(name: &'static str, value: &'static str, about: &'static str) -> Flag {
    Flag { name, short: None, kind: Kind::Text(value), about }
}

const fn short(name: &'static str, short: char, value: &'static str, about: &'static str) -> Flag {
    Flag { name, short: Some(short), kind: Kind::Text(value), about }
}

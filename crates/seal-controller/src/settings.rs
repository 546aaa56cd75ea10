//! Flags, and the same as environment variables `SEALED_SECRETS_…`, with upstream's names and defaults.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use clap::FromArgMatches as _;
use seal_api::sealing::KeySize;

mod flags;
mod go_values;

pub(crate) use flags::Command;
use flags::Flags;

/// How the controller runs.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The namespace of the sealing keys: `POD_NAMESPACE`, else the service account's, else `default`.
    pub(crate) key_namespace: String,
    /// `--key-prefix`
    pub(crate) key_prefix: String,
    /// `--key-size`; one that [`KeySize::of_bits`] knows
    pub(crate) key_size: u32,
    /// `--key-ttl`
    pub(crate) key_ttl: Duration,
    /// `--my-cn`
    pub(crate) my_cn: String,
    /// `--key-renew-period`; zero: never
    pub(crate) key_renew_period: Duration,
    /// `--key-order-priority`
    pub(crate) key_order: KeyOrder,
    /// `--key-cutoff-time`
    pub(crate) key_cutoff: Option<jiff::Timestamp>,
    /// `--privatekey-labels`, `--privatekey-annotations`
    pub(crate) private_key_labels: Vec<(String, String)>,
    pub(crate) private_key_annotations: Vec<(String, String)>,
    /// `--accept-deprecated-v1-data`
    pub(crate) accept_deprecated_v1_data: bool,
    /// Namespaces to watch; empty: all. From `--all-namespaces` and `--additional-namespaces`.
    pub(crate) namespaces: Vec<String>,
    /// `--label-selector`
    pub(crate) label_selector: Option<String>,
    /// `--update-status`
    pub(crate) update_status: bool,
    /// `--skip-recreate`
    pub(crate) skip_recreate: bool,
    /// Ours: `--heal-drift` (default true)
    pub(crate) heal_drift: bool,
    /// `--old-gc-behavior`
    pub(crate) old_gc_behavior: bool,
    /// Ours: `--workers`, how many objects are worked on at the same time
    pub(crate) workers: usize,
    /// What the HTTP side is told.
    pub(crate) http: HttpSettings,
    /// Ours: `--leader-elect` and the times of the Lease
    pub(crate) lease: Option<LeaseTimes>,
    /// `--kubeclient-qps` and `--kubeclient-burst`; `None`: no limit
    pub(crate) client_limit: Option<ClientLimit>,
    /// `--metrics-omit-secret-labels`
    pub(crate) metrics_omit_secret_labels: bool,
    /// `--log-level`, `--log-format`, `--log-info-stdout`
    pub(crate) log: LogSettings,
    /// What was said that has no effect, for the log.
    pub(crate) without_effect: Vec<String>,
}

/// Addresses and limits of the HTTP side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpSettings {
    /// `--listen-addr`
    pub(crate) address: String,
    /// `--listen-metrics-addr`
    pub(crate) metrics_address: String,
    /// `--read-timeout`
    pub(crate) read_timeout: Duration,
    /// `--write-timeout`
    pub(crate) write_timeout: Duration,
    /// Ours: `--http-body-limit`, in bytes
    pub(crate) body_limit: usize,
    /// `--rate-limit`, per second
    pub(crate) rate: u32,
    /// `--rate-limit-burst`
    pub(crate) burst: u32,
}

/// The times of leader election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseTimes {
    /// After which time without a sign of the leader another replica takes over.
    pub(crate) duration: Duration,
    /// After which time without success at renewing the leader stops.
    pub(crate) renew_deadline: Duration,
    /// How often it is tried.
    pub(crate) retry_period: Duration,
}

/// A limit on the requests to the API server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ClientLimit {
    /// Requests per second, more than 0.
    pub(crate) per_second: f64,
    /// How many may go at once.
    pub(crate) burst: u32,
}

/// What is logged, how and where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) level: LogLevel,
    pub(crate) format: LogFormat,
    /// Standard output for what is no warning and no error; standard error otherwise.
    pub(crate) info_to_stdout: bool,
}

/// What decides which sealing key is the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum KeyOrder {
    /// The certificate's `notBefore`.
    #[default]
    CertNotBefore,
    /// The Secret's creation.
    SecretCreationTimestamp,
}

/// From which level on the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// `time=… level=INFO msg="…" key=value`
    Text,
    /// One object of JSON.
    Json,
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Request {
    /// To run.
    Run(Box<Settings>),
    /// To print the version.
    Version,
    /// Something else.
    Command(Command),
}

/// What the environment says beside the flags.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// All variables.
    pub(crate) variables: BTreeMap<String, String>,
    /// The namespace that stands beside the service account's token in a pod.
    pub(crate) service_account_namespace: Option<String>,
}

impl Environment {
    /// Whether a variable is there and not empty.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(|value| !value.is_empty())
    }

    /// Of this process. Variables that are no text are left out: none of them is one of ours.
    pub(crate) fn of_process() -> Self {
        let variables = std::env::vars_os();
        let texts = variables.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self {
            variables: texts.collect(),
            service_account_namespace: std::fs::read_to_string(SERVICE_ACCOUNT_NAMESPACE).ok(),
        }
    }
}

/// Where Kubernetes puts the namespace of a pod's service account.
const SERVICE_ACCOUNT_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// What the variables of flags begin with.
const ENVIRONMENT_PREFIX: &str = "SEALED_SECRETS_";
/// Names of Kubernetes are no longer; the rest of a key's name needs some room.
const LONGEST_PREFIX: usize = 200;

impl Request {
    /// Reads the command line (`arguments[0]` is the program) and the environment. The command line wins; an empty variable
    /// counts as none.
    ///
    /// # Errors
    /// What clap has to say, help included: to be printed, and to be exited with its code.
    pub(crate) fn read(
        arguments: Vec<OsString>,
        environment: &Environment,
    ) -> Result<Self, clap::Error> {
        let command = flags::command();
        let mut given = Vec::new();
        let mut all = arguments.into_iter();
        given.extend(all.next());
        for (variable, flag) in variables(&command) {
            if let Some(value) =
                environment.variables.get(&variable).filter(|value| !value.is_empty())
            {
                let argument = OsString::from(format!("--{flag}={value}"));
                // Alone first, for an error that names what was set.
                let alone = [OsString::from("seal-controller"), argument.clone()];
                if let Err(error) = command.clone().try_get_matches_from(alone) {
                    let source = format!("the environment variable {variable}");
                    return Err(refused(command, &format!("{source}: {}", reason(&error))));
                }
                given.push(argument);
            }
        }
        given.extend(all);
        let mut matches = command.clone().try_get_matches_from(given)?;
        let flags = Flags::from_arg_matches_mut(&mut matches)?;
        if flags.version {
            return Ok(Self::Version);
        }
        match flags.command {
            Some(command) => Ok(Self::Command(command)),
            None => match Settings::of(flags, environment) {
                Ok(settings) => Ok(Self::Run(Box::new(settings))),
                Err(problem) => Err(refused(command, &problem)),
            },
        }
    }
}

/// The environment variable of each flag.
fn variables(command: &clap::Command) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for argument in command.get_arguments() {
        let names =
            argument.get_long().into_iter().chain(argument.get_all_aliases().unwrap_or_default());
        for flag in names.filter(|flag| !["help", "version"].contains(flag)) {
            let name = flag.to_ascii_uppercase().replace('-', "_");
            variables.push((format!("{ENVIRONMENT_PREFIX}{name}"), flag.to_owned()));
        }
    }
    variables
}

fn refused(mut command: clap::Command, problem: &str) -> clap::Error {
    command.error(clap::error::ErrorKind::ValueValidation, problem)
}

/// The first line of clap's message, without its first word.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

impl Settings {
    fn of(flags: Flags, environment: &Environment) -> Result<Self, String> {
        let mut without_effect = Vec::new();
        if !flags.watch_for_secrets {
            without_effect
                .push("--watch-for-secrets=false: sealing keys are always watched".to_owned());
        }
        if flags.max_unseal_retries != 5 {
            without_effect.push(
                "--max-unseal-retries: what fails is tried again for ever, with growing pauses"
                    .to_owned(),
            );
        }
        let key_namespace = key_namespace(environment);
        let namespaces = namespaces(&flags, &key_namespace)?;
        check_prefix(&flags.key_prefix)?;
        let private_key_labels = flags.privatekey_labels.0;
        let key_label = crate::sealing_keys::KEY_LABEL;
        if private_key_labels.iter().any(|(label, value)| label == key_label && value != "active") {
            return Err(format!(
                "--privatekey-labels: {key_label} is what makes a Secret a sealing key; it is `active`"
            ));
        }
        debug_assert!(KeySize::of_bits(flags.key_size).is_some());
        Ok(Self {
            namespaces,
            key_namespace,
            key_prefix: flags.key_prefix,
            key_size: flags.key_size,
            key_ttl: flags.key_ttl,
            my_cn: flags.my_cn,
            key_renew_period: flags.key_renew_period,
            key_order: flags.key_order_priority,
            key_cutoff: flags.key_cutoff_time,
            private_key_labels,
            private_key_annotations: flags.privatekey_annotations.0,
            accept_deprecated_v1_data: flags.accept_deprecated_v1_data,
            label_selector: Some(flags.label_selector.trim().to_owned())
                .filter(|selector| !selector.is_empty()),
            update_status: flags.update_status,
            skip_recreate: flags.skip_recreate,
            heal_drift: flags.heal_drift,
            old_gc_behavior: flags.old_gc_behavior,
            workers: flags.workers,
            http: HttpSettings {
                address: flags.listen_addr,
                metrics_address: flags.listen_metrics_addr,
                read_timeout: flags.read_timeout,
                write_timeout: flags.write_timeout,
                body_limit: flags.http_body_limit,
                rate: flags.rate_limit,
                burst: flags.rate_limit_burst,
            },
            lease: lease(
                flags.leader_elect,
                flags.leader_elect_lease_duration,
                flags.leader_elect_renew_deadline,
                flags.leader_elect_retry_period,
            )?,
            client_limit: (flags.kubeclient_qps > 0.0).then(|| ClientLimit {
                per_second: flags.kubeclient_qps,
                burst: u32::try_from(flags.kubeclient_burst).unwrap_or(0).max(1),
            }),
            metrics_omit_secret_labels: flags.metrics_omit_secret_labels,
            log: LogSettings {
                level: flags.log_level,
                format: flags.log_format,
                info_to_stdout: flags.log_info_stdout,
            },
            without_effect,
        })
    }
}

fn key_namespace(environment: &Environment) -> String {
    let pod = environment
        .variables
        .get("POD_NAMESPACE")
        .map(String::as_str)
        .filter(|namespace| !namespace.is_empty());
    let account = environment
        .service_account_namespace
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    pod.or(account).unwrap_or("default").to_owned()
}

/// As upstream: additional namespaces narrow the watch, even with `--all-namespaces`.
fn namespaces(flags: &Flags, own: &str) -> Result<Vec<String>, String> {
    let mut namespaces: Vec<String> = Vec::new();
    for namespace in
        flags.additional_namespaces.split(',').map(str::trim).filter(|name| !name.is_empty())
    {
        if !is_dns_label(namespace) {
            return Err(format!(
                "--additional-namespaces: `{}` is no name of a namespace",
                namespace.escape_default()
            ));
        }
        if !namespaces.iter().any(|known| known == namespace) {
            namespaces.push(namespace.to_owned());
        }
    }
    if flags.all_namespaces && namespaces.is_empty() {
        return Ok(namespaces);
    }
    namespaces.retain(|namespace| namespace != own);
    namespaces.insert(0, own.to_owned());
    Ok(namespaces)
}

fn lease(
    elect: bool,
    duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
) -> Result<Option<LeaseTimes>, String> {
    if !elect {
        return Ok(None);
    }
    // Otherwise a leader could still write when another one begins, or would stop at the first slow answer.
    if duration <= renew_deadline {
        return Err(
            "--leader-elect-lease-duration must be longer than --leader-elect-renew-deadline"
                .to_owned(),
        );
    }
    if renew_deadline <= retry_period {
        return Err(
            "--leader-elect-renew-deadline must be longer than --leader-elect-retry-period"
                .to_owned(),
        );
    }
    if duration < Duration::from_secs(1) {
        return Err("--leader-elect-lease-duration must be 1s at least: a Lease counts in seconds"
            .to_owned());
    }
    Ok(Some(LeaseTimes { duration, renew_deadline, retry_period }))
}

/// A name that Kubernetes accepts with something behind it.
fn check_prefix(prefix: &str) -> Result<(), String> {
    // What stands behind it is a letter or a digit, so it may end with a dash, as people let it.
    let is_name = !prefix.is_empty() && format!("{prefix}x").split('.').all(is_dns_label);
    if is_name && prefix.len() <= LONGEST_PREFIX {
        return Ok(());
    }
    Err(format!(
        "--key-prefix: `{}` cannot begin the name of a Secret: lower-case letters, digits, `-` and `.`, at most {LONGEST_PREFIX}",
        prefix.escape_default()
    ))
}

fn is_dns_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests;

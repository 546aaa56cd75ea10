//! The flags, as they are typed.

use std::time::Duration;

use clap::{ArgAction, CommandFactory as _, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::go_values::{boolean, bytes, duration, moment, pairs};
use super::{KeyOrder, LogFormat, LogLevel};

/// Decrypts in the cluster what was encrypted for it: makes Secrets of SealedSecrets, and keeps the sealing keys.
///
/// The flags of the sealed-secrets controller are understood with their names and values. Each flag can also be given as
/// environment variable: `--key-prefix` as SEALED_SECRETS_KEY_PREFIX and so on; the command line wins.
#[derive(Debug, Parser)]
#[command(
    name = "seal-controller",
    disable_version_flag = true,
    disable_help_subcommand = true,
    args_override_self = true,
    max_term_width = 120
)]
pub(super) struct Flags {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    /// Name of the sealing keys' Secrets, before the part that tells them apart
    #[arg(long, value_name = "NAME", default_value = "sealed-secrets-key", help_heading = KEYS)]
    pub(super) key_prefix: String,
    /// Bits of a new sealing key: 2048, 3072, 4096 or 8192
    #[arg(long, value_name = "BITS", default_value = "4096", value_parser = key_size, help_heading = KEYS)]
    pub(super) key_size: u32,
    /// How long the certificate of a new sealing key can seal
    #[arg(long, value_name = "DURATION", default_value = "87600h", value_parser = duration, help_heading = KEYS)]
    pub(super) key_ttl: Duration,
    /// Common name in the certificate of a new sealing key
    #[arg(long, value_name = "TEXT", default_value = "", help_heading = KEYS)]
    pub(super) my_cn: String,
    /// Age of the newest sealing key at which another one is made; 0: never
    #[arg(
        long,
        alias = "rotate-period",
        value_name = "DURATION",
        default_value = "720h",
        value_parser = duration,
        help_heading = KEYS
    )]
    pub(super) key_renew_period: Duration,
    /// What tells which sealing key is the newest
    #[arg(
        long,
        value_name = "ORDER",
        default_value = "CertNotBefore",
        ignore_case = true,
        value_enum,
        help_heading = KEYS
    )]
    pub(super) key_order_priority: KeyOrder,
    /// At the start a sealing key is made if the newest is older than this time (`Mon, 02 Jan 2006 15:04:05 -0700`)
    #[arg(long, value_name = "TIME", value_parser = moment, help_heading = KEYS)]
    pub(super) key_cutoff_time: Option<Timestamp>,
    /// Labels for the Secrets of new sealing keys: `key=value,key=value`
    #[arg(long, value_name = "PAIRS", default_value = "", value_parser = Pairs, help_heading = KEYS)]
    pub(super) privatekey_labels: PairList,
    /// Annotations for the Secrets of new sealing keys: `key=value,key=value`
    #[arg(long, value_name = "PAIRS", default_value = "", value_parser = Pairs, help_heading = KEYS)]
    pub(super) privatekey_annotations: PairList,
    /// Of no effect: sealing keys are always watched, and each change counts at once
    #[arg(long, value_name = BOOL, default_value = "true", value_parser = boolean, action = ArgAction::Set, help_heading = KEYS)]
    pub(super) watch_for_secrets: bool,

    /// Look after all namespaces, not only the controller's own
    #[arg(long, value_name = BOOL, default_value = "true", value_parser = boolean, action = ArgAction::Set, help_heading = OBJECTS)]
    pub(super) all_namespaces: bool,
    /// Look after the controller's own namespace and these only: `a,b`
    #[arg(long, value_name = "NAMESPACES", default_value = "", help_heading = OBJECTS)]
    pub(super) additional_namespaces: String,
    /// Look after SealedSecrets with these labels only: `team=shop,env in (dev, test)`
    #[arg(long, value_name = "SELECTOR", default_value = "", help_heading = OBJECTS)]
    pub(super) label_selector: String,
    /// Accept the deprecated form of a SealedSecret, one sealed text in `spec.data`
    #[arg(long, value_name = BOOL, default_value = "true", value_parser = boolean, action = ArgAction::Set, help_heading = OBJECTS)]
    pub(super) accept_deprecated_v1_data: bool,
    /// Write the status of SealedSecrets
    #[arg(long, value_name = BOOL, default_value = "true", value_parser = boolean, action = ArgAction::Set, help_heading = OBJECTS)]
    pub(super) update_status: bool,
    /// Do not watch the Secrets: one that is deleted or edited is made again only when its SealedSecret changes
    #[arg(long, value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help_heading = OBJECTS)]
    pub(super) skip_recreate: bool,
    /// Write an edited Secret anew; false: only one that is deleted, and when the SealedSecret changes
    #[arg(long, value_name = BOOL, default_value = "true", value_parser = boolean, action = ArgAction::Set, help_heading = OBJECTS)]
    pub(super) heal_drift: bool,
    /// Delete the Secret of a deleted SealedSecret ourselves instead of leaving that to Kubernetes
    #[arg(long, value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help_heading = OBJECTS)]
    pub(super) old_gc_behavior: bool,
    /// Of no effect: what fails is tried again for ever, with growing pauses
    #[arg(long, value_name = "NUMBER", default_value = "5", allow_negative_numbers = true, help_heading = OBJECTS)]
    pub(super) max_unseal_retries: i64,
    /// How many SealedSecrets are worked on at the same time; the decryption itself takes one thread per core
    #[arg(long, value_name = "NUMBER", default_value = "32", value_parser = workers, help_heading = OBJECTS)]
    pub(super) workers: usize,

    /// Address of the certificate, verify, rotate and the probes
    #[arg(long, value_name = "HOST:PORT", default_value = ":8080", help_heading = HTTP)]
    pub(super) listen_addr: String,
    /// Address of the metrics
    #[arg(long, value_name = "HOST:PORT", default_value = ":8081", help_heading = HTTP)]
    pub(super) listen_metrics_addr: String,
    /// How long the reading of a request may take
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = positive, help_heading = HTTP)]
    pub(super) read_timeout: Duration,
    /// How long the answer to a request may take, waiting included
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = positive, help_heading = HTTP)]
    pub(super) write_timeout: Duration,
    /// Largest body of a request: `1572864`, `1536Ki`, `2Mi`
    #[arg(long, value_name = "SIZE", default_value = "1536Ki", value_parser = bytes, help_heading = HTTP)]
    pub(super) http_body_limit: usize,
    /// Requests per second to verify and rotate, all callers together; ten times as many for the certificate
    #[arg(long, value_name = "NUMBER", default_value = "2", value_parser = positive_number(), help_heading = HTTP)]
    pub(super) rate_limit: u32,
    /// How many requests more than that may come at once
    #[arg(long, value_name = "NUMBER", default_value = "2", value_parser = any_number(), help_heading = HTTP)]
    pub(super) rate_limit_burst: u32,

    /// One replica of several writes, by a Lease; false: this one writes, whatever others do
    #[arg(long, value_name = BOOL, default_value = "true", value_parser = boolean, action = ArgAction::Set, help_heading = CLUSTER)]
    pub(super) leader_elect: bool,
    /// After which time without a sign of the leader another replica takes over
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = positive, help_heading = CLUSTER)]
    pub(super) leader_elect_lease_duration: Duration,
    /// After which time without success at renewing its Lease the leader stops writing
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = positive, help_heading = CLUSTER)]
    pub(super) leader_elect_renew_deadline: Duration,
    /// How often the Lease is renewed, or tried for
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = positive, help_heading = CLUSTER)]
    pub(super) leader_elect_retry_period: Duration,
    /// Requests per second to the API server at most; 0 or less: no limit
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "0",
        allow_negative_numbers = true,
        value_parser = finite,
        help_heading = CLUSTER
    )]
    pub(super) kubeclient_qps: f64,
    /// How many requests more than that may go at once; of no effect without --kubeclient-qps
    #[arg(long, value_name = "NUMBER", default_value = "10", allow_negative_numbers = true, help_heading = CLUSTER)]
    pub(super) kubeclient_burst: i64,

    /// From which level on the log is written: ERROR, WARN, INFO or DEBUG
    #[arg(long, value_name = "LEVEL", default_value = "INFO", ignore_case = true, value_enum, help_heading = LOG)]
    pub(super) log_level: LogLevel,
    /// How the log is written
    #[arg(long, value_name = "FORMAT", default_value = "text", ignore_case = true, value_enum, help_heading = LOG)]
    pub(super) log_format: LogFormat,
    /// INFO and DEBUG go to standard output; false: everything goes to standard error
    #[arg(long, value_name = BOOL, default_value = "true", value_parser = boolean, action = ArgAction::Set, help_heading = LOG)]
    pub(super) log_info_stdout: bool,
    /// Leave out the metrics that name SealedSecrets, which everybody who reads metrics could list
    #[arg(long, value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help_heading = LOG)]
    pub(super) metrics_omit_secret_labels: bool,
    /// Print the version
    #[arg(long, value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set)]
    pub(super) version: bool,
}

/// What a flag of this kind calls its value; [`command`] makes `--flag` alone mean `true`, as in Go.
const BOOL: &str = "BOOL";
const KEYS: &str = "Sealing keys";
const OBJECTS: &str = "SealedSecrets";
const HTTP: &str = "HTTP";
const CLUSTER: &str = "Cluster";
const LOG: &str = "Log and metrics";

/// The command line: [`Flags`], with truth values as Go takes them: `--flag`, `--flag=false`, never `--flag false`.
pub(super) fn command() -> clap::Command {
    Flags::command().mut_args(|arg| {
        let is_bool =
            arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == BOOL));
        if is_bool {
            arg.num_args(0..=1).require_equals(true).default_missing_value("true")
        } else {
            arg
        }
    })
}

/// What else the program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Print the custom resource definitions
    Crd,
}

/// Pairs of one flag. A type of its own, because clap takes a `Vec` for a flag that may be repeated.
#[derive(Debug, Clone, Default)]
pub(super) struct PairList(pub(super) Vec<(String, String)>);

/// Reads [`PairList`].
#[derive(Clone)]
struct Pairs;

impl clap::builder::TypedValueParser for Pairs {
    type Value = PairList;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<PairList, clap::Error> {
        let parse: fn(&str) -> Result<PairList, String> = |text| pairs(text).map(PairList);
        parse.parse_ref(command, argument, value)
    }
}

fn key_size(text: &str) -> Result<u32, String> {
    let bits =
        text.parse().ok().filter(|bits| seal_api::sealing::KeySize::of_bits(*bits).is_some());
    bits.ok_or_else(|| "2048, 3072, 4096 and 8192 are possible".to_owned())
}

fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("this duration must be more than 0".to_owned()),
        duration => Ok(duration),
    }
}

fn finite(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| "this is no number".to_owned())
}

fn workers(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| "1 to 1000 are possible".to_owned())
}

fn positive_number() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1_000_000)
}

fn any_number() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(0..=1_000_000)
}

impl ValueEnum for KeyOrder {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::CertNotBefore, Self::SecretCreationTimestamp]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::CertNotBefore => "CertNotBefore",
            Self::SecretCreationTimestamp => "SecretCreationTimestamp",
        }))
    }
}

impl ValueEnum for LogLevel {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Error, Self::Warn, Self::Info, Self::Debug]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }))
    }
}

impl ValueEnum for LogFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::Text => "text",
            Self::Json => "json",
        }))
    }
}

//! From flags to what is to be done.

use std::path::{Path, PathBuf};
use std::time::Duration;

use seal_api::sealing::Scope;

use super::flags::Parsed;
use crate::cluster::{Connection, Controller, Credential};
use crate::error::CommandError;

/// One of the things that kubeseal does, in the order in which it looks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    RecoveryUnseal,
    Validate,
    ReEncrypt,
    FetchCert,
    MergeInto,
    Raw,
    Seal,
}

/// What objects are printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputFormat {
    Json,
    Yaml,
}

/// All that was asked for.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) mode: Mode,
    /// A file instead of standard input.
    pub(super) input: Option<PathBuf>,
    /// A file instead of standard output.
    pub(super) output: Option<PathBuf>,
    /// What was asked for; `None` is kubeseal's default, JSON, but where a file is only changed.
    pub(super) format: Option<OutputFormat>,
    pub(super) merge_into: PathBuf,
    pub(super) cert: Option<String>,
    /// What was asked for; `None` leaves it to annotations.
    pub(super) scope: Option<Scope>,
    pub(super) name: Option<String>,
    pub(super) from_file: Option<PathBuf>,
    pub(super) allow_empty_data: bool,
    pub(super) private_keys: Vec<PathBuf>,
    pub(super) connection: Connection,
    pub(super) controller: Controller,
}

impl Options {
    /// Reads what was given.
    ///
    /// # Errors
    /// A value that its flag cannot have, flags that do not go together.
    pub(super) fn read(given: &Parsed) -> Result<Self, CommandError> {
        let from_files = given.texts("from-file");
        if !from_files.is_empty() && !given.has("raw") {
            return Err(CommandError::usage("--from-file requires --raw"));
        }
        let path = |name| given.text(name).map(PathBuf::from);
        let mode = mode(given);
        let input = path("secret-file");
        let output = match (path("sealed-secret-file"), mode) {
            (None, Mode::ReEncrypt) => input.clone(),
            (output, _) => output,
        };
        let format = match given.text("format").map(str::to_lowercase).as_deref() {
            None => None,
            Some("json") => Some(OutputFormat::Json),
            Some("yaml") => Some(OutputFormat::Yaml),
            Some(other) => {
                return Err(CommandError::usage(format!("unsupported output format: {other}"))
                    .hint("json and yaml are possible"));
            }
        };
        let is_yaml =
            |path: &Path| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let format = match output.as_deref().is_some_and(is_yaml) {
            true => Some(OutputFormat::Yaml),
            false => format,
        };
        let from_file = match from_files.as_slice() {
            [] => None,
            // The key in front of it is kubectl's; a single value needs none.
            [one] => {
                Some(PathBuf::from(one.split_once('=').map_or(one.as_str(), |(_, path)| path)))
            }
            _ => {
                return Err(CommandError::usage(
                    "must provide only one --from-file when encrypting a single item with --raw",
                ));
            }
        };
        Ok(Self {
            mode,
            input,
            output,
            format,
            merge_into: path("merge-into").unwrap_or_default(),
            cert: given.text("cert").map(str::to_owned),
            scope: scope(given)?,
            name: given.text("name").map(str::to_owned),
            from_file,
            allow_empty_data: given.has("allow-empty-data"),
            private_keys: given
                .texts("recovery-private-key")
                .into_iter()
                .map(PathBuf::from)
                .collect(),
            connection: connection(given)?,
            controller: Controller {
                name: given.text("controller-name").unwrap_or(Controller::NAME).to_owned(),
                namespace: given
                    .text("controller-namespace")
                    .unwrap_or(Controller::NAMESPACE)
                    .to_owned(),
            },
        })
    }
}

fn mode(given: &Parsed) -> Mode {
    if given.has("recovery-unseal") {
        Mode::RecoveryUnseal
    } else if given.has("validate") {
        Mode::Validate
    } else if given.has("re-encrypt") || given.has("rotate") {
        Mode::ReEncrypt
    } else if given.has("fetch-cert") {
        Mode::FetchCert
    } else if given.text("merge-into").is_some() {
        Mode::MergeInto
    } else if given.has("raw") {
        Mode::Raw
    } else {
        Mode::Seal
    }
}

fn scope(given: &Parsed) -> Result<Option<Scope>, CommandError> {
    let Some(word) = given.text("scope") else { return Ok(None) };
    word.parse().map(Some).map_err(|_| {
        CommandError::usage(format!(
            "invalid argument {word:?} for \"--scope\" flag: must be one of: strict, namespace-wide, cluster-wide"
        ))
    })
}

fn connection(given: &Parsed) -> Result<Connection, CommandError> {
    let text = |name| given.text(name).map(str::to_owned);
    let path = |name| given.text(name).map(PathBuf::from);
    let credential = |name| given.text(name).map(|text| Credential::new(text.to_owned()));
    let request_timeout = match given.text("request-timeout") {
        None => None,
        Some(text) => Some(timeout(text).ok_or_else(|| {
            CommandError::usage("invalid argument for \"--request-timeout\" flag: it is no time")
                .hint(
                    "a number of seconds (30), or numbers with units (1m30s); 0 waits without end",
                )
        })?),
    };
    Ok(Connection {
        kubeconfig: path("kubeconfig"),
        context: text("context"),
        cluster: text("cluster"),
        user: text("user"),
        namespace: text("namespace"),
        server: text("server"),
        certificate_authority: path("certificate-authority"),
        insecure_skip_tls_verify: given.switch("insecure-skip-tls-verify"),
        tls_server_name: text("tls-server-name"),
        proxy_url: text("proxy-url"),
        token: credential("token"),
        username: text("username"),
        password: credential("password"),
        client_certificate: path("client-certificate"),
        client_key: path("client-key"),
        as_user: text("as"),
        as_uid: text("as-uid"),
        as_groups: given.texts("as-group"),
        request_timeout,
    })
}

/// A time as kubectl takes it: seconds, or Go's `1h2m3s`. 0 is a day, which nobody waits for.
fn timeout(text: &str) -> Option<Duration> {
    const ENDLESS: Duration = Duration::from_secs(24 * 60 * 60);
    let seconds = match text.parse::<u32>() {
        Ok(seconds) => f64::from(seconds),
        Err(_) => {
            let mut left = text;
            let mut sum = 0.0;
            while !left.is_empty() {
                let end = left.find(|c: char| !c.is_ascii_digit() && c != '.')?;
                let number: f64 = left[..end].parse().ok()?;
                let rest = &left[end..];
                // The longer units first: `ms` is no minute.
                let units = [
                    ("ns", 1e-9),
                    ("us", 1e-6),
                    ("µs", 1e-6),
                    ("ms", 1e-3),
                    ("h", 3600.0),
                    ("m", 60.0),
                    ("s", 1.0),
                ];
                let (unit, factor) = units.iter().find(|(unit, _)| rest.starts_with(unit))?;
                sum += number * factor;
                left = &rest[unit.len()..];
            }
            sum
        }
    };
    match Duration::try_from_secs_f64(seconds).ok()? {
        Duration::ZERO if text.is_empty() => None,
        Duration::ZERO => Some(ENDLESS),
        time => Some(time.min(ENDLESS)),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;
    use std::time::Duration;

    use seal_keys::Environment;

    use super::super::flags::parse;
    use super::super::table::FLAGS;
    use super::{Mode, Options, OutputFormat, timeout};

    fn read(line: &str) -> Result<Options, String> {
        let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let none = Environment::of::<&str, &str>([]);
        let given = parse(FLAGS, &arguments, &none).map_err(|error| error.to_string())?;
        Options::read(&given).map_err(|error| error.message)
    }

    #[test]
    fn the_first_of_several_modes_counts() {
        let all = "--raw --merge-into f --fetch-cert --re-encrypt --validate --recovery-unseal";
        let mut words: Vec<&str> = all.split(' ').collect();
        for mode in [Mode::RecoveryUnseal, Mode::Validate, Mode::ReEncrypt, Mode::FetchCert] {
            assert_eq!(read(&words.join(" ")).unwrap().mode, mode);
            words.pop();
        }
        assert_eq!(read(&words.join(" ")).unwrap().mode, Mode::MergeInto);
        assert_eq!(read("--raw").unwrap().mode, Mode::Raw);
        assert_eq!(read("--rotate").unwrap().mode, Mode::ReEncrypt);
        assert_eq!(read("--raw=false").unwrap().mode, Mode::Seal);
    }

    #[test]
    fn re_encrypting_a_file_changes_that_file() {
        let output = |line| read(line).unwrap().output;
        assert_eq!(output("--re-encrypt -f a.json").as_deref(), Some(Path::new("a.json")));
        assert_eq!(output("--re-encrypt -f a -w b").as_deref(), Some(Path::new("b")));
        assert_eq!(output("--validate -f a"), None);
        assert_eq!(output("-f a"), None);
    }

    #[test]
    fn the_ending_of_the_output_makes_it_yaml() {
        let format = |line| read(line).unwrap().format;
        assert_eq!(format("-w a.yml -o json"), Some(OutputFormat::Yaml));
        assert_eq!(format("-w a.json -o YAML"), Some(OutputFormat::Yaml));
        assert_eq!(format("-w a.json"), None);
        assert_eq!(read("-o xml").unwrap_err(), "unsupported output format: xml");
    }

    #[test]
    fn from_file_takes_one_file_and_only_with_raw() {
        assert_eq!(read("--from-file a").unwrap_err(), "--from-file requires --raw");
        assert!(read("--raw --from-file a,b").unwrap_err().contains("only one --from-file"));
        let file = read("--raw --from-file key=dir/a=b").unwrap().from_file;
        assert_eq!(file.as_deref(), Some(Path::new("dir/a=b")));
    }

    #[test]
    fn times_are_seconds_or_what_go_writes() {
        let of = |text| timeout(text).map(|time| time.as_secs_f64());
        assert_eq!(of("5"), Some(5.0));
        assert_eq!(of("1m30s"), Some(90.0));
        assert_eq!(of("250ms"), Some(0.25));
        assert_eq!(timeout("0"), Some(Duration::from_secs(86_400)));
        for odd in ["", "s", "1x", "-1", "1m5", "1e3s"] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let shown = format!("{:?}", read("--token abcdef --password ghijkl").unwrap());
        assert!(!shown.contains("abcdef") && !shown.contains("ghijkl"));
    }
}

//! A command line as kubeseal reads it: the package `pflag`.
//!
//! - `--name VALUE` and `--name=VALUE`; `-n VALUE`, `-nVALUE`, `-n=VALUE`.
//! - A switch takes a value only behind `=`: `--raw=false`.
//! - Flags may stand behind other arguments; `--` ends them.
//! - Each flag can be given as a variable, `SEALED_SECRETS_` and its name. What is typed comes after it: the last one
//!   counts, lists grow.

use std::collections::BTreeMap;
use std::ffi::OsString;

use seal_keys::Environment;

/// A flag.
#[derive(Debug)]
pub(super) struct Flag {
    /// Without dashes.
    pub(super) name: &'static str,
    /// One letter.
    pub(super) short: Option<char>,
    pub(super) kind: Kind,
    /// Lines of help; none for flags that are not listed.
    pub(super) about: &'static str,
}

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, or a word for true or false behind `=`.
    Switch,
    /// A text; the last one counts. Help calls it by this word.
    Text(&'static str),
    /// Texts, several in one separated by commas.
    Texts(&'static str),
}

/// A command line that cannot be read. Says what pflag says; values are never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FlagError {
    #[error("unknown flag: --{0}")]
    Unknown(String),
    #[error("unknown shorthand flag: {0:?} in -{1}")]
    UnknownShort(char, String),
    #[error("flag needs an argument: {0}")]
    NoValue(String),
    #[error("bad flag syntax: {0}")]
    Syntax(String),
    #[error("invalid argument for \"{0}\" flag: it is neither true nor false")]
    NoBool(String),
    #[error("invalid argument for \"{0}\" flag: it is not UTF-8")]
    NoText(String),
    #[error("invalid argument for \"{0}\" flag: a quote is not closed")]
    NoList(String),
    #[error("help was asked for")]
    Help,
}

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    given: BTreeMap<&'static str, Vec<String>>,
    /// What is no flag, which kubeseal passes over.
    pub(super) positionals: Vec<OsString>,
}

impl Parsed {
    /// Whether a switch is on.
    pub(super) fn has(&self, name: &str) -> bool {
        self.switch(name) == Some(true)
    }

    /// A switch, where it is given.
    pub(super) fn switch(&self, name: &str) -> Option<bool> {
        truth(self.given.get(name)?.last()?)
    }

    /// A text that is given and not empty, which to kubeseal is the same as not given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.given.get(name)?.last().map(String::as_str).filter(|text| !text.is_empty())
    }

    /// All texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.given.get(name).cloned().unwrap_or_default()
    }

    /// Whether it is given at all.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    fn put(&mut self, flag: &Flag, shown: &str, value: String) -> Result<(), FlagError> {
        let values = self.given.entry(flag.name).or_default();
        match flag.kind {
            Kind::Switch if truth(&value).is_none() => {
                return Err(FlagError::NoBool(shown.to_owned()));
            }
            Kind::Switch | Kind::Text(_) => values.push(value),
            Kind::Texts(_) => {
                values.extend(fields(&value).ok_or_else(|| FlagError::NoList(shown.to_owned()))?);
            }
        }
        Ok(())
    }
}

/// Reads the environment and a command line.
///
/// # Errors
/// See [`FlagError`].
pub(super) fn parse(
    flags: &[&'static [Flag]],
    arguments: &[OsString],
    environment: &Environment,
) -> Result<Parsed, FlagError> {
    let all = || flags.iter().flat_map(|group| group.iter());
    let mut parsed = Parsed::default();
    for flag in all() {
        let name = variable(flag.name);
        if let Some(value) = environment.variable(&name) {
            let value = value.into_string().map_err(|_| FlagError::NoText(name.clone()))?;
            parsed.put(flag, &name, value)?;
        }
    }
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some(text) = argument.to_str() else {
            // A path may be anything, but only behind a flag of its own, where UTF-8 is asked for.
            match argument.as_encoded_bytes().starts_with(b"-") {
                true => return Err(FlagError::NoText(argument.to_string_lossy().into_owned())),
                false => parsed.positionals.push(argument.clone()),
            }
            continue;
        };
        if text == "--" {
            parsed.positionals.extend(rest.cloned());
            break;
        }
        if let Some(long) = text.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            if name.is_empty() || name.starts_with('-') {
                return Err(FlagError::Syntax(format!("--{name}")));
            }
            let Some(flag) = all().find(|flag| flag.name == name) else {
                return Err(match name {
                    "help" => FlagError::Help,
                    _ => FlagError::Unknown(name.to_owned()),
                });
            };
            let shown = format!("--{name}");
            let value = match value {
                Some(value) => value,
                None if flag.kind == Kind::Switch => "true".to_owned(),
                None => next(&mut rest, &shown)?,
            };
            parsed.put(flag, &shown, value)?;
        } else if let Some(shorts) = text.strip_prefix('-').filter(|shorts| !shorts.is_empty()) {
            let mut left = shorts;
            while let Some(letter) = left.chars().next() {
                left = &left[letter.len_utf8()..];
                let Some(flag) = all().find(|flag| flag.short == Some(letter)) else {
                    return Err(match letter {
                        'h' => FlagError::Help,
                        _ => FlagError::UnknownShort(letter, shorts.to_owned()),
                    });
                };
                let shown = format!("-{letter}, --{}", flag.name);
                let value = match (left.strip_prefix('='), flag.kind) {
                    (Some(value), _) => value.to_owned(),
                    (None, Kind::Switch) => {
                        parsed.put(flag, &shown, "true".to_owned())?;
                        continue;
                    }
                    (None, _) if !left.is_empty() => left.to_owned(),
                    (None, _) => next(&mut rest, &format!("{letter:?} in -{shorts}"))?,
                };
                parsed.put(flag, &shown, value)?;
                break;
            }
        } else {
            parsed.positionals.push(argument.clone());
        }
    }
    Ok(parsed)
}

/// The variable that stands for a flag.
pub(super) fn variable(flag: &str) -> String {
    format!("SEALED_SECRETS_{}", flag.to_uppercase().replace('-', "_"))
}

fn next<'a>(
    rest: &mut impl Iterator<Item = &'a OsString>,
    shown: &str,
) -> Result<String, FlagError> {
    let value = rest.next().ok_or_else(|| FlagError::NoValue(shown.to_owned()))?;
    value.to_str().map(str::to_owned).ok_or_else(|| FlagError::NoText(shown.to_owned()))
}

/// The words of Go's `strconv.ParseBool`.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// A line of CSV; `None` where a quote has no end.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut left = line;
    if line.is_empty() {
        return Some(found);
    }
    loop {
        let field;
        if let Some(mut quoted) = left.strip_prefix('"') {
            let mut text = String::new();
            loop {
                let end = quoted.find('"')?;
                text.push_str(&quoted[..end]);
                quoted = &quoted[end + 1..];
                let Some(more) = quoted.strip_prefix('"') else { break };
                text.push('"');
                quoted = more;
            }
            (field, left) = (text, quoted);
        } else {
            let end = left.find(',').unwrap_or(left.len());
            (field, left) = (left[..end].to_owned(), &left[end..]);
        }
        found.push(field);
        match left.strip_prefix(',') {
            Some(more) => left = more,
            None if left.is_empty() => return Some(found),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use seal_keys::Environment;

    use super::{Flag, FlagError, Kind, Parsed, fields, parse};

    const FLAGS: &[Flag] = &[
        Flag { name: "raw", short: None, kind: Kind::Switch, about: "" },
        Flag { name: "quiet", short: Some('q'), kind: Kind::Switch, about: "" },
        Flag { name: "format", short: Some('o'), kind: Kind::Text("TEXT"), about: "" },
        Flag { name: "from-file", short: None, kind: Kind::Texts("FILES"), about: "" },
    ];

    fn read_with(variables: &[(&str, &str)], line: &str) -> Result<Parsed, FlagError> {
        let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        parse(&[FLAGS], &arguments, &Environment::of(variables.iter().copied()))
    }

    fn read(line: &str) -> Result<Parsed, FlagError> {
        read_with(&[], line)
    }

    #[test]
    fn every_spelling_of_a_value_is_read() {
        for line in ["-o yaml", "-oyaml", "-o=yaml", "--format yaml", "--format=yaml", "-qo yaml"] {
            assert_eq!(read(line).unwrap().text("format"), Some("yaml"), "{line}");
        }
        assert_eq!(read("-o a --format=b").unwrap().text("format"), Some("b"));
        assert_eq!(read("--format=").unwrap().text("format"), None);
        assert_eq!(read("--format=a=b").unwrap().text("format"), Some("a=b"));
        assert_eq!(read("--format -o").unwrap().text("format"), Some("-o"));
    }

    #[test]
    fn a_switch_takes_a_word_behind_an_equals_sign_only() {
        assert!(read("--raw").unwrap().has("raw"));
        assert_eq!(read("--raw=F").unwrap().switch("raw"), Some(false));
        let parsed = read("--raw false").unwrap();
        assert!(parsed.has("raw"));
        assert_eq!(parsed.positionals, ["false"]);
        assert!(matches!(read("--raw=maybe"), Err(FlagError::NoBool(_))));
    }

    #[test]
    fn lists_grow_by_repetition_and_by_commas() {
        let parsed = read("--from-file a,b --from-file=c").unwrap();
        assert_eq!(parsed.texts("from-file"), ["a", "b", "c"]);
        assert_eq!(fields("\"a,b\",\"c\"\"d\"").unwrap(), ["a,b", "c\"d"]);
        assert_eq!(fields("a,").unwrap(), ["a", ""]);
        assert_eq!(fields("\"a"), None);
        assert_eq!(fields("\"a\"b"), None);
    }

    #[test]
    fn flags_behind_other_arguments_count_until_two_dashes() {
        let parsed = read("x -q - -- --raw").unwrap();
        assert!(parsed.has("quiet") && !parsed.has("raw"));
        assert_eq!(parsed.positionals, ["x", "-", "--raw"]);
    }

    #[test]
    fn what_is_typed_comes_after_the_environment() {
        let variables = [
            ("SEALED_SECRETS_FORMAT", "yaml"),
            ("SEALED_SECRETS_FROM_FILE", "a"),
            ("SEALED_SECRETS_RAW", "true"),
        ];
        let parsed = read_with(&variables, "-o json --from-file b --raw=false").unwrap();
        assert_eq!(parsed.text("format"), Some("json"));
        assert_eq!(parsed.texts("from-file"), ["a", "b"]);
        assert!(!parsed.has("raw"));
        assert_eq!(read_with(&variables, "").unwrap().text("format"), Some("yaml"));
        let bad = read_with(&[("SEALED_SECRETS_RAW", "maybe")], "");
        assert_eq!(bad, Err(FlagError::NoBool("SEALED_SECRETS_RAW".to_owned())));
    }

    #[test]
    fn what_cannot_be_read_is_said_as_pflag_says_it() {
        let message = |line| read(line).unwrap_err().to_string();
        assert_eq!(message("--bogus"), "unknown flag: --bogus");
        assert_eq!(message("-x"), "unknown shorthand flag: 'x' in -x");
        assert_eq!(message("--format"), "flag needs an argument: --format");
        assert_eq!(message("-qo"), "flag needs an argument: 'o' in -qo");
        assert_eq!(message("--=x"), "bad flag syntax: --");
        assert_eq!(message("---x"), "bad flag syntax: ---x");
        assert_eq!(read("--help"), Err(FlagError::Help));
        assert_eq!(read("-h"), Err(FlagError::Help));
    }
}

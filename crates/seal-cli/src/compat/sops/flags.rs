//! A command line as SOPS reads it: Go's package `flag`, and what urfave/cli puts in front of it.
//!
//! - `-name` and `--name` are the same; a value is `--name=value` or the next argument.
//! - A switch takes a value only behind `=`: `--in-place=false`.
//! - The first argument that is no flag ends them. For subcommands alone, flags that stand behind it are moved to the
//!   front first, each with the argument behind it unless that is a flag of the command, so that a switch in front of a
//!   file (`-i FILE --output F`) ends the flags with that file.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A flag of a command.
#[derive(Debug)]
pub(super) struct Flag {
    /// Its names, the long one first.
    pub(super) names: &'static [&'static str],
    /// What it takes.
    pub(super) kind: Kind,
    /// One line of help.
    pub(super) about: &'static str,
}

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, or a word for true or false behind `=`.
    Switch,
    /// A text; the last one counts.
    Text,
    /// A text each time.
    Texts,
    /// A whole number.
    Number,
}

/// A command line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FlagError {
    /// No such flag.
    #[error("flag provided but not defined: -{0}")]
    Unknown(String),
    /// The last argument, which should have a value.
    #[error("flag needs an argument: -{0}")]
    NoValue(String),
    /// Neither true nor false, or no number.
    #[error("the value of -{1} is {0}")]
    BadValue(&'static str, String),
    /// `---x` or `-=x`.
    #[error("an argument begins like a flag and is none")]
    Syntax,
    /// `-i` and `--in-place` together.
    #[error("cannot use two forms of the same flag: {0} {1}")]
    TwoForms(&'static str, &'static str),
    /// Help was asked for.
    #[error("help was asked for")]
    Help,
}

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// By the long name.
    given: BTreeMap<&'static str, Vec<OsString>>,
    /// What follows the flags.
    pub(super) positionals: Vec<OsString>,
}

impl Parsed {
    /// Whether a switch is on.
    pub(super) fn has(&self, name: &str) -> bool {
        self.switch(name) == Some(true)
    }

    /// A switch, where it is given.
    pub(super) fn switch(&self, name: &str) -> Option<bool> {
        truth(self.given.get(name)?.last()?.as_bytes())
    }

    /// A text that is given and not empty, which to SOPS is the same as not given.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.os_text(name).map(|text| text.to_string_lossy().into_owned())
    }

    /// The same, as it was typed.
    pub(super) fn os_text(&self, name: &str) -> Option<&OsStr> {
        let text = self.given.get(name)?.last()?;
        (!text.is_empty()).then_some(text.as_os_str())
    }

    /// All that a flag was given, as often as it was.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.given.get(name).into_iter().flatten();
        texts.map(|text| text.to_string_lossy().into_owned()).collect()
    }

    /// A number; 0 is SOPS's word for none.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        number(self.given.get(name)?.last()?.as_bytes()).filter(|number| *number > 0)
    }

    /// The long names of all that was given.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.given.keys().copied()
    }
}

/// Reads a command line. With `reorder`, flags behind the first other argument count too, as far as they do in SOPS.
///
/// # Errors
///
/// Those of Go's package: see [`FlagError`].
pub(super) fn parse(
    groups: &[&'static [Flag]],
    arguments: &[OsString],
    reorder: bool,
) -> Result<Parsed, FlagError> {
    let find = |name: &str| {
        groups.iter().flat_map(|group| group.iter()).find(|flag| flag.names.contains(&name))
    };
    let arguments = if reorder { reordered(arguments, &find) } else { arguments.to_vec() };
    let mut parsed = Parsed::default();
    let mut forms: BTreeMap<&'static str, &'static str> = BTreeMap::new();
    let mut rest = arguments.into_iter().peekable();
    while let Some(argument) = rest.peek() {
        let bytes = argument.as_bytes();
        if bytes.len() < 2 || bytes[0] != b'-' {
            break;
        }
        let Some(argument) = rest.next() else { break };
        if argument == "--" {
            break;
        }
        let (name, value) = split(&argument)?;
        let Some(flag) = find(&name) else {
            let is_help = name == "help" || name == "h";
            return Err(if is_help { FlagError::Help } else { FlagError::Unknown(name) });
        };
        let value = match (flag.kind, value) {
            (_, Some(value)) => value,
            (Kind::Switch, None) => "true".into(),
            (_, None) => rest.next().ok_or(FlagError::NoValue(name.clone()))?,
        };
        match flag.kind {
            Kind::Switch if truth(value.as_bytes()).is_none() => {
                return Err(FlagError::BadValue("neither true nor false", name));
            }
            Kind::Number if number(value.as_bytes()).is_none() => {
                return Err(FlagError::BadValue("no whole number", name));
            }
            _ => {}
        }
        let form = flag.names.iter().copied().find(|form| *form == name).unwrap_or(flag.names[0]);
        let first = *forms.entry(flag.names[0]).or_insert(form);
        if first != form {
            return Err(FlagError::TwoForms(first, form));
        }
        parsed.given.entry(flag.names[0]).or_default().push(value);
    }
    parsed.positionals = rest.collect();
    Ok(parsed)
}

fn split(argument: &OsStr) -> Result<(String, Option<OsString>), FlagError> {
    let bytes = argument.as_bytes();
    let bytes = bytes.strip_prefix(b"--").or_else(|| bytes.strip_prefix(b"-")).unwrap_or(bytes);
    let (name, value) = match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (&bytes[..at], Some(OsStr::from_bytes(&bytes[at + 1..]).to_owned())),
        None => (bytes, None),
    };
    if name.is_empty() || name[0] == b'-' {
        return Err(FlagError::Syntax);
    }
    Ok((String::from_utf8_lossy(name).into_owned(), value))
}

fn reordered<'f>(
    arguments: &[OsString],
    find: &impl Fn(&str) -> Option<&'f Flag>,
) -> Vec<OsString> {
    let is_flag = |argument: &OsStr| {
        argument.as_bytes().starts_with(b"-")
            && split(argument).is_ok_and(|(name, _)| is_help(&name) || find(&name).is_some())
    };
    let (mut flags, mut others) = (Vec::new(), Vec::new());
    let mut may_be_value = false;
    for (at, argument) in arguments.iter().enumerate() {
        if is_flag(argument) {
            may_be_value = !argument.as_bytes().contains(&b'=');
            flags.push(argument.clone());
        } else if may_be_value {
            may_be_value = false;
            flags.push(argument.clone());
        } else if argument == "--" {
            others.extend(arguments[at..].iter().cloned());
            break;
        } else {
            others.push(argument.clone());
        }
    }
    flags.extend(others);
    flags
}

fn is_help(name: &str) -> bool {
    name == "help" || name == "h"
}

/// The words of Go's `strconv.ParseBool`.
pub(super) fn truth(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True" => Some(true),
        b"0" | b"f" | b"F" | b"FALSE" | b"false" | b"False" => Some(false),
        _ => None,
    }
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{Flag, FlagError, Kind, Parsed, parse};

    const FLAGS: &[Flag] = &[
        Flag { names: &["in-place", "i"], kind: Kind::Switch, about: "" },
        Flag { names: &["output"], kind: Kind::Text, about: "" },
        Flag { names: &["age", "a"], kind: Kind::Text, about: "" },
        Flag { names: &["keyservice"], kind: Kind::Texts, about: "" },
        Flag { names: &["threshold"], kind: Kind::Number, about: "" },
    ];

    fn read(line: &str, reorder: bool) -> Result<Parsed, FlagError> {
        let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        parse(&[FLAGS], &arguments, reorder)
    }

    fn positionals(line: &str, reorder: bool) -> String {
        let parsed = read(line, reorder).unwrap();
        let words: Vec<_> = parsed.positionals.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn one_dash_is_as_good_as_two_and_the_last_text_counts() {
        let parsed = read("-output=a --output b -i -a x --age= f", false).map(|_| ());
        assert_eq!(parsed, Err(FlagError::TwoForms("a", "age")));
        let parsed = read("-output=a --output b -i f", false).unwrap();
        assert_eq!(parsed.text("output").as_deref(), Some("b"));
        assert!(parsed.has("in-place"));
        assert_eq!(read("--output=", false).unwrap().text("output"), None);
        let services = read("--keyservice a --keyservice=b", false).unwrap();
        assert_eq!(services.texts("keyservice"), ["a", "b"]);
    }

    #[test]
    fn a_switch_takes_a_word_behind_an_equals_sign_only() {
        assert_eq!(read("-i=F", false).unwrap().switch("in-place"), Some(false));
        assert_eq!(positionals("-i false f", false), "false f");
        assert!(matches!(read("-i=maybe", false), Err(FlagError::BadValue(..))));
    }

    #[test]
    fn what_cannot_be_read_is_said_as_go_says_it() {
        let message = |line| read(line, true).unwrap_err().to_string();
        assert_eq!(message("--bogus f"), "flag provided but not defined: -bogus");
        assert_eq!(message("--age"), "flag needs an argument: -age");
        assert_eq!(read("--threshold x", true), read("--threshold -1", true));
        for odd in ["---x", "-=x", "--=x"] {
            assert_eq!(read(odd, true), Err(FlagError::Syntax), "{odd}");
        }
        assert_eq!(read("-h", true), Err(FlagError::Help));
    }

    #[test]
    fn flags_end_with_the_first_other_argument_or_two_dashes() {
        assert_eq!(positionals("f -i", false), "f -i");
        assert_eq!(positionals("-i -- -f", false), "-f");
        assert_eq!(positionals("-i - -i", false), "- -i");
    }

    #[test]
    fn for_subcommands_flags_move_to_the_front_with_what_may_be_their_value() {
        assert_eq!(positionals("f -i", true), "f");
        assert_eq!(positionals("f --output o -a x", true), "f");
        assert_eq!(positionals("f --bogus", true), "f --bogus");
        assert_eq!(positionals("-i f --output o", true), "f --output o");
        assert_eq!(positionals("--output=o f -i", true), "f");
        assert_eq!(read("f -i --bogus", true), Err(FlagError::Unknown("bogus".to_owned())));
        assert_eq!(positionals("f -- -i", true), "f -- -i");
    }
}

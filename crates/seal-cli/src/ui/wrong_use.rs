//! Command lines that mean something to users of SOPS and nothing here: what to type instead.

use clap::CommandFactory;
use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::escape;
use crate::args::CommandLine;

/// What is wrong and what to type, where clap's own words would lead astray.
pub(super) fn hint(error: &Error) -> Option<(String, String)> {
    let (problem, hint) = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(error, ContextKind::InvalidSubcommand)?;
            (format!("seal has no command `{}`", escape(word)), instead_of_command(word)?)
        }
        ErrorKind::UnknownArgument => {
            let option = text(error, ContextKind::InvalidArg)?;
            let name = option.split([' ', '=']).next().unwrap_or_default();
            match command(error) {
                Some(command) => {
                    (format!("seal {command} has no `{name}`"), instead_of_option(name)?)
                }
                None => (format!("seal has no `{name}`"), instead_of_form(name)?),
            }
        }
        ErrorKind::InvalidValue => {
            let option = text(error, ContextKind::InvalidArg)?;
            let value = text(error, ContextKind::InvalidValue)?;
            let is_type = option.contains("-type ") || option.contains("--type");
            let meant = is_type.then(|| meant_type(value)).flatten()?;
            (
                format!("there is no type `{}`", escape(value)),
                format!("it is called `{meant}`; there are yaml, json, dotenv, ini and binary"),
            )
        }
        _ => return None,
    };
    Some((problem, hint))
}

/// A word in the place of the command.
fn instead_of_command(word: &str) -> Option<String> {
    let looks_like_file = word.contains(['.', '/']);
    Some(match word {
        "help" => "`seal --help`, or `seal COMMAND --help`".into(),
        "lint" => "`seal check`".into(),
        "add-key" | "add-keys" => "`seal keys add`".into(),
        _ if looks_like_file => {
            "a command comes first: `seal edit FILE`, `seal decrypt FILE`; `seal sops FILE` does what `sops FILE` does".into()
        }
        _ => return None,
    })
}

/// SOPS's older form, without a command.
fn instead_of_form(name: &str) -> Option<String> {
    let command = match name {
        "-d" | "--decrypt" => "`seal decrypt FILE`",
        "-e" | "--encrypt" => "`seal encrypt FILE`",
        "-r" | "--rotate" => "`seal rotate PATHS`",
        "-s" | "--show-master-keys" => "`seal edit --show-master-keys FILE`",
        "--set" => "`seal set FILE PATH VALUE`",
        "--extract" => "`seal get FILE PATH` prints one value",
        "-i" | "--in-place" | "-o" | "--output" | "--input-type" | "--output-type" => {
            "a command comes first, as in `seal decrypt -i FILE`"
        }
        _ => return None,
    };
    Some(format!("{command}; `seal sops` takes all of `sops`'s options"))
}

fn instead_of_option(name: &str) -> Option<String> {
    let recipients = name.starts_with("--add-") || name.starts_with("--rm-");
    let hint = match name {
        "--extract" => "`seal get FILE PATH` prints one value",
        "--ignore-mac" => "`seal decrypt`, `seal edit`, `seal set` and `seal unset` have it",
        "-r" | "--recursive" => "directories are taken whole, without an option",
        "-y" | "--yes" => "nothing is asked here",
        "-d" | "--decrypt" => "`seal decrypt FILE`",
        "-e" | "--encrypt" => "`seal encrypt FILE`",
        "--indent" => {
            "indentation stays as in the file; `stores` in .sops.yaml has that of converted files"
        }
        "--verbose" => "messages say all there is; `--json` has them for machines",
        _ if recipients => {
            "name or remove them in .sops.yaml and run `seal updatekeys`; or use `seal keys add`, or `seal keys remove`, which draws a new data key"
        }
        _ => return None,
    };
    Some(hint.into())
}

/// Names that files and people have for the types.
fn meant_type(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "env" | ".env" => Some("dotenv"),
        "yml" => Some("yaml"),
        "bin" | "raw" | "text" | "txt" => Some("binary"),
        _ => None,
    }
}

/// The command that clap was in, by the usage that it shows.
fn command(error: &Error) -> Option<String> {
    let ContextValue::StyledStr(usage) = error.get(ContextKind::Usage)? else { return None };
    let usage = usage.to_string();
    let word = usage.split_whitespace().skip_while(|word| *word != "seal").nth(1)?;
    CommandLine::command().find_subcommand(word).map(|command| command.get_name().to_owned())
}

fn text(error: &Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::hint;
    use crate::args::CommandLine;

    #[test]
    fn habits_of_sops_are_answered_with_what_to_type() {
        for (typed, problem, expected) in [
            ("-d f", "seal has no `-d`", "`seal decrypt FILE`"),
            ("--set x f", "seal has no `--set`", "`seal set FILE PATH VALUE`"),
            ("-i -d f", "seal has no `-i`", "a command comes first"),
            ("f.yaml", "seal has no command `f.yaml`", "`seal edit FILE`"),
            ("help", "seal has no command `help`", "`seal --help`"),
            ("decrypt --extract x f", "seal decrypt has no `--extract`", "`seal get FILE PATH`"),
            ("encrypt -r d", "seal encrypt has no `-r`", "directories are taken whole"),
            ("rotate --rm-age x f", "seal rotate has no `--rm-age`", "`seal keys remove`"),
            ("rotate -i --add-pgp=x f", "seal rotate has no `--add-pgp`", "`seal updatekeys`"),
            ("decrypt --output-type env f", "there is no type `env`", "`dotenv`"),
            ("check --type yml f", "there is no type `yml`", "`yaml`"),
        ] {
            let words = std::iter::once("seal").chain(typed.split(' '));
            let error = CommandLine::try_parse_from(words).unwrap_err();
            let (said, instead) = hint(&error).unwrap_or_else(|| panic!("{typed}: {error}"));
            assert_eq!(said, problem, "{typed}");
            assert!(instead.contains(expected), "{typed}: {instead}");
        }
    }

    #[test]
    fn everything_else_is_left_to_clap() {
        for typed in ["decypt f", "decrypt --no-such f", "--no-such", "decrypt --color red f"] {
            let words = std::iter::once("seal").chain(typed.split(' '));
            let error = CommandLine::try_parse_from(words).unwrap_err();
            assert_eq!(hint(&error), None, "{typed}");
        }
    }
}

//! Help and version, when answering as SOPS.

use std::fmt::Write as _;

use super::flags::{Flag, Kind};
use super::table::{COMMANDS, Command, FAMILIES, ROOT};

/// The version of SOPS whose behaviour this is.
const SOPS: &str = "3.13.2";

/// What `--version` prints. Scripts read the second word.
pub(super) fn version() -> String {
    format!("sops {SOPS} (seal {})\n", env!("CARGO_PKG_VERSION"))
}

/// Help on a command, or on all of them.
pub(super) fn help(command: &Command) -> String {
    let mut text = String::new();
    let words = [command.name, "[flags]", command.arguments];
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let _ = writeln!(text, "Usage: sops {}\n\n{}", words.join(" "), sentence(command.about));
    if command.name.is_empty() {
        let _ = writeln!(text, "\nThis is seal, answering as sops; `seal --help` has the rest.");
        text.push_str("\nCommands:\n");
        let width = COMMANDS.iter().map(|command| command.name.len()).max().unwrap_or(0);
        for command in COMMANDS {
            let _ = writeln!(text, "  {:width$}  {}", command.name, command.about);
        }
    }
    if command.flags.iter().any(|group| !group.is_empty()) {
        text.push_str("\nFlags, in front of other arguments:\n");
        let flags = || command.flags.iter().flat_map(|group| group.iter());
        let width = flags().map(|flag| form(flag).len()).max().unwrap_or(0);
        for flag in flags() {
            let line = format!("  {:width$}  {}", form(flag), flag.about);
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

/// Help on what these words name.
pub(super) fn help_on(words: &[std::ffi::OsString]) -> Option<String> {
    if words.is_empty() {
        return Some(help(&ROOT));
    }
    if let Some((command, _)) = super::table::named(words) {
        return Some(help(command));
    }
    let family = FAMILIES.iter().find(|family| words[0] == **family)?;
    let members = COMMANDS.iter().filter(|command| command.name.starts_with(family));
    let lines = members.map(|command| format!("  {}  {}\n", command.name, command.about));
    Some(format!("Usage: sops {family} COMMAND\n\nCommands:\n{}", lines.collect::<String>()))
}

fn form(flag: &Flag) -> String {
    let dashed =
        |name: &&str| if name.len() == 1 { format!("-{name}") } else { format!("--{name}") };
    let names: Vec<_> = flag.names.iter().rev().map(dashed).collect();
    let value = match flag.kind {
        Kind::Switch => "",
        Kind::Text | Kind::Texts => " TEXT",
        Kind::Number => " NUMBER",
    };
    format!("{}{value}", names.join(", "))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

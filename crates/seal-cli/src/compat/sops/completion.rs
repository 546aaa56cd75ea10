//! Completion of `sops` in shells, made from the table of its commands.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::flags::Flag;
use super::table::{COMMANDS, FAMILIES, ROOT};

/// A script for bash.
pub(super) fn bash() -> String {
    let mut cases = String::new();
    for command in COMMANDS {
        let words = command.name.replace(' ', "\\ ");
        let _ = writeln!(cases, "    {words}) flags=\"{}\" ;;", flags(command.flags));
    }
    let first = words();
    let root = flags(ROOT.flags);
    let mut members = String::new();
    for family in FAMILIES {
        let of_family = |name: &&str| name.strip_prefix(family).is_some();
        let names = COMMANDS.iter().map(|command| command.name).filter(of_family);
        let names: Vec<_> = names.filter_map(|name| name.split(' ').nth(1)).collect();
        let _ = writeln!(
            members,
            "    {family}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;",
            names.join(" ")
        );
    }
    format!(
        r#"_sops() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" verb="${{COMP_WORDS[1]}}" flags="{root}"
  COMPREPLY=()
  case "$verb" in
    groups|completion) verb="$verb ${{COMP_WORDS[2]}}" ;;
  esac
  if [ "$COMP_CWORD" = 2 ]; then
    case "${{COMP_WORDS[1]}}" in
{members}    esac
  fi
  case "$verb" in
{cases}  esac
  if [ "${{word#-}}" != "$word" ]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -f -W "{first}" -- "$word"))
  fi
}}
complete -o default -F _sops sops
"#
    )
}

/// The same for zsh, which can use a script for bash.
pub(super) fn zsh() -> String {
    format!("#compdef sops\nautoload -U +X bashcompinit && bashcompinit\n{}", bash())
}

/// The first words of all commands.
fn words() -> String {
    let first = |name: &'static str| name.split(' ').next().unwrap_or(name);
    let words: BTreeSet<_> = COMMANDS.iter().map(|command| first(command.name)).collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

fn flags(groups: &[&[Flag]]) -> String {
    let names = groups.iter().flat_map(|group| group.iter()).map(|flag| flag.names[0]);
    names.map(|name| format!("--{name}")).collect::<Vec<_>>().join(" ")
}

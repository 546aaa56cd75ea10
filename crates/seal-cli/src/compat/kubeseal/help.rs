//! Help and version, when answering as kubeseal.

use std::fmt::Write as _;

use super::flags::{Flag, Kind};
use super::table::GROUPS;

/// The version of kubeseal whose behaviour this is.
const KUBESEAL: &str = "0.38.4";

/// What `--version` prints. Scripts read the third word.
pub(super) fn version() -> String {
    format!("kubeseal version: v{KUBESEAL} (seal {})\n", env!("CARGO_PKG_VERSION"))
}

/// What `--help` prints.
pub(super) fn help() -> String {
    let mut text = String::from(
        "Usage: kubeseal [flags] < secret.yaml > sealed-secret.json\n\n\
         This is seal, answering as kubeseal; `seal --help` has the rest.\n",
    );
    let listed =
        || GROUPS.iter().flat_map(|(_, flags)| flags.iter()).filter(|f| !f.about.is_empty());
    let width = listed().map(|flag| form(flag).len()).max().unwrap_or(0);
    for (title, flags) in GROUPS {
        let _ = writeln!(text, "\n{title}:");
        let (shown, bare): (Vec<_>, Vec<_>) = flags.iter().partition(|flag| !flag.about.is_empty());
        for flag in shown {
            let _ = writeln!(text, "  {:width$}  {}", form(flag), flag.about);
        }
        if !bare.is_empty() {
            for names in bare.chunks(5) {
                let names: Vec<_> = names.iter().map(|flag| format!("--{}", flag.name)).collect();
                let _ = writeln!(text, "  {}", names.join(" "));
            }
        }
    }
    text.push_str(
        "\nEach flag can also be set as a variable: SEALED_SECRETS_CONTROLLER_NAME for --controller-name.\n",
    );
    text
}

fn form(flag: &Flag) -> String {
    let short = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
    match flag.kind {
        Kind::Switch => format!("{short}--{}", flag.name),
        Kind::Text(value) | Kind::Texts(value) => format!("{short}--{} {value}", flag.name),
    }
}

//! The commands of SOPS and their flags: what is read, and what help shows.

use super::flags::{Flag, Kind};

/// A command.
#[derive(Debug)]
pub(super) struct Command {
    /// As typed; two words for those of `groups` and `completion`.
    pub(super) name: &'static str,
    /// What follows the flags.
    pub(super) arguments: &'static str,
    /// One line of help.
    pub(super) about: &'static str,
    /// Its own flags, in groups that commands share.
    pub(super) flags: &'static [&'static [Flag]],
}

/// Those without a word of their own: `sops [flags] FILE`.
pub(super) const ROOT: Command = Command {
    name: "",
    arguments: "FILE",
    about: "edits the file, unless a flag says otherwise",
    flags: &[
        MODES,
        PLACE,
        EXTRACT,
        TYPES,
        KEYS,
        CONTEXT,
        SELECTION,
        COMMENT_SELECTION,
        SHOW_MASTER_KEYS,
        CHANGED_KEYS,
        THRESHOLD,
        IGNORE_MAC,
        NAME,
        ORDER,
        SERVICES,
        EVERYWHERE,
        VERSION,
    ],
};

/// The subcommands.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "encrypt",
        arguments: "[FILE]",
        about: "encrypts a file, or stdin, to stdout",
        flags: &[PLACE, KEYS, TYPES, SELECTION, CONTEXT, THRESHOLD, NAME, SERVICES],
    },
    Command {
        name: "decrypt",
        arguments: "[FILE]",
        about: "decrypts a file, or stdin, to stdout",
        flags: &[PLACE, EXTRACT, TYPES, IGNORE_MAC, NAME, ORDER, SERVICES],
    },
    Command {
        name: "edit",
        arguments: "FILE",
        about: "opens the decrypted file in an editor and encrypts what it leaves",
        flags: &[
            KEYS,
            TYPES,
            SELECTION,
            CONTEXT,
            THRESHOLD,
            SHOW_MASTER_KEYS,
            IGNORE_MAC,
            ORDER,
            SERVICES,
        ],
    },
    Command {
        name: "set",
        arguments: "FILE PATH [VALUE]",
        about: "sets a value, which is JSON, in an encrypted file",
        flags: &[TYPES, VALUE_SOURCE, IDEMPOTENT, IGNORE_MAC, THRESHOLD, ORDER, SERVICES],
    },
    Command {
        name: "unset",
        arguments: "FILE PATH",
        about: "removes a value from an encrypted file",
        flags: &[TYPES, IDEMPOTENT, IGNORE_MAC, THRESHOLD, ORDER, SERVICES],
    },
    Command {
        name: "rotate",
        arguments: "FILE",
        about: "encrypts all values with a new data key",
        flags: &[PLACE, TYPES, CONTEXT, CHANGED_KEYS, NAME, ORDER, SERVICES],
    },
    Command {
        name: "updatekeys",
        arguments: "FILE...",
        about: "wraps the data key for the master keys of the creation rule",
        flags: &[YES, INPUT_TYPE, SERVICES],
    },
    Command {
        name: "groups add",
        arguments: "",
        about: "adds a key group to a file",
        flags: &[GROUP_FILE, IN_PLACE, GROUP_KEYS, CONTEXT, THRESHOLD, SERVICES],
    },
    Command {
        name: "groups delete",
        arguments: "INDEX",
        about: "removes a key group from a file",
        flags: &[GROUP_FILE, IN_PLACE, THRESHOLD, SERVICES],
    },
    Command {
        name: "publish",
        arguments: "PATH",
        about: "uploads a file or a directory to where the destination rules say",
        flags: &[YES, PUBLISH, VERBOSE, ORDER, SERVICES],
    },
    Command {
        name: "keyservice",
        arguments: "",
        about: "lets others use this machine's keys",
        flags: &[KEYSERVICE, VERBOSE],
    },
    Command {
        name: "filestatus",
        arguments: "FILE",
        about: "says whether a file is encrypted, as JSON",
        flags: &[INPUT_TYPE],
    },
    Command {
        name: "exec-env",
        arguments: "FILE COMMAND",
        about: "runs a command with the values in its environment",
        flags: &[EXEC, EXEC_ENV, ORDER, SERVICES],
    },
    Command {
        name: "exec-file",
        arguments: "FILE COMMAND",
        about: "runs a command with the path of a decrypted file, in place of {}",
        flags: &[EXEC, EXEC_FILE, TYPES, ORDER, SERVICES],
    },
    Command { name: "completion bash", arguments: "", about: "completion for bash", flags: &[] },
    Command { name: "completion zsh", arguments: "", about: "completion for zsh", flags: &[] },
];

/// Words that need another word behind them.
pub(super) const FAMILIES: &[&str] = &["groups", "completion"];

const fn switch(names: &'static [&'static str], about: &'static str) -> Flag {
    Flag { names, kind: Kind::Switch, about }
}

const fn text(names: &'static [&'static str], about: &'static str) -> Flag {
    Flag { names, kind: Kind::Text, about }
}

const fn texts(names: &'static [&'static str], about: &'static str) -> Flag {
    Flag { names, kind: Kind::Texts, about }
}

const fn number(names: &'static [&'static str], about: &'static str) -> Flag {
    Flag { names, kind: Kind::Number, about }
}

const MODES: &[Flag] = &[
    switch(&["decrypt", "d"], "decrypt, as `sops decrypt`"),
    switch(&["encrypt", "e"], "encrypt, as `sops encrypt`"),
    switch(&["rotate", "r"], "new data key, as `sops rotate`"),
    text(&["set"], "'PATH VALUE': set a value, as `sops set`"),
];

const IN_PLACE: &[Flag] = &[switch(&["in-place", "i"], "replace the file")];

const PLACE: &[Flag] = &[
    switch(&["in-place", "i"], "replace the file"),
    text(&["output"], "write the result to this file"),
];

const EXTRACT: &[Flag] = &[text(&["extract"], "print only what stands at this path: '[\"a\"][0]'")];

const INPUT_TYPE: &[Flag] = &[text(&["input-type"], INPUT_TYPE_ABOUT)];
const INPUT_TYPE_ABOUT: &str = "yaml, json, dotenv, ini, binary [default: by the name]";

const TYPES: &[Flag] =
    &[text(&["input-type"], INPUT_TYPE_ABOUT), text(&["output-type"], "the same for the result")];

const KEYS: &[Flag] = &[
    text(&["kms", "k"], "ARNs of AWS KMS keys, with commas [SOPS_KMS_ARN]"),
    text(&["aws-profile"], "profile of the AWS configuration"),
    text(&["gcp-kms"], "names of GCP KMS keys [SOPS_GCP_KMS_IDS]"),
    text(&["hckms"], "HuaweiCloud KMS keys, REGION:ID [SOPS_HUAWEICLOUD_KMS_IDS]"),
    text(&["azure-kv"], "URLs of keys in Azure Key Vault [SOPS_AZURE_KEYVAULT_URLS]"),
    text(&["hc-vault-transit"], "URLs of keys in Vault's transit engine [SOPS_VAULT_URIS]"),
    text(&["pgp", "p"], "fingerprints of OpenPGP keys [SOPS_PGP_FP]"),
    text(&["age", "a"], "recipients of age [SOPS_AGE_RECIPIENTS]"),
];

const GROUP_KEYS: &[Flag] = &[
    texts(&["kms"], "ARN of an AWS KMS key (can be repeated, as the others)"),
    text(&["aws-profile"], "profile of the AWS configuration"),
    texts(&["gcp-kms"], "name of a GCP KMS key"),
    texts(&["hckms"], "HuaweiCloud KMS key, REGION:ID"),
    texts(&["azure-kv"], "URL of a key in Azure Key Vault"),
    texts(&["hc-vault-transit"], "URL of a key in Vault's transit engine"),
    texts(&["pgp"], "fingerprint of an OpenPGP key"),
    texts(&["age"], "recipient of age"),
];

const CHANGED_KEYS: &[Flag] = &[
    text(&["add-kms"], "add these master keys, with commas"),
    text(&["rm-kms"], "remove these master keys, with commas"),
    text(&["add-pgp"], "the same for the other kinds"),
    text(&["rm-pgp"], ""),
    text(&["add-gcp-kms"], ""),
    text(&["rm-gcp-kms"], ""),
    text(&["add-hckms"], ""),
    text(&["rm-hckms"], ""),
    text(&["add-azure-kv"], ""),
    text(&["rm-azure-kv"], ""),
    text(&["add-hc-vault-transit"], ""),
    text(&["rm-hc-vault-transit"], ""),
    text(&["add-age"], ""),
    text(&["rm-age"], ""),
];

const CONTEXT: &[Flag] = &[text(&["encryption-context"], "NAME:VALUE,… for AWS KMS")];

const SELECTION: &[Flag] = &[
    text(&["unencrypted-suffix"], "leave values below keys that end so in clear"),
    text(&["encrypted-suffix"], "encrypt only values below keys that end so"),
    text(&["unencrypted-regex"], "leave values below keys that match in clear"),
    text(&["encrypted-regex"], "encrypt only values below keys that match"),
];

const COMMENT_SELECTION: &[Flag] = &[
    text(&["unencrypted-comment-regex"], "leave values behind comments that match in clear"),
    text(&["encrypted-comment-regex"], "encrypt only values behind comments that match"),
];

const THRESHOLD: &[Flag] =
    &[number(&["shamir-secret-sharing-threshold"], "how many key groups are needed to decrypt")];

const SHOW_MASTER_KEYS: &[Flag] =
    &[switch(&["show-master-keys", "s"], "show the sops block in the editor")];

const IGNORE_MAC: &[Flag] = &[switch(&["ignore-mac"], "decrypt although the MAC does not fit")];

const NAME: &[Flag] = &[text(&["filename-override"], "name that types and creation rules go by")];

const ORDER: &[Flag] =
    &[text(&["decryption-order"], "kinds of keys to try first [SOPS_DECRYPTION_ORDER]")];

const SERVICES: &[Flag] = &[
    switch(&["enable-local-keyservice"], "use keys of this machine [SOPS_ENABLE_LOCAL_KEYSERVICE]"),
    texts(&["keyservice"], "key service to ask, PROTOCOL://ADDRESS [SOPS_KEYSERVICE]"),
];

const YES: &[Flag] = &[switch(&["yes", "y"], "do not ask")];

const IDEMPOTENT: &[Flag] = &[switch(&["idempotent"], "succeed where there is nothing to do")];

const VALUE_SOURCE: &[Flag] = &[
    switch(&["value-file"], "VALUE is a file that holds the value"),
    switch(&["value-stdin"], "read the value from stdin"),
];

const GROUP_FILE: &[Flag] = &[text(&["file", "f"], "the file")];

const PUBLISH: &[Flag] = &[
    switch(&["omit-extensions"], "leave out extensions at the destination"),
    switch(&["recursive"], "publish all files of a directory"),
];

const KEYSERVICE: &[Flag] = &[
    text(&["network", "net"], "tcp (the default) or unix"),
    text(&["address", "addr"], "where to listen [default: 127.0.0.1:5000]"),
    switch(&["prompt"], "ask before each use of a key"),
];

const EXEC: &[Flag] = &[
    switch(&["background"], "do not wait for the command"),
    text(&["user"], "run the command as this user"),
];

const EXEC_ENV: &[Flag] = &[
    switch(&["pristine"], "give the command the values and nothing else"),
    switch(&["same-process"], "become the command instead of waiting for it"),
];

const EXEC_FILE: &[Flag] = &[
    switch(&["no-fifo"], "a regular file instead of a pipe"),
    text(&["filename"], "name of the file [default: tmp-file]"),
];

const VERBOSE: &[Flag] = &[switch(&["verbose"], "accepted; there is nothing more to say")];

/// Those that count in front of a subcommand too.
const EVERYWHERE: &[Flag] = &[
    text(&["config"], "rules, instead of the .sops.yaml found [SOPS_CONFIG]"),
    number(&["indent"], "blanks for each level of YAML and JSON"),
    switch(&["mac-only-encrypted"], "let the MAC cover encrypted values only"),
    switch(&["verbose"], "accepted; there is nothing more to say"),
];

const VERSION: &[Flag] = &[
    switch(&["version", "v"], "print the version"),
    switch(&["disable-version-check"], "accepted: nothing is ever looked up"),
    switch(&["check-for-updates"], "accepted: nothing is ever looked up"),
];

/// Flags that work in front of a subcommand.
pub(super) fn works_everywhere(name: &str) -> bool {
    [EVERYWHERE, VERSION].into_iter().flatten().any(|flag| flag.names[0] == name)
}

/// The command that these words name, and how many words those are.
pub(super) fn named(words: &[std::ffi::OsString]) -> Option<(&'static Command, usize)> {
    let word = |at: usize| words.get(at).and_then(|word| word.to_str());
    let first = word(0)?;
    COMMANDS.iter().find_map(|command| match command.name.split_once(' ') {
        None => (command.name == first).then_some((command, 1)),
        Some((family, member)) => {
            (family == first && word(1) == Some(member)).then_some((command, 2))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{COMMANDS, ROOT};

    #[test]
    fn no_command_has_two_flags_of_one_name() {
        for command in COMMANDS.iter().chain([&ROOT]) {
            let mut names = BTreeSet::new();
            for flag in command.flags.iter().flat_map(|group| group.iter()) {
                for name in flag.names {
                    assert!(names.insert(name), "{}: {name}", command.name);
                }
            }
        }
    }
}

//! What is looked for: each kind of finding has an id that scripts, comments and reports name it by.

use std::fmt;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a look: it may be harmless.
    Warning,
    /// A secret is in clear, or a file would not be accepted.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Lint {
    /// Its name, which never changes.
    pub id: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What it is, in one line.
    pub summary: &'static str,
    /// What to do.
    pub help: &'static str,
}

impl Lint {
    /// The kind with that id.
    pub fn of_id(id: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|lint| lint.id == id)
    }
}

macro_rules! lints {
    ($($name:ident: $severity:ident $id:literal $summary:literal $help:literal;)*) => {
        $(
            #[doc = $summary]
            pub static $name: Lint = Lint {
                id: $id,
                severity: Severity::$severity,
                summary: $summary,
                help: $help,
            };
        )*

        /// Every kind, in the order in which the documentation lists them.
        pub static ALL: &[&Lint] = &[$(&$name),*];
    };
}

lints! {
    SECRET_IN_CLEAR: Error "secret-in-clear"
        "a Secret is not encrypted"
        "encrypt the file with `seal encrypt -i`; if the values were pushed already, change them too";
    RULE_IN_CLEAR: Error "rule-in-clear"
        "values that a creation rule selects are not encrypted"
        "encrypt the file with `seal encrypt -i`, or correct the rule in .sops.yaml";
    HIDDEN_SECRET: Error "hidden-secret"
        "a Secret stands where nothing encrypts it: behind an alias or a merge key, or inside another object"
        "write the Secret out as a document of its own, or name its keys in a rule, as in `encrypted_regex: ^(data|stringData)$`";
    COPY_IN_ANNOTATION: Error "copy-in-annotation"
        "an annotation repeats the values of a Secret in clear"
        "take the annotation out; `seal encrypt --strip` does it for a Secret that is not encrypted yet";
    SEALED_SECRET: Error "sealed-secret"
        "a SealedSecret holds values in clear"
        "seal the values with `seal set` or `seal encrypt --cluster`, and let the template only refer to them";
    CLEAR_VALUE: Error "clear-value"
        "a value in clear stands where an encrypted one belongs"
        "decrypt the file, change it, and encrypt it again: verification refuses it as it is";
    LOST_ENVELOPE: Error "lost-envelope"
        "an encrypted value stands in a document without a `sops` block"
        "get the block back from the file's history: without it nobody can decrypt the value";
    ENVELOPE: Error "envelope"
        "the `sops` block is no envelope that could be used"
        "get the block back from the file's history, or decrypt an older version and encrypt it again";
    ENC_TEXT: Error "enc-text"
        "an encrypted value is damaged, or stands where nothing decrypts it"
        "get the value back from the file's history";
    ENC_TAIL: Error "enc-tail"
        "text stands behind an encrypted value"
        "take the text away: nothing authenticates it, and verification refuses it";
    SELECTS_NOTHING: Error "selects-nothing"
        "a rule selects nothing, so nothing is encrypted"
        "correct the rule: a mistyped regular expression leaves every value in clear";
    RECIPIENTS: Error "recipients"
        "a file is encrypted for others than its rule in .sops.yaml names"
        "`seal updatekeys` makes the file follow the rule; if the file is right, correct the rule";
    BROKEN_FILE: Error "broken-file"
        "a file that may hold a secret cannot be read"
        "correct the syntax; what cannot be read cannot be checked";
    CONFIG: Error "config"
        "a .sops.yaml cannot be used"
        "correct it: every file that it is for would be refused";
    CONFIG_IGNORED: Warning "config-ignored"
        "something in a .sops.yaml has no effect"
        "correct the name, or take it out";
    TEMPLATE: Warning "template"
        "a template holds a Secret, which cannot be checked before it is rendered"
        "check what it renders to: `helm template . | seal check -`";
    HELM_HOOK: Warning "helm-hook"
        "a Secret is a hook of Helm, which older versions of it apply without the post-renderer"
        "before Helm 3.21 and 4 a hook does not pass `--post-renderer`, so ciphertext would reach the cluster; decrypt before Helm, or make it no hook";
    CLEAR_COMMENT: Warning "clear-comment"
        "a comment in clear stands among encrypted values"
        "decrypt the file and encrypt it again; a comment there is encrypted too";
    PRIVATE_KEY: Warning "private-key"
        "a private key stands in clear"
        "move it to a Secret and encrypt it; a key that was pushed needs to be replaced";
    TOKEN: Warning "token"
        "a text in clear has the form of a token or of credentials"
        "move it to a Secret and encrypt it; a token that was pushed needs to be revoked";
    URL_PASSWORD: Warning "url-password"
        "a URL in clear has a password in it"
        "move it to a Secret and encrypt it, or take the password out of the URL";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{ALL, Lint};

    #[test]
    fn ids_are_words_with_hyphens_and_each_is_there_once() {
        let mut seen = HashSet::new();
        for lint in ALL {
            let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(lint.id.bytes().all(is_fit), "{}", lint.id);
            assert!(seen.insert(lint.id), "{} is there twice", lint.id);
            assert_eq!(Lint::of_id(lint.id), Some(*lint));
        }
        assert_eq!(Lint::of_id("nonsense"), None);
    }
}

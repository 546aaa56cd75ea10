//! The setting of an envelope that says which leaves are encrypted.

/// One of SOPS's six selection settings and its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Which setting.
    pub kind: RuleKind,
    /// The suffix or the regular expression, as it was written.
    pub text: String,
}

impl Rule {
    /// The rule of an envelope that names none.
    pub fn implied() -> Self {
        Self { kind: RuleKind::UnencryptedSuffix, text: "_unencrypted".to_owned() }
    }
}

/// The six selection settings; an envelope has at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// Everything but what stands below a key with this suffix.
    UnencryptedSuffix,
    /// Only what stands below a key with this suffix.
    EncryptedSuffix,
    /// Everything but what stands below a key that matches.
    UnencryptedRegex,
    /// Only what stands below a key that matches.
    EncryptedRegex,
    /// Everything but what follows a comment that matches.
    UnencryptedCommentRegex,
    /// Only what follows a comment that matches.
    EncryptedCommentRegex,
}

impl RuleKind {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::UnencryptedSuffix,
        Self::EncryptedSuffix,
        Self::UnencryptedRegex,
        Self::EncryptedRegex,
        Self::UnencryptedCommentRegex,
        Self::EncryptedCommentRegex,
    ];

    /// The key of the setting, in the `sops` block as well as in `.sops.yaml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnencryptedSuffix => "unencrypted_suffix",
            Self::EncryptedSuffix => "encrypted_suffix",
            Self::UnencryptedRegex => "unencrypted_regex",
            Self::EncryptedRegex => "encrypted_regex",
            Self::UnencryptedCommentRegex => "unencrypted_comment_regex",
            Self::EncryptedCommentRegex => "encrypted_comment_regex",
        }
    }

    /// The setting with that key, spelled exactly so.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl std::fmt::Display for RuleKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

//! The name of an OpenPGP key.

use std::fmt;

/// The fingerprint of a key or of a subkey, in a form that no program takes for an option or for a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(String);

/// The text names no key surely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoFingerprint {
    /// 32 bits, which anybody can give to a key of theirs. SOPS refuses it as well.
    #[error("a key ID of 8 digits is too short to tell keys apart")]
    Short,
    #[error("it is no fingerprint, which has 40 or 64 hexadecimal digits")]
    Other,
}

impl Fingerprint {
    /// Reads a fingerprint: of version 4 (40 digits), 5 or 6 (64), 3 (32), or a long key ID (16), as SOPS takes them.
    /// Blanks are left out, `0x` may stand before it, and `!` behind it asks for just this subkey.
    pub(super) fn parse(text: &str) -> Result<Self, NoFingerprint> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = text.strip_suffix('!').unwrap_or(&text);
        let digits = digits.strip_prefix("0x").or(digits.strip_prefix("0X")).unwrap_or(digits);
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoFingerprint::Other);
        }
        match digits.len() {
            16 | 32 | 40 | 64 => Ok(Self(text)),
            8 => Err(NoFingerprint::Short),
            _ => Err(NoFingerprint::Other),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "A12ED8591BAE3B5048A933AA1BE87F0C363D6B72";

    #[test]
    fn the_forms_that_sops_takes_are_fingerprints() {
        let v6 = "0".repeat(64);
        for text in [V4, &V4.to_lowercase(), &format!("{V4}!"), &format!("0x{V4}"), &V4[24..], &v6]
        {
            assert_eq!(Fingerprint::parse(text).unwrap().as_str(), text);
        }
        let spaced = "A12E D859 1BAE 3B50 48A9  33AA 1BE8 7F0C 363D 6B72";
        assert_eq!(Fingerprint::parse(spaced).unwrap().as_str(), V4);
    }

    #[test]
    fn nothing_else_is() {
        assert_eq!(Fingerprint::parse("363D6B72"), Err(NoFingerprint::Short));
        for text in [
            "",
            "!",
            "0x",
            "--output",
            "-r",
            "test@example.com",
            "=Alice",
            &V4[1..],
            &format!("-{}", &V4[1..]),
            &format!("{V4}!!"),
            &format!("!{V4}"),
            &format!("&{V4}"),
            "Ａ12ED8591BAE3B5048A933AA1BE87F0C363D6B72",
        ] {
            assert_eq!(Fingerprint::parse(text), Err(NoFingerprint::Other), "{text}");
        }
    }
}

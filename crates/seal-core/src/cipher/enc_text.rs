//! The text of an encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::ValueType;

/// An encrypted value, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct EncText<'t> {
    ciphertext: Vec<u8>,
    iv: Vec<u8>,
    tag: [u8; TAG],
    value_type: ValueType,
    tail: &'t str,
}

/// Why a text is no encrypted value. The text itself is never part of it: it may be a secret in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncTextError {
    /// It does not have the parts of an encrypted value.
    #[error("not an encrypted value of the form ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]")]
    Shape,
    /// A part is no base64.
    #[error("{part:?} of the encrypted value is no padded standard base64")]
    Base64 {
        /// Which part.
        part: &'static str,
    },
    /// The authentication tag is shortened, or too long.
    #[error("tag of the encrypted value has {length} bytes instead of 16")]
    TagLength {
        /// Its length in bytes.
        length: usize,
    },
    /// The type has no meaning.
    #[error("unknown type of the encrypted value")]
    Type,
}

/// True for a text that claims to be an encrypted value, well-formed or not: it must never be encrypted again, and never
/// be taken for a value in clear.
pub fn is_enc_text(text: &str) -> bool {
    text.starts_with(HEAD)
}

impl<'t> EncText<'t> {
    /// Takes a text apart, as SOPS does: anything may follow the closing bracket, see [`EncText::tail`].
    ///
    /// # Errors
    ///
    /// Unless all four parts are there and none is empty, the first three in padded standard base64, the tag 16 bytes
    /// long, the type a known one.
    pub fn parse(text: &'t str) -> Result<Self, EncTextError> {
        // SOPS's expression is greedy and its dots stop at a line feed: the last bracket of the first line closes.
        let line = text.find('\n').unwrap_or(text.len());
        let close = text[..line].rfind(']').ok_or(EncTextError::Shape)?;
        let parts = text[..close].strip_prefix(HEAD).ok_or(EncTextError::Shape)?;
        let (parts, value_type) = parts.rsplit_once(",type:").ok_or(EncTextError::Shape)?;
        let (parts, tag) = parts.rsplit_once(",tag:").ok_or(EncTextError::Shape)?;
        let (data, iv) = parts.rsplit_once(",iv:").ok_or(EncTextError::Shape)?;
        if [data, iv, tag, value_type].contains(&"") {
            return Err(EncTextError::Shape);
        }
        let tag = decode("tag", tag)?;
        Ok(Self {
            ciphertext: decode("data", data)?,
            iv: decode("iv", iv)?,
            tag: tag
                .as_slice()
                .try_into()
                .map_err(|_| EncTextError::TagLength { length: tag.len() })?,
            value_type: ValueType::from_str(value_type).ok_or(EncTextError::Type)?,
            tail: &text[close + 1..],
        })
    }

    /// The encrypted bytes, as many as the plaintext has.
    pub fn ciphertext(&self) -> &[u8] {
        &self.ciphertext
    }

    /// The nonce: 32 bytes where SOPS or we wrote it, otherwise any number but none.
    pub fn iv(&self) -> &[u8] {
        &self.iv
    }

    /// The type of the value. It is not authenticated by GCM.
    pub fn value_type(&self) -> ValueType {
        self.value_type
    }

    /// What follows the closing bracket, such as the line break that a block scalar leaves. Nothing authenticates it.
    pub fn tail(&self) -> &'t str {
        self.tail
    }

    pub(super) fn tag(&self) -> &[u8; TAG] {
        &self.tag
    }
}

impl std::fmt::Debug for EncText<'_> {
    // The tail may be anything, a secret too.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EncText({}, {} bytes)", self.value_type, self.ciphertext.len())
    }
}

const HEAD: &str = "ENC[AES256_GCM,data:";
const TAG: usize = 16;

/// Writes the text of an encrypted value.
pub(super) fn write(data: &[u8], iv: &[u8], tag: &[u8; TAG], value_type: ValueType) -> String {
    let base64_length = |bytes: &[u8]| bytes.len().div_ceil(3) * 4;
    let name = value_type.as_str();
    let parts = base64_length(data) + base64_length(iv) + base64_length(tag) + name.len();
    let mut text = String::with_capacity(HEAD.len() + ",iv:,tag:,type:]".len() + parts);
    text.push_str(HEAD);
    STANDARD.encode_string(data, &mut text);
    text.push_str(",iv:");
    STANDARD.encode_string(iv, &mut text);
    text.push_str(",tag:");
    STANDARD.encode_string(tag, &mut text);
    text.push_str(",type:");
    text.push_str(name);
    text.push(']');
    text
}

fn decode(part: &'static str, text: &str) -> Result<Vec<u8>, EncTextError> {
    STANDARD.decode(text).map_err(|_| EncTextError::Base64 { part })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    const IV: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const TAG_TEXT: &str = "AAECAwQFBgcICQoLDA0ODw==";

    fn text(data: &str, iv: &str, tag: &str, value_type: &str) -> String {
        format!("ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{value_type}]")
    }

    fn error(text: &str) -> EncTextError {
        EncText::parse(text).unwrap_err()
    }

    #[test]
    fn reads_all_parts() {
        let text = text("aGk=", IV, TAG_TEXT, "int");
        let parsed = EncText::parse(&text).unwrap();
        assert_eq!(parsed.ciphertext(), b"hi");
        assert_eq!(parsed.iv(), (0..32).collect::<Vec<u8>>());
        assert_eq!(parsed.tag().as_slice(), (0..16).collect::<Vec<u8>>());
        assert_eq!(parsed.value_type(), ValueType::Int);
        assert_eq!(parsed.tail(), "");
    }

    #[test]
    fn writes_what_it_reads() {
        let text = text("aGk=", IV, TAG_TEXT, "comment");
        let parsed = EncText::parse(&text).unwrap();
        let written = write(parsed.ciphertext(), parsed.iv(), parsed.tag(), parsed.value_type());
        assert_eq!(written, text);
        assert_eq!(written.capacity(), written.len());
    }

    #[test]
    fn hands_out_what_follows_the_bracket() {
        for tail in ["\n", " x", "\nx]", "\r\n"] {
            let text = text("aGk=", IV, TAG_TEXT, "str") + tail;
            assert_eq!(EncText::parse(&text).unwrap().tail(), tail);
        }
    }

    #[test]
    fn the_last_bracket_of_the_line_closes() {
        let text = text("aGk=", IV, TAG_TEXT, "str");
        assert_eq!(error(&(text.clone() + "]")), EncTextError::Type);
        assert_eq!(error(&(text + " x]")), EncTextError::Type);
    }

    #[test]
    fn rejects_texts_without_all_parts() {
        let whole = text("aGk=", IV, TAG_TEXT, "str");
        let without_tag = whole.replace(&format!(",tag:{TAG_TEXT}"), "");
        let swapped = format!("ENC[AES256_GCM,data:aGk=,tag:{TAG_TEXT},iv:{IV},type:str]");
        let broken = whole.replace("data:", "data:\n");
        let leading = format!(" {whole}");
        let cases = [
            "",
            "]",
            "ENC[]",
            "hunter2",
            &whole[..whole.len() - 1],
            &without_tag,
            &swapped,
            &broken,
            &leading,
            &whole.replace("AES256_GCM", "AES128_GCM"),
            &whole.replace("ENC[", "enc["),
        ];
        for case in cases {
            assert_eq!(error(case), EncTextError::Shape, "{case}");
        }
    }

    #[test]
    fn rejects_empty_parts() {
        for case in [
            text("", IV, TAG_TEXT, "str"),
            text("aGk=", "", TAG_TEXT, "str"),
            text("aGk=", IV, "", "str"),
            text("aGk=", IV, TAG_TEXT, ""),
        ] {
            assert_eq!(error(&case), EncTextError::Shape, "{case}");
        }
    }

    #[test]
    fn rejects_base64_that_is_not_canonical() {
        // Unpadded, trailing bits, the URL alphabet, a blank, a carriage return (which Go skips).
        for data in ["aGk", "aGl=", "a-_=", "aG k=", "aGk=\r"] {
            let text = text(data, IV, TAG_TEXT, "str");
            assert_eq!(error(&text), EncTextError::Base64 { part: "data" }, "{data:?}");
        }
        assert_eq!(error(&text("aGk=", "x", TAG_TEXT, "str")), EncTextError::Base64 { part: "iv" });
        assert_eq!(error(&text("aGk=", IV, "x", "str")), EncTextError::Base64 { part: "tag" });
    }

    #[test]
    fn rejects_a_tag_of_another_length() {
        assert_eq!(
            error(&text("aGk=", IV, "AAECAw==", "str")),
            EncTextError::TagLength { length: 4 }
        );
    }

    #[test]
    fn rejects_an_unknown_type() {
        assert_eq!(error(&text("aGk=", IV, TAG_TEXT, "string")), EncTextError::Type);
    }

    #[test]
    fn a_malformed_one_still_counts_as_encrypted() {
        assert!(is_enc_text("ENC[AES256_GCM,data:"));
        assert!(!is_enc_text("ENC[PKCS7,x]"));
        assert!(!is_enc_text(" ENC[AES256_GCM,data:"));
    }

    #[test]
    fn errors_and_debug_keep_the_text_to_themselves() {
        let secret = text("hunter2", IV, TAG_TEXT, "hunter2");
        assert!(!format!("{0} {0:?}", error(&secret)).contains("hunter2"));
        let tail = text("aGk=", IV, TAG_TEXT, "str") + "hunter2";
        assert!(!format!("{:?}", EncText::parse(&tail).unwrap()).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn never_panics(head in "(ENC\\[AES256_GCM,data:)?", rest in "[a-zA-Z:,=\\]\\n\u{e9}]{0,40}") {
            let text = head + &rest;
            if let Ok(parsed) = EncText::parse(&text) {
                prop_assert_eq!(is_enc_text(&text), true);
                prop_assert_eq!(parsed.tag().len(), 16);
            }
        }
    }
}

//! In which order the kinds of keys of a group are tried: SOPS's `--decryption-order`.

use std::str::FromStr;

use seal_core::envelope::MasterKey;

/// Kinds of keys that come first; the others follow as the file has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecryptionOrder(Vec<&'static str>);

impl Default for DecryptionOrder {
    /// SOPS's: what is at hand before what asks a server.
    fn default() -> Self {
        Self(vec!["age", "pgp"])
    }
}

impl DecryptionOrder {
    /// The place of a key; keys of the same place stay in the order of the file.
    pub(crate) fn rank(&self, key: &MasterKey) -> usize {
        self.0.iter().position(|kind| *kind == key.kind()).unwrap_or(self.0.len())
    }
}

/// A text that is no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A word that is no kind of keys.
    #[error("{word:?} is no kind of keys; there are {}", MasterKey::KINDS.join(", "))]
    Unknown {
        /// The word.
        word: String,
    },
    /// A kind twice.
    #[error("{kind} stands there twice")]
    Twice {
        /// The kind.
        kind: &'static str,
    },
}

impl FromStr for DecryptionOrder {
    type Err = OrderError;

    /// Kinds separated by commas, as in `age,kms`; nothing is the default order.
    fn from_str(text: &str) -> Result<Self, OrderError> {
        let mut kinds = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let kind = MasterKey::KINDS.into_iter().find(|kind| *kind == word);
            let kind = kind.ok_or_else(|| OrderError::Unknown { word: word.to_owned() })?;
            if kinds.contains(&kind) {
                return Err(OrderError::Twice { kind });
            }
            kinds.push(kind);
        }
        Ok(if kinds.is_empty() { Self::default() } else { Self(kinds) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_taken_as_sops_names_them() {
        let order: DecryptionOrder = "hc_vault, age".parse().unwrap();
        let age = MasterKey::Age { recipient: "age1".to_owned() };
        let pgp = MasterKey::Pgp { fingerprint: "A".to_owned() };
        assert_eq!((order.rank(&age), order.rank(&pgp)), (1, 2));
        assert_eq!("".parse(), Ok(DecryptionOrder::default()));
        assert_eq!("age,age".parse::<DecryptionOrder>(), Err(OrderError::Twice { kind: "age" }));
        let error = "vault".parse::<DecryptionOrder>().unwrap_err().to_string();
        assert!(
            error.starts_with("\"vault\" is no kind of keys; there are kms, gcp_kms"),
            "{error}"
        );
    }
}

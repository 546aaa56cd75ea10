//! Master keys from the command line and the environment, which replace those of a creation rule.

use seal_core::envelope::{GroupedKeys, MasterKey};
use seal_keys::{Environment, WrapError};

use super::keys::words;

const AGE: &str = "SOPS_AGE_RECIPIENTS";

/// The other variables that SOPS takes keys from.
const NOT_YET: [&str; 6] = [
    "SOPS_PGP_FP",
    "SOPS_KMS_ARN",
    "SOPS_GCP_KMS_IDS",
    "SOPS_AZURE_KEYVAULT_URLS",
    "SOPS_VAULT_URIS",
    "SOPS_HUAWEICLOUD_KMS_IDS",
];

/// Keys that were asked for cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyArgumentError {
    /// SOPS would add these keys, and this version cannot.
    #[error("{variable} is set, but its kind of keys is not supported yet by this version")]
    Variable {
        /// The variable.
        variable: &'static str,
    },
    /// The flag or the variable holds nothing but blanks and commas.
    #[error("{origin} names no recipient")]
    Empty {
        /// The flag or the variable.
        origin: &'static str,
    },
    /// A text that is no usable recipient.
    #[error("{origin}: {problem}")]
    Recipient {
        /// The flag or the variable.
        origin: &'static str,
        /// What is wrong with it.
        problem: WrapError,
    },
}

/// The keys that replace those of the creation rule: the recipients of `--age`, or else of `SOPS_AGE_RECIPIENTS`.
/// `None` where neither is given.
///
/// # Errors
///
/// One of them cannot be used, or keys of another kind are asked for: leaving those out would lock somebody out.
pub(crate) fn keys_from(
    environment: &Environment,
    age_flags: &[String],
) -> Result<Option<GroupedKeys>, KeyArgumentError> {
    if let Some(variable) = NOT_YET.into_iter().find(|name| environment.variable(name).is_some()) {
        return Err(KeyArgumentError::Variable { variable });
    }
    let (origin, texts) = if !age_flags.is_empty() {
        ("--age", age_flags.to_vec())
    } else if let Some(text) = environment.variable(AGE) {
        (AGE, vec![text.to_string_lossy().into_owned()])
    } else {
        return Ok(None);
    };
    let mut keys: Vec<MasterKey> = Vec::new();
    for recipient in texts.iter().flat_map(|text| words(text)) {
        let key = MasterKey::Age { recipient: recipient.to_owned() };
        seal_keys::check(&key)
            .map_err(|problem| KeyArgumentError::Recipient { origin, problem })?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(KeyArgumentError::Empty { origin });
    }
    Ok(Some(GroupedKeys::one_group(keys)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "age13r7pmm33m5fk6cdkqmthyxcsdp8kqz0te59v85c2e8vzr4kgw4vsgm2cd7";
    const B: &str = "age177n994ctk7macw2w6dutxzmjlngz364g7nv0j6h563pg7lgrleqqsgqstg";

    fn from(variables: &[(&str, &str)], flags: &[&str]) -> Result<Vec<String>, String> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let keys = keys_from(&Environment::of(variables.iter().copied()), &flags);
        let keys = keys.map_err(|error| error.to_string())?;
        Ok(keys.unwrap_or_default().groups.into_iter().flatten().map(recipient).collect())
    }

    fn recipient(key: MasterKey) -> String {
        match key {
            MasterKey::Age { recipient } => recipient,
            other => panic!("{other} is no age recipient"),
        }
    }

    #[test]
    fn flags_win_over_the_variable_and_duplicates_go() {
        assert_eq!(from(&[], &[]), Ok(vec![]));
        assert_eq!(from(&[(AGE, A)], &[]), Ok(vec![A.to_owned()]));
        assert_eq!(from(&[(AGE, A)], &[B]), Ok(vec![B.to_owned()]));
        let both = format!("{A}, {B},{A}");
        assert_eq!(from(&[], &[&both, B]), Ok(vec![A.to_owned(), B.to_owned()]));
    }

    #[test]
    fn keys_of_another_kind_are_never_left_out_in_silence() {
        let error = "SOPS_PGP_FP is set, but its kind of keys is not supported yet by this version";
        assert_eq!(from(&[("SOPS_PGP_FP", "A12E")], &[A]), Err(error.to_owned()));
    }

    #[test]
    fn an_empty_flag_is_an_error_and_an_empty_variable_is_not_set() {
        assert_eq!(from(&[], &[""]), Err("--age names no recipient".to_owned()));
        assert_eq!(from(&[(AGE, "")], &[]), Ok(vec![]));
        assert_eq!(from(&[(AGE, " , ")], &[]), Err(format!("{AGE} names no recipient")));
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        let error = from(&[], &["AGE-SECRET-KEY-1HUNTER2"]).unwrap_err();
        assert_eq!(
            error,
            "--age: an age identity (a secret) stands where a recipient (age1…) belongs"
        );
        assert!(!from(&[(AGE, "hunter2")], &[]).unwrap_err().contains("hunter2"));
    }
}

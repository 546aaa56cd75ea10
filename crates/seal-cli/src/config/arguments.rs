//! Master keys from the command line and the environment, which replace those of a creation rule.

use std::collections::BTreeMap;

use seal_core::envelope::{GroupedKeys, MasterKey};
use seal_keys::{Environment, WrapError};

use super::RuleProblem;
use super::keys::{FlatKeys, Named, of_flat, words};
use crate::args::MasterKeyArgs;
use crate::reason::Reason;

/// Keys that the user typed, on the command line or into the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TypedKeys {
    /// In one group; `None` where none were typed, so that the rule counts.
    pub(crate) keys: Option<Vec<MasterKey>>,
    /// `--shamir-secret-sharing-threshold`.
    pub(crate) threshold: Option<u32>,
    /// The option or variable that they come from, where it is only one.
    origin: Option<&'static str>,
}

/// Keys that were asked for cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyArgumentError {
    /// The flag or the variable holds nothing but blanks and commas.
    #[error("{origin} names no {}", noun(origin))]
    Empty {
        /// The flag or the variable.
        origin: &'static str,
    },
    /// A text that is no key of its kind.
    #[error("{0}")]
    Form(RuleProblem),
    /// A text that cannot be used.
    #[error("{origin}: {problem}")]
    Unusable {
        /// The flag or the variable.
        origin: &'static str,
        /// What is wrong with it.
        problem: WrapError,
    },
    /// A part of the encryption context that is not of the form `NAME:VALUE`, or one name twice. Not repeated.
    #[error(
        "entry {entry} of --encryption-context is not of the form NAME:VALUE, or its name is there twice"
    )]
    Context {
        /// Which entry, from 1.
        entry: usize,
    },
    /// An option that needs another one.
    #[error("{option} is for the keys of --kms, and there are none")]
    WithoutKms {
        /// The option.
        option: &'static str,
    },
}

fn noun(origin: &str) -> &'static str {
    if [AGE.1, AGE.2].contains(&origin) { "recipient" } else { "key" }
}

/// A kind of keys (see [`MasterKey::KINDS`]), its flag and its variable.
type Names = (&'static str, &'static str, &'static str);
const AGE: Names = ("age", "--age", "SOPS_AGE_RECIPIENTS");
const PGP: Names = ("pgp", "--pgp", "SOPS_PGP_FP");
const KMS: Names = ("kms", "--kms", "SOPS_KMS_ARN");
const GCP_KMS: Names = ("gcp_kms", "--gcp-kms", "SOPS_GCP_KMS_IDS");
const AZURE: Names = ("azure_kv", "--azure-kv", "SOPS_AZURE_KEYVAULT_URLS");
const VAULT: Names = ("hc_vault", "--hc-vault-transit", "SOPS_VAULT_URIS");
const HUAWEI: Names = ("hckms", "--hckms", "SOPS_HUAWEICLOUD_KMS_IDS");

impl KeyArgumentError {
    /// What it is to those who tell failures apart.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Context { .. } => Reason::EncryptionContext,
            _ => Reason::NoMasterKeys,
        }
    }

    /// What the user can do next.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Unusable { problem, .. } => problem.next_step(),
            _ => None,
        }
    }
}

/// Texts of one kind, and where they come from.
struct Given {
    kind: &'static str,
    origin: &'static str,
    texts: Vec<String>,
}

impl TypedKeys {
    /// Reads them. As in SOPS, a flag takes the place of the variable of its kind, and keys of all kinds come together.
    ///
    /// # Errors
    ///
    /// One of them cannot be used: leaving it out would lock somebody out.
    pub(crate) fn read(
        environment: &Environment,
        arguments: &MasterKeyArgs,
    ) -> Result<Self, KeyArgumentError> {
        let given = |(kind, flag, variable): Names,
                     flags: &[String]|
         -> Result<Given, KeyArgumentError> {
            let (origin, texts) = match environment.variable(variable) {
                _ if !flags.is_empty() => (flag, flags.to_vec()),
                Some(text) => (variable, vec![text.to_string_lossy().into_owned()]),
                None => return Ok(Given { kind, origin: flag, texts: Vec::new() }),
            };
            let named = texts.iter().flat_map(|text| words(text)).next().is_some();
            named.then_some(Given { kind, origin, texts }).ok_or(KeyArgumentError::Empty { origin })
        };
        let age = given(AGE, &arguments.age)?;
        let pgp = given(PGP, &arguments.pgp)?;
        let kms = given(KMS, &arguments.kms)?;
        let gcp_kms = given(GCP_KMS, &arguments.gcp_kms)?;
        let azure = given(AZURE, &arguments.azure_kv)?;
        let vault = given(VAULT, &arguments.hc_vault_transit)?;
        let huawei = given(HUAWEI, &arguments.hckms)?;
        let context = context(&arguments.encryption_context)?;
        for (option, is_set) in [
            ("--aws-profile", arguments.aws_profile.is_some()),
            ("--encryption-context", !context.is_empty()),
        ] {
            if is_set && kms.texts.is_empty() {
                return Err(KeyArgumentError::WithoutKms { option });
            }
        }
        let all = [&age, &pgp, &kms, &gcp_kms, &azure, &vault, &huawei];
        let mut origins = all.iter().filter(|given| !given.texts.is_empty()).map(|g| g.origin);
        let origin = match (origins.next(), origins.next()) {
            (Some(origin), None) => Some(origin),
            _ => None,
        };
        let keys = of_flat(FlatKeys {
            age: age.named(),
            pgp: &pgp.texts,
            kms: &kms.texts,
            aws_profile: arguments.aws_profile.as_deref(),
            context: &context,
            gcp_kms: &gcp_kms.texts,
            hckms: &huawei.texts,
            azure_key_vault: azure.named(),
            vault_transit: vault.named(),
        })
        .map_err(KeyArgumentError::Form)?;
        for key in &keys {
            seal_keys::check(key).map_err(|problem| KeyArgumentError::Unusable {
                origin: all
                    .iter()
                    .find(|given| given.kind == key.kind())
                    .map_or("the command line", |given| given.origin),
                problem,
            })?;
        }
        Ok(Self {
            keys: (!keys.is_empty()).then_some(keys),
            threshold: arguments.shamir_secret_sharing_threshold,
            origin,
        })
    }

    /// Who names the keys of new files, for a sentence.
    pub(crate) fn named_by(&self) -> String {
        match (&self.keys, self.origin) {
            (None, _) => ".sops.yaml names".to_owned(),
            (Some(_), Some(flag)) if flag.starts_with('-') => format!("`{flag}` names"),
            (Some(_), Some(variable)) => format!("{variable} names"),
            (Some(_), None) => "the command line and the environment name".to_owned(),
        }
    }

    /// The keys that a file gets whose rule names these.
    pub(crate) fn over(&self, rule: &GroupedKeys) -> GroupedKeys {
        let groups = match &self.keys {
            Some(keys) => vec![keys.clone()],
            None => rule.groups.clone(),
        };
        GroupedKeys { groups, threshold: self.threshold.or(rule.threshold) }
    }
}

impl Given {
    fn named(&self) -> Named<'_> {
        Named { origin: self.origin, texts: &self.texts }
    }
}

fn context(texts: &[String]) -> Result<BTreeMap<String, String>, KeyArgumentError> {
    let mut context = BTreeMap::new();
    for (index, text) in texts.iter().enumerate() {
        let problem = KeyArgumentError::Context { entry: index + 1 };
        let (name, value) = text.split_once(':').ok_or(problem.clone())?;
        let (name, value) = (name.trim(), value.trim());
        // SOPS splits at each colon; a value with one in it would not be read so by both.
        let is_plain = !name.is_empty() && !value.is_empty() && !value.contains(':');
        if !is_plain || context.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(problem);
        }
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "age13r7pmm33m5fk6cdkqmthyxcsdp8kqz0te59v85c2e8vzr4kgw4vsgm2cd7";
    const B: &str = "age177n994ctk7macw2w6dutxzmjlngz364g7nv0j6h563pg7lgrleqqsgqstg";

    fn typed(variables: &[(&str, &str)], arguments: &MasterKeyArgs) -> Result<TypedKeys, String> {
        let environment = Environment::of(variables.iter().copied());
        TypedKeys::read(&environment, arguments).map_err(|error| error.to_string())
    }

    fn from(variables: &[(&str, &str)], flags: &[&str]) -> Result<Vec<String>, String> {
        let age = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let typed = typed(variables, &MasterKeyArgs { age, ..MasterKeyArgs::default() })?;
        Ok(typed.keys.unwrap_or_default().into_iter().map(recipient).collect())
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
        assert_eq!(from(&[(AGE.2, A)], &[]), Ok(vec![A.to_owned()]));
        assert_eq!(from(&[(AGE.2, A)], &[B]), Ok(vec![B.to_owned()]));
        let both = format!("{A}, {B},{A}");
        assert_eq!(from(&[], &[&both, B]), Ok(vec![A.to_owned(), B.to_owned()]));
    }

    #[test]
    fn an_empty_flag_is_an_error_and_an_empty_variable_is_not_set() {
        assert_eq!(from(&[], &[""]), Err("--age names no recipient".to_owned()));
        assert_eq!(from(&[(AGE.2, "")], &[]), Ok(vec![]));
        assert_eq!(from(&[(AGE.2, " , ")], &[]), Err(format!("{} names no recipient", AGE.2)));
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        let error = from(&[], &["AGE-SECRET-KEY-1HUNTER2"]).unwrap_err();
        assert!(error.contains("entry 1 of --age is an identity (a secret)"), "{error}");
        assert!(!error.contains("HUNTER2"));
        assert!(!from(&[(AGE.2, "hunter2")], &[]).unwrap_err().contains("hunter2"));
    }

    #[test]
    fn a_context_and_a_profile_are_for_keys_of_aws() {
        let context = |texts: &[&str]| {
            let encryption_context = texts.iter().map(|text| (*text).to_owned()).collect();
            typed(&[], &MasterKeyArgs { encryption_context, ..MasterKeyArgs::default() })
        };
        for odd in [&["a"][..], &["a:"], &[":b"], &["a:b:c"], &["a:b", "a:c"]] {
            assert!(context(odd).unwrap_err().contains("NAME:VALUE"), "{odd:?}");
        }
        assert!(context(&["a:b"]).unwrap_err().contains("is for the keys of --kms"));
        let aws_profile = Some("ci".to_owned());
        let error = typed(&[], &MasterKeyArgs { aws_profile, ..MasterKeyArgs::default() });
        assert!(error.unwrap_err().starts_with("--aws-profile is for the keys of --kms"));
    }

    #[test]
    fn a_key_of_an_odd_form_names_its_option() {
        let arguments =
            MasterKeyArgs { azure_kv: vec!["https://v".to_owned()], ..MasterKeyArgs::default() };
        let error = typed(&[], &arguments).unwrap_err();
        assert_eq!(
            error,
            "entry 1 of --azure-kv is not of the form https://VAULT/keys/NAME[/VERSION]"
        );
        let error = typed(&[("SOPS_VAULT_URIS", "https://v")], &MasterKeyArgs::default());
        let form = "https://HOST/v1/ENGINE/keys/NAME";
        assert_eq!(error, Err(format!("entry 1 of SOPS_VAULT_URIS is not of the form {form}")));
    }

    #[test]
    fn a_typed_threshold_counts_for_the_groups_of_a_rule() {
        let arguments =
            MasterKeyArgs { shamir_secret_sharing_threshold: Some(2), ..MasterKeyArgs::default() };
        let rule = GroupedKeys { groups: vec![vec![], vec![], vec![]], threshold: None };
        assert_eq!(typed(&[], &arguments).unwrap().over(&rule).threshold, Some(2));
        assert_eq!(TypedKeys::default().over(&rule), rule);
    }
}

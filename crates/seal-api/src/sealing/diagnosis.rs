//! Why a sealed value does not open: the other labels and keys that it could have been sealed with are tried, and the one
//! that fits says what is wrong.
//!
//! The answer tells whoever may read the object's status one thing that they could not work out themselves: that a value was
//! sealed for a name that stands among the candidates. It never says anything of the plaintext: a label that fits is not used
//! to hand it out, and trying needs no malformed ciphertext, so there is nothing to learn from how RSA or AES-GCM fail. Names
//! and namespaces are only ever those that the caller gives. The controller gives those that the object's own template says
//! and names in the object's own namespace, never another namespace of the cluster: whoever copied a value from elsewhere
//! must not learn from whom by having all namespaces tried.

use std::fmt;
use std::sync::Arc;

use super::private_key::Attempt;
use super::{Fingerprint, Label, Scope, SealedValue, SealingKey};

/// RSA operations that suffice for three scopes, two places and ten keys. One with 4096 bits takes about 2 ms.
pub const DEFAULT_BUDGET: usize = 120;

/// Where a SealedSecret is, or could have been when it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Place {
    /// Namespace and name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// A key that opens nothing any more, and only helps to explain.
#[derive(Debug, Clone)]
pub struct RetiredKey {
    /// The private half.
    pub key: Arc<SealingKey>,
    /// What its label says: `compromised`, for instance.
    pub state: String,
}

/// A value that did not open, and what may be tried.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The value; one of an object's values is enough.
    pub value: &'a SealedValue,
    /// The scope that the object's annotations say.
    pub scope: Scope,
    /// Where the object is.
    pub place: &'a Place,
    /// Where `spec.template.metadata` says that it is: kubeseal writes there what it sealed for.
    pub template: Option<&'a Place>,
    /// Other places to try, the likeliest first. The answer names them, see the module's first words.
    pub others: &'a [Place],
    /// The keys that open, in the order in which they are tried.
    pub active: &'a [Arc<SealingKey>],
    /// Those that do not.
    pub retired: &'a [RetiredKey],
    /// How many RSA operations may be spent.
    pub budget: usize,
}

/// Why it does not open. Displays as what is wrong and what to do, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diagnosis {
    /// It opens: the key has come meanwhile.
    Opens {
        /// The key that fits.
        by: Fingerprint,
    },
    /// Right place, another scope.
    WrongScope {
        /// What the object says.
        says: Scope,
        /// What the value was sealed for.
        sealed: Scope,
        /// The key that fits.
        by: Fingerprint,
    },
    /// Sealed for another name in this namespace.
    WrongName {
        /// The name of the object.
        is: String,
        /// The name that fits.
        sealed: String,
        /// The key that fits.
        by: Fingerprint,
    },
    /// Sealed for another namespace.
    WrongNamespace {
        /// The namespace of the object.
        is: String,
        /// The place that fits.
        sealed: Place,
        /// The scope that fits; only with [`Scope::Strict`] does the name count.
        scope: Scope,
        /// The key that fits.
        by: Fingerprint,
    },
    /// A key fits that is not in use any more.
    RetiredKey {
        /// That key.
        by: Fingerprint,
        /// What its label says.
        state: String,
        /// Whether it also was sealed for another place or scope.
        elsewhere: bool,
    },
    /// The key and the label are right: the value itself was changed after sealing.
    Changed {
        /// The key that fits.
        by: Fingerprint,
    },
    /// Keys of this size are not among those here.
    WrongKeySize {
        /// What the value was sealed with, in bits.
        sealed: usize,
        /// The sizes of the keys here, in bits, each once.
        here: Vec<usize>,
    },
    /// Nothing that was tried fits.
    WrongKey {
        /// The keys that are here.
        here: Vec<Fingerprint>,
        /// Whether there was more to try than could be afforded.
        gave_up: bool,
    },
    /// There is no key at all.
    NoKeys,
}

impl Diagnosis {
    /// One word, for the reason of a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Opens { .. } => "KeyChanged",
            Self::WrongScope { .. } => "WrongScope",
            Self::WrongName { .. } => "WrongName",
            Self::WrongNamespace { .. } => "WrongNamespace",
            Self::RetiredKey { .. } => "RetiredKey",
            Self::Changed { .. } => "ValueChanged",
            Self::WrongKeySize { .. } | Self::WrongKey { .. } => "WrongKey",
            Self::NoKeys => "NoKeys",
        }
    }

    /// The key that would fit, if one does.
    pub fn fits(&self) -> Option<&Fingerprint> {
        match self {
            Self::Opens { by }
            | Self::WrongScope { by, .. }
            | Self::WrongName { by, .. }
            | Self::WrongNamespace { by, .. }
            | Self::RetiredKey { by, .. }
            | Self::Changed { by } => Some(by),
            Self::WrongKeySize { .. } | Self::WrongKey { .. } | Self::NoKeys => None,
        }
    }
}

/// Tries what there is to try, always in the same order: the likeliest mistakes first, each with the keys in use and then with
/// the retired ones.
pub fn diagnose(question: &Question<'_>) -> Diagnosis {
    let mut keys = question
        .active
        .iter()
        .chain(question.retired.iter().map(|retired| &retired.key))
        .peekable();
    if keys.peek().is_none() {
        return Diagnosis::NoKeys;
    }
    let keys: Vec<&SealingKey> = keys.map(Arc::as_ref).collect();
    if keys.iter().all(|key| key.modulus_bytes() != question.value.modulus_bytes()) {
        let mut here: Vec<usize> = keys.iter().map(|key| key.modulus_bytes() * 8).collect();
        here.sort_unstable();
        here.dedup();
        return Diagnosis::WrongKeySize { sealed: question.value.modulus_bytes() * 8, here };
    }
    let here = || question.active.iter().map(|key| key.fingerprint().clone()).collect();
    let mut left = question.budget;
    for candidates in candidates(question) {
        for keys in [Keys::Active, Keys::Retired] {
            for candidate in &candidates {
                match candidate.try_with(question, keys, &mut left) {
                    Tried::Fits(diagnosis) => return diagnosis,
                    Tried::DoesNot => {}
                    Tried::Exhausted => return Diagnosis::WrongKey { here: here(), gave_up: true },
                }
            }
        }
    }
    Diagnosis::WrongKey { here: here(), gave_up: false }
}

#[derive(Clone, Copy)]
enum Keys {
    Active,
    Retired,
}

/// A way in which the value could have been sealed.
struct Candidate<'a> {
    label: Label,
    scope: Scope,
    place: &'a Place,
}

enum Tried {
    Fits(Diagnosis),
    DoesNot,
    Exhausted,
}

/// What is tried in turn: what the object itself says, and then what the caller suggests. No label twice.
fn candidates<'a>(question: &Question<'a>) -> [Vec<Candidate<'a>>; 2] {
    let mut seen = std::collections::BTreeSet::new();
    let mut list = |places: &mut dyn Iterator<Item = (Scope, &'a Place)>| -> Vec<Candidate<'a>> {
        places
            // Without a name or namespace a label would be that of another scope.
            .filter(|(scope, place)| match scope {
                Scope::Strict => !place.namespace.is_empty() && !place.name.is_empty(),
                Scope::NamespaceWide => !place.namespace.is_empty(),
                Scope::ClusterWide => true,
            })
            .map(|(scope, place)| Candidate {
                label: scope.label(&place.namespace, &place.name),
                scope,
                place,
            })
            .filter(|candidate| seen.insert(candidate.label.clone()))
            .collect()
    };
    let own =
        std::iter::once(question.scope).chain(Scope::ALL).map(|scope| (scope, question.place));
    let template = question.template.into_iter().flat_map(|place| {
        std::iter::once(question.scope).chain(Scope::ALL).map(move |scope| (scope, place))
    });
    let first = list(&mut own.chain(template));
    let others = question
        .others
        .iter()
        .flat_map(|place| [(Scope::Strict, place), (Scope::NamespaceWide, place)]);
    [first, list(&mut others.into_iter())]
}

impl Candidate<'_> {
    fn try_with(&self, question: &Question<'_>, keys: Keys, left: &mut usize) -> Tried {
        let active = question.active.iter().map(|key| (key, None));
        let retired =
            question.retired.iter().map(|retired| (&retired.key, Some(retired.state.as_str())));
        let keys: Vec<_> = match keys {
            Keys::Active => active.collect(),
            Keys::Retired => retired.collect(),
        };
        for (key, retired) in keys {
            if key.modulus_bytes() != question.value.modulus_bytes() {
                continue;
            }
            let Some(rest) = left.checked_sub(1) else { return Tried::Exhausted };
            *left = rest;
            let by = key.fingerprint().clone();
            match SealingKey::attempt(key, question.value, &self.label) {
                Attempt::Opened(_) => return Tried::Fits(self.explain(question, by, retired)),
                Attempt::Changed => return Tried::Fits(Diagnosis::Changed { by }),
                Attempt::DoesNotFit => {}
            }
        }
        Tried::DoesNot
    }

    fn explain(
        &self,
        question: &Question<'_>,
        by: Fingerprint,
        retired: Option<&str>,
    ) -> Diagnosis {
        let own = question.scope.label(&question.place.namespace, &question.place.name);
        if let Some(state) = retired {
            return Diagnosis::RetiredKey {
                by,
                state: state.to_owned(),
                elsewhere: self.label != own,
            };
        }
        if self.label == own {
            return Diagnosis::Opens { by };
        }
        let same_namespace = self.place.namespace == question.place.namespace;
        if self.scope == Scope::ClusterWide
            || (same_namespace && self.scope == Scope::NamespaceWide)
        {
            return Diagnosis::WrongScope { says: question.scope, sealed: self.scope, by };
        }
        if !same_namespace {
            let is = question.place.namespace.clone();
            return Diagnosis::WrongNamespace {
                is,
                sealed: self.place.clone(),
                scope: self.scope,
                by,
            };
        }
        if self.place.name == question.place.name {
            return Diagnosis::WrongScope { says: question.scope, sealed: self.scope, by };
        }
        Diagnosis::WrongName {
            is: question.place.name.clone(),
            sealed: self.place.name.clone(),
            by,
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opens { by } => write!(f, "key {by} opens it now; it is tried again"),
            Self::WrongScope { says, sealed, by } => {
                write!(f, "it was sealed {sealed}, but the object says {says} (key {by} fits): ")?;
                match (says.annotation(), sealed.annotation()) {
                    (Some(old), Some(new)) => {
                        write!(
                            f,
                            "put the annotation {new}: \"true\" in the place of {old}, or seal it again"
                        )
                    }
                    (None, Some(annotation)) => write!(
                        f,
                        "annotate the object with {annotation}: \"true\", or seal it again"
                    ),
                    (Some(annotation), None) => {
                        write!(f, "remove the annotation {annotation}, or seal it again")
                    }
                    (None, None) => f.write_str("seal it again"),
                }
            }
            Self::WrongName { is, sealed, by } => write!(
                f,
                "it was sealed for the name {sealed:?}, but the object is called {is:?} (key {by} fits): rename it back, or seal it again"
            ),
            Self::WrongNamespace { is, sealed, scope: Scope::Strict, by } => write!(
                f,
                "it was sealed for \"{}/{}\", but the object is in the namespace {is:?} (key {by} fits): seal it again for this namespace",
                sealed.namespace, sealed.name
            ),
            Self::WrongNamespace { is, sealed, by, .. } => write!(
                f,
                "it was sealed for the namespace {:?}, but the object is in {is:?} (key {by} fits): seal it again for this namespace",
                sealed.namespace
            ),
            Self::RetiredKey { by, state, elsewhere } => {
                write!(f, "it was sealed with key {by}, which is retired (label value {state:?})")?;
                f.write_str(if *elsewhere {
                    ", and for another name, namespace or scope"
                } else {
                    ""
                })?;
                f.write_str(": seal it again with the current certificate")
            }
            Self::Changed { by } => {
                write!(
                    f,
                    "it was sealed with key {by}, but has been changed since: take it from the original, or seal it again"
                )
            }
            Self::WrongKeySize { sealed, here } => {
                let here: Vec<String> = here.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "it was sealed with an RSA-{sealed} key, and the keys here have {} bits: it was sealed with another cluster's \
                     certificate, or its key is missing; seal it again with this cluster's certificate",
                    here.join(", ")
                )
            }
            Self::WrongKey { here, gave_up } => {
                let limit = if *gave_up { " among the combinations that were tried" } else { "" };
                write!(
                    f,
                    "no key here fits, nor does another scope{limit}: it was sealed with another cluster's certificate, with a key \
                     that is missing here, or for another name or namespace (keys here: {}); seal it again with this cluster's certificate",
                    Named(here)
                )
            }
            Self::NoKeys => f.write_str(
                "there is no sealing key here: restore the keys from a backup, or seal it again",
            ),
        }
    }
}

/// The first fingerprints; an old installation has more than a message bears.
struct Named<'a>(&'a [Fingerprint]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        if self.0.is_empty() {
            return f.write_str("none in use");
        }
        for (position, key) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{key}", if position > 0 { ", " } else { "" })?;
        }
        match self.0.len().checked_sub(SHOWN) {
            Some(more @ 1..) => write!(f, " and {more} older"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "diagnosis_tests.rs"]
mod tests;

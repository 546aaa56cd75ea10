//! The binding: ties an envelope to the content and the identity of its document, in whatever order tools re-write it.
//!
//! It is the 32-byte nonce of the encrypted `mac`, so it adds no field that could be stripped, and any other nonce fails
//! GCM. Under keys derived from the data key:
//!
//! ```text
//! LP(x…)  each x as its length in 64 bits, big-endian, and its bytes
//! T       HMAC of LP("seal binding", flags, lastmodified, MAC, rule name, rule text, mac_only_encrypted, identity,
//!         leaves sorted…), 22 bytes
//! M       HMAC of flags and T, 8 bytes: tells a binding from a random nonce
//! nonce   M, flags, T
//! ```
//!
//! The nonce is a function of everything that is encrypted under it, so it never repeats for another MAC.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Rule;
use crate::cipher::ValueType;
use crate::document::PathElement;
use crate::secret::DataKey;

/// What a binding ties besides the leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// Group, kind and type of a Kubernetes document.
    pub kubernetes: bool,
    /// Its name. Needs `kubernetes`.
    pub name: bool,
    /// Its namespace. Needs `kubernetes`.
    pub namespace: bool,
}

/// What a Kubernetes document says about itself; empty for other files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// API group, empty for the core group.
    pub group: &'a str,
    /// `kind`
    pub kind: &'a str,
    /// `type` of a Secret; empty means `Opaque`, as for Kubernetes.
    pub type_: &'a str,
    /// `metadata.name`
    pub name: Option<&'a str>,
    /// `metadata.namespace`
    pub namespace: Option<&'a str>,
}

/// All that a binding ties to its envelope.
#[derive(Clone)]
pub struct Statement<'a> {
    /// Which parts of the identity count.
    pub flags: Flags,
    /// The date as it authenticates the MAC, see [`aad_of_last_modified`](super::mac::aad_of_last_modified).
    pub last_modified: &'a str,
    /// The MAC that the envelope carries, in clear.
    pub mac_hex: &'a str,
    /// The selection rule of the envelope.
    pub rule: Option<&'a Rule>,
    /// The setting of the envelope.
    pub mac_only_encrypted: bool,
    /// What the document says about itself.
    pub identity: Identity<'a>,
    /// Made by [`leaf`], in any order.
    pub leaves: Vec<Zeroizing<Vec<u8>>>,
}

/// What the nonce of a MAC turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// A binding; [`BindingKeys::verify`] decides.
    Bound(Flags),
    /// A binding of a version that we do not know: refuse.
    UnknownVersion(u8),
    /// A binding of our version with flags that we do not know: refuse.
    UnknownFlags(u8),
    /// No binding under this data key: SOPS wrote or re-wrote the envelope.
    Unbound,
}

/// The flags bind what the document does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// No name, or no Kubernetes document.
    #[error("a binding to the name needs a Kubernetes document with a name")]
    NameAbsent,
    /// No namespace, or no Kubernetes document.
    #[error("a binding to the namespace needs a Kubernetes document with a namespace")]
    NamespaceAbsent,
}

/// Returns a leaf for [`Statement::leaves`].
///
/// `path` is relative to the document, or to the item of a `List`; `value` is the canonical form
/// ([`Value::canonical`](crate::document::Value::canonical)) and `value_type` its type, `None` for null. Comments and
/// empty collections are no leaves.
pub fn leaf(
    path: &[PathElement],
    encrypted: bool,
    value_type: Option<ValueType>,
    value: &[u8],
) -> Zeroizing<Vec<u8>> {
    let length = path_length(path);
    let state: &[u8] = if encrypted { b"E" } else { b"C" };
    let value_type = value_type.map_or("null", ValueType::as_str).as_bytes();
    let parts = [length, state.len(), value_type.len(), value.len()];
    // The exact capacity: a buffer that grows leaves copies of the secret behind.
    let mut leaf = Zeroizing::new(Vec::with_capacity(parts.map(prefixed_length).iter().sum()));
    push_length(&mut leaf, length);
    for element in path {
        push_length(&mut leaf, element_length(element));
        match element {
            PathElement::Key(key) => {
                leaf.push(b'K');
                leaf.extend_from_slice(key.as_bytes());
            }
            PathElement::Index(index) => {
                leaf.push(b'I');
                leaf.extend_from_slice(&(*index as u64).to_be_bytes());
            }
        }
    }
    for part in [state, value_type, value] {
        push_length(&mut leaf, part.len());
        leaf.extend_from_slice(part);
    }
    leaf
}

/// How much of a [`leaf`] its path makes up.
pub(crate) fn path_length(path: &[PathElement]) -> usize {
    path.iter().map(|element| prefixed_length(element_length(element))).sum()
}

/// The keys that a data key gives for bindings.
pub struct BindingKeys {
    binding: Zeroizing<[u8; 32]>,
    marker: Zeroizing<[u8; 32]>,
}

impl BindingKeys {
    /// Derives them.
    pub fn new(data_key: &DataKey) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, data_key.expose());
        let derive = |info: &str| {
            let mut key = Zeroizing::new([0; 32]);
            hkdf.expand(info.as_bytes(), key.as_mut())
                .expect("32 bytes are far below HKDF's limit of 8160");
            key
        };
        Self { binding: derive("seal.dev/v1/binding"), marker: derive("seal.dev/v1/marker") }
    }

    /// Returns the nonce to encrypt the MAC of an envelope with.
    ///
    /// # Errors
    ///
    /// Where the flags bind a name or namespace that the document does not have.
    pub fn iv(&self, statement: &Statement<'_>) -> Result<[u8; IV], BindingError> {
        statement.check()?;
        let mut hmac = keyed(&self.binding);
        statement.feed(&mut hmac);
        let tie = hmac.finalize().into_bytes();
        let mut iv = [0; IV];
        iv[MARKER..FLAGS_END].copy_from_slice(&statement.flags.to_bytes());
        iv[FLAGS_END..].copy_from_slice(&tie[..IV - FLAGS_END]);
        let marker = self.marker_of(&iv);
        iv[..MARKER].copy_from_slice(&marker);
        Ok(iv)
    }

    /// Tells whether the nonce of a MAC is a binding under this data key.
    pub fn recognise(&self, iv: &[u8]) -> Recognised {
        let Ok(iv) = <&[u8; IV]>::try_from(iv) else {
            return Recognised::Unbound;
        };
        if !bool::from(self.marker_of(iv).ct_eq(&iv[..MARKER])) {
            return Recognised::Unbound;
        }
        match (iv[MARKER], Flags::from_bits(iv[MARKER + 1])) {
            (VERSION, Some(flags)) => Recognised::Bound(flags),
            (VERSION, None) => Recognised::UnknownFlags(iv[MARKER + 1]),
            (version, _) => Recognised::UnknownVersion(version),
        }
    }

    /// True if the nonce binds exactly this. The statement carries the flags that [`BindingKeys::recognise`] found; a
    /// bound name or namespace that the document lacks never fits.
    pub fn verify(&self, iv: &[u8], statement: &Statement<'_>) -> bool {
        self.iv(statement).is_ok_and(|expected| expected.ct_eq(iv).into())
    }

    /// M of the construction, over all that follows it.
    fn marker_of(&self, iv: &[u8; IV]) -> [u8; MARKER] {
        let mut hmac = keyed(&self.marker);
        hmac.update(&iv[MARKER..]);
        let mut marker = [0; MARKER];
        marker.copy_from_slice(&hmac.finalize().into_bytes()[..MARKER]);
        marker
    }
}

impl std::fmt::Debug for BindingKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BindingKeys(<redacted>)")
    }
}

impl std::fmt::Debug for Statement<'_> {
    // Leaves are secrets, and a guess at them can be tried on the MAC.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Statement({:?}, {:?}, <redacted>)", self.flags, self.identity)
    }
}

const VERSION: u8 = 1;
const IV: usize = 32;
const MARKER: usize = 8;
const FLAGS_END: usize = MARKER + 2;

impl Flags {
    const KUBERNETES: u8 = 1;
    const NAME: u8 = 2;
    const NAMESPACE: u8 = 4;

    fn to_bytes(self) -> [u8; 2] {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let bits = bit(self.kubernetes, Self::KUBERNETES)
            | bit(self.name, Self::NAME)
            | bit(self.namespace, Self::NAMESPACE);
        [VERSION, bits]
    }

    /// `None` for bits without meaning, or without `kubernetes`.
    fn from_bits(bits: u8) -> Option<Self> {
        let set = |bit: u8| bits & bit != 0;
        let flags = Self {
            kubernetes: set(Self::KUBERNETES),
            name: set(Self::NAME),
            namespace: set(Self::NAMESPACE),
        };
        let sound = flags.kubernetes || !(flags.name || flags.namespace);
        (sound && flags.to_bytes() == [VERSION, bits]).then_some(flags)
    }
}

impl Statement<'_> {
    fn check(&self) -> Result<(), BindingError> {
        let Self { flags, identity, .. } = self;
        if flags.name && !(flags.kubernetes && identity.name.is_some()) {
            return Err(BindingError::NameAbsent);
        }
        if flags.namespace && !(flags.kubernetes && identity.namespace.is_some()) {
            return Err(BindingError::NamespaceAbsent);
        }
        Ok(())
    }

    /// LP of identity: what is not bound is empty.
    fn identity(&self) -> Vec<u8> {
        let Self { flags, identity, .. } = self;
        let type_ = if identity.type_.is_empty() { "Opaque" } else { identity.type_ };
        let bound = |bound: bool, text: Option<&str>| match text {
            Some(text) if bound => text.as_bytes().to_vec(),
            _ => Vec::new(),
        };
        let parts = [
            bound(flags.kubernetes, Some(identity.group)),
            bound(flags.kubernetes, Some(identity.kind)),
            bound(flags.kubernetes, Some(type_)),
            bound(flags.name, identity.name),
            bound(flags.namespace, identity.namespace),
        ];
        let mut identity = Vec::new();
        for part in parts {
            push_length(&mut identity, part.len());
            identity.extend_from_slice(&part);
        }
        identity
    }

    /// Feeds the input of T.
    fn feed(&self, hmac: &mut Hmac<Sha256>) {
        let (rule_name, rule_text) =
            self.rule.map_or(("", ""), |rule| (rule.kind.name(), rule.text.as_str()));
        let head: [&[u8]; 8] = [
            b"seal binding",
            &self.flags.to_bytes(),
            self.last_modified.as_bytes(),
            self.mac_hex.as_bytes(),
            rule_name.as_bytes(),
            rule_text.as_bytes(),
            if self.mac_only_encrypted { b"true" } else { b"false" },
            &self.identity(),
        ];
        let mut leaves: Vec<&[u8]> = self.leaves.iter().map(|leaf| leaf.as_slice()).collect();
        leaves.sort_unstable();
        for part in head.into_iter().chain(leaves) {
            hmac.update(&(part.len() as u64).to_be_bytes());
            hmac.update(part);
        }
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&(length as u64).to_be_bytes());
}

fn prefixed_length(length: usize) -> usize {
    8 + length
}

fn element_length(element: &PathElement) -> usize {
    1 + match element {
        PathElement::Key(key) => key.len(),
        PathElement::Index(_) => 8,
    }
}

#[cfg(test)]
mod tests;

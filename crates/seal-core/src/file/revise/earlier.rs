//! One envelope of the earlier version, and what it encrypts.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::super::Member;
use super::super::encrypt::{Scope, settings};
use super::super::error::FileError;
use super::super::seal::covered;
use super::super::selectors::Selectors;
use super::super::write_back::Envelope;
use super::ReviseOptions;
use super::known::Known;
use super::opened::OpenPiece;
use crate::cipher::Cipher;
use crate::document::{NodeId, Stream};
use crate::envelope::binding::{BindingKeys, Flags, Recognised};
use crate::envelope::{Metadata, Rule};
use crate::format::Format;
use crate::kubernetes::{AsWritten, Object};
use crate::secret::DataKey;

/// One envelope of the earlier version.
pub(crate) struct Earlier {
    pub(super) metadata: Arc<Metadata>,
    pub(super) data_key: DataKey,
    pub(super) known: Known,
    /// What is bound, and how far that goes by the look of it.
    pub(super) bound: Option<(Flags, Scope)>,
    /// The nonce and the hash of its MAC.
    pub(super) iv: Vec<u8>,
    pub(super) mac_hex: Zeroizing<String>,
    /// What the MAC would be of the plaintext in its present order.
    pub(super) shown_mac: Zeroizing<String>,
    pub(super) is_unverified: bool,
}

impl Earlier {
    /// The rule that selects, which the envelope need not name.
    pub(crate) fn rule(&self) -> Rule {
        self.metadata.rule.clone().unwrap_or_else(Rule::implied)
    }
}

/// An envelope, or its part in one piece.
pub(super) struct Found<'o, 'p, 's> {
    /// Of the piece.
    pub(super) number: usize,
    pub(super) envelope: &'o Envelope<'p, 's>,
    pub(super) open: &'o OpenPiece<'p, 's>,
    /// The piece, decrypted and read.
    pub(super) stream: &'o Stream<'o>,
    /// The objects of each of its documents.
    pub(super) objects: &'o [Vec<NodeId>],
}

/// Reads envelopes.
pub(super) struct Reader<'a> {
    format: Format,
    options: &'a ReviseOptions<'a>,
    selectors: Selectors,
}

impl<'a> Reader<'a> {
    pub(super) fn new(format: Format, options: &'a ReviseOptions<'a>) -> Self {
        Self { format, options, selectors: Selectors::default() }
    }

    /// Notes what an envelope, of which `found` are the parts, encrypts.
    pub(super) fn earlier(&self, found: &[Found<'_, '_, '_>]) -> Result<Earlier, FileError> {
        let first = found[0].envelope;
        let metadata = Arc::clone(&first.metadata);
        let rule = metadata.rule.clone().unwrap_or_else(Rule::implied);
        let selector = self.selectors.compiled(&rule).map_err(settings)?;
        let mut encrypted = Vec::new();
        let mut shown = Vec::new();
        for found in found {
            let envelope = found.envelope;
            for (member, plain) in envelope.members.iter().zip(&envelope.opened.plain) {
                encrypted.push((*member, plain));
                shown.push(decrypted(*member, found));
            }
        }
        let cover = covered(self.format, &shown, &selector, metadata.mac_only_encrypted)?;
        let cipher = Cipher::new(&first.data_key);
        let mut known = Known::default();
        for (which, (encrypted, shown)) in encrypted.into_iter().zip(cover.members).enumerate() {
            known.note(which, encrypted, shown, &cipher);
        }
        known.finish();
        let bound = self.bound(first).map(|flags| {
            let object = Object::read(&AsWritten, shown[0].document(), shown[0].object);
            (flags, self.scope(flags, object.as_ref()))
        });
        Ok(Earlier {
            metadata,
            data_key: first.data_key.clone(),
            known,
            bound,
            iv: first.opened.iv.clone(),
            mac_hex: first.opened.mac_hex.clone(),
            shown_mac: cover.mac_hex,
            is_unverified: first.opened.unverified.is_some(),
        })
    }

    /// What the envelope says it binds, also where that did not have to hold.
    fn bound(&self, envelope: &Envelope<'_, '_>) -> Option<Flags> {
        let keys = BindingKeys::new(&envelope.data_key);
        match keys.recognise(&envelope.opened.iv) {
            Recognised::Bound(flags) => Some(flags),
            _ => None,
        }
    }

    /// The scope that gave these flags. Where the object had neither name nor namespace, nobody can tell.
    fn scope(&self, flags: Flags, object: Option<&Object<'_>>) -> Scope {
        let (name, namespace) = (
            object.is_some_and(|object| object.name.is_some()),
            object.is_some_and(|object| object.namespace.is_some()),
        );
        match (flags.name, flags.namespace) {
            (true, _) => Scope::Name,
            (false, true) if name => Scope::Namespace,
            (false, true) => Scope::Name,
            (false, false) if name || namespace => Scope::None,
            (false, false) => self.options.scope,
        }
    }
}

/// The same member in the decrypted text.
pub(super) fn decrypted<'o>(member: Member<'_, '_>, found: &Found<'o, '_, '_>) -> Member<'o, 'o> {
    let documents = &found.stream.documents;
    let tree = &documents[member.document];
    let object = match member.object == member.document().root() {
        true => tree.root(),
        false => {
            let objects = &found.objects[member.document];
            objects.get(member.place).copied().unwrap_or(tree.root())
        }
    };
    let (source, document, place) = (found.open.shown(), member.document, member.place);
    Member { before: &[], source, documents, document, object, place }
}

//! One envelope of the earlier version over changed members: kept, or made again.

use subtle::ConstantTimeEq;

use super::super::Member;
use super::super::error::FileError;
use super::super::run::Run;
use super::super::seal::{
    Covered, Sealed, Sealing, block, covered, flags, of_secrets, seal, statement,
};
use super::earlier::Earlier;
use super::version::Version;
use crate::cipher::ValueType;
use crate::document::Edit;
use crate::envelope::Metadata;
use crate::envelope::binding::BindingKeys;
use crate::envelope::metadata::{SOPS_VERSION, is_newer};
use crate::kubernetes::{AsWritten, Object};
use crate::secret::DataKey;
use crate::select::Selector;

/// What becomes of an envelope.
pub(crate) struct Revised {
    pub(crate) sealed: Sealed,
    pub(crate) data_key: DataKey,
    /// It says what it said before.
    pub(crate) is_kept: bool,
}

/// Encrypts members of which `which` says which of the earlier ones each is.
pub(crate) fn revised(
    run: &Run<'_>,
    version: &Version<'_>,
    earlier: &Earlier,
    (members, which): (&[Member<'_, '_>], &[Option<usize>]),
) -> Result<Revised, FileError> {
    let selector = run.selector(&earlier.rule())?;
    let mac_only = earlier.metadata.mac_only_encrypted;
    let mut covered = covered(run.format, members, &selector, mac_only)?;
    let tie = version.tie(earlier);
    if version.renews(earlier) {
        let sealing = run.sealing(earlier.metadata.rule.clone(), mac_only, tie)?;
        let sealed = seal(&sealing, &selector, covered)?;
        return Ok(Revised { sealed, data_key: sealing.data_key.clone(), is_kept: false });
    }
    let data_key = earlier.data_key.clone();
    earlier.known.assign(&mut covered.members, which);
    if still_holds(earlier, version, &selector, &covered)? {
        let sealed = kept(run, &earlier.metadata, &covered)?;
        return Ok(Revised { sealed, data_key, is_kept: true });
    }
    let envelope = Metadata {
        last_modified: run.options.last_modified.clone(),
        mac: String::new(),
        version: newer(&earlier.metadata.version),
        ..(*earlier.metadata).clone()
    };
    let (format, keys, indent) = (run.format, run.keys, &run.options.indent);
    let sealing = Sealing { format, keys, data_key: &data_key, envelope, tie, indent };
    let sealed = seal(&sealing, &selector, covered)?;
    Ok(Revised { sealed, data_key, is_kept: false })
}

/// Whether the envelope holds for the new text as it stands: all that it encrypts, and all that its MAC and its binding
/// cover, is as it was.
fn still_holds(
    earlier: &Earlier,
    version: &Version<'_>,
    selector: &Selector,
    covered: &Covered<'_, '_>,
) -> Result<bool, FileError> {
    let mut secrets = covered.members.iter().flat_map(|(_, secrets)| secrets);
    let same_mac = covered.mac_hex.as_bytes().ct_eq(earlier.shown_mac.as_bytes());
    if earlier.is_unverified || secrets.any(|secret| secret.enc.is_none()) || !bool::from(same_mac)
    {
        return Ok(false);
    }
    let (Some((wanted, scope)), [(member, secrets)]) = (earlier.bound, covered.members.as_slice())
    else {
        return Ok(earlier.bound.is_none());
    };
    let namespace = version.namespace().filter(|_| wanted.namespace);
    let object = Object::read(&AsWritten, member.document(), member.object);
    let now = flags(scope, object.as_ref(), namespace);
    let plain = of_secrets(*member, secrets);
    let metadata = &earlier.metadata;
    let mac_hex = &earlier.mac_hex;
    let statement = statement(*member, metadata, selector, (now, namespace), mac_hex, &plain)?;
    let keys = BindingKeys::new(&earlier.data_key);
    Ok(now == wanted && keys.verify(&earlier.iv, &statement))
}

/// The ENC texts and the block as they were.
fn kept(
    run: &Run<'_>,
    metadata: &Metadata,
    covered: &Covered<'_, '_>,
) -> Result<Sealed, FileError> {
    let mut sealed = Sealed { edits: Vec::new(), values: 0, comments: 0, fresh: 0 };
    let fields = metadata.fields();
    for (member, secrets) in &covered.members {
        let mut edits: Vec<Edit> = Vec::with_capacity(secrets.len() + 1);
        for secret in secrets {
            let Some(enc) = &secret.enc else { continue };
            let edit = run.format.encrypted(member.source, member.document(), secret.node, enc);
            edits.extend(
                edit.map_err(|error| member.at(FileError::input(error.problem), secret.node))?,
            );
            match secret.value_type {
                ValueType::Comment => sealed.comments += 1,
                _ => sealed.values += 1,
            }
        }
        edits.push(block(run.format, *member, &fields, &run.options.indent));
        sealed.edits.push(edits);
    }
    Ok(sealed)
}

/// An envelope says whose behaviour its last writer follows, and never an older one than before.
fn newer(version: &str) -> String {
    if is_newer(version, SOPS_VERSION) { version.to_owned() } else { SOPS_VERSION.to_owned() }
}

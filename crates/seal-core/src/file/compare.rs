//! Two readings of a document hold the same values.

use super::{FileError, Member, leaves};
use crate::cipher::ValueType;
use crate::document::{Content, NodeId, Value};
use std::collections::HashMap;

use super::open::Plain;

/// The leaves of an object as they matter to whoever reads it: additional data (the keys above), type, value.
pub(crate) fn values(
    member: Member<'_, '_>,
    plain: Option<&HashMap<NodeId, Plain>>,
) -> Result<Vec<Compared>, FileError> {
    let mut out = Vec::new();
    leaves::visit(member.documents, member.document, member.object, &mut |leaf| {
        let behind_alias = leaf.key_text.is_some();
        let decrypted = plain.filter(|_| !behind_alias).and_then(|plain| plain.get(&leaf.origin));
        let (value, is_list_comment) = match (decrypted, &leaf.node.content) {
            (_, Content::Comment(_)) => return Ok(()),
            (Some(plain), Content::Scalar(scalar)) => {
                let comment = matches!(&scalar.value, Value::String(text)
                    if crate::cipher::EncText::parse(text)
                        .is_ok_and(|enc| enc.value_type() == ValueType::Comment));
                (&plain.value, comment)
            }
            (_, Content::Scalar(scalar)) => (&scalar.value, false),
            _ => return Ok(()),
        };
        if !is_list_comment {
            out.push(Compared {
                aad: leaf.aad.to_owned(),
                number: matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_)),
                value_type: value.value_type(),
                value: value.canonical(),
                node: leaf.origin,
            });
        }
        Ok(())
    })?;
    Ok(out)
}

/// One leaf in a comparison.
pub(crate) struct Compared {
    aad: String,
    /// SOPS writes whole floats as integers, so numbers are compared by value.
    number: bool,
    value_type: Option<ValueType>,
    value: zeroize::Zeroizing<Vec<u8>>,
    pub(crate) node: NodeId,
}

impl PartialEq for Compared {
    fn eq(&self, other: &Self) -> bool {
        self.aad == other.aad
            && (self.value_type == other.value_type || (self.number && other.number))
            && self.value == other.value
    }
}

/// Index of the first leaf that differs; `None` where all are the same.
pub(crate) fn first_difference(one: &[Compared], other: &[Compared]) -> Option<usize> {
    let differs = one.iter().zip(other).position(|(one, other)| one != other);
    differs.or_else(|| (one.len() != other.len()).then_some(one.len().min(other.len())))
}

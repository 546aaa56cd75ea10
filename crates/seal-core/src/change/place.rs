//! Where in a document a change takes place.

use super::{ChangeError, MAX_STEPS, NewValue, Target};
use crate::document::{
    Content, Document, LookupError, NodeId, Path, PathElement, Scalar, Stream, Value,
};

/// Where a value goes.
#[derive(Debug)]
pub(super) enum Place {
    /// In the place of this one.
    At(NodeId),
    /// Behind the last member of this collection, with this key if it is a mapping.
    In { container: NodeId, key: Option<Box<str>> },
}

/// The place of a value, and the value with what is missing of the path around it.
pub(super) fn to_set(
    stream: &Stream<'_>,
    target: &Target<'_>,
    value: &NewValue,
) -> Result<(Place, NewValue), ChangeError> {
    let document = checked(stream, target)?;
    let steps = &target.path.0;
    let mut at = document.root();
    for (done, step) in steps.iter().enumerate() {
        let error = match document.lookup_from(at, &Path(vec![step.clone()])) {
            Ok(next) => {
                at = next;
                continue;
            }
            Err(error) => error,
        };
        let rest = &steps[done + 1..];
        let appends = match &error {
            LookupError::NoIndex { index, length, .. } => target.as_sops || index == length,
            LookupError::NotAMapping { .. } => *step == PathElement::Key("-".into()),
            _ => false,
        };
        let key = match (&error, step) {
            (LookupError::NoKey { .. }, PathElement::Key(key)) => Some(key.clone()),
            _ if appends => None,
            // Nothing is lost with a null; SOPS gives up any value for what the path needs.
            (LookupError::BelowAValue { .. }, _) if target.as_sops || is_null(document, at) => {
                return Ok((Place::At(at), value.clone().below(made(&steps[done..], target)?)));
            }
            (LookupError::BelowAnAlias { .. }, _) => return Err(alias(document, at)),
            _ => return Err(error.into()),
        };
        let value = value.clone().below(made(rest, target)?);
        let is_empty = document
            .children(at)
            .all(|id| matches!(document.node(id).content, Content::Comment(_)));
        return Ok(match (is_empty, key) {
            (false, key) => (Place::In { container: at, key }, value),
            // As if it were not there yet: brackets around nothing show no layout.
            (true, Some(key)) => (Place::At(at), NewValue::Map(vec![(key.into(), value)])),
            (true, None) => (Place::At(at), NewValue::List(vec![value])),
        });
    }
    match document.node(at).content {
        Content::Alias { .. } => Err(alias(document, at)),
        _ => Ok((Place::At(at), value.clone())),
    }
}

/// The value with the whole path around it, for a text without documents.
pub(super) fn alone(target: &Target<'_>, value: &NewValue) -> Result<NewValue, ChangeError> {
    check_steps(target)?;
    Ok(value.clone().below(made(&target.path.0, target)?))
}

/// The node to take out.
pub(super) fn to_unset(stream: &Stream<'_>, target: &Target<'_>) -> Result<NodeId, ChangeError> {
    let document = checked(stream, target)?;
    let mut at = document.root();
    for step in &target.path.0 {
        at = match document.lookup_from(at, &Path(vec![step.clone()])) {
            Err(LookupError::BelowAnAlias { .. }) => return Err(alias(document, at)),
            found => found?,
        };
    }
    Ok(at)
}

/// Refuses a change that an alias would carry to another place: of a node that is repeated, or in one. `whole` tells
/// that what is below the node goes with it.
pub(super) fn check_aliases(
    stream: &Stream<'_>,
    document: usize,
    node: NodeId,
    whole: bool,
) -> Result<(), ChangeError> {
    let tree = &stream.documents[document];
    let end = if whole { tree.node(node).end } else { NodeId(node.0 + 1) };
    let of_document = stream.documents.iter().enumerate();
    let aliases = of_document.flat_map(|(index, other)| {
        let ids = (0..other.nodes.len() as u32).map(NodeId);
        ids.map(move |id| (index, id, &other.node(id).content))
    });
    for (index, id, content) in aliases {
        let Content::Alias { document: of, node: target, .. } = content else { continue };
        // What goes as a whole may repeat itself.
        let goes_too = whole && index == document && (node..end).contains(&id);
        if *of != document || goes_too {
            continue;
        }
        let is_in = (node..end).contains(target);
        let is_above = (*target..tree.node(*target).end).contains(&node);
        if is_in || is_above {
            return Err(ChangeError::Aliased { path: tree.path(*target), is_alias: false });
        }
    }
    Ok(())
}

fn checked<'d, 's>(
    stream: &'d Stream<'s>,
    target: &Target<'_>,
) -> Result<&'d Document<'s>, ChangeError> {
    check_steps(target)?;
    stream.documents.get(target.document).ok_or(ChangeError::NoDocument {
        index: target.document,
        documents: stream.documents.len(),
    })
}

fn check_steps(target: &Target<'_>) -> Result<(), ChangeError> {
    let steps = target.path.0.len();
    if steps == 0 || steps > MAX_STEPS {
        return Err(ChangeError::Steps { steps });
    }
    if target.path.0[0] == PathElement::Key("sops".into()) {
        return Err(ChangeError::Envelope);
    }
    Ok(())
}

/// Steps that nothing stands at yet. A list begins with its first item.
fn made<'p>(
    steps: &'p [PathElement],
    target: &Target<'_>,
) -> Result<&'p [PathElement], ChangeError> {
    let done = target.path.0.len() - steps.len();
    for (at, step) in steps.iter().enumerate() {
        if let PathElement::Index(index @ 1..) = step
            && !target.as_sops
        {
            let parent = Path(target.path.0[..done + at].to_vec());
            return Err(LookupError::NoIndex { parent, index: *index, length: 0 }.into());
        }
    }
    Ok(steps)
}

fn is_null(document: &Document<'_>, node: NodeId) -> bool {
    matches!(&document.node(node).content, Content::Scalar(Scalar { value: Value::Null, .. }))
}

fn alias(document: &Document<'_>, node: NodeId) -> ChangeError {
    ChangeError::Aliased { path: document.path(node), is_alias: true }
}

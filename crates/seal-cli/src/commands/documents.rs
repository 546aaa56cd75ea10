//! Which document of a stream is meant.

use seal_core::document::{Content, NodeId, Path, Scalar, Stream, Value};
use seal_core::kubernetes;

use crate::args::DocumentChoice;
use crate::error::CommandError;
use crate::reason::Reason;
use crate::ui::escape;

/// Index of the document, and the node in it.
pub(super) type Found = (usize, NodeId);

/// Reads a path as it was typed.
///
/// # Errors
/// It is none.
pub(super) fn path(typed: &str) -> Result<Path, CommandError> {
    Path::parse(typed).map_err(|error| {
        CommandError::usage(format!("the path cannot be read: {error}"))
            .because(Reason::BadPath)
            .hint("write it like `[\"stringData\"][\"password\"]` or `stringData/password`")
    })
}

/// The objects that the choice means; without one, all documents.
pub(super) fn chosen(stream: &Stream<'_>, choice: Option<&DocumentChoice>) -> Vec<Found> {
    let all = stream.documents.iter().enumerate();
    match choice {
        Some(DocumentChoice::Index(wanted)) => all
            .filter(|(index, _)| index == wanted)
            .map(|(index, document)| (index, document.root()))
            .collect(),
        Some(DocumentChoice::Named { kind, namespace, name }) => all
            .flat_map(|(index, document)| {
                let is_meant = |object: &kubernetes::Named<'_>| {
                    object.kind.eq_ignore_ascii_case(kind)
                        && object.name == Some(name)
                        && (namespace.is_none() || object.namespace == namespace.as_deref())
                };
                let objects = kubernetes::named(document).into_iter().filter(is_meant);
                objects.map(move |object| (index, object.mapping))
            })
            .collect(),
        None => all.map(|(index, document)| (index, document.root())).collect(),
    }
}

/// The value at a path, in the one document that has it.
///
/// # Errors
/// There is no such document or no such value, or several documents have it.
pub(super) fn value_at(
    stream: &Stream<'_>,
    choice: Option<&DocumentChoice>,
    path: &Path,
) -> Result<Found, CommandError> {
    let chosen = existing(stream, choice)?;
    let mut found = Vec::new();
    let mut first_error = None;
    for (document, top) in &chosen {
        match stream.documents[*document].lookup_from(*top, path) {
            Ok(node) => found.push((*document, node)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match (found.as_slice(), first_error) {
        ([one], _) => Ok(*one),
        ([], Some(error)) if chosen.len() == 1 => Err(no_value(error.to_string(), path)),
        ([], _) => {
            let there = there_is(stream);
            Err(no_value(format!("no document of this file has {path}{there}"), path))
        }
        (several, _) => Err(ambiguous(stream, choice, several, &format!("have {path}"))),
    }
}

/// The one document that a new value at a path goes to: the one that has a value there already, else the only one.
///
/// # Errors
/// There is no such document, or there are several.
pub(super) fn place_of(
    stream: &Stream<'_>,
    choice: Option<&DocumentChoice>,
    path: &Path,
) -> Result<Found, CommandError> {
    if stream.documents.is_empty() && matches!(choice, None | Some(DocumentChoice::Index(0))) {
        return Ok((0, NodeId::ROOT));
    }
    let chosen = existing(stream, choice)?;
    let has_value = |found: &Found| stream.documents[found.0].lookup_from(found.1, path).is_ok();
    let having: Vec<Found> = chosen.iter().copied().filter(has_value).collect();
    let full: Vec<Found> =
        chosen.iter().copied().filter(|found| !is_empty(stream, *found)).collect();
    match (&having[..], &full[..], &chosen[..]) {
        ([one], _, _) | ([], [one], _) | ([], [], [one, ..]) => Ok(*one),
        ([], several, _) => Err(ambiguous(stream, choice, several, "could be meant")),
        (several, ..) => Err(ambiguous(stream, choice, several, &format!("have {path}"))),
    }
}

/// Whether a list on the way to a node has comments in it: whoever counts them has other indices.
pub(super) fn has_comments_beside(stream: &Stream<'_>, (document, node): Found) -> bool {
    let document = &stream.documents[document];
    let lists = std::iter::successors(document.node(node).parent, |id| document.node(*id).parent);
    lists.filter(|id| matches!(document.node(*id).content, Content::Sequence { .. })).any(|list| {
        document
            .children(list)
            .any(|child| matches!(document.node(child).content, Content::Comment(_)))
    })
}

fn existing(
    stream: &Stream<'_>,
    choice: Option<&DocumentChoice>,
) -> Result<Vec<Found>, CommandError> {
    let chosen = chosen(stream, choice);
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let error = CommandError::failed(match choice {
        Some(DocumentChoice::Index(index)) => {
            format!("there is no document {index}: the file has {}", stream.documents.len())
        }
        Some(DocumentChoice::Named { kind, namespace, name }) => {
            let namespace =
                namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
            let there = there_is(stream);
            format!("there is no {kind}/{namespace}{name} in this file{there}")
        }
        None => "the file holds no document".to_owned(),
    });
    Err(error.because(Reason::NotFound))
}

/// The error for a path at which nothing stands.
pub(super) fn no_value(message: String, path: &Path) -> CommandError {
    let error = CommandError::failed(message).because(Reason::NoValue);
    match with_slashes(path) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error,
    }
}

fn ambiguous(
    stream: &Stream<'_>,
    choice: Option<&DocumentChoice>,
    several: &[Found],
    what: &str,
) -> CommandError {
    let names = several.iter().map(|found| name_of(stream, *found));
    let message =
        format!("{} documents of this file {what}: {}", several.len(), first_of(names.collect()));
    let named = match choice {
        Some(DocumentChoice::Named { .. }) => "KIND/NAMESPACE/NAME",
        _ => "KIND/NAME",
    };
    CommandError::usage(message)
        .because(Reason::NotFound)
        .hint(format!("say which with `--document {named}` or `--document INDEX`"))
}

/// `Secret/shop/db`, or the number of a document that has no name.
fn name_of(stream: &Stream<'_>, (document, node): Found) -> String {
    let tree = &stream.documents[document];
    let mut objects = kubernetes::named(tree).into_iter();
    let around = |object: &kubernetes::Named<'_>| {
        (object.mapping..tree.node(object.mapping).end).contains(&node)
    };
    match objects.rfind(around) {
        Some(object) => full_name(&object),
        None => format!("document {document}"),
    }
}

fn full_name(object: &kubernetes::Named<'_>) -> String {
    let namespace = object.namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
    let name = object.name.unwrap_or_default();
    escape(&format!("{}/{namespace}{name}", object.kind)).into_owned()
}

/// The first few of many names.
fn first_of(names: Vec<String>) -> String {
    const NAMED: usize = 10;
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}

/// A path as other tools write it, `a.b`, in our spelling.
fn with_slashes(path: &Path) -> Option<String> {
    let [seal_core::document::PathElement::Key(key)] = &path.0[..] else { return None };
    let dotted = key.contains('.') && !key.contains(['/', '[']);
    dotted.then(|| key.trim_start_matches('.').replace('.', "/"))
}

/// The objects of a stream, for a message that names what there is: `; it has Secret/db, Secret/api`.
fn there_is(stream: &Stream<'_>) -> String {
    let objects = stream.documents.iter().flat_map(kubernetes::named);
    let names: Vec<_> = objects.map(|object| full_name(&object)).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("; it has {}", first_of(names)),
    }
}

fn is_empty(stream: &Stream<'_>, (document, top): Found) -> bool {
    let content = &stream.documents[document].node(top).content;
    matches!(content, Content::Scalar(Scalar { value: Value::Null, .. }))
}

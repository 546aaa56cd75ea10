//! What each fuzz target does with its bytes. Shared by the targets and by the test that replays their corpora, so that
//! both check the same.

use seal_core::document::{Content, Document, NodeId, Position, Stream};
use seal_core::format::{json, yaml};

/// What a target does with its bytes.
pub(crate) type Entry = fn(&[u8]);

/// Name of each target, which is also the directory of its corpus.
pub(crate) const ENTRIES: &[(&str, Entry)] =
    &[("yaml_scanner", yaml_scanner), ("json_parse", json_parse)];

/// Reads YAML; whatever is accepted is a sound tree.
pub(crate) fn yaml_scanner(source: &[u8]) {
    match yaml::parse(source) {
        Ok(stream) => check_stream(source, &stream),
        Err(error) => check_position(source, error.position),
    }
}

/// Reads JSON; whatever is accepted is a sound tree.
pub(crate) fn json_parse(source: &[u8]) {
    match json::parse(source) {
        Ok(stream) => check_stream(source, &stream),
        Err(error) => check_position(source, error.position),
    }
}

fn check_position(source: &[u8], position: Position) {
    let lines = 1 + source.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(position.line >= 1 && position.column >= 1, "positions count from 1");
    // U+0085, U+2028 and U+2029 break lines too, so this is no tight bound.
    assert!(position.line <= lines + source.len() / 2 + 1, "position behind the source");
}

/// Documents follow one another, and every node lies where its parent and its document are.
fn check_stream(source: &[u8], stream: &Stream<'_>) {
    let mut end = 0;
    for document in &stream.documents {
        assert!(document.span.start >= end, "documents overlap");
        assert!(document.span.end >= document.span.start && document.span.end <= source.len());
        end = document.span.end;
        assert!(!document.nodes.is_empty(), "an empty document is one null scalar");
        for id in 0..document.nodes.len() as u32 {
            check_node(stream, document, NodeId(id));
        }
    }
}

fn check_node(stream: &Stream<'_>, document: &Document<'_>, id: NodeId) {
    let node = document.node(id);
    assert!(node.span.start <= node.span.end, "span turned round");
    // A comment behind the next `---` can be the foot of what precedes it: so go-yaml reads it.
    assert!(
        matches!(node.content, Content::Comment(_))
            || (document.span.start <= node.span.start && node.span.end <= document.span.end),
        "node outside its document"
    );
    assert!(node.end > id && node.end.index() <= document.nodes.len(), "end out of range");
    if let Some(parent) = node.parent {
        let above = document.node(parent);
        assert!(parent < id && node.end <= above.end, "not in preorder");
        assert!(
            matches!(above.content, Content::Mapping { .. } | Content::Sequence { .. }),
            "only collections have children"
        );
    }
    if let Content::Alias { document: target, node, .. } = &node.content {
        let target = stream.documents.get(*target).expect("an alias points into the stream");
        assert!(node.index() < target.nodes.len(), "an alias points at a node");
    }
    // Walks to the root: a cycle among the parents would never end.
    let _ = document.path(id);
}

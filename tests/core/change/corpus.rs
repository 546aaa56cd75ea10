//! Every value of every file of the corpus: odd forms may be refused, nothing else may happen to them.

use std::path::Path;

use seal_core::change::{ChangeError, NewValue};
use seal_core::document::{Content, NodeId, PathElement};
use seal_core::format::Format;

use super::change;

fn files() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/yaml");
    let mut left = vec![root];
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(std::fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn values_of_the_corpus_change_alone_or_not_at_all() {
    let values = ["\"new\"", "\"a\\nb\\n\"", "{\"k\": [1, {\"l\": null}]}", "[]"];
    let values = values.map(|text| NewValue::from_json(text.as_bytes()).unwrap());
    let (mut done, mut refused) = (0, 0);
    for source in files() {
        let Ok(stream) = Format::Yaml.parse(&source) else { continue };
        for (index, document) in stream.documents.iter().enumerate() {
            // Large files repeat themselves.
            for id in (0..document.nodes.len().min(150) as u32).map(NodeId) {
                let node = document.node(id);
                if node.parent.is_none() || matches!(node.content, Content::Comment(_)) {
                    continue;
                }
                let path = document.path(id);
                // Keys as aliases stand for others, and lookups find the first of a text.
                if document.lookup(&path) != Ok(id) || path.0[0] == PathElement::Key("sops".into())
                {
                    continue;
                }
                let changes = values.iter().map(Some).chain([None]);
                for value in changes {
                    match change(Format::Yaml, &source, index, &path, value) {
                        Ok(_) => done += 1,
                        Err(ChangeError::Aliased { .. }) => {}
                        Err(ChangeError::NotWritable { .. }) => refused += 1,
                        Err(error) => panic!("{path}: {error}"),
                    }
                }
            }
        }
    }
    assert!(done > 1_000, "{done} changes");
    assert!(refused * 20 < done, "{refused} refused, {done} done");
}

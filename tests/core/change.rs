//! Setting and unsetting values in generated documents: nothing else changes, by lines and for another reader.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "change/corpus.rs"]
mod corpus;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "round_trip/generate.rs"]
mod generate;
#[path = "change/json.rs"]
mod json;
#[path = "change/lines.rs"]
mod lines;
#[path = "change/yaml.rs"]
mod yaml;

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::TestError;
use seal_core::change::{ChangeError, NewValue, Target, set, unset};
use seal_core::document::{Content, Document, NodeId, Path};
use seal_core::format::Format;

/// What a run of a property saw: one that sees nothing proves nothing.
#[derive(Default)]
struct Tally {
    tried: usize,
    changed: usize,
}

/// Runs a property over lists of bytes; it returns whether anything was changed.
fn property(share: usize, check: impl Fn(&[u8]) -> Result<bool, TestCaseError>) {
    let cases = std::env::var("SEAL_CASES").map_or(400, |text| text.parse().unwrap());
    let mut config = ProptestConfig::with_cases(cases);
    config.failure_persistence = None;
    config.max_shrink_iters = 20_000;
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let tally = RefCell::new(Tally::default());
    let outcome = runner.run(&prop::collection::vec(any::<u8>(), 0..300), |bytes| {
        let changed = check(&bytes)?;
        let mut tally = tally.borrow_mut();
        tally.tried += 1;
        tally.changed += usize::from(changed);
        Ok(())
    });
    match outcome {
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
        Ok(()) => {}
    }
    let tally = tally.into_inner();
    assert!(tally.changed * share > tally.tried, "{} of {}", tally.changed, tally.tried);
}

/// Values as users type them.
const VALUES: &[&str] = &[
    "\"new\"",
    "\"\"",
    "\"yes\"",
    "\"a: b # c\"",
    "\"two\\nlines\\n\"",
    "\" \\u0000\\u2028\\ttab\"",
    "\"-----BEGIN\\nx\\n\\ny\\n-----END\"",
    "null",
    "true",
    "9007199254740993",
    "1.50",
    "-0",
    "1e3",
    "[]",
    "{}",
    "[1, [\"x\", {}], {\"k\": [null], \"l m\": \"a\\nb\"}]",
    "{\"a\": {\"b\": \"c\"}, \"1\": [\"- x\", \"#\"], \"\": false}",
];

/// A node of the document that is a member of something.
fn picked(document: &Document<'_>, choice: u8) -> Option<NodeId> {
    let members: Vec<NodeId> = (0..document.nodes.len() as u32)
        .map(NodeId)
        .filter(|id| {
            let node = document.node(*id);
            node.parent.is_some() && !matches!(node.content, Content::Comment(_))
        })
        .collect();
    (!members.is_empty()).then(|| members[usize::from(choice) * members.len() / 256])
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The lines of `before` that are not, in order, the first and the last ones of `after`: start and end.
fn touched(before: &[u8], after: &[u8]) -> (usize, usize) {
    let (before, after) = (lines(before), lines(after));
    let least = before.len().min(after.len());
    let same = |(one, other): &(&&[u8], &&[u8])| one == other;
    let first = before.iter().zip(&after).take_while(same).count();
    let last = before.iter().rev().zip(after.iter().rev()).take(least - first).take_while(same);
    (first, before.len() - last.count())
}

fn line_of(text: &[u8], offset: usize) -> usize {
    text[..offset].iter().filter(|byte| **byte == b'\n').count()
}

fn change(
    format: Format,
    source: &[u8],
    document: usize,
    path: &Path,
    value: Option<&NewValue>,
) -> Result<Option<Vec<u8>>, ChangeError> {
    let target = Target { document, path, as_sops: false };
    let changed = match value {
        Some(value) => set(format, source, &target, value)?,
        None => Some(unset(format, source, &target)?),
    };
    Ok(changed.map(|text| text.expose().to_vec()))
}

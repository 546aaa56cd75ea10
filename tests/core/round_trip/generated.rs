//! Generated documents: byte for byte, and the same values for an independent reader.

use proptest::prelude::*;
use seal_core::document::Content;
use seal_core::file::EncryptOptions;
use seal_core::format::Format;

use super::generate::{self, Choices};
use super::support;

/// How often a generated source was really encrypted; a generator of refused sources proves nothing.
#[derive(Default)]
struct Tally {
    tried: usize,
    encrypted: usize,
}

fn run(exact: bool, options: &EncryptOptions, generate: impl Fn(&mut Choices<'_>) -> String) {
    let mut config = ProptestConfig::with_cases(cases());
    config.max_shrink_iters = 20_000;
    config.failure_persistence = None;
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let tally = std::cell::RefCell::new(Tally::default());
    let strategy = prop::collection::vec(any::<u8>(), 0..400);
    let outcome = runner.run(&strategy, |bytes| {
        let mut choices = Choices::new(&bytes, exact);
        let source = generate(&mut choices);
        let encrypted = check(&source, exact, options)?;
        let mut tally = tally.borrow_mut();
        tally.tried += 1;
        tally.encrypted += usize::from(encrypted);
        Ok(())
    });
    if let Err(error) = outcome {
        let proptest::test_runner::TestError::Fail(reason, bytes) = &error else {
            panic!("{error}");
        };
        let source = generate(&mut Choices::new(bytes, exact));
        panic!("{reason}\n--- source:\n{source}\n--- as {source:?}");
    }
    let tally = tally.into_inner();
    assert!(tally.encrypted * 3 > tally.tried, "{} of {}", tally.encrypted, tally.tried);
}

fn cases() -> u32 {
    std::env::var("SEAL_CASES").map_or(400, |text| text.parse().expect("SEAL_CASES is a number"))
}

/// True if the source was encrypted; sources that are no YAML, or are refused for a reason, pass.
fn check(source: &str, exact: bool, options: &EncryptOptions) -> Result<bool, TestCaseError> {
    if Format::Yaml.parse(source.as_bytes()).is_err() {
        return Ok(false);
    }
    let encrypted =
        support::try_encrypt(Format::Yaml, source.as_bytes(), options, support::KEY, None);
    let encrypted = match encrypted {
        Ok(encrypted) => encrypted,
        Err(error) => {
            let text = support::describe(&error);
            let meant = ["once encrypted", "had back", "report", "lost"];
            prop_assert!(!meant.iter().any(|word| text.contains(word)), "{}", text);
            return Ok(false);
        }
    };
    let Some(bytes) = encrypted.bytes else { return Ok(false) };
    let encrypted = String::from_utf8(bytes).unwrap();
    let decrypted = support::try_decrypt(Format::Yaml, &encrypted).map_err(|error| {
        TestCaseError::fail(format!("{}\n--- encrypted:\n{encrypted}", support::describe(&error)))
    })?;
    prop_assert!(decrypted.objects.iter().all(|object| object.bound && !object.reordered));
    let decrypted = support::text(&decrypted).unwrap();
    if exact {
        prop_assert!(
            decrypted == source,
            "--- decrypted:\n{}\n--- encrypted:\n{}",
            decrypted,
            encrypted
        );
    }
    prop_assert!(keeps_the_rest(source, &encrypted), "--- encrypted:\n{}", encrypted);
    let (before, after) = (independent(source), independent(&decrypted));
    prop_assert!(before.is_none() || before == after, "--- decrypted:\n{}", decrypted);
    Ok(true)
}

/// All that stands between values and comments stands in the encrypted text too, in the same order.
fn keeps_the_rest(source: &str, encrypted: &str) -> bool {
    let stream = Format::Yaml.parse(source.as_bytes()).unwrap();
    let nodes = stream.documents.iter().flat_map(|document| &document.nodes);
    let mut spans: Vec<_> = nodes
        .filter(|node| matches!(node.content, Content::Scalar(_) | Content::Comment(_)))
        .map(|node| node.span)
        .collect();
    spans.sort_by_key(|span| span.start);
    let (mut at, mut found) = (0, 0);
    for span in spans {
        // A comment may stand in the head of a block scalar, and the block between two lines or behind a `{`.
        let between = source.get(at..span.start).unwrap_or_default();
        for line in between.split_inclusive(['\n', '{']) {
            match encrypted[found..].find(line.trim_end_matches([' ', '\n', '\r'])) {
                Some(place) => found += place,
                None => return false,
            }
        }
        at = at.max(span.end);
    }
    true
}

/// The documents as another reader has them; `None` where it does not read the source at all.
fn independent(source: &str) -> Option<Vec<String>> {
    let documents = serde_yaml::Deserializer::from_str(source);
    documents
        .map(|document| {
            let value: serde_yaml::Value = serde::Deserialize::deserialize(document).ok()?;
            Some(format!("{value:?}"))
        })
        .collect()
}

#[test]
fn secrets_come_back_byte_for_byte() {
    run(true, &support::options(), |c| {
        generate::stream(c, &mut |c, number| generate::secret(c, number))
    });
}

#[test]
fn files_come_back_byte_for_byte() {
    run(true, &support::whole(), |c| generate::stream(c, &mut |c, _| generate::file(c)));
}

#[test]
fn lists_come_back_byte_for_byte() {
    run(true, &support::options(), |c| generate::stream(c, &mut |c, _| generate::list(c)));
}

#[test]
fn secrets_of_any_spelling_keep_their_values() {
    run(false, &support::options(), |c| {
        generate::stream(c, &mut |c, number| generate::secret(c, number))
    });
}

#[test]
fn files_of_any_spelling_keep_their_values() {
    run(false, &support::whole(), |c| generate::stream(c, &mut |c, _| generate::file(c)));
}

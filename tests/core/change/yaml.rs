use proptest::prelude::*;
use seal_core::change::{ChangeError, NewValue};
use seal_core::document::{Document, NodeId, Path, PathElement};
use seal_core::format::Format;
use serde::Deserialize;
use serde_yaml::Value;

use super::generate::{self, Choices};
use super::{VALUES, change, line_of, lines, picked, property, touched};

struct Case {
    source: String,
    document: usize,
    value: &'static str,
    choice: u8,
}

/// The first bytes decide what is done, the others on the document.
fn case(bytes: &[u8]) -> Option<Case> {
    let (head, rest) = bytes.split_at_checked(4)?;
    let mut choices = Choices::new(rest, false);
    let source = match head[0] % 4 {
        0 => generate::file(&mut choices),
        1 => generate::secret(&mut choices, 0),
        2 => generate::list(&mut choices),
        _ => generate::stream(&mut choices, &mut generate::secret),
    };
    let source = generate::finished(&mut choices, source);
    let documents = Format::Yaml.parse(source.as_bytes()).ok()?.documents.len();
    (documents > 0).then(|| Case {
        document: usize::from(head[1]) % documents,
        value: VALUES[usize::from(head[2]) % VALUES.len()],
        choice: head[3],
        source,
    })
}

/// What another reader reads; `None` where it refuses what go-yaml takes.
fn read(text: &[u8]) -> Option<Vec<Value>> {
    // It counts a byte order mark as a column.
    let text = std::str::from_utf8(text).ok().filter(|text| !text.starts_with('\u{FEFF}'))?;
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).ok())
        .collect()
}

fn at<'v>(value: &'v mut Value, path: &[PathElement]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, element| match (element, value) {
        (PathElement::Key(key), Value::Mapping(mapping)) => mapping.get_mut(&**key),
        (PathElement::Index(index), Value::Sequence(items)) => items.get_mut(*index),
        _ => None,
    })
}

/// Applies the change to what the other reader reads, and compares. A node that the other reader cannot find, as below
/// an alias or a key of another type, is not compared.
fn same_for_another_reader(
    case: &Case,
    after: &[u8],
    apply: impl FnOnce(&mut Value) -> Option<()>,
) -> Result<(), TestCaseError> {
    let (Some(mut expected), Some(found)) = (read(case.source.as_bytes()), read(after)) else {
        return Ok(());
    };
    let Some(document) = expected.get_mut(case.document) else { return Ok(()) };
    if apply(document).is_some() {
        prop_assert_eq!(
            &expected,
            &found,
            "{:?}\n{:?}",
            case.source,
            String::from_utf8_lossy(after)
        );
    }
    Ok(())
}

fn new_value(case: &Case) -> (NewValue, Value) {
    let value = NewValue::from_json(case.value.as_bytes()).unwrap();
    (value, serde_yaml::from_str(case.value).unwrap())
}

/// A change may be refused where an alias is involved, and in forms as rare as `? key`; never fail to be proved
/// otherwise.
fn is_refusal_meant(case: &Case, error: &ChangeError) -> bool {
    let has_odd_forms =
        ["? ", "!", "&", "\u{85}", "\u{2028}", "\r"].iter().any(|odd| case.source.contains(odd));
    // Any text behind such a value would add a line break to it.
    let is_open = !case.source.ends_with(['\n', '\r']) && case.source.contains(['|', '>']);
    match error {
        ChangeError::Aliased { .. } | ChangeError::Envelope => true,
        ChangeError::NotWritable { .. } => has_odd_forms || is_open,
        _ => false,
    }
}

fn span_lines(source: &[u8], document: &Document<'_>, id: NodeId) -> (usize, usize) {
    let node = document.node(id);
    let start = match &node.key {
        Some(key) => key.span.start,
        None => {
            let before = &source[..node.span.start];
            let is_mark = |at: &usize| {
                let line = before[..*at].rsplit(|byte| *byte == b'\n').next().unwrap();
                b"-[,".contains(&before[*at]) && !line.contains(&b'#')
            };
            let list = document.node(node.parent.unwrap()).span.start;
            (0..before.len()).rev().find(is_mark).unwrap_or(list)
        }
    };
    let end = line_of(source, node.span.end.max(start)) + 1;
    // Comments that follow further right than the key belong to it.
    let behind = lines(source).into_iter().skip(end);
    let own =
        behind.take_while(|line| line.starts_with(b" ") && line.trim_ascii().starts_with(b"#"));
    (line_of(source, start), end + own.count())
}

#[test]
fn setting_a_value_touches_its_own_lines_only() {
    property(2, |bytes| {
        let Some(case) = case(bytes) else { return Ok(false) };
        let source = case.source.as_bytes();
        let stream = Format::Yaml.parse(source).unwrap();
        let document = &stream.documents[case.document];
        let Some(id) = picked(document, case.choice) else { return Ok(false) };
        let path = document.path(id);
        let (value, other) = new_value(&case);
        let after = match change(Format::Yaml, source, case.document, &path, Some(&value)) {
            Ok(after) => after,
            Err(error) => {
                prop_assert!(is_refusal_meant(&case, &error), "{error}: {path} {:?}", case.source);
                return Ok(false);
            }
        };
        let Some(after) = after else { return Ok(false) };
        let (first, last) = touched(source, &after);
        let (start, end) = span_lines(source, document, id);
        prop_assert!(first >= start, "{path} {} {:?}", case.value, case.source);
        prop_assert!(last <= end || first >= last, "{path} {} {:?}", case.value, case.source);
        same_for_another_reader(&case, &after, |root| {
            *at(root, &path.0)? = other;
            Some(())
        })?;
        Ok(true)
    });
}

#[test]
fn a_new_key_adds_lines_and_unset_takes_them_away_again() {
    property(3, |bytes| {
        let Some(case) = case(bytes) else { return Ok(false) };
        let source = case.source.as_bytes();
        let stream = Format::Yaml.parse(source).unwrap();
        let document = &stream.documents[case.document];
        let Some(near) = picked(document, case.choice) else { return Ok(false) };
        let sibling = document.node(near);
        let Path(mut elements) = document.path(near);
        let is_item = sibling.key.is_none();
        let parent = sibling.parent.unwrap();
        elements.pop();
        let count = document
            .children(parent)
            .filter(|id| {
                !matches!(document.node(*id).content, seal_core::document::Content::Comment(_))
            })
            .count();
        let container = elements.clone();
        elements.push(match is_item {
            true => PathElement::Index(count),
            false => PathElement::Key("new key".into()),
        });
        let path = Path(elements);
        let (value, other) = new_value(&case);
        let after = match change(Format::Yaml, source, case.document, &path, Some(&value)) {
            Ok(after) => after.unwrap(),
            Err(error) => {
                prop_assert!(is_refusal_meant(&case, &error), "{error}: {path} {:?}", case.source);
                return Ok(false);
            }
        };
        same_for_another_reader(&case, &after, |root| {
            match at(root, &container)? {
                Value::Mapping(mapping) => drop(mapping.insert("new key".into(), other)),
                Value::Sequence(items) => items.push(other),
                _ => return None,
            }
            Some(())
        })?;
        let back = change(Format::Yaml, &after, case.document, &path, None);
        let back = match back {
            Ok(back) => back.unwrap(),
            Err(error) => {
                prop_assert!(is_refusal_meant(&case, &error), "{error}: {path} {:?}", case.source);
                return Ok(false);
            }
        };
        prop_assert_eq!(
            std::str::from_utf8(&back).unwrap(),
            &*case.source,
            "{} {}\n{}",
            path,
            case.value,
            String::from_utf8_lossy(&after)
        );
        Ok(true)
    });
}

#[test]
fn unsetting_a_value_takes_its_own_lines_only() {
    property(2, |bytes| {
        let Some(case) = case(bytes) else { return Ok(false) };
        let source = case.source.as_bytes();
        let stream = Format::Yaml.parse(source).unwrap();
        let document = &stream.documents[case.document];
        let Some(id) = picked(document, case.choice) else { return Ok(false) };
        let path = document.path(id);
        let after = match change(Format::Yaml, source, case.document, &path, None) {
            Ok(after) => after.unwrap(),
            Err(error) => {
                prop_assert!(is_refusal_meant(&case, &error), "{error}: {path} {:?}", case.source);
                return Ok(false);
            }
        };
        same_for_another_reader(&case, &after, |root| {
            let (last, above) = path.0.split_last()?;
            match (at(root, above)?, last) {
                (Value::Mapping(mapping), PathElement::Key(key)) => drop(mapping.remove(&**key)?),
                (Value::Sequence(items), PathElement::Index(index)) => drop(items.remove(*index)),
                _ => return None,
            }
            Some(())
        })?;
        Ok(true)
    });
}

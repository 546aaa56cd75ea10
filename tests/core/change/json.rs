use proptest::prelude::*;
use seal_core::change::NewValue;
use seal_core::document::PathElement;
use seal_core::format::Format;
use serde_json::Value;

use super::{VALUES, change, picked, property, touched};

/// A JSON text in one of the layouts that programs write.
fn text(bytes: &mut std::slice::Iter<'_, u8>, depth: usize, layout: u8) -> String {
    let mut next = || bytes.next().copied().unwrap_or(0);
    let kind = if depth == 0 { 6 } else { next() % 8 };
    let (open, close) = match kind {
        0 => return "1.50".to_owned(),
        1 => return "\"hunter2, {\"".to_owned(),
        2 => return "null".to_owned(),
        3 => return "9007199254740993".to_owned(),
        4 => return "\"\"".to_owned(),
        5 => ('[', ']'),
        _ => ('{', '}'),
    };
    let count = usize::from(next() % if depth < 4 { 4 } else { 1 });
    let members: Vec<String> = (0..count)
        .map(|number| {
            let value = text(bytes, depth + 1, layout);
            match (open, layout) {
                ('{', 0) => format!("\"k{number}\":{value}"),
                ('{', _) => format!("\"k{number}\": {value}"),
                _ => value,
            }
        })
        .collect();
    if members.is_empty() {
        return format!("{open}{close}");
    }
    let indent = |depth: usize| match layout {
        2 => format!("\n{}", "  ".repeat(depth)),
        3 => format!("\r\n{}", "\t".repeat(depth)),
        _ => String::new(),
    };
    let comma = if layout == 1 { ", " } else { "," };
    let separator = format!("{comma}{}", indent(depth + 1));
    format!("{open}{}{}{}{close}", indent(depth + 1), members.join(&separator), indent(depth))
}

fn at<'v>(value: &'v mut Value, path: &[PathElement]) -> &'v mut Value {
    path.iter().fold(value, |value, element| match element {
        PathElement::Key(key) => &mut value[&**key],
        PathElement::Index(index) => &mut value[*index],
    })
}

#[test]
fn only_the_value_changes_and_a_new_one_goes_without_a_trace() {
    property(2, |bytes| {
        let Some((head, rest)) = bytes.split_at_checked(3) else { return Ok(false) };
        let source = text(&mut rest.iter(), 0, head[0] % 4) + "\n";
        let stream = Format::Json.parse(source.as_bytes()).unwrap();
        let document = &stream.documents[0];
        let Some(id) = picked(document, head[1]) else { return Ok(false) };
        let mut path = document.path(id);
        let json = VALUES[usize::from(head[2]) % VALUES.len()];
        let value = NewValue::from_json(json.as_bytes()).unwrap();
        let other: Value = serde_json::from_str(json).unwrap();
        let apply = |path: &_, value, source: &[u8]| change(Format::Json, source, 0, path, value);

        let before: Value = serde_json::from_str(&source).unwrap();
        let set = apply(&path, Some(&value), source.as_bytes()).unwrap();
        if let Some(after) = set {
            let mut expected = before.clone();
            *at(&mut expected, &path.0) = other.clone();
            prop_assert_eq!(serde_json::from_slice::<Value>(&after).unwrap(), expected);
            let span = document.node(id).span;
            prop_assert!(after.starts_with(&source.as_bytes()[..span.start]));
            prop_assert!(after.ends_with(&source.as_bytes()[span.end..]));
        }

        let unset = apply(&path, None, source.as_bytes()).unwrap().unwrap();
        let mut expected = before.clone();
        let (last, above) = path.0.split_last().unwrap();
        match (at(&mut expected, above), last) {
            (Value::Object(members), PathElement::Key(key)) => drop(members.remove(&**key)),
            (Value::Array(items), PathElement::Index(index)) => drop(items.remove(*index)),
            _ => prop_assert!(false),
        }
        prop_assert_eq!(serde_json::from_slice::<Value>(&unset).unwrap(), expected);

        match path.0.last_mut().unwrap() {
            PathElement::Key(key) => *key = "new".into(),
            PathElement::Index(index) => {
                let parent = document.node(id).parent.unwrap();
                *index = document.children(parent).count();
            }
        }
        let added = apply(&path, Some(&value), source.as_bytes()).unwrap().unwrap();
        let mut expected = before;
        let (last, above) = path.0.split_last().unwrap();
        match (at(&mut expected, above), last) {
            (Value::Object(members), PathElement::Key(key)) => {
                drop(members.insert(key.to_string(), other));
            }
            (Value::Array(items), _) => items.push(other),
            _ => prop_assert!(false),
        }
        prop_assert_eq!(serde_json::from_slice::<Value>(&added).unwrap(), expected);
        let (first, last) = touched(source.as_bytes(), &added);
        prop_assert!(last - first <= 1, "{source}");
        let back = apply(&path, None, &added).unwrap().unwrap();
        prop_assert_eq!(String::from_utf8(back).unwrap(), source);
        Ok(true)
    });
}

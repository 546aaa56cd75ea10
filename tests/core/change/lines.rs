//! dotenv and INI, whose values are lines.

use proptest::prelude::*;
use seal_core::change::NewValue;
use seal_core::document::{Path, PathElement};
use seal_core::format::Format;

use super::{change, property, touched};

const TEXTS: &[&str] =
    &["new", "", "two words", "a=b", "x#y", "x ; y", "'q'", "\"d\"", "äöü", "a\nb", " x "];

fn one<'t>(bytes: &mut std::slice::Iter<'_, u8>, of: &[&'t str]) -> &'t str {
    of[usize::from(bytes.next().copied().unwrap_or(0)) % of.len()]
}

fn text(format: Format, bytes: &mut std::slice::Iter<'_, u8>) -> String {
    let mut text = String::new();
    let values = ["1", "hunter2", "", "two words", "a:b"];
    let (blanks, marker) = match format {
        Format::Ini => (["= ", " = ", "    = ", "="], "; "),
        _ => (["=", "=", "=", "="], "#"),
    };
    for number in 0..usize::from(bytes.next().copied().unwrap_or(0) % 8) {
        match one(bytes, &["key", "key", "comment", "empty", "section"]) {
            "comment" => text.push_str(&format!("{marker}about {number}\n")),
            "empty" => text.push('\n'),
            "section" if format == Format::Ini => text.push_str(&format!("[s{number}]\n")),
            _ => {
                let (blank, value) = (one(bytes, &blanks), one(bytes, &values));
                text.push_str(&format!("k{number}{blank}{value}\n"));
            }
        }
    }
    if bytes.next().is_some_and(|byte| byte % 4 == 0) && !text.ends_with("\n\n") {
        text.pop();
    }
    text
}

fn lines_change_alone(format: Format) {
    property(3, |bytes| {
        let Some((head, rest)) = bytes.split_at_checked(2) else { return Ok(false) };
        let source = text(format, &mut rest.iter());
        let stream = format.parse(source.as_bytes()).unwrap();
        let document = &stream.documents[0];
        let new = NewValue::string(TEXTS[usize::from(head[0]) % TEXTS.len()]);
        let Some(id) = super::picked(document, head[1]) else { return Ok(false) };
        let mut path = document.path(id);
        if format == Format::Ini && path.0.len() == 1 {
            path.0.push(PathElement::Key("none".into()));
        }
        let apply = |path: &Path, value, source: &[u8]| change(format, source, 0, path, value);
        // A value that is there.
        if let Ok(Some(after)) = apply(&path, Some(&new), source.as_bytes()) {
            let (first, last) = touched(source.as_bytes(), &after);
            prop_assert!(last <= first + 1, "{path} {source:?}");
        }
        // A new one, and away with it.
        *path.0.last_mut().unwrap() = PathElement::Key("new".into());
        let Ok(Some(added)) = apply(&path, Some(&new), source.as_bytes()) else { return Ok(false) };
        let (first, last) = touched(source.as_bytes(), &added);
        prop_assert!(last <= first + 1, "{path} {source:?}");
        let back = apply(&path, None, &added).unwrap().unwrap();
        prop_assert_eq!(String::from_utf8(back).unwrap(), source);
        Ok(true)
    });
}

#[test]
fn lines_of_dotenv_change_alone() {
    lines_change_alone(Format::Dotenv);
}

#[test]
fn lines_of_ini_change_alone() {
    lines_change_alone(Format::Ini);
}

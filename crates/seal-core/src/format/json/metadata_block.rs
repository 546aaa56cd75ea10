//! The `sops` member of a JSON object: put in and taken out without touching another byte.

use super::edit::string_literal;
use crate::document::{Document, Edit, NodeId, Span};
use crate::envelope::Field;

const KEY: &str = "sops";

/// Longest indentation that is taken over: the block repeats it on a hundred lines.
const MAX_INDENT: usize = 32;

/// Indentation inside an object that shows none.
const DEFAULT_UNIT: &str = "  ";

/// Puts `"sops": …` in as the last member of an object, laid out as the members that are there.
///
/// # Guarantees
///
/// Only adds bytes; [`remove`] gives the source back byte for byte.
pub fn insert(
    source: &[u8],
    document: &Document<'_>,
    object: NodeId,
    fields: &Field,
    nested: Option<&str>,
) -> Edit {
    let last = document.children(object).last();
    let at = match last {
        Some(last) => document.node(last).span.end,
        None => document.node(object).span.start + 1,
    };
    let layout = Layout::of(source, document, object).nesting(nested);
    let mut text = String::new();
    if last.is_some() {
        text.push_str(layout.comma());
    }
    layout.begin_line(&mut text, 1);
    layout.write_member(&mut text, KEY, fields, 1);
    Edit { span: Span::new(at, at), text: text.into_bytes() }
}

/// Takes a member of an object out: exactly what [`insert`] added where it is the last one, elsewhere (something
/// sorted the keys) the member and one comma.
pub fn remove(document: &Document<'_>, member: NodeId) -> Edit {
    let object = document.node(member).parent.unwrap_or(NodeId::ROOT);
    let previous = document.children(object).take_while(|id| *id < member).last();
    let next = document.children(object).find(|id| *id > member);
    let end = document.node(member).span.end;
    let span = match (previous, next) {
        (_, Some(next)) => Span::new(start(document, member), start(document, next)),
        (Some(previous), None) => Span::new(document.node(previous).span.end, end),
        (None, None) => Span::new(document.node(object).span.start + 1, end),
    };
    Edit { span, text: Vec::new() }
}

/// First byte of a member, which is its key's.
fn start(document: &Document<'_>, member: NodeId) -> usize {
    let node = document.node(member);
    node.key.as_ref().map_or(node.span.start, |key| key.span.start)
}

/// How the members of the root object are laid out.
#[derive(Debug, PartialEq, Eq)]
enum Layout<'s> {
    /// On one line, with or without a blank behind each colon and each comma.
    Compact { colon_blank: bool, comma_blank: bool },
    /// Each on a line of its own, behind `outer`, one `unit`, and one `nested` for each further level.
    Lines { line_break: &'static str, outer: &'s str, unit: &'s str, nested: &'s str },
}

impl<'s> Layout<'s> {
    fn of(source: &'s [u8], document: &Document<'_>, root: NodeId) -> Self {
        let span = document.node(root).span;
        let mut before = span.start + 1;
        let mut own_line = None;
        for member in document.children(root) {
            let gap = &source[before..start(document, member)];
            own_line = last_line(gap).or(own_line);
            before = document.node(member).span.end;
        }
        match (own_line, document.children(root).next()) {
            (Some((line_break, indent)), _) => {
                // An indented object: its own indentation is no part of the unit.
                let outer = first_indent(&source[..span.start]);
                match indent.strip_prefix(outer) {
                    Some(unit) => Self::Lines { line_break, outer, unit, nested: unit },
                    None => Self::Lines { line_break, outer: "", unit: indent, nested: indent },
                }
            }
            (None, Some(first)) => Self::compact(source, document, root, first),
            (None, None) => match last_line(&source[before..span.end - 1]) {
                Some((line_break, outer)) => {
                    Self::Lines { line_break, outer, unit: DEFAULT_UNIT, nested: DEFAULT_UNIT }
                }
                None => Self::Compact { colon_blank: false, comma_blank: false },
            },
        }
    }

    fn compact(source: &[u8], document: &Document<'_>, root: NodeId, first: NodeId) -> Self {
        let colon_blank = source[document.node(first).span.start - 1] != b':';
        let comma_blank = match document.children(root).nth(1) {
            Some(second) => source[start(document, second) - 1] != b',',
            None => colon_blank,
        };
        Self::Compact { colon_blank, comma_blank }
    }

    /// The same with another indentation below the first level.
    fn nesting(mut self, wanted: Option<&'s str>) -> Self {
        if let (Self::Lines { nested, .. }, Some(wanted)) = (&mut self, wanted) {
            *nested = wanted;
        }
        self
    }

    fn comma(&self) -> &'static str {
        if matches!(self, Self::Compact { comma_blank: true, .. }) { ", " } else { "," }
    }

    fn colon(&self) -> &'static str {
        if matches!(self, Self::Compact { colon_blank: false, .. }) { ":" } else { ": " }
    }

    fn begin_line(&self, text: &mut String, depth: usize) {
        if let Self::Lines { line_break, outer, unit, nested } = self {
            text.push_str(line_break);
            text.push_str(outer);
            text.push_str(unit);
            text.push_str(&nested.repeat(depth - 1));
        }
    }

    fn write_member(&self, text: &mut String, key: &str, field: &Field, depth: usize) {
        text.push_str(&string_literal(key));
        text.push_str(self.colon());
        self.write(text, field, depth);
    }

    fn write(&self, text: &mut String, field: &Field, depth: usize) {
        match field {
            Field::Text(value) => text.push_str(&string_literal(value)),
            Field::Int(value) => text.push_str(&value.to_string()),
            Field::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Field::List(items) => {
                self.write_all(text, ['[', ']'], items, depth, |text, item| {
                    self.write(text, item, depth + 1);
                });
            }
            Field::Map(members) => {
                self.write_all(text, ['{', '}'], members, depth, |text, (key, value)| {
                    self.write_member(text, key, value, depth + 1);
                });
            }
        }
    }

    fn write_all<T>(
        &self,
        text: &mut String,
        [open, close]: [char; 2],
        items: &[T],
        depth: usize,
        mut write_one: impl FnMut(&mut String, &T),
    ) {
        text.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                text.push_str(self.comma());
            }
            self.begin_line(text, depth + 1);
            write_one(text, item);
        }
        if !items.is_empty() {
            self.begin_line(text, depth);
        }
        text.push(close);
    }
}

/// The line break in a gap between two members and the indentation behind it, where the second one stands on its own
/// line.
fn last_line(gap: &[u8]) -> Option<(&'static str, &str)> {
    let newline = memchr::memrchr(b'\n', gap)?;
    let line_break = if gap[..newline].ends_with(b"\r") { "\r\n" } else { "\n" };
    Some((line_break, indent(&gap[newline + 1..])?))
}

/// The indentation of the line on which the object begins.
fn first_indent(before: &[u8]) -> &str {
    let line = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    indent(&before[line..]).unwrap_or("")
}

fn indent(text: &[u8]) -> Option<&str> {
    let blank = text.iter().all(|byte| matches!(byte, b' ' | b'\t'));
    (blank && text.len() <= MAX_INDENT).then(|| std::str::from_utf8(text).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::apply;
    use crate::format::json;

    fn fields() -> Field {
        Field::Map(vec![
            (
                "age".to_owned(),
                Field::List(vec![Field::Map(vec![
                    ("enc".to_owned(), Field::Text("-----\nYWdl\n".to_owned())),
                    ("recipient".to_owned(), Field::Text("age1".to_owned())),
                ])]),
            ),
            ("kms".to_owned(), Field::List(Vec::new())),
            ("mac_only_encrypted".to_owned(), Field::Bool(true)),
            ("shamir_threshold".to_owned(), Field::Int(2)),
        ])
    }

    fn inserted(source: &str) -> String {
        let stream = json::parse(source.as_bytes()).unwrap();
        let edit = insert(source.as_bytes(), &stream.documents[0], NodeId::ROOT, &fields(), None);
        String::from_utf8(apply(source.as_bytes(), 0..source.len(), vec![edit])).unwrap()
    }

    fn removed(source: &str) -> String {
        let stream = json::parse(source.as_bytes()).unwrap();
        let document = &stream.documents[0];
        let sops = document.entry(document.root(), KEY).unwrap();
        let edit = remove(document, sops);
        String::from_utf8(apply(source.as_bytes(), 0..source.len(), vec![edit])).unwrap()
    }

    #[test]
    fn takes_over_the_indentation_of_the_members() {
        assert_eq!(
            inserted("{\n\t\"a\": 1\n}\n"),
            "{\n\t\"a\": 1,\n\t\"sops\": {\n\t\t\"age\": [\n\t\t\t{\n\t\t\t\t\"enc\": \"-----\\nYWdl\\n\",\n\
             \t\t\t\t\"recipient\": \"age1\"\n\t\t\t}\n\t\t],\n\t\t\"kms\": [],\n\
             \t\t\"mac_only_encrypted\": true,\n\t\t\"shamir_threshold\": 2\n\t}\n}\n"
        );
        let four = inserted("{\r\n    \"a\": {\"b\": 1}\r\n}");
        assert!(four.contains("},\r\n    \"sops\": {\r\n        \"age\": [\r\n            {\r\n"));
        let outer = inserted("  {\n    \"a\": 1\n  }\n");
        assert!(outer.contains(",\n    \"sops\": {\n      \"age\""));
        assert!(outer.ends_with("2\n    }\n  }\n"));
    }

    #[test]
    fn the_levels_below_the_first_can_be_indented_otherwise() {
        let source = "{\n  \"a\": 1\n}\n";
        let stream = json::parse(source.as_bytes()).unwrap();
        let edit =
            insert(source.as_bytes(), &stream.documents[0], NodeId::ROOT, &fields(), Some("\t"));
        let text = String::from_utf8(edit.text).unwrap();
        assert!(text.starts_with(",\n  \"sops\": {\n  \t\"age\": [\n  \t\t{\n"), "{text}");
        assert!(text.ends_with("\n  }"), "{text}");
    }

    #[test]
    fn one_line_stays_one_line() {
        let block = r#""sops":{"age":[{"enc":"-----\nYWdl\n","recipient":"age1"}],"kms":[],"mac_only_encrypted":true,"shamir_threshold":2}"#;
        assert_eq!(inserted(r#"{"a":"x","b":2}"#), format!(r#"{{"a":"x","b":2,{block}}}"#));
        let spaced = inserted(r#"{ "a": "x" }"#);
        assert!(spaced.starts_with(r#"{ "a": "x", "sops": {"age": [{"enc": "#), "{spaced}");
        assert!(spaced.ends_with(r#""shamir_threshold": 2} }"#), "{spaced}");
        let mixed = inserted(r#"{"a":1, "b":2}"#);
        assert!(mixed.contains(r#", "sops":{"age":[{"#), "{mixed}");
        // Members that share lines: the block goes on in the last one.
        assert!(inserted("{\"a\":1\n,\"b\":[\n1]}").contains("1],\"sops\":{\"age\""));
    }

    #[test]
    fn an_empty_object_gets_it_as_its_only_member() {
        assert!(inserted("{}").starts_with(r#"{"sops":{"age":["#));
        assert!(inserted("{\n}\n").starts_with("{\n  \"sops\": {\n    \"age\": ["));
        for source in ["{}", "{ }", "{\n}\n", "\u{feff}{\r\n\r\n }", " {\t} "] {
            assert_eq!(removed(&inserted(source)), source);
        }
    }

    #[test]
    fn indentation_without_end_is_not_multiplied() {
        let source = format!("{{\n{}\"a\": 1}}", " ".repeat(100_000));
        assert!(inserted(&source).len() < source.len() + 1_000);
        assert_eq!(removed(&inserted(&source)), source);
    }

    #[test]
    fn elsewhere_it_goes_with_one_comma() {
        assert_eq!(removed("{\n  \"sops\": {\"mac\": \"\"},\n  \"z\": 1\n}"), "{\n  \"z\": 1\n}");
        assert_eq!(
            removed("{\n  \"a\": 1,\n  \"sops\": {},\n  \"z\": 1\n}"),
            "{\n  \"a\": 1,\n  \"z\": 1\n}"
        );
        assert_eq!(removed("{\"a\":1\n, \"sops\":{}\n, \"z\":1}"), "{\"a\":1\n, \"z\":1}");
    }

    #[test]
    fn what_sops_wrote_leaves_what_sops_prints() {
        let encrypted = include_str!("../../../../../tests/vectors/json/sops-3.13.2.json");
        let decrypted = removed(encrypted);
        assert!(decrypted.ends_with("\t},\n\t\"e\": \"\"\n}\n"), "{decrypted}");
    }

    fn blanks() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", "", " ", "\n", "\t", "\r\n", "\n  ", "\n\t", "  \n\n "])
    }

    prop_compose! {
        fn member()(
            gaps in [blanks(), blanks(), blanks(), blanks()],
            value in prop::sample::select(vec!["1", "\"x\"", "{}", "[ ]", "{\"sops\":1}", "[\n1,2 ]"]),
        ) -> ([&'static str; 4], &'static str) {
            (gaps, value)
        }
    }

    proptest! {
        #[test]
        fn remove_takes_out_exactly_what_insert_put_in(
            members in prop::collection::vec(member(), 0..5),
            outside in [blanks(), blanks(), blanks()],
        ) {
            let members: Vec<_> = members
                .iter()
                .enumerate()
                .map(|(n, ([a, b, c, d], value))| format!("{a}\"k{n}\"{b}:{c}{value}{d}"))
                .collect();
            let [before, after, inside] = outside;
            let inside = if members.is_empty() { inside } else { "" };
            let source = format!("{before}{{{inside}{}}}{after}", members.join(","));
            let sealed = inserted(&source);
            let theirs: serde_json::Value = serde_json::from_str(&sealed).unwrap();
            prop_assert_eq!(&theirs["sops"]["age"][0]["recipient"], "age1");
            prop_assert_eq!(&theirs["sops"]["shamir_threshold"], 2);
            prop_assert_eq!(theirs.as_object().unwrap().len(), members.len() + 1);
            prop_assert_eq!(removed(&sealed), source);
        }
    }
}

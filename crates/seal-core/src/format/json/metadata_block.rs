//! The `sops` member of a JSON object: put in and taken out without touching another byte.

use super::edit::string_literal;
use crate::document::{Document, Edit, NodeId, Span};
use crate::envelope::Field;
use crate::format::layout::{Layout, Nested, Parts, Words, start};

const KEY: &str = "sops";

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
    let words = Words { key: &string_literal, scalar: &scalar };
    layout.write_member(&mut text, KEY, fields, 1, &words);
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

impl Nested for Field {
    fn parts(&self) -> Parts<'_, Self> {
        match self {
            Self::List(items) => Parts::List(items),
            Self::Map(members) => Parts::Map(members),
            Self::Text(_) | Self::Int(_) | Self::Bool(_) => Parts::Scalar,
        }
    }
}

fn scalar(field: &Field) -> String {
    match field {
        Field::Text(value) => string_literal(value),
        Field::Int(value) => value.to_string(),
        Field::Bool(value) => value.to_string(),
        Field::List(_) | Field::Map(_) => String::new(),
    }
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

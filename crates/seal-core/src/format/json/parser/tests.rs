use proptest::prelude::*;

use super::*;

fn parsed(source: &str) -> Stream<'_> {
    parse(source.as_bytes()).unwrap()
}

fn scalar<'d>(stream: &'d Stream<'_>, index: usize) -> &'d Scalar<'d> {
    match &stream.documents[0].nodes[index].content {
        Content::Scalar(scalar) => scalar,
        other => panic!("no scalar: {other:?}"),
    }
}

fn error(source: &[u8]) -> String {
    let error = parse(source).unwrap_err();
    format!("{} {}", error.position, error.problem)
}

#[test]
fn nodes_stand_in_preorder_with_parents_positions_and_ends() {
    let stream = parsed(r#"{"a": 1, "l": [true, {"k": "v"}, []], "z": null}"#);
    let shape: Vec<_> = stream.documents[0]
        .nodes
        .iter()
        .map(|node| {
            let key = node.key.as_ref().map(|key| key.text.as_ref());
            (node.parent.map(|parent| parent.0), key, node.position, node.end.0)
        })
        .collect();
    assert_eq!(
        shape,
        [
            (None, None, 0, 8),
            (Some(0), Some("a"), 0, 2),
            (Some(0), Some("l"), 1, 7),
            (Some(2), None, 0, 4),
            (Some(2), None, 1, 6),
            (Some(4), Some("k"), 0, 6),
            (Some(2), None, 2, 7),
            (Some(0), Some("z"), 2, 8),
        ]
    );
}

#[test]
fn spans_are_the_bytes_of_each_value_and_key() {
    let source = "{ \"a\" : 1.50 ,\n\"l\":[ \"x\\ny\" , {} ] }\n";
    let stream = parsed(source);
    let document = &stream.documents[0];
    let texts: Vec<_> = document.nodes.iter().map(|node| &source[node.span.range()]).collect();
    assert_eq!(
        texts,
        [
            "{ \"a\" : 1.50 ,\n\"l\":[ \"x\\ny\" , {} ] }",
            "1.50",
            "[ \"x\\ny\" , {} ]",
            "\"x\\ny\"",
            "{}"
        ]
    );
    assert_eq!(&source[document.nodes[2].key.as_ref().unwrap().span.range()], "\"l\"");
    assert_eq!(document.span, Span::new(0, source.len()));
}

#[test]
fn strings_are_borrowed_unless_they_hold_escapes() {
    let stream = parsed(r#"{"plain": "ä\/", "p": "ä", "\u0065": "\ud83d\ude00\b\f\n\r\t\"\\"}"#);
    assert!(matches!(&scalar(&stream, 2).value, Value::String(Cow::Borrowed("ä"))));
    assert_eq!(scalar(&stream, 1).value, Value::String("ä/".into()));
    assert_eq!(scalar(&stream, 3).value, Value::String("😀\u{8}\u{c}\n\r\t\"\\".into()));
    assert_eq!(stream.documents[0].nodes[3].key.as_ref().unwrap().text, "e");
    assert_eq!(scalar(&stream, 1).style, Style::DoubleQuoted);
}

#[test]
fn a_byte_order_mark_is_skipped_and_is_no_column() {
    let stream = parsed("\u{feff}{\"a\": 1}");
    assert_eq!(stream.documents[0].nodes[0].span, Span::new(3, 11));
    assert_eq!(stream.documents[0].span.start, 0);
    assert_eq!(error("\u{feff}[1]".as_bytes())[..3], *"1:1");
    assert_eq!(error("\u{feff}\u{feff}{}".as_bytes())[..3], *"1:1");
}

#[test]
fn the_top_level_must_be_one_object() {
    assert_eq!(
        error(b" [1]"),
        "1:2 the top level is an array; SOPS's format needs an object there: wrap it in one"
    );
    assert_eq!(error(b"\"x\""), "1:1 the top level is no object, which SOPS's format needs");
    assert_eq!(error(b"\n"), "2:1 the file is empty; it needs one object");
    assert_eq!(error(b""), "1:1 the file is empty; it needs one object");
    assert_eq!(error(b"{}\n{}"), "2:1 the object ends before this; one file holds one object");
    assert!(parse(b"{} \r\n\t").is_ok());
}

#[test]
fn a_key_that_stands_twice_is_refused_at_its_second_place() {
    let problem = "the key \"a\" stands twice in the same object";
    assert_eq!(error(b"{\"a\":1,\n \"b\":{\"a\":2},\n \"a\":3}"), format!("3:2 {problem}"));
    assert_eq!(error(b"{\"a\":1, \"\\u0061\":3}"), format!("1:9 {problem}"));
    let many: Vec<_> = (0..100).map(|n| format!("\"k{n}\":0")).collect();
    let source = format!("{{\"a\":[{{\"k1\":0}}],{},\"a\":1}}", many.join(","));
    assert!(error(source.as_bytes()).ends_with(problem));
    let unique = source.replace(",\"a\":1}", "}");
    assert!(parse(unique.as_bytes()).is_ok());
}

#[test]
fn nesting_is_limited_without_using_the_stack() {
    let nested =
        |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(parse(nested(1_000).as_bytes()).is_ok());
    assert_eq!(
        error(nested(1_001).as_bytes()),
        "1:1005 objects and arrays are nested more than 1000 deep"
    );
    let open = format!("{{\"a\":{}", "[".repeat(5_000_000));
    assert!(parse(open.as_bytes()).is_err());
}

#[test]
fn broken_syntax_is_refused_with_its_position() {
    for (source, expected) in [
        ("{\"a\" 1}", "1:6 expected `:` behind the key"),
        ("{\"a\":1 \"b\":2}", "1:8 expected `,` or `}`"),
        ("{\"a\":[1 2]}", "1:9 expected `,` or `]`"),
        ("{\"a\":[1}", "1:8 expected `,` or `]`"),
        ("{\"a\":1]", "1:7 expected `,` or `}`"),
        ("{\"a\":1,}", "1:7 a comma with nothing behind it"),
        ("{\"a\":[1,]}", "1:8 a comma with nothing behind it"),
        ("{,}", "1:2 expected a key in double quotes"),
        ("{a:1}", "1:2 expected a key in double quotes"),
        ("{'a':1}", "1:2 expected a key in double quotes"),
        ("{\"a\":,}", "1:6 expected a value"),
        ("{\"a\":tru}", "1:6 expected a value"),
        ("{\"a\":NaN}", "1:6 expected a value"),
        ("{\"a\":True}", "1:6 expected a value"),
        ("{\"a\":truex}", "1:10 expected `,` or `}`"),
        ("{\"a\":01}", "1:7 expected `,` or `}`"),
        ("{\"a\":+1}", "1:6 expected a value"),
        ("{\"a\":1.}", "1:6 this begins like a number, but is none"),
        ("{\"a\":-}", "1:6 this begins like a number, but is none"),
        ("{\"a\":1e999}", "1:6 the number is too large for a 64-bit float"),
        ("{\"a\":1", "1:7 the file ends inside an object"),
        ("{\"a\":[", "1:7 the file ends where a value should stand"),
        ("{\"a\":[1", "1:8 the file ends inside an array"),
        ("{\"a\":", "1:6 the file ends where a value should stand"),
        ("{\"a\":1,", "1:8 the file ends where a key should stand"),
        ("{", "1:2 the file ends where a key should stand"),
        ("{\"a", "1:4 the file ends inside a string"),
        ("{\"a\":\"\\", "1:7 a backslash that begins no escape"),
        ("// c\n{}", "1:1 the top level is no object, which SOPS's format needs"),
        ("{\"a\":1 /* c */}", "1:8 expected `,` or `}`"),
        ("{\"a\":\u{a0}1}", "1:6 expected a value"),
    ] {
        assert_eq!(error(source.as_bytes()), expected, "{source}");
    }
}

#[test]
fn broken_strings_are_refused_with_their_position() {
    let surrogate = "`\\u` needs four hex digits, and surrogates come in pairs";
    for (source, expected) in [
        ("{\"a\":\"x\ty\"}", "1:8 a line break or control character inside a string".to_owned()),
        ("{\"a\":\"ä\n\"}", "1:8 a line break or control character inside a string".to_owned()),
        ("{\"a\":\"\u{0}\"}", "1:7 a line break or control character inside a string".to_owned()),
        ("{\"a\":\"\\x\"}", "1:7 a backslash that begins no escape".to_owned()),
        ("{\"a\":\"\\ud800\"}", format!("1:7 {surrogate}")),
        ("{\"a\":\"\\udc00\"}", format!("1:7 {surrogate}")),
        ("{\"a\":\"\\ud800\\u0041\"}", format!("1:7 {surrogate}")),
        ("{\"a\":\"\\ud800\\n\"}", format!("1:7 {surrogate}")),
        ("{\"a\":\"\\u12g4\"}", format!("1:7 {surrogate}")),
        ("{\"a\":\"\\u+123\"}", format!("1:7 {surrogate}")),
        ("{\"a\":\"\\u12", format!("1:7 {surrogate}")),
        ("{\"a\":\"\\u12äö\"}", format!("1:7 {surrogate}")),
    ] {
        assert_eq!(error(source.as_bytes()), expected, "{source}");
    }
    assert_eq!(error(b"{\"a\":\n\"x\xff\"}"), "2:3 this is not valid UTF-8");
    assert_eq!(error(b"{\"a\":\"\xed\xa0\x80\"}"), "1:7 this is not valid UTF-8");
}

#[test]
fn no_error_holds_text_of_a_value() {
    let source = "{\"password\": \"hunter2\", \"list\": [\"hunter2\", 41414141, true]}";
    for at in 0..source.len() {
        for byte in [b'"', b'\\', b'}', b',', b'\n', b'x', 0xFF] {
            let mut broken = source.as_bytes().to_vec();
            broken[at] = byte;
            if let Err(error) = parse(&broken) {
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("unter") && !shown.contains("4141"), "{shown}");
            }
        }
    }
}

#[test]
fn files_of_sops_parse() {
    for source in [
        include_bytes!("../../../../../../tests/vectors/json/sops-3.9.4.json").as_slice(),
        include_bytes!("../../../../../../tests/vectors/json/sops-3.13.2.json"),
    ] {
        let stream = parse(source).unwrap();
        let document = &stream.documents[0];
        assert_eq!(document.children(document.root()).count(), 10);
        assert!(document.string_at(&["sops", "mac"]).unwrap().starts_with("ENC["));
    }
}

/// Our tree in the terms of an independent reader.
fn as_serde(document: &Document<'_>, id: NodeId) -> serde_json::Value {
    let node = document.node(id);
    let members = document.children(id);
    match &node.content {
        Content::Mapping { .. } => members
            .map(|child| {
                let key = document.node(child).key.as_ref().unwrap();
                (key.text.to_string(), as_serde(document, child))
            })
            .collect(),
        Content::Sequence { .. } => members.map(|child| as_serde(document, child)).collect(),
        Content::Scalar(scalar) => match &scalar.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(bool) => (*bool).into(),
            Value::Int(int) => (*int).into(),
            Value::Float(float) => (*float).into(),
            Value::String(text) => text.as_ref().into(),
            other => panic!("JSON has no {other:?}"),
        },
        other => panic!("JSON has no {other:?}"),
    }
}

/// Numbers as floats: serde_json has `-0` as one, and integers beyond 63 bits as unsigned.
fn only_floats(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => (number.as_f64().unwrap() + 0.0).into(),
        serde_json::Value::Array(items) => items.into_iter().map(only_floats).collect(),
        serde_json::Value::Object(members) => {
            members.into_iter().map(|(key, value)| (key, only_floats(value))).collect()
        }
        other => other,
    }
}

fn blanks() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", " ", "\n", "\t ", "\r\n", "  \n\n"])
}

/// A JSON text with odd white space.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,22})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        "([a-z]|\\\\u00[0-9a-f]{2}|\\\\[\"/bfnrt]){0,8}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let item = (blanks(), inner, blanks()).prop_map(|(a, item, b)| format!("{a}{item}{b}"));
        let items = prop::collection::vec(item, 0..6);
        (items, any::<bool>(), blanks()).prop_map(|(items, is_object, gap)| {
            let members = items.iter().enumerate();
            if is_object {
                let members: Vec<_> =
                    members.map(|(n, item)| format!("{gap}\"k{n}\"{gap}:{item}")).collect();
                format!("{{{}{gap}}}", members.join(","))
            } else if items.is_empty() {
                format!("[{gap}]")
            } else {
                format!("[{}]", items.join(","))
            }
        })
    })
}

proptest! {
    #[test]
    fn reads_the_values_that_an_independent_reader_reads(text in json_text()) {
        let source = format!("{{\"root\":{text}}}");
        let stream = parsed(&source);
        let document = &stream.documents[0];
        let expected: serde_json::Value = serde_json::from_str(&source).unwrap();
        prop_assert_eq!(only_floats(as_serde(document, NodeId::ROOT)), only_floats(expected));
    }

    #[test]
    fn every_span_reads_back_as_its_own_value(text in json_text()) {
        let source = format!("{{\"root\":{text}}}");
        let stream = parsed(&source);
        let document = &stream.documents[0];
        for index in 0..document.nodes.len() {
            let id = NodeId(index as u32);
            let own = &source[document.node(id).span.range()];
            let expected: serde_json::Value = serde_json::from_str(own).unwrap();
            prop_assert_eq!(only_floats(as_serde(document, id)), only_floats(expected));
        }
    }

    #[test]
    fn accepts_and_refuses_what_an_independent_reader_does(
        text in json_text(),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"\"\\{}[],:01.e-+tn \n\x00\x80u/".to_vec()),
        insert in any::<bool>(),
    ) {
        let mut source = format!("{{\"root\":{text}}}").into_bytes();
        let at = at.index(source.len());
        if insert { source.insert(at, byte) } else { source[at] = byte }
        let theirs = serde_json::from_slice::<serde_json::Value>(&source);
        let ours = parse(&source);
        let stricter = ours.as_ref().is_err_and(|error| {
            error.problem.contains("top level") || error.problem.contains("twice")
        });
        prop_assert!(stricter || ours.is_ok() == theirs.is_ok(), "{ours:?} {theirs:?}");
    }

    #[test]
    fn no_bytes_panic(source in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse(&source);
    }
}

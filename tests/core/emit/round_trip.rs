//! What is printed reads back as what was printed, whatever it is; what cannot is a clean error.

use proptest::prelude::*;
use seal_core::document::{Timestamp, Value};
use seal_core::emit::{Comment, EmitError, Entry, Item, Node, Scalar, Style, Tree, emit};
use seal_core::format::{BlockIndent, Format};

/// Stands in every text, and may stand in no error.
const SECRET: &str = "hunter2";

fn scalar(value: Value<'static>) -> Node {
    Node::Scalar(Scalar::new(value))
}

fn text(text: impl Into<String>) -> Node {
    scalar(Value::String(text.into().into()))
}

fn pair(key: &str, value: Node) -> Entry {
    Entry::Pair { key: key.into(), value }
}

fn tree(entries: Vec<Entry>) -> Tree {
    Tree { documents: vec![entries], comments_follow: false }
}

/// What a reader of `format` has of a tree, comments left out.
fn shape(format: Format, tree: &Tree) -> String {
    let documents = tree.documents.iter().map(|entries| of_entries(format, entries, true));
    documents.collect::<Vec<_>>().join("\n---\n")
}

fn of_entries(format: Format, entries: &[Entry], is_top: bool) -> String {
    let entries = entries.iter().filter_map(|entry| match entry {
        Entry::Pair { key, value: Node::Mapping(inner) }
            if is_top && format == Format::Ini && **key == *"DEFAULT" && inner.is_empty() =>
        {
            None
        }
        Entry::Pair { key, value } => Some(format!("{key:?}: {}", of_node(format, value))),
        Entry::Comment(_) => None,
    });
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}

fn of_node(format: Format, node: &Node) -> String {
    match node {
        Node::Mapping(entries) => of_entries(format, entries, false),
        Node::Sequence(items) => {
            let items = items.iter().filter_map(|item| match item {
                Item::Node(node) => Some(of_node(format, node)),
                Item::Comment(_) => None,
            });
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Node::Scalar(scalar) => match (format, scalar.value()) {
            (_, Value::Null) => "null".to_owned(),
            (Format::Dotenv | Format::Ini, value) => {
                let text = match value {
                    Value::Bool(bool) => bool.to_string(),
                    value => String::from_utf8_lossy(&value.canonical()).into_owned(),
                };
                // `1` and `1.0` are texts there.
                match text.parse::<f64>() {
                    Ok(float) => format!("number {:?}", float + 0.0),
                    Err(_) => format!("{text:?}"),
                }
            }
            (Format::Json, Value::Time(time)) => format!("{:?}", time.to_rfc3339()),
            (_, Value::Bool(bool)) => bool.to_string(),
            // A whole number may be an integer afterwards.
            (_, Value::Int(int)) => format!("number {:?}", *int as f64 + 0.0),
            (_, Value::Float(float)) => format!("number {:?}", float + 0.0),
            (_, Value::Time(time)) => time.to_rfc3339(),
            (_, Value::String(text)) => format!("{text:?}"),
            (_, other) => format!("{:?}", other.canonical().to_vec()),
        },
    }
}

fn comments(tree: &Tree) -> Vec<String> {
    fn of_entries(entries: &[Entry], out: &mut Vec<String>) {
        for entry in entries {
            match entry {
                Entry::Comment(comment) => out.push(comment.text.to_string()),
                Entry::Pair { value, .. } => of_node(value, out),
            }
        }
    }
    fn of_node(node: &Node, out: &mut Vec<String>) {
        match node {
            Node::Mapping(entries) => of_entries(entries, out),
            Node::Sequence(items) => {
                for item in items {
                    match item {
                        Item::Comment(comment) => out.push(comment.text.to_string()),
                        Item::Node(node) => of_node(node, out),
                    }
                }
            }
            Node::Scalar(_) => {}
        }
    }
    let mut out = Vec::new();
    tree.documents.iter().for_each(|entries| of_entries(entries, &mut out));
    out
}

fn read_back(format: Format, text: &[u8]) -> Tree {
    let stream = format.parse(text).unwrap_or_else(|error| {
        panic!("{error:?}\n{}", String::from_utf8_lossy(text));
    });
    Tree::read(format, &stream).unwrap()
}

/// Prints, and checks what comes back. True where it could be printed.
fn check(format: Format, tree: &Tree, style: &Style) -> Result<bool, TestCaseError> {
    match emit(format, tree, style) {
        Ok(printed) => {
            let back = read_back(format, printed.expose());
            prop_assert_eq!(shape(format, &back), shape(format, tree));
            Ok(true)
        }
        Err(error) => {
            let said = [error.to_string(), format!("{error:?}")].concat();
            // Keys are named, and may be anything.
            prop_assert!(!said.contains(SECRET));
            Ok(false)
        }
    }
}

fn odd_text() -> impl Strategy<Value = String> {
    let characters = prop_oneof![
        6 => proptest::sample::select(" \n\t\"'`#;=:[]{}-?,&*!|>%@\\~.+_0123abe<y".chars().collect::<Vec<_>>()),
        1 => any::<char>(),
        1 => proptest::sample::select("\0\r\u{7}\u{85}\u{a0}\u{2028}\u{feff}\u{fffe}é😀".chars().collect::<Vec<_>>()),
    ];
    let words = prop_oneof![
        Just("true"),
        Just("no"),
        Just("null"),
        Just("~"),
        Just("1e3"),
        Just("0x1F"),
        Just("1:30"),
        Just("2024-01-01"),
        Just("<<"),
        Just(".inf"),
        Just("DEFAULT"),
        Just("sops_x"),
        Just(""),
        Just("---"),
        Just("data"),
    ];
    prop_oneof![
        4 => proptest::collection::vec(characters, 0..12).prop_map(|all| all.into_iter().collect()),
        1 => words.prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        4 => odd_text().prop_map(|text| Value::String(format!("{text}{SECRET}").into())),
        4 => odd_text().prop_map(|text| Value::String(text.into())),
        1 => any::<i64>().prop_map(Value::Int),
        1 => any::<f64>().prop_map(Value::Float),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
        1 => any::<u32>().prop_map(|s| Value::Time(Timestamp::from_unix_seconds(u64::from(s)))),
        1 => proptest::collection::vec(any::<u8>(), 1..6).prop_map(|bytes| match String::from_utf8(bytes) {
            Ok(text) => Value::String(text.into()),
            Err(error) => Value::Bytes(error.into_bytes().into()),
        }),
    ]
}

fn unique(entries: Vec<(String, Node)>) -> Vec<Entry> {
    let mut seen = std::collections::HashSet::new();
    let entries = entries.into_iter().filter(|(key, _)| seen.insert(key.clone()));
    entries.map(|(key, value)| pair(&key, value)).collect()
}

// Trees are not `Clone`, on purpose; the strategies make them of these.
#[derive(Clone, Debug)]
enum Plan {
    Scalar(Value<'static>),
    Sequence(Vec<Plan>),
    Mapping(Vec<(String, Plan)>),
}

impl Plan {
    fn node(self) -> Node {
        match self {
            Self::Scalar(value) => scalar(value),
            Self::Sequence(items) => {
                Node::Sequence(items.into_iter().map(|item| Item::Node(item.node())).collect())
            }
            Self::Mapping(entries) => Node::Mapping(Self::entries(entries)),
        }
    }

    fn entries(entries: Vec<(String, Self)>) -> Vec<Entry> {
        unique(entries.into_iter().map(|(key, plan)| (key, plan.node())).collect())
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    value().prop_map(Plan::Scalar).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Plan::Sequence),
            proptest::collection::vec((odd_text(), inner), 0..4).prop_map(Plan::Mapping),
        ]
    })
}

fn nested() -> impl Strategy<Value = Vec<(String, Plan)>> {
    proptest::collection::vec((odd_text(), plan()), 0..5)
}

fn flat() -> impl Strategy<Value = Vec<(String, Plan)>> {
    proptest::collection::vec((odd_text(), value().prop_map(Plan::Scalar)), 0..5)
}

fn style() -> impl Strategy<Value = Style> {
    (0usize..11, proptest::option::of(0usize..5)).prop_map(|(yaml, json)| Style {
        indent: BlockIndent { yaml, json: json.map(|count| " ".repeat(count)) },
        as_sops: false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn yaml_carries_every_tree(
        documents in proptest::collection::vec(nested(), 1..3),
        style in style(),
    ) {
        let documents = documents.into_iter().map(Plan::entries).collect();
        let tree = Tree { documents, comments_follow: false };
        prop_assert!(check(Format::Yaml, &tree, &style)?);
    }

    #[test]
    fn json_carries_every_tree_or_refuses_it(entries in nested(), style in style()) {
        check(Format::Json, &tree(Plan::entries(entries)), &style)?;
    }

    #[test]
    fn dotenv_carries_flat_trees_or_refuses_them(entries in flat(), style in style()) {
        check(Format::Dotenv, &tree(Plan::entries(entries)), &style)?;
    }

    #[test]
    fn ini_carries_sections_or_refuses_them(
        sections in proptest::collection::vec((odd_text(), flat()), 0..4),
        style in style(),
    ) {
        let sections = sections.into_iter().map(|(name, keys)| (name, Plan::Mapping(keys)));
        check(Format::Ini, &tree(Plan::entries(sections.collect())), &style)?;
    }

    #[test]
    fn printing_as_sops_does_never_panics(entries in nested(), flat in flat(), style in style()) {
        let style = Style { as_sops: true, ..style };
        let nested = tree(Plan::entries(entries));
        let flat = Plan::entries(flat);
        for format in [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary] {
            let _ = emit(format, &nested, &style);
        }
        let sections = tree(vec![pair("a", Node::Mapping(flat))]);
        let _ = emit(Format::Ini, &sections, &style);
    }

    #[test]
    fn tame_texts_go_through_every_format(values in proptest::collection::vec("[ -~é]{0,20}", 1..6)) {
        let keys = || values.iter().enumerate().map(|(index, value)| {
            // Only this one has a meaning in dotenv.
            (format!("KEY_{index}"), text(value.replace('\\', "/")))
        });
        for format in [Format::Yaml, Format::Json, Format::Dotenv] {
            prop_assert!(check(format, &tree(unique(keys().collect())), &Style::default())?);
        }
        let section = pair("section", Node::Mapping(unique(keys().collect())));
        prop_assert!(check(Format::Ini, &tree(vec![section]), &Style::default())?);
    }

    #[test]
    fn no_comment_is_lost(
        entries in proptest::collection::vec(("[ -~]{0,12}", "[a-z]{1,8}", "[a-z]{1,8}"), 1..6),
        last in "[ -~]{0,12}",
    ) {
        let entries = || {
            let mut out: Vec<Entry> = entries.iter().enumerate().flat_map(|(index, (comment, key, value))| {
                let key = format!("{key}{index}");
                [Entry::Comment(Comment::new(comment)), pair(&key, text(value.as_str()))]
            }).collect();
            out.push(Entry::Comment(Comment::new(&last)));
            out
        };
        let flat = tree(entries());
        for format in [Format::Yaml, Format::Dotenv] {
            let printed = emit(format, &flat, &Style::default()).unwrap();
            prop_assert_eq!(comments(&read_back(format, printed.expose())), comments(&flat));
        }
        let sections = tree(vec![pair("a", Node::Mapping(entries())), pair("b", Node::Mapping(entries()))]);
        let printed = emit(Format::Yaml, &sections, &Style::default()).unwrap();
        prop_assert_eq!(comments(&read_back(Format::Yaml, printed.expose())), comments(&sections));
    }
}

fn cases() -> u32 {
    std::env::var("SEAL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
}

fn refusal(format: Format, tree: &Tree) -> EmitError {
    emit(format, tree, &Style::default()).unwrap_err()
}

#[test]
fn what_a_format_has_no_form_for_is_named_by_its_path() {
    let deep = tree(vec![pair("a", Node::Mapping(vec![pair("b", Node::Mapping(Vec::new()))]))]);
    assert_eq!(
        refusal(Format::Dotenv, &deep).to_string(),
        r#"["a"]: dotenv has no place for a mapping"#
    );
    assert_eq!(
        refusal(Format::Ini, &deep).to_string(),
        r#"["a"]["b"]: ini has no place for a mapping"#
    );
    let flat = tree(vec![pair("a", text("x"))]);
    assert_eq!(
        refusal(Format::Ini, &flat).to_string(),
        r#"["a"]: ini holds values only in sections; this stands in none"#
    );
    assert_eq!(refusal(Format::Binary, &flat), EmitError::NoData);
    let nan =
        tree(vec![pair("l", Node::Sequence(vec![Item::Node(scalar(Value::Float(f64::NAN)))]))]);
    assert_eq!(
        refusal(Format::Json, &nan).to_string(),
        r#"["l"][0]: json has no form for infinity, nor for what is no number"#
    );
    let null = tree(vec![pair("n", scalar(Value::Null))]);
    assert_eq!(refusal(Format::Dotenv, &null).to_string(), r#"["n"]: dotenv has no form for null"#);
    let two = Tree { documents: vec![Vec::new(), Vec::new()], comments_follow: false };
    assert_eq!(
        refusal(Format::Json, &two).to_string(),
        "the file has 2 documents, and json holds only one"
    );
}

#[test]
fn what_would_be_read_as_something_else_is_an_error() {
    let lost = |format, entries: Vec<Entry>| match refusal(format, &tree(entries)) {
        EmitError::Lost { path, .. } => path.to_string(),
        other => format!("{other}"),
    };
    // A backslash and an `n` are a line break in dotenv.
    assert_eq!(lost(Format::Dotenv, vec![pair("A", text("C:\\new"))]), r#"["A"]"#);
    assert_eq!(lost(Format::Dotenv, vec![pair("#A", text("x"))]), r##"["#A"]"##);
    assert_eq!(lost(Format::Dotenv, vec![pair("A=B", text("x"))]), r#"["A=B"]"#);
    let twice = vec![pair("A", text("x")), pair("A", text("y"))];
    assert!(lost(Format::Yaml, twice).contains("twice"));
    // Everything but `data` would be gone.
    let more = vec![pair("data", text("x")), pair("more", text("y"))];
    assert_eq!(lost(Format::Binary, more), r#"["more"]"#);
}

#[test]
fn hostile_trees_are_clean_errors_or_come_through() {
    let mut node = text(SECRET);
    for _ in 0..600 {
        node = Node::Mapping(vec![pair("a", node)]);
    }
    let deep = tree(vec![pair("a", node)]);
    for format in [Format::Yaml, Format::Json] {
        assert!(matches!(refusal(format, &deep), EmitError::TooDeep { .. }));
    }
    let huge = "k".repeat(1 << 20);
    let keys = tree(vec![pair(&huge, Node::Mapping(vec![pair(&huge, text(SECRET))]))]);
    for format in [Format::Yaml, Format::Json] {
        let printed = emit(format, &keys, &Style::default()).unwrap();
        assert_eq!(shape(format, &read_back(format, printed.expose())), shape(format, &keys));
    }
    // No comment of YAML can hold such a character.
    let comment = tree(vec![Entry::Comment(Comment::new("\u{1}hunter2")), pair("a", text("x"))]);
    let error = refusal(Format::Yaml, &comment);
    assert!(matches!(error, EmitError::Unreadable { .. }) && !error.to_string().contains(SECRET));
}

#[test]
fn a_comment_on_a_key_stays_with_it_between_ini_and_yaml() {
    let source = b"; on a\na = 1\n; on b\nb = 2\n\n; on the section\n[s]\n; on c\nc = 3\n";
    let stream = Format::Ini.parse(source).unwrap();
    let tree = Tree::read(Format::Ini, &stream).unwrap();
    let yaml = emit(Format::Yaml, &tree, &Style::default()).unwrap();
    let yaml = std::str::from_utf8(yaml.expose()).unwrap();
    let lines: Vec<&str> = yaml.lines().map(str::trim).collect();
    let position = |line| lines.iter().position(|found| *found == line).expect(line);
    for (comment, key) in [("#on a", "a: \"1\""), ("#on b", "b: \"2\""), ("#on c", "c: \"3\"")] {
        assert_eq!(position(comment) + 1, position(key), "{yaml}");
    }
    let stream = Format::Yaml.parse(yaml.as_bytes()).unwrap();
    let back = Tree::read(Format::Yaml, &stream).unwrap();
    let ini = emit(Format::Ini, &back, &Style::default()).unwrap();
    let ini = std::str::from_utf8(ini.expose()).unwrap();
    for pair in ["; on b\nb = 2", "; on a\na = 1"] {
        assert!(ini.contains(pair), "{ini}");
    }
}

#[test]
fn aliases_are_written_out() {
    let source = b"base: &b {x: 1}\ncopy: *b\n";
    let stream = Format::Yaml.parse(source).unwrap();
    let tree = Tree::read(Format::Yaml, &stream).unwrap();
    let json = emit(Format::Json, &tree, &Style::default()).unwrap();
    assert_eq!(
        std::str::from_utf8(json.expose()).unwrap(),
        "{\n\t\"base\": {\n\t\t\"x\": 1\n\t},\n\t\"copy\": {\n\t\t\"x\": 1\n\t}\n}\n"
    );
}

use super::*;

fn target(path: &Path) -> Target<'_> {
    Target { document: 0, path, as_sops: false }
}

fn try_set(format: Format, source: &str, path: &str, value: &str) -> Result<String, ChangeError> {
    let path = Path::parse(path).unwrap();
    let value = NewValue::from_json(value.as_bytes()).unwrap();
    let changed = set(format, source.as_bytes(), &target(&path), &value)?;
    let text = changed.map_or(source.as_bytes().to_vec(), |text| text.expose().to_vec());
    Ok(String::from_utf8(text).unwrap())
}

fn try_unset(format: Format, source: &str, path: &str) -> Result<String, ChangeError> {
    let path = Path::parse(path).unwrap();
    let changed = unset(format, source.as_bytes(), &target(&path))?;
    Ok(String::from_utf8(changed.expose().to_vec()).unwrap())
}

#[track_caller]
fn yaml_set(source: &str, path: &str, value: &str, expected: &str) {
    assert_eq!(try_set(Format::Yaml, source, path, value).as_deref(), Ok(expected), "{path}");
}

#[track_caller]
fn json_set(source: &str, path: &str, value: &str, expected: &str) {
    assert_eq!(try_set(Format::Json, source, path, value).as_deref(), Ok(expected), "{path}");
}

#[track_caller]
fn yaml_unset(source: &str, path: &str, expected: &str) {
    assert_eq!(try_unset(Format::Yaml, source, path).as_deref(), Ok(expected), "{path}");
}

#[track_caller]
fn json_unset(source: &str, path: &str, expected: &str) {
    assert_eq!(try_unset(Format::Json, source, path).as_deref(), Ok(expected), "{path}");
}

#[test]
fn a_scalar_is_replaced_in_its_own_style() {
    let source = "# head\na:   old   # inline\nb: 'old'\nc: \"old\"\nd: |\n  old\ne: >-\n  old\n  text\n\nf: 1\n";
    yaml_set(source, "a", "\"new\"", &source.replace("a:   old ", "a:   new "));
    yaml_set(source, "a", "\"yes\"", &source.replace("a:   old ", "a:   \"yes\" "));
    yaml_set(source, "a", "\"x: y\"", &source.replace("a:   old ", "a:   'x: y' "));
    yaml_set(
        source,
        "a",
        "12345678901234567",
        &source.replace(":   old ", ":   12345678901234567 "),
    );
    yaml_set(source, "a", "1.0", &source.replace("a:   old ", "a:   1.0 "));
    yaml_set(source, "a", "null", &source.replace("a:   old ", "a:   null "));
    yaml_set(source, "b", "\"it's\"", &source.replace("b: 'old'", "b: 'it''s'"));
    yaml_set(source, "b", "7", &source.replace("b: 'old'", "b: 7"));
    yaml_set(source, "c", "\"a\\nb\"", &source.replace("c: \"old\"", "c: \"a\\nb\""));
    yaml_set(
        source,
        "d",
        "\"new\\nlines\\n\"",
        &source.replace("d: |\n  old\n", "d: |\n  new\n  lines\n"),
    );
    yaml_set(source, "d", "\"new\"", &source.replace("d: |\n  old\n", "d: new\n"));
    yaml_set(source, "e", "\"new text\"", &source.replace("  old\n  text\n", "  new text\n"));
    yaml_set(source, "e", "[]", &source.replace(">-\n  old\n  text\n", "[]\n"));
    yaml_set(source, "f", "2", &source.replace("f: 1", "f: 2"));
}

#[test]
fn a_text_of_several_lines_becomes_a_block() {
    yaml_set("a: x # why\nb: 1\n", "a", "\"p\\n\\nq\\n\"", "a: | # why\n  p\n\n  q\nb: 1\n");
    yaml_set("l:\n- x\n", "l/0", "\"p\\nq\"", "l:\n- |-\n  p\n  q\n");
    yaml_set(
        "m:\n    a: 1\n",
        "m/b",
        "\"p\\nq\\n\"",
        "m:\n    a: 1\n    b: |\n        p\n        q\n",
    );
    // Without a line break at its end the last line of a file would lose its own.
    yaml_set("a: 1", "b", "\"p\\nq\\n\"", "a: 1\nb: \"p\\nq\\n\"");
}

#[test]
fn what_is_there_already_is_no_change() {
    let path = Path::parse("m").unwrap();
    for (source, value) in [
        ("m: 0x10 # hex\n", "16"),
        ("m: \"x\"\n", "\"x\""),
        ("m: {a: [1, 2.50]}\n", "{\"a\": [1, 2.5]}"),
        ("m:\n", "null"),
    ] {
        let value = NewValue::from_json(value.as_bytes()).unwrap();
        let changed = set(Format::Yaml, source.as_bytes(), &target(&path), &value).unwrap();
        assert!(changed.is_none(), "{source}");
    }
}

#[test]
fn an_integer_is_no_float() {
    yaml_set("a: 1.0\n", "a", "1", "a: 1\n");
    yaml_set("a: 1\n", "a", "1.0", "a: 1.0\n");
    json_set("{\"a\": 1}", "a", "1.0", "{\"a\": 1.0}");
    json_set("{\"a\": 1}", "a", "9007199254740993", "{\"a\": 9007199254740993}");
}

#[test]
fn a_value_becomes_a_collection_and_the_other_way_round() {
    let source = "a: x # c\nm:\n    k: 1 # k\n    # foot of k\n\n# next\nl:\n- 1\n- a: 1\n  b: 2\n";
    yaml_set(
        source,
        "a",
        "{\"x\": 1, \"w\": [true]}",
        &source.replace("a: x # c\n", "a: # c\n    x: 1\n    w:\n    - true\n"),
    );
    yaml_set(
        source,
        "m",
        "\"s\"",
        &source.replace("m:\n    k: 1 # k\n    # foot of k\n", "m: s\n"),
    );
    yaml_set(
        source,
        "m",
        "[1]",
        &source.replace("m:\n    k: 1 # k\n    # foot of k\n", "m:\n- 1\n"),
    );
    yaml_set(source, "l/1", "5", &source.replace("- a: 1\n  b: 2\n", "- 5\n"));
    yaml_set(
        source,
        "l/0",
        "{\"a\": 1, \"b\": [2]}",
        &source.replace("- 1\n", "- a: 1\n  b:\n  - 2\n"),
    );
    yaml_set(source, "l/1", "[[1], {}]", &source.replace("- a: 1\n  b: 2\n", "- - - 1\n  - {}\n"));
    yaml_set(source, "l", "{}", &source.replace("l:\n- 1\n- a: 1\n  b: 2\n", "l: {}\n"));
}

#[test]
fn missing_keys_and_mappings_are_made_as_deep_as_their_siblings() {
    yaml_set("a: 1\n", "b", "2", "a: 1\nb: 2\n");
    yaml_set("a: 1", "b", "2", "a: 1\nb: 2");
    yaml_set("a: 1\r\n", "b", "2", "a: 1\r\nb: 2\r\n");
    yaml_set("m:\n   a: 1\nz: 1\n", "m/b", "2", "m:\n   a: 1\n   b: 2\nz: 1\n");
    yaml_set("m:\n   a: 1\n", "q/o/p", "2", "m:\n   a: 1\nq:\n   o:\n      p: 2\n");
    yaml_set("a: 1\n", "l[0]", "2", "a: 1\n\"l[0]\": 2\n".replace("\"l[0]\"", "l[0]").as_str());
    yaml_set("a: 1\n", "[\"l\"][0][\"k\"]", "2", "a: 1\nl:\n  - k: 2\n");
    yaml_set("m: {}\n", "m/a", "1", "m:\n  a: 1\n");
    yaml_set("m:\nz: 1\n", "m/a", "1", "m:\n  a: 1\nz: 1\n");
    yaml_set("m: ~ # c\n", "m/a", "1", "m: # c\n  a: 1\n");
    yaml_set("l: []\n", "l/-", "1", "l:\n  - 1\n");
}

#[test]
fn new_keys_stand_in_quotes_where_they_need_them() {
    for (path, written) in [
        ("true", "\"true\": 1"),
        ("1", "\"1\": 1"),
        ("a b", "a b: 1"),
        ("[\"a: b\"]", "'a: b': 1"),
        ("[\"\"]", "\"\": 1"),
        ("tls.crt", "tls.crt: 1"),
        ("[\"a\nb\"]", "\"a\\nb\": 1"),
        ("#x", "'#x': 1"),
        ("<<", "\"<<\": 1"),
    ] {
        yaml_set("z: 0\n", path, "1", &format!("z: 0\n{written}\n"));
    }
    yaml_set("\"z\": 0\n", "a", "1", "\"z\": 0\n\"a\": 1\n");
}

#[test]
fn lists_grow_at_their_end() {
    yaml_set("l:\n- 1\n- 2 # two\nz: 1\n", "l/2", "3", "l:\n- 1\n- 2 # two\n- 3\nz: 1\n");
    yaml_set("l:\n  - 1\n", "l/-", "{\"a\": 1, \"b\": 2}", "l:\n  - 1\n  - a: 1\n    b: 2\n");
    yaml_set("l: [1, 2]\n", "l/-", "\"a, b\"", "l: [1, 2, \"a, b\"]\n");
    yaml_set("l: [\n  1,\n  2\n]\n", "l/-", "3", "l: [\n  1,\n  2,\n  3\n]\n");
    yaml_set("l:\n- a\n# about z\nz: 1\n", "l/-", "\"b\"", "l:\n- a\n- b\n# about z\nz: 1\n");
    yaml_set("l:\n  - a\n  # - c\nz: 1\n", "l/-", "\"b\"", "l:\n  - a\n  # - c\n  - b\nz: 1\n");
    let error = try_set(Format::Yaml, "l: [1]\n", "l/7", "3").unwrap_err();
    assert_eq!(error.to_string(), r#"no index 7 in ["l"], which has 1 items"#);
    let error = try_set(Format::Yaml, "a: 1\n", "[\"l\"][1]", "3").unwrap_err();
    assert_eq!(error.to_string(), r#"no index 1 in ["l"], which has 0 items"#);
}

#[test]
fn sops_appends_behind_any_index_and_goes_through_values() {
    let set = |source: &str, path: &str| {
        let path = Path::parse(path).unwrap();
        let target = Target { document: 0, path: &path, as_sops: true };
        let changed = set(Format::Yaml, source.as_bytes(), &target, &NewValue::string("x"));
        String::from_utf8(changed.unwrap().unwrap().expose().to_vec()).unwrap()
    };
    assert_eq!(set("l: [1]\n", "[\"l\"][7]"), "l: [1, x]\n");
    assert_eq!(set("a: 1\n", "[\"l\"][7]"), "a: 1\nl:\n  - x\n");
    assert_eq!(set("a: 1\n", "a/b"), "a:\n  b: x\n");
    assert!(matches!(
        try_set(Format::Yaml, "a: 1\n", "a/b", "1"),
        Err(ChangeError::Lookup(LookupError::BelowAValue { .. }))
    ));
}

#[test]
fn brackets_keep_their_layout() {
    yaml_set("m: {a: 1, b: x} # c\n", "m/b", "\"y, z\"", "m: {a: 1, b: \"y, z\"} # c\n");
    yaml_set("m: {a: 1, b: 'x'}\n", "m/b", "\"y\"", "m: {a: 1, b: 'y'}\n");
    yaml_set("m: {a: 1}\n", "m/b", "{\"c\": [null]}", "m: {a: 1, b: {c: [null]}}\n");
    yaml_set("m: {\"a\":1}\n", "m/b", "2", "m: {\"a\":1,\"b\": 2}\n");
    yaml_set("{\n  \"a\": 1\n}\n", "b", "[2]", "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}\n");
    yaml_set("m: {a, b: }\n", "m/a", "1", "m: {a: 1, b: }\n");
    yaml_set("m: {a, b: }\n", "m/b", "1", "m: {a, b: 1 }\n");
    yaml_set("m: {}\n", "m", "[]", "m: []\n");
    yaml_set("m: {a: {}}\n", "m/a/b", "1", "m: {a: {b: 1}}\n");
}

#[test]
fn an_empty_document_gets_its_first_value() {
    yaml_set("# only a comment\n", "a/b", "1", "# only a comment\na:\n  b: 1\n");
    yaml_set("# only a comment", "a", "1", "# only a comment\na: 1");
    yaml_set("", "a", "1", "a: 1\n");
    yaml_set("---\n", "a", "1", "---\na: 1\n");
    yaml_set("null\n", "a", "1", "a: 1\n");
    yaml_set("{}\n", "a", "1", "a: 1\n");
    json_set("{}", "a", "1", "{\"a\":1}");
    json_set("{\n}\n", "a", "[1]", "{\n  \"a\": [\n    1\n  ]\n}\n");
}

#[test]
fn the_document_that_is_meant_changes() {
    let source = "a: 1\n---\na: 1\n...\n---\na: 1\n";
    let path = Path::parse("b").unwrap();
    for (document, expected) in [
        (0, "a: 1\nb: 2\n---\na: 1\n...\n---\na: 1\n"),
        (1, "a: 1\n---\na: 1\nb: 2\n...\n---\na: 1\n"),
        (2, "a: 1\n---\na: 1\n...\n---\na: 1\nb: 2\n"),
    ] {
        let target = Target { document, path: &path, as_sops: false };
        let two = NewValue::from_json(b"2").unwrap();
        let changed = set(Format::Yaml, source.as_bytes(), &target, &two).unwrap().unwrap();
        assert_eq!(changed.expose(), expected.as_bytes());
    }
    let target = Target { document: 3, path: &path, as_sops: false };
    let error = set(Format::Yaml, source.as_bytes(), &target, &NewValue::Null).unwrap_err();
    assert_eq!(error, ChangeError::NoDocument { index: 3, documents: 3 });
}

#[test]
fn tags_and_anchors_stay_where_they_fit() {
    yaml_set("a: !env x\n", "a", "\"z\"", "a: !env z\n");
    yaml_set("a: !!int 3 # c\n", "a", "\"z\"", "a: z # c\n");
    yaml_set("a: !!str 3\n", "a", "4", "a: 4\n");
    yaml_set("a: &x !env y\n", "a", "4", "a: &x 4\n");
    yaml_set("a: !t\n  b: 1\n", "a", "4", "a: 4\n");
    yaml_set("a: &x\n  b: 1\n", "a/b", "{\"c\": 4}", "a: &x\n  b:\n    c: 4\n");
    yaml_set("a: &x\n  b: 1\n", "a", "[4]", "a: &x\n  - 4\n");
    yaml_set("a: [!!int 3]\n", "a/0", "\"z\"", "a: [z]\n");
}

#[test]
fn what_an_alias_has_to_do_with_is_refused() {
    let source = "a: &x\n  b: &y 1\n  c: 2\nd: *x\ne: {f: *y}\nm:\n  <<: *x\n  own: 1\n";
    for path in ["a", "a/b", "a/c", "a/new", "d", "d/b", "e/f"] {
        let error = try_set(Format::Yaml, source, path, "9").unwrap_err();
        assert!(matches!(error, ChangeError::Aliased { .. }), "{path}: {error}");
    }
    let error = try_unset(Format::Yaml, source, "a").unwrap_err();
    assert_eq!(error.to_string(), r#"["a"] is repeated by an alias"#);
    yaml_set(source, "m/own", "2", &source.replace("own: 1", "own: 2"));
    yaml_set(source, "m/b", "2", &format!("{source}  b: 2\n"));
    yaml_unset(source, "d", &source.replace("d: *x\n", ""));
    yaml_unset("m:\n  a: &x 1\n  b: *x\nn: 1\n", "m", "n: 1\n");
}

#[test]
fn unset_takes_the_lines_of_an_entry_and_no_others() {
    let source = "# head\na: 1\n\n# about b\nb: # the map\n  c: x # inline\n  # about d\n  d: |\n    y\n\n  e: [1]\n# end\nl:\n- 1\n- 2 # two\n- x: 1\n  # about y\n  y: 2\n";
    yaml_unset(source, "a", &source.replace("a: 1\n", ""));
    yaml_unset(source, "b/c", &source.replace("  c: x # inline\n", ""));
    yaml_unset(source, "b/d", &source.replace("  d: |\n    y\n", ""));
    yaml_unset(source, "b/e", &source.replace("  e: [1]\n", ""));
    yaml_unset(source, "b/e/0", &source.replace("[1]", "[]"));
    yaml_unset(source, "l/1", &source.replace("- 2 # two\n", ""));
    yaml_unset(source, "l/0", &source.replace("- 1\n", ""));
    yaml_unset(source, "l/2/x", &source.replace("- x: 1\n  # about y", "- # about y"));
    yaml_unset(source, "l/2/y", &source.replace("  y: 2\n", ""));
    let l = source.find("l:\n").unwrap();
    yaml_unset(source, "l", &source[..l]);
    yaml_unset("a: 1\nb: 2", "b", "a: 1");
    yaml_unset("a: 1\r\nb: 2", "b", "a: 1");
    yaml_unset("a: |\n  x\nb: 2", "b", "a: |\n  x\n");
    yaml_unset("- - a\n  - b\n".replace("- - a", "l:\n- - a").as_str(), "l/0/0", "l:\n- - b\n");
}

#[test]
fn a_collection_that_loses_its_last_value_stays_as_an_empty_one() {
    yaml_unset("a:\n  # why\n  b: 1 # c\nz: 1\n", "a/b", "a: {}\n  # why\nz: 1\n");
    yaml_unset("a: # c\n  - 1\n", "a/0", "a: [] # c\n");
    yaml_unset("a: 1\n", "a", "{}\n");
    yaml_unset("a: 1", "a", "{}");
    yaml_unset("l:\n- a: 1\n- b\n", "l/0/a", "l:\n- {}\n- b\n");
    yaml_unset("a: &x\n  b: 1", "a/b", "a: &x {}");
    json_unset("{\n  \"a\": [\n    1\n  ]\n}", "a/0", "{\n  \"a\": [\n  ]\n}");
    json_unset("{\"a\": {\"b\": 1 }}", "a/b", "{\"a\": { }}");
}

#[test]
fn brackets_lose_a_member_with_one_comma() {
    yaml_unset("m: {a: 1, b: 2, c: 3}\n", "m/a", "m: {b: 2, c: 3}\n");
    yaml_unset("m: {a: 1, b: 2, c: 3}\n", "m/b", "m: {a: 1, c: 3}\n");
    yaml_unset("m: {a: 1, b: 2, c: 3}\n", "m/c", "m: {a: 1, b: 2}\n");
    yaml_unset("m: {a: 1,}\n", "m/a", "m: {}\n");
    yaml_unset("m: [\n  1,\n  2, # two\n  3,\n]\n", "m/1", "m: [\n  1,\n  3,\n]\n");
    yaml_unset("m: [\n  1,\n  2\n]\n", "m/1", "m: [\n  1\n]\n");
    yaml_unset("m: {a, b}\n", "m/a", "m: {b}\n");
    json_unset("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "a", "{\n  \"b\": 2\n}\n");
    json_unset("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "b", "{\n  \"a\": 1\n}\n");
}

#[test]
fn json_is_laid_out_like_its_neighbours() {
    let source = "{\n\t\"a\": {\n\t\t\"b\": 1\n\t},\n\t\"l\": [1, 2],\n\t\"e\": {}\n}\n";
    json_set(source, "a/b", "\"x\\n<\"", &source.replace("\"b\": 1", "\"b\": \"x\\n<\""));
    json_set(
        source,
        "a/c",
        "[1]",
        &source.replace("\"b\": 1", "\"b\": 1,\n\t\t\"c\": [\n\t\t\t1\n\t\t]"),
    );
    json_set(source, "l/-", "{\"x\": 1}", &source.replace("[1, 2]", "[1, 2, {\"x\": 1}]"));
    json_set(
        source,
        "e/f/g",
        "1",
        &source.replace("{}", "{\n\t\t\"f\": {\n\t\t\t\"g\": 1\n\t\t}\n\t}"),
    );
    json_set(source, "a", "true", &source.replace("{\n\t\t\"b\": 1\n\t}", "true"));
    json_set(source, "z", "2", &source.replace("{}\n}", "{},\n\t\"z\": 2\n}"));
    json_set("{\"a\":1}", "b", "{\"c\":[1,2]}", "{\"a\":1,\"b\":{\"c\":[1,2]}}");
    json_set("{ \"a\": 1 }", "b", "2", "{ \"a\": 1, \"b\": 2 }");
}

#[test]
fn the_envelope_and_the_whole_document_are_no_values() {
    assert_eq!(try_set(Format::Yaml, "a: 1\n", "sops", "1"), Err(ChangeError::Envelope));
    yaml_set("a: {b: 1}\n", "a/sops", "1", "a: {b: 1, sops: 1}\n");
    let long = "a/".repeat(2_000) + "a";
    assert_eq!(
        try_set(Format::Yaml, "b: 1\n", &long, "1"),
        Err(ChangeError::Steps { steps: 2_001 })
    );
    let target = Target { document: 0, path: &Path::default(), as_sops: false };
    assert_eq!(
        unset(Format::Yaml, b"a: 1\n", &target).unwrap_err(),
        ChangeError::Steps { steps: 0 }
    );
}

#[test]
fn unset_says_what_there_is() {
    let error = try_unset(Format::Yaml, "a: {b: 1}\n", "a/c").unwrap_err();
    assert_eq!(error.to_string(), r#"no key "c" in ["a"]; it has "b""#);
}

#[test]
fn dotenv_gets_and_loses_lines() {
    let source = "# head\nA=1\n# about B\nB=two words\n\n# end\n";
    let set = |path, value| try_set(Format::Dotenv, source, path, value);
    assert_eq!(set("A", "\"x=y #z\""), Ok(source.replace("A=1", "A=x=y #z")));
    assert_eq!(set("B", "\"two\\nlines\""), Ok(source.replace("two words", "two\\nlines")));
    assert_eq!(set("C", "8080"), Ok(source.replace("words\n", "words\nC=8080\n")));
    assert_eq!(set("C", "true"), Ok(source.replace("words\n", "words\nC=true\n")));
    assert_eq!(try_set(Format::Dotenv, "A=1", "B", "\"2\"").as_deref(), Ok("A=1\nB=2"));
    assert_eq!(try_set(Format::Dotenv, "", "B", "\"2\"").as_deref(), Ok("B=2\n"));
    assert_eq!(try_unset(Format::Dotenv, source, "A"), Ok(source.replace("A=1\n", "")));
    assert_eq!(try_unset(Format::Dotenv, "A=1\nB=2", "B").as_deref(), Ok("A=1"));
    for (path, value) in [
        ("[\"A=B\"]", "\"x\""),
        ("#C", "\"x\""),
        ("[\"C\nD\"]", "\"x\""),
        ("sops_mac", "\"x\""),
        ("C", "\"a\\\\nb\""),
        ("C", "[]"),
        ("C", "null"),
        ("C/D", "\"x\""),
    ] {
        let error = set(path, value).unwrap_err();
        assert!(matches!(error, ChangeError::NotWritable { .. }), "{path} {value}: {error}");
    }
}

#[test]
fn ini_gets_and_loses_keys_and_sections() {
    let source = "top = 1\n\n; about one\n[one]\na    = 1 ; why\nlong = \"x\"\n\n[two]\n";
    let set = |path, value| try_set(Format::Ini, source, path, value);
    assert_eq!(set("one/a", "\"2\""), Ok(source.replace("= 1 ; why", "= 2 ; why")));
    assert_eq!(
        set("one/b", "\"2\""),
        Ok(source.replace("\"x\"\n", "\"x\"\nb    = 2\n").replace("b    = 2", "b = 2"))
    );
    assert_eq!(set("two/b", "true"), Ok(format!("{source}b = true\n")));
    assert_eq!(set("three/b", "\"a;b\""), Ok(format!("{source}\n[three]\nb = `a;b`\n")));
    assert_eq!(set("DEFAULT/b", "\"2\""), Ok(source.replace("top = 1\n", "top = 1\nb = 2\n")));
    assert_eq!(try_set(Format::Ini, "[a]\nk=1", "a/b", "\"2\"").as_deref(), Ok("[a]\nk=1\nb=2"));
    assert_eq!(try_set(Format::Ini, "", "a/b", "\"2\"").as_deref(), Ok("[a]\nb = 2\n"));
    assert_eq!(try_unset(Format::Ini, source, "one/a"), Ok(source.replace("a    = 1 ; why\n", "")));
    assert_eq!(try_unset(Format::Ini, source, "two"), Ok(source.replace("[two]\n", "")));
    assert_eq!(
        try_unset(Format::Ini, "[a]\n; x\nk=1\n; y\nl=2\n", "a/k").as_deref(),
        Ok("[a]\n; x\n\n; y\nl=2\n")
    );
    for (path, value) in
        [("one", "\"x\""), ("one/a/b", "\"x\""), ("new", "\"x\""), ("one/b", "[1]")]
    {
        assert!(set(path, value).is_err(), "{path} {value}");
    }
}

#[test]
fn a_binary_file_is_one_value() {
    assert_eq!(try_set(Format::Binary, "old\n", "data", "\"new\"").as_deref(), Ok("new"));
    assert!(try_set(Format::Binary, "old\n", "other", "\"new\"").is_err());
    assert!(try_unset(Format::Binary, "old\n", "data").is_err());
}

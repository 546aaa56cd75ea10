use proptest::prelude::*;

use super::*;

/// What Go says; made by `generate.go` beside it.
const TABLE: &str = include_str!("../../../../../tests/vectors/re2/table.json");

fn error(pattern: &str) -> PatternError {
    Pattern::new(pattern).unwrap_err()
}

fn matches(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern).unwrap().matches(text)
}

/// Patterns that Go takes and that are refused here all the same.
fn is_untranslatable(problem: &Problem) -> bool {
    matches!(problem, Problem::DetachedRepeat | Problem::Surrogate)
}

#[test]
fn agrees_with_go_on_every_pattern_and_text_of_the_table() {
    let table: serde_json::Value = serde_json::from_str(TABLE).unwrap();
    let subjects: Vec<_> =
        table["subjects"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let patterns = table["patterns"].as_array().unwrap();
    assert!(patterns.len() > 2_000);
    let mut differences = Vec::new();
    let mut untranslatable = 0;
    for entry in patterns {
        let pattern = entry["pattern"].as_str().unwrap();
        match (Pattern::new(pattern), entry["matches"].as_str()) {
            (Err(_), None) => {}
            (Err(error), Some(_)) if is_untranslatable(&error.problem) => untranslatable += 1,
            (Err(error), Some(_)) => differences.push(format!("refuses {pattern:?}: {error}")),
            (Ok(_), None) => differences.push(format!("takes {pattern:?}")),
            (Ok(compiled), Some(expected)) => {
                for (subject, expected) in subjects.iter().zip(expected.bytes()) {
                    if compiled.matches(subject) != (expected == b'1') {
                        differences
                            .push(format!("differs: {pattern:?} on {subject:?}: {compiled:?}"));
                    }
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(untranslatable < 30, "{untranslatable}");
}

#[test]
fn no_word_boundary_inside_of_a_character_hides_a_match() {
    assert!(!matches(r"\B", "aéb"));
    assert!(matches(r"\B|\S?\W", "aéb"));
}

#[test]
fn the_newer_spelling_of_a_named_group_is_taken() {
    // Go has it since 1.22; the table was made with an older one.
    assert!(matches("^(?<first>a)(?<second>b)$", "ab"));
    assert_eq!(error("(?<a-b>c)").problem, Problem::GroupName);
}

#[test]
fn what_cannot_be_translated_exactly_is_refused() {
    assert_eq!(error("a(?i)*").problem, Problem::DetachedRepeat);
    assert_eq!(error(r"a{2}\Q\E?").problem, Problem::DetachedRepeat);
    assert_eq!(error(r"[\x{D800}-\x{DFFF}]").problem, Problem::Surrogate);
    assert_eq!(error(r"\x{DC00}").problem, Problem::Surrogate);
    assert_eq!(error(&"(".repeat(300)).problem, Problem::UnclosedGroup);
    let deep = format!("{}{}", "(".repeat(300), ")".repeat(300));
    assert_eq!(error(&deep).problem, Problem::TooLarge);
    assert_eq!(error(r"(\pL{1000}){1}(\pL{1000})").problem, Problem::TooLarge);
}

#[test]
fn errors_point_at_the_place_in_characters() {
    for (pattern, at, problem) in [
        ("ä(b", 2, Problem::UnclosedGroup),
        ("(a)(b", 4, Problem::UnclosedGroup),
        ("ä)", 2, Problem::UnopenedGroup),
        ("é[a-", 2, Problem::UnclosedClass),
        ("a[z-b]", 3, Problem::BackwardRange),
        ("x[[:foo:]]", 3, Problem::UnknownPosixClass("foo".to_owned())),
        (r"x\p{Foo}", 2, Problem::UnknownUnicodeClass("Foo".to_owned())),
        ("ab|*", 4, Problem::NothingToRepeat),
        ("a**", 3, Problem::RepeatedRepeat),
        ("a{1001}", 2, Problem::RepeatCount),
        (r"ab\q", 3, Problem::UnknownEscape),
        (r"(a)\1", 4, Problem::BackReference),
        ("a\\", 2, Problem::TrailingBackslash),
        ("a(?=b)", 2, Problem::LookAround),
        ("a(?<!b)", 2, Problem::LookAround),
        ("a(?z)", 2, Problem::UnknownGroup),
    ] {
        assert_eq!(error(pattern), PatternError { at, problem }, "{pattern}");
    }
    assert_eq!(error("a**").to_string(), "a repetition of a repetition, at character 3");
}

proptest! {
    #[test]
    fn every_translation_is_valid_for_the_engine(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "a", "é", "(", ")", "|", "*", "?", "{2}", "{", "}", "[", "]", "^", "-", "&&", "~~", "\\", "\\d",
                "\\pL", "\\Q", "\\E", "\\b", "(?i)", "(?s-m:", "(?P<n>", "[:alpha:]", "#", " ", ".", "\u{7f}",
            ]),
            0..12,
        ),
    ) {
        let pattern = pieces.concat();
        if let Ok(translated) = Translator::new(&pattern).run() {
            prop_assert!(Regex::new(&translated).is_ok(), "{pattern:?} became {translated:?}");
        }
    }

    #[test]
    fn no_pattern_panics(pattern in any::<String>(), ascii in r"[\\\[\](){}?*+|^$a-z0-9:,<>-]{0,16}") {
        let _ = Pattern::new(&pattern);
        let _ = Pattern::new(&ascii);
    }

    #[test]
    fn a_quoted_text_matches_itself(text in any::<String>().prop_filter("end", |t| !t.contains("\\E"))) {
        prop_assert!(matches(&["^\\Q", &text].concat(), &text));
    }
}

#[test]
fn keeps_groups_and_greed_where_the_place_of_a_match_matters() {
    let find = |pattern: &str, text: &str| {
        let regex = Regex::new(&translate(pattern).unwrap()).unwrap();
        let captures = regex.captures(text).unwrap();
        let group =
            |group: Option<regex::Match<'_>>| group.map_or("", |group| group.as_str()).to_owned();
        (group(captures.get(0)), group(captures.get(1)))
    };
    assert_eq!(find("a(b*?)", "abb"), ("a".into(), "".into()));
    assert_eq!(find("a(b*)", "abb"), ("abb".into(), "bb".into()));
    assert_eq!(find("(?U)a(b*)", "abb"), ("a".into(), "".into()));
    assert_eq!(find("(?U:a*)(?P<n>a)", "aaa"), ("a".into(), "a".into()));
    assert_eq!(find("(?:x)(?P<name>y{1,2}?)y*", "xyyy"), ("xyyy".into(), "y".into()));
    assert!(translate("(").is_err() && translate("a(?=b)").is_err());
}

//! Templates: what is no matter of single outputs, such as bytes, limits and errors.

use std::collections::BTreeMap;

use seal_api::template::{Limit, Problem, Rendered, TemplateError, render};
use seal_core::secret::SecretBytes;

fn rendered(text: &str, value: &[u8]) -> Result<Rendered, TemplateError> {
    let fields = BTreeMap::from([("x".to_owned(), SecretBytes::new(value.to_vec()))]);
    render("key", text, &fields)
}

fn problem(text: &str) -> Problem {
    rendered(text, b"hunter2").expect_err("it has to fail").problem
}

#[test]
fn keeps_bytes_that_are_no_text() {
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(rendered("{{ .x }}", &bytes).unwrap().text.expose(), bytes);
    let both = rendered("{{ .x | b64enc | b64dec }}{{ .x }}", &bytes).unwrap();
    assert_eq!(both.text.expose(), [bytes.clone(), bytes].concat());
}

#[test]
fn leaves_a_text_without_actions_alone() {
    let rendered = rendered("plain }} text\n", b"").unwrap();
    assert_eq!(rendered.text.expose(), b"plain }} text\n");
    assert!(!rendered.changing);
}

#[test]
fn ends_hostile_templates_by_a_limit() {
    let limits = [
        (Limit::Steps, "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"),
        (Limit::Steps, "{{ range 9223372036854775807 }}{{ end }}"),
        (Limit::Memory, "{{ $y := repeat 1000000000 \"a\" }}"),
        (Limit::Memory, "{{ indent 1000000000 \"a\" }}"),
        (
            Limit::Memory,
            "{{ $s := \"aaaaaaaa\" }}{{ range until 1000 }}{{ $s = cat $s $s }}{{ end }}",
        ),
        (Limit::Memory, "{{ until 1000000000 }}"),
        (Limit::Memory, "{{ seq 1 1000000000 }}"),
        (Limit::Memory, "{{ untilStep 0 9223372036854775807 1 }}"),
        (Limit::Memory, "{{ replace \"\" (repeat 1000000 \"b\") (repeat 1000000 \"a\") }}"),
        (
            Limit::Steps,
            "{{ $s := repeat 1000000 \"a\" }}{{ range until 9000 }}{{ $x := contains \"b\" $s }}{{ end }}",
        ),
        (
            Limit::Steps,
            "{{ $s := repeat 1000000 \"a\" }}{{ $l := list }}{{ range until 500 }}{{ $l = append $l $s }}{{ end }}{{ sortAlpha $l }}",
        ),
        (
            Limit::Steps,
            "{{ range until 100 }}{{ $x := regexMatch (print \"a{1000}\" .) \"a\" }}{{ end }}",
        ),
        (Limit::Slow, "{{ range until 100 }}{{ $x := htpasswd \"a\" \"b\" }}{{ end }}"),
        (Limit::Output, "{{ range until 2000 }}{{ repeat 1000 \"a\" }}{{ end }}"),
        (Limit::Depth, "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}"),
        (Limit::Depth, "{{ template \"key\" . }}"),
        (Limit::Depth, "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $d }}"),
        (Limit::Depth, "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toJson $d }}"),
        (Limit::Depth, "{{ $l := list }}{{ range until 1000 }}{{ $l = list $l }}{{ end }}"),
        (Limit::Depth, "{{ fromJson (repeat 100000 \"[\") }}"),
    ];
    for (limit, template) in limits {
        assert_eq!(problem(template), Problem::Limit(limit), "{template}");
    }
}

#[test]
fn ends_templates_that_nest_a_hundred_thousand_times() {
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    let ifs = format!("{}{}", "{{if 1}}".repeat(60_000), "{{end}}".repeat(60_000));
    let chain = format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(50_000));
    let ranges = "{{range list 1}}".repeat(60_000);
    for template in [parens, ifs, chain, ranges] {
        assert_eq!(problem(&template), Problem::Limit(Limit::Depth));
    }
    assert_eq!(
        problem(&format!("{{{{/**/}}}}{}", " ".repeat(2_000_000))),
        Problem::Limit(Limit::Text)
    );
}

#[test]
fn takes_no_time_for_the_square_of_a_text() {
    // With a million characters, work that grows with the square would take hours.
    let templates = [
        "{{ len (trim (repeat 1000000 \" \")) }}",
        "{{ len (splitList \"\" (repeat 300000 \"a\")) }}",
        "{{ contains (print (repeat 500000 \"a\") \"b\") (repeat 1000000 \"a\") }}",
        "{{ len (printf (repeat 100000 \"%%\")) }}",
        "{{ len (regexReplaceAll \"(a|aa)+$\" (repeat 100000 \"a\") \"b\") }}",
        "{{ len (camelcase (repeat 100000 \"a_\")) }}{{ len (snakecase (repeat 100000 \"aB\")) }}",
        "{{ len (wrap 1 (repeat 100000 \"a \")) }}",
    ];
    for template in templates {
        assert!(rendered(template, b"").is_ok(), "{template}");
    }
    let variables: String = (0..60_000).map(|name| format!("{{{{$v{name}:=1}}}}")).collect();
    assert_eq!(problem(&variables), Problem::Limit(Limit::Variables));
}

#[test]
fn drops_maps_that_hold_each_other() {
    let template = "{{ $m := dict }}{{ range until 5000 }}{{ $n := dict \"m\" $m }}\
        {{ $_ := set $m \"n\" $n }}{{ $m = $n }}{{ end }}done";
    assert_eq!(rendered(template, b"").unwrap().text.expose(), b"done");
}

#[test]
fn names_the_place_and_the_function_of_an_error() {
    let error = rendered("a\n{{ .x }}\n  {{ .x | nope }}", b"").unwrap_err();
    assert_eq!(error.to_string(), "line 3, column 11: there is no function \"nope\"");
    let error = rendered("{{ env \"HOME\" }}", b"").unwrap_err();
    assert!(
        error.to_string().contains("function \"env\" is not offered in templates here"),
        "{error}"
    );
    let error = rendered("{{ .x | repeat 2 3 }}", b"").unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 9: function \"repeat\" takes 2, not 3 arguments");
    let error = rendered("{{ if .x }}", b"").unwrap_err();
    assert!(error.to_string().contains("is not closed"), "{error}");
}

#[test]
fn never_quotes_a_value_in_an_error() {
    let templates = [
        "{{ fail .x }}",
        "{{ b64dec .x }}",
        "{{ index .x 99 }}",
        "{{ .x.y }}",
        "{{ mustFromJson .x }}",
        "{{ mustToDate \"2006\" .x }}",
        "{{ mustRegexMatch (print .x \"(\") \"a\" }}",
        "{{ .x | div 1 }}",
        "{{ get .x \"a\" }}",
        "{{ range .x }}{{ end }}",
        "{{ semver .x }}",
        "{{ urlParse (print \"http://[\" .x) }}",
        "{{ decryptAES .x .x }}",
        "{{ genPrivateKey .x }}",
        "{{ derivePassword 1 .x .x .x .x }}",
        "{{ lt .x 1 }}",
    ];
    for template in templates {
        let error = rendered(template, b"hunter2").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{template}: {error}");
    }
}

#[test]
fn says_whether_another_run_may_give_another_text() {
    let changing = |template: &str| rendered(template, b"x").unwrap().changing;
    for template in [
        "{{ randAlphaNum 8 }}",
        "{{ uuidv4 }}",
        "{{ now }}",
        "{{ htpasswd \"a\" .x }}",
        "{{ date \"2006\" .x }}",
        "{{ shuffle .x }}",
    ] {
        assert!(changing(template), "{template}");
    }
    for template in [
        "{{ .x }}",
        "{{ if false }}{{ randAlphaNum 8 }}{{ end }}",
        "{{ date \"2006\" 0 }}",
        "{{ toDate \"2006\" \"2020\" | date \"06\" }}",
        "{{ .x | sha256sum }}",
    ] {
        assert!(!changing(template), "{template}");
    }
}

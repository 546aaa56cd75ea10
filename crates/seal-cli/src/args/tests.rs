use clap::{CommandFactory, Parser};

use super::files::NoDocumentChoice;
use super::{Command, CommandLine, DocumentChoice, Previous};

fn parse(line: &str) -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_is_consistent() {
    CommandLine::command().debug_assert();
}

#[test]
fn recipients_can_be_repeated_and_separated_by_commas() {
    let line = parse("seal encrypt --age a,b -a c f.yaml").unwrap();
    let Command::Encrypt(arguments) = line.command else { panic!("expected encrypt") };
    assert_eq!(arguments.master_keys.age, ["a", "b", "c"]);
}

#[test]
fn variables_stand_in_for_options_that_are_missing() {
    let variable = |name: &str| match name {
        "SOPS_CONFIG" => Some("rules.yaml".into()),
        _ => None,
    };
    let line = parse("seal encrypt").unwrap().complete(variable);
    assert_eq!(line.global.config, Some("rules.yaml".into()));
    let line = parse("seal encrypt --config c").unwrap().complete(variable);
    assert_eq!(line.global.config, Some("c".into()));
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let line = parse("seal encrypt").unwrap().complete(|_| Some("".into()));
    assert_eq!(line, parse("seal encrypt").unwrap());
}

#[test]
fn refuses_two_selection_rules() {
    assert!(parse("seal encrypt --encrypted-regex x").is_ok());
    let error = parse("seal encrypt --encrypted-regex x --unencrypted-suffix y").unwrap_err();
    assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
}

#[test]
fn refuses_in_place_together_with_an_output() {
    assert!(parse("seal decrypt -i -o out.yaml in.yaml").is_err());
}

#[test]
fn refuses_an_unknown_type() {
    for command in ["encrypt", "decrypt"] {
        assert!(parse(&format!("seal {command} --type env x")).is_err());
    }
    assert!(parse("seal get --type env x y").is_err());
}

#[test]
fn refuses_no_identity_without_a_recipient() {
    assert!(parse("seal init --no-identity").is_err());
    assert!(parse("seal init --no-identity --age x").is_ok());
}

#[test]
fn a_lone_none_is_no_previous_version() {
    assert_eq!("none".parse(), Ok(Previous::Nothing));
    assert_eq!("./none".parse(), Ok(Previous::File("./none".into())));
}

#[test]
fn documents_are_chosen_by_number_or_by_kind_and_name() {
    let named = |namespace: Option<&str>| DocumentChoice::Named {
        kind: "Secret".into(),
        namespace: namespace.map(str::to_owned),
        name: "db".into(),
    };
    assert_eq!("Secret/db".parse(), Ok(named(None)));
    assert_eq!("Secret/prod/db".parse(), Ok(named(Some("prod"))));
    assert_eq!("3".parse(), Ok(DocumentChoice::Index(3)));
    for wrong in ["", "Secret", "/db", "Secret/", "Secret//db", "a/b/c/d", "-1"] {
        assert_eq!(wrong.parse::<DocumentChoice>(), Err(NoDocumentChoice), "{wrong}");
    }
}

#[test]
fn stdout_belongs_to_the_documents_unless_they_go_elsewhere() {
    for (line, carries) in [
        ("seal encrypt", true),
        ("seal decrypt a.yaml", true),
        ("seal decrypt -i a.yaml", false),
        ("seal decrypt -o b.yaml a.yaml", false),
        ("seal decrypt -o - a.yaml", true),
        ("seal decrypt -o /dev/stdout a.yaml", true),
        ("seal get a.yaml x", true),
        ("seal init", false),
    ] {
        assert_eq!(parse(line).unwrap().stdout_carries_documents(), carries, "{line}");
    }
}

use super::lookup;
use std::fs;

use proptest::prelude::*;
use seal_core::envelope::RuleKind;
use tempfile::TempDir;

use super::*;

const A: &str = "age13r7pmm33m5fk6cdkqmthyxcsdp8kqz0te59v85c2e8vzr4kgw4vsgm2cd7";
const B: &str = "age177n994ctk7macw2w6dutxzmjlngz364g7nv0j6h563pg7lgrleqqsgqstg";

use crate::scope::Scope;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(PathBuf::from("/repo/.sops.yaml"), text)
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn warnings(text: &str) -> Vec<String> {
    parse(text).unwrap().warnings.iter().map(ToString::to_string).collect()
}

/// The only rule.
fn rule(text: &str) -> CreationRule {
    let config = parse(text).unwrap();
    assert_eq!(config.rules.len(), 1);
    config.rules[0].clone()
}

fn age(recipient: &str) -> MasterKey {
    MasterKey::Age { recipient: recipient.to_owned() }
}

fn pgp(fingerprint: &str) -> MasterKey {
    MasterKey::Pgp { fingerprint: fingerprint.to_owned() }
}

/// One key of each of the other kinds, as the two tests about them write them.
fn other_kinds(context: &[(&str, &str)]) -> Vec<MasterKey> {
    let context = context.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    vec![
        MasterKey::AwsKms {
            arn: "arn:aws:kms:eu:1:key/x".to_owned(),
            role: Some("arn:aws:iam::1:role/r".to_owned()),
            context: context.collect(),
            aws_profile: Some("dev".to_owned()),
        },
        MasterKey::GcpKms { resource_id: "projects/p/cryptoKeys/k".to_owned() },
        MasterKey::HuaweiKms { key_id: "cn:uuid".to_owned() },
        MasterKey::AzureKeyVault {
            vault_url: "https://z".to_owned(),
            name: "n".to_owned(),
            version: "1".to_owned(),
        },
        MasterKey::VaultTransit {
            address: "https://v".to_owned(),
            engine_path: "transit".to_owned(),
            key_name: "k".to_owned(),
        },
    ]
}

/// The number of the rule that matches.
fn matching(config: &Config, path: &str) -> Option<usize> {
    config.rule_for(Path::new(path)).unwrap().map(|rule| rule.number)
}

#[test]
fn the_first_rule_that_matches_the_path_below_the_configuration_wins() {
    let config = parse(
        "creation_rules:\n\
         - {path_regex: '^prod/', age: a}\n\
         - {path_regex: 'secret\\.yaml$', age: b}\n\
         - {path_regex: '^/elsewhere/', age: c}\n\
         - {path_regex: '^/repo/', age: d}\n",
    )
    .unwrap();
    assert_eq!(matching(&config, "/repo/prod/secret.yaml"), Some(1));
    assert_eq!(matching(&config, "/repo/dev/secret.yaml"), Some(2));
    assert_eq!(matching(&config, "/repo/dev/../prod/./x"), Some(1));
    assert_eq!(matching(&config, "/elsewhere/x"), Some(3));
    let error = config.rule_for(Path::new("/repo/dev/x")).unwrap_err();
    assert_eq!(error.to_string(), "no creation rule in /repo/.sops.yaml matches dev/x");
    assert!(error.hint().unwrap().contains("--age"));
}

#[test]
fn a_rule_without_path_regex_matches_everything() {
    for text in ["creation_rules: [{age: a}]", "creation_rules: [{path_regex: '', age: a}]"] {
        assert_eq!(matching(&parse(text).unwrap(), "/x"), Some(1), "{text}");
    }
}

#[test]
fn no_rules_are_as_good_as_no_configuration() {
    for text in
        ["", "# nothing\n", "---\n", "creation_rules:\n", "creation_rules: []", "stores: {}"]
    {
        assert_eq!(matching(&parse(text).unwrap(), "/repo/x"), None, "{text}");
    }
}

#[test]
fn keys_are_read_from_texts_and_lists() {
    for text in [
        format!("creation_rules: [{{age: '{A},{B}'}}]"),
        format!("creation_rules: [{{age: [{A}, {B}]}}]"),
        format!("creation_rules: [{{age: ['{A}, {B}', {A}]}}]"),
        format!("creation_rules:\n- age: >-\n    {A},\n    {B}\n"),
    ] {
        let rule = rule(&text);
        assert_eq!(rule.keys.groups, [[age(A), age(B)]], "{text}");
        assert_eq!(rule.keys(None).unwrap().groups[0].len(), 2);
    }
}

#[test]
fn every_kind_of_key_is_parsed_in_the_order_of_sops() {
    let rule = rule(
        "creation_rules:\n\
         - hc_vault_transit_uri: https://v/v1/transit/keys/k\n  \
           azure_keyvault: https://z/keys/n/1\n  \
           hckms: [cn:uuid]\n  \
           gcp_kms: projects/p/cryptoKeys/k\n  \
           kms: arn:aws:kms:eu:1:key/x+arn:aws:iam::1:role/r\n  \
           aws_profile: dev\n  \
           pgp: 'A12E D859'\n  \
           age: age1x\n",
    );
    let expected = [vec![age("age1x"), pgp("A12ED859")], other_kinds(&[])].concat();
    assert_eq!(rule.keys.groups, [expected]);
}

#[test]
fn key_groups_merge_first_and_drop_duplicates() {
    let rule = rule(
        "creation_rules:\n\
         - shamir_threshold: 1\n  \
           key_groups:\n  \
           - age: [a, b]\n    \
             merge:\n    \
             - age: [c, a]\n      \
               merge: [{pgp: ['A1 B2']}]\n  \
           - kms: [{arn: 'arn:aws:kms:eu:1:key/x', role: 'arn:aws:iam::1:role/r', context: {k: v, e: }, aws_profile: dev}]\n    \
             gcp_kms: [{resource_id: projects/p/cryptoKeys/k}]\n    \
             hckms: [{key_id: cn:uuid}]\n    \
             azure_keyvault: [{vaultUrl: 'https://z', key: n, version: '1'}]\n    \
             hc_vault: ['https://v/v1/transit/keys/k']\n",
    );
    let first = vec![pgp("A1B2"), age("c"), age("a"), age("b")];
    assert_eq!(rule.keys.groups, [first, other_kinds(&[("e", ""), ("k", "v")])]);
    assert_eq!(rule.keys.threshold, Some(1));
}

#[test]
fn keys_that_cannot_be_used_yet_are_an_error_only_where_they_are_needed() {
    for (text, problem) in [
        ("{pgp: A1}", "PGP A1: it is no fingerprint, which has 40 or 64 hexadecimal digits"),
        ("{age: age1pq1x}", "not a valid age recipient (mistyped or cut off?): age1pq1x"),
        ("{age: age1x}", "not a valid age recipient (mistyped or cut off?): age1x"),
        (
            "{key_groups: [{age: [a]}, {age: [b]}], shamir_threshold: 3}",
            "a threshold of 3 is not possible for 2 key groups (it must be from 2 to their number, at most 255)",
        ),
        ("{}", "no master key is given"),
    ] {
        let error = rule(&format!("creation_rules: [{text}]")).keys(None).unwrap_err();
        assert_eq!(error.to_string(), format!("/repo/.sops.yaml: creation rule 1: {problem}"));
    }
}

#[test]
fn settings_of_a_rule_are_read() {
    let rule = rule(
        "creation_rules: [{age: a, encrypted_regex: '^data$', mac_only_encrypted: true, unencrypted_suffix: ''}]",
    );
    let selection = rule.selection.unwrap();
    assert_eq!((selection.kind, selection.text.as_str()), (RuleKind::EncryptedRegex, "^data$"));
    assert_eq!(rule.mac_only_encrypted, Some(true));
}

#[test]
fn each_selection_setting_is_known_by_its_name() {
    for kind in RuleKind::ALL {
        let rule = rule(&format!("creation_rules: [{{{}: x}}]", kind.name()));
        assert_eq!(rule.selection.unwrap().kind, kind);
    }
}

#[test]
fn what_cannot_be_meant_so_names_its_rule() {
    for (rule, problem) in [
        (
            "{encrypted_regex: a, encrypted_suffix: b}",
            "encrypted_suffix and encrypted_regex are both set; at most one selection setting may be",
        ),
        (
            "{path_regex: '('}",
            "path_regex is not a valid regular expression: `(` is never closed, at character 1",
        ),
        (
            "{encrypted_comment_regex: '('}",
            "encrypted_comment_regex is not a valid regular expression: `(` is never closed, at character 1",
        ),
        (
            "{hc_vault_transit_uri: 'a, https://user:hunter2@v/x'}",
            "entry 1 of hc_vault_transit_uri is not of the form https://HOST/v1/ENGINE/keys/NAME",
        ),
        (
            "{azure_keyvault: ['https://z/keys/n/1', 'https://hunter2']}",
            "entry 2 of azure_keyvault is not of the form https://VAULT/keys/NAME[/VERSION]",
        ),
        ("{key_groups: [{age: [a]}, {}]}", "key group 2 has no keys"),
    ] {
        let text = format!("creation_rules:\n- {{age: a}}\n- {rule}\n");
        assert_eq!(error(&text), format!("/repo/.sops.yaml: creation rule 2: {problem}"));
    }
}

#[test]
fn a_suffix_is_no_regular_expression() {
    assert!(parse("creation_rules: [{encrypted_suffix: '('}]").is_ok());
}

#[test]
fn an_identity_in_the_configuration_is_refused_and_not_repeated() {
    for text in [
        "creation_rules: [{age: 'age1x, AGE-SECRET-KEY-1HUNTER2'}]",
        "creation_rules: [{key_groups: [{merge: [{age: [age1x, age-secret-key-1hunter2]}]}]}]",
        "creation_rules: [{mac_only_encrypted: AGE-SECRET-KEY-1HUNTER2}]",
        "creation_rules: [{shamir_threshold: 'say \"hunter2\"'}]",
        "AGE-SECRET-KEY-1HUNTER2",
        "creation_rules: [{age: [[hunter2]]}]",
    ] {
        let error = parse(text).unwrap_err();
        let shown = format!("{error} {error:?}").to_lowercase();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert!(
        error("creation_rules: [{age: 'age1x, AGE-SECRET-KEY-1HUNTER2'}]")
            .contains("entry 2 of age is an identity")
    );
}

#[test]
fn errors_of_yaml_and_types_name_their_line() {
    for (text, message) in [
        (
            "creation_rules:\n- age: a\n- mac_only_encrypted: maybe\n",
            "/repo/.sops.yaml:3:23: creation_rules[1].mac_only_encrypted: invalid type: string \"…\", expected a boolean",
        ),
        (
            "creation_rules:\n- age: {a: b}\n",
            "/repo/.sops.yaml:2:8: creation_rules[0].age: invalid type: map, expected a text with commas, or a list of texts",
        ),
        (
            "creation_rules:\n- shamir_threshold: -1\n",
            "/repo/.sops.yaml:2:21: creation_rules[0].shamir_threshold: invalid type: integer `-1`, expected u32",
        ),
        (
            "creation_rules:\n- age: a\n  age: b\n",
            "/repo/.sops.yaml:2:3: creation_rules[0]: duplicate field `age`",
        ),
        (
            "seal: {require_bond: true}",
            "/repo/.sops.yaml:1:8: seal: unknown field `require_bond`, expected `scope` or `require_bound`",
        ),
    ] {
        assert_eq!(error(text), message);
    }
    let broken = error("creation_rules:\n  - a: [\n");
    assert!(broken.starts_with("/repo/.sops.yaml:3:1: "), "{broken}");
}

#[test]
fn merge_keys_bring_their_settings() {
    let rule = rule(
        "x-base: &base {encrypted_regex: '^data$', age: a}\ncreation_rules:\n- <<: *base\n  age: b\n",
    );
    assert_eq!(rule.selection.unwrap().text, "^data$");
    assert_eq!(rule.keys.groups, [[age("b")]]);
}

#[test]
fn unknown_keys_are_reported_with_what_was_probably_meant() {
    assert_eq!(
        warnings(
            "keys: [&a age1x]\n\
             _notes: {}\n\
             x-y: 1\n\
             creation_rule: []\n\
             creation_rules:\n\
             - age: *a\n\
             - encryted_regex: x\n  \
               comment: y\n  \
               key_groups:\n  \
               - {age: [a]}\n  \
               - ages: [b]\n    \
                 pgp: [c]\n\
             stores: {yaml: {ident: 2}}\n"
        ),
        [
            "/repo/.sops.yaml: unknown key creation_rule is ignored (did you mean creation_rules?)",
            "/repo/.sops.yaml: creation rule 2: unknown key encryted_regex is ignored (did you mean encrypted_regex?)",
            "/repo/.sops.yaml: creation rule 2: unknown key comment is ignored",
            "/repo/.sops.yaml: creation rule 2, key_groups[1]: unknown key ages is ignored (did you mean age?)",
            "/repo/.sops.yaml: stores, yaml: unknown key ident is ignored (did you mean indent?)",
        ]
    );
}

#[test]
fn everything_that_sops_knows_is_known() {
    let text = "creation_rules:\n\
         - {path_regex: x, age: a, pgp: b, kms: c, aws_profile: d, gcp_kms: e, hckms: [f], azure_keyvault: 'https://z/keys/n/1', \
            hc_vault_transit_uri: 'https://v/v1/e/keys/k', shamir_threshold: 1, mac_only_encrypted: false}\n\
         destination_rules:\n\
         - {path_regex: x, s3_bucket: b, s3_prefix: p, omit_extensions: true, recreation_rule: {pgp: x}}\n\
         stores: {yaml: {indent: 2}, json: {indent: 1}, json_binary: {indent: -1}, dotenv: {}, ini: {}}\n\
         seal: {scope: name, require_bound: false}\n";
    assert_eq!(warnings(text), [""; 0]);
}

#[test]
fn keys_beside_groups_are_ignored_with_a_warning() {
    let text = "creation_rules: [{age: a, key_groups: [{age: [b]}]}]";
    assert_eq!(rule(text).keys.groups, [[age("b")]]);
    assert_eq!(
        warnings(text),
        ["/repo/.sops.yaml: creation rule 1: keys beside key_groups are ignored"]
    );
}

#[test]
fn our_own_settings_of_a_rule_win_over_those_of_the_file() {
    let config = parse(
        "seal: {scope: namespace, require_bound: true}\n\
         creation_rules:\n\
         - {path_regex: ^a, seal: {scope: none}}\n\
         - {path_regex: ^b, seal: {require_bound: false}}\n\
         - {path_regex: ^c}\n",
    )
    .unwrap();
    for (path, scope, require_bound) in [
        ("a", Scope::None, true),
        ("b", Scope::Namespace, false),
        ("c", Scope::Namespace, true),
        ("d", Scope::Namespace, true),
    ] {
        let options = config.options_for(&Path::new("/repo").join(path));
        assert_eq!(options, Options { scope, require_bound }, "{path}");
    }
    let default = Options { scope: Scope::Name, require_bound: false };
    assert_eq!(parse("").unwrap().options_for(Path::new("/x")), default);
    assert!(parse("seal: {scope: cluster}").is_err());
}

#[test]
fn indentations_follow_sops() {
    let yaml =
        |indent| parse(&format!("stores: {{yaml: {{indent: {indent}}}}}")).map(|c| c.yaml_indent);
    assert_eq!(yaml("0").unwrap(), None);
    assert_eq!(yaml("1").unwrap(), Some(2));
    assert_eq!(yaml("9").unwrap(), Some(9));
    assert_eq!(yaml("10").unwrap(), Some(2));
    assert_eq!(
        yaml("-1").unwrap_err().to_string(),
        "/repo/.sops.yaml: stores.yaml.indent cannot be -1"
    );
    let json =
        |indent| parse(&format!("stores: {{json: {{indent: {indent}}}}}")).map(|c| c.json_indent);
    assert_eq!(json("").unwrap(), None);
    assert_eq!(json("-1").unwrap(), Some(JsonIndent::Tab));
    assert_eq!(json("0").unwrap(), Some(JsonIndent::Spaces(0)));
    assert_eq!(json("2").unwrap(), Some(JsonIndent::Spaces(2)));
    assert!(json("-2").is_err());
}

/// Files that hold one rule each, for the age recipient that is their path.
fn tree(files: &[&str]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("creation_rules: [{{age: '{file}'}}]")).unwrap();
    }
    dir
}

#[test]
fn the_search_starts_at_the_file_and_goes_on_at_the_working_directory() {
    let dir = tree(&["repo/.sops.yaml", "repo/sub/.sops.yaml", "work/.sops.yaml", "other/x"]);
    let at = |path: &str| dir.path().join(path);
    let found = |file: &str, cwd: &str| lookup::search(&at(file), &at(cwd)).config;
    assert_eq!(found("repo/sub/deep", "work"), Some(at("repo/sub/.sops.yaml")));
    assert_eq!(found("repo/more", "work"), Some(at("repo/.sops.yaml")));
    assert_eq!(found("other", "work/deep"), Some(at("work/.sops.yaml")));
    assert_eq!(found("other", "other"), None);
}

#[test]
fn a_directory_of_that_name_is_passed_by() {
    let dir = tree(&[".sops.yaml", "a/.sops.yaml/x"]);
    let found = lookup::search(&dir.path().join("a"), dir.path());
    assert_eq!(found.config, Some(dir.path().join(".sops.yaml")));
}

#[test]
fn a_misnamed_file_is_worth_a_warning_and_nothing_else() {
    let dir = tree(&["repo/a/.sops.yml", "repo/.sops.yaml", "repo/.sops.yml"]);
    let at = |path: &str| dir.path().join(path);
    let configs = Configs::new(None, at("repo"));
    for _ in 0..2 {
        let config = configs.for_file(&at("repo/a/x.yaml")).unwrap().unwrap();
        assert_eq!(config.file, at("repo/.sops.yaml"));
    }
    // The one beside the configuration says nothing about the search.
    assert_eq!(configs.warnings(), [ConfigWarning::Misnamed { file: at("repo/a/.sops.yml") }]);
}

#[test]
fn each_file_is_read_once_and_a_chosen_one_replaces_the_search() {
    let dir = tree(&["a/.sops.yaml", "chosen.yaml"]);
    let at = |path: &str| dir.path().join(path);
    let configs = Configs::new(None, at("a"));
    let first = configs.for_file(&at("a/b/x")).unwrap().unwrap();
    let second = configs.for_file(&at("a/c/y")).unwrap().unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second));

    let configs = Configs::new(Some(at("chosen.yaml")), at("a"));
    let config = configs.for_file(&at("a/x")).unwrap().unwrap();
    assert_eq!(config.file, at("chosen.yaml"));
    let configs = Configs::new(Some(at("missing.yaml")), at("a"));
    let error = configs.for_file(&at("a/x")).unwrap_err();
    let expected =
        ConfigError::Read { file: at("missing.yaml"), kind: std::io::ErrorKind::NotFound };
    assert_eq!(error, expected);
}

#[test]
fn without_a_configuration_there_is_none() {
    let dir = tree(&["x"]);
    let configs = Configs::new(None, dir.path().to_owned());
    assert!(configs.for_file(&dir.path().join("x")).unwrap().is_none());
    assert_eq!(configs.warnings(), []);
}

proptest! {
    #[test]
    fn takes_any_text_without_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn takes_any_settings_without_panic(
        key in prop::sample::select(vec!["age", "kms", "key_groups", "seal", "path_regex", "hckms"]),
        value in "[\\[\\]{}:, a-z&*'\"<-]{0,40}",
    ) {
        let _ = parse(&format!("creation_rules:\n- {key}: {value}\n"));
    }
}

use proptest::prelude::*;
use regex::Regex;

use super::*;
use crate::document::{Key, Scalar, Span, Style, Value};
use crate::format::json;

/// A document to be, comments where SOPS has them: as items of their container.
#[derive(Clone, Debug)]
enum Tree {
    Value,
    Alias,
    Comment(&'static str),
    Map(Vec<(&'static str, Tree)>),
    List(Vec<Tree>),
}

use Tree::{List, Map};

const V: Tree = Tree::Value;

/// A comment as an item of a mapping.
fn c(text: &'static str) -> (&'static str, Tree) {
    ("", Tree::Comment(text))
}

fn document(before: &[&'static str], tree: &Tree, after: &[&'static str]) -> Document<'static> {
    let mut document = Document { span: Span::default(), nodes: Vec::new(), is_manifest: true };
    for text in before {
        add(&mut document, None, None, 0, &Tree::Comment(text));
    }
    add(&mut document, None, None, 0, tree);
    for text in after {
        add(&mut document, None, None, 0, &Tree::Comment(text));
    }
    document
}

fn add(
    document: &mut Document<'static>,
    parent: Option<NodeId>,
    key: Option<&'static str>,
    position: u32,
    tree: &Tree,
) {
    let id = NodeId(document.nodes.len() as u32);
    let content = match tree {
        Tree::Value => {
            Content::Scalar(Scalar { style: Style::Plain, value: Value::Bool(true), tag: None })
        }
        Tree::Alias => Content::Alias { document: 0, node: NodeId::ROOT, of_key: false },
        Tree::Comment(text) => Content::Comment(Comment { text, inline: false, dropped: false }),
        Map(_) => Content::Mapping { flow: false },
        List(_) => Content::Sequence { flow: false },
    };
    let is_comment = matches!(tree, Tree::Comment(_));
    let key = key.filter(|_| !is_comment);
    document.nodes.push(Node {
        parent,
        key: key.map(|key| Key { text: key.into(), span: Span::default(), is_string: true }),
        position,
        span: Span::default(),
        end: id,
        content,
    });
    let mut members = 0;
    let mut add_member = |key, tree: &Tree| {
        add(document, Some(id), key, members, tree);
        members += u32::from(!matches!(tree, Tree::Comment(_)));
    };
    match tree {
        Map(items) => items.iter().for_each(|(key, tree)| add_member(Some(*key), tree)),
        List(items) => items.iter().for_each(|tree| add_member(None, tree)),
        _ => {}
    }
    let end = NodeId(document.nodes.len() as u32);
    document.nodes[id.index()].end = end;
}

fn selector(kind: RuleKind, text: &str) -> Selector {
    Selector::new(&Rule { kind, text: text.to_owned() }).unwrap()
}

/// The selected leaves: paths of values, texts of comments.
fn selected(rule: &Selector, document: &Document<'_>, within: NodeId) -> Vec<String> {
    let flags = rule.select(document, within);
    let mut names = Vec::new();
    for (offset, flag) in flags.into_iter().enumerate() {
        let id = NodeId((within.index() + offset) as u32);
        if flag {
            names.push(match &document.node(id).content {
                Content::Comment(comment) => format!("#{}", comment.text),
                _ => document.path(id).to_string(),
            });
        }
    }
    names
}

fn in_json(kind: RuleKind, text: &str, source: &str) -> Vec<String> {
    let stream = json::parse(source.as_bytes()).unwrap();
    selected(&selector(kind, text), &stream.documents[0], NodeId::ROOT)
}

const SECRET: &str = r#"{
    "kind": "Secret",
    "metadata": {"name": "x", "annotations": {"data": "1"}},
    "data": {"a": "1", "b": ["2", {"c": "3"}]},
    "stringData": {},
    "mydata": "4",
    "sops": {"data": "5", "mac": "6"},
    "nested": {"sops": {"data": "7"}}
}"#;

#[test]
fn a_key_that_matches_selects_all_below_it_wherever_it_stands() {
    assert_eq!(
        in_json(RuleKind::EncryptedRegex, "^(data|stringData)$", SECRET),
        [
            r#"["metadata"]["annotations"]["data"]"#,
            r#"["data"]["a"]"#,
            r#"["data"]["b"][0]"#,
            r#"["data"]["b"][1]["c"]"#,
            r#"["nested"]["sops"]["data"]"#,
        ]
    );
}

#[test]
fn the_unencrypted_rules_are_the_complement_but_for_the_envelope() {
    for (encrypted, unencrypted, text) in [
        (RuleKind::EncryptedRegex, RuleKind::UnencryptedRegex, "data$"),
        (RuleKind::EncryptedSuffix, RuleKind::UnencryptedSuffix, "ata"),
    ] {
        let yes = in_json(encrypted, text, SECRET);
        let no = in_json(unencrypted, text, SECRET);
        assert!(yes.iter().all(|path| !no.contains(path)));
        assert_eq!(yes.len() + no.len(), 8, "{yes:?} {no:?}");
        assert!(!yes.iter().chain(&no).any(|path| path.starts_with(r#"["sops"]"#)));
    }
}

#[test]
fn a_suffix_is_text_and_an_index_is_no_path_element() {
    let source = r#"{"a.b": 1, "axb": 2, "b": [3, {"x": 4}], "0": 5}"#;
    assert_eq!(in_json(RuleKind::EncryptedSuffix, ".b", source), [r#"["a.b"]"#]);
    assert_eq!(in_json(RuleKind::EncryptedRegex, "^0$", source), [r#"["0"]"#]);
}

#[test]
fn within_an_item_only_the_keys_below_it_count() {
    let stream = json::parse(
        br#"{"data": [{"sops": {"a": 1}, "data": {"x": 2}, "k": 3}, {"data": 4}], "z": 5}"#,
    )
    .unwrap();
    let document = &stream.documents[0];
    let rule = selector(RuleKind::EncryptedRegex, "^data$");
    let item = NodeId(2);
    assert_eq!(selected(&rule, document, item), [r#"["data"][0]["data"]["x"]"#]);
    let size = document.node(item).end.index() - item.index();
    assert_eq!(rule.select(document, item).len(), size);
    let rest = selector(RuleKind::UnencryptedRegex, "^data$");
    assert_eq!(selected(&rest, document, item), [r#"["data"][0]["k"]"#]);
}

#[test]
fn a_comment_is_judged_by_its_container_not_by_its_neighbour() {
    let tree = Map(vec![
        c("above data"),
        ("data", Map(vec![c("inside"), ("k", V), c("foot")])),
        c("below data"),
        ("other", List(vec![Tree::Comment("in list"), V])),
    ]);
    let document = document(&["head"], &tree, &["tail"]);
    assert_eq!(
        selected(&selector(RuleKind::EncryptedRegex, "^data$"), &document, NodeId::ROOT),
        ["#inside", r#"["data"]["k"]"#, "#foot"]
    );
    assert_eq!(
        selected(&selector(RuleKind::UnencryptedRegex, "^data$"), &document, NodeId::ROOT),
        ["#head", "#above data", "#below data", "#in list", r#"["other"][0]"#, "#tail"]
    );
}

#[test]
fn an_alias_is_flagged_by_its_place() {
    let tree = Map(vec![("data", Map(vec![("a", Tree::Alias)])), ("b", Tree::Alias)]);
    let document = document(&[], &tree, &[]);
    let rule = selector(RuleKind::EncryptedRegex, "^data$");
    assert_eq!(selected(&rule, &document, NodeId::ROOT), [r#"["data"]["a"]"#]);
}

#[test]
fn a_comment_selects_the_next_item_with_all_below_it() {
    let tree = Map(vec![
        c("enc"),
        ("a", Map(vec![c("plain"), ("b", V), ("d", List(vec![V, Tree::Comment("x"), V]))])),
        ("e", V),
        c("enc"),
        c("more"),
        ("f", V),
        ("g", List(vec![Tree::Comment("enc"), V, V])),
        c("enc"),
    ]);
    let document = document(&[], &tree, &[]);
    let rule = selector(RuleKind::EncryptedCommentRegex, "^enc$");
    assert_eq!(
        selected(&rule, &document, NodeId::ROOT),
        [
            "#plain",
            r#"["a"]["b"]"#,
            r#"["a"]["d"][0]"#,
            "#x",
            r#"["a"]["d"][1]"#,
            "#more",
            r#"["f"]"#,
            r#"["g"][0]"#,
        ]
    );
}

#[test]
fn a_matching_comment_stays_clear_unless_an_earlier_one_makes_it_secret() {
    let tree = Map(vec![c("enc"), c("enc"), ("a", V)]);
    let document = document(&[], &tree, &[]);
    let rule = selector(RuleKind::EncryptedCommentRegex, "enc");
    assert_eq!(rule.select(&document, NodeId::ROOT), [false, false, true, true]);
}

#[test]
fn a_comment_keeps_the_next_item_clear() {
    let tree = Map(vec![
        c("secret"),
        c("clear"),
        c("after"),
        ("a", Map(vec![("b", V)])),
        ("d", V),
        ("e", List(vec![Tree::Comment("clear"), V, V])),
    ]);
    let document = document(&[], &tree, &[]);
    let rule = selector(RuleKind::UnencryptedCommentRegex, "clear");
    assert_eq!(selected(&rule, &document, NodeId::ROOT), ["#secret", r#"["d"]"#, r#"["e"][1]"#]);
}

#[test]
fn a_comment_before_the_root_counts_for_the_first_entry() {
    let tree = Map(vec![("a", V), ("b", V)]);
    let document = document(&["enc"], &tree, &["tail"]);
    let rule = selector(RuleKind::EncryptedCommentRegex, "^enc$");
    assert_eq!(selected(&rule, &document, NodeId::ROOT), [r#"["a"]"#]);
    let root = document.root();
    assert_eq!(rule.select(&document, root), [false, true, false]);
}

#[test]
fn a_comment_that_sops_does_not_see_is_secret_by_its_place_and_not_in_force() {
    let tree = Map(vec![c("enc"), ("data", Map(vec![c("x"), ("a", V)])), c("enc"), ("b", V)]);
    let mut document = document(&[], &tree, &[]);
    for node in &mut document.nodes {
        if let Content::Comment(comment) = &mut node.content {
            comment.dropped = true;
        }
    }
    let by_key = selector(RuleKind::EncryptedRegex, "^data$");
    assert_eq!(selected(&by_key, &document, NodeId::ROOT), ["#x", r#"["data"]["a"]"#]);
    let by_comment = selector(RuleKind::EncryptedCommentRegex, "^enc$");
    assert_eq!(selected(&by_comment, &document, NodeId::ROOT), [""; 0]);
}

#[test]
fn the_envelope_and_its_comments_do_not_exist_for_comment_rules() {
    let tree = Map(vec![
        c("enc"),
        ("sops", Map(vec![c("enc"), ("mac", V), ("list", List(vec![V]))])),
        ("a", V),
        ("b", V),
    ]);
    let document = document(&[], &tree, &[]);
    let rule = selector(RuleKind::EncryptedCommentRegex, "enc");
    assert_eq!(selected(&rule, &document, NodeId::ROOT), [r#"["a"]"#]);
    assert_eq!(rule.select(&document, NodeId::ROOT).len(), document.nodes.len());
}

#[test]
fn an_encrypted_comment_that_would_be_mistaken_is_told() {
    let enc = "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:comment]";
    assert!(selector(RuleKind::UnencryptedCommentRegex, "data").mistakes(enc));
    assert!(!selector(RuleKind::UnencryptedCommentRegex, "^ clear").mistakes(enc));
    assert!(!selector(RuleKind::EncryptedCommentRegex, "data").mistakes(enc));
    assert!(!selector(RuleKind::UnencryptedRegex, "data").mistakes(enc));
}

#[test]
fn a_broken_rule_is_an_error_with_place_and_hint() {
    for kind in RuleKind::ALL {
        let empty = Selector::new(&Rule { kind, text: String::new() }).unwrap_err();
        assert_eq!(empty, SelectError::Empty { kind });
    }
    let rule = Rule { kind: RuleKind::EncryptedRegex, text: "^(data|é[z-a])$".to_owned() };
    let error = Selector::new(&rule).unwrap_err();
    assert_eq!(error.to_string(), "encrypted_regex is no regular expression that SOPS could use");
    assert_eq!(error.excerpt().unwrap(), "^(data|é[z-a])$\n         ^");
    assert_eq!(error.hint(), "write `\\-` for a minus, or swap the ends of the range");
    let suffix = Rule { kind: RuleKind::EncryptedSuffix, text: "[".to_owned() };
    assert!(Selector::new(&suffix).is_ok());
}

/// SOPS's own words: walk the tree with the path and the comments in force, and ask the rule at each leaf.
struct Spec<'r> {
    kind: RuleKind,
    regex: &'r Regex,
    flags: Vec<bool>,
}

impl Spec<'_> {
    fn walk(&mut self, tree: &Tree, path: &[&str], comments: &[Vec<&str>]) {
        let items: Vec<(Option<&str>, &Tree)> = match tree {
            Map(items) => items.iter().map(|(key, tree)| (Some(*key), tree)).collect(),
            List(items) => items.iter().map(|tree| (None, tree)).collect(),
            _ => {
                let flag = self.should_be_encrypted(path, comments, false);
                self.flags.push(flag);
                return;
            }
        };
        self.flags.push(false);
        let mut comments = comments.to_vec();
        comments.push(Vec::new());
        for (key, item) in items {
            if let Tree::Comment(text) = item {
                comments.last_mut().unwrap().push(text);
                let flag = self.should_be_encrypted(path, &comments, true);
                self.flags.push(flag);
                continue;
            }
            let mut path = path.to_vec();
            path.extend(key);
            self.walk(item, &path, &comments);
            comments.last_mut().unwrap().clear();
        }
    }

    fn should_be_encrypted(&self, path: &[&str], comments: &[Vec<&str>], is_comment: bool) -> bool {
        let own = is_comment && self.kind == RuleKind::EncryptedCommentRegex;
        let all: Vec<_> = comments.iter().flatten().collect();
        let in_force = &all[..all.len() - usize::from(own)];
        let by_comment = in_force.iter().any(|text| self.regex.is_match(text));
        let by_path = path.iter().any(|key| self.regex.is_match(key));
        match self.kind {
            RuleKind::EncryptedRegex => by_path,
            RuleKind::UnencryptedRegex => !by_path,
            RuleKind::EncryptedCommentRegex => by_comment,
            RuleKind::UnencryptedCommentRegex => !by_comment,
            RuleKind::EncryptedSuffix | RuleKind::UnencryptedSuffix => unreachable!(),
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let key = prop::sample::select(vec!["x", "y", "z"]);
    let comment = || prop::sample::select(vec!["x", "y", "z"]).prop_map(Tree::Comment);
    let inner = Just(V).prop_recursive(4, 40, 6, move |inner| {
        let item = prop_oneof![2 => inner, 1 => comment()];
        prop_oneof![
            prop::collection::vec((key.clone(), item.clone()), 0..6).prop_map(Map),
            prop::collection::vec(item, 0..6).prop_map(List),
        ]
    });
    let key = prop::sample::select(vec!["x", "y", "z"]);
    prop::collection::vec((key, prop_oneof![inner, comment()]), 0..6).prop_map(Map)
}

proptest! {
    #[test]
    fn selects_what_sops_selects(
        tree in tree(),
        kind in prop::sample::select(vec![
            RuleKind::EncryptedRegex,
            RuleKind::UnencryptedRegex,
            RuleKind::EncryptedCommentRegex,
            RuleKind::UnencryptedCommentRegex,
        ]),
        pattern in prop::sample::select(vec!["x", "x|y", "^$", "."]),
    ) {
        let mut spec = Spec { kind, regex: &Regex::new(pattern).unwrap(), flags: Vec::new() };
        spec.walk(&tree, &[], &[]);
        let document = document(&[], &tree, &[]);
        prop_assert_eq!(selector(kind, pattern).select(&document, NodeId::ROOT), spec.flags);
    }
}

//! What each fuzz target does with its bytes. Shared by the targets and by the test that replays their corpora, so that
//! both check the same.

use seal_core::change::{NewValue, Target, set, unset};
use seal_core::check::{CheckOptions, check};
use seal_core::cipher::{Cipher, EncText, ValueType, decode};
use seal_core::document::{
    Content, Document, NodeId, Path, PathElement, Position, Stream, Value, apply,
};
use seal_core::emit::{Style, Tree, emit};
use seal_core::envelope::binding::{self, BindingKeys, Flags, Identity, Recognised, Statement};
use seal_core::envelope::{Metadata, Rule, RuleKind};
use seal_core::file::{DecryptOptions, EncryptOptions, FileKey, Keys, Layout, decrypt, encrypt};
use seal_core::format::{Format, json, yaml};
use seal_core::sealed_secret::{self, Opening, Sealing};
use seal_core::secret::DataKey;

/// What a target does with its bytes.
pub(crate) type Entry = fn(&[u8]);

/// Name of each target, which is also the directory of its corpus.
pub(crate) const ENTRIES: &[(&str, Entry)] = &[
    ("yaml_scanner", yaml_scanner),
    ("json_parse", json_parse),
    ("dotenv_parse", dotenv_parse),
    ("ini_parse", ini_parse),
    ("enc_text", enc_text),
    ("metadata", metadata),
    ("binding", binding),
    ("round_trip", round_trip),
    ("decrypt", decrypt_anything),
    ("change", change),
    ("check", check_anything),
    ("convert", convert),
    ("sealed_secret", sealed_secret),
];

/// Reads YAML; whatever is accepted is a sound tree.
pub(crate) fn yaml_scanner(source: &[u8]) {
    match yaml::parse(source) {
        Ok(stream) => check_stream(source, &stream),
        Err(error) => check_position(source, error.position),
    }
}

/// Reads JSON; whatever is accepted is a sound tree.
pub(crate) fn json_parse(source: &[u8]) {
    match json::parse(source) {
        Ok(stream) => check_stream(source, &stream),
        Err(error) => check_position(source, error.position),
    }
}

/// Reads dotenv; whatever is accepted is a sound tree.
pub(crate) fn dotenv_parse(source: &[u8]) {
    check_text(Format::Dotenv, source);
}

/// Reads INI; whatever is accepted is a sound tree.
pub(crate) fn ini_parse(source: &[u8]) {
    check_text(Format::Ini, source);
}

/// Checks the tree, and that what is written in the place of a value is read as that value: what stands there, and what
/// quotes are made for.
fn check_text(format: Format, source: &[u8]) {
    let stream = match format.parse(source) {
        Ok(stream) => stream,
        Err(error) => return check_position(source, error.position),
    };
    check_stream(source, &stream);
    let document = &stream.documents[0];
    for (index, node) in document.nodes.iter().enumerate() {
        let Content::Scalar(scalar) = &node.content else { continue };
        if document.path(NodeId(index as u32)).0.first() == Some(&PathElement::Key("sops".into())) {
            continue;
        }
        let odd = Value::String(" #\n`x\"\"".into());
        for value in [&scalar.value, &odd] {
            let id = NodeId(index as u32);
            let Ok(edits) = format.decrypted(source, document, id, value, "", false) else {
                continue;
            };
            let written = apply(source, 0..source.len(), edits);
            let again = format.parse(&written).expect("what is written is readable");
            let Content::Scalar(scalar) = &again.documents[0].nodes[index].content else {
                panic!("the value is gone");
            };
            assert!(scalar.value == *value, "another value is read");
        }
    }
}

/// Reads a file of any format, named by the first byte, and prints it in every other one. What YAML could be read from
/// can be printed as YAML.
pub(crate) fn convert(input: &[u8]) {
    let Some((choice, source)) = input.split_first() else { return };
    const FORMATS: [Format; 5] =
        [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary];
    let from = FORMATS[usize::from(*choice) % FORMATS.len()];
    let Ok(stream) = from.parse(source) else { return };
    let Ok(tree) = Tree::read(from, &stream) else { return };
    for to in FORMATS {
        let printed = emit(to, &tree, &Style::default());
        assert!(printed.is_ok() || (from, to) != (Format::Yaml, Format::Yaml), "{printed:?}");
        let _ = emit(to, &tree, &Style { as_sops: true, ..Style::default() });
    }
}

/// Reads an ENC text, and opens it: nothing opens that was not made with this key.
pub(crate) fn enc_text(source: &[u8]) {
    let Ok(text) = std::str::from_utf8(source) else { return };
    let cipher = Cipher::new(&DataKey::new([7; 32]));
    if let Ok(enc) = EncText::parse(text) {
        assert!(!enc.iv().is_empty() && !enc.ciphertext().is_empty(), "an empty part was taken");
        assert!(text.ends_with(enc.tail()), "the tail is the end of the text");
        assert!(cipher.decrypt(&enc, b"a:").is_err(), "a forged value was opened");
    }
    // The same bytes as a value of each type.
    for value_type in
        [ValueType::Str, ValueType::Int, ValueType::Float, ValueType::Bool, ValueType::Time]
    {
        if let Ok(value) = decode(value_type, source) {
            let canonical = value.canonical();
            let again = decode(value_type, &canonical).expect("the canonical form is readable");
            assert!(same(&value, &again), "the canonical form means something else");
        }
        // Empty values stay in clear; callers see to that.
        if !source.is_empty() {
            let enc = cipher.encrypt(&[9; 32], b"a:", value_type, source);
            let enc = EncText::parse(&enc).expect("what is written can be read");
            assert_eq!(*cipher.decrypt(&enc, b"a:").expect("it opens"), source);
        }
    }
}

fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    matches!((one, other), (Value::Float(one), Value::Float(other)) if one.is_nan() && other.is_nan())
        || one == other
}

/// Reads a `sops` block; what is read is written so that it reads the same.
pub(crate) fn metadata(source: &[u8]) {
    let Ok(stream) = yaml::parse(source) else { return };
    for document in &stream.documents {
        let Some(sops) = document.entry(document.root(), "sops") else { continue };
        let Ok(read) = Metadata::read(document, sops) else { continue };
        let written = yaml::metadata_block::write(&read.fields(), 0, 4, "\n");
        let stream = yaml::parse(written.as_bytes()).expect("the block is YAML");
        let document = &stream.documents[0];
        let sops = document.entry(document.root(), "sops").expect("the block is there");
        let again = Metadata::read(document, sops).expect("the block is readable");
        assert_eq!(again.fields(), read.fields(), "the block changed");
    }
}

/// Binds what the bytes describe; the binding holds for that and for nothing else.
pub(crate) fn binding(source: &[u8]) {
    let Some((first, rest)) = source.split_first() else { return };
    let texts: Vec<String> = rest
        .split(|byte| *byte == 0)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    let text = |index: usize| texts.get(index).map_or("", String::as_str);
    let kubernetes = first & 1 != 0;
    let present = |bit: u8, index: usize| (first & bit != 0).then(|| text(index));
    let flags = Flags {
        kubernetes,
        name: kubernetes && first & 2 != 0,
        namespace: kubernetes && first & 4 != 0,
    };
    let rule = Rule { kind: RuleKind::EncryptedRegex, text: text(0).to_owned() };
    let leaf = |index: usize| {
        let path = [PathElement::Key(text(index).into()), PathElement::Index(index)];
        binding::leaf(
            &path,
            index.is_multiple_of(2),
            Some(ValueType::Str),
            text(index + 1).as_bytes(),
        )
    };
    let mut statement = Statement {
        flags,
        last_modified: text(1),
        mac_hex: text(2),
        rule: Some(&rule),
        mac_only_encrypted: first & 8 != 0,
        identity: Identity {
            group: text(3),
            kind: text(4),
            type_: text(5),
            name: present(2, 6),
            namespace: present(4, 7),
        },
        leaves: (8..texts.len()).map(leaf).collect(),
    };
    let keys = BindingKeys::new(&DataKey::new([*first; 32]));
    let iv = keys.iv(&statement).expect("everything that is bound is there");
    assert_eq!(keys.recognise(&iv), Recognised::Bound(flags));
    assert!(keys.verify(&iv, &statement), "its own binding does not hold");
    statement.leaves.reverse();
    assert!(keys.verify(&iv, &statement), "the order of leaves counts");
    statement.leaves.push(leaf(0));
    assert!(!keys.verify(&iv, &statement), "an added leaf goes unnoticed");
    statement.leaves.pop();
    statement.mac_only_encrypted = !statement.mac_only_encrypted;
    assert!(!keys.verify(&iv, &statement), "a changed setting goes unnoticed");
    let other = BindingKeys::new(&DataKey::new([first.wrapping_add(1); 32]));
    assert_eq!(other.recognise(&iv), Recognised::Unbound);
}

/// Encrypts and decrypts; whatever can be encrypted comes back.
pub(crate) fn round_trip(source: &[u8]) {
    let Some((first, source)) = source.split_first() else { return };
    let format = match (first & 16 != 0, first & 1 != 0, first & 2 != 0) {
        (true, false, false) => Format::Dotenv,
        (true, true, _) => Format::Ini,
        (true, false, true) => Format::Binary,
        (false, false, _) => Format::Yaml,
        (false, true, _) => Format::Json,
    };
    let options = EncryptOptions {
        layout: if first & 2 == 0 { Layout::Documents } else { Layout::Sops },
        whole_files: first & 4 == 0,
        expand_aliases: first & 8 != 0,
        last_modified: "2026-11-20T12:00:00Z".to_owned(),
        ..EncryptOptions::default()
    };
    let data_key = DataKey::new([3; 32]);
    let file_key =
        || Ok(FileKey { data_key: data_key.clone(), key_groups: groups(), shamir_threshold: None });
    let random = || Ok([5; 32]);
    let keys = Keys { file_key: &file_key, random: &random };
    let encrypted = match encrypt(format, source, &options, &keys, None) {
        Ok(encrypted) => encrypted,
        Err(error) => {
            let text = error.to_string();
            for own in ["could not be had back", "would not"] {
                // Messages quote keys, and the fuzzer reads this program's constants and writes keys of them.
                let quoted = String::from_utf8_lossy(source).contains(own);
                assert!(quoted || !text.contains(own), "{text}");
            }
            return;
        }
    };
    let Some(bytes) = encrypted.bytes else { return };
    if encrypted.report.encrypted == 0 {
        return;
    }
    let decrypted = decrypt(format, &bytes, &DecryptOptions::default(), &|_| Ok(data_key.clone()))
        .expect("what was encrypted is decrypted");
    let back = decrypted.bytes.expect("there are envelopes");
    if !options.expand_aliases && back.expose() != source {
        // A piece that cannot hold a Secret is not read, so it may be broken.
        let Ok(before) = format.parse(source) else { return };
        let after = format.parse(back.expose()).expect("what is decrypted is readable");
        assert_eq!(before.documents.len(), after.documents.len(), "a document is lost");
        for (before, after) in before.documents.iter().zip(&after.documents) {
            assert!(scalars(before) == scalars(after), "a value is lost");
        }
    }
}

fn scalars(document: &Document<'_>) -> Vec<Vec<u8>> {
    let values = document.nodes.iter().filter_map(|node| match &node.content {
        Content::Scalar(scalar) => Some(scalar.value.canonical().to_vec()),
        _ => None,
    });
    values.collect()
}

fn groups() -> Vec<seal_core::envelope::KeyGroup> {
    use seal_core::envelope::{KeyGroup, MasterKey, WrappedKey};
    let key = MasterKey::Age { recipient: "age1fuzz".to_owned() };
    let enc =
        "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n".to_owned();
    vec![KeyGroup { keys: vec![WrappedKey { key, created_at: None, enc }] }]
}

/// Sets and takes out a value of a text. The bytes are format, document, a path and a value of JSON up to a line break
/// each, and the text. What is set is there then, and goes away again.
pub(crate) fn change(source: &[u8]) {
    let [first, document, rest @ ..] = source else { return };
    let formats = [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary];
    let format = formats[usize::from(*first) % formats.len()];
    let mut parts = rest.splitn(3, |byte| *byte == b'\n');
    let (Some(path), Some(value), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let Ok(path) = std::str::from_utf8(path) else { return };
    let Ok(path) = Path::parse(path) else { return };
    let Ok(value) = NewValue::from_json(value) else { return };
    let target = Target { document: usize::from(*document), path: &path, as_sops: first & 64 != 0 };
    let _ = unset(format, text, &target);
    let Ok(Some(changed)) = set(format, text, &target, &value) else { return };
    let changed = changed.expose();
    if path.0.last() != Some(&PathElement::Key("-".into())) && !target.as_sops {
        let again = set(format, changed, &target, &value).expect("what was set can be set");
        assert!(again.is_none(), "what was set is not there");
    }
    if let Ok(without) = unset(format, changed, &target) {
        format.parse(without.expose()).expect("a text without a value is readable");
    }
}

/// Makes SealedSecrets of all Secrets of a source, and Secrets of these again: no value stays in clear, none is lost.
pub(crate) fn sealed_secret(source: &[u8]) {
    let format = if source.first() == Some(&b'{') { Format::Json } else { Format::Yaml };
    let _ = sealed_secret::read(format, source);
    let Ok(found) = sealed_secret::secrets(format, source) else { return };
    // Nobody seals for a Secret without a name.
    if found.list.iter().any(|secret| secret.name.is_none()) {
        return;
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let texts: Vec<Vec<(String, String)>> = found
        .list
        .iter()
        .map(|secret| {
            let values = secret.values.iter();
            values.map(|value| (value.key.clone(), hex(value.plaintext.expose()))).collect()
        })
        .collect();
    let sealings: Vec<Option<Sealing>> = texts
        .iter()
        .map(|texts| {
            let annotations = vec![("a/wide", Some("true")), ("b/other", None)];
            Some(Sealing { values: texts.clone(), namespace: None, annotations })
        })
        .collect();
    let Ok(sealed) = sealed_secret::seal(format, source, &sealings) else { return };
    let Some(sealed) = sealed.bytes else { return };
    let again =
        sealed_secret::secrets(format, sealed.expose()).expect("what was written is readable");
    assert!(again.list.is_empty(), "a Secret is left");
    let mut manifests = sealed_secret::read(format, sealed.expose()).expect("it is still readable");
    manifests.retain(|manifest| manifest.json.contains("a/wide"));
    assert!(manifests.len() >= texts.len(), "a SealedSecret is missing");
    let all = sealed_secret::read(format, sealed.expose()).expect("it is still readable");
    let openings: Vec<Option<Opening>> = all
        .iter()
        .map(|manifest| {
            let values = manifest.entries.iter();
            let data = values.filter_map(|entry| Some((entry.key.clone(), entry.text.clone()?)));
            Some(Opening { data: data.collect() })
        })
        .collect();
    // One that stood there before may be spelled in any way.
    let Ok(opened) = sealed_secret::unseal(format, sealed.expose(), &openings) else { return };
    let opened = opened.bytes.expect("there was something to open");
    assert!(
        sealed_secret::read(format, opened.expose()).expect("it is readable").is_empty(),
        "a SealedSecret is left"
    );
}

/// Decrypts foreign bytes under a key that they were not made with.
pub(crate) fn decrypt_anything(source: &[u8]) {
    let format = if source.first() == Some(&b'{') { Format::Json } else { Format::Yaml };
    let unwrap = |_: &Metadata| Ok(DataKey::new([1; 32]));
    for format in [format, Format::Dotenv, Format::Ini, Format::Binary] {
        if let Ok(decrypted) = decrypt(format, source, &DecryptOptions::default(), &unwrap) {
            assert!(decrypted.objects.is_empty(), "a foreign envelope was opened");
        }
    }
}

/// Checks a source of each format. What `encrypt` would encrypt is found, and in what it made nothing is.
pub(crate) fn check_anything(source: &[u8]) {
    let Some((first, source)) = source.split_first() else { return };
    let format = match first & 7 {
        0..=3 => Format::Yaml,
        4 => Format::Json,
        5 => Format::Dotenv,
        6 => Format::Ini,
        _ => Format::Binary,
    };
    let options = CheckOptions {
        rule: None,
        whole_file: first & 8 != 0,
        explicit: first & 16 != 0,
        recipients: &|_| None,
    };
    let checked = check(format, source, &options);
    assert!(checked.findings.len() <= 2_000, "findings are bounded");
    assert!(checked.findings.is_sorted_by_key(|finding| finding.position), "they are in order");
    for finding in &checked.findings {
        check_position(source, finding.position);
    }
    // A binary file is encrypted whenever somebody says so; a check waits for a rule that means it.
    if format == Format::Binary && !options.whole_file {
        return;
    }
    let data_key = DataKey::new([3; 32]);
    let file_key =
        || Ok(FileKey { data_key: data_key.clone(), key_groups: groups(), shamir_threshold: None });
    let keys = Keys { file_key: &file_key, random: &|| Ok([5; 32]) };
    let encryption = EncryptOptions {
        whole_files: options.whole_file,
        last_modified: "2026-11-20T12:00:00Z".to_owned(),
        ..EncryptOptions::default()
    };
    let Ok(encrypted) = encrypt(format, source, &encryption, &keys, None) else { return };
    let is_allowed = source.windows(10).any(|word| word == b"seal:allow");
    if encrypted.report.encrypted == 0 || encrypted.report.already > 0 || is_allowed {
        return;
    }
    assert!(!checked.findings.is_empty(), "what encrypt would encrypt is found");
    let bytes = encrypted.bytes.expect("something was encrypted");
    let again = check(format, &bytes, &options).findings;
    let of_encrypted = ["secret-in-clear", "rule-in-clear", "clear-value", "envelope", "enc-tail"];
    for finding in again {
        assert!(!of_encrypted.contains(&finding.lint.id), "{finding:?} in what encrypt made");
    }
}

fn check_position(source: &[u8], position: Position) {
    let lines = 1 + source.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(position.line >= 1 && position.column >= 1, "positions count from 1");
    // U+0085, U+2028 and U+2029 break lines too, so this is no tight bound.
    assert!(position.line <= lines + source.len() / 2 + 1, "position behind the source");
}

/// Documents follow one another, and every node lies where its parent and its document are.
fn check_stream(source: &[u8], stream: &Stream<'_>) {
    let mut end = 0;
    for document in &stream.documents {
        assert!(document.span.start >= end, "documents overlap");
        assert!(document.span.end >= document.span.start && document.span.end <= source.len());
        end = document.span.end;
        assert!(!document.nodes.is_empty(), "an empty document is one null scalar");
        for id in 0..document.nodes.len() as u32 {
            check_node(stream, document, NodeId(id));
        }
    }
}

fn check_node(stream: &Stream<'_>, document: &Document<'_>, id: NodeId) {
    let node = document.node(id);
    assert!(node.span.start <= node.span.end, "span turned round");
    // A comment behind the next `---` can be the foot of what precedes it: so go-yaml reads it.
    assert!(
        matches!(node.content, Content::Comment(_))
            || (document.span.start <= node.span.start && node.span.end <= document.span.end),
        "node outside its document"
    );
    assert!(node.end > id && node.end.index() <= document.nodes.len(), "end out of range");
    if let Some(parent) = node.parent {
        let above = document.node(parent);
        assert!(parent < id && node.end <= above.end, "not in preorder");
        assert!(
            matches!(above.content, Content::Mapping { .. } | Content::Sequence { .. }),
            "only collections have children"
        );
    }
    if let Content::Alias { document: target, node, .. } = &node.content {
        let target = stream.documents.get(*target).expect("an alias points into the stream");
        assert!(node.index() < target.nodes.len(), "an alias points at a node");
    }
    // Walks to the root: a cycle among the parents would never end.
    let _ = document.path(id);
}

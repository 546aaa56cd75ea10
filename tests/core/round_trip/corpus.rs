//! Every accepted file of the corpus, by itself and inside a Secret.

use seal_core::document::{Content, Value};
use seal_core::file::{Encrypted, FileError};
use seal_core::format::Format;

use super::support;

#[test]
fn every_file_of_the_corpus_comes_back() {
    let mut report = Report::default();
    for path in support::files(&support::tests("corpus/yaml")) {
        let source = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with("-refused.yaml") {
            continue;
        }
        let encrypted =
            support::try_encrypt(Format::Yaml, &source, &support::whole(), support::KEY, None);
        report.check(&name, &source, encrypted);
    }
    report.finish();
}

#[test]
fn every_file_of_the_corpus_comes_back_as_a_part_of_a_secret() {
    let mut report = Report::default();
    for path in support::files(&support::tests("corpus/yaml")) {
        let source = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(secret) = wrapped(&source) else { continue };
        let encrypted = support::try_encrypt(
            Format::Yaml,
            secret.as_bytes(),
            &support::options(),
            support::KEY,
            None,
        );
        report.check(&name, secret.as_bytes(), encrypted);
    }
    report.finish();
}

/// The file as the `stringData` of a Secret; `None` where it is no single mapping that can be indented so.
fn wrapped(source: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(source).ok()?;
    let indented: String =
        text.split_inclusive('\n').map(|line| format!("  {line}")).collect::<String>();
    let secret =
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: corpus\nstringData:\n{indented}");
    let stream = Format::Yaml.parse(secret.as_bytes()).ok()?;
    let [document] = stream.documents.as_slice() else { return None };
    let region = document.entry(document.root(), "stringData")?;
    matches!(document.node(region).content, Content::Mapping { .. }).then_some(secret)
}

/// Files with a spelling of the closed list; `closed_list.rs` says how each of those comes back.
const NOT_EXACT: &[&str] = &[
    // Folded texts.
    "folded-at-eof.yaml",
    "folded-chomping.yaml",
    "folded-more-indented.yaml",
    "literal-crlf.yaml",
    "secret-block-scalars.yaml",
    "crd-excerpt.yaml",
    "job-multiline-args.yaml",
    // Text over several lines, in quotes or not.
    "after-multiline-plain.yaml",
    "after-multiline-quoted.yaml",
    "plain-multiline.yaml",
    "quoted-multiline-column-zero.yaml",
    "quoted-multiline-dedented.yaml",
    "strings-single.yaml",
    "marker-in-plain.yaml",
    "marker-in-flow-refused.yaml",
    "marker-in-quotes-refused.yaml",
    "marker-in-single-quotes-refused.yaml",
    "crlf.yaml",
    // Blanks on empty lines of a block scalar, and block scalars that are only blank.
    "literal-blank-lines-inside.yaml",
    "literal-leading-empty-lines.yaml",
    "literal-chomping.yaml",
    // Escapes.
    "json-as-yaml.yaml",
    "strings-double.yaml",
    // Numbers and dates.
    "float-special.yaml",
    "float.yaml",
    "timestamp.yaml",
    // Line breaks of Unicode.
    "line-separators.yaml",
];

/// What may be said of a source that is not encrypted.
const REASONS: &[&str] = &[
    "there is no value to encrypt",
    "only a mapping can be encrypted at the top",
    "an alias reaches into the secret part",
    "this alias repeats a secret value in clear",
    "an integer beyond 9223372036854775807",
    "cannot be encrypted; take the tag away",
    "a key above this value is no string",
    "null stands in the secret part",
    "to YAML this is a tag with nothing behind it",
    "an encrypted value stands in a Secret that has no `sops` block",
    "this date would not come back as it is spelled",
    "the file is UTF-16",
];

/// Sources that nobody writes, for which a clear refusal is enough: an offset of a whole day, which Go reads but not
/// back.
const UNREADABLE: &[&str] = &["timestamp-fractions.yaml"];

#[derive(Default)]
struct Report {
    exact: usize,
    equal: Vec<String>,
    wrong: Vec<String>,
}

impl Report {
    fn check(&mut self, name: &str, source: &[u8], encrypted: Result<Encrypted, FileError>) {
        let encrypted = match encrypted {
            Ok(encrypted) => encrypted,
            Err(error) => {
                let known = REASONS.iter().any(|reason| error.problem.contains(reason));
                if !known && !UNREADABLE.contains(&name) {
                    self.wrong.push(format!("{name}: {}", support::describe(&error)));
                }
                return;
            }
        };
        let Some(bytes) = encrypted.bytes else { return };
        let encrypted = String::from_utf8(bytes).unwrap();
        match support::try_decrypt(Format::Yaml, &encrypted) {
            Err(error) => {
                self.wrong.push(format!("{name}: {}\n{encrypted}", support::describe(&error)));
            }
            Ok(back) => {
                let back = support::text(&back).unwrap();
                if back.as_bytes() == source {
                    self.exact += 1;
                } else if values(back.as_bytes()) == values(source) && NOT_EXACT.contains(&name) {
                    self.equal.push(name.to_owned());
                } else {
                    self.wrong.push(format!("{name}: came back as\n{back}"));
                }
            }
        }
    }

    fn finish(self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n\n"));
        assert!(self.exact > 100 && !self.equal.is_empty());
    }
}

fn values(source: &[u8]) -> Vec<Value<'static>> {
    let stream = Format::Yaml.parse(source).unwrap();
    let nodes = stream.documents.iter().flat_map(|document| &document.nodes);
    nodes
        .filter_map(|node| match &node.content {
            Content::Scalar(scalar) => Some(match &scalar.value {
                Value::String(text) => Value::String(text.to_string().into()),
                Value::Bytes(bytes) => Value::Bytes(bytes.clone()),
                Value::Null => Value::Null,
                Value::Bool(flag) => Value::Bool(*flag),
                Value::Int(int) => Value::Int(*int),
                Value::UInt(int) => Value::UInt(*int),
                Value::Float(float) if float.is_nan() => Value::String("NaN".into()),
                Value::Float(float) => Value::Float(*float),
                Value::Time(time) => Value::Time(*time),
            }),
            _ => None,
        })
        .collect()
}

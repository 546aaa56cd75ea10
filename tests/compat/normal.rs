//! What two runs of the same command have in common: chance, time, versions and the style of YAML taken away.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;
use seal_core::document::{Content, Document, NodeId, PathElement};
use seal_core::format::Format;

/// The text of a file or of stdout, whose format the ending of `name` tells.
///
/// YAML becomes its values: `seal` leaves their style as it is, and SOPS does not. In encrypted files the order of what
/// is in the envelope differs between versions of SOPS.
pub(crate) fn normal(name: &str, text: &[u8]) -> String {
    let is_encrypted = String::from_utf8_lossy(text).contains("ENC[AES256_GCM");
    let ending = name.rsplit('.').next().unwrap_or_default();
    let format = match ending {
        "yaml" | "yml" => Some(Format::Yaml),
        // Binary files are JSON once they are encrypted.
        "json" | "bin" if is_encrypted => Some(Format::Json),
        _ => None,
    };
    if let Some(stream) = format.and_then(|format| format.parse(text).ok()) {
        return stream.documents.iter().map(leaves).collect::<Vec<_>>().join("---\n");
    }
    let text = String::from_utf8_lossy(text).into_owned();
    match ending {
        "env" | "ini" if is_encrypted => flat(&text),
        _ => text,
    }
}

fn leaves(document: &Document<'_>) -> String {
    let (mut own, mut envelope) = (Vec::new(), Vec::new());
    for (index, node) in document.nodes.iter().enumerate() {
        let path = document.path(NodeId(index as u32));
        let value = match &node.content {
            Content::Scalar(scalar) => {
                String::from_utf8_lossy(&scalar.value.canonical()).into_owned()
            }
            Content::Comment(comment) => format!("#{}", comment.text),
            Content::Mapping { .. } | Content::Sequence { .. }
                if node.end.index() == index + 1 && index > 0 =>
            {
                "(empty)".to_owned()
            }
            _ => continue,
        };
        let line = format!("{path} {}", without_chance(&path.0, &value));
        match path.0.first() {
            Some(PathElement::Key(key)) if &**key == "sops" => envelope.push(line),
            _ => own.push(line),
        }
    }
    // What SOPS 3.9 and later leave out.
    envelope.retain(|line| !line.ends_with("(empty)") && !line.ends_with("] "));
    envelope.sort();
    own.into_iter().chain(envelope).fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

fn flat(text: &str) -> String {
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            let element = PathElement::Key(key.trim().into());
            format!("{}={}", key.trim(), without_chance(&[element], value.trim()))
        })
        .collect();
    let envelope =
        lines.iter().position(|line| line.starts_with("sops") || line.starts_with("[sops]"));
    lines[envelope.unwrap_or(0)..].sort();
    lines.join("\n")
}

fn without_chance(path: &[PathElement], value: &str) -> String {
    static ENC: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"ENC\[AES256_GCM,data:[^,\]]*,iv:[^,\]]*,tag:[^,\]]*,type:(\w+)\]").unwrap()
    });
    let key = match path.last() {
        Some(PathElement::Key(key)) => &**key,
        _ => "",
    };
    for (ending, stands) in
        [("enc", "[WRAPPED]"), ("lastmodified", "[TIME]"), ("version", "[VERSION]")]
    {
        if key.ends_with(ending) {
            return stands.to_owned();
        }
    }
    ENC.replace_all(value, "ENC[$1]").into_owned()
}

//! `seal status`

use std::path::Path;

use seal_core::check::{EnvelopeStatus, Status, status};
use seal_core::envelope::{KeyGroup, Metadata};
use seal_core::file::Layout;
use seal_core::format::Format;
use seal_core::sealed_secret;
use serde_json::{Map, Value, json};

use super::files::{self, STDIN, each, file_error};
use super::report::shown;
use super::{Context, Outcome, sealing};
use crate::args::StatusArgs;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, Inputs};
use crate::ui::{Mark, Report, count};
use crate::write;

pub(super) fn run(arguments: &StatusArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    let (list, code) = match inputs::expand(&arguments.paths, false)? {
        Inputs::Stdin => {
            let source = write::read_stdin()?;
            let format = files::format_of_stdin(arguments.file_type, None, source.expose())?;
            let path = Path::new(STDIN);
            (vec![OfFile::read(path, format, source.expose())?], ExitCode::Done)
        }
        Inputs::Files(files) => {
            let (results, code) = each(&files, context, "reading", |index| {
                let path = &files.list[index].path;
                let format = files::format(arguments.file_type, Some(path))?;
                OfFile::read(path, format, write::read(path)?.bytes.expose())
            });
            (results.into_iter().flatten().collect(), code)
        }
    };
    let lines: Vec<_> = list.iter().map(|of_file| (Mark::Plain, of_file.line())).collect();
    context.ui.print(&lines);
    let mut details = Map::new();
    // Of one file the answer is short, as that of `sops filestatus`.
    let encrypted = !list.is_empty() && list.iter().all(OfFile::is_encrypted);
    details.insert("encrypted".to_owned(), json!(encrypted));
    details.insert("files".to_owned(), list.iter().map(OfFile::object).collect());
    Ok(Outcome { report: Report { line: None, details }, code })
}

struct OfFile {
    file: String,
    format: Format,
    status: Status,
    /// How many SealedSecrets it holds.
    sealed: usize,
    /// There is nothing secret beside them.
    is_sealed: bool,
}

impl OfFile {
    fn read(path: &Path, format: Format, source: &[u8]) -> Result<Self, CommandError> {
        let status = status(format, source).map_err(|error| file_error(path, &error))?;
        let sealed = sealed_secret::read(format, source).map_or(0, |sealed| sealed.len());
        let is_sealed = sealed > 0 && sealing::is_sealed(format, source);
        Ok(Self { file: shown(path).display().to_string(), format, status, sealed, is_sealed })
    }

    fn is_encrypted(&self) -> bool {
        self.status.is_encrypted() || self.is_sealed
    }

    /// `FILE: encrypted (yaml, 2 of 3 documents) for age1…`
    fn line(&self) -> String {
        let status = &self.status;
        let file = if self.file == STDIN { "<stdin>" } else { &self.file };
        let readable = status.envelopes.iter().filter_map(|of| of.metadata.as_ref().ok());
        let mut keys: Vec<String> = Vec::new();
        for key in readable.flat_map(Metadata::master_keys) {
            let key = key.to_string();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let broken = status.envelopes.iter().filter(|of| of.metadata.is_err()).count();
        let state = match (status.layout, status.is_encrypted()) {
            (None, _) if self.is_sealed => {
                format!("sealed for a cluster ({})", count(self.sealed, "SealedSecret"))
            }
            (None, _) => "not encrypted".to_owned(),
            (Some(_), false) => "not encrypted: its `sops` block cannot be read".to_owned(),
            (Some(Layout::Sops), true) => {
                format!("encrypted (one envelope over {} documents)", status.documents)
            }
            (Some(Layout::Documents), true)
                if status.documents > 1 || status.envelopes.len() > 1 =>
            {
                let envelopes = status.envelopes.len();
                let noun = if envelopes == 1 { "envelope" } else { "envelopes" };
                format!("encrypted ({envelopes} {noun} in {} documents)", status.documents)
            }
            (Some(Layout::Documents), true) => "encrypted".to_owned(),
        };
        let mut line = format!("{file}: {state}");
        if !keys.is_empty() {
            line.push_str(&format!(" for {}", keys.join(", ")));
        }
        if self.sealed > 0 && !self.is_sealed {
            line.push_str(&format!("; {} for a cluster", count(self.sealed, "SealedSecret")));
        }
        if broken > 0 && status.is_encrypted() {
            line.push_str(&format!("; {broken} of the blocks cannot be read"));
        }
        line
    }

    fn object(&self) -> Value {
        json!({
            "file": self.file,
            "encrypted": self.is_encrypted(),
            "sealed": self.sealed,
            "format": self.format.to_string(),
            "layout": self.status.layout.map(|layout| match layout {
                Layout::Documents => "documents",
                Layout::Sops => "sops",
            }),
            "documents": self.status.documents,
            "envelopes": self.status.envelopes.iter().map(envelope).collect::<Vec<_>>(),
        })
    }
}

fn envelope(status: &EnvelopeStatus) -> Value {
    let mut object = Map::new();
    object.insert("document".to_owned(), json!(status.document));
    object.insert("line".to_owned(), json!(status.position.line));
    object.insert("object".to_owned(), json!(status.object));
    let fields = match &status.metadata {
        Ok(metadata) => json!({
            "readable": true,
            "problem": null,
            "version": metadata.version,
            "lastmodified": metadata.last_modified,
            "rule": metadata.rule.as_ref().map(|rule| json!({rule.kind.name(): rule.text})),
            "mac_only_encrypted": metadata.mac_only_encrypted,
            "shamir_threshold": metadata.shamir_threshold,
            "key_groups": metadata.key_groups.iter().map(group).collect::<Vec<_>>(),
        }),
        Err(error) => json!({"readable": false, "problem": error.to_string()}),
    };
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    Value::Object(object)
}

fn group(group: &KeyGroup) -> Vec<Value> {
    let key = |wrapped: &seal_core::envelope::WrappedKey| {
        json!({
            "kind": wrapped.key.kind(),
            "key": wrapped.key.to_string(),
            "created_at": wrapped.created_at,
        })
    };
    group.keys.iter().map(key).collect()
}

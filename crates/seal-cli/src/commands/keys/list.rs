//! `seal keys list`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seal_core::envelope::{GroupedKeys, MasterKey};
use serde_json::{Value, json};

use crate::args::KeysListArgs;
use crate::commands::files::{each, working_directory};
use crate::commands::groups::without_rule;
use crate::commands::recipients::shown::shown;
use crate::commands::recipients::{Drift, of_rule};
use crate::commands::rewrapping::{EncryptedFile, encrypted_files};
use crate::commands::{Context, Outcome};
use crate::config::Configs;
use crate::error::CommandError;
use crate::inputs::Input;
use crate::ui::{Mark, Report, count, with_rest};

pub(super) fn run(
    arguments: &KeysListArgs,
    context: &Context<'_>,
) -> Result<Outcome, CommandError> {
    let files = encrypted_files(&arguments.paths)?;
    let configs = Configs::new(context.config.map(PathBuf::from), working_directory());
    let (readers, code) =
        each(&files, context, "reading", |index| readers(&files.list[index], arguments, &configs));
    let failed = files.failures.len() + readers.iter().filter(|result| result.is_none()).count();
    let readers: Vec<_> = readers.into_iter().flatten().flatten().collect();
    let by_recipient = by_recipient(&readers);
    context.ui.print(&match arguments.by_file {
        true => lines_by_file(&readers),
        false => lines_by_recipient(&by_recipient),
    });
    for warning in configs.warnings() {
        context.ui.warn(&warning.to_string());
    }
    Ok(Outcome { report: report(&readers, &by_recipient, failed), code })
}

/// Who reads a file.
struct Readers {
    path: PathBuf,
    has_rule: bool,
    /// Of each of its envelopes that have different keys.
    envelopes: Vec<(GroupedKeys, Option<Drift>)>,
}

/// What there is to say about a recipient of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remark {
    /// The file's rule does not name it.
    NotNamed,
    /// The file's rule names it, and it cannot read the file.
    Missing,
    /// It reads some documents of the file only.
    InPart,
    /// It is in this group, from 1, of so many, of which so many are needed.
    Group { number: usize, of: usize, needed: usize },
}

/// The files of a recipient, each with its remarks.
type ByRecipient<'r> = BTreeMap<&'r MasterKey, Vec<(&'r Path, Vec<Remark>)>>;

fn readers(
    input: &Input,
    arguments: &KeysListArgs,
    configs: &Configs,
) -> Result<Option<Readers>, CommandError> {
    let Some(file) = EncryptedFile::read(input, arguments.file_type)? else { return Ok(None) };
    let rule = of_rule(configs, &file.path).or_else(without_rule)?;
    let envelopes = file.envelopes.iter().map(|metadata| {
        let drift = rule.as_ref().map(|rule| Drift::of(metadata, rule));
        (GroupedKeys::of(metadata), drift)
    });
    Ok(Some(Readers { has_rule: rule.is_some(), envelopes: envelopes.collect(), path: file.path }))
}

impl Readers {
    /// Each recipient once, in the order of the file, with what there is to say; then those that it lacks.
    fn remarks(&self) -> Vec<(&MasterKey, Vec<Remark>)> {
        let mut remarks: Vec<(&MasterKey, Vec<Remark>)> = Vec::new();
        for (keys, _) in &self.envelopes {
            for key in keys.groups.iter().flatten() {
                if !remarks.iter().any(|(known, _)| *known == key) {
                    remarks.push((key, self.remarks_on(key)));
                }
            }
        }
        for key in self.drifts().flat_map(Drift::missing) {
            if !remarks.iter().any(|(known, _)| *known == key) {
                remarks.push((key, vec![Remark::Missing]));
            }
        }
        remarks
    }

    /// What there is to say about one that reads at least a part.
    fn remarks_on(&self, key: &MasterKey) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let reads = |keys: &GroupedKeys| keys.groups.iter().flatten().any(|there| there == key);
        if self.drifts().flat_map(Drift::superfluous).any(|there| there == key) {
            remarks.push(Remark::NotNamed);
        }
        if self.envelopes.iter().any(|(keys, _)| !reads(keys)) {
            remarks.push(Remark::InPart);
        }
        for (keys, _) in self.envelopes.iter().filter(|(keys, _)| keys.groups.len() > 1) {
            let (of, needed) = (keys.groups.len(), keys.needed());
            let groups = keys.groups.iter().zip(1..).filter(|(group, _)| group.contains(key));
            remarks.extend(groups.map(|(_, number)| Remark::Group { number, of, needed }));
        }
        remarks.dedup();
        remarks
    }

    fn drifts(&self) -> impl Iterator<Item = &Drift> {
        self.envelopes.iter().filter_map(|(_, drift)| drift.as_ref())
    }

    fn is_as_its_rule_says(&self) -> bool {
        let is_so = |drift: &Option<Drift>| drift.as_ref().is_some_and(Drift::is_none);
        self.envelopes.iter().all(|(_, drift)| is_so(drift))
    }
}

fn by_recipient(readers: &[Readers]) -> ByRecipient<'_> {
    let mut files = ByRecipient::new();
    for of_file in readers {
        for (key, remarks) in of_file.remarks() {
            files.entry(key).or_default().push((&of_file.path, remarks));
        }
    }
    files
}

fn lines_by_recipient(files: &ByRecipient<'_>) -> Vec<(Mark, String)> {
    let mut lines = Vec::new();
    for (key, files) in files {
        lines.push((Mark::Plain, shown(key)));
        for (path, remarks) in files {
            lines.push(line(&path.display().to_string(), remarks));
        }
    }
    lines
}

fn lines_by_file(readers: &[Readers]) -> Vec<(Mark, String)> {
    let mut lines = Vec::new();
    for of_file in readers {
        let rule = if of_file.has_rule { "" } else { " (no rule)" };
        lines.push((Mark::Plain, format!("{}{rule}", of_file.path.display())));
        for (key, remarks) in of_file.remarks() {
            lines.push(line(&shown(key), &remarks));
        }
    }
    lines
}

fn line(name: &str, remarks: &[Remark]) -> (Mark, String) {
    let mark = match remarks {
        _ if remarks.contains(&Remark::Missing) => Mark::Added,
        _ if remarks.contains(&Remark::NotNamed) => Mark::Removed,
        _ => Mark::Plain,
    };
    let texts: Vec<_> = remarks.iter().map(Remark::to_string).collect();
    match texts.is_empty() {
        true => (mark, format!("  {name}")),
        false => (mark, format!("  {name} ({})", texts.join("; "))),
    }
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotNamed => f.write_str("its rule does not name it"),
            Self::Missing => f.write_str("cannot read it, though its rule says so"),
            Self::InPart => f.write_str("some of its documents only"),
            Self::Group { number, of, needed } => {
                write!(f, "group {number}; {needed} of {of} groups needed")
            }
        }
    }
}

fn report(readers: &[Readers], by_recipient: &ByRecipient<'_>, failed: usize) -> Report {
    let without = readers.iter().filter(|of_file| !of_file.has_rule).count();
    let others = readers.iter().filter(|of_file| !of_file.is_as_its_rule_says()).count() - without;
    let line = match readers.len() {
        0 => "no file is encrypted".to_owned(),
        files => format!(
            "{} in {}",
            count(by_recipient.len(), "recipient"),
            count(files, "encrypted file")
        ),
    };
    let rest = [(others, "not as the rules say"), (without, "without a rule"), (failed, "failed")];
    let details = [
        ("recipients", recipients_fields(by_recipient)),
        ("files", readers.iter().map(file_fields).collect()),
        ("not_as_the_rules_say", json!(others)),
        ("without_rule", json!(without)),
        ("failed", json!(failed)),
    ];
    let details = details.into_iter().map(|(name, value)| (name.to_owned(), value));
    Report { line: Some(with_rest(line, &rest)), details: details.collect() }
}

fn recipients_fields(by_recipient: &ByRecipient<'_>) -> Value {
    let fields = |(key, files): (&&MasterKey, &Vec<(&Path, Vec<Remark>)>)| {
        let file = |(path, remarks): &(&Path, Vec<Remark>)| {
            json!({
                "file": path.display().to_string(),
                "can_read": !remarks.contains(&Remark::Missing),
                "named_by_rule": !remarks.contains(&Remark::NotNamed),
            })
        };
        let files: Vec<_> = files.iter().map(file).collect();
        json!({ "kind": key.kind(), "recipient": key.text(), "files": files })
    };
    by_recipient.iter().map(fields).collect()
}

fn file_fields(of_file: &Readers) -> Value {
    let texts = |keys: Vec<&MasterKey>| keys.into_iter().map(MasterKey::text).collect::<Vec<_>>();
    let envelope = |(keys, drift): &(GroupedKeys, Option<Drift>)| {
        let groups: Vec<_> =
            keys.groups.iter().map(|group| texts(group.iter().collect())).collect();
        let of_drift = |keys: fn(&Drift) -> Vec<&MasterKey>| drift.as_ref().map(|d| texts(keys(d)));
        json!({
            "groups": groups,
            "groups_needed": keys.needed(),
            "missing": of_drift(|drift| drift.missing().collect()),
            "superfluous": of_drift(|drift| drift.superfluous().collect()),
        })
    };
    let envelopes: Vec<_> = of_file.envelopes.iter().map(envelope).collect();
    json!({
        "file": of_file.path.display().to_string(),
        "has_rule": of_file.has_rule,
        "as_its_rule_says": of_file.is_as_its_rule_says(),
        "envelopes": envelopes,
    })
}

//! `seal init`: an age identity where sops and seal look for it, and a `.sops.yaml`.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use seal_core::document::Timestamp;
use seal_core::kubernetes::PROFILE_REGEX;
use seal_keys::keygen::{check_recipient, generate, recipients_of};
use seal_keys::{NotAPath, is_rather_a_path, looks_like_path};
use serde_json::{Map, json};
use zeroize::Zeroizing;

use super::{Context, Outcome};
use crate::args::InitArgs;
use crate::config::Config;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::ui::Report;
use crate::write::{self, NewFile, Writer};

/// Runs it. Checks everything that can be checked before the first file is made.
pub(crate) fn run(
    arguments: &InitArgs,
    context: &Context<'_>,
    now: Timestamp,
) -> Result<Outcome, CommandError> {
    let rules = match arguments.directory.as_path() {
        here if here == Path::new(".") => PathBuf::from(".sops.yaml"),
        directory => directory.join(".sops.yaml"),
    };
    let directory = checked_directory(&arguments.directory, &rules)?;
    let there = rules_there(&rules)?;
    let others = checked_recipients(&arguments.age)?;

    let own = match arguments.no_identity {
        true => None,
        false => Some(Own::find_or_make(context, now)?),
    };
    let mut recipients = own.as_ref().map_or_else(Vec::new, |own| own.recipients.clone());
    for recipient in others {
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    if let Some(there) = there {
        return Ok(join(context, &rules, &there, own.as_ref(), &recipients));
    }
    let writer = Writer::default();
    // If this fails, an identity made above stays, and the next run finds it.
    writer.create(&rules, rules_text(&recipients).as_bytes(), NewFile::Shared)?;
    writer.finish();

    tell(context, &rules, &directory, own.as_ref(), &recipients);
    Ok(Outcome { report: report(&rules, own.as_ref(), &recipients), code: ExitCode::Done })
}

fn report(rules: &Path, own: Option<&Own>, recipients: &[String]) -> Report {
    let details = Map::from_iter([
        ("config".to_owned(), json!(rules.display().to_string())),
        ("recipients".to_owned(), json!(recipients)),
        ("identity_file".to_owned(), json!(own.and_then(Own::file_text))),
        ("identity_created".to_owned(), json!(own.is_some_and(Own::is_new))),
    ]);
    Report { details, ..Report::silent() }
}

/// Rules that are there already. They are somebody's decision, so they are never written over.
fn rules_there(rules: &Path) -> Result<Option<Config>, CommandError> {
    if fs::symlink_metadata(rules).is_err() {
        return Ok(None);
    }
    let there = Config::load(rules).map_err(|error| {
        CommandError::from(error).hint("it stays as it is: correct it, or move it away")
    })?;
    Ok(Some(there))
}

/// Somebody new in a repository that has rules: gets an identity, and is told whether the rules name it.
fn join(
    context: &Context<'_>,
    rules: &Path,
    there: &Config,
    own: Option<&Own>,
    recipients: &[String],
) -> Outcome {
    let ui = context.ui;
    tell_identity(context, own);
    let of_own = own.map_or(&[][..], |own| &own.recipients);
    let named = |recipient: &&String| there.names_age(recipient);
    // One key of a file with several is enough; of the others, each is meant.
    let own_is_named = of_own.iter().any(|recipient| named(&recipient));
    let is_missing =
        |recipient: &&String| !(named(recipient) || own_is_named && of_own.contains(recipient));
    let missing: Vec<_> = recipients.iter().filter(is_missing).cloned().collect();
    for recipient in recipients.iter().filter(named) {
        ui.note(&format!("  can decrypt: {recipient}"));
    }
    tell_backup(context, own);
    let code = if missing.is_empty() {
        ui.note(&format!("{} exists already and stays as it is", rules.display()));
        ExitCode::Done
    } else {
        let names = missing.join(", ");
        let error = CommandError::usage(format!("exists already and does not name {names}"))
            .in_file(rules)
            .hint("ask somebody who can decrypt to add it to `age` in this file and to run `seal updatekeys PATHS`")
            .hint("to start anew, move the file away and run `seal init` again");
        ui.error(&error);
        error.kind
    };
    Outcome { report: report(rules, own, recipients), code }
}

/// The identity of whoever runs this.
struct Own {
    source: Source,
    recipients: Vec<String>,
}

enum Source {
    /// `SOPS_AGE_KEY` holds it.
    Variable,
    /// A key file that was there.
    Found(PathBuf),
    /// A key file made just now.
    Made(PathBuf),
}

impl Own {
    fn find_or_make(context: &Context<'_>, now: Timestamp) -> Result<Self, CommandError> {
        let set = |name: &str| context.environment.variable(name);
        if let Some(value) = set("SOPS_AGE_KEY") {
            let is_path = is_rather_a_path(&value);
            let text = value.into_string().map(Zeroizing::new).unwrap_or_default();
            let recipients = recipients_of(&text).map_err(|error| {
                let out = CommandError::usage("SOPS_AGE_KEY cannot be used").caused_by(&error);
                let out = match is_path {
                    true => out.hint("it looks like a path: SOPS_AGE_KEY_FILE is for paths"),
                    false => out,
                };
                out
                    .hint("unset it to use a key file, or name recipients: `seal init --no-identity --age age1…`")
            })?;
            return Ok(Self { source: Source::Variable, recipients });
        }
        let file = match set("SOPS_AGE_KEY_FILE") {
            Some(file) => {
                let file = PathBuf::from(file);
                if let Some(reason) = NotAPath::of(&file) {
                    return Err(CommandError::usage(format!("SOPS_AGE_KEY_FILE {reason}")));
                }
                file
            }
            None => context.environment.default_age_key_file().ok_or_else(|| {
                CommandError::usage("there is no home directory to keep an age identity in")
                    .hint("set SOPS_AGE_KEY_FILE to where it should be")
            })?,
        };
        if !looks_like_path(&file) && !file.exists() {
            // It may be a secret of whatever kind: then it would stand in the name of the new file and in messages.
            return Err(CommandError::usage("SOPS_AGE_KEY_FILE holds no path that could be shown")
                .hint("set it to where the age identity should be, in 200 characters at most"));
        }
        match write::read(&file) {
            Ok(original) => Self::of_file(file, original.bytes.expose(), context),
            Err(write::WriteError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Self::make(file, now)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn of_file(file: PathBuf, text: &[u8], context: &Context<'_>) -> Result<Self, CommandError> {
        let recipients = recipients_of(&String::from_utf8_lossy(text)).map_err(|error| {
            CommandError::usage("the age identities in this file cannot be used")
                .in_file(&file)
                .caused_by(&error)
                .hint("set SOPS_AGE_KEY_FILE to another file, or name recipients: `seal init --no-identity --age age1…`")
        })?;
        let mode = fs::metadata(&file).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 {
            let shown = file.display();
            context.ui.warn(&format!(
                "{shown} holds private keys but others may read it: run `chmod 600 {shown}`"
            ));
        }
        Ok(Self { source: Source::Found(file), recipients })
    }

    fn make(file: PathBuf, now: Timestamp) -> Result<Self, CommandError> {
        if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(|error| {
                CommandError::failed("the directory cannot be made")
                    .in_file(parent)
                    .caused_by(&error)
            })?;
        }
        let made = generate();
        let text = Zeroizing::new(format!(
            "# created: {}\n# public key: {}\n{}\n",
            now.to_rfc3339(),
            made.recipient,
            made.identity.as_str()
        ));
        let writer = Writer::default();
        writer.create(&file, text.as_bytes(), NewFile::Private)?;
        writer.finish();
        Ok(Self { source: Source::Made(file), recipients: vec![made.recipient] })
    }

    fn file(&self) -> Option<&Path> {
        match &self.source {
            Source::Variable => None,
            Source::Found(file) | Source::Made(file) => Some(file),
        }
    }

    fn file_text(&self) -> Option<String> {
        self.file().map(|file| file.display().to_string())
    }

    fn is_new(&self) -> bool {
        matches!(self.source, Source::Made(_))
    }
}

/// Returns the directory without links, once it is sure that the rules can go there.
fn checked_directory(directory: &Path, rules: &Path) -> Result<PathBuf, CommandError> {
    let real = fs::canonicalize(directory).ok().filter(|real| real.is_dir()).ok_or_else(|| {
        CommandError::usage("is not a directory")
            .in_file(directory)
            .hint("`seal init` takes the directory that gets the .sops.yaml")
    })?;
    if fs::symlink_metadata(rules).is_ok() && !rules.is_file() {
        return Err(CommandError::usage("exists already and is no file; it stays as it is")
            .in_file(rules)
            .hint("to start anew, move it away and run `seal init` again"));
    }
    Ok(real)
}

fn checked_recipients(typed: &[String]) -> Result<Vec<String>, CommandError> {
    // `a, b` and a comma at the end are common in copied lists. Nothing at all is a variable that is not set.
    let given = typed.iter().map(|one| one.trim()).filter(|one| !one.is_empty());
    if !typed.is_empty() && given.clone().next().is_none() {
        return Err(CommandError::usage("--age names no recipient"));
    }
    let check = |(index, text): (usize, &str)| {
        check_recipient(text).map_err(|error| {
            // What does not even look like a public key may be a private one, typed by mistake.
            let shown = match text.starts_with("age1") {
                true => format!("`{text}`"),
                false => format!("number {}", index + 1),
            };
            CommandError::usage(format!("recipient {shown} cannot be used"))
                .caused_by(&error)
                .hint("`age-keygen -y KEYFILE` prints the recipient of an identity")
        })
    };
    given.enumerate().map(check).collect()
}

fn rules_text(recipients: &[String]) -> String {
    format!(
        "\
# Who can decrypt, and what is secret. seal and sops read this file; commit it.
# Nothing in it is secret: recipients are public keys.
creation_rules:
  # The first rule whose `path_regex` fits the path of a file counts; this one has none, so it fits every file.
  # One recipient per line, with a comma behind each but the last. Files keep theirs until `seal updatekeys`.
  - age: >-
      {}
    # Secret is what stands below keys of these names: the values of a Kubernetes Secret.
    encrypted_regex: {PROFILE_REGEX}
    # The rest of a document (labels, annotations) may change without breaking its seal.
    mac_only_encrypted: true
",
        recipients.join(",\n      ")
    )
}

fn tell(
    context: &Context<'_>,
    rules: &Path,
    directory: &Path,
    own: Option<&Own>,
    recipients: &[String],
) {
    let ui = context.ui;
    tell_identity(context, own);
    ui.note(&format!("wrote the rules: {}", rules.display()));
    for recipient in recipients {
        ui.note(&format!("  can decrypt: {recipient}"));
    }
    if let Some(outer) = enclosing_rules(directory) {
        ui.note(&format!(
            "{} applies no more to files below {}",
            outer.display(),
            directory.display()
        ));
    }
    tell_backup(context, own);
    ui.note("next: commit .sops.yaml, then run `seal encrypt -i PATHS`");
}

fn tell_identity(context: &Context<'_>, own: Option<&Own>) {
    let ui = context.ui;
    match own.map(|own| &own.source) {
        Some(Source::Made(file)) => ui.note(&format!("made an age identity: {}", file.display())),
        Some(Source::Found(file)) => {
            ui.note(&format!("found an age identity: {}", file.display()));
        }
        Some(Source::Variable) => ui.note("found an age identity: SOPS_AGE_KEY"),
        None => {}
    }
}

fn tell_backup(context: &Context<'_>, own: Option<&Own>) {
    let ui = context.ui;
    if let Some(file) = own.and_then(Own::file) {
        if lies_in_repository(file) {
            ui.warn(&format!("{} lies in a git repository: never commit it", file.display()));
        }
        ui.note(&format!(
            "back up {}: whoever loses it cannot decrypt any more, whoever has it can",
            file.display()
        ));
    }
}

/// The nearest `.sops.yaml` in a directory above.
fn enclosing_rules(directory: &Path) -> Option<PathBuf> {
    let above = directory.ancestors().skip(1);
    above.map(|directory| directory.join(".sops.yaml")).find(|rules| rules.is_file())
}

fn lies_in_repository(file: &Path) -> bool {
    let real = fs::canonicalize(file);
    real.is_ok_and(|real| real.ancestors().any(|directory| directory.join(".git").exists()))
}

#[cfg(test)]
mod tests {
    use super::{checked_recipients, rules_text};

    #[test]
    fn the_rules_read_as_one_rule_with_all_recipients() {
        let text = rules_text(&["age1a".to_owned(), "age1b".to_owned()]);
        let rules: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let rule = &rules["creation_rules"][0];
        assert_eq!(rule["age"].as_str(), Some("age1a, age1b"));
        assert_eq!(rule["encrypted_regex"].as_str(), Some("^(data|stringData)$"));
        assert_eq!(rule["mac_only_encrypted"].as_bool(), Some(true));
        assert_eq!(rules["creation_rules"].as_sequence().unwrap().len(), 1);
        let one: serde_yaml::Value = serde_yaml::from_str(&rules_text(&["age1a".into()])).unwrap();
        assert_eq!(one["creation_rules"][0]["age"].as_str(), Some("age1a"));
    }

    #[test]
    fn a_private_key_typed_as_a_recipient_is_not_repeated() {
        let private = seal_keys::keygen::generate().identity;
        let error = checked_recipients(&[private.to_string()]).unwrap_err();
        assert!(!format!("{error:?}").contains(&private[20..]));
    }
}

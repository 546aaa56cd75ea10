//! `seal publish`

use std::path::{Path, PathBuf};

use seal_core::check::{CheckOptions, Severity, check};
use seal_core::file::DecryptOptions;
use seal_core::format::Format;
use seal_core::secret::SecretBytes;
use seal_keys::publish::{Published, Publisher};
use seal_keys::{Failure, Prompt, Settings};
use serde_json::json;

use super::decrypt::Decryption;
use super::{Context, Outcome, files};
use crate::args::PublishArgs;
use crate::config::{Config, ConfigError, DestinationRule};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs;
use crate::key_access::limits;
use crate::terminal::Terminal;
use crate::ui::{Report, escape};
use crate::write;

mod anew;
mod values;

/// A file that is ready to go.
struct Ready {
    path: PathBuf,
    /// Its name there.
    name: String,
    rule: DestinationRule,
    content: SecretBytes,
}

/// Counts for the end.
#[derive(Default)]
struct Done {
    uploaded: usize,
    unchanged: usize,
    declined: usize,
}

pub(super) fn run(arguments: &PublishArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    inputs::check_file(&arguments.path)?;
    let paths = match (arguments.path.is_dir(), arguments.recursive) {
        (false, _) => vec![arguments.path.clone()],
        (true, true) => below(&arguments.path)?,
        (true, false) => {
            return Err(CommandError::usage("is a directory")
                .in_file(&arguments.path)
                .hint("`--recursive` publishes all files below it"));
        }
    };
    if !arguments.yes && !arguments.dry_run && !Terminal::is_there() {
        return Err(CommandError::usage("there is no terminal to ask at")
            .hint("`--yes` uploads without a question, `--dry-run` only says what would be"));
    }
    let options = DecryptOptions {
        namespace: arguments.namespace.as_deref(),
        as_data: arguments.as_data,
        ..DecryptOptions::default()
    };
    let decryption = Decryption::new(context, options, &arguments.key_access)?;
    // All are made ready before the first one goes: nothing is published by halves because of a wrong file.
    let ready: Result<Vec<Ready>, CommandError> =
        paths.iter().map(|path| prepare(path, arguments, &decryption, context)).collect();
    files::warn_at_end(context, &decryption.configs, &decryption.key_access);
    let ready = ready?;
    let mut settings = Settings::of(context.environment.clone());
    settings.limits = limits(context.environment)?;
    let publisher = Publisher::new(settings);
    let mut done = Done::default();
    for file in &ready {
        publish(file, arguments, &publisher, context, &mut done)?;
    }
    Ok(Outcome { report: done.report(arguments.dry_run), code: ExitCode::Done })
}

/// The files below a directory in order, but for rules and what version control keeps.
fn below(directory: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(directory)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(|error| {
            CommandError::failed("cannot be read").in_file(directory).caused_by(&error)
        })?;
    let mut paths: Vec<_> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default();
        let is_left_out = [".git", ".hg", ".svn", ".jj", ".sops.yaml", ".sops.yml"];
        if is_left_out.iter().any(|left_out| name == *left_out) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            found.extend(below(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn prepare(
    path: &Path,
    arguments: &PublishArgs,
    decryption: &Decryption<'_>,
    context: &Context<'_>,
) -> Result<Ready, CommandError> {
    let config = decryption.configs.for_file(path)?.ok_or_else(|| {
        CommandError::usage("there is no .sops.yaml with destination_rules for it")
            .in_file(path)
            .hint("`--config FILE` names one")
    })?;
    // As SOPS walks: `./app.yaml` below `.` is `app.yaml`, so that `^app` does not pass over it, to a rule for the rest.
    let walked = path.strip_prefix(".").ok().filter(|_| arguments.recursive);
    let rule = rule_for(&config, walked.unwrap_or(path), context)?;
    check_spelling(path, &rule, &config, arguments, context)?;
    let format = files::format(arguments.file_type, Some(path))?;
    let source = write::read(path)?.bytes;
    check_encrypted(path, format, &source, &config)?;
    let content = if rule.destination.takes_values() {
        values::of(path, format, &source, decryption)?
    } else if let Some(recreation) = &rule.recreation {
        let manner = anew::Manner { as_data: arguments.as_data, indent: config.indent() };
        anew::encrypted(path, format, &source, recreation, decryption, manner)?
    } else {
        source
    };
    let name = name(path, arguments, rule.omit_extensions)?;
    Ok(Ready { path: path.to_owned(), name, rule, content })
}

/// `./app.yaml` passes over `^app`, perhaps to a rule for the rest that uploads in clear. SOPS takes that as meant.
fn check_spelling(
    path: &Path,
    rule: &DestinationRule,
    config: &Config,
    arguments: &PublishArgs,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let Some(short) = path.strip_prefix(".").ok().filter(|_| !arguments.as_data) else {
        return Ok(());
    };
    let what = |rule: &DestinationRule| (rule.destination.clone(), rule.recreation.is_some());
    match rule_for(config, short, context) {
        Ok(other) if !arguments.recursive && what(&other) != what(rule) => {
            Err(CommandError::usage(
                "with `./` in front another destination rule matches it than without",
            )
            .in_file(path)
            .hint("type the path without `./`, or let `path_regex` match both"))
        }
        _ => Ok(()),
    }
}

fn rule_for(
    config: &Config,
    path: &Path,
    context: &Context<'_>,
) -> Result<DestinationRule, CommandError> {
    let address = context.environment.variable("VAULT_ADDR");
    let address = address.as_ref().and_then(|address| address.to_str());
    config.destination_for(path, address).map_err(|error: ConfigError| error.into())
}

/// Nothing in clear is uploaded by mistake: there is an envelope, and no secret beside it.
fn check_encrypted(
    path: &Path,
    format: Format,
    source: &SecretBytes,
    config: &Config,
) -> Result<(), CommandError> {
    let selection = config.rule_for(path).ok().flatten().and_then(|rule| rule.selection.clone());
    let options = CheckOptions {
        rule: selection.as_ref(),
        whole_file: false,
        explicit: true,
        recipients: &|_| None,
    };
    let checked = check(format, source.expose(), &options);
    let finding =
        checked.findings.into_iter().find(|finding| finding.lint.severity == Severity::Error);
    if let Some(finding) = finding {
        return Err(CommandError::refused(finding.message)
            .at(path, finding.position)
            .hint("nothing was uploaded; `seal check` says more"));
    }
    match checked.envelopes {
        0 => Err(CommandError::refused("nothing in it is encrypted, so it is not published")
            .in_file(path)
            .hint("encrypt it first: `seal encrypt -i FILE`")),
        _ => Ok(()),
    }
}

/// The name of a file there: its own, or the path below the directory that is published.
fn name(path: &Path, arguments: &PublishArgs, omit: bool) -> Result<String, CommandError> {
    let below = path.strip_prefix(&arguments.path).ok().filter(|rest| *rest != Path::new(""));
    let name = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    let name = match omit || arguments.omit_extensions {
        true => name.with_extension(""),
        false => name.to_owned(),
    };
    name.to_str().map(str::to_owned).ok_or_else(|| {
        CommandError::failed("its name is no text, so it cannot have it there").in_file(path)
    })
}

fn publish(
    file: &Ready,
    arguments: &PublishArgs,
    publisher: &Publisher,
    context: &Context<'_>,
    done: &mut Done,
) -> Result<(), CommandError> {
    let there = file.rule.destination.of(&file.name);
    let how = match (file.rule.destination.takes_values(), &file.rule.recreation) {
        (true, _) => ", its values in clear",
        (false, Some(_)) => ", encrypted anew",
        (false, None) => "",
    };
    let what = format!("{} to {there}{how}", file.path.display());
    if arguments.dry_run {
        context.ui.note(&format!("would upload {what}"));
        return Ok(());
    }
    if !arguments.yes && Terminal.confirm(&format!("upload {what}?"), "upload", None) != Some(true)
    {
        context.ui.note(&format!("{} is not uploaded", file.path.display()));
        done.declined += 1;
        return Ok(());
    }
    let put = publisher.put(&file.rule.destination, &file.name, &file.content);
    match put.map_err(|failure| not_uploaded(&failure, &file.path))? {
        Published::Written => {
            context.ui.note(&format!("uploaded {what}"));
            done.uploaded += 1;
        }
        Published::Unchanged => {
            context.ui.note(&format!("{there} is up to date"));
            done.unchanged += 1;
        }
    }
    Ok(())
}

fn not_uploaded(failure: &Failure, path: &Path) -> CommandError {
    let error = CommandError::failed(escape(&failure.to_string()).into_owned()).in_file(path);
    match failure.next_step() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

impl Done {
    fn report(&self, dry_run: bool) -> Report {
        let mut report = Report::silent();
        let fields = [
            ("uploaded", json!(self.uploaded)),
            ("unchanged", json!(self.unchanged)),
            ("declined", json!(self.declined)),
            ("dry_run", json!(dry_run)),
        ];
        report.details.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        report
    }
}

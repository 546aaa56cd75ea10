//! `seal man`

use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use super::Outcome;
use crate::args::{CommandLine, ManArgs};
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::ui::Report;
use crate::write::{NewFile, Writer};

pub(super) fn run(arguments: &ManArgs) -> Result<Outcome, CommandError> {
    let directory = &arguments.directory;
    std::fs::create_dir_all(directory).map_err(|error| {
        CommandError::failed("the directory cannot be made").in_file(directory).caused_by(&error)
    })?;
    let mut all = CommandLine::command();
    all.build();
    let writer = Writer::default();
    page(all.clone(), "seal", directory, &writer)?;
    let verbs: Vec<_> = all.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned().collect();
    for verb in verbs {
        let name = format!("seal-{}", verb.get_name());
        page(verb, &name, directory, &writer)?;
    }
    writer.finish();
    Ok(Outcome { report: Report::silent(), code: ExitCode::Done })
}

fn page(
    command: clap::Command,
    name: &str,
    directory: &Path,
    writer: &Writer,
) -> Result<(), CommandError> {
    let command = command.display_name(name.to_owned());
    let man = Man::new(command).title(name.to_uppercase()).manual("seal");
    let mut text = Vec::new();
    man.render(&mut text).map_err(|error| {
        CommandError::failed(format!("the page {name} cannot be made")).caused_by(&error)
    })?;
    Ok(writer.put(&directory.join(format!("{name}.1")), &text, NewFile::Shared)?)
}

//! Results in another format than the input's.

use std::path::Path;

use seal_core::emit::{EmitError, Node, Style, Tree, emit, emit_node};
use seal_core::format::{BlockIndent, Format};
use seal_core::secret::SecretBytes;

use crate::args::{ConversionArgs, FileType};
use crate::config::Config;
use crate::error::CommandError;
use crate::reason::Reason;
use crate::ui::escape;

/// What a run prints, whatever it reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversion {
    output: Option<FileType>,
    reprint: bool,
    indent: Option<usize>,
}

impl Conversion {
    pub(super) fn of(arguments: &ConversionArgs) -> Self {
        let ConversionArgs { output_type, reprint, indent } = *arguments;
        Self { output: output_type, reprint, indent }
    }

    /// The format of the output.
    pub(super) fn output(&self, input: Format) -> Format {
        match self.output {
            Some(told) => told.into(),
            None => input,
        }
    }

    /// The format to print in; `None` where the text stays and only values in it change.
    pub(super) fn target(&self, input: Format) -> Option<Format> {
        let output = self.output(input);
        let has_printer_of_sops = output != Format::Yaml;
        (output != input || (self.reprint && has_printer_of_sops)).then_some(output)
    }

    /// A file that is replaced by another format would no longer be what its name says.
    ///
    /// # Errors
    /// That, unless SOPS is to be followed, which allows it.
    pub(super) fn check_in_place(&self, input: Format, path: &Path) -> Result<(), CommandError> {
        let output = self.output(input);
        if output == input || self.reprint {
            return Ok(());
        }
        let problem = format!("a {input} file cannot be replaced by {output} in place");
        Err(CommandError::usage(problem)
            .in_file(path)
            .because(Reason::Conflict)
            .hint("name another file with `--output`, or leave it out to write to stdout"))
    }

    /// Reads a text in clear.
    ///
    /// # Errors
    /// It is no text of its format, is encrypted already, or holds what cannot be converted.
    pub(super) fn read(
        &self,
        format: Format,
        source: &[u8],
        path: &Path,
    ) -> Result<Tree, CommandError> {
        let stream = format.parse(source).map_err(|error| {
            CommandError::failed(error.problem).at(path, error.position).because(Reason::Syntax)
        })?;
        let mut documents = stream.documents.iter();
        if documents.any(|document| document.entry(document.root(), "sops").is_some()) {
            return Err(CommandError::failed("the file is encrypted already, or looks like it")
                .in_file(path)
                .because(Reason::AlreadyEncrypted)
                .hint(
                    "`seal decrypt --output-type …` converts it, and its output can be encrypted",
                ));
        }
        Tree::read(format, &stream).map_err(|error| emit_error(path, &error))
    }

    /// Prints a tree.
    ///
    /// # Errors
    /// What it holds has no form in that format.
    pub(super) fn print(
        &self,
        output: Format,
        tree: &Tree,
        config: Option<&Config>,
        path: &Path,
    ) -> Result<SecretBytes, CommandError> {
        emit(output, tree, &self.style(config)).map_err(|error| emit_error(path, &error))
    }

    /// Prints a single value. Only SOPS leaves the line open.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub(super) fn print_node(
        &self,
        output: Format,
        node: &Node,
        config: Option<&Config>,
        path: &Path,
    ) -> Result<SecretBytes, CommandError> {
        let printed = emit_node(output, node, &self.style(config))
            .map_err(|error| emit_error(path, &error))?;
        if self.reprint || printed.expose().is_empty() || printed.expose().ends_with(b"\n") {
            return Ok(printed);
        }
        let mut line = Vec::with_capacity(printed.expose().len() + 1);
        line.extend_from_slice(printed.expose());
        line.push(b'\n');
        Ok(SecretBytes::new(line))
    }

    fn style(&self, config: Option<&Config>) -> Style {
        Style { indent: self.indent(config), as_sops: self.reprint }
    }

    /// The indentation of what is printed, the `sops` block too.
    pub(super) fn indent(&self, config: Option<&Config>) -> BlockIndent {
        match self.indent {
            Some(blanks) => BlockIndent { yaml: blanks, json: Some(" ".repeat(blanks)) },
            None => config.map(Config::indent).unwrap_or_default(),
        }
    }
}

fn emit_error(path: &Path, error: &EmitError) -> CommandError {
    // Keys come from the file.
    let out =
        CommandError::failed(escape(&error.to_string())).in_file(path).because(Reason::Conversion);
    match error.hint() {
        Some(hint) => out.hint(hint),
        None => out,
    }
}

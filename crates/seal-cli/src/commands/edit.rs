//! `seal edit`

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use seal_core::file::Encrypted;
use seal_core::secret::SecretBytes;

use self::blocks::Edited;
use self::session::{Session, Text};
use super::encrypt::Encryption;
use super::revision::{Changes, OpenFile, Revision, decrypt_options, replace};
use super::sealing::{self, Certificate, SealingKeys};
use super::{Context, Outcome, files};
use crate::args::{EditArgs, EncryptArgs};
use crate::editor::Editor;
use crate::error::CommandError;
use crate::exit_code::ExitCode;
use crate::inputs::{self, is_stdin};
use crate::reason::Reason;
use crate::write::{self, NewFile, WriteError, Writer};

mod blocks;
mod example;
mod session;

pub(super) fn run(arguments: &EditArgs, context: &Context<'_>) -> Result<Outcome, CommandError> {
    if arguments.files.iter().any(|path| is_stdin(path)) {
        return Err(CommandError::usage("standard input cannot be edited")
            .hint("a file named `-` is `./-`; `seal replace` takes a text from standard input"));
    }
    let editor = Editor::of(context.environment)?;
    let options = decrypt_options(&arguments.revision, arguments.ignore_mac);
    let revision = Revision::new(context, options, &arguments.revision.key_access)?;
    let certificate = Certificate::new(&arguments.sealing.certificate, context.environment);
    let sealing_keys = SealingKeys::new(&arguments.sealing.keys, context.environment);
    let editing = Editing { arguments, revision, editor, certificate, sealing_keys, context };
    let mut changes = Changes::default();
    let mut code = ExitCode::Done;
    // One after the other: an editor needs the terminal for itself.
    for path in &arguments.files {
        match editing.file(path) {
            Ok(of_file) => changes += of_file,
            Err(error) => {
                code = code.worst(error.kind);
                changes.failed += 1;
                context.ui.error(&error);
            }
        }
    }
    editing.revision.warn_at_end(context);
    Ok(Outcome { report: changes.report("edited"), code })
}

/// What is the same for all files of a run.
struct Editing<'a> {
    arguments: &'a EditArgs,
    revision: Revision<'a>,
    editor: Editor,
    certificate: Certificate,
    sealing_keys: SealingKeys,
    context: &'a Context<'a>,
}

impl Editing<'_> {
    fn file(&self, path: &Path) -> Result<Changes, CommandError> {
        if is_absent(path) {
            return self.new_file(path);
        }
        inputs::check_file(path)?;
        write::check_replaceable(path)?;
        if let Some(changes) = self.sealed_file(path)? {
            return Ok(changes);
        }
        let mut open = self.revision.open(path, self.arguments.file_type)?;
        let source = (open.format, open.original.bytes.expose());
        self.revision.warn_of_strangers(path, source, self.context);
        let with_blocks = match self.arguments.show_master_keys {
            true => Some(self.revision.with_blocks(path, source)?),
            false => None,
        };
        let shown = with_blocks.as_ref().unwrap_or(&open.plain);
        let mut session = Session::new(self.context, &self.editor, path, shown)?;
        loop {
            let Text::Changed(text) = session.edit()? else { return self.unchanged(path) };
            let written = self
                .encrypted(path, &open, &text)
                .and_then(|done| self.write(path, &mut open, done, &text));
            match written {
                Ok(changes) => return Ok(changes),
                Err(error) => session.again(error, &text)?,
            }
        }
    }

    /// A file of SealedSecrets; `None` for any other.
    fn sealed_file(&self, path: &Path) -> Result<Option<Changes>, CommandError> {
        if self.arguments.revision.as_data || self.arguments.show_master_keys {
            return Ok(None);
        }
        let format = files::format(self.arguments.file_type, Some(path))?;
        let original = write::read(path)?;
        let source = original.bytes.expose();
        let Some(editing) = sealing::Editing::of(path, format, source, &self.sealing_keys)? else {
            return Ok(None);
        };
        if editing.closed > 0 {
            self.context.ui.note(&format!(
                "{}: {} shown as `<sealed value …>`: no sealing key opens them; they stay as they are unless you write over them",
                path.display(),
                crate::ui::count(editing.closed, "value")
            ));
        }
        let mut session = Session::new(self.context, &self.editor, path, &editing.shown)?;
        loop {
            let Text::Changed(text) = session.edit()? else {
                return self.unchanged(path).map(Some);
            };
            let done = editing.sealed(path, text.expose(), &self.certificate).and_then(
                |(sealed, values)| {
                    let writer = Writer::default();
                    if sealed.expose() != source {
                        writer.replace(path, sealed.expose(), files::stamp_of(path, &original)?)?;
                    }
                    writer.finish();
                    Ok(Changes { files: 1, documents: 1, values, ..Changes::default() })
                },
            );
            match done {
                Ok(changes) => return Ok(Some(changes)),
                Err(error) => session.again(error, &text)?,
            }
        }
    }

    /// The edited text, encrypted against a version of the file.
    fn encrypted(
        &self,
        path: &Path,
        open: &OpenFile,
        text: &SecretBytes,
    ) -> Result<Encrypted, CommandError> {
        let before = (open.format, open.original.bytes.expose());
        if !self.arguments.show_master_keys {
            return self.revision.revise(path, before, text.expose());
        }
        let edited = Edited::of(path, before, text.expose())?;
        let done = self.revision.revise(path, before, edited.plain.expose())?;
        edited.rewrapped(path, before, done, &self.revision)
    }

    /// Writes the result. Where somebody else wrote the file meanwhile and its plaintext is the same, as after
    /// `updatekeys`, the text is encrypted against that version.
    fn write(
        &self,
        path: &Path,
        open: &mut OpenFile,
        done: Encrypted,
        text: &SecretBytes,
    ) -> Result<Changes, CommandError> {
        let writer = Writer::default();
        let stamp = files::stamp_of(path, &open.original)?;
        let written = match &done.bytes {
            Some(bytes) => writer.replace(path, bytes, stamp),
            None => Ok(()),
        };
        let changes = match written {
            Ok(()) => Changes::of(&done, &open.objects),
            Err(WriteError::Changed { .. }) => {
                let now = self.revision.open(path, self.arguments.file_type)?;
                // The blocks that were shown would not be those of the file any more.
                if self.arguments.show_master_keys || now.plain.expose() != open.plain.expose() {
                    return Err(session::conflict(path));
                }
                *open = now;
                let done = self.encrypted(path, open, text)?;
                replace(path, &open.original, &done, &writer)?;
                Changes::of(&done, &open.objects)
            }
            Err(error) => return Err(error.into()),
        };
        writer.finish();
        Ok(changes)
    }

    fn unchanged(&self, path: &Path) -> Result<Changes, CommandError> {
        match self.arguments.refuse_unchanged {
            true => Err(CommandError::failed("the file has not changed, nothing was written")
                .in_file(path)
                .because(Reason::Unchanged)),
            false => Ok(Changes { unchanged: 1, ..Changes::default() }),
        }
    }

    /// A file that is not there yet.
    fn new_file(&self, path: &Path) -> Result<Changes, CommandError> {
        let format = files::format(self.arguments.file_type, Some(path))?;
        let by_default = EncryptArgs {
            key_access: self.arguments.revision.key_access.clone(),
            ..EncryptArgs::default()
        };
        let arguments = self.arguments.new_file.as_deref().unwrap_or(&by_default);
        let encryption = Encryption::new(arguments, self.context)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if parent.is_some_and(|parent| !parent.is_dir()) {
            let source = ErrorKind::NotFound.into();
            return Err(WriteError::Create { path: path.into(), source }.into());
        }
        write::check_replaceable(path)?;
        // Whoever cannot encrypt the text should hear it before writing one.
        encryption.text(path, format, example::of(format))?;
        let example = SecretBytes::new(example::of(format).to_vec());
        let mut session = Session::new(self.context, &self.editor, path, &example)?;
        let changes = loop {
            let Text::Changed(text) = session.edit()? else { return self.unchanged(path) };
            match self.create(path, format, &encryption, &text) {
                Ok(changes) => break changes,
                Err(error) => session.again(error, &text)?,
            }
        };
        encryption.warn_at_end(self.context);
        Ok(changes)
    }

    fn create(
        &self,
        path: &Path,
        format: seal_core::format::Format,
        encryption: &Encryption<'_>,
        text: &SecretBytes,
    ) -> Result<Changes, CommandError> {
        let bytes = encryption.text(path, format, text.expose())?.ok_or_else(|| {
            CommandError::failed("there is nothing to encrypt in it")
                .in_file(path)
                .because(Reason::NotEncrypted)
                .hint("a manifest without a Secret needs no `seal`; write it with the editor alone")
        })?;
        let writer = Writer::default();
        writer.create(path, &bytes, NewFile::Shared)?;
        writer.finish();
        Ok(Changes { files: 1, documents: 1, ..Changes::default() })
    }
}

/// A path with nothing there; a link to nothing is something.
fn is_absent(path: &Path) -> bool {
    matches!(std::fs::symlink_metadata(path), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// The name that the edited file gets: editors know the format by it.
fn base_name(path: &Path) -> PathBuf {
    path.file_name().map_or_else(|| PathBuf::from("file"), PathBuf::from)
}

//! One file in the editor: shown, read back, shown again with the reason where it cannot be encrypted.

use std::io;
use std::path::{Path, PathBuf};

use seal_core::secret::SecretBytes;
use seal_keys::Prompt;

use super::base_name;
use crate::commands::Context;
use crate::editor::Editor;
use crate::error::CommandError;
use crate::private_directory::PrivateDirectory;
use crate::reason::Reason;
use crate::terminal::Terminal;
use crate::write::{self, Registration, WriteError, remove_on_signal};

/// How many texts that cannot be encrypted an editor may leave where there is no terminal.
const ATTEMPTS_UNATTENDED: usize = 5;

/// A plaintext in the hands of an editor. Dropped, it is wiped and removed.
pub(super) struct Session<'a> {
    context: &'a Context<'a>,
    editor: &'a Editor,
    /// The file that is edited, as the user named it.
    named: PathBuf,
    /// The plaintext file.
    file: PathBuf,
    /// As it was given to the editor first.
    given: SecretBytes,
    /// The text that failed last.
    failed: Option<SecretBytes>,
    /// How often a text failed that nobody could be asked about.
    unattended: usize,
    // Dropped in this order: the directory goes before the handler of signals forgets it.
    _directory: PrivateDirectory,
    _registration: Registration,
}

/// What comes back.
pub(super) enum Text {
    /// As it was given.
    Unchanged,
    Changed(SecretBytes),
}

impl<'a> Session<'a> {
    /// Writes the plaintext where only its owner gets at it.
    pub(super) fn new(
        context: &'a Context<'a>,
        editor: &'a Editor,
        named: &Path,
        text: &SecretBytes,
    ) -> Result<Self, CommandError> {
        let failed = |error: io::Error| {
            CommandError::failed("the file for the editor cannot be made")
                .in_file(named)
                .because(Reason::CannotWrite)
                .caused_by(&error)
        };
        let directory = PrivateDirectory::new(context.environment).map_err(failed)?;
        let registration = remove_on_signal(directory.path().to_owned());
        if let Some(warning) = directory.warning("while it is edited") {
            context.ui.warn(&warning);
        }
        let file = directory.write(&base_name(named), text).map_err(failed)?;
        Ok(Self {
            context,
            editor,
            named: named.to_owned(),
            file,
            given: text.clone(),
            failed: None,
            unattended: 0,
            _directory: directory,
            _registration: registration,
        })
    }

    /// Lets the user edit.
    ///
    /// # Errors
    /// The editor fails, takes the file away, or leaves a text that failed before as it was.
    pub(super) fn edit(&mut self) -> Result<Text, CommandError> {
        let session = self.editor.edit(&self.file).map_err(|error| {
            error.in_file(&self.named).hint("nothing was written, and what was edited is gone")
        })?;
        let text = write::read(&self.file).map_err(|error| match error {
            WriteError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                CommandError::failed("the editor took the file away")
                    .in_file(&self.named)
                    .because(Reason::Editor)
                    .hint("nothing was written")
            }
            error => CommandError::from(error).in_file(&self.named),
        })?;
        let text = text.bytes;
        if text.expose() == self.given.expose() {
            if session.is_too_short && self.failed.is_none() {
                self.context.ui.note("the editor came back at once and changed nothing; one with a window of its own has to wait, as in EDITOR='code --wait'");
            }
            return Ok(Text::Unchanged);
        }
        Ok(Text::Changed(text))
    }

    /// After a text that cannot be encrypted: says why and returns so that the user can go on, or gives up with the
    /// error.
    ///
    /// # Errors
    /// `error`, where the text is the one that failed before or the user has enough.
    pub(super) fn again(
        &mut self,
        error: CommandError,
        text: &SecretBytes,
    ) -> Result<(), CommandError> {
        let is_stubborn =
            self.failed.as_ref().is_some_and(|failed| failed.expose() == text.expose());
        let is_final = is_stubborn || !can_be_edited_away(&error);
        if !is_final {
            self.context.ui.shown(&error);
            match self.asks() {
                // A script that breaks the text anew each time would go on for ever.
                None if self.unattended == ATTEMPTS_UNATTENDED => {}
                None => {
                    self.unattended += 1;
                    self.failed = Some(text.clone());
                    return Ok(());
                }
                Some(true) => {
                    self.failed = None;
                    return Ok(());
                }
                Some(false) => {}
            }
        } else if Terminal::is_there() {
            self.context.ui.shown(&error);
            // The last chance to save what was typed.
            let file = self.file.display();
            Terminal.text(&format!(
                "The edited text is in {file} until you press Enter; copy from it what you need"
            ));
        }
        let error = match is_stubborn {
            true => error.hint("the editor left the text as it was when it failed before"),
            false => error,
        };
        Err(error.hint("nothing was written, and the edited text is gone"))
    }

    /// Whether the user wants to go on; `None` where there is nobody to ask.
    fn asks(&self) -> Option<bool> {
        if !Terminal::is_there() {
            return None;
        }
        let question = "Edit the text again?";
        let answer = Terminal.confirm(question, "edit again", Some("give up, the text is lost"));
        // Enter means to go on, the end of input does not.
        Some(answer.unwrap_or(true))
    }
}

/// Whether another text could help.
fn can_be_edited_away(error: &CommandError) -> bool {
    !matches!(
        error.reason,
        Some(
            Reason::CannotWrite
                | Reason::CannotRead
                | Reason::Conflict
                | Reason::NoRule
                | Reason::Config
                | Reason::NoMasterKeys
                | Reason::NoDataKey
                | Reason::MacMismatch
                | Reason::Value
        )
    )
}

/// The error for a file whose plaintext somebody else changed.
pub(super) fn conflict(path: &Path) -> CommandError {
    CommandError::failed("somebody else changed values of it in the meantime")
        .in_file(path)
        .because(Reason::Conflict)
        .hint("edit it again")
}

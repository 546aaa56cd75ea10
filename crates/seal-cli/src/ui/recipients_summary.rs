//! What became of files whose recipients changed.

use serde_json::Value;

use super::{Report, with_rest};
use crate::inputs::Files;

/// Counts of a run over files that get other recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilesDone {
    /// Files that were written.
    pub(crate) changed: usize,
    /// Files that would be, and were not.
    pub(crate) left: usize,
    /// Files in which nothing is to change.
    pub(crate) same: usize,
    /// Files that are not encrypted.
    pub(crate) skipped: usize,
    /// Files that failed.
    pub(crate) failed: usize,
}

/// What was found out about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// Nobody named it, and it has no recipients.
    NotEncrypted,
    /// Its recipients are the right ones.
    AsItShouldBe,
    /// This is to be done.
    ToDo(T),
}

impl<T> Found<T> {
    /// Of an encrypted file.
    pub(crate) fn of(todo: Option<T>) -> Self {
        todo.map_or(Self::AsItShouldBe, Self::ToDo)
    }
}

impl FilesDone {
    /// Before the first file is looked at.
    pub(crate) fn of(files: &Files) -> Self {
        Self { skipped: files.skipped.len(), failed: files.failures.len(), ..Self::default() }
    }

    /// Counts what was found out about files, of which `None` failed, and returns what is to be done.
    pub(crate) fn sorted<T>(&mut self, found: Vec<Option<Found<T>>>) -> Vec<T> {
        let mut todo = Vec::new();
        for found in found {
            match found {
                None => self.failed += 1,
                Some(Found::NotEncrypted) => self.skipped += 1,
                Some(Found::AsItShouldBe) => self.same += 1,
                Some(Found::ToDo(plan)) => todo.push(plan),
            }
        }
        self.left = todo.len();
        todo
    }

    /// Counts what was written of what was to be done.
    pub(crate) fn written<T>(&mut self, results: &[Option<T>]) {
        self.changed = results.iter().flatten().count();
        self.failed += results.len() - self.changed;
        self.left = 0;
    }
}

impl Report {
    /// `left` and `same` say what the files are that were not written; `more` are fields for machines.
    pub(crate) fn of_recipients(
        done: &FilesDone,
        [left, same]: [&str; 2],
        more: impl IntoIterator<Item = (String, Value)>,
    ) -> Self {
        let counts = [
            (done.changed, "updated"),
            (done.left, left),
            (done.same, same),
            (done.skipped, "skipped"),
            (done.failed, "failed"),
        ];
        let mut line = String::new();
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            match line.is_empty() {
                true => line = format!("{} {what}", super::count(count, "file")),
                false => line = with_rest(line, &[(count, what)]),
            }
        }
        if line.is_empty() {
            "no file is encrypted".clone_into(&mut line);
        }
        let fields = [
            ("files", done.changed),
            ("unchanged", done.same),
            ("to_be_changed", done.left),
            ("skipped", done.skipped),
            ("failed", done.failed),
        ];
        let mut report = Self::of_counts(line, fields);
        report.details.extend(more);
        report
    }
}

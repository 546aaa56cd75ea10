//! What a run did, for people and for machines.

use serde_json::{Map, Value, json};

/// The end of a run: one line for people, fields for machines.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    /// What `--quiet` leaves out; nothing where the result speaks for itself.
    pub(crate) line: Option<String>,
    /// Fields of the JSON object beside those that every command has.
    pub(crate) details: Map<String, Value>,
}

/// Counts of a run over files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Files that were encrypted or decrypted.
    pub(crate) files: usize,
    /// Documents in them that were.
    pub(crate) documents: usize,
    /// Of these, the ones that kept the ciphertext of their previous version.
    pub(crate) kept: usize,
    /// Values in the documents.
    pub(crate) secrets: usize,
    /// Documents whose envelope is not tied to them, because SOPS wrote it.
    pub(crate) unbound: usize,
    /// Files that are encrypted already.
    pub(crate) already: usize,
    /// Files that were encrypted afresh because no identity opens their previous version.
    pub(crate) uncompared: usize,
    /// Files that were encrypted afresh because git's HEAD has no version of them.
    pub(crate) unversioned: usize,
    /// Files that are not for this command.
    pub(crate) skipped: usize,
    /// Files that failed.
    pub(crate) failed: usize,
}

impl Report {
    /// A command that says nothing at its end.
    pub(crate) fn silent() -> Self {
        Self { line: None, details: Map::new() }
    }

    /// A run over files; `verb` and `done` as in `encrypt` and `encrypted`.
    pub(crate) fn of_files(verb: &str, done: &str, counts: &Counts) -> Self {
        Self::of_counts(counts.line(verb, done), counts.fields())
    }

    /// A line, and counts for machines.
    pub(crate) fn of_counts(
        line: String,
        counts: impl IntoIterator<Item = (&'static str, usize)>,
    ) -> Self {
        let fields = counts.into_iter().map(|(name, number)| (name.to_owned(), json!(number)));
        Self { line: Some(line), details: fields.collect() }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.documents += other.documents;
        self.kept += other.kept;
        self.secrets += other.secrets;
        self.unbound += other.unbound;
        self.already += other.already;
        self.uncompared += other.uncompared;
        self.unversioned += other.unversioned;
        self.skipped += other.skipped;
        self.failed += other.failed;
    }
}

impl Counts {
    fn line(&self, verb: &str, done: &str) -> String {
        let mut line = if self.files > 0 {
            let kept = match self.kept {
                0 => String::new(),
                kept => format!(", {kept} of them unchanged"),
            };
            format!(
                "{done} {} ({} in {}{kept})",
                count(self.files, "file"),
                count(self.secrets, "secret"),
                count(self.documents, "document")
            )
        } else if self.failed > 0 {
            format!("{done} nothing")
        } else {
            format!("nothing to {verb}")
        };
        if self.files > 0 && self.unversioned == self.files {
            line.push_str(", not compared (git's HEAD has no earlier version)");
        }
        let rest = [
            (self.unbound, "not bound (written by SOPS)"),
            (self.already, "already encrypted"),
            (self.uncompared, "not compared (no identity opens the previous version)"),
            (self.skipped, "skipped"),
            (self.failed, "failed"),
        ];
        with_rest(line, &rest)
    }

    fn fields(&self) -> [(&'static str, usize); 10] {
        [
            ("files", self.files),
            ("documents", self.documents),
            ("kept", self.kept),
            ("secrets", self.secrets),
            ("unbound", self.unbound),
            ("already_encrypted", self.already),
            ("no_previous", self.unversioned),
            ("not_compared", self.uncompared),
            ("skipped", self.skipped),
            ("failed", self.failed),
        ]
    }
}

/// A line, and behind it what there is of the rest: `, 2 skipped`.
pub(crate) fn with_rest(mut line: String, rest: &[(usize, &str)]) -> String {
    for (number, what) in rest.iter().filter(|(number, _)| *number > 0) {
        line.push_str(&format!(", {number} {what}"));
    }
    line
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Counts, Report};

    fn line(counts: Counts) -> String {
        Report::of_files("encrypt", "encrypted", &counts).line.unwrap()
    }

    #[test]
    fn the_line_names_what_there_is_and_leaves_out_what_there_is_not() {
        let counts = Counts { files: 3, documents: 5, secrets: 12, ..Counts::default() };
        assert_eq!(line(counts), "encrypted 3 files (12 secrets in 5 documents)");
        let counts = Counts { already: 1, skipped: 2, ..counts };
        assert_eq!(
            line(counts),
            "encrypted 3 files (12 secrets in 5 documents), 1 already encrypted, 2 skipped"
        );
        let counts = Counts { kept: 4, already: 0, skipped: 0, ..counts };
        assert_eq!(
            line(counts),
            "encrypted 3 files (12 secrets in 5 documents, 4 of them unchanged)"
        );
        let counts = Counts { files: 1, documents: 1, secrets: 1, ..Counts::default() };
        assert_eq!(line(counts), "encrypted 1 file (1 secret in 1 document)");
    }

    #[test]
    fn nothing_to_do_and_nothing_done_are_different() {
        assert_eq!(line(Counts::default()), "nothing to encrypt");
        let counts = Counts { skipped: 4, ..Counts::default() };
        assert_eq!(line(counts), "nothing to encrypt, 4 skipped");
        let counts = Counts { failed: 2, ..Counts::default() };
        assert_eq!(line(counts), "encrypted nothing, 2 failed");
    }

    #[test]
    fn counts_add_up() {
        let one = Counts {
            files: 1,
            documents: 2,
            kept: 3,
            secrets: 4,
            unbound: 5,
            already: 6,
            uncompared: 7,
            unversioned: 1,
            skipped: 8,
            failed: 9,
        };
        let mut sum = one;
        sum += one;
        let fields = BTreeMap::from(sum.fields());
        let numbers: Vec<_> = fields.values().copied().collect();
        assert_eq!(numbers.len(), 10);
        for (name, number) in [("files", 2), ("kept", 6), ("already_encrypted", 12), ("failed", 18)]
        {
            assert_eq!(fields[name], number, "{name}");
        }
        assert_eq!(numbers.iter().sum::<usize>(), 92);
    }
}

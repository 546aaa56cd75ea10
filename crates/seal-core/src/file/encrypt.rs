//! Encrypts a file: what is asked for, and what comes out.

use super::BoxError;
use super::error::FileError;
use super::pieces::{self, Piece};
use super::prepare::prepare;
use super::previous::Previous;
use super::proof::check_whole;
use super::run::Run;
use crate::document::Document;
use crate::envelope::{KeyGroup, Rule};
use crate::format::Format;
use crate::kubernetes::{AsWritten, Object, profile_rule};
use crate::secret::DataKey;
use crate::select::Selector;

/// Where envelopes go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Each document, and each item of a `List`, has its own: a stream can be split, merged and re-ordered.
    #[default]
    Documents,
    /// All documents share one, as SOPS writes it.
    Sops,
}

/// How much of an object's identity its envelope is bound to. Group, kind and type always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Name and namespace, where the object carries them.
    #[default]
    Name,
    /// The namespace only.
    Namespace,
    /// Neither.
    None,
}

/// How to encrypt.
#[derive(Clone, Debug, Default)]
pub struct EncryptOptions {
    /// The selection rule, where a flag or a creation rule sets one; else the manifest profile.
    pub rule: Option<Rule>,
    /// Whether the MAC covers encrypted values only; by default it does in the manifest profile.
    pub mac_only_encrypted: Option<bool>,
    /// Where envelopes go.
    pub layout: Layout,
    /// What envelopes are bound to.
    pub scope: Scope,
    /// Write aliases out that stand in a secret part.
    pub expand_aliases: bool,
    /// Take annotations away that hold a copy of a Secret.
    pub strip: bool,
    /// Encrypt every value of a source that holds no Kubernetes object; else such a source is left alone.
    pub whole_files: bool,
    /// The time of this run, RFC 3339.
    pub last_modified: String,
}

/// The data key of a file, drawn in this run, and its wrapped forms.
#[derive(Clone, Debug)]
pub struct FileKey {
    /// Encrypts the values.
    pub data_key: DataKey,
    /// The data key, wrapped by each master key of the rule.
    pub key_groups: Vec<KeyGroup>,
    /// How many groups are needed, where there are several.
    pub shamir_threshold: Option<u32>,
}

/// Where keys and random bytes come from.
pub struct Keys<'a> {
    /// Draws and wraps a data key; called at most once for a file, and only if there is something to encrypt.
    pub file_key: &'a (dyn Fn() -> Result<FileKey, BoxError> + Sync),
    /// 32 bytes from the operating system.
    pub random: &'a (dyn Fn() -> Result<[u8; 32], BoxError> + Sync),
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys<'_> {
    pub(crate) fn random_bytes(&self) -> Result<[u8; 32], FileError> {
        (self.random)().map_err(|source| {
            let mut error = FileError::input("the operating system gives no random bytes");
            error.source = Some(source);
            error
        })
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncryptReport {
    /// Values that were encrypted.
    pub values: usize,
    /// Comments that were encrypted.
    pub comments: usize,
    /// Documents and `List` items that got an envelope in this run.
    pub encrypted: usize,
    /// Those that kept the envelope of the previous version.
    pub kept: usize,
    /// Those that were encrypted before.
    pub already: usize,
    /// Kubernetes objects in the source, as far as it had to be read.
    pub objects: usize,
}

/// The result of [`encrypt`].
#[derive(Debug)]
pub struct Encrypted {
    /// The new bytes; `None` where nothing changes.
    pub bytes: Option<Vec<u8>>,
    /// What was done.
    pub report: EncryptReport,
}

/// Encrypts a source.
///
/// # Guarantees
/// Only the bytes of the chosen scalars and comments change, and the blocks are added. Before this returns, the result
/// was decrypted and compared: it gives the source back byte for byte, or, for the closed list of spellings that
/// cannot be kept, the same values.
///
/// # Errors
/// See [`FileError::class`]. A rule that selects nothing is an error; a manifest without a Secret is not.
pub fn encrypt(
    format: Format,
    source: &[u8],
    options: &EncryptOptions,
    keys: &Keys<'_>,
    previous: Option<&Previous<'_>>,
) -> Result<Encrypted, FileError> {
    let profile = options.rule.as_ref().is_none_or(|rule| *rule == profile_rule());
    if let (true, Some(rule)) = (!profile || options.layout == Layout::Sops, &options.rule) {
        compile(rule)?;
    }
    let prepared = prepare(format, source, options)?;
    let source = prepared.as_deref().unwrap_or(source);
    let wanted =
        |text: &[u8]| !profile || options.layout == Layout::Sops || may_hold(text, b"Secret");
    let pieces = pieces::read(format, source, wanted).map_err(syntax)?;
    let explicit = (!profile).then(|| options.rule.clone()).flatten();
    let whole = options.whole_files && !holds_kubernetes(format, &pieces);
    let run = Run::new(format, options, keys, previous, explicit, whole);
    let mut report = EncryptReport::default();
    let mut parts: Vec<Option<Vec<u8>>> = match options.layout {
        Layout::Documents => {
            let done = pieces::each(source, &pieces, |_, piece| {
                run.piece(piece).map_err(|error| error.below_lines(piece.lines_before(source)))
            })?;
            done.into_iter()
                .map(|(bytes, part)| {
                    report.add(&part);
                    bytes
                })
                .collect()
        }
        Layout::Sops => {
            let parts = run.shared_envelope(source, &pieces, &mut report)?;
            check_whole(format, source, &pieces, &parts, &run)?;
            parts
        }
    };
    if report.encrypted == 0 && report.kept == 0 && report.already == 0 {
        if let Some(rule) = run.explicit() {
            return Err(FileError::settings(format!(
                "the rule `{}: {}` selects nothing in this file",
                rule.kind.name(),
                rule.text
            ))
            .hint("nothing would be encrypted; correct the rule, or leave the file out"));
        }
        if whole {
            return Err(FileError::input("there is no value to encrypt in this file"));
        }
    }
    if parts.iter().all(Option::is_none) && prepared.is_none() {
        return Ok(Encrypted { bytes: None, report });
    }
    let length = parts.iter().flatten().map(Vec::len).sum::<usize>() + source.len();
    let mut bytes = Vec::with_capacity(length);
    for (piece, part) in pieces.iter().zip(&mut parts) {
        match part.take() {
            Some(part) => bytes.extend_from_slice(&part),
            None => bytes.extend_from_slice(piece.text),
        }
    }
    Ok(Encrypted { bytes: Some(bytes), report })
}

/// A Secret, or whatever `word` stands for, cannot stand in a text that has neither the word nor a way to write it
/// otherwise: an escape or a tag.
pub(crate) fn may_hold(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some() || memchr::memchr2(b'\\', b'!', text).is_some()
}

pub(crate) fn syntax(error: crate::format::SyntaxError) -> FileError {
    let mut out = FileError::input(error.problem);
    out.position = Some(error.position);
    out
}

pub(crate) fn compile(rule: &Rule) -> Result<Selector, FileError> {
    Selector::new(rule).map_err(settings)
}

pub(crate) fn settings(error: crate::select::SelectError) -> FileError {
    let excerpt = error.excerpt().map(|excerpt| format!("\n{excerpt}")).unwrap_or_default();
    FileError::settings(format!("{error}{excerpt}")).hint(error.hint())
}

/// Whether any document of a source is a Kubernetes object; reads no more than it must.
fn holds_kubernetes(format: Format, pieces: &[Piece<'_>]) -> bool {
    let is_object = |documents: &[Document<'_>]| {
        documents
            .iter()
            .any(|document| Object::read(&AsWritten, document, document.root()).is_some())
    };
    pieces.iter().any(|piece| piece.stream.as_ref().is_some_and(|s| is_object(&s.documents)))
        || pieces
            .iter()
            .filter(|piece| piece.stream.is_none())
            .any(|piece| format.parse(piece.text).is_ok_and(|stream| is_object(&stream.documents)))
}

impl EncryptReport {
    fn add(&mut self, other: &Self) {
        self.values += other.values;
        self.comments += other.comments;
        self.encrypted += other.encrypted;
        self.kept += other.kept;
        self.already += other.already;
        self.objects += other.objects;
    }
}

//! Encrypts a file: what is asked for, and what comes out.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

use super::error::{Class, Fault, FileError};
use super::pieces::{self, Piece};
use super::prepare::prepare;
use super::previous::{ObjectName, Previous, object_name};
use super::proof::check_whole;
use super::run::Run;
use super::seal::Sealed;
use super::selectors::Selectors;
use super::shared::shared_envelope;
use super::{BoxError, members};
use crate::document::Document;
use crate::envelope::{KeyGroup, MasterKey, Rule};
use crate::format::{BlockIndent, Format};
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
#[derive(Clone, Debug)]
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
    /// Take Kubernetes objects for mere data, as SOPS does, under one unbound envelope ([`Layout::Sops`]): no profile, a
    /// rule may leave a part of a Secret in clear or select nothing at all, and a file that is encrypted already is an
    /// error.
    pub as_data: bool,
    /// The time of this run, RFC 3339.
    pub last_modified: String,
    /// Indentation of the `sops` block.
    pub indent: BlockIndent,
}

impl Default for EncryptOptions {
    /// The manifest profile, in SOPS's default indentation.
    fn default() -> Self {
        Self {
            rule: None,
            mac_only_encrypted: None,
            layout: Layout::default(),
            scope: Scope::default(),
            expand_aliases: false,
            strip: false,
            whole_files: false,
            as_data: false,
            last_modified: String::new(),
            indent: BlockIndent::default(),
        }
    }
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptReport {
    /// Values that were encrypted.
    pub values: usize,
    /// Comments that were encrypted.
    pub comments: usize,
    /// Documents and `List` items that got an envelope in this run.
    pub encrypted: usize,
    /// Those that kept the envelope of the previous version.
    pub kept: usize,
    /// Values and comments that have a new ciphertext.
    pub changed: usize,
    /// What [`revise`](super::revise()) and [`renew`](super::renew()) bound that was not bound before, as far as it says
    /// what it is.
    pub bound: Vec<Option<String>>,
    /// Those that were encrypted before.
    pub already: usize,
    /// The master keys of each envelope among the latter, without repetition: whom a caller would choose today may be
    /// somebody else.
    pub already_for: BTreeSet<BTreeSet<MasterKey>>,
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
    let own;
    let options = match format {
        Format::Yaml | Format::Json => options,
        // The profile is for manifests, and of a binary file everything is secret.
        Format::Dotenv | Format::Ini | Format::Binary => {
            let rule = options.rule.clone();
            let is_meant = |rule: &Rule| options.as_data || *rule != profile_rule();
            let rule = rule.filter(|rule| format.has_rules() && is_meant(rule));
            let whole_files = options.whole_files || format == Format::Binary;
            own = EncryptOptions { rule, whole_files, ..options.clone() };
            &own
        }
    };
    if let Some(rule) = &options.rule {
        Selector::new(rule).map_err(settings)?;
        if !format.metadata_hold(&rule.text) {
            let kind = rule.kind.name();
            let problem = format!("the metadata of this format cannot hold `\\n` in `{kind}`");
            return Err(FileError::settings(problem).hint(
                "for a line break write `\\x0a`, and for a backslash before an `n` write `[\\\\]n`",
            ));
        }
    }
    let is_profile = options.rule.as_ref().is_none_or(|rule| *rule == profile_rule());
    let reads_all = !is_profile || options.layout == Layout::Sops;
    let prepared = prepare(format, source, options)?;
    let source = prepared.as_deref().unwrap_or(source);
    let crosses = may_hold(source, b"Secret") && memchr::memchr(b'&', source).is_some();
    let wanted = |text: &[u8]| {
        reads_all
            || may_hold(text, b"Secret")
            || memchr::memmem::find(text, b"ENC[AES256_GCM").is_some()
            || (crosses && may_hold_alias(text))
    };
    let mut pieces = pieces::read(format, source, wanted).map_err(syntax)?;
    let whole = options.whole_files && !holds_kubernetes(format, &pieces);
    if whole {
        pieces::read_rest(format, source, &mut pieces).map_err(syntax)?;
    }
    let run = Run {
        format,
        options,
        keys,
        previous,
        names: previous.map(|_| names(&pieces)).unwrap_or_default(),
        version: None,
        file_key: OnceLock::new(),
        explicit: (!is_profile).then(|| options.rule.clone()).flatten(),
        whole,
        selectors: Selectors::default(),
    };
    let mut report = EncryptReport::default();
    let parts: Vec<Option<Vec<u8>>> = match options.layout {
        Layout::Documents => {
            let done = pieces::each(source, &pieces, |piece| run.piece(piece))?;
            done.into_iter()
                .map(|(bytes, part)| {
                    report.add(&part);
                    bytes
                })
                .collect()
        }
        Layout::Sops => shared_envelope(&run, &pieces, &mut report)?,
    };
    check_outcome(&run, &pieces, &report)?;
    if parts.iter().all(Option::is_none) && prepared.is_none() {
        return Ok(Encrypted { bytes: None, report });
    }
    let bytes = joined(source.len(), &pieces, parts);
    // The proof reads the result: both trees need not be held at once.
    drop(pieces);
    if options.layout == Layout::Sops && report.encrypted > 0 {
        check_whole(format, source, &bytes, &run.file_key()?.data_key, options.as_data)?;
    }
    Ok(Encrypted { bytes: Some(bytes), report })
}

/// The whole source, with the pieces that changed. `length` is about how long it was.
pub(crate) fn joined(length: usize, pieces: &[Piece<'_>], parts: Vec<Option<Vec<u8>>>) -> Vec<u8> {
    let length = parts.iter().flatten().map(Vec::len).sum::<usize>() + length;
    let mut bytes = Vec::with_capacity(length);
    for (piece, part) in pieces.iter().zip(parts) {
        match part {
            Some(part) => bytes.extend_from_slice(&part),
            None => bytes.extend_from_slice(piece.text),
        }
    }
    bytes
}

/// Refuses a run that did not do what was asked for, or whose result nobody could read.
fn check_outcome(
    run: &Run<'_>,
    pieces: &[Piece<'_>],
    report: &EncryptReport,
) -> Result<(), FileError> {
    let made = report.encrypted + report.kept;
    if made > 0 && report.already > 0 && share_an_envelope(pieces) {
        return Err(FileError::input(
            "documents of this file share one envelope, and others are in clear: nobody could read the mixture",
        )
        .hint("decrypt the file first, then encrypt it whole"));
    }
    if made > 0 || report.already > 0 {
        return Ok(());
    }
    if run.options.as_data {
        return Err(FileError::input("there is no document in this file").fault(Fault::NoDocument));
    }
    let rule = run.explicit.as_ref().or(run.options.rule.as_ref().filter(|_| run.whole));
    if let Some(rule) = rule {
        let (kind, text) = (rule.kind.name(), &rule.text);
        let problem = format!("the rule `{kind}: {text}` selects nothing in this file");
        return Err(FileError::new(Class::NothingSelected, problem)
            .hint("nothing would be encrypted; correct the rule, or leave the file out"));
    }
    match run.whole {
        true => Err(FileError::input("there is no value to encrypt in this file")),
        false => Ok(()),
    }
}

/// True if documents that are encrypted already have the same envelope, as in SOPS's stream layout.
fn share_an_envelope(pieces: &[Piece<'_>]) -> bool {
    let mut seen = HashSet::new();
    let documents = pieces.iter().filter_map(|piece| piece.stream.as_ref());
    documents
        .flat_map(|stream| &stream.documents)
        .filter_map(|document| document.string_at(&["sops", "mac"]))
        .any(|mac| !seen.insert(mac))
}

/// How often each name of an object stands in the source.
fn names(pieces: &[Piece<'_>]) -> HashMap<ObjectName, usize> {
    let mut counts = HashMap::new();
    for piece in pieces {
        let Some(stream) = &piece.stream else { continue };
        for member in members(piece.before, piece.text, stream) {
            *counts.entry(object_name(member.document(), member.object)).or_insert(0) += 1;
        }
    }
    counts
}

/// An alias to an earlier document may stand in this text.
pub(crate) fn may_hold_alias(text: &[u8]) -> bool {
    memchr::memchr_iter(b'*', text).any(|at| {
        let before = at.checked_sub(1).map(|before| text[before]);
        let after = text.get(at + 1);
        matches!(before, None | Some(b' ' | b'\t' | b'\n' | b'\r' | b'[' | b'{' | b',' | b':'))
            && after.is_some_and(|byte| !byte.is_ascii_whitespace())
    })
}

/// A Secret, or whatever `word` stands for, cannot stand in a text that has neither the word nor a way to write it
/// otherwise: an escape or a tag.
pub(crate) fn may_hold(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some() || memchr::memchr2(b'\\', b'!', text).is_some()
}

pub(crate) fn syntax(error: crate::format::SyntaxError) -> FileError {
    let mut out = FileError::new(Class::Syntax, error.problem);
    out.position = Some(error.position);
    out
}

pub(crate) fn settings(error: crate::select::SelectError) -> FileError {
    let excerpt = error.excerpt().map(|excerpt| format!("\n{excerpt}")).unwrap_or_default();
    FileError::settings(format!("{error}{excerpt}")).hint(error.hint())
}

/// Whether any document of a source is a Kubernetes object; reads no more than it must.
pub(crate) fn holds_kubernetes(format: Format, pieces: &[Piece<'_>]) -> bool {
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
    pub(crate) fn add_values(&mut self, sealed: &Sealed) {
        self.values += sealed.values;
        self.comments += sealed.comments;
        self.changed += sealed.fresh;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.values += other.values;
        self.comments += other.comments;
        self.encrypted += other.encrypted;
        self.kept += other.kept;
        self.changed += other.changed;
        self.bound.extend(other.bound.iter().cloned());
        self.already += other.already;
        self.already_for.extend(other.already_for.iter().cloned());
        self.objects += other.objects;
    }
}

//! Encrypts a file: what is chosen, by which rule, and the check that it can be had back.

use std::collections::HashSet;
use std::sync::OnceLock;

use super::compare::{first_difference, values};
use super::decrypt::{DecryptOptions, decrypt, written};
use super::error::FileError;
use super::open::{Demands, open, relative_path};
use super::pieces::{self, Piece};
use super::prepare::prepare;
use super::previous::Previous;
use super::seal::{Sealed, Sealing, seal};
use super::selectors::Selectors;
use super::{BoxError, Member};
use crate::cipher::is_enc_text;
use crate::document::{Content, Document, Edit, NodeId, Scalar, Value, apply};
use crate::envelope::{KeyGroup, Metadata, Rule};
use crate::format::Format;
use crate::kubernetes::{self, AsWritten, Object, PROFILE_REGEX, profile_rule};
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
    let run = Run {
        format,
        options,
        keys,
        previous,
        file_key: OnceLock::new(),
        explicit: (!profile).then(|| options.rule.clone()).flatten(),
        whole: options.whole_files && !holds_kubernetes(format, &pieces),
        selectors: Selectors::default(),
    };
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
        if let Some(rule) = &run.explicit {
            return Err(FileError::settings(format!(
                "the rule `{}: {}` selects nothing in this file",
                rule.kind.name(),
                rule.text
            ))
            .hint("nothing would be encrypted; correct the rule, or leave the file out"));
        }
        if run.whole {
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

fn settings(error: crate::select::SelectError) -> FileError {
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

/// A run over one file.
struct Run<'a> {
    format: Format,
    options: &'a EncryptOptions,
    keys: &'a Keys<'a>,
    previous: Option<&'a Previous<'a>>,
    file_key: OnceLock<Result<FileKey, String>>,
    /// The rule, where it is not the manifest profile's.
    explicit: Option<Rule>,
    /// Every value of the file is encrypted.
    whole: bool,
    selectors: Selectors,
}

/// What becomes of one object.
enum Choice {
    Leave,
    Already,
    Encrypt(Rule),
}

impl Run<'_> {
    fn file_key(&self) -> Result<&FileKey, FileError> {
        let mut cause = None;
        let outcome = self.file_key.get_or_init(|| {
            (self.keys.file_key)().map_err(|error| {
                let text = error.to_string();
                cause = Some(error);
                text
            })
        });
        outcome.as_ref().map_err(|problem| {
            let mut error = FileError::new(super::Class::NoKey, "no data key could be made");
            error.source = Some(cause.unwrap_or_else(|| problem.clone().into()));
            error
        })
    }

    fn sealing<'s>(&'s self) -> Result<Sealing<'s>, FileError> {
        Ok(Sealing {
            format: self.format,
            keys: self.keys,
            file_key: self.file_key()?,
            last_modified: &self.options.last_modified,
            scope: self.options.scope,
        })
    }

    fn selector(&self, rule: &Rule) -> Result<std::sync::Arc<Selector>, FileError> {
        self.selectors.compiled(rule).map_err(settings)
    }

    fn mac_only(&self, is_profile: bool) -> bool {
        self.options.mac_only_encrypted.unwrap_or(is_profile)
    }

    fn piece(&self, piece: &Piece<'_>) -> Result<(Option<Vec<u8>>, EncryptReport), FileError> {
        let mut report = EncryptReport::default();
        let Some(stream) = &piece.stream else { return Ok((None, report)) };
        let documents = &stream.documents;
        let mut chosen = Vec::new();
        for index in 0..documents.len() {
            let document = &documents[index];
            for object in kubernetes::objects(document) {
                let member = Member { source: piece.text, documents, document: index, object };
                let kubernetes = Object::read(&AsWritten, document, object);
                report.objects += usize::from(kubernetes.is_some());
                let describe = kubernetes.as_ref().map(Object::describe);
                let choice = self.choose(member, kubernetes.as_ref());
                match choice.map_err(|error| error.object(describe))? {
                    Choice::Leave => {}
                    Choice::Already => report.already += 1,
                    Choice::Encrypt(rule) => chosen.push((member, rule)),
                }
            }
        }
        check_aliases(piece.text, &chosen, documents)?;
        let mut edits = Vec::new();
        let mut members = Vec::new();
        for (member, rule) in chosen {
            let describe = Object::read(&AsWritten, member.document(), member.object)
                .map(|object| object.describe());
            let with_name = |error: FileError| error.object(describe.clone());
            let selector = self.selector(&rule)?;
            let mac_only = self.mac_only(rule == profile_rule());
            let kept = match self.previous {
                Some(previous) => previous
                    .keep(self.format, member, &rule, mac_only, self.options.scope)
                    .map_err(with_name)?,
                None => None,
            };
            if let Some(kept) = kept {
                report.kept += 1;
                report.values += kept.values;
                report.comments += kept.comments;
                edits.extend(kept.edits);
                members.push((member, kept.data_key));
                continue;
            }
            let sealing = self.sealing()?;
            let sealed =
                seal(&sealing, &[member], &rule, &selector, mac_only).map_err(with_name)?;
            let Sealed { edits: member_edits, values, comments } = sealed;
            if values == 0 {
                // Nothing but empty values and comments: an envelope would protect nothing.
                continue;
            }
            report.encrypted += 1;
            report.values += values;
            report.comments += comments;
            edits.extend(member_edits.into_iter().flatten());
            members.push((member, sealing.file_key.data_key.clone()));
        }
        if edits.is_empty() {
            return Ok((None, report));
        }
        let bytes = apply(piece.text, 0..piece.text.len(), edits);
        self.check_back(piece, &bytes, &members)?;
        Ok((Some(bytes), report))
    }

    fn choose(
        &self,
        member: Member<'_, '_>,
        kubernetes: Option<&Object<'_>>,
    ) -> Result<Choice, FileError> {
        let document = member.document();
        let node = document.node(member.object);
        let at = |error: FileError| error.at(member.source, node.span.start);
        if !matches!(node.content, Content::Mapping { .. }) {
            let empty = matches!(&node.content,
                Content::Scalar(Scalar { value, .. }) if *value == Value::Null);
            if !empty && (self.whole || self.explicit.is_some()) {
                return Err(at(FileError::input("only a mapping can be encrypted at the top"))
                    .hint("SOPS's format has no place for the envelope of a list or a value"));
            }
            return Ok(Choice::Leave);
        }
        let is_secret = kubernetes.is_some_and(Object::is_secret);
        if let Some(sops) = document.entry(member.object, "sops") {
            check_encrypted(member, sops, is_secret)?;
            return Ok(Choice::Already);
        }
        if kubernetes.is_some_and(|object| object.kind == "SecretList" && object.group().is_empty())
        {
            return Err(at(FileError::input("the items of a SecretList do not say what they are"))
                .hint("make it `kind: List` and give each item its apiVersion and kind"));
        }
        if is_secret {
            check_secret(member)?;
        }
        let rule = match (&self.explicit, is_secret) {
            (Some(rule), _) => rule.clone(),
            (None, true) => profile_rule(),
            (None, false) if self.whole => Rule::implied(),
            (None, false) => return Ok(Choice::Leave),
        };
        let selector = self.selector(&rule)?;
        let selected = selector.select(document, member.object);
        if is_secret && self.explicit.is_some() {
            check_region_is_selected(member, &selected, &rule)?;
        }
        let sops = document.node(member.object);
        let any = (member.object.index()..sops.end.index()).any(|index| {
            let node = &document.nodes[index];
            let filled = match &node.content {
                Content::Scalar(scalar) => !scalar.value.is_empty(),
                Content::Alias { .. } => true,
                _ => false,
            };
            filled && selected[index - member.object.index()]
        });
        Ok(if any { Choice::Encrypt(rule) } else { Choice::Leave })
    }

    /// One envelope over all documents, as SOPS makes it.
    fn shared_envelope(
        &self,
        source: &[u8],
        pieces: &[Piece<'_>],
        report: &mut EncryptReport,
    ) -> Result<Vec<Option<Vec<u8>>>, FileError> {
        let mut members = Vec::new();
        let mut owners = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let Some(stream) = &piece.stream else { continue };
            for (index, document) in stream.documents.iter().enumerate() {
                let object = document.root();
                let member = Member {
                    source: piece.text,
                    documents: &stream.documents,
                    document: index,
                    object,
                };
                let node = document.node(object);
                let at = |error: FileError| {
                    error.at(piece.text, node.span.start).below_lines(piece.lines_before(source))
                };
                if document.entry(object, "sops").is_some() {
                    report.already += 1;
                } else {
                    let is_null = matches!(&node.content,
                        Content::Scalar(Scalar { value, .. }) if *value == Value::Null);
                    if !is_null && !matches!(node.content, Content::Mapping { .. }) {
                        return Err(at(FileError::input(
                            "only a mapping can be encrypted at the top",
                        )));
                    }
                }
                report.objects += usize::from(Object::read(&AsWritten, document, object).is_some());
                members.push(member);
                owners.push(number);
            }
        }
        let mut parts: Vec<Option<Vec<u8>>> = pieces.iter().map(|_| None).collect();
        if report.already == members.len() {
            return Ok(parts);
        }
        if report.already > 0 {
            return Err(FileError::input(
                "some documents of this stream are encrypted and some are not",
            )
            .hint("decrypt it first, or leave out `--layout sops`"));
        }
        // One rule has to hold for all documents, and no binding is possible: the MAC covers everything by default.
        let rule = match &self.explicit {
            Some(rule) => rule.clone(),
            None if report.objects > 0 => profile_rule(),
            None => Rule::implied(),
        };
        let selector = self.selector(&rule)?;
        let mac_only = self.mac_only(false);
        let chosen: Vec<_> = members.iter().map(|member| (*member, rule.clone())).collect();
        for piece in pieces {
            if let Some(stream) = &piece.stream {
                check_aliases(piece.text, &chosen, &stream.documents)?;
            }
        }
        let sealed = seal(&self.sealing()?, &members, &rule, &selector, mac_only)?;
        report.values = sealed.values;
        report.comments = sealed.comments;
        report.encrypted = if sealed.values > 0 { members.len() } else { 0 };
        if sealed.values == 0 {
            return Ok(parts);
        }
        let mut by_piece: Vec<Vec<Edit>> = pieces.iter().map(|_| Vec::new()).collect();
        for (owner, edits) in owners.into_iter().zip(sealed.edits) {
            by_piece[owner].extend(edits);
        }
        for ((part, piece), edits) in parts.iter_mut().zip(pieces).zip(by_piece) {
            if !edits.is_empty() {
                *part = Some(apply(piece.text, 0..piece.text.len(), edits));
            }
        }
        Ok(parts)
    }

    /// Decrypts what was made and compares: nothing leaves that cannot be had back.
    fn check_back(
        &self,
        piece: &Piece<'_>,
        bytes: &[u8],
        made: &[(Member<'_, '_>, DataKey)],
    ) -> Result<(), FileError> {
        let stream = self.format.parse(bytes).map_err(syntax)?;
        let documents = &stream.documents;
        let lost = || FileError::input("the encrypted file would not hold the same documents");
        let mut opened = Vec::with_capacity(made.len());
        for (member, data_key) in made {
            let place = kubernetes::objects(member.document())
                .iter()
                .position(|object| *object == member.object);
            let document = documents.get(member.document).ok_or_else(lost)?;
            // An envelope around a `List` as a whole hides that it is one.
            let object = match place {
                Some(0) | None if document.entry(document.root(), "sops").is_some() => {
                    document.root()
                }
                place => kubernetes::objects(document)
                    .get(place.unwrap_or_default())
                    .copied()
                    .ok_or_else(lost)?,
            };
            let there = Member { source: bytes, documents, document: member.document, object };
            let sops = document.entry(object, "sops").ok_or_else(lost)?;
            let metadata = Metadata::read(document, sops)
                .map_err(|error| FileError::input(error.to_string()))?;
            let rule = metadata.rule.clone().unwrap_or_else(Rule::implied);
            let selector = self.selector(&rule)?;
            let envelope = open(&[there], &metadata, &selector, data_key, Demands::default())?;
            opened.push((vec![there], vec![sops], envelope));
        }
        let whole = Piece { start: 0, text: bytes, stream: None };
        let back = written(self.format, &whole, &opened)?;
        if *back == piece.text {
            return Ok(());
        }
        let stream = self.format.parse(&back).map_err(syntax)?;
        for (member, _) in made {
            let there = Member { source: &back, documents: &stream.documents, ..*member };
            compare_back(*member, there)?;
        }
        Ok(())
    }
}

fn compare_back(member: Member<'_, '_>, there: Member<'_, '_>) -> Result<(), FileError> {
    let before = values(member, None)?;
    let objects = kubernetes::objects(member.document());
    let place = objects.iter().position(|object| *object == member.object).unwrap_or(0);
    let back = there.documents.get(member.document);
    let object = back.and_then(|document| kubernetes::objects(document).get(place).copied());
    let Some(object) = object else {
        return Err(FileError::input("the encrypted file would not decrypt to the same documents"));
    };
    let after = values(Member { object, ..there }, None)?;
    match first_difference(&before, &after) {
        None => Ok(()),
        Some(at) => {
            let error = FileError::input("this value could not be had back as it is")
                .hint("please report this; put the value in double quotes to go on");
            Err(match before.get(at) {
                Some(leaf) => error
                    .path(relative_path(member.document(), member.object, leaf.node))
                    .at(member.source, member.document().node(leaf.node).span.start),
                None => error,
            })
        }
    }
}

fn check_whole(
    format: Format,
    source: &[u8],
    pieces: &[Piece<'_>],
    parts: &[Option<Vec<u8>>],
    run: &Run<'_>,
) -> Result<(), FileError> {
    if parts.iter().all(Option::is_none) {
        return Ok(());
    }
    let mut bytes = Vec::new();
    for (piece, part) in pieces.iter().zip(parts) {
        bytes.extend_from_slice(part.as_deref().unwrap_or(piece.text));
    }
    let data_key = run.file_key()?.data_key.clone();
    let back = decrypt(format, &bytes, &DecryptOptions::default(), &|_| Ok(data_key.clone()))?;
    let back = back.bytes.as_ref().map_or(bytes.as_slice(), |bytes| bytes.expose());
    if back == source {
        return Ok(());
    }
    let before = format.parse(source).map_err(syntax)?;
    let after = format.parse(back).map_err(syntax)?;
    for index in 0..before.documents.len() {
        let object = before.documents[index].root();
        let member = Member { source, documents: &before.documents, document: index, object };
        let there = Member { source: back, documents: &after.documents, document: index, object };
        compare_back(member, there)?;
    }
    Ok(())
}

/// An object that has an envelope has nothing in clear where it should not.
fn check_encrypted(member: Member<'_, '_>, sops: NodeId, is_secret: bool) -> Result<(), FileError> {
    let document = member.document();
    let metadata = Metadata::read(document, sops).map_err(|error| {
        FileError::input(format!("it has a `sops` entry that is no envelope: {error}"))
            .at(member.source, document.node(sops).span.start)
            .hint("a file with a top-level key `sops` cannot be encrypted")
    })?;
    let rule = metadata.rule.unwrap_or_else(Rule::implied);
    let selected = compile(&rule)?.select(document, member.object);
    let region: Vec<_> =
        if is_secret { kubernetes::region(document, member.object) } else { Vec::new() };
    for index in member.object.index()..document.node(member.object).end.index() {
        let id = NodeId(index as u32);
        let in_region = region.iter().any(|entry| *entry <= id && id < document.node(*entry).end);
        if !in_region && !selected[index - member.object.index()] {
            continue;
        }
        let clear = match &document.node(id).content {
            Content::Scalar(Scalar { value: Value::String(text), .. }) => {
                !text.is_empty() && !is_enc_text(text)
            }
            Content::Scalar(scalar) => !scalar.value.is_empty(),
            _ => false,
        };
        if clear {
            return Err(FileError::input("a value in clear stands in an encrypted document")
                .path(relative_path(document, member.object, id))
                .at(member.source, document.node(id).span.start)
                .hint(
                    "decrypt the file, change it, and encrypt it again; or take the value out and decrypt to see \
                     what else changed",
                ));
        }
    }
    Ok(())
}

/// What a Secret in clear may not have.
fn check_secret(member: Member<'_, '_>) -> Result<(), FileError> {
    let document = member.document();
    if let Some(annotation) = kubernetes::copying_annotations(document, member.object).first() {
        let node = document.node(*annotation);
        return Err(FileError::input("this annotation holds a copy of the Secret in clear")
            .path(relative_path(document, member.object, *annotation))
            .at(member.source, node.key.as_ref().map_or(node.span, |key| key.span).start)
            .hint("`--strip` takes it away"));
    }
    if let Some(merge) = document.entry(member.object, "<<") {
        return Err(FileError::input("a merge key at the top of a Secret can bring values in")
            .at(member.source, document.node(merge).span.start)
            .hint("write out what it merges"));
    }
    for entry in kubernetes::region(document, member.object) {
        for index in entry.index()..document.node(entry).end.index() {
            let id = NodeId(index as u32);
            let node = document.node(id);
            let Content::Scalar(scalar) = &node.content else { continue };
            let place = |error: FileError| {
                error
                    .path(relative_path(document, member.object, id))
                    .at(member.source, node.span.start)
            };
            match &scalar.value {
                Value::Null => {
                    return Err(place(FileError::input("null stands in the secret part"))
                        .hint("take the key out, or make the value \"\""));
                }
                Value::String(text) if is_enc_text(text) => {
                    return Err(place(FileError::input(
                        "an encrypted value stands in a Secret that has no `sops` block",
                    ))
                    .hint("the block was lost; get it back from the file's history"));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// A rule that leaves a part of a Secret in clear makes a file that nobody accepts.
fn check_region_is_selected(
    member: Member<'_, '_>,
    selected: &[bool],
    rule: &Rule,
) -> Result<(), FileError> {
    let document = member.document();
    for entry in kubernetes::region(document, member.object) {
        for index in entry.index()..document.node(entry).end.index() {
            let node = &document.nodes[index];
            let filled =
                matches!(&node.content, Content::Scalar(scalar) if !scalar.value.is_empty());
            if filled && !selected[index - member.object.index()] {
                let id = NodeId(index as u32);
                return Err(FileError::settings(format!(
                    "the rule `{}: {}` leaves a value of a Secret in clear",
                    rule.kind.name(),
                    rule.text
                ))
                .path(relative_path(document, member.object, id))
                .at(member.source, node.span.start)
                .hint(format!("Secrets are encrypted whole: `encrypted_regex: {PROFILE_REGEX}`")));
            }
        }
    }
    Ok(())
}

/// An alias outside of a secret part that points into one would repeat the secret in clear.
fn check_aliases(
    source: &[u8],
    chosen: &[(Member<'_, '_>, Rule)],
    documents: &[Document<'_>],
) -> Result<(), FileError> {
    let has_alias = documents.iter().any(|document| {
        document.nodes.iter().any(|node| matches!(node.content, Content::Alias { .. }))
    });
    if !has_alias {
        return Ok(());
    }
    let mut secret: HashSet<(usize, u32)> = HashSet::new();
    for (member, rule) in
        chosen.iter().filter(|(member, _)| std::ptr::eq(member.documents, documents))
    {
        let selected = compile(rule)?.select(member.document(), member.object);
        for (offset, flag) in selected.iter().enumerate() {
            if *flag {
                secret.insert((member.document, member.object.0 + offset as u32));
            }
        }
    }
    for (index, document) in documents.iter().enumerate() {
        for (number, node) in document.nodes.iter().enumerate() {
            let Content::Alias { document: target, node: to, of_key } = &node.content else {
                continue;
            };
            let reaches = !of_key
                && (to.0..documents[*target].node(*to).end.0)
                    .any(|id| secret.contains(&(*target, id)));
            let inside = secret.contains(&(index, number as u32));
            if reaches && !inside {
                return Err(FileError::input("this alias repeats a secret value in clear")
                    .at(source, node.span.start)
                    .hint("write the value out where it is not secret, or encrypt both places"));
            }
        }
    }
    Ok(())
}

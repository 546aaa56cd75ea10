//! One run over a file: what is chosen, and by which rule.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::encrypt::{EncryptOptions, EncryptReport, FileKey, Keys, settings};
use super::error::{Class, FileError};
use super::pieces::Piece;
use super::previous::{ObjectName, Previous, object_name};
use super::proof::check_piece;
use super::refusals::{
    check_aliases, check_encrypted, check_list, check_lost_block, check_region_is_selected,
    check_secret,
};
use super::revise::{Version, revised};
use super::seal::{Sealing, Tie, covered, seal};
use super::selectors::Selectors;
use super::{BoxError, Member, members};
use crate::document::{Content, Document, NodeId, Scalar, Value, apply};
use crate::envelope::metadata::SOPS_VERSION;
use crate::envelope::{MasterKey, Metadata, Rule};
use crate::format::Format;
use crate::kubernetes::{self, AsWritten, Object, profile_rule};
use crate::select::Selector;

/// What is the same for all pieces of a file.
pub(crate) struct Run<'a> {
    pub(crate) format: Format,
    pub(crate) options: &'a EncryptOptions,
    pub(crate) keys: &'a Keys<'a>,
    pub(crate) previous: Option<&'a Previous<'a>>,
    /// How often each name of an object stands in the source, where there is a previous version to compare with.
    pub(crate) names: HashMap<ObjectName, usize>,
    /// The version that the source was decrypted from, where its data keys are used again.
    pub(crate) version: Option<&'a Version<'a>>,
    pub(crate) file_key: OnceLock<Result<FileKey, Arc<BoxError>>>,
    /// The rule, where it is not the manifest profile's.
    pub(crate) explicit: Option<Rule>,
    /// Every value of the file is encrypted.
    pub(crate) whole: bool,
    pub(crate) selectors: Selectors,
}

/// What becomes of one object.
enum Choice {
    Leave,
    /// It has an envelope, for these master keys.
    Already(BTreeSet<MasterKey>),
    Encrypt(Rule),
}

impl Run<'_> {
    /// The key of this file, drawn when it is needed first.
    pub(crate) fn file_key(&self) -> Result<&FileKey, FileError> {
        let outcome = self.file_key.get_or_init(|| (self.keys.file_key)().map_err(Arc::new));
        outcome.as_ref().map_err(|cause| {
            let mut error = FileError::new(Class::NoKey, "no data key could be made");
            error.source = Some(Box::new(Cause(Arc::clone(cause))));
            error
        })
    }

    /// How a new envelope is made.
    pub(crate) fn sealing<'t>(
        &'t self,
        rule: Option<Rule>,
        mac_only_encrypted: bool,
        tie: Tie<'t>,
    ) -> Result<Sealing<'t>, FileError> {
        let file_key = self.file_key()?;
        let envelope = Metadata {
            shamir_threshold: file_key.shamir_threshold,
            key_groups: file_key.key_groups.clone(),
            last_modified: self.options.last_modified.clone(),
            mac: String::new(),
            rule: rule.filter(|_| self.format.has_rules()),
            mac_only_encrypted,
            version: SOPS_VERSION.to_owned(),
        };
        let (format, keys, indent) = (self.format, self.keys, &self.options.indent);
        Ok(Sealing { format, keys, data_key: &file_key.data_key, envelope, tie, indent })
    }

    pub(crate) fn selector(&self, rule: &Rule) -> Result<Arc<Selector>, FileError> {
        self.selectors.compiled(rule).map_err(settings)
    }

    pub(crate) fn mac_only(&self, is_profile: bool) -> bool {
        self.options.mac_only_encrypted.unwrap_or(is_profile)
    }

    /// Encrypts what is chosen in a piece; no bytes where that is nothing.
    pub(crate) fn piece(
        &self,
        piece: &Piece<'_>,
    ) -> Result<(Option<Vec<u8>>, EncryptReport), FileError> {
        let mut report = EncryptReport::default();
        let Some(stream) = &piece.stream else { return Ok((None, report)) };
        if let Some((encrypted, envelopes)) = self.version.and_then(|it| it.unchanged(piece)) {
            report.kept = envelopes;
            return Ok((Some(encrypted.to_vec()), report));
        }
        if let Some(rule) = &self.explicit {
            self.check_lists(piece, rule)?;
        }
        let mut chosen = Vec::new();
        let mut enveloped = vec![Vec::new(); stream.documents.len()];
        let members = match self.version {
            Some(version) => version.members(piece, stream),
            None => members(piece.before, piece.text, stream),
        };
        for member in members {
            let object = Object::read(&AsWritten, member.document(), member.object);
            report.objects += usize::from(object.is_some());
            let choice = self.choose(member, object.as_ref()).map_err(named(object.as_ref()))?;
            match choice {
                Choice::Leave => {}
                Choice::Already(keys) => {
                    report.already += 1;
                    report.already_for.insert(keys);
                    enveloped[member.document].push(member.object);
                }
                Choice::Encrypt(rule) => {
                    enveloped[member.document].push(member.object);
                    chosen.push((member, rule));
                }
            }
        }
        if self.explicit.is_none() {
            check_unprotected(piece, &stream.documents, &enveloped)?;
        }
        if chosen.is_empty() {
            return Ok((None, report));
        }
        check_aliases((piece.before, piece.text), &chosen, &stream.documents, &self.selectors)?;
        let mut edits = Vec::new();
        let mut made = Vec::new();
        for (member, rule) in chosen {
            let object = Object::read(&AsWritten, member.document(), member.object);
            if let Some((version, (earlier, which))) =
                self.version.and_then(|version| Some((version, version.earlier(member)?)))
            {
                let revised = revised(self, version, earlier, (&[member], &[Some(which)]))
                    .map_err(named(object.as_ref()))?;
                report.kept += usize::from(revised.is_kept);
                report.encrypted += usize::from(!revised.is_kept);
                if version.binds(earlier) && !revised.is_kept {
                    report.bound.push(object.map(|object| object.describe()));
                }
                report.add_values(&revised.sealed);
                edits.extend(revised.sealed.edits.into_iter().flatten());
                made.push((member, revised.data_key));
                continue;
            }
            let selector = self.selector(&rule)?;
            let mac_only = self.mac_only(rule == profile_rule());
            if let Some(kept) =
                self.kept(member, &rule, mac_only).map_err(named(object.as_ref()))?
            {
                report.kept += 1;
                report.values += kept.values;
                report.comments += kept.comments;
                edits.extend(kept.edits);
                made.push((member, kept.data_key));
                continue;
            }
            let tie = Tie::Document(self.options.scope, None);
            let sealing = self.sealing(Some(rule), mac_only, tie)?;
            let sealed = covered(self.format, &[member], &selector, mac_only)
                .and_then(|covered| seal(&sealing, &selector, covered))
                .map_err(named(object.as_ref()))?;
            report.encrypted += 1;
            report.add_values(&sealed);
            if self.version.is_some() {
                report.bound.push(object.map(|object| object.describe()));
            }
            edits.extend(sealed.edits.into_iter().flatten());
            made.push((member, sealing.data_key.clone()));
        }
        let bytes = apply(piece.text, 0..piece.text.len(), edits);
        let demands = self.version.map(Version::demands).unwrap_or_default();
        check_piece(self.format, piece, &bytes, &made, demands, &self.selectors)?;
        Ok((Some(bytes), report))
    }

    /// The envelope of the previous version, unless another object of this version has the same name: two
    /// documents with one envelope would be taken for SOPS's stream layout.
    fn kept(
        &self,
        member: Member<'_, '_>,
        rule: &Rule,
        mac_only: bool,
    ) -> Result<Option<super::previous::Kept>, FileError> {
        let Some(previous) = self.previous else { return Ok(None) };
        let name = object_name(member.document(), member.object);
        if self.names.get(&name).is_some_and(|count| *count > 1) {
            return Ok(None);
        }
        previous.keep(self.format, member, rule, mac_only, self.options)
    }

    fn check_lists(&self, piece: &Piece<'_>, rule: &Rule) -> Result<(), FileError> {
        let Some(stream) = &piece.stream else { return Ok(()) };
        for (index, document) in stream.documents.iter().enumerate() {
            let object = document.root();
            let documents = &stream.documents;
            let (before, source) = (piece.before, piece.text);
            let root = Member { before, source, documents, document: index, object, place: 0 };
            let is_list = kubernetes::list_items(&AsWritten, document, object).is_some();
            let is_whole = self.version.is_some_and(|version| version.is_whole(piece, index));
            if is_list && !is_whole && document.entry(object, "sops").is_none() {
                check_list(root, object, &*self.selector(rule)?)?;
            }
        }
        Ok(())
    }

    fn choose(
        &self,
        member: Member<'_, '_>,
        kubernetes: Option<&Object<'_>>,
    ) -> Result<Choice, FileError> {
        let document = member.document();
        let node = document.node(member.object);
        let at = |error: FileError| member.near(error, node.span.start);
        if !matches!(node.content, Content::Mapping { .. }) {
            if !is_null(&node.content) && (self.whole || self.explicit.is_some()) {
                return Err(at(FileError::input("only a mapping can be encrypted at the top"))
                    .hint("SOPS's format has no place for the envelope of a list or a value"));
            }
            return Ok(Choice::Leave);
        }
        if let Some(sops) = document.entry(member.object, "sops") {
            let envelope = check_encrypted(member, sops, &self.selectors)?;
            return Ok(Choice::Already(envelope.master_keys()));
        }
        let is_secret = kubernetes.is_some_and(Object::is_secret);
        let earlier = self.version.and_then(|version| version.earlier(member));
        let rule = match (earlier, &self.explicit, is_secret) {
            (Some((earlier, _)), ..) => earlier.rule(),
            (None, Some(rule), _) => rule.clone(),
            (None, None, true) => profile_rule(),
            (None, None, false) if self.whole => {
                self.options.rule.clone().unwrap_or_else(Rule::implied)
            }
            (None, None, false) => {
                self.check_shape(member, kubernetes)?;
                return Ok(Choice::Leave);
            }
        };
        self.check_shape(member, kubernetes)?;
        if is_secret {
            check_secret(self.format, member, member.object)?;
        }
        if kubernetes.is_some()
            && let Some(entry) = kubernetes::indirect_identity(&AsWritten, document, member.object)
        {
            let error = FileError::input(
                "an alias, a merge key or another type stands where the document says what it is",
            );
            return Err(member
                .at(error, entry)
                .hint("write apiVersion, kind, type, name and namespace out as text"));
        }
        let selector = self.selector(&rule)?;
        let selected = selector.select(document, member.object);
        if is_secret && rule != profile_rule() {
            check_region_is_selected(member, member.object, &selected, &rule)?;
        }
        check_lost_block(member, |index| selected[index - member.object.index()])?;
        let any = selected.iter().zip(member.object.index()..).any(|(selected, index)| {
            *selected
                && match &document.nodes[index].content {
                    Content::Scalar(scalar) => !scalar.value.is_empty(),
                    Content::Alias { .. } => true,
                    _ => false,
                }
        });
        // What had an envelope keeps it: a value that is added later is encrypted then.
        Ok(if any || earlier.is_some() { Choice::Encrypt(rule) } else { Choice::Leave })
    }

    /// Refuses an object that may be a Secret, or hold one, without saying so where it should.
    fn check_shape(
        &self,
        member: Member<'_, '_>,
        kubernetes: Option<&Object<'_>>,
    ) -> Result<(), FileError> {
        let document = member.document();
        if let Some(entry) = kubernetes::hidden_kind(member.documents, document, member.object) {
            let error = FileError::input(
                "an alias or a merge key says what this document is: it may be a Secret",
            );
            return Err(member.at(error, entry).hint("write `apiVersion` and `kind` out"));
        }
        if let Some(item) = kubernetes::indirect_item(member.documents, document, member.object) {
            let error =
                FileError::input("an alias stands for an item of a list: it may be a Secret");
            return Err(member.at(error, item).hint("write the item out"));
        }
        if kubernetes.is_some_and(|object| object.kind == "SecretList" && object.group().is_empty())
        {
            let error = FileError::input("the items of a SecretList do not say what they are");
            return Err(member
                .at(error, member.object)
                .hint("make it `kind: List` and give each item its apiVersion and kind"));
        }
        Ok(())
    }
}

/// A Secret inside another object (a template, a wrapper) is none of ours to seal, but may not pass for harmless.
fn check_unprotected(
    piece: &Piece<'_>,
    documents: &[Document<'_>],
    covered: &[Vec<NodeId>],
) -> Result<(), FileError> {
    for (index, (document, covered)) in documents.iter().zip(covered).enumerate() {
        if let Some(secret) = kubernetes::unprotected_secrets(document, covered).next() {
            let (before, source) = (piece.before, piece.text);
            let root = Member {
                before,
                source,
                documents,
                document: index,
                object: document.root(),
                place: 0,
            };
            let error = FileError::input("a Secret stands here in clear where none is looked for");
            return Err(root.at(error, secret).hint(
                "only whole documents and items of lists with apiVersion and kind are Secrets; for one inside another \
                 object name its keys in a rule of your own, as in `--encrypted-regex '^(stringData|data)$'`",
            ));
        }
    }
    Ok(())
}

pub(crate) fn is_null(content: &Content<'_>) -> bool {
    matches!(content, Content::Scalar(Scalar { value: Value::Null, .. }))
}

/// Adds the name of an object to an error.
fn named<'o>(object: Option<&'o Object<'_>>) -> impl Fn(FileError) -> FileError + 'o {
    move |error| error.object(object.map(Object::describe))
}

/// Why there is no data key, for each thread that wanted one.
#[derive(Debug)]
struct Cause(Arc<BoxError>);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

//! One run over a file: what is chosen, and by which rule.

use std::sync::{Arc, OnceLock};

use super::Member;
use super::encrypt::{EncryptOptions, EncryptReport, FileKey, Keys, settings};
use super::error::{Class, FileError};
use super::pieces::Piece;
use super::previous::Previous;
use super::proof::check_back;
use super::refusals::{check_aliases, check_encrypted, check_region_is_selected, check_secret};
use super::seal::{Sealed, Sealing, seal};
use super::selectors::Selectors;
use crate::document::{Content, Edit, Scalar, Value, apply};
use crate::envelope::Rule;
use crate::format::Format;
use crate::kubernetes::{self, AsWritten, Object, profile_rule};
use crate::select::Selector;

/// A run over one file.
pub(crate) struct Run<'a> {
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

impl<'a> Run<'a> {
    pub(crate) fn new(
        format: Format,
        options: &'a EncryptOptions,
        keys: &'a Keys<'a>,
        previous: Option<&'a Previous<'a>>,
        explicit: Option<Rule>,
        whole: bool,
    ) -> Self {
        let (file_key, selectors) = (OnceLock::new(), Selectors::default());
        Self { format, options, keys, previous, file_key, explicit, whole, selectors }
    }

    pub(crate) fn explicit(&self) -> Option<&Rule> {
        self.explicit.as_ref()
    }

    pub(crate) fn file_key(&self) -> Result<&FileKey, FileError> {
        let mut cause = None;
        let outcome = self.file_key.get_or_init(|| {
            (self.keys.file_key)().map_err(|error| {
                let text = error.to_string();
                cause = Some(error);
                text
            })
        });
        outcome.as_ref().map_err(|problem| {
            let mut error = FileError::new(Class::NoKey, "no data key could be made");
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

    fn selector(&self, rule: &Rule) -> Result<Arc<Selector>, FileError> {
        self.selectors.compiled(rule).map_err(settings)
    }

    fn mac_only(&self, is_profile: bool) -> bool {
        self.options.mac_only_encrypted.unwrap_or(is_profile)
    }

    pub(crate) fn piece(
        &self,
        piece: &Piece<'_>,
    ) -> Result<(Option<Vec<u8>>, EncryptReport), FileError> {
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
        check_back(self.format, piece, &bytes, &members, &self.selectors)?;
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
    pub(crate) fn shared_envelope(
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
}

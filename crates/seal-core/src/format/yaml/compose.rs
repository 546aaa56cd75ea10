//! Events → one flat tree per document, with the comments of each node beside it.
//!
//! Refuses what go-yaml refuses when it turns nodes into values: duplicate keys, tags that do not fit, aliases that
//! contain themselves or multiply without end.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::comments::Rows;
use super::event::{Event, EventKind, Properties, Remarks, take_foot};
use super::parser::Parser;
use super::resolve::{resolve, resolve_key};
use super::scanner::Scan;
use super::token::Mark;
use crate::document::{Content, Key, Node, NodeId, Scalar, Span, Style, Value};

mod aliases;

use aliases::{Anchor, Target};

/// Mappings with more keys are checked for duplicates through a set.
const FEW_KEYS: usize = 16;

/// A document in source order, comments not yet among the nodes.
pub(super) struct Composed<'c, 's> {
    pub(super) start: usize,
    /// To be drained: the next document is built in the same place.
    pub(super) nodes: &'c mut Vec<Node<'s>>,
    /// Of the node with the same index; empty where no node has any.
    pub(super) notes: &'c mut Vec<Option<Box<Notes>>>,
    /// Comments of the document as a whole.
    pub(super) remarks: Remarks,
    /// Aliases of this document or of later ones may mean nodes of this one.
    pub(super) anchored: bool,
}

/// Comments of a node and of its key.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) key: Remarks,
    pub(super) value: Remarks,
}

struct Frame<'s> {
    node: u32,
    mapping: bool,
    flow: bool,
    /// The value of a `<<` key.
    merged: bool,
    children: u32,
    last_child: Option<u32>,
    /// Where the last of the finished nodes below ends.
    reach: usize,
    anchor: Option<&'s str>,
    /// Value of [`Composer::weight`] when the collection began.
    weight_before: u64,
    key: Option<PendingKey<'s>>,
    keys: Option<HashSet<Cow<'s, str>>>,
    /// Names of aliases that are keys here. Two of one name are duplicates for go-yaml, whatever they stand for.
    alias_keys: Option<HashSet<&'s str>>,
}

struct PendingKey<'s> {
    key: Key<'s>,
    merge: bool,
    remarks: Option<Box<Remarks>>,
}

pub(super) struct Composer<'s> {
    pub(super) parser: Parser<'s>,
    /// Documents that are finished.
    documents: usize,
    anchors: HashMap<&'s str, Anchor<'s>>,
    anchored: bool,
    nodes: Vec<Node<'s>>,
    notes: Vec<Option<Box<Notes>>>,
    frames: Vec<Frame<'s>>,
    weight: u64,
    alias_weight: u64,
    copied: usize,
    pub(super) has_aliases: bool,
}

impl<'s> Composer<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self {
            parser: Parser::new(text),
            documents: 0,
            anchors: HashMap::new(),
            anchored: false,
            nodes: Vec::new(),
            notes: Vec::new(),
            frames: Vec::new(),
            weight: 0,
            alias_weight: 0,
            copied: 0,
            has_aliases: false,
        }
    }

    /// Reads the next document.
    pub(super) fn next_document(&mut self) -> Scan<Option<Composed<'_, 's>>> {
        loop {
            let event = self.parser.next_event()?;
            match event.kind {
                EventKind::StreamStart => {}
                EventKind::DocumentStart => return self.document(event).map(Some),
                _ => return Ok(None),
            }
        }
    }

    fn document(&mut self, start: Event<'s>) -> Scan<Composed<'_, 's>> {
        self.nodes.clear();
        self.notes.clear();
        self.anchored = false;
        self.weight = 0;
        self.alias_weight = 0;
        loop {
            let event = self.parser.next_event()?;
            let mark = event.mark;
            match event.kind {
                EventKind::DocumentEnd => {
                    self.check_expansion(mark)?;
                    let mut remarks = start.remarks.map(|remarks| *remarks).unwrap_or_default();
                    remarks.foot = event.remarks.map(|end| end.foot).unwrap_or_default();
                    let is_first = self.documents == 0;
                    self.documents += 1;
                    return Ok(Composed {
                        start: if is_first { 0 } else { start.span.start },
                        nodes: &mut self.nodes,
                        notes: &mut self.notes,
                        remarks,
                        anchored: self.anchored,
                    });
                }
                EventKind::Alias(name) => self.alias(name, event.span, mark, event.remarks)?,
                EventKind::Scalar { properties, value, style } => {
                    let token = ScalarToken { value, style, span: event.span, mark };
                    self.scalar(properties, token, event.remarks)?;
                }
                EventKind::SequenceStart { properties, flow } => {
                    let content = Content::Sequence { flow };
                    self.open(properties, content, event.span, mark, event.remarks)?;
                }
                EventKind::MappingStart { properties, flow } => {
                    let content = Content::Mapping { flow };
                    self.open(properties, content, event.span, mark, event.remarks)?;
                }
                EventKind::SequenceEnd | EventKind::MappingEnd => {
                    self.close(event.span, mark, event.remarks)?;
                }
                EventKind::StreamStart | EventKind::StreamEnd | EventKind::DocumentStart => {
                    return self.error(mark, "the document does not end");
                }
            }
        }
    }

    fn error<T>(&self, mark: Mark, problem: &str) -> Scan<T> {
        self.parser.scanner.error(mark, problem)
    }

    fn awaits_key(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.mapping && frame.key.is_none())
    }

    /// The comments of a node, made if there are none.
    fn notes(&mut self, id: u32) -> &mut Notes {
        if self.notes.len() <= id as usize {
            self.notes.resize_with(self.nodes.len(), || None);
        }
        self.notes[id as usize].get_or_insert_default()
    }

    fn has_notes(&self, id: u32) -> bool {
        self.notes.get(id as usize).is_some_and(Option::is_some)
    }

    fn scalar(
        &mut self,
        properties: Option<Box<Properties<'s>>>,
        token: ScalarToken<'s>,
        remarks: Option<Box<Remarks>>,
    ) -> Scan<()> {
        let ScalarToken { value: text, style, span, mark } = token;
        let Properties { anchor, tag } = properties.map(|found| *found).unwrap_or_default();
        self.weight = self.weight.saturating_add(1);
        if self.awaits_key() {
            let untagged = matches!(tag.as_deref(), None | Some("!" | "!!merge"));
            let plain_or_tagged = style == Style::Plain || tag.is_some();
            let merge = text == "<<" && untagged && plain_or_tagged;
            let encoded = (tag.as_deref() == Some("!!binary")).then(|| text.clone());
            let (text, is_string) = match resolve_key(tag.as_deref(), text, style) {
                Ok(key) => key,
                Err(problem) => return self.error(mark, &problem),
            };
            // go-yaml compares keys before it decodes them.
            if let Some(encoded) = encoded.filter(|encoded| *encoded != text)
                && !self.key_texts().insert(encoded)
            {
                return self.error(mark, "this key stands here twice");
            }
            if anchor.is_some() {
                // The entry's value is the next node, because keys that are collections are refused.
                let node = self.nodes.len() as u32;
                self.register(anchor, node, 1, Target::Key(text.clone(), is_string));
            }
            let key = Key { text, span, is_string };
            return self.key(PendingKey { key, merge, remarks }, mark);
        }
        let value = match resolve(tag.as_deref(), text, style) {
            Ok(value) => value,
            Err(problem) => return self.error(mark, &problem),
        };
        if anchor.is_some() {
            let target = match &value {
                Value::String(text) => Target::Scalar(text.clone(), true),
                _ => {
                    let source = &self.parser.scanner.text[span.range()];
                    Target::Scalar(Cow::Borrowed(source), false)
                }
            };
            self.register(anchor, self.nodes.len() as u32, 1, target);
        }
        let tag = tag.filter(|tag| &**tag != "!");
        let id = self.push(Content::Scalar(Scalar { style, value, tag }), span);
        self.check_merge(false, mark)?;
        self.finish_value(id, remarks);
        Ok(())
    }

    fn key(&mut self, mut pending: PendingKey<'s>, mark: Mark) -> Scan<()> {
        if self.is_duplicate(&pending.key) {
            let problem = format!("the key `{}` stands here twice", printable(&pending.key.text));
            return self.error(mark, &problem);
        }
        let frame = self.frames.last_mut().expect("a mapping awaits a key");
        // A foot in front of a key belongs to the entry before it.
        let previous = frame.last_child.filter(|_| !frame.flow);
        let foot = match previous {
            Some(_) => take_foot(&mut pending.remarks),
            None => Rows::new(),
        };
        frame.key = Some(pending);
        if let Some(previous) = previous.filter(|_| !foot.is_empty()) {
            self.notes(previous).key.foot = foot;
        }
        Ok(())
    }

    fn is_duplicate(&mut self, key: &Key<'s>) -> bool {
        let few = |frame: &Frame<'_>| frame.keys.is_none() && (frame.children as usize) < FEW_KEYS;
        match self.frames.last() {
            Some(frame) if few(frame) => {
                let below = &self.nodes[frame.node as usize + 1..];
                keys_of(below, frame.node).any(|sibling| sibling.text == key.text)
            }
            _ => !self.key_texts().insert(key.text.clone()),
        }
    }

    /// The keys of the open mapping as a set.
    fn key_texts(&mut self) -> &mut HashSet<Cow<'s, str>> {
        let frame = self.frames.last_mut().expect("a mapping awaits a key");
        frame.keys.get_or_insert_with(|| {
            let below = &self.nodes[frame.node as usize + 1..];
            let mut keys = HashSet::with_capacity(4 * FEW_KEYS);
            keys.extend(keys_of(below, frame.node).map(|sibling| sibling.text.clone()));
            keys
        })
    }

    fn open(
        &mut self,
        properties: Option<Box<Properties<'s>>>,
        content: Content<'s>,
        span: Span,
        mark: Mark,
        remarks: Option<Box<Remarks>>,
    ) -> Scan<()> {
        if self.awaits_key() {
            return self.error(mark, "a key has to be a plain or quoted text");
        }
        let weight_before = self.weight;
        self.weight = self.weight.saturating_add(1);
        let (mapping, flow) = match content {
            Content::Mapping { flow } => (true, flow),
            Content::Sequence { flow } => (false, flow),
            _ => (false, false),
        };
        let merged = self.value_is_merged();
        let in_merge_list = self.frames.last().is_some_and(|frame| !frame.mapping && frame.merged);
        if in_merge_list && !mapping {
            return self.error(mark, MERGE_PROBLEM);
        }
        let id = self.push(content, span);
        self.nodes[id as usize].end = UNFINISHED;
        let anchor = properties.and_then(|properties| properties.anchor);
        self.register(anchor, id, 0, if mapping { Target::Mapping } else { Target::Sequence });
        if let Some(remarks) = remarks.filter(|remarks| !remarks.is_empty()) {
            self.notes(id).value = *remarks;
        }
        self.frames.push(Frame {
            node: id,
            mapping,
            flow,
            merged: merged && !mapping,
            children: 0,
            last_child: None,
            reach: 0,
            anchor,
            weight_before,
            key: None,
            keys: None,
            alias_keys: None,
        });
        Ok(())
    }

    fn close(&mut self, span: Span, mark: Mark, mut remarks: Option<Box<Remarks>>) -> Scan<()> {
        let Some(frame) = self.frames.pop() else {
            return self.error(mark, "a collection ends that never began");
        };
        let id = frame.node;
        let end = NodeId(self.nodes.len() as u32);
        let node = &mut self.nodes[id as usize];
        let span_end = if frame.flow && span.end > node.span.start {
            span.end
        } else if frame.children > 0 {
            frame.reach
        } else {
            span.start
        };
        node.end = end;
        node.span.end = span_end.max(node.span.start);
        let reach = frame.reach.max(node.span.end);
        if let Some(parent) = self.frames.last_mut() {
            parent.reach = parent.reach.max(reach);
        }
        if let Some(name) = frame.anchor {
            let weight = self.weight - frame.weight_before;
            match self.anchors.get_mut(name) {
                Some(anchor) if anchor.document == self.documents && anchor.node == id => {
                    anchor.weight = weight;
                }
                _ => {}
            }
        }
        if frame.mapping
            && !frame.flow
            && let Some(last) = frame.last_child
        {
            let foot = take_foot(&mut remarks);
            if !foot.is_empty() {
                self.notes(last).key.foot = foot;
            }
        }
        // The comments from its beginning stay, those of its end come to them.
        if self.has_notes(id) {
            let mut own = std::mem::take(&mut self.notes(id).value);
            let (line, foot) = remarks.map(|end| (end.line, end.foot)).unwrap_or_default();
            own.line = line;
            own.foot = foot;
            remarks = Some(Box::new(own));
        } else if let Some(remarks) = &mut remarks {
            remarks.head = Rows::new();
        }
        self.finish_value(id, remarks);
        Ok(())
    }

    /// Adds a node below the open collection; its key is taken from there.
    fn push(&mut self, content: Content<'s>, span: Span) -> u32 {
        let id = self.nodes.len() as u32;
        let mut remarks = None;
        let mut node =
            Node { parent: None, key: None, position: 0, span, end: NodeId(id + 1), content };
        if let Some(frame) = self.frames.last_mut() {
            node.parent = Some(NodeId(frame.node));
            node.position = frame.children;
            frame.children += 1;
            frame.last_child = Some(id);
            if let Some(pending) = frame.key.take() {
                node.key = Some(pending.key);
                remarks = pending.remarks.filter(|remarks| !remarks.is_empty());
                frame.merged = pending.merge;
            }
        }
        self.nodes.push(node);
        if let Some(remarks) = remarks {
            self.notes(id).key = *remarks;
        }
        id
    }

    fn value_is_merged(&self) -> bool {
        self.frames.last().and_then(|frame| frame.key.as_ref()).is_some_and(|pending| pending.merge)
    }

    /// After a scalar or alias was pushed: `<<` takes mappings only, by themselves or in a list.
    fn check_merge(&self, is_mapping: bool, mark: Mark) -> Scan<()> {
        let merged = self.frames.last().is_some_and(|frame| frame.merged);
        if merged && !is_mapping { self.error(mark, MERGE_PROBLEM) } else { Ok(()) }
    }

    /// Records the comments of a finished value; its foot becomes its key's, as in go-yaml.
    fn finish_value(&mut self, id: u32, remarks: Option<Box<Remarks>>) {
        let mut in_mapping = false;
        if let Some(frame) = self.frames.last_mut() {
            in_mapping = frame.mapping;
            frame.merged &= !frame.mapping;
            frame.reach = frame.reach.max(self.nodes[id as usize].span.end);
        }
        let mut remarks = match remarks {
            Some(remarks) => *remarks,
            None if self.has_notes(id) => Remarks::default(),
            None => return,
        };
        let notes = self.notes(id);
        if in_mapping && notes.key.foot.is_empty() {
            notes.key.foot = std::mem::take(&mut remarks.foot);
        }
        notes.value = remarks;
    }
}

/// End of a collection that is still open.
const UNFINISHED: NodeId = NodeId(0);

const MERGE_PROBLEM: &str = "`<<` merges a mapping or a list of mappings";

/// The keys of the children of `parent`; `below` are all nodes behind it.
fn keys_of<'n, 's>(below: &'n [Node<'s>], parent: u32) -> impl Iterator<Item = &'n Key<'s>> {
    let first = parent as usize + 1;
    let mut next = first;
    std::iter::from_fn(move || {
        let node = below.get(next - first)?;
        next = node.end.index();
        Some(node.key.as_ref())
    })
    .flatten()
}

struct ScalarToken<'s> {
    value: Cow<'s, str>,
    style: Style,
    span: Span,
    mark: Mark,
}

/// A key for a message: control characters escaped, not longer than a line.
fn printable(key: &str) -> String {
    let mut text: String = key.chars().take(60).flat_map(char::escape_debug).collect();
    if key.chars().count() > 60 {
        text.push('…');
    }
    text
}

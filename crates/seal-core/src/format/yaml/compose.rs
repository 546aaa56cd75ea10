//! Events → one flat tree per document, with the comments of each node beside it.
//!
//! Refuses what go-yaml refuses when it turns nodes into values: duplicate keys, tags that do not fit, aliases that
//! contain themselves or multiply without end.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::parser::{Event, EventKind, Parser, Properties, Remarks};
use super::resolve::{resolve, short_tag};
use super::scanner::Scan;
use super::token::Mark;
use crate::document::{Content, Key, Node, NodeId, Scalar, Span, Style, Value};

/// Mappings with more keys are checked for duplicates through a set.
const FEW_KEYS: usize = 16;

/// A document in source order, comments not yet among the nodes.
pub(super) struct Composed<'s> {
    pub(super) start: usize,
    pub(super) nodes: Vec<Node<'s>>,
    pub(super) notes: HashMap<u32, Notes>,
    /// Comments of the document as a whole.
    pub(super) remarks: Remarks,
}

/// Comments of a node and of its key.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) key: Remarks,
    pub(super) value: Remarks,
}

#[derive(Clone)]
struct Anchor<'s> {
    document: usize,
    node: u32,
    /// Nodes and keys below it, aliases expanded.
    weight: u64,
    /// The anchor stands on the key of the node: the key's text, and whether it is a string.
    key: Option<(Cow<'s, str>, bool)>,
}

struct Frame<'s> {
    node: u32,
    mapping: bool,
    flow: bool,
    anchor: Option<&'s str>,
    /// Value of [`Composer::weight`] when the collection began.
    weight_before: u64,
    children: u32,
    last_child: Option<u32>,
    key: Option<PendingKey<'s>>,
    keys: Option<HashSet<Cow<'s, str>>>,
    /// The value of a `<<` key.
    merged: bool,
}

struct PendingKey<'s> {
    key: Key<'s>,
    merge: bool,
    remarks: Remarks,
}

pub(super) struct Composer<'s> {
    pub(super) parser: Parser<'s>,
    pub(super) documents: Vec<Composed<'s>>,
    anchors: HashMap<&'s str, Anchor<'s>>,
    nodes: Vec<Node<'s>>,
    notes: HashMap<u32, Notes>,
    frames: Vec<Frame<'s>>,
    weight: u64,
    alias_weight: u64,
    pub(super) has_aliases: bool,
}

impl<'s> Composer<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self {
            parser: Parser::new(text),
            documents: Vec::new(),
            anchors: HashMap::new(),
            nodes: Vec::new(),
            notes: HashMap::new(),
            frames: Vec::new(),
            weight: 0,
            alias_weight: 0,
            has_aliases: false,
        }
    }

    /// Reads all documents.
    pub(super) fn compose(&mut self) -> Scan<()> {
        loop {
            let event = self.parser.next_event()?;
            match event.kind {
                EventKind::StreamStart => {}
                EventKind::DocumentStart => {
                    let document = self.document(event)?;
                    self.documents.push(document);
                }
                _ => return Ok(()),
            }
        }
    }

    fn document(&mut self, start: Event<'s>) -> Scan<Composed<'s>> {
        self.weight = 0;
        self.alias_weight = 0;
        loop {
            let event = self.parser.next_event()?;
            let mark = event.mark;
            match event.kind {
                EventKind::DocumentEnd => {
                    self.check_expansion(mark)?;
                    let mut remarks = start.remarks;
                    remarks.foot = event.remarks.foot;
                    return Ok(Composed {
                        start: if self.documents.is_empty() { 0 } else { start.span.start },
                        nodes: std::mem::take(&mut self.nodes),
                        notes: std::mem::take(&mut self.notes),
                        remarks,
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
                    return self.parser.scanner.error(mark, "the document does not end");
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

    fn alias(&mut self, name: &'s str, span: Span, mark: Mark, remarks: Remarks) -> Scan<()> {
        let Some(anchor) = self.anchors.get(name).cloned() else {
            return self.error(mark, &format!("there is no anchor `&{name}` above this alias"));
        };
        self.has_aliases = true;
        self.weight = self.weight.saturating_add(anchor.weight + 1);
        self.alias_weight = self.alias_weight.saturating_add(anchor.weight);
        let mut is_mapping = false;
        let mut key_text = anchor.key.clone();
        if anchor.key.is_none() {
            let document = self.documents.get(anchor.document);
            let nodes = document.map_or(&self.nodes, |document| &document.nodes);
            let target = &nodes[anchor.node as usize];
            if target.end.0 == 0 {
                return self.error(mark, &format!("the alias `*{name}` contains itself"));
            }
            is_mapping = matches!(target.content, Content::Mapping { .. });
            if let Content::Scalar(scalar) = &target.content {
                key_text = Some(match &scalar.value {
                    Value::String(text) => (Cow::Owned(text.to_string()), true),
                    _ => (Cow::Borrowed(&self.parser.scanner.text[target.span.range()]), false),
                });
            }
        }
        if self.awaits_key() {
            let Some((text, is_string)) = key_text else {
                return self.error(mark, "a key has to be a plain or quoted text");
            };
            let key = Key { text, span, is_string };
            return self.key(PendingKey { key, merge: false, remarks }, mark);
        }
        let (document, node) = (anchor.document, NodeId(anchor.node));
        let id = self.push(Content::Alias { document, node, of_key: anchor.key.is_some() }, span);
        self.check_merge(is_mapping, mark)?;
        self.finish_value(id, remarks);
        Ok(())
    }

    fn scalar(
        &mut self,
        properties: Properties<'s>,
        token: ScalarToken<'s>,
        remarks: Remarks,
    ) -> Scan<()> {
        let ScalarToken { value: text, style, span, mark } = token;
        let tag = properties.tag.map(short_tag);
        self.weight = self.weight.saturating_add(1);
        if self.awaits_key() {
            let untagged = matches!(tag.as_deref(), None | Some("!" | "!!merge"));
            let plain_or_tagged = style == Style::Plain || tag.is_some();
            let merge = text == "<<" && untagged && plain_or_tagged;
            let value = match resolve(tag.as_deref(), text.clone(), style) {
                Ok(value) => value,
                Err(problem) => return self.error(mark, &problem),
            };
            let (text, is_string) = match value {
                Value::String(text) => (text, true),
                _ => (text, false),
            };
            if let Some(name) = properties.anchor {
                let document = self.documents.len();
                // The entry's value is the next node, because keys that are collections are refused.
                let node = self.nodes.len() as u32;
                let key = Some((text.clone(), is_string));
                self.anchors.insert(name, Anchor { document, node, weight: 1, key });
            }
            let key = Key { text, span, is_string };
            return self.key(PendingKey { key, merge, remarks }, mark);
        }
        let value = match resolve(tag.as_deref(), text, style) {
            Ok(value) => value,
            Err(problem) => return self.error(mark, &problem),
        };
        let tag = tag.filter(|tag| tag != "!");
        let id = self.push(Content::Scalar(Scalar { style, value, tag }), span);
        self.register(properties.anchor, id, 1);
        self.check_merge(false, mark)?;
        self.finish_value(id, remarks);
        Ok(())
    }

    fn register(&mut self, anchor: Option<&'s str>, id: u32, weight: u64) {
        if let Some(name) = anchor {
            let document = self.documents.len();
            self.anchors.insert(name, Anchor { document, node: id, weight, key: None });
        }
    }

    fn key(&mut self, mut pending: PendingKey<'s>, mark: Mark) -> Scan<()> {
        if self.is_duplicate(&pending.key.text) {
            let problem = format!("the key `{}` stands here twice", printable(&pending.key.text));
            return self.error(mark, &problem);
        }
        let frame = self.frames.last_mut().expect("a mapping awaits a key");
        if !frame.flow && !pending.remarks.foot.is_empty() {
            // A foot in front of a key belongs to the entry before it.
            if let Some(previous) = frame.last_child {
                let foot = std::mem::take(&mut pending.remarks.foot);
                self.notes.entry(previous).or_default().key.foot = foot;
            }
        }
        frame.key = Some(pending);
        Ok(())
    }

    fn is_duplicate(&mut self, text: &Cow<'s, str>) -> bool {
        let Some(frame) = self.frames.last_mut() else {
            return false;
        };
        if let Some(keys) = &mut frame.keys {
            return !keys.insert(text.clone());
        }
        let mut found = false;
        let mut child = frame.node as usize + 1;
        while child < self.nodes.len() {
            let node = &self.nodes[child];
            found |= node.key.as_ref().is_some_and(|key| key.text == *text);
            child = node.end.index();
        }
        if frame.children as usize >= FEW_KEYS {
            let mut keys = HashSet::with_capacity(4 * FEW_KEYS);
            let mut child = frame.node as usize + 1;
            while child < self.nodes.len() {
                let node = &self.nodes[child];
                keys.extend(node.key.as_ref().map(|key| key.text.clone()));
                child = node.end.index();
            }
            keys.insert(text.clone());
            frame.keys = Some(keys);
        }
        found
    }

    fn open(
        &mut self,
        properties: Properties<'s>,
        content: Content<'s>,
        span: Span,
        mark: Mark,
        remarks: Remarks,
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
        self.nodes[id as usize].end = NodeId(0);
        self.register(properties.anchor, id, 0);
        if !remarks.is_empty() {
            self.notes.entry(id).or_default().value = remarks;
        }
        self.frames.push(Frame {
            node: id,
            mapping,
            flow,
            anchor: properties.anchor,
            weight_before,
            children: 0,
            last_child: None,
            key: None,
            keys: None,
            merged: merged && !mapping,
        });
        Ok(())
    }

    fn close(&mut self, span: Span, mark: Mark, mut remarks: Remarks) -> Scan<()> {
        let Some(frame) = self.frames.pop() else {
            return self.error(mark, "a collection ends that never began");
        };
        let id = frame.node;
        let end = NodeId(self.nodes.len() as u32);
        let span_end = if frame.flow && span.end > self.nodes[id as usize].span.start {
            span.end
        } else {
            self.nodes[id as usize + 1..]
                .iter()
                .map(|node| node.span.end)
                .max()
                .unwrap_or(span.start)
        };
        let node = &mut self.nodes[id as usize];
        node.end = end;
        node.span.end = span_end.max(node.span.start);
        if let Some(name) = frame.anchor {
            let weight = self.weight - frame.weight_before;
            let document = self.documents.len();
            match self.anchors.get_mut(name) {
                Some(anchor) if anchor.document == document && anchor.node == id => {
                    anchor.weight = weight;
                }
                _ => {}
            }
        }
        if frame.mapping
            && !frame.flow
            && !remarks.foot.is_empty()
            && let Some(last) = frame.last_child
        {
            let foot = std::mem::take(&mut remarks.foot);
            self.notes.entry(last).or_default().key.foot = foot;
        }
        let mut own = self.notes.get_mut(&id).map(|notes| std::mem::take(&mut notes.value));
        let own = own.get_or_insert_with(Remarks::default);
        own.line = remarks.line;
        own.foot = remarks.foot;
        let own = std::mem::take(own);
        self.finish_value(id, own);
        Ok(())
    }

    /// Adds a node below the open collection; its key is taken from there.
    fn push(&mut self, content: Content<'s>, span: Span) -> u32 {
        let id = self.nodes.len() as u32;
        let mut node =
            Node { parent: None, key: None, position: 0, span, end: NodeId(id + 1), content };
        if let Some(frame) = self.frames.last_mut() {
            node.parent = Some(NodeId(frame.node));
            node.position = frame.children;
            frame.children += 1;
            frame.last_child = Some(id);
            if let Some(pending) = frame.key.take() {
                node.key = Some(pending.key);
                if !pending.remarks.is_empty() {
                    self.notes.entry(id).or_default().key = pending.remarks;
                }
                frame.merged = pending.merge;
            }
        }
        self.nodes.push(node);
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
    fn finish_value(&mut self, id: u32, mut remarks: Remarks) {
        let in_mapping = self.frames.last().is_some_and(|frame| frame.mapping);
        if let Some(frame) = self.frames.last_mut()
            && frame.mapping
        {
            frame.merged = false;
        }
        if remarks.is_empty() && !self.notes.contains_key(&id) {
            return;
        }
        let notes = self.notes.entry(id).or_default();
        if in_mapping && notes.key.foot.is_empty() {
            notes.key.foot = std::mem::take(&mut remarks.foot);
        }
        notes.value = remarks;
    }

    /// go-yaml's guard against a few anchors that multiply into millions of values.
    fn check_expansion(&self, mark: Mark) -> Scan<()> {
        const LOW: f64 = 400_000.0;
        const HIGH: f64 = 4_000_000.0;
        if self.alias_weight <= 100 || self.weight <= 1000 {
            return Ok(());
        }
        let weight = self.weight as f64;
        let allowed = if weight <= LOW {
            0.99
        } else if weight >= HIGH {
            0.10
        } else {
            0.99 - 0.89 * ((weight - LOW) / (HIGH - LOW))
        };
        if self.alias_weight as f64 / weight > allowed {
            return self.error(mark, "the aliases of this document multiply without end");
        }
        Ok(())
    }
}

const MERGE_PROBLEM: &str = "`<<` merges a mapping or a list of mappings";

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
